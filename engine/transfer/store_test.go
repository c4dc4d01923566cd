package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// store is a small S3 in memory, for faults that a real server cannot be told
// to make. before is called ahead of each operation; its error is the answer.
// answer and answered may change what is returned.
type store struct {
	wire.Objects // nil: what is not below is not asked for
	checks

	mu      sync.Mutex
	objects map[string][]byte
	facts   map[string]facts // by key or upload id; of what is not here S3 has made a CRC64NVME
	uploads map[string]map[int32][]byte
	keys    map[string]string // of the uploads
	etags   map[*byte]string  // by where the object is; none is written over
	summed  map[string]string // see once
	calls   []string
	before  func(op string, n int) error
	answer  func(in *s3.GetObjectInput, out *s3.GetObjectOutput)
	// answered gets a pointer to the output of any other operation.
	answered func(out any)
	// forgetful is a store that knows no conditions.
	forgetful bool
}

func (s *store) change(out any) {
	if s.answered != nil {
		s.answered(out)
	}
}

func newStore() *store {
	return &store{objects: map[string][]byte{}, facts: map[string]facts{}, summed: map[string]string{}, uploads: map[string]map[int32][]byte{}, keys: map[string]string{}, etags: map[*byte]string{}}
}

func (s *store) begin(ctx context.Context, op string) error {
	s.mu.Lock()
	n := len(s.calls)
	s.calls = append(s.calls, op)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(op, n); err != nil {
			return &smithy.OperationError{ServiceID: "S3", OperationName: op, Err: err}
		}
	}
	return ctx.Err()
}

func apiError(op, code string) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: op, Err: &smithy.GenericAPIError{Code: code, Message: code}}
}

func (s *store) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := s.begin(ctx, "PutObject"); err != nil {
		return nil, err
	}
	b, by, err := s.read("PutObject", in.Body, in, in.ContentLength)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.objects[*in.Key]; there && in.IfNoneMatch != nil {
		return nil, apiError("PutObject", "PreconditionFailed")
	}
	s.objects[*in.Key], s.facts[*in.Key] = b, facts{by: by, meta: in.Metadata}
	out := &s3.PutObjectOutput{ETag: aws.String(`"` + s.tag(*in.Key) + `"`)}
	if s.opaque {
		out.ServerSideEncryption = types.ServerSideEncryptionAwsKms
	}
	s.setSum(out, by, sumsIn(in)[by], types.ChecksumTypeFullObject)
	s.change(out)
	return out, nil
}

func (s *store) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	if err := s.begin(ctx, "CreateMultipartUpload"); err != nil {
		return nil, err
	}
	if in.ChecksumAlgorithm != "" {
		if err := s.refusal("CreateMultipartUpload"); err != nil {
			return nil, err
		}
		if in.ChecksumType != typeOf(checksum.Algorithm(in.ChecksumAlgorithm)) {
			return nil, apiError("CreateMultipartUpload", "InvalidRequest")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint("upload-", len(s.calls))
	f := facts{by: checksum.Algorithm(in.ChecksumAlgorithm), meta: in.Metadata}
	if s.refusesOp == "UploadPart" { // it has read over it
		f.by = ""
	}
	s.facts[id] = f
	s.uploads[id] = map[int32][]byte{}
	s.keys[id] = *in.Key
	return &s3.CreateMultipartUploadOutput{UploadId: aws.String(id)}, nil
}

func (s *store) UploadPart(ctx context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	if err := s.begin(ctx, "UploadPart"); err != nil {
		return nil, err
	}
	b, by, err := s.read("UploadPart", in.Body, in, in.ContentLength)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uploads[*in.UploadId] == nil {
		return nil, apiError("UploadPart", "NoSuchUpload")
	}
	s.uploads[*in.UploadId][*in.PartNumber] = b
	out := &s3.UploadPartOutput{ETag: aws.String(`"` + s.etag(b) + `"`)}
	if s.opaque {
		out.ServerSideEncryption = types.ServerSideEncryptionAwsKms
	}
	s.setSum(out, by, sumsIn(in)[by], "")
	s.change(out)
	return out, nil
}

func (s *store) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := s.begin(ctx, "CompleteMultipartUpload"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.objects[*in.Key]; there && in.IfNoneMatch != nil {
		return nil, apiError("CompleteMultipartUpload", "PreconditionFailed")
	}
	out, err := s.completed(in)
	if err == nil {
		s.change(out)
	}
	return out, err
}

func (s *store) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, _ ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	if err := s.begin(ctx, "AbortMultipartUpload"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, *in.UploadId)
	return &s3.AbortMultipartUploadOutput{}, nil
}

func (s *store) ListParts(ctx context.Context, in *s3.ListPartsInput, _ ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	if err := s.begin(ctx, "ListParts"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uploads[*in.UploadId] == nil {
		return nil, apiError("ListParts", "NoSuchUpload")
	}
	return &s3.ListPartsOutput{Parts: make([]types.Part, len(s.uploads[*in.UploadId]))}, nil
}

// etag remembers what it has summed up: an MD5 of a large object takes longer
// than all the rest of a test. The caller has the lock.
func (s *store) etag(b []byte) string {
	if len(b) == 0 {
		return etag(b)
	}
	tag, ok := s.etags[&b[0]]
	if !ok {
		tag = etag(b)
		s.etags[&b[0]] = tag
	}
	return tag
}

func etag(b []byte) string { sum := md5.Sum(b); return hex.EncodeToString(sum[:]) }

func (s *store) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if err := s.begin(ctx, "HeadObject"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.objects[*in.Key]
	if !ok {
		return nil, apiError("HeadObject", "NotFound")
	}
	if in.IfMatch != nil && !s.forgetful && strings.Trim(*in.IfMatch, `"`) != s.tag(*in.Key) {
		return nil, apiError("HeadObject", "PreconditionFailed")
	}
	out := &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(b)))}
	s.describe(*in.Key, in.ChecksumMode, in.PartNumber, out)
	s.change(out)
	return out, nil
}

func (s *store) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if err := s.begin(ctx, "GetObject"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.objects[*in.Key]
	if !ok {
		return nil, apiError("GetObject", "NoSuchKey")
	}
	if in.IfMatch != nil && !s.forgetful && strings.Trim(*in.IfMatch, `"`) != s.tag(*in.Key) {
		return nil, apiError("GetObject", "PreconditionFailed")
	}
	out := &s3.GetObjectOutput{LastModified: aws.Time(time.Unix(1_700_000_000, 0))}
	mode := in.ChecksumMode
	if in.Range != nil {
		mode = ""
	}
	s.describe(*in.Key, mode, nil, out)
	if in.Range != nil {
		var from, to int64
		if _, err := fmt.Sscanf(*in.Range, "bytes=%d-%d", &from, &to); err != nil || to >= int64(len(b)) {
			return nil, apiError("GetObject", "InvalidRange")
		}
		out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", from, to, len(b)))
		b = b[from : to+1]
	}
	out.ContentLength = aws.Int64(int64(len(b)))
	out.Body = io.NopCloser(bytes.NewReader(b))
	if s.answer != nil {
		s.answer(in, out)
	}
	return out, nil
}

// open lists the uploads that were neither completed nor aborted.
func (s *store) open() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id := range s.uploads {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

func (s *store) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == op {
			n++
		}
	}
	return n
}

var errFault = errors.New("injected fault")

// cut is a body that breaks after n bytes.
type cut struct {
	io.Reader
	n int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.n <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Reader.Read(p[:min(int64(len(p)), c.n)])
	c.n -= int64(n)
	return n, err
}
func (c *cut) Close() error { return nil }
