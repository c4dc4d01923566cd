package transfer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
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
func (t *Transfer) uploadParts(ctx context.Context, f *os.File, was stamp, dst Object) (Result, error) {
	partSize, err := PartSize(was.size, t.PartSize)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	parts := (was.size + partSize - 1) / partSize
	atOnce := min(int64(t.PartsAtOnce), parts)
	if err := t.crowd.Acquire(ctx, atOnce); err != nil {
		return Result{}, err
	}
	defer t.crowd.Release(atOnce)
	for again := false; ; again = true {
		c := &partClient{Objects: t.Client, t: t, file: f, was: was, dst: dst, sums: t.newPartSums(dst, was.size, parts)}
		done, err := c.takeUp(ctx, partSize)
		if err != nil {
			return Result{}, err
		}
		if done != nil {
			return *done, nil
		}
		err = t.parts.upload(ctx, c, f, was.size, partSize, int(atOnce), dst)
		if c.prior.journaled && (err == nil || wire.Code(err) == "NoSuchUpload") {
			t.Journal.Forget(c.prior.record.ID)
		}
		if !again && wire.Code(err) == "NoSuchUpload" {
			// Somebody has aborted it, and nothing of it is there any more.
			t.Resumed(-c.resumed.Load())
			t.Progress(-c.sent.Load())
			continue
		}
		return c.res, err
	}
}

// takeUp finds out what an interrupted run has left of the upload.
func (c *partClient) takeUp(ctx context.Context, partSize int64) (done *Result, err error) {
	path, err := filepath.Abs(c.file.Name())
	if err != nil {
		return nil, err
	}
	c.prior, done, err = c.t.takeUp(ctx, journal.Record{
		ID:     journal.ID{Kind: journal.Upload, Bucket: c.dst.Bucket, Key: c.dst.Key},
		Source: path, Size: c.was.size, ModTime: c.was.mtime, Inode: c.was.inode,
		PartSize: partSize, Algorithm: string(c.sums.algorithm()), Attributes: c.t.like,
	}, c.arrived)
	if c.prior.id != "" {
		c.sums.resume(checksum.Algorithm(c.prior.record.Algorithm))
	}
	return done, err
}

// arrived says whether the object is the file, where the store does not know its
// upload any more: the interrupted run may not have lived to hear that it was
// completed.
func (c *partClient) arrived(ctx context.Context, began time.Time) (Result, bool, error) {
	obj := c.dst
	obj.Size = c.was.size
	there, err := c.t.Stat(ctx, obj)
	switch {
	case wire.NotFound(err), denied(err):
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, err
	case !madeSince(there.ModTime, began):
		return Result{}, false, nil
	}
	found, err := c.t.Compare(ctx, obj, c.file.Name(), true)
	if wire.NotFound(err) || denied(err) {
		return Result{}, false, nil
	}
	return Result{Size: c.was.size, By: found.By}, found.Equal && found.Known, err
}

// partClient is the client of one upload in parts. It reads each part once into
// budgeted memory, sums it up, and sees to it that no half upload stays behind.
type partClient struct {
	wire.Objects
	t    *Transfer
	file *os.File
	was  stamp
	dst  Object
	// sums has the requests carry sums, and holds the answers against them.
	sums *partSums
	// res is what the answer to the last request has said.
	res Result
	// prior is what an interrupted run has left.
	prior prior
	// resumed and sent are the bytes of the parts that were there, and were sent.
	resumed, sent atomic.Int64
	// useless says that what was sent is of no use to another run.
	useless atomic.Bool
}

// failed keeps in mind what err says about the parts.
func (c *partClient) failed(err error) error {
	if err != nil && hopeless(err) {
		c.useless.Store(true)
	}
	return err
}

// CreateMultipartUpload is not cut off by the end of ctx at once: an upload
// whose id nobody has learnt cannot be removed.
func (c *partClient) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in.Metadata = c.t.metadata(c.was)
	in.ContentType = c.t.guess(new(string), c.file.Name())
	err := c.t.begin(ctx, &c.prior, func(ctx context.Context) (string, error) {
		late, cancel := delayed(ctx, quickly)
		defer cancel()
		out, err := c.sums.create(late, c.Objects, in, opts...)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.UploadId), nil
	})
	if err != nil {
		return nil, err
	}
	return &s3.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: &c.prior.id}, nil
}

// UploadPart takes the bytes before the slot: what holds a slot never waits for
// memory.
func (c *partClient) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	part, ok := in.Body.(*io.SectionReader)
	number := int(aws.ToInt32(in.PartNumber))
	if !ok || number < 1 || number > len(c.sums.parts) {
		return nil, fmt.Errorf("UploadPart: part %d of %d is not one of the file", number, len(c.sums.parts))
	}
	var p payload
	if err := c.t.load(ctx, &p, part, c.file.Name(), c.sums.algorithm()); err != nil {
		return nil, err
	}
	defer p.release()
	if listed, ok := c.prior.parts[int32(number)]; ok {
		there, err := c.sums.has(ctx, number, &p, &listed)
		if err != nil {
			return nil, err
		}
		if there {
			c.t.Resumed(aws.ToInt64(listed.Size))
			c.resumed.Add(aws.ToInt64(listed.Size))
			return &s3.UploadPartOutput{ETag: listed.ETag}, nil
		}
	}
	p.begin = func() error { return context.Cause(ctx) } // none is begun after that
	late, cancel := delayed(ctx, partGrace)
	defer cancel()
	out, err := c.sums.send(late, c.Objects, number, &p, in, opts...)
	if err == nil {
		c.sent.Add(part.Size())
	}
	return out, c.failed(err)
}

// CompleteMultipartUpload refuses to make an object of a file that is not what
// it was when it was opened, or of another number of parts than the file has:
// manager counts them only afterwards. It sends the sum of the whole, which the
// store holds against what it has.
func (c *partClient) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.t.unchanged(c.file, c.was); err != nil {
		return nil, c.failed(err)
	}
	if c.t.NoOverwrite {
		in.IfNoneMatch = aws.String("*")
	}
	out, res, err := c.sums.complete(ctx, c.Objects, in, opts...)
	if wire.Code(err) == "NoSuchUpload" { // an attempt may have succeeded whose answer was lost
		there, ok, aerr := c.arrived(ctx, c.prior.record.Intended)
		if aerr == nil && ok {
			out, res, err = &s3.CompleteMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key}, there, nil
		}
	}
	c.res = res
	return out, c.failed(err)
}

// AbortMultipartUpload leaves what another run can go on with. It runs also where
// ctx has ended: manager calls it with the context whose end made it fail.
func (c *partClient) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	if c.prior.journaled && !c.useless.Load() {
		return &s3.AbortMultipartUploadOutput{}, nil
	}
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
		if err := abortUpload(ctx, c.Objects, aws.ToString(in.Bucket), aws.ToString(in.Key), aws.ToString(in.UploadId), opts...); err != nil {
			return nil, err // the record stays, and another run tries
		}
	}
	if c.prior.journaled {
		c.t.Journal.Forget(c.prior.record.ID)
	}
	return &s3.AbortMultipartUploadOutput{}, nil
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
