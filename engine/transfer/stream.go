package transfer

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
)

// UploadStream sends what r has until its end to dst; how much that is is not
// known. expected is its size in bytes as far as somebody knows, 0 where nobody
// does: parts are made large enough for it. What is less than a part is one
// PutObject. Its end is a bare [io.EOF] of r; any other error, also one that wraps
// that, is a stream that broke off, and there is no object. Nothing is kept of a
// stream that fails, or is cut off: it cannot be read again, so another run could
// not go on. Only of one that SIGKILL cuts off the upload stays, and "s3haul uploads"
// shows it. A Read that is under way when ctx ends is not waited
// for; it may go on until r lets it.
//
// feature/s3/manager is not used: the parts that it reads out of a stream are all
// of one size, in buffers of its own that nobody counts, so that with 10,000 of
// them a stream of 5 TB would need half a GiB for each, from the first one on.
func (t *Transfer) UploadStream(ctx context.Context, r io.Reader, expected int64, dst Object) (Result, error) {
	sizes, err := t.streamSizes(expected)
	if err != nil {
		return Result{}, err
	}
	s := &stream{t: t, in: source{r: r}, sums: t.newPartSums(dst, 0, 0)}
	s.sums.open = true
	first, err := s.read(ctx, sizes.at(1))
	if err != nil {
		return Result{}, err
	}
	if !first.more {
		defer first.release()
		return t.putMemory(ctx, &onePut{dst: dst, payload: first.payload})
	}
	return s.parts(ctx, first, sizes, dst)
}

// CheckStream says whether UploadStream can send a stream of so many bytes: the
// error is a [*MemoryError], or wraps [ErrTooLarge].
func (t *Transfer) CheckStream(expected int64) error {
	_, err := t.streamSizes(expected)
	return err
}

// stream is one stream on its way up.
type stream struct {
	t    *Transfer
	in   source
	sums *partSums
}

// chunk is what was read of a stream: the payload of one part.
type chunk struct {
	payload
	more bool // there is something behind it
}

// read reads the next chunk, of size bytes where the stream has so many. It takes
// the memory first, and sums up what it reads while it is in the cache.
func (s *stream) read(ctx context.Context, size int64) (*chunk, error) {
	buf, err := s.t.Pool.Whole(ctx, size)
	if err != nil {
		return nil, err
	}
	hash := checksum.New(s.sums.algorithm())
	mem, n := buf.Bytes(), 0
	more := false
	err = detached(ctx, func() (err error) {
		n, more, err = s.in.next(mem, &hash)
		return err
	}, buf.Release)
	if err != nil {
		return nil, err
	}
	c := &chunk{more: more}
	c.hold(s.t, buf, n, hash)
	return c, nil
}

// hold makes p the payload of the first n bytes of buf, which hash has summed up.
func (p *payload) hold(t *Transfer, buf *pool.Buffer, n int, hash checksum.Hash) {
	p.buf, p.mem, p.hash, p.progress = buf, buf.Bytes()[:n], hash, t.Progress
}

// detached runs do, which may block for ever where ctx cannot reach it, as a read
// of a terminal does. Where it fails, or ctx ends first, which is not waited
// for, release is called when do has returned.
func detached(ctx context.Context, do func() error, release func()) error {
	if ctx.Err() != nil {
		release()
		return context.Cause(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		if err != nil {
			release()
		}
		return err
	case <-ctx.Done():
		go func() {
			<-done
			release()
		}()
		return context.Cause(ctx)
	}
}

// source reads one byte ahead: of what fills a buffer it has to be known whether
// it was the last.
type source struct {
	r     io.Reader
	ahead [1]byte
	some  bool // ahead has one
}

// next reads until mem is full or the stream ends, and says how much that was and
// whether there is more.
func (s *source) next(mem []byte, sum *checksum.Hash) (n int, more bool, err error) {
	if s.some {
		n, s.some = copy(mem, s.ahead[:]), false
		sum.Add(mem[:n])
	}
	for n < len(mem) {
		m, more, err := s.read(mem[n:min(n+copyBuffer, len(mem))])
		sum.Add(mem[n : n+m])
		n += m
		if err != nil || !more {
			return n, false, err
		}
	}
	m, _, err := s.read(s.ahead[:])
	s.some = m > 0
	return n, s.some, err
}

// read reads a byte at least, and says whether there may be more. That the stream
// has ended only a bare io.EOF says: what wraps one, or is io.ErrUnexpectedEOF, is
// of a connection or an archive that broke off.
func (s *source) read(mem []byte) (n int, more bool, err error) {
	for range mostEmpty {
		n, err = s.r.Read(mem)
		switch {
		case err == io.EOF:
			return n, false, nil
		case err != nil:
			return n, false, fmt.Errorf("reading the stream: %w", err)
		case n > 0:
			return n, true, nil
		}
	}
	return 0, false, fmt.Errorf("reading the stream: %w", io.ErrNoProgress)
}

// mostEmpty is how often a reader may have neither bytes nor an error.
const mostEmpty = 100

// parts sends a stream in parts, of which first is there already.
func (s *stream) parts(ctx context.Context, first *chunk, sizes partSizes, dst Object) (Result, error) {
	atOnce := int64(s.t.PartsAtOnce)
	if err := s.t.crowd.Acquire(ctx, atOnce); err != nil {
		first.release()
		return Result{}, err
	}
	defer s.t.crowd.Release(atOnce)
	u := s.t.newMemoryUpload(s.t.Client, dst, s.sums)
	err := u.begin(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(dst.Bucket), Key: aws.String(dst.Key)})
	if err != nil {
		first.release()
		return Result{}, err
	}
	err = s.sendAll(ctx, u, first, sizes)
	if err == nil {
		var res Result
		if res, err = u.complete(ctx); err == nil {
			return res, nil
		}
		if s.t.NoOverwrite && conflicting(err) {
			err = fmt.Errorf("another write of s3://%s/%s was under way when all of the stream had been sent, which cannot be read again: give it once more: %w",
				dst.Bucket, dst.Key, err)
		}
	}
	return Result{}, u.giveUp(ctx, err)
}

// sendAll sends chunk after chunk, as many at once as there is memory for.
func (s *stream) sendAll(ctx context.Context, u *memoryUpload, next *chunk, sizes partSizes) (err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.t.PartsAtOnce)
	for number := 1; ; number++ {
		c := next
		s.sums.size += int64(len(c.mem))
		more := c.more
		g.Go(func() error {
			defer c.release()
			return u.send(ctx, number, &c.payload)
		})
		if !more {
			break
		}
		if number == MaxParts {
			err = fmt.Errorf("the stream is longer than %d bytes, which fill the %d parts of an object: give --expected-size, or more --memory",
				s.sums.size, MaxParts)
			break
		}
		if next, err = s.read(ctx, sizes.at(number+1)); err != nil {
			break
		}
	}
	ended := ctx.Err() != nil // then a part that failed is why the next was not read
	if werr := g.Wait(); err == nil || ended && werr != nil {
		return werr
	}
	return err
}
