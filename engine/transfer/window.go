package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
)

// window has the ranges of an object come into memory, many at once, and handed on
// in their order: to what cannot be written anywhere else, and to a store that
// wants each as one part. manager, which writes what it reads to its place in a
// file, would copy each byte once more.
type window struct {
	t    *Transfer
	src  Object // with the ETag that all ranges are to have
	from int64  // the first byte that is wanted
	to   int64  // behind the last one
	step int64  // bytes of a range, but for the last
	by   checksum.Algorithm
	// whole has ranges that are larger than what the budget gives to others.
	whole bool
	// skip says that the range of a number is not wanted; nil wants all.
	skip func(number int) bool
	// progress is told of bytes as they come.
	progress func(int64)
}

// piece is one range in memory. Who gets it owes a release.
type piece struct {
	number   int // from 1 on
	from, to int64
	buf      *pool.Buffer
	sum      checksum.Hash
	ready    chan error // one value, when it is there or has failed
}

func (p *piece) release() { p.buf.Release() }

// run fetches ranges and hands each to take, one after the other. take owns the
// piece from then on, and is called by the caller's goroutine alone. The error is
// the first; when run returns, nothing is under way.
func (w *window) run(ctx context.Context, take func(context.Context, *piece) error) error {
	// While there are few connections there is more memory than the budget, which a
	// reader that is slow need not have filled; and others need some, too.
	share := w.t.Pool.Budget()
	if !w.whole {
		share /= 2
	}
	atOnce := min(int64(w.t.PartsAtOnce), (w.to-w.from+w.step-1)/w.step, max(1, share/w.step))
	if err := w.t.crowd.Acquire(ctx, atOnce); err != nil {
		return err
	}
	defer w.t.crowd.Release(atOnce)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	g, ctx := errgroup.WithContext(ctx)
	queue, places := make(chan *piece, atOnce), make(chan struct{}, atOnce)
	g.Go(func() error {
		defer close(queue)
		return w.begin(ctx, g, queue, places)
	})
	var failed error // of take: what has failed else, g knows
	for p := range queue {
		if <-p.ready != nil {
			p.release()
			break
		}
		if failed = take(ctx, p); failed != nil {
			break
		}
		<-places
	}
	// A range that has failed ends the others by itself, with what it has failed of.
	if failed != nil {
		cancel(failed)
	}
	for p := range queue { // what was not taken
		<-p.ready
		p.release()
	}
	return cmp.Or(failed, g.Wait())
}

// begin takes memory for one range after the other, in their order: if the ones
// that are not wanted yet had it all, the one that is would never come. Each has a place,
// until it was taken, of which there are as many as queue has room for.
func (w *window) begin(ctx context.Context, g *errgroup.Group, queue chan<- *piece, places chan<- struct{}) error {
	for from, number := w.from, 1; from < w.to; from, number = from+w.step, number+1 {
		if w.skip != nil && w.skip(number) {
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p := &piece{number: number, from: from, to: min(from+w.step, w.to), sum: checksum.New(w.by), ready: make(chan error, 1)}
		get := w.t.Pool.Buffer
		if w.whole {
			get = w.t.Pool.Whole
		}
		var err error
		if p.buf, err = get(ctx, p.to-p.from); err != nil {
			return err
		}
		queue <- p
		g.Go(func() error {
			err := w.fetch(ctx, p)
			p.ready <- err
			return err
		})
	}
	return nil
}

// fetch asks for a range until it has come whole, as a body that breaks is asked
// for again elsewhere.
func (w *window) fetch(ctx context.Context, p *piece) error {
	return w.t.again(ctx, func(ctx context.Context) error {
		p.sum.Reset()
		n, err := w.get(ctx, p)
		if err != nil {
			w.progress(-n)
		}
		return err
	})
}

func (w *window) get(ctx context.Context, p *piece) (int64, error) {
	src := w.src
	c := &rangeClient{Objects: w.t.client(&src), src: src, from: p.from, to: p.to}
	out, err := c.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &src.Bucket, Key: &src.Key, IfMatch: ifMatch(src),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", p.from, p.to-1)),
	})
	if err != nil {
		return 0, replaced(src, err)
	}
	defer out.Body.Close()
	n, err := readBody(out.Body, p.buf.Bytes(), &p.sum, w.progress)
	switch {
	case errors.Is(err, errTooLong):
		err = fmt.Errorf("GetObject: bytes %d to %d: %w", p.from, p.to-1, err)
	case err == nil && n != p.to-p.from:
		err = fmt.Errorf("GetObject: %d bytes came of the %d from %d on: %w", n, p.to-p.from, p.from, io.ErrUnexpectedEOF)
	}
	return n, err
}

// readBody reads a body into mem, and sums it up while it is in the cache.
// progress is told of each bit; the error is that of the body, or errTooLong.
func readBody(body io.Reader, mem []byte, sum io.Writer, progress func(int64)) (int64, error) {
	n, beyond := 0, [1]byte{}
	for {
		to := mem[n:min(n+copyBuffer, len(mem))]
		if len(to) == 0 {
			to = beyond[:]
		}
		m, err := body.Read(to)
		if n == len(mem) && m > 0 {
			return int64(n), errTooLong
		}
		_, _ = sum.Write(to[:m]) // never fails
		n += m
		if m > 0 {
			progress(int64(m))
		}
		switch {
		case errors.Is(err, io.EOF):
			return int64(n), nil
		case err != nil:
			return int64(n), err
		}
	}
}
