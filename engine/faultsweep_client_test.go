package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

// blow is what goes wrong with a request.
type blow string

const (
	reset         blow = "reset"
	internal      blow = "500"
	slowDown      blow = "503"
	timeOut       blow = "time-out"
	denied        blow = "denied"
	badDigest     blow = "bad digest"
	wrongChecksum blow = "wrong checksum"
	shortBody     blow = "short body"
	lostAnswer    blow = "lost answer"
)

func blows() []blow {
	return []blow{reset, internal, slowDown, timeOut, denied, badDigest, wrongChecksum, shortBody, lostAnswer}
}

// passes says that such a request is worth being sent again, and has to succeed
// then. The sum of a whole object is what its parts came to: it would be the same
// again.
func (k blow) passes(op string) bool {
	return k != denied && k != wrongChecksum && (k != badDigest || op != "CompleteMultipartUpload")
}

// saboteur is a client on which one request fails: the one of that index, and for
// good each that asks for the same.
type saboteur struct {
	wire.Client
	at   int // 1 is the first
	kind blow
	good bool

	mu     sync.Mutex
	n      int
	struck string // what it was, "PutObject a"
	op     string
	key    string
	hit    int
}

func (c *saboteur) Unwrap() wire.Client { return c.Client }

// strikes says whether this request is to fail. may are the kinds that mean
// something to it beside those that mean something to all.
func (c *saboteur) strikes(op, key, part string, may ...blow) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	what := op + " " + key + part
	if c.struck == "" && c.n == c.at {
		c.struck, c.op, c.key = what, op, key
	} else if !c.good || what != c.struck {
		return false
	}
	switch c.kind {
	case badDigest, wrongChecksum, shortBody:
		if !slices.Contains(may, c.kind) {
			return false
		}
	}
	c.hit++
	return true
}

// err is that of a request that came to nothing, as the real clients have it.
func (k blow) err(op string) error {
	api := func(code, message string) error {
		return &wire.APIError{Op: op, Code: code, Message: message, RequestID: "sweep"}
	}
	way := func(err error) error {
		return &smithy.OperationError{ServiceID: "S3", OperationName: op, Err: &net.OpError{Op: "read", Net: "tcp", Err: err}}
	}
	switch k {
	case internal:
		return api("InternalError", "We encountered an internal error. Please try again.")
	case slowDown:
		return api("SlowDown", "Please reduce your request rate.")
	case timeOut:
		return way(os.ErrDeadlineExceeded)
	case denied:
		return api("AccessDenied", "Access Denied")
	case badDigest:
		return api("BadDigest", "The CRC64NVME you specified did not match the calculated checksum.")
	}
	return way(os.NewSyscallError("read", syscall.ECONNRESET))
}

// strike carries out one request, or has it fail. damage alters an answer.
func strike[T any](c *saboteur, op string, key, part string, send func() (T, error), damage func(T), may ...blow) (T, error) {
	var none T
	if !c.strikes(op, key, part, may...) {
		return send()
	}
	switch c.kind {
	case lostAnswer:
		out, err := send()
		if err != nil {
			return none, err
		}
		if got, ok := any(out).(*s3.GetObjectOutput); ok { // nobody will read it
			err = got.Body.Close()
		}
		if err != nil {
			return none, err
		}
	case wrongChecksum, shortBody:
		out, err := send()
		if err == nil {
			damage(out)
		}
		return out, err
	}
	return none, c.kind.err(op)
}

// other is a sum that no content of the sweep has.
const other = "AAAAAAAAAAE="

func spoil(sums ...**string) {
	for _, sum := range sums {
		if *sum != nil {
			*sum = aws.String(other)
		}
	}
}

func nothing[T any](T) {}

func (c *saboteur) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return strike(c, "PutObject", *in.Key, "", func() (*s3.PutObjectOutput, error) { return c.Client.PutObject(ctx, in, opts...) },
		func(out *s3.PutObjectOutput) { spoil(&out.ChecksumCRC64NVME) }, badDigest, wrongChecksum)
}

func (c *saboteur) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return strike(c, "GetObject", *in.Key, aws.ToString(in.Range), func() (*s3.GetObjectOutput, error) {
		return c.Client.GetObject(ctx, in, opts...)
	}, func(out *s3.GetObjectOutput) {
		if c.kind == shortBody {
			out.Body = &cut{ReadCloser: out.Body, left: aws.ToInt64(out.ContentLength) / 2}
			return
		}
		spoil(&out.ChecksumCRC64NVME)
	}, wrongChecksum, shortBody)
}

// cut is a body that breaks off.
type cut struct {
	io.ReadCloser
	left int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *saboteur) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return strike(c, "HeadObject", *in.Key, "", func() (*s3.HeadObjectOutput, error) { return c.Client.HeadObject(ctx, in, opts...) },
		func(out *s3.HeadObjectOutput) { spoil(&out.ChecksumCRC64NVME) }, wrongChecksum)
}

func (c *saboteur) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return strike(c, "CreateMultipartUpload", *in.Key, "", func() (*s3.CreateMultipartUploadOutput, error) {
		return c.Client.CreateMultipartUpload(ctx, in, opts...)
	}, nothing)
}

func (c *saboteur) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	return strike(c, "UploadPart", *in.Key, fmt.Sprint(*in.PartNumber), func() (*s3.UploadPartOutput, error) { return c.Client.UploadPart(ctx, in, opts...) },
		func(out *s3.UploadPartOutput) { spoil(&out.ChecksumCRC64NVME) }, badDigest, wrongChecksum)
}

func (c *saboteur) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return strike(c, "CompleteMultipartUpload", *in.Key, "", func() (*s3.CompleteMultipartUploadOutput, error) {
		return c.Client.CompleteMultipartUpload(ctx, in, opts...)
	}, func(out *s3.CompleteMultipartUploadOutput) { spoil(&out.ChecksumCRC64NVME) }, badDigest, wrongChecksum)
}

func (c *saboteur) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	return strike(c, "AbortMultipartUpload", *in.Key, "", func() (*s3.AbortMultipartUploadOutput, error) {
		return c.Client.AbortMultipartUpload(ctx, in, opts...)
	}, nothing)
}

func (c *saboteur) ListParts(ctx context.Context, in *s3.ListPartsInput, opts ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	return strike(c, "ListParts", *in.Key, "", func() (*s3.ListPartsOutput, error) { return c.Client.ListParts(ctx, in, opts...) }, nothing)
}

func (c *saboteur) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	return strike(c, "CopyObject", *in.Key, "", func() (*s3.CopyObjectOutput, error) { return c.Client.CopyObject(ctx, in, opts...) },
		func(out *s3.CopyObjectOutput) {
			if out.CopyObjectResult != nil {
				spoil(&out.CopyObjectResult.ChecksumCRC64NVME)
			}
		}, wrongChecksum)
}

func (c *saboteur) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, opts ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	return strike(c, "UploadPartCopy", *in.Key, fmt.Sprint(*in.PartNumber), func() (*s3.UploadPartCopyOutput, error) { return c.Client.UploadPartCopy(ctx, in, opts...) },
		func(out *s3.UploadPartCopyOutput) {
			if out.CopyPartResult != nil {
				spoil(&out.CopyPartResult.ChecksumCRC64NVME)
			}
		}, wrongChecksum)
}

func (c *saboteur) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, opts ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	return strike(c, "GetObjectAttributes", *in.Key, "", func() (*s3.GetObjectAttributesOutput, error) { return c.Client.GetObjectAttributes(ctx, in, opts...) },
		func(out *s3.GetObjectAttributesOutput) {
			if out.Checksum != nil {
				spoil(&out.Checksum.ChecksumCRC64NVME)
			}
		}, wrongChecksum)
}

func (c *saboteur) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, opts ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	return strike(c, "GetObjectTagging", *in.Key, "", func() (*s3.GetObjectTaggingOutput, error) { return c.Client.GetObjectTagging(ctx, in, opts...) }, nothing)
}

// done is strike for what answers nothing but an error.
func (c *saboteur) done(op, key string, send func() error) error {
	_, err := strike(c, op, key, "", func() (struct{}, error) { return struct{}{}, send() }, nothing)
	return err
}

func (c *saboteur) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	return c.done("ListObjectsV2", "", func() error { return c.Client.ListObjects(ctx, req, into) })
}

func (c *saboteur) ListVersions(ctx context.Context, req bucket.VersionsRequest, into *bucket.Page) error {
	return c.done("ListObjectVersions", "", func() error { return c.Client.ListVersions(ctx, req, into) })
}

// DeleteObjects refuses the first key alone, where a store would.
func (c *saboteur) DeleteObjects(ctx context.Context, name string, ids []wire.ObjectID, o wire.DeleteOptions) ([]wire.DeleteFailure, error) {
	const op = "DeleteObjects"
	if c.kind != denied && c.kind != internal {
		return strike(c, op, "", "", func() ([]wire.DeleteFailure, error) { return c.Client.DeleteObjects(ctx, name, ids, o) }, nothing)
	}
	if !c.strikes(op, ids[0].Key, "") {
		return c.Client.DeleteObjects(ctx, name, ids, o)
	}
	var failed []wire.DeleteFailure
	var err error
	if len(ids) > 1 {
		failed, err = c.Client.DeleteObjects(ctx, name, ids[1:], o)
	}
	if api, ok := errors.AsType[*wire.APIError](c.kind.err(op)); ok {
		failed = append(failed, wire.DeleteFailure{ObjectID: wire.ObjectID{Key: ids[0].Key, VersionID: ids[0].VersionID}, Err: api})
	}
	return failed, err
}

func (c *saboteur) DeleteObject(ctx context.Context, name string, id wire.ObjectID, o wire.DeleteOptions) error {
	return c.done("DeleteObject", id.Key, func() error { return c.Client.DeleteObject(ctx, name, id, o) })
}

func (c *saboteur) ListUploads(ctx context.Context, req wire.UploadsRequest) (*wire.UploadsPage, error) {
	return strike(c, "ListMultipartUploads", "", "", func() (*wire.UploadsPage, error) { return c.Client.ListUploads(ctx, req) }, nothing)
}

func (c *saboteur) Versioning(ctx context.Context, name string) (wire.VersioningState, error) {
	return strike(c, "GetBucketVersioning", "", "", func() (wire.VersioningState, error) { return c.Client.Versioning(ctx, name) }, nothing)
}

func (c *saboteur) ObjectLock(ctx context.Context, name string) (bool, error) {
	return strike(c, "GetObjectLockConfiguration", "", "", func() (bool, error) { return c.Client.ObjectLock(ctx, name) }, nothing)
}

func (c *saboteur) HeadBucket(ctx context.Context, name string) error {
	return c.done("HeadBucket", "", func() error { return c.Client.HeadBucket(ctx, name) })
}

func (c *saboteur) Region(ctx context.Context, name string) (string, error) {
	return strike(c, "GetBucketLocation", "", "", func() (string, error) { return c.Client.Region(ctx, name) }, nothing)
}
