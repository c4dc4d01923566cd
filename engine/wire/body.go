package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// errLeft is what a transport gets that goes on reading a body after the call
// has returned.
var errLeft = errors.New("the request has ended")

// guarded lends a body to a transport. http.Transport may go on reading after
// it has given back an answer; the buffer below is used again as soon as the
// call returns.
type guarded struct {
	mu   sync.Mutex
	r    io.Reader
	rest int64 // bytes that have not been read
	left bool
}

// Read implements io.Reader.
func (g *guarded) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left && g.rest > 0 {
		return 0, errLeft
	}
	if g.rest <= 0 {
		// net/http looks whether there is more than it was told, when an
		// answer may have come already.
		return 0, io.EOF
	}
	n, err := g.r.Read(p[:min(int64(len(p)), g.rest)])
	g.rest -= int64(n)
	return n, err
}

// Close implements io.Closer; the body is the caller's to close.
func (g *guarded) Close() error { return nil }

// smallBody is the longest body, in bytes, that goes in one write together
// with its headers.
const smallBody = connBuffer - 2<<10

// lend gives the body of r to req. When the answer has been read, or there is
// none, cleanup must be called: from then on nothing reads r's body any more.
func (s *sender) lend(ctx context.Context, r *request, req *http.Request) (context.Context, func(), error) {
	switch {
	case r.body == nil || r.length == 0:
		return ctx, func() {}, nil
	case r.length > smallBody:
		guard := &guarded{r: r.body, rest: r.length}
		req.Body = guard
		ctx, cancel := context.WithCancel(ctx)
		return ctx, func() { guard.leave(cancel) }, nil
	}
	// net/http sends the headers of any other body but a bytes.Reader in a
	// packet of their own. It may be read for longer than the call lasts, so
	// that what it reads is a copy, used again only where all of it was sent.
	c, _ := s.copies.Get().(*bodyCopy)
	if c == nil {
		c = &bodyCopy{}
		c.trace.WroteRequest = c.wrote
	}
	c.sent.Store(false)
	if _, err := io.ReadFull(r.body, c.b[:r.length]); err != nil {
		if err == io.ErrUnexpectedEOF || err == io.EOF { //nolint:errorlint // ReadFull's own; no connection broke
			err = fmt.Errorf("it is shorter than the %d bytes that were announced", r.length)
		}
		return ctx, func() {}, fmt.Errorf("reading the body: %w", err)
	}
	c.reader.Reset(c.b[:r.length])
	req.Body = io.NopCloser(&c.reader)
	trace := &c.trace
	if httptrace.ContextClientTrace(ctx) != nil {
		// WithClientTrace puts the hooks of the other trace into ours, and a
		// connection that is still being made for the last request has that one.
		trace = &httptrace.ClientTrace{WroteRequest: c.wrote}
	}
	return httptrace.WithClientTrace(ctx, trace), func() {
		if c.sent.Load() {
			s.copies.Put(c)
		}
	}, nil
}

// bodyCopy is a small body while it is being sent.
type bodyCopy struct {
	b      [smallBody]byte
	reader bytes.Reader
	trace  httptrace.ClientTrace // for requests without another one
	sent   atomic.Bool
}

func (c *bodyCopy) wrote(info httptrace.WroteRequestInfo) {
	if info.Err == nil {
		c.sent.Store(true)
	}
}

// chunk is how much of a body is written at once, in bytes: enough to make
// the cost of a call small, little enough that the time-out of a connection
// sees it move.
const chunk = 256 << 10

// inMemory is a body whose rest is in memory.
type inMemory interface {
	io.Seeker
	// Bytes returns the bytes that have not been read, nil where they are not
	// in memory, or where Read has something to say. Seek passes over those
	// that have been sent.
	Bytes() []byte
}

// sendTo writes up to n bytes of the body straight out of its buffer. ok is
// false where there is no such buffer, and nothing was written.
func (g *guarded) sendTo(w io.Writer, n int64) (sent int64, ok bool, err error) {
	m, ok := g.r.(inMemory)
	if !ok {
		return 0, false, nil
	}
	for sent < n {
		more, err := g.sendChunk(m, w, min(n-sent, chunk))
		sent += more
		if err != nil || more == 0 {
			return sent, sent > 0 || err != nil, err
		}
	}
	return sent, true, nil
}

func (g *guarded) sendChunk(m inMemory, w io.Writer, n int64) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left {
		return 0, errLeft
	}
	b := m.Bytes()
	if len(b) == 0 {
		return 0, nil
	}
	sent, err := w.Write(b[:min(n, int64(len(b)))])
	if _, serr := m.Seek(int64(sent), io.SeekCurrent); err == nil {
		err = serr
	}
	g.rest -= int64(sent)
	return int64(sent), err
}

// leave takes the body back. Where the transport is just sending, cancel ends
// the request first: a write that the other side does not take would hold the
// body for ever.
func (g *guarded) leave(cancel context.CancelFunc) {
	if !g.mu.TryLock() {
		cancel()
		g.mu.Lock()
	}
	g.left = true
	g.mu.Unlock()
	cancel()
}
