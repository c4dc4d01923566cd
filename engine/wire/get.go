package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// GetObject keeps its slot until the body has been read to its end or closed:
// until then the request is under way. What breaks in the body is for the
// caller to ask for again; see [Retries].
func (a *attempts) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	c := &call{op: "GetObject", ask: at(in.Bucket, in.Key, false), paced: pacedGet, keep: true}
	var out *s3.GetObjectOutput
	c.rival = func(ctx context.Context) (answer, error) {
		theirs, err := a.next.GetObject(ctx, in, opts...)
		return answer{
			take: func() {
				if out != nil { // it came at the same moment, and was cut off
					_ = out.Body.Close()
				}
				out = theirs
			},
			drop: func() { _ = theirs.Body.Close() },
		}, err
	}
	h, err := a.do(ctx, c, func(ctx context.Context) (err error) {
		out, err = a.next.GetObject(ctx, in, opts...)
		return err
	})
	if err != nil {
		if out != nil { // it was cut off for a rival that was refused
			_ = out.Body.Close()
		}
		return nil, err
	}
	b := &getBody{a: a, c: c, ctx: ctx, in: *in, opts: opts, body: out.Body, held: h}
	b.begin(out)
	out.Body = b
	return out, nil
}

// getBody is the body of an answer to GetObject. It keeps the slot of its
// request, and its watch. Where it is slow, the rest of it is asked for on
// another connection, and read from there if that answers first. As any
// io.ReadCloser it is used by one goroutine at a time.
type getBody struct {
	a    *attempts
	c    *call
	ctx  context.Context // the caller's: a body has no other way to know of its end
	in   s3.GetObjectInput
	opts []func(*s3.Options)

	body  io.ReadCloser
	held  held
	ended bool
	err   error // what the body ended with

	// first and last are the bytes of the object that the body has, size those
	// of the object.
	first, last, size int64
	given             atomic.Int64 // bytes of the body that were read
	from              int64        // of the body, what the rival begins with
	skip              int64        // bytes that the rival brings for a second time
	race              *race
}

// begin puts the watch on the body.
func (b *getBody) begin(out *s3.GetObjectOutput) {
	w := b.held.watch
	if w == nil {
		return
	}
	known := b.extent(out)
	var fellows *pace
	w.mu.Lock()
	defer w.mu.Unlock()
	w.race = nil
	w.inBody.Store(true)
	if !known {
		return
	}
	b.c.size = b.last - b.first + 1
	fellows = b.a.Host.paces.of(pacedGet, b.c.size)
	if b.held.raced || out.ETag == nil || b.in.PartNumber != nil {
		return
	}
	b.in.IfMatch = out.ETag
	b.race = &race{a: b.a, c: b.c, ctx: b.ctx, first: w, rival: b.rest, keep: true, better: true}
	w.race, w.fellows, w.fallback = b.race, &fellows.took, nil
}

// extent finds out which bytes of the object the body has.
func (b *getBody) extent(out *s3.GetObjectOutput) bool {
	if out.ContentRange != nil {
		var err error
		b.first, b.last, b.size, err = s3xml.ContentRange(*out.ContentRange)
		return err == nil
	}
	if out.ContentLength == nil || b.in.Range != nil {
		return false
	}
	b.last, b.size = *out.ContentLength-1, *out.ContentLength
	return b.size > 0
}

// rest asks for what has not been read yet, of the same object. It is the rival
// of a body that is slow.
func (b *getBody) rest(ctx context.Context) (answer, error) {
	b.from = b.given.Load()
	first := b.first + b.from
	if first > b.last {
		return answer{}, &smallRest{}
	}
	in := b.in
	in.Range = aws.String("bytes=" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(b.last, 10))
	out, err := b.a.next.GetObject(ctx, &in, b.opts...)
	if err != nil {
		return answer{}, err
	}
	from, last, size, err := s3xml.ContentRange(aws.ToString(out.ContentRange))
	if err != nil || from != first || last != b.last || size != b.size || aws.ToString(out.ETag) != aws.ToString(b.in.IfMatch) {
		_ = out.Body.Close()
		return answer{}, fmt.Errorf("GetObject: bytes %d to %d were answered with %q", first, b.last, aws.ToString(out.ContentRange))
	}
	return answer{
		take: func() {
			_ = b.body.Close()
			b.body = out.Body
			b.skip = b.given.Load() - b.from
		},
		drop: func() { _ = out.Body.Close() },
	}, nil
}

// smallRest says that there is nothing left to ask for.
type smallRest struct{}

func (*smallRest) Error() string { return "GetObject: all of the body has come" }

// Read implements io.Reader.
func (b *getBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, b.err
	}
	for {
		n, err := b.read(p)
		if b.skip > 0 && n > 0 {
			again := int(min(b.skip, int64(n)))
			b.skip -= int64(again)
			n = copy(p, p[again:n])
		}
		b.given.Add(int64(n))
		switch {
		case err == nil && (n > 0 || len(p) == 0 || b.skip == 0):
			return n, nil
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			b.end(err, pool.Answered)
			return n, b.err
		}
		if w := b.held.watch; w != nil {
			err = w.why(b.ctx, "", err)
		}
		v := pool.Dropped
		if b.ctx.Err() == nil && !errors.Is(err, errLost) {
			v = verdict(err, Classify(err))
		}
		if !b.swap(v) {
			b.end(err, v)
			return n, err
		}
		if n > 0 {
			return n, nil
		}
	}
}

func (b *getBody) read(p []byte) (int, error) {
	w := b.held.watch
	if w == nil {
		return b.body.Read(p)
	}
	w.reading.Store(true)
	n, err := b.body.Read(p)
	w.reading.Store(false)
	w.arrived.Add(int64(n))
	return n, err
}

// swap goes on with the body of the rival, where the first one has broken or
// was cut off for it. The slot of the first is given back before: the rival may
// be waiting for it.
func (b *getBody) swap(v pool.Verdict) bool {
	r := b.race
	if r == nil {
		return false
	}
	b.release(v)
	b.race = nil
	if !r.settle() {
		return false
	}
	r.answer.take()
	b.held = held{slot: r.slot, watch: r.watch, raced: true}
	return true
}

// release gives back what is held, once.
func (b *getBody) release(v pool.Verdict) {
	if b.held.slot == nil {
		return
	}
	if v == pool.Failed { // that it has answered was told when its body began
		b.a.Host.ended(v)
	}
	if b.held.watch != nil {
		b.held.watch.end()
	}
	b.held.slot.Release(pool.Outcome{Verdict: v, Bytes: b.given.Load()})
	b.held.slot = nil
}

// end is for a body that will not be read any further.
func (b *getBody) end(err error, v pool.Verdict) {
	if b.ended {
		return
	}
	b.ended, b.err = true, err
	if w := b.held.watch; w != nil && v == pool.Answered && b.size > 0 && !b.held.raced {
		_, took := w.times()
		b.a.Host.paces.of(pacedGet, b.c.size).lasted(took)
	}
	if r := b.race; r != nil {
		b.race = nil
		r.stop()
		if r.settle() { // it came too late
			r.answer.drop()
			r.watch.end()
			r.slot.Release(pool.Outcome{Verdict: pool.Dropped})
		}
	}
	b.release(v)
}

// Close implements io.Closer.
func (b *getBody) Close() error {
	err := b.body.Close()
	v := pool.Dropped
	if b.given.Load() > b.last-b.first && b.size > 0 {
		v = pool.Answered // net/http tells of the end only who reads on
	}
	b.end(errClosed, v)
	return err
}

// errClosed is what one gets who reads a body that was closed.
var errClosed = errors.New("GetObject: read of a closed body")
