package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/walker/bucket"
)

// Policy says how often and after how long a request is sent again.
type Policy struct {
	// Attempts is the most attempts of one request; 0 means 5, as aws s3.
	Attempts int
	// Base and Cap bound the wait before attempt n+1, drawn evenly from 0 to
	// min(Cap, Base * 2^n): full jitter
	// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
	// 0 means 200 ms and 10 s.
	Base, Cap time.Duration
	// OnRetry is told of each failed attempt that is followed by another; nil
	// tells nobody.
	OnRetry func(op string, err error)
	// OnAttempt is told of each attempt that has ended; nil tells nobody.
	OnAttempt func(op string, took time.Duration, err error)
}

// Attempts puts retries and slots around a client: the one place where either
// is done. A slot is free while a retry waits for its time.
func Attempts(c Client, gate Gate, p Policy) Client {
	if p.Attempts <= 0 {
		p.Attempts = 5
	}
	if p.Base <= 0 {
		p.Base = 200 * time.Millisecond
	}
	if p.Cap <= 0 {
		p.Cap = 10 * time.Second
	}
	return &attempts{next: c, gate: gate, Policy: p}
}

type attempts struct {
	Policy
	next Client
	gate Gate
}

// Retryable says whether a request that failed with err may succeed when it is
// sent again: throttling, time-outs, 5xx, connections that broke.
func Retryable(err error) bool {
	switch Code(err) {
	case "InternalError", "ServiceUnavailable", "SlowDown": // also inside of a 200
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

// do runs one operation to its end. body is what call sends, or nil. Where
// keep is true and the call succeeds, the slot stays taken: who calls do gives
// it back.
func (a *attempts) do(ctx context.Context, op string, body io.Reader, keep bool, call func() error) (Slot, error) {
	var start int64
	seeker, _ := body.(io.Seeker)
	if seeker != nil {
		var err error
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	for n := 0; ; n++ {
		slot, err := a.gate.Acquire(ctx, Ask{})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, withCause(ctx, err))
		}
		began := time.Now()
		err = call()
		if a.OnAttempt != nil {
			a.OnAttempt(op, time.Since(began), err)
		}
		if err == nil && keep {
			return slot, nil
		}
		slot.Release(Outcome{})
		if err != nil && ctx.Err() != nil {
			return nil, withCause(ctx, err)
		}
		// S3 has found a body damaged on the way; here it is as it was.
		damaged := body != nil && Code(err) == "BadDigest"
		if err == nil || n+1 >= a.Attempts || !damaged && !Retryable(err) {
			return nil, err
		}
		if body != nil && seeker == nil {
			return nil, errors.Join(err, fmt.Errorf("%s: %w", op, errNotSeekable))
		}
		if seeker != nil {
			if _, serr := seeker.Seek(start, io.SeekStart); serr != nil {
				return nil, errors.Join(err, fmt.Errorf("%s: %w", op, serr))
			}
		}
		if a.OnRetry != nil {
			a.OnRetry(op, err)
		}
		if serr := sleep(ctx, max(a.backoff(n), retryAfter(err))); serr != nil {
			return nil, err
		}
	}
}

// longestPause bounds what a store may ask for with Retry-After.
const longestPause = time.Minute

// retryAfter is how long the store asks to be left alone: seconds, or a date
// (RFC 9110, 10.2.3).
func retryAfter(err error) time.Duration {
	re, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || re.Response == nil {
		return 0
	}
	value := re.Response.Header.Get("Retry-After")
	if value == "" {
		return 0
	}
	pause := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		pause = time.Until(at)
	}
	return max(0, min(pause, longestPause))
}

// withCause says why ctx ended, where err only says that it did.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(err, ctx.Err()) && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

func (a *attempts) backoff(n int) time.Duration {
	limit := min(a.Cap, a.Base<<min(n, 20))
	return time.Duration(rand.Int64N(int64(limit) + 1))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// operation is do for calls that return something.
func operation[O any](ctx context.Context, a *attempts, op string, body io.Reader, call func() (O, error)) (O, error) {
	var out O
	_, err := a.do(ctx, op, body, false, func() (err error) {
		out, err = call()
		return err
	})
	return out, err
}

func (a *attempts) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return operation(ctx, a, "PutObject", in.Body, func() (*s3.PutObjectOutput, error) { return a.next.PutObject(ctx, in, opts...) })
}

func (a *attempts) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	return operation(ctx, a, "UploadPart", in.Body, func() (*s3.UploadPartOutput, error) { return a.next.UploadPart(ctx, in, opts...) })
}

func (a *attempts) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return operation(ctx, a, "HeadObject", nil, func() (*s3.HeadObjectOutput, error) { return a.next.HeadObject(ctx, in, opts...) })
}

func (a *attempts) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return operation(ctx, a, "CreateMultipartUpload", nil, func() (*s3.CreateMultipartUploadOutput, error) {
		return a.next.CreateMultipartUpload(ctx, in, opts...)
	})
}

func (a *attempts) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return operation(ctx, a, "CompleteMultipartUpload", nil, func() (*s3.CompleteMultipartUploadOutput, error) {
		return a.next.CompleteMultipartUpload(ctx, in, opts...)
	})
}

func (a *attempts) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	return operation(ctx, a, "AbortMultipartUpload", nil, func() (*s3.AbortMultipartUploadOutput, error) {
		return a.next.AbortMultipartUpload(ctx, in, opts...)
	})
}

func (a *attempts) ListParts(ctx context.Context, in *s3.ListPartsInput, opts ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	return operation(ctx, a, "ListParts", nil, func() (*s3.ListPartsOutput, error) { return a.next.ListParts(ctx, in, opts...) })
}

// GetObject keeps its slot until the body has been read to its end or closed:
// until then the request is under way. What breaks in the body is for the
// caller to ask for again.
func (a *attempts) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	var out *s3.GetObjectOutput
	slot, err := a.do(ctx, "GetObject", nil, true, func() (err error) {
		out, err = a.next.GetObject(ctx, in, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Body = &slotBody{ReadCloser: out.Body, slot: slot}
	return out, nil
}

// slotBody gives a slot back once, at the end of a body or when it is closed.
// As any io.ReadCloser it is used by one goroutine at a time.
type slotBody struct {
	io.ReadCloser
	slot Slot
}

func (b *slotBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *slotBody) Close() error {
	err := b.ReadCloser.Close()
	b.release()
	return err
}

func (b *slotBody) release() {
	if b.slot != nil {
		b.slot.Release(Outcome{})
		b.slot = nil
	}
}

func (a *attempts) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	_, err := a.do(ctx, "ListObjectsV2", nil, false, func() error { return a.next.ListObjects(ctx, req, into) })
	return err
}

func (a *attempts) ListVersions(ctx context.Context, req bucket.VersionsRequest, into *bucket.Page) error {
	_, err := a.do(ctx, "ListObjectVersions", nil, false, func() error { return a.next.ListVersions(ctx, req, into) })
	return err
}

func (a *attempts) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID) ([]DeleteFailure, error) {
	return operation(ctx, a, "DeleteObjects", nil, func() ([]DeleteFailure, error) { return a.next.DeleteObjects(ctx, bucket, ids) })
}

func (a *attempts) DeleteObject(ctx context.Context, bucket string, id ObjectID) error {
	_, err := a.do(ctx, "DeleteObject", nil, false, func() error { return a.next.DeleteObject(ctx, bucket, id) })
	return err
}

func (a *attempts) HeadBucket(ctx context.Context, bucket string) error {
	_, err := a.do(ctx, "HeadBucket", nil, false, func() error { return a.next.HeadBucket(ctx, bucket) })
	return err
}

func (a *attempts) CreateBucket(ctx context.Context, bucket string) error {
	_, err := a.do(ctx, "CreateBucket", nil, false, func() error { return a.next.CreateBucket(ctx, bucket) })
	return err
}

func (a *attempts) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := a.do(ctx, "DeleteBucket", nil, false, func() error { return a.next.DeleteBucket(ctx, bucket) })
	return err
}

func (a *attempts) ListBuckets(ctx context.Context) ([]BucketInfo, error) {
	return operation(ctx, a, "ListBuckets", nil, func() ([]BucketInfo, error) { return a.next.ListBuckets(ctx) })
}

func (a *attempts) CloseIdle() { a.next.CloseIdle() }
