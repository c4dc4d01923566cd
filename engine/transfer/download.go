package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// copyBuffer is what bodies and files are read through, in bytes: one write
// a socket read costs more CPU, and more memory saves nothing.
const copyBuffer = 256 << 10

// Download writes src to name below root and returns its size. The file has its
// final name only when it is complete, and when it has the sum that the store has
// of it, if that has one; until then it has a temporary one beside it, which
// walks leave out. It gets src's time of modification, and the mode of the file
// that it replaces. An object from the threshold on that is more than one part
// comes in ranges, all of the same ETag: one that is replaced meanwhile fails
// with [ErrChanged].
func (t *Transfer) Download(ctx context.Context, src Object, root *os.Root, name string) (Result, error) {
	if src.Size >= t.Threshold && src.Size > t.PartSize {
		return t.downloadRanges(ctx, src, root, name)
	}
	f, err := t.dirs.create(ctx, root, name, 0)
	if err != nil {
		return Result{}, err
	}
	got, err := t.get(ctx, src, f)
	if err != nil {
		f.discard()
		return Result{}, f.named(err)
	}
	if err := t.commit(ctx, f, got); err != nil {
		t.Progress(-got.Size)
		if errors.Is(err, errNameless) { // from now on files have names
			return t.Download(ctx, src, root, name)
		}
		return Result{}, err
	}
	return got.Result, nil
}

// commit gives a file that is complete its name, its time and its mode.
func (t *Transfer) commit(ctx context.Context, f *target, got got) error {
	mtime, mode := t.preserved(got.meta)
	if !mtime.IsZero() {
		got.modTime = mtime
	}
	if mode != 0 {
		f.preserved = mode
	}
	return f.commit(ctx, got.modTime)
}

// got is what a download has written. Of a small object, size and time are those
// of the answer: it may have been replaced since it was listed.
type got struct {
	Result
	modTime time.Time
	meta    map[string]string // of the object
}

// get downloads with one GetObject.
func (t *Transfer) get(ctx context.Context, src Object, f *target) (got, error) {
	var g got
	err := t.again(ctx, func(ctx context.Context) error {
		if g.Size > 0 { // an attempt before this one has left something
			if err := errors.Join(f.Truncate(0), rewind(f)); err != nil {
				return err
			}
		}
		var err error
		g, err = t.getTo(ctx, src, f)
		return err
	})
	return g, err
}

func rewind(f io.Seeker) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// getTo writes the object to w with one GetObject. What it returns with an error
// has the size that was written. It takes the buffer before the slot.
func (t *Transfer) getTo(ctx context.Context, src Object, w io.Writer) (got, error) {
	// One byte more, so that the read that brings the last byte is not full, and
	// finds the end as well.
	buf, err := t.Pool.Buffer(ctx, min(max(src.Size, 0)+1, copyBuffer))
	if err != nil {
		return got{}, err
	}
	defer buf.Release()
	var get oneGet
	get.there.obj = src
	get.in.Bucket, get.in.Key = &get.there.obj.Bucket, &get.there.obj.Key
	get.in.ChecksumMode = types.ChecksumModeEnabled
	out, err := t.client(&src).GetObject(ctx, &get.in)
	if err != nil {
		return got{}, err
	}
	defer out.Body.Close()
	get.expect(out, t)
	m := meter{w: w, progress: t.Progress, sum: get.sum()}
	g := got{modTime: aws.ToTime(out.LastModified), meta: out.Metadata}
	g.Size, err = copyBuffered(&m, out.Body, buf.Bytes())
	if err == nil || whole(out, g.Size) {
		// The SDK's body, too, ends with an error where the checksum differs, but
		// with one that does not name the object.
		if res, differs := t.agreed(ctx, &get); differs != nil {
			err = differs
		} else {
			g.By, g.Sum = res.By, res.Sum
		}
	}
	if err == nil {
		err = fits(src, out, g.Size)
	}
	if err != nil {
		t.Progress(-g.Size)
	}
	return g, err
}

// oneGet is one GetObject, and what its answer is held against: one piece of
// memory.
type oneGet struct {
	in     s3.GetObjectInput
	there  stored
	summer summer
}

// expect takes from the headers what the body is to be. No request is made for
// it: the size of parts is guessed where it matters.
func (g *oneGet) expect(out *s3.GetObjectOutput, t *Transfer) {
	obj := g.there.obj
	if out.ContentLength != nil {
		obj.Size = *out.ContentLength
	}
	if etag := strings.Trim(aws.ToString(out.ETag), `"`); etag != "" {
		obj.ETag = etag
	}
	there := ofGet(out)
	g.there = there.best(obj, t.PartSize)
	if g.there.usable() {
		g.summer = newSummer(g.there.by, g.there.part)
	}
}

// sum is nil where there is nothing to hold the bytes against.
func (g *oneGet) sum() *summer {
	if !g.there.usable() {
		return nil
	}
	return &g.summer
}

// agreed holds what has come against what was to be expected.
func (t *Transfer) agreed(ctx context.Context, g *oneGet) (Result, error) {
	if !g.there.usable() {
		return Result{}, nil
	}
	if g.there.parts == 0 && g.there.is(g.summer.hash.Sum()) { // without a list of one
		return Result{By: g.there.by, Sum: g.there.text}, nil
	}
	return t.agrees(ctx, "GetObject", &g.there, g.summer.sums())
}

// whole says that size bytes are known to be all of the answer.
func whole(out *s3.GetObjectOutput, size int64) bool {
	return out.ContentLength != nil && *out.ContentLength == size
}

// fits checks that what came is all of an object, and no more. net/http sees to
// that where it knows the length; a body that was made otherwise may differ.
func fits(src Object, out *s3.GetObjectOutput, size int64) error {
	if out.ContentRange != nil {
		return fmt.Errorf("GetObject s3://%s/%s: the store answered with Content-Range %q, and no range was asked for",
			src.Bucket, src.Key, *out.ContentRange)
	}
	if out.ContentLength != nil && *out.ContentLength != size {
		return fmt.Errorf("GetObject s3://%s/%s: %d bytes came instead of %d: %w",
			src.Bucket, src.Key, size, *out.ContentLength, io.ErrUnexpectedEOF)
	}
	return nil
}

// again repeats what reads a body until it succeeds. Requests that fail before
// their body begins are the client's to repeat, and are not repeated here.
func (t *Transfer) again(ctx context.Context, fetch func(context.Context) error) error {
	var retries *wire.Retries
	for next := ctx; ; next = retries.Context(ctx) {
		err := fetch(next)
		if err == nil || ctx.Err() != nil {
			return err
		}
		class := bodyClass(err)
		if class == wire.Final {
			return err
		}
		if retries == nil {
			retries = t.Policy.Retries()
		}
		if !retries.Again(ctx, "GetObject", class, err) {
			return err
		}
	}
}

// bodyClass is the class of an error that came out of a body: it has no S3
// operation around it, as the error of a request has, and looks like that of a
// connection, or is about what the connection has brought. Any other is final.
func bodyClass(err error) wire.Class {
	var op interface{ Operation() string }
	if errors.As(err, &op) {
		return wire.Final
	}
	if errors.Is(err, ErrChecksum) || errors.Is(err, errTooLong) || errors.Is(err, errLength) {
		return wire.Damaged
	}
	if wire.Retryable(err) {
		return wire.Transient
	}
	return wire.Final
}

// meter sums up what is written, and tells how much it is.
type meter struct {
	w        io.Writer
	sum      *summer // nil: it is not summed up
	progress func(int64)
}

func (m *meter) Write(p []byte) (int, error) {
	if m.sum != nil {
		_, _ = m.sum.Write(p) // never fails
	}
	n, err := m.w.Write(p)
	m.progress(int64(n))
	return n, err
}

// copyBuffered is io.Copy with full buffers: it reads until buf is full before
// it writes. It never uses an io.WriterTo or io.ReaderFrom of either side.
func copyBuffered(w io.Writer, r io.Reader, buf []byte) (int64, error) {
	var written int64
	for {
		n, rerr := 0, error(nil)
		for n < len(buf) && rerr == nil {
			var m int
			m, rerr = r.Read(buf[n:])
			n += m
		}
		if n > 0 {
			m, werr := w.Write(buf[:n])
			written += int64(m)
			if werr != nil {
				return written, werr
			}
		}
		switch {
		case errors.Is(rerr, io.EOF):
			return written, nil
		case rerr != nil:
			return written, rerr
		}
	}
}
