package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/wire"
)

// bodyAttempts is how often a body is asked for whose connection broke while it
// was read: as often as a request is sent.
const bodyAttempts = 5

// Download writes src to name below root and returns its size. The file has
// its final name only when it is complete; until then a temporary one beside it
// that walks leave out. It gets src's time of modification, and the mode of the
// file that it replaces. An object from the threshold on comes in ranges, all
// of the same ETag: one that is replaced meanwhile fails with [ErrChanged].
func (t *Transfer) Download(ctx context.Context, src Object, root *os.Root, name string) (int64, error) {
	if src.Size < t.Threshold {
		return t.get(ctx, src, root, name)
	}
	f, err := create(root, name, src.Size)
	if err != nil {
		return 0, err
	}
	if err := t.getRanges(ctx, src, f); err != nil {
		f.discard()
		return 0, f.named(err)
	}
	return src.Size, f.commit(src.ModTime)
}

// get downloads with one GetObject. Size and time are those of the answer: the
// object may have been replaced since it was listed.
func (t *Transfer) get(ctx context.Context, src Object, root *os.Root, name string) (int64, error) {
	f, err := create(root, name, 0)
	if err != nil {
		return 0, err
	}
	mtime, size := src.ModTime, int64(0)
	err = t.again(ctx, func() error {
		if size > 0 { // an attempt before this one has left something
			if err := errors.Join(f.Truncate(0), rewind(f)); err != nil {
				return err
			}
		}
		out, err := t.Client.GetObject(ctx, getInput(src))
		if err != nil {
			return err
		}
		mtime = aws.ToTime(out.LastModified)
		size, err = t.save(f, out)
		return err
	})
	if err != nil {
		f.discard()
		return 0, f.named(err)
	}
	return size, f.commit(mtime)
}

func rewind(f io.Seeker) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// Stream writes src to w, which cannot be rewound: a pipe, a device.
func (t *Transfer) Stream(ctx context.Context, src Object, w io.Writer) (int64, error) {
	out, err := t.Client.GetObject(ctx, getInput(src))
	if err != nil {
		return 0, err
	}
	return t.save(w, out)
}

func getInput(src Object) *s3.GetObjectInput {
	return &s3.GetObjectInput{Bucket: aws.String(src.Bucket), Key: aws.String(src.Key)}
}

// save writes the body of an answer to w and closes it. A body that is shorter
// than its Content-Length is an error of net/http.
func (t *Transfer) save(w io.Writer, out *s3.GetObjectOutput) (int64, error) {
	defer out.Body.Close()
	n, err := io.Copy(&meter{w: w, progress: t.Progress}, out.Body)
	if err != nil {
		t.Progress(-n)
		return n, err
	}
	return n, nil
}

// getRanges fetches all ranges of src into f at once, as far as slots allow.
func (t *Transfer) getRanges(ctx context.Context, src Object, f *target) error {
	// The ranges need not be S3's parts, but as many as an upload has keeps
	// their number in bounds.
	step, err := PartSize(src.Size, t.PartSize)
	if err != nil {
		return err
	}
	atOnce := min(int64(t.PartsAtOnce), (src.Size+step-1)/step)
	if err := t.crowd.Acquire(ctx, atOnce); err != nil {
		return err
	}
	defer t.crowd.Release(atOnce)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(int(atOnce))
	for from := int64(0); from < src.Size && ctx.Err() == nil; from += step {
		g.Go(func() error {
			return t.again(ctx, func() error { return t.getRange(ctx, src, from, min(from+step, src.Size), f) })
		})
	}
	return g.Wait()
}

func (t *Transfer) getRange(ctx context.Context, src Object, from, to int64, f *target) error {
	reserved, err := t.Pool.Reserve(ctx, rangeBuffer)
	if err != nil {
		return err
	}
	defer reserved.Release()
	w := &meterAt{w: io.NewOffsetWriter(f.File, from), progress: t.Progress}
	err = t.parts.fetch(ctx, &rangeClient{Objects: t.Client, size: src.Size}, src, from, to, w)
	if err != nil {
		t.Progress(-w.n)
	}
	if wire.Code(err) == "PreconditionFailed" {
		return fmt.Errorf("s3://%s/%s: %w: the object was replaced: %w", src.Bucket, src.Key, ErrChanged, err)
	}
	return err
}

// again repeats what reads a body until it succeeds. Requests that fail before
// their body begins are the client's to repeat, and are not repeated here.
func (t *Transfer) again(ctx context.Context, fetch func() error) error {
	for n := 1; ; n++ {
		err := fetch()
		if err == nil || ctx.Err() != nil || n == bodyAttempts || !brokenBody(err) {
			return err
		}
		t.Retry("GetObject", err)
		timer := time.NewTimer(time.Duration(rand.Int64N(int64(200*time.Millisecond) << n)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
	}
}

// brokenBody says that err came out of a body: it has no S3 operation around
// it, as the error of a request has, and looks like that of a connection.
func brokenBody(err error) bool {
	var op interface{ Operation() string }
	return !errors.As(err, &op) && wire.Retryable(err)
}

// rangeClient takes an answer only where it is the range that was asked for: a
// store that sends the whole object would have it written over the ranges that
// follow.
type rangeClient struct {
	wire.Objects
	size int64
}

func (c *rangeClient) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := c.Objects.GetObject(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	want := fmt.Sprintf("bytes %s/%d", aws.ToString(in.Range)[len("bytes="):], c.size)
	if got := aws.ToString(out.ContentRange); got != want {
		_ = out.Body.Close()
		return nil, fmt.Errorf("GetObject s3://%s/%s: the store answered with Content-Range %q instead of %q",
			aws.ToString(in.Bucket), aws.ToString(in.Key), got, want)
	}
	return out, nil
}

// meter tells how much has been written.
type meter struct {
	w        io.Writer
	progress func(int64)
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.progress(int64(n))
	return n, err
}

// meterAt is meter for one range, which one goroutine writes.
type meterAt struct {
	w        io.WriterAt
	n        int64
	progress func(int64)
}

func (m *meterAt) WriteAt(p []byte, off int64) (int, error) {
	n, err := m.w.WriteAt(p, off)
	m.n += int64(n)
	m.progress(int64(n))
	return n, err
}
