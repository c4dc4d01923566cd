package wire

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Setting a deadline costs as much as a small write; one that is at most so
// much too early is renewed no more often.
const renewals = 64

// idleConn cuts off a connection on which nothing has moved for timeout, in
// either direction: http.Transport is always reading, also while it sends a
// long body, so that what was written must count as well. It waits for the
// bandwidth that its bytes may have, and counts them.
type idleConn struct {
	net.Conn
	timeout time.Duration
	band    Bandwidth     // nil where there is no bound
	done    chan struct{} // closed by Close; nil where band is
	bytes   atomic.Int64
	waiting atomic.Int32 // directions that wait for bandwidth

	mu    sync.Mutex
	until time.Time // the deadline that is set
	// gone is told once, when the connection is closed; nil tells nobody.
	gone   func()
	closed bool
}

func newIdleConn(c net.Conn, timeout time.Duration, band Bandwidth) *idleConn {
	ic := &idleConn{Conn: c, timeout: timeout, band: band}
	if band != nil {
		ic.done = make(chan struct{})
	}
	return ic
}

// Progress returns how many bytes have moved so far, in both directions
// together and as they are on the wire. It may be called at any time.
func (c *idleConn) Progress() int64 { return c.bytes.Load() }

// Held says that the connection waits for bandwidth: it stands still on purpose.
func (c *idleConn) Held() bool { return c.waiting.Load() > 0 }

// moved renews the deadline, where it is old enough.
func (c *idleConn) moved() error {
	if c.timeout <= 0 {
		return nil
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting.Load() > 0 || c.until.Sub(now) > c.timeout-c.timeout/renewals {
		return nil
	}
	c.until = now.Add(c.timeout)
	return c.SetDeadline(c.until)
}

// wait holds one direction until n bytes may move; the time-out stands still
// for both meanwhile, since http.Transport reads while it writes.
func (c *idleConn) wait(n int) error {
	c.mu.Lock()
	if c.waiting.Add(1) == 1 && c.timeout > 0 {
		c.until = time.Time{}
		_ = c.SetDeadline(c.until) // it fails where the connection is closed, and so does what follows
	}
	c.mu.Unlock()
	ok := c.band.Wait(n, c.done)
	c.mu.Lock()
	c.waiting.Add(-1)
	c.mu.Unlock()
	if !ok {
		return net.ErrClosed
	}
	return c.moved()
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	if c.band == nil {
		n, err := c.Conn.Read(p)
		c.bytes.Add(int64(n))
		return n, err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.piece())])
	if n == 0 {
		return 0, err
	}
	// How much comes is known only when it is here: what is behind it in the
	// line stays there, and the other side waits.
	if werr := c.wait(n); werr != nil {
		return 0, &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: werr}
	}
	c.bytes.Add(int64(n))
	return n, err
}

func (c *idleConn) Write(p []byte) (int, error) {
	if c.band != nil && len(p) > 0 {
		return c.writePieces(p)
	}
	return c.write(p)
}

func (c *idleConn) write(p []byte) (int, error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.bytes.Add(int64(n))
		_ = c.moved()
	}
	return n, err
}

func (c *idleConn) writePieces(p []byte) (int, error) {
	var sent int
	for {
		piece := p[sent:min(len(p), sent+c.piece())]
		if err := c.wait(len(piece)); err != nil {
			return sent, &net.OpError{Op: "write", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
		}
		n, err := c.write(piece)
		sent += n
		if err != nil || sent == len(p) {
			return sent, err
		}
	}
}

func (c *idleConn) piece() int { return max(1, c.band.Chunk()) }

// Close also ends a wait for bandwidth.
func (c *idleConn) Close() error {
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	gone := c.gone
	c.mu.Unlock()
	if first && c.done != nil {
		close(c.done)
	}
	err := c.Conn.Close()
	if first && gone != nil {
		gone()
	}
	return err
}

// onGone has f called when the connection is closed; it must not be yet.
func (c *idleConn) onGone(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = f
}

// ReadFrom lets a body that lies in memory go to the socket as it lies there.
// http.Transport comes here with a reader of so many bytes of the body; by
// itself it would copy them twice, through buffers of its own.
func (c *idleConn) ReadFrom(r io.Reader) (int64, error) { return readFrom(c, r) }

// readFrom writes a body to w, without a copy where it can.
func readFrom(w io.Writer, r io.Reader) (int64, error) {
	var sent int64
	if limited, ok := r.(*io.LimitedReader); ok {
		if body, ok := limited.R.(*guarded); ok {
			n, ok, err := body.sendTo(w, limited.N)
			limited.N -= n
			sent = n
			if ok && (err != nil || limited.N == 0) {
				return sent, err
			}
		}
	}
	n, err := io.Copy(struct{ io.Writer }{w}, r)
	return sent + n, err
}
