package s3sim

import (
	"context"
	"errors"
	"net"

	"golang.org/x/time/rate"
)

// slowListener gives each connection a bandwidth of its own.
type slowListener struct {
	net.Listener
	bandwidth int64 // bytes a second in each direction
}

func (l slowListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSlowConn(conn, l.bandwidth), nil
}

// slowConn is a connection of so much bandwidth, each direction for itself.
type slowConn struct {
	net.Conn
	in, out *rate.Limiter
	open    context.Context // ends with the connection, as waits on it do
	close   context.CancelCauseFunc
}

func newSlowConn(conn net.Conn, bandwidth int64) *slowConn {
	// A hundredth of a second at a time is smooth enough for a client, and
	// few timers.
	burst := int(min(max(bandwidth/100, 4<<10), 1<<20))
	c := &slowConn{
		Conn: conn,
		in:   rate.NewLimiter(rate.Limit(bandwidth), burst),
		out:  rate.NewLimiter(rate.Limit(bandwidth), burst),
	}
	c.open, c.close = context.WithCancelCause(context.Background())
	return c
}

// Read waits behind what it read: the bytes are there, as on a slow wire, when
// the wait is over.
func (c *slowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), c.in.Burst())])
	if n > 0 {
		if werr := c.wait(c.in, n); werr != nil {
			return 0, werr
		}
	}
	return n, err
}

func (c *slowConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := p[written:min(len(p), written+c.out.Burst())]
		if err := c.wait(c.out, len(piece)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (c *slowConn) wait(l *rate.Limiter, n int) error {
	if err := l.WaitN(c.open, n); err != nil {
		return errors.Join(net.ErrClosed, err)
	}
	return nil
}

// Close ends waits too.
func (c *slowConn) Close() error {
	c.close(net.ErrClosed)
	return c.Conn.Close()
}

// NetConn is the connection under this one.
func (c *slowConn) NetConn() net.Conn { return c.Conn }
