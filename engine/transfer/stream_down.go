package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
)

// Stream writes src to w, which cannot be rewound: a pipe, a device. A small
// object is in memory, and verified, before the first byte of it is written; a
// large one comes in ranges, all of one ETag, each of which is asked for again
// where it breaks. Where the bytes of a large one turn out not to be those that
// the store has a sum of, they have been written, and the error says so. A Write
// that is under way when ctx ends is not waited for.
func (t *Transfer) Stream(ctx context.Context, src Object, w io.Writer) (Result, error) {
	step := t.streamStep()
	if src.Size <= step {
		return t.streamWhole(ctx, src, w)
	}
	head, err := t.headOf(ctx, &src)
	if err != nil {
		return Result{}, err
	}
	there, err := t.storedSum(ctx, src, head)
	if err != nil {
		return Result{}, err
	}
	s := newStreamed(w, there)
	res := Result{Size: src.Size}
	var told atomic.Int64
	ranges := &window{t: t, src: src, to: src.Size, step: step, by: checksum.ByCRC64NVME, progress: func(n int64) {
		told.Add(n)
		t.Progress(n)
	}}
	if err = ranges.run(ctx, s.take); err != nil {
		res.Size = s.written
	} else if there.usable() {
		if res, err = t.agrees(ctx, "GetObject", there, s.sums()); err != nil {
			err = fmt.Errorf("%w; all %d bytes have been written already", err, src.Size)
		}
	}
	if err != nil {
		t.Progress(-told.Load())
	}
	return res, err
}

// StreamRange writes the bytes [from, to) of src to w as Stream does. There is no
// sum of them that they could be held against.
func (t *Transfer) StreamRange(ctx context.Context, src Object, from, to int64, w io.Writer) error {
	if _, err := t.headOf(ctx, &src); err != nil {
		return err
	}
	s := newStreamed(w, &stored{})
	ranges := &window{t: t, src: src, from: from, to: to, step: t.streamStep(), by: checksum.ByCRC64NVME, progress: t.Progress}
	return ranges.run(ctx, s.take)
}

// streamStep is the size of the ranges that a stream comes in.
func (t *Transfer) streamStep() int64 {
	step := t.PartSize
	for !t.Pool.Fits(step) {
		step /= 2
	}
	return step
}

// streamed writes an object, piece by piece, and sums it up.
type streamed struct {
	w       io.Writer
	written int64
	sum     summer
	there   *stored
	crc     checksum.Sum // where that of each piece is what is wanted
}

func newStreamed(w io.Writer, there *stored) *streamed {
	s := &streamed{w: w, there: there}
	if there.usable() && !s.combines() {
		s.sum = newSummer(there.by, there.part)
	}
	return s
}

// combines says that the sums of pieces make the one that is wanted.
func (s *streamed) combines() bool {
	return s.there.parts == 0 && s.there.by == checksum.ByCRC64NVME
}

// take writes one piece.
func (s *streamed) take(ctx context.Context, p *piece) error {
	mem := p.buf.Bytes()
	switch {
	case s.combines():
		s.crc = s.crc.Then(p.sum.Sum())
	case s.there.usable():
		_, _ = s.sum.Write(mem) // never fails
	}
	n := 0
	err := detached(ctx, func() (err error) {
		n, err = s.w.Write(mem)
		return err
	}, p.release)
	if err != nil {
		return err
	}
	p.release()
	s.written += int64(n)
	return nil
}

func (s *streamed) sums() []checksum.Sum {
	if s.combines() {
		return []checksum.Sum{s.crc}
	}
	return s.sum.sums()
}

// streamWhole writes an object that has room in memory.
func (t *Transfer) streamWhole(ctx context.Context, src Object, w io.Writer) (Result, error) {
	c, err := t.getWhole(ctx, src, t.Progress)
	if err != nil {
		return Result{}, missing(src.Key, err)
	}
	err = detached(ctx, func() error {
		_, err := w.Write(c.mem)
		return err
	}, c.buf.Release)
	if err != nil {
		t.Progress(-c.Size)
		return Result{}, err
	}
	c.buf.Release()
	return c.Result, nil
}

// inMemory is an object that has come into memory, and what was said of it.
type inMemory struct {
	Result
	buf  *pool.Buffer
	mem  []byte
	hash checksum.Hash // of all of it, by what the store has; the zero value where that is none
	out  *s3.GetObjectOutput
}

// getWhole reads an object into memory with one GetObject, and holds it against
// the sum that came along. It is the object that is there now, unless src has an
// ETag and it is larger than that one.
func (t *Transfer) getWhole(ctx context.Context, src Object, progress func(int64)) (*inMemory, error) {
	buf, err := t.Pool.Whole(ctx, max(src.Size, 0))
	if err != nil {
		return nil, err
	}
	c := &inMemory{buf: buf}
	err = t.again(ctx, func(ctx context.Context) error {
		err := t.getInto(ctx, src, c, progress)
		if err != nil {
			progress(-c.Size)
		}
		return err
	})
	if err != nil {
		buf.Release()
		return nil, err
	}
	return c, nil
}

func (t *Transfer) getInto(ctx context.Context, src Object, c *inMemory, progress func(int64)) error {
	c.Result, c.hash = Result{}, checksum.Hash{}
	var get oneGet
	get.there.obj = src
	get.in.Bucket, get.in.Key = &get.there.obj.Bucket, &get.there.obj.Key
	get.in.ChecksumMode = "ENABLED"
	get.in.IfMatch = ifMatch(src)
	out, err := t.client(&src).GetObject(ctx, &get.in)
	if err != nil {
		return replaced(src, err)
	}
	defer out.Body.Close()
	c.out = out
	get.expect(out, t)
	sum := io.Discard
	if s := get.sum(); s != nil {
		sum = s
	}
	c.Size, err = readBody(out.Body, c.buf.Bytes(), sum, progress)
	if errors.Is(err, errTooLong) && out.ContentLength != nil && *out.ContentLength > src.Size {
		return fmt.Errorf("s3://%s/%s: %w: it has %d bytes instead of %d", src.Bucket, src.Key, ErrChanged, *out.ContentLength, src.Size)
	}
	c.mem = c.buf.Bytes()[:c.Size]
	if err == nil || whole(out, c.Size) && !errors.Is(err, errTooLong) {
		res, differs := t.agreed(ctx, &get)
		if differs != nil {
			return differs
		}
		c.By, c.Sum = res.By, res.Sum
	}
	if get.there.usable() && get.there.parts == 0 {
		c.hash = get.summer.hash
	}
	if err == nil {
		err = fits(src, out, c.Size)
	}
	return err
}
