package s3sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
)

// Endpoint is a Server on a port.
type Endpoint struct {
	// URL is http or https with the address, no path.
	URL string

	addr   string
	ca     []byte
	server *http.Server
	end    context.CancelFunc
	served chan error

	mu sync.Mutex
	// open are the connections; true are those that no request has come on.
	open  map[net.Conn]bool
	empty chan struct{} // closed when the last has gone, after closing is set
	// closing is set by Close.
	closing bool
}

// Listen serves s on an address as host:port; port 0 takes a free one. With
// TLS there is a certificate of an authority of its own, see [Endpoint.CA], for
// 127.0.0.1, ::1, Options.Domain and names in front of it. Close ends it.
func (s *Server) Listen(addr string, withTLS bool) (*Endpoint, error) {
	e := &Endpoint{served: make(chan error, 1), open: map[net.Conn]bool{}, empty: make(chan struct{})}
	var config *tls.Config
	if withTLS {
		ca, err := newAuthority()
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
		cert, err := ca.issue(s.options.Domain)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", addr, err)
		}
		e.ca = ca.pem
		config = &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{cert},
			VerifyConnection: func(tls.ConnectionState) error { // the last step of each handshake
				s.counters.handshakes.Add(1)
				return nil
			},
		}
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	e.addr = l.Addr().String()
	e.URL = "http://" + e.addr
	if n := s.options.Conditions.SendBuffer; n > 0 {
		l = bufferedListener{Listener: l, bytes: n}
	}
	if s.options.Conditions.Bandwidth > 0 {
		l = slowListener{Listener: l, bandwidth: s.options.Conditions.Bandwidth}
	}
	base, end := context.WithCancel(context.Background())
	e.end = end
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	if withTLS {
		e.URL = "https://" + e.addr
		protocols.SetHTTP2(s.options.Conditions.HTTP2)
	}
	e.server = &http.Server{
		Handler:     s,
		TLSConfig:   config,
		Protocols:   &protocols,
		BaseContext: func(net.Listener) context.Context { return base },
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.counters.connections.Add(1)
			}
			e.track(conn, state)
		},
		// What it has to say is of clients that break off.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() {
		switch {
		case !withTLS:
			e.served <- e.server.Serve(l)
		case s.options.Conditions.HTTP2: // which net/http finds on its own TLS only
			e.served <- e.server.ServeTLS(l, "", "")
		default:
			e.served <- e.server.Serve(tlsListener{l, config})
		}
	}()
	return e, nil
}

// bufferedListener gives each connection a buffer of a size for sending.
type bufferedListener struct {
	net.Listener
	bytes int
}

func (l bufferedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(l.bytes) // one that is closed already fails when it is used
	}
	return conn, nil
}

// CA is the certificate in PEM that clients have to trust; nil without TLS.
func (e *Endpoint) CA() []byte { return slices.Clone(e.ca) }

// DialContext connects to the endpoint whatever the address: bucket.localhost
// needs no name server then. It is for http.Transport.
func (e *Endpoint) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, e.addr)
}

// Close ends the endpoint: waits of latency and stalls at once, other requests
// when they have been answered, or when ctx ends, which is its error then. It
// returns when no connection is left.
func (e *Endpoint) Close(ctx context.Context) error {
	e.end()
	e.mu.Lock()
	again := e.closing
	e.closing = true
	if len(e.open) == 0 && !again {
		close(e.empty)
	}
	for conn, unused := range e.open {
		if unused { // Shutdown would wait seconds for a request on it
			_ = conn.Close()
		}
	}
	e.mu.Unlock()
	err := e.server.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("close %s: %w", e.URL, err)
		if cerr := e.server.Close(); cerr != nil {
			err = errors.Join(err, cerr)
		}
	}
	if again {
		return err
	}
	if serr := <-e.served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve %s: %w", e.URL, serr))
	}
	<-e.empty // every connection is closed by now, and its request soon sees it
	return err
}

// track knows the connections that are open.
func (e *Endpoint) track(conn net.Conn, state http.ConnState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch state {
	case http.StateNew:
		e.open[conn] = true
		if e.closing {
			_ = conn.Close()
		}
	case http.StateActive:
		e.open[conn] = false
	case http.StateClosed, http.StateHijacked:
		delete(e.open, conn)
		if e.closing && len(e.open) == 0 {
			select {
			case <-e.empty:
			default:
				close(e.empty)
			}
		}
	}
}
