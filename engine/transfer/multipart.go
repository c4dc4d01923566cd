package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// quickly bounds the clean-up after Ctrl-C: a person waits for it.
	quickly = 1500 * time.Millisecond
	// partGrace is what parts that are being sent get to end by themselves when
	// ctx has ended. A part that is cut off when all of it has been sent may
	// still be taken by the store, after the upload was aborted.
	partGrace = 700 * time.Millisecond
	// patiently bounds it where the upload failed by itself.
	patiently = 15 * time.Second
)

// uploadParts sends a file in parts.
func (t *Transfer) uploadParts(ctx context.Context, f *os.File, was stamp, dst Object) error {
	partSize, err := PartSize(was.size, t.PartSize)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	atOnce := int(min(int64(t.PartsAtOnce), (was.size+partSize-1)/partSize))
	if err := t.crowd.Acquire(ctx, int64(atOnce)); err != nil {
		return err
	}
	defer t.crowd.Release(int64(atOnce))
	return t.parts.upload(ctx, &partClient{Objects: t.Client, t: t, file: f, was: was}, f, was.size, partSize, atOnce, dst)
}

// partClient is the client of one upload in parts. It reads each part once into
// budgeted memory, sums it up, and sees to it that no half upload stays behind.
type partClient struct {
	wire.Objects
	t    *Transfer
	file *os.File
	was  stamp
	// cut says that a part was cut off while it was being sent.
	cut atomic.Bool
}

// CreateMultipartUpload is not cut off by the end of ctx at once: an upload
// whose id nobody has learnt cannot be removed.
func (c *partClient) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in.ChecksumType = types.ChecksumTypeFullObject
	late, cancel := delayed(ctx, quickly)
	defer cancel()
	return c.Objects.CreateMultipartUpload(late, in, opts...)
}

// UploadPart takes the bytes before the slot: what holds a slot never waits for
// memory.
func (c *partClient) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	part, ok := in.Body.(io.ReadSeeker)
	if !ok {
		return nil, errors.New("UploadPart: the part cannot be read twice")
	}
	size, err := part.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = part.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("UploadPart: %w", err)
	}
	content, sum, release, err := c.t.load(ctx, part, size)
	if err != nil {
		return nil, err
	}
	defer release()
	content.begin = func() error { return context.Cause(ctx) } // none is begun after that
	late, cancel := delayed(ctx, partGrace)
	defer cancel()
	in.Body = content
	in.ContentLength = aws.Int64(size)
	in.ChecksumCRC64NVME = aws.String(sum)
	out, err := c.Objects.UploadPart(late, in, opts...)
	if err != nil {
		content.progress(-content.at)
		if late.Err() != nil {
			c.cut.Store(true)
		}
	}
	return out, err
}

// CompleteMultipartUpload refuses to make an object of a file that is not what
// it was when it was opened.
func (c *partClient) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.was.unchanged(c.file); err != nil {
		return nil, err
	}
	in.ChecksumType = types.ChecksumTypeFullObject
	in.MpuObjectSize = aws.Int64(c.was.size)
	return c.Objects.CompleteMultipartUpload(ctx, in, opts...)
}

// AbortMultipartUpload runs also where ctx has ended: manager calls it with the
// context whose end made it fail.
func (c *partClient) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	limit := patiently
	if ctx.Err() != nil {
		limit = quickly
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	// A part that was still on its way when the upload was aborted is kept, and
	// paid for, until it is aborted once more
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
	waits := []time.Duration{0}
	if c.cut.Load() {
		waits = []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond}
	}
	for _, wait := range waits {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := c.abort(ctx, in, opts...); err != nil {
			return nil, err
		}
	}
	return &s3.AbortMultipartUploadOutput{}, nil
}

// abort aborts until the upload has no part left.
func (c *partClient) abort(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) error {
	for range 3 {
		_, err := c.Objects.AbortMultipartUpload(ctx, in, opts...)
		if wire.Code(err) == "NoSuchUpload" {
			return nil
		}
		if err != nil {
			return err
		}
		left, err := c.ListParts(ctx, &s3.ListPartsInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, MaxParts: aws.Int32(1),
		})
		if err != nil || len(left.Parts) == 0 {
			return nil
		}
	}
	return fmt.Errorf("AbortMultipartUpload: parts of upload %s to %s are still there", aws.ToString(in.UploadId), aws.ToString(in.Key))
}

// delayed returns a context that ends grace after ctx does.
func delayed(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { t.Stop() })
	})
	return late, func() {
		stop()
		cancel(context.Canceled)
	}
}
