package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// answer is what an answer of the store says of the contents of an object, or of
// a part.
type answer struct {
	crc64nvme, crc32c, crc32, sha256, sha1 *string

	form types.ChecksumType
	etag *string
	// opaque says that the ETag is no MD5, as under a key of KMS or the customer's
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
	opaque bool
}

// header is what stands in the header of an algorithm; empty where it is not there.
func (a *answer) header(by checksum.Algorithm) string {
	switch by {
	case checksum.ByCRC64NVME:
		return aws.ToString(a.crc64nvme)
	case checksum.ByCRC32C:
		return aws.ToString(a.crc32c)
	case checksum.ByCRC32:
		return aws.ToString(a.crc32)
	case checksum.BySHA256:
		return aws.ToString(a.sha256)
	case checksum.BySHA1:
		return aws.ToString(a.sha1)
	}
	return ""
}

// whole is the header of an algorithm where it is that of all the bytes, and not
// one of the sums of parts: such a one has "-N" behind it.
func (a *answer) whole(by checksum.Algorithm) string {
	header := a.header(by)
	if a.form == types.ChecksumTypeComposite || strings.Contains(header, "-") {
		return ""
	}
	return header
}

func opaque(sse types.ServerSideEncryption, customer *string) bool {
	return sse == types.ServerSideEncryptionAwsKms || sse == types.ServerSideEncryptionAwsKmsDsse || customer != nil
}

func ofPut(o *s3.PutObjectOutput) answer {
	return answer{
		o.ChecksumCRC64NVME, o.ChecksumCRC32C, o.ChecksumCRC32, o.ChecksumSHA256, o.ChecksumSHA1,
		o.ChecksumType, o.ETag, opaque(o.ServerSideEncryption, o.SSECustomerAlgorithm),
	}
}

func ofPart(o *s3.UploadPartOutput) answer {
	return answer{
		o.ChecksumCRC64NVME, o.ChecksumCRC32C, o.ChecksumCRC32, o.ChecksumSHA256, o.ChecksumSHA1,
		"", o.ETag, opaque(o.ServerSideEncryption, o.SSECustomerAlgorithm),
	}
}

// ofListed is for a part that ListParts tells of. What encrypts it is not said
// there: an ETag that differs from its MD5 says nothing.
func ofListed(p *types.Part) answer {
	return answer{p.ChecksumCRC64NVME, p.ChecksumCRC32C, p.ChecksumCRC32, p.ChecksumSHA256, p.ChecksumSHA1, "", p.ETag, false}
}

func ofComplete(o *s3.CompleteMultipartUploadOutput) answer {
	return answer{
		o.ChecksumCRC64NVME, o.ChecksumCRC32C, o.ChecksumCRC32, o.ChecksumSHA256, o.ChecksumSHA1,
		o.ChecksumType, o.ETag, opaque(o.ServerSideEncryption, nil),
	}
}

func ofGet(o *s3.GetObjectOutput) answer {
	return answer{
		o.ChecksumCRC64NVME, o.ChecksumCRC32C, o.ChecksumCRC32, o.ChecksumSHA256, o.ChecksumSHA1,
		o.ChecksumType, o.ETag, opaque(o.ServerSideEncryption, o.SSECustomerAlgorithm),
	}
}

func ofHead(o *s3.HeadObjectOutput) answer {
	return answer{
		o.ChecksumCRC64NVME, o.ChecksumCRC32C, o.ChecksumCRC32, o.ChecksumSHA256, o.ChecksumSHA1,
		o.ChecksumType, o.ETag, opaque(o.ServerSideEncryption, o.SSECustomerAlgorithm),
	}
}

// headers are the places for sums in a request, by algorithm; nil where it has none.
type headers struct{ crc64nvme, crc32c, crc32, sha256, sha1, md5 **string }

// set puts a sum into the header of its algorithm, and takes out all others.
func (h headers) set(by checksum.Algorithm, text *string) {
	for _, place := range [...]struct {
		by checksum.Algorithm
		at **string
	}{
		{checksum.ByCRC64NVME, h.crc64nvme},
		{checksum.ByCRC32C, h.crc32c},
		{checksum.ByCRC32, h.crc32},
		{checksum.BySHA256, h.sha256},
		{checksum.BySHA1, h.sha1},
		{checksum.ByMD5, h.md5},
	} {
		if place.at == nil {
			continue
		}
		*place.at = nil
		if place.by == by {
			*place.at = text
		}
	}
}

// sumOfPut has a request carry a sum in the header of its algorithm.
func sumOfPut(in *s3.PutObjectInput, by checksum.Algorithm, text *string) {
	headers{
		&in.ChecksumCRC64NVME, &in.ChecksumCRC32C, &in.ChecksumCRC32, &in.ChecksumSHA256, &in.ChecksumSHA1, &in.ContentMD5,
	}.set(by, text)
}

// sumOfPart is sumOfPut for a part.
func sumOfPart(in *s3.UploadPartInput, by checksum.Algorithm, text *string) {
	in.ChecksumAlgorithm = ""
	headers{
		&in.ChecksumCRC64NVME, &in.ChecksumCRC32C, &in.ChecksumCRC32, &in.ChecksumSHA256, &in.ChecksumSHA1, &in.ContentMD5,
	}.set(by, text)
}

// sumOfCompleted puts the sum of a part into the list of those that an object is
// made of; nil takes out what there is.
func sumOfCompleted(p *types.CompletedPart, by checksum.Algorithm, text *string) {
	headers{
		&p.ChecksumCRC64NVME, &p.ChecksumCRC32C, &p.ChecksumCRC32, &p.ChecksumSHA256, &p.ChecksumSHA1, nil,
	}.set(by, text)
}

// sumOfComplete adds the sum of the whole, which there is of a CRC alone.
func sumOfComplete(in *s3.CompleteMultipartUploadInput, by checksum.Algorithm, text *string) {
	in.ChecksumSHA256, in.ChecksumSHA1 = nil, nil
	headers{crc64nvme: &in.ChecksumCRC64NVME, crc32c: &in.ChecksumCRC32C, crc32: &in.ChecksumCRC32}.set(by, text)
}

// typeOf is the kind of sum that an object in parts is to have.
func typeOf(by checksum.Algorithm) types.ChecksumType {
	if by.FullObject() {
		return types.ChecksumTypeFullObject
	}
	return types.ChecksumTypeComposite
}

// differs is the error of two sums that are not the same: it wraps [ErrChecksum]
// and names the operation, the object, the algorithm and both sums.
func differs(op string, obj Object, by checksum.Algorithm, here, there string) error {
	return fmt.Errorf("%s s3://%s/%s: %w: %s is %s here, %q in the store", op, obj.Bucket, obj.Key, ErrChecksum, by, here, there)
}

// same holds the sum of the whole of what was sent, or of a part of it, against
// that of the store. It says false where the store has none of that algorithm.
func (a *answer) same(op string, obj Object, here checksum.Sum) (bool, error) {
	header := a.whole(here.Algorithm)
	if header == "" {
		return false, nil
	}
	if !here.Is(header) { // also where it is none at all
		return false, differs(op, obj, here.Algorithm, here.String(), header)
	}
	return true, nil
}

// sameMD5 says that the ETag is the MD5 of what was sent. One that differs may
// be none, of a store that has its own.
func (a *answer) sameMD5(here checksum.Sum) bool {
	if a.opaque || here.Algorithm != checksum.ByMD5 {
		return false
	}
	etag, parts, ok := checksum.ParseETag(aws.ToString(a.etag), here.Size)
	return ok && parts == 0 && etag == here
}

// refusedBody gives the store's refusal of a body whose sum was another one
// when it arrived, however often it was sent, the words of [ErrChecksum].
func refusedBody(op string, obj Object, by checksum.Algorithm, here string, err error) error {
	switch wire.Code(err) {
	case "BadDigest", "XAmzContentChecksumMismatch":
		if !errors.Is(err, ErrChecksum) {
			return fmt.Errorf("%s s3://%s/%s: %w: %s is %s here, the store found another: %w", op, obj.Bucket, obj.Key, ErrChecksum, by, here, err)
		}
	}
	return err
}
