package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
)

// checks is what a store does with checksums. The zero value does as S3.
type checks struct {
	// refuses is the code of the error to a request that has one; in refusesOp alone
	// where that is not empty.
	refuses, refusesOp string
	// ignores says that the store has never heard of them.
	ignores bool
	// answers takes the place of each sum in an answer.
	answers string
	// opaque says that no ETag is an MD5, as with KMS.
	opaque bool
	// mute says that HEAD does not know of the parts of an object, lists that
	// GetObjectAttributes does.
	mute, lists bool
}

// facts is what a store has of an object besides its bytes.
type facts struct {
	by    checksum.Algorithm // empty: no checksum
	parts []int              // sizes; none of an object that came whole
	meta  map[string]string
}

// sumsIn are the sums of a request, by their algorithm.
func sumsIn(in any) map[checksum.Algorithm]string {
	sums := map[checksum.Algorithm]string{}
	v := reflect.ValueOf(in).Elem()
	for _, by := range checksum.Algorithms() {
		if p, ok := reflect.TypeAssert[*string](v.FieldByName("Checksum" + string(by))); ok && p != nil {
			sums[by] = *p
		}
	}
	if f := v.FieldByName("ContentMD5"); f.IsValid() && !f.IsNil() {
		sums[checksum.ByMD5] = *f.Interface().(*string)
	}
	return sums
}

// setSum puts a sum into an answer.
func (s *store) setSum(out any, by checksum.Algorithm, text string, form types.ChecksumType) {
	if by == "" || text == "" || by == checksum.ByMD5 {
		return
	}
	if s.answers != "" {
		text = s.answers
	}
	v := reflect.ValueOf(out).Elem()
	v.FieldByName("Checksum" + string(by)).Set(reflect.ValueOf(&text))
	if f := v.FieldByName("ChecksumType"); f.IsValid() {
		f.Set(reflect.ValueOf(form))
	}
}

func sumOf(by checksum.Algorithm, b []byte) checksum.Sum {
	h := checksum.New(by)
	h.Add(b)
	return h.Sum()
}

func (s *store) refusal(op string) error {
	if s.refuses != "" && (s.refusesOp == "" || s.refusesOp == op) {
		return apiError(op, s.refuses)
	}
	return nil
}

// read reads a body that must have its length and exactly one sum with it.
func (s *store) read(op string, body io.Reader, in any, length *int64) ([]byte, checksum.Algorithm, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, "", err
	}
	if length == nil || *length != int64(len(b)) {
		return nil, "", apiError(op, "IncompleteBody")
	}
	sums := sumsIn(in)
	if len(sums) != 1 {
		return nil, "", errors.New("a body has one sum, this one: " + fmt.Sprint(sums))
	}
	for by, sum := range sums {
		if by != checksum.ByMD5 {
			if err := s.refusal(op); err != nil {
				return nil, "", err
			}
			if s.ignores {
				return b, "", nil
			}
		}
		if sum != sumOf(by, b).String() {
			return nil, "", apiError(op, "BadDigest")
		}
		return b, by, nil
	}
	panic("unreachable")
}

// tag is the ETag of the object of that name. The caller has the lock.
func (s *store) tag(key string) string {
	b, f := s.objects[key], s.facts[key]
	tag := ""
	if len(f.parts) > 0 {
		tag = s.once(b, fmt.Sprint("tag ", f.parts), func() string { return checksum.MultipartETag(sumsOf(checksum.ByMD5, b, f.parts)) })
	} else {
		tag = s.etag(b)
	}
	if s.opaque {
		digits := []byte(tag)
		slices.Reverse(digits[:32])
		tag = string(digits)
	}
	return tag
}

// once remembers what it takes long to sum up: objects are not written over.
func (s *store) once(b []byte, what string, sum func() string) string {
	if len(b) == 0 {
		return sum()
	}
	key := fmt.Sprintf("%p %d %s", &b[0], len(b), what)
	text, ok := s.summed[key]
	if !ok {
		text = sum()
		s.summed[key] = text
	}
	return text
}

// sumsOf are those of parts of these sizes.
func sumsOf(by checksum.Algorithm, b []byte, sizes []int) []checksum.Sum {
	var sums []checksum.Sum
	for _, n := range sizes {
		sums = append(sums, sumOf(by, b[:n]))
		b = b[n:]
	}
	return sums
}

// describe fills in what HEAD and GET say of an object, and of which part.
func (s *store) describe(key string, mode types.ChecksumMode, part *int32, out any) {
	b := s.objects[key]
	f, said := s.facts[key]
	if !said {
		f.by = checksum.ByCRC64NVME
	}
	v := reflect.ValueOf(out).Elem()
	v.FieldByName("ETag").Set(reflect.ValueOf(aws.String(`"` + s.tag(key) + `"`)))
	v.FieldByName("Metadata").Set(reflect.ValueOf(f.meta))
	if s.opaque {
		v.FieldByName("ServerSideEncryption").Set(reflect.ValueOf(types.ServerSideEncryptionAwsKms))
	}
	if part != nil && len(f.parts) > 0 && !s.mute {
		v.FieldByName("ContentLength").Set(reflect.ValueOf(aws.Int64(int64(f.parts[*part-1]))))
		v.FieldByName("PartsCount").Set(reflect.ValueOf(aws.Int32(int32(len(f.parts)))))
		return
	}
	if mode != types.ChecksumModeEnabled || f.by == "" || s.ignores {
		return
	}
	if len(f.parts) > 0 && !f.by.FullObject() {
		text := s.once(b, fmt.Sprint(f.by, f.parts), func() string { return checksum.Composite(sumsOf(f.by, b, f.parts)) })
		s.setSum(out, f.by, text, types.ChecksumTypeComposite)
		return
	}
	text := s.once(b, string(f.by), func() string { return sumOf(f.by, b).String() })
	s.setSum(out, f.by, text, types.ChecksumTypeFullObject)
}

func (s *store) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, _ ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	if err := s.begin(ctx, "GetObjectAttributes"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := s.facts[*in.Key].parts
	if !s.lists || len(parts) == 0 {
		return &s3.GetObjectAttributesOutput{}, nil
	}
	listed := &s3.GetObjectAttributesOutput{ObjectParts: &types.GetObjectAttributesParts{TotalPartsCount: aws.Int32(int32(len(parts)))}}
	after, _ := strconv.Atoi(aws.ToString(in.PartNumberMarker))
	for i, n := range parts[after:min(len(parts), after+int(*in.MaxParts))] {
		listed.ObjectParts.Parts = append(listed.ObjectParts.Parts, types.ObjectPart{
			PartNumber: aws.Int32(int32(after + i + 1)), Size: aws.Int64(int64(n)),
		})
	}
	return listed, nil
}

// completed makes an object of parts as S3 does, with all that it holds against
// them.
func (s *store) completed(in *s3.CompleteMultipartUploadInput) (*s3.CompleteMultipartUploadOutput, error) {
	const op = "CompleteMultipartUpload"
	up, f := s.uploads[*in.UploadId], s.facts[*in.UploadId]
	if up == nil {
		return nil, apiError(op, "NoSuchUpload")
	}
	f.parts = nil
	var b []byte
	for i, p := range in.MultipartUpload.Parts {
		sums := sumsIn(&p)
		part := up[*p.PartNumber]
		if *p.PartNumber != int32(i+1) {
			return nil, apiError(op, "InvalidPart")
		}
		if len(sums) > 0 || in.ChecksumType != "" {
			if err := s.refusal(op); err != nil {
				return nil, err
			}
		}
		if f.by != "" && !s.ignores && (len(sums) != 1 || sums[f.by] != sumOf(f.by, part).String()) {
			return nil, apiError(op, "BadDigest") // also where the part has changed since
		}
		b = append(b, part...)
		f.parts = append(f.parts, len(part))
	}
	if f.by != "" && !s.ignores {
		if in.MpuObjectSize == nil || *in.MpuObjectSize != int64(len(b)) || in.ChecksumType != typeOf(f.by) {
			return nil, apiError(op, "InvalidRequest")
		}
		if whole := sumsIn(in)[f.by]; f.by.FullObject() && whole != sumOf(f.by, b).String() {
			return nil, apiError(op, "BadDigest")
		}
	}
	s.objects[*in.Key], s.facts[*in.Key] = b, f
	delete(s.uploads, *in.UploadId)
	out := &s3.CompleteMultipartUploadOutput{}
	head := &s3.HeadObjectOutput{}
	s.describe(*in.Key, types.ChecksumModeEnabled, nil, head)
	out.ETag, out.ServerSideEncryption, out.ChecksumType = head.ETag, head.ServerSideEncryption, head.ChecksumType
	out.ChecksumCRC64NVME, out.ChecksumCRC32, out.ChecksumCRC32C = head.ChecksumCRC64NVME, head.ChecksumCRC32, head.ChecksumCRC32C
	out.ChecksumSHA1, out.ChecksumSHA256 = head.ChecksumSHA1, head.ChecksumSHA256
	return out, nil
}

// clearSums takes the sums out of an answer.
func clearSums(out any) {
	v := reflect.ValueOf(out).Elem()
	for _, by := range checksum.Algorithms() {
		v.FieldByName("Checksum" + string(by)).SetZero()
	}
	if f := v.FieldByName("ChecksumType"); f.IsValid() {
		f.SetZero()
	}
}
