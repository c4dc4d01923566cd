package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// keyHeaders are those of a customer's key.
func keyHeaders(b byte) (algorithm, key, sum *string) {
	raw := []byte(strings.Repeat(string(rune(b)), 32))
	digest := md5.Sum(raw)
	return aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(raw)), aws.String(base64.StdEncoding.EncodeToString(digest[:]))
}

// What a customer's key was named for is written and read with that key alone.
func TestCustomerKey(t *testing.T) {
	s, ctx := start(t, Options{}), t.Context()
	alg, key, sum := keyHeaders('a')
	_, other, otherSum := keyHeaders('b')
	bucket, k := aws.String("bucket"), aws.String("k")
	for _, by := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmCrc64nvme} {
		up := must[*s3.CreateMultipartUploadOutput](t)(s.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: bucket, Key: k, SSECustomerAlgorithm: alg, SSECustomerKey: key, SSECustomerKeyMD5: sum, ChecksumAlgorithm: by,
		}))
		part := func() *s3.UploadPartInput {
			return &s3.UploadPartInput{Bucket: bucket, Key: k, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("body"), ChecksumAlgorithm: by}
		}
		_, err := s.UploadPart(ctx, part())
		wantCode(t, err, "InvalidRequest")
		in := part()
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = alg, other, otherSum
		_, err = s.UploadPart(ctx, in)
		wantCode(t, err, "AccessDenied")
		in = part()
		in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = alg, key, sum
		out := must[*s3.UploadPartOutput](t)(s.UploadPart(ctx, in))
		if body := md5.Sum([]byte("body")); strings.Trim(*out.ETag, `"`) == hex.EncodeToString(body[:]) {
			t.Error("the ETag is an MD5")
		}
		_, err = s.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: bucket, Key: k, UploadId: up.UploadId, PartNumber: aws.Int32(2), CopySource: aws.String("bucket/k")})
		wantCode(t, err, "InvalidRequest")
		listed, err := s.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: k, UploadId: up.UploadId})
		complete := &s3.CompleteMultipartUploadInput{
			Bucket: bucket, Key: k, UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: out.ETag}}},
		}
		if by != "" { // then these two need it as well
			wantCode(t, err, "InvalidRequest")
			_, err = s.CompleteMultipartUpload(ctx, complete)
			wantCode(t, err, "InvalidRequest")
			complete.SSECustomerAlgorithm, complete.SSECustomerKey, complete.SSECustomerKeyMD5 = alg, key, sum
		} else if err != nil || len(listed.Parts) != 1 {
			t.Errorf("%+v, %v", listed, err)
		}
		must[*s3.CompleteMultipartUploadOutput](t)(s.CompleteMultipartUpload(ctx, complete))
		_, err = s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: k})
		wantCode(t, err, "InvalidRequest")
		_, err = s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: k, SSECustomerAlgorithm: alg, SSECustomerKey: other, SSECustomerKeyMD5: otherSum})
		wantCode(t, err, "AccessDenied")
		must[*s3.GetObjectOutput](t)(s.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: k, SSECustomerAlgorithm: alg, SSECustomerKey: key, SSECustomerKeyMD5: sum}))
	}
}

// What S3 does not take together is refused.
func TestEncryptionsTogether(t *testing.T) {
	s := start(t, Options{})
	alg, key, sum := keyHeaders('a')
	for _, in := range []*s3.PutObjectInput{
		{SSECustomerAlgorithm: alg, SSECustomerKey: key, SSECustomerKeyMD5: sum, ServerSideEncryption: types.ServerSideEncryptionAes256},
		{SSEKMSKeyId: aws.String("k")},
		{SSEKMSKeyId: aws.String("k"), ServerSideEncryption: types.ServerSideEncryptionAes256},
		{ACL: "nobody"},
	} {
		in.Bucket, in.Key, in.Body = aws.String("bucket"), aws.String("k"), strings.NewReader("body")
		_, err := s.PutObject(t.Context(), in)
		wantCode(t, err, "InvalidArgument")
		if err != nil && strings.HasSuffix(err.Error(), ": ") {
			t.Errorf("%v has no message", err)
		}
	}
	_, err := s.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("body"), GrantRead: aws.String(`emailaddress="a@b.c"`),
	})
	if err != nil {
		t.Error(err)
	}
}
