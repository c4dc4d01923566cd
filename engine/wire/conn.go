package wire

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A TLS record holds 16 KiB, and tls.Conn reads and writes one at a time.
	// Below it, a buffer makes one call of many; records have a little more
	// than their bytes, and so has the buffer.
	tlsReadSmall = 16 << 10
	tlsBurst     = chunk + 8<<10
	// Setting a deadline costs as much as a small write; one that is at most
	// so much too early is renewed no more often.
	renewals = 64
)

// idleConn cuts off a connection on which nothing has moved for timeout, in
// either direction: http.Transport is always reading, also while it sends a
// long body, so that what was written must count as well.
type idleConn struct {
	net.Conn
	timeout time.Duration

	mu    sync.Mutex
	until time.Time // the deadline that is set
}

// moved renews the deadline, where it is old enough.
func (c *idleConn) moved() error {
	if c.timeout <= 0 {
		return nil
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until.Sub(now) > c.timeout-c.timeout/renewals {
		return nil
	}
	c.until = now.Add(c.timeout)
	return c.SetDeadline(c.until)
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.moved(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if n > 0 {
		_ = c.moved()
	}
	return n, err
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

// secure has TLS done here instead of in http.Transport, which would put it
// between its buffers and the socket in pieces of 32 KiB.
func secure(t *http.Transport, handshake time.Duration) {
	buffers := &sync.Pool{New: func() any { b := make([]byte, tlsBurst); return &b }}
	dial := t.DialContext
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		config := t.TLSClientConfig.Clone()
		if config.ServerName == "" {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				host = addr
			}
			config.ServerName = host
		}
		// The first records of a connection would be small, for the sake of
		// pages that are shown while they load.
		config.DynamicRecordSizingDisabled = true
		below := &burstConn{Conn: raw, pool: buffers}
		c := &tlsConn{Conn: tls.Client(below, config), below: below}
		if handshake > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, handshake)
			defer cancel()
		}
		if err := c.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return c, nil
	}
}

// tlsConn is TLS that is spoken in bursts.
type tlsConn struct {
	*tls.Conn
	below   *burstConn
	writing atomic.Bool
}

// Write sends the records of p together.
func (c *tlsConn) Write(p []byte) (int, error) {
	if len(p) <= tlsReadSmall {
		return c.Conn.Write(p)
	}
	c.writing.Store(true)
	defer c.writing.Store(false)
	c.below.hold()
	n, err := c.Conn.Write(p)
	if ferr := c.below.flush(); err == nil {
		err = ferr
	}
	return n, err
}

// ReadFrom is that of idleConn.
func (c *tlsConn) ReadFrom(r io.Reader) (int64, error) { return readFrom(c, r) }

// Close does not say good-bye in the middle of a burst: it would wait for the
// burst, and who closes then has been interrupted.
func (c *tlsConn) Close() error {
	if c.writing.Load() {
		return c.below.Close()
	}
	return c.Conn.Close()
}

// burstConn reads ahead, as much as a connection that carries a large body is
// worth, and holds back what is written until it is flushed.
type burstConn struct {
	net.Conn
	pool *sync.Pool // of *[]byte of tlsBurst bytes

	reading sync.Mutex
	small   [tlsReadSmall]byte
	large   *[]byte // from pool, while it is worth it
	rest    []byte  // has been read ahead
	full    int     // reads in a row that filled the buffer

	// tls.Conn writes by itself as well, when it reads: new keys, alerts.
	writing sync.Mutex
	held    *[]byte // from pool, while what is written is held back
}

// Read gives what is there, and reads more where nothing is.
func (c *burstConn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.rest) == 0 {
		b := c.small[:]
		switch {
		case c.large != nil && c.full > 0:
			b = *c.large
		case c.large != nil: // the body has ended, or comes slowly
			c.pool.Put(c.large)
			c.large = nil
		case c.full > 1:
			c.large, _ = c.pool.Get().(*[]byte)
			b = *c.large
		}
		n, err := c.Conn.Read(b)
		switch {
		case n == len(b):
			c.full++
		case n < tlsReadSmall:
			c.full = 0
		}
		if n == 0 {
			return 0, err
		}
		c.rest = b[:n]
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close gives the buffers back.
func (c *burstConn) Close() error {
	err := c.Conn.Close() // reads and writes fail from now on
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.large != nil {
		c.pool.Put(c.large)
		c.large, c.rest = nil, nil
	}
	return err
}

// hold keeps what is written until flush.
func (c *burstConn) hold() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.held, _ = c.pool.Get().(*[]byte)
	*c.held = (*c.held)[:0]
}

func (c *burstConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c *burstConn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.Conn.Write(*c.held)
	*c.held = (*c.held)[:cap(*c.held)]
	c.pool.Put(c.held)
	c.held = nil
	return err
}
