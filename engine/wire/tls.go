package wire

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
)

const (
	// A TLS record holds 16 KiB, and tls.Conn reads and writes one at a time.
	// Below it, a buffer makes one call of many; records have a little more
	// than their bytes, and so has the buffer.
	tlsRecord = 16 << 10
	tlsSmall  = 8 << 10
	tlsBurst  = chunk + 8<<10
	// tlsOwn is what tls.Conn keeps by itself: 32 KiB where records of growing
	// length have come (see burstConn.record), and the longest message of the
	// handshake, which has the chain of certificates in it.
	tlsOwn = 40 << 10
	// A record begins with so many bytes; the last two say how long the rest is
	// (RFC 8446, 5.1).
	tlsHeader = 5
)

// bursts are the buffers of tlsBurst bytes that connections have while they
// carry a large body, as far as there is memory for them.
type bursts struct {
	memory Memory // nil: there are none
	pool   sync.Pool
}

// get returns a buffer, or nil where a connection must do without.
func (b *bursts) get() *[]byte {
	if b.memory == nil || !b.memory.TryReserve(tlsBurst) {
		return nil
	}
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, tlsBurst)
	return &buf
}

func (b *bursts) put(buf *[]byte) {
	b.pool.Put(buf)
	b.memory.Unreserve(tlsBurst)
}

// secure has TLS done here instead of in http.Transport, which would put it
// between its buffers and the socket in pieces of 32 KiB.
func secure(t *http.Transport, buffers *bursts) {
	dial, handshake := t.DialContext, t.TLSHandshakeTimeout
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
		below := &burstConn{Conn: raw, bursts: buffers}
		c := &tlsConn{Conn: tls.Client(below, config), below: below}
		if handshake > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, handshake)
			defer cancel()
		}
		if err := c.HandshakeContext(ctx); err != nil {
			_ = below.Close()
			return nil, err
		}
		return c, nil
	}
}

// tlsConn is TLS that is spoken in bursts.
type tlsConn struct {
	*tls.Conn
	below *burstConn
}

// Progress is that of idleConn: bytes on the wire.
func (c *tlsConn) Progress() int64 {
	if m, ok := c.below.Conn.(progress); ok {
		return m.Progress()
	}
	return 0
}

// Held is that of idleConn.
func (c *tlsConn) Held() bool {
	m, ok := c.below.Conn.(progress)
	return ok && m.Held()
}

// Write sends the records of p together.
func (c *tlsConn) Write(p []byte) (int, error) {
	if len(p) <= tlsRecord {
		return c.Conn.Write(p)
	}
	c.below.hold()
	n, err := c.Conn.Write(p)
	if ferr := c.below.flush(); err == nil {
		err = ferr
	}
	return n, err
}

// ReadFrom is that of idleConn.
func (c *tlsConn) ReadFrom(r io.Reader) (int64, error) { return readFrom(c, r) }

// Close does not say good-bye, which HTTP does not need where it knows lengths: it
// would wait for a burst, or for bandwidth, and who closes may hold a lock that
// all requests want.
func (c *tlsConn) Close() error { return c.below.Close() }

// burstConn reads ahead, as much as a connection that carries a large body is
// worth, and holds back what is written until it is flushed.
type burstConn struct {
	net.Conn
	bursts *bursts

	reading sync.Mutex
	small   [tlsSmall]byte
	large   *[]byte // while it is worth it
	rest    []byte  // has been read ahead
	filled  bool    // the last read filled its buffer: there is more
	full    int     // reads in a row that did, as far as they count
	// What tls.Conn gets ends where a record does, else it makes room for parts
	// of two, and keeps it.
	header   [tlsHeader]byte
	inHeader int // how much of the header it has
	record   int // how much of the record it has not

	// tls.Conn writes by itself as well, when it reads: new keys, alerts.
	writing sync.Mutex
	held    *[]byte // while what is written is held back
}

// worth is after how many reads in a row that filled the small buffer a
// connection gets a large one.
const worth = 2

// Read gives what is there, and reads more where nothing is.
func (c *burstConn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.rest) == 0 {
		b := c.buffer()
		n, err := c.Conn.Read(b)
		c.filled = n == len(b)
		switch {
		case c.filled:
			c.full = min(c.full+1, worth)
		case c.large != nil: // it waits for more, or this was the end
			c.full = worth - 1
		default:
			c.full = 0
		}
		if n == 0 {
			return 0, err
		}
		c.rest = b[:n]
	}
	n := c.give(p)
	c.rest = c.rest[n:]
	return n, nil
}

// give copies what is left of a record, or of its header.
func (c *burstConn) give(p []byte) int {
	if c.record > 0 {
		n := copy(p[:min(len(p), c.record)], c.rest)
		c.record -= n
		return n
	}
	n := copy(p[:min(len(p), tlsHeader-c.inHeader)], c.rest)
	c.inHeader += copy(c.header[c.inHeader:], p[:n])
	if c.inHeader == tlsHeader {
		c.inHeader = 0
		c.record = int(c.header[3])<<8 | int(c.header[4])
	}
	return n
}

// buffer is what to read into. After a read that took all there was the next
// one may have to wait, for ever where the body has ended: it goes into the small
// buffer.
func (c *burstConn) buffer() []byte {
	switch {
	case c.large != nil && !c.filled:
		c.bursts.put(c.large)
		c.large = nil
	case c.large == nil && c.filled && c.full == worth:
		c.large = c.bursts.get()
	}
	if c.large != nil {
		return *c.large
	}
	return c.small[:]
}

// Close gives the buffers back.
func (c *burstConn) Close() error {
	err := c.Conn.Close() // reads and writes fail from now on
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.large != nil {
		c.bursts.put(c.large)
	}
	c.large, c.rest, c.filled = nil, nil, false // or a last read takes one again
	return err
}

// hold keeps what is written until flush, where there is memory for it.
func (c *burstConn) hold() {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held = c.bursts.get(); c.held != nil {
		*c.held = (*c.held)[:0]
	}
}

func (c *burstConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil {
		return c.Conn.Write(p)
	}
	if len(*c.held)+len(p) > cap(*c.held) {
		if _, err := c.Conn.Write(*c.held); err != nil {
			return 0, err
		}
		*c.held = (*c.held)[:0]
		if len(p) > cap(*c.held) {
			return c.Conn.Write(p)
		}
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c *burstConn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.held == nil {
		return nil
	}
	_, err := c.Conn.Write(*c.held)
	*c.held = (*c.held)[:cap(*c.held)]
	c.bursts.put(c.held)
	c.held = nil
	return err
}
