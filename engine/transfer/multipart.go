package transfer

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
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
func (t *Transfer) uploadParts(ctx context.Context, f *os.File, was stamp, dst Object) (bool, error) {
	partSize, err := PartSize(was.size, t.PartSize)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.Name(), err)
	}
	parts := (was.size + partSize - 1) / partSize
	atOnce := min(int64(t.PartsAtOnce), parts)
	if err := t.crowd.Acquire(ctx, atOnce); err != nil {
		return false, err
	}
	defer t.crowd.Release(atOnce)
	c := &partClient{Objects: t.Client, t: t, file: f, was: was, dst: dst, sums: make([]checksum.CRC64NVME, parts)}
	err = t.parts.upload(ctx, c, f, was.size, partSize, int(atOnce), dst)
	return c.verified, err
}

// partClient is the client of one upload in parts. It reads each part once into
// budgeted memory, sums it up, and sees to it that no half upload stays behind.
type partClient struct {
	wire.Objects
	t    *Transfer
	file *os.File
	was  stamp
	dst  Object
	// sums are those of the parts, each written by the one request that sends it.
	sums []checksum.CRC64NVME
	// verified says that the store has the sum of the whole.
	verified bool
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
	part, ok := in.Body.(*io.SectionReader)
	number := int(aws.ToInt32(in.PartNumber))
	if !ok || number < 1 || number > len(c.sums) {
		return nil, fmt.Errorf("UploadPart: part %d of %d is not one of the file", number, len(c.sums))
	}
	var p payload
	if err := c.t.load(ctx, &p, part); err != nil {
		return nil, err
	}
	defer p.release()
	p.begin = func() error { return context.Cause(ctx) } // none is begun after that
	late, cancel := delayed(ctx, partGrace)
	defer cancel()
	in.Body = &p.body
	in.ContentLength = aws.Int64(p.crc.Size)
	in.ChecksumCRC64NVME = aws.String(p.crc.String())
	out, err := c.Objects.UploadPart(late, in, opts...)
	if err == nil {
		_, err = compare(fmt.Sprintf("UploadPart %d", number), c.dst.Bucket, c.dst.Key, p.crc, out.ChecksumCRC64NVME, "")
	}
	if err != nil {
		p.takeBack()
		return nil, err
	}
	c.sums[number-1] = p.crc
	return out, nil
}

// CompleteMultipartUpload refuses to make an object of a file that is not what
// it was when it was opened, or of another number of parts than the file has:
// manager counts them only afterwards. It sends the sum of the whole, which S3
// holds against what it has.
func (c *partClient) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.was.unchanged(c.file); err != nil {
		return nil, err
	}
	whole, err := c.whole(in.MultipartUpload)
	if err != nil {
		return nil, err
	}
	in.ChecksumType = types.ChecksumTypeFullObject
	in.ChecksumCRC64NVME = aws.String(whole.String())
	in.MpuObjectSize = aws.Int64(c.was.size)
	out, err := c.Objects.CompleteMultipartUpload(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	c.verified, err = compare("CompleteMultipartUpload", c.dst.Bucket, c.dst.Key, whole, out.ChecksumCRC64NVME, out.ChecksumType)
	return out, err
}

// whole counts the parts that an object is to be made of, and returns the sum of
// all of them.
func (c *partClient) whole(upload *types.CompletedMultipartUpload) (checksum.CRC64NVME, error) {
	var sum checksum.CRC64NVME
	inOrder := upload != nil && len(upload.Parts) == len(c.sums)
	for i := 0; inOrder && i < len(c.sums); i++ {
		inOrder = int(aws.ToInt32(upload.Parts[i].PartNumber)) == i+1 && c.sums[i].Size > 0
		sum = sum.Then(c.sums[i])
	}
	if !inOrder || sum.Size != c.was.size {
		return sum, fmt.Errorf("CompleteMultipartUpload s3://%s/%s: not all of the %d parts were sent", c.dst.Bucket, c.dst.Key, len(c.sums))
	}
	return sum, nil
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
	// Also one that was cut off for want of progress, or lost a race.
	for _, wait := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond} {
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
