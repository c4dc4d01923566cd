package wire

import (
	"net"
	"net/http"
	"time"
)

// NewBalancer is newBalancer, for a network that is not there.
func NewBalancer(t *http.Transport, o Options) http.RoundTripper { return newBalancer(t, o) }

// NewConn is newIdleConn.
func NewConn(c net.Conn, timeout time.Duration, band Bandwidth) interface {
	net.Conn
	Progress() int64
	Held() bool
} {
	return newIdleConn(c, timeout, band)
}
