package difftest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// front stands between one client and a store: it hands on every byte as it
// came, with or without TLS, and keeps what was asked. The Host header stays,
// so that signatures hold.
type front struct {
	ln   net.Listener
	tls  *tls.Config // nil for http
	dial func(ctx context.Context) (net.Conn, error)

	conns, handshakes, resumed atomic.Int64

	mu    sync.Mutex
	asked []*request
	open  map[net.Conn]bool
	ended bool
	wg    sync.WaitGroup
}

// newFront listens for one client of the store at backend.
func newFront(t testing.TB, backend string, config *tls.Config) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &front{ln: ln, tls: config, open: map[net.Conn]bool{}}
	f.dial = func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", backend)
	}
	f.wg.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

// connect is a client's Dial: every host is here.
func (f *front) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", f.ln.Addr().String())
}

func (f *front) close() {
	f.mu.Lock()
	f.ended = true
	f.ln.Close()
	for c := range f.open {
		c.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// keep has close end c; false says that it is too late.
func (f *front) keep(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		c.Close()
		return false
	}
	f.open[c] = true
	return true
}

func (f *front) drop(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, c)
	c.Close()
}

func (f *front) accept() {
	for {
		c, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.conns.Add(1)
		if f.keep(c) {
			f.wg.Go(func() { f.serve(c) })
		}
	}
}

// serve hands on what comes over one connection.
func (f *front) serve(raw net.Conn) {
	defer f.drop(raw)
	client := raw
	if f.tls != nil {
		tc := tls.Server(raw, f.tls)
		if tc.Handshake() != nil {
			return
		}
		f.handshakes.Add(1)
		if tc.ConnectionState().DidResume {
			f.resumed.Add(1)
		}
		client = tc
	}
	store, err := f.dial(context.Background())
	if err != nil || !f.keep(store) {
		return
	}
	defer f.drop(store)
	var down sync.WaitGroup
	down.Go(func() {
		// Without splice(2), which does not end with the connection.
		_, err := io.CopyBuffer(struct{ io.Writer }{client}, struct{ io.Reader }{store}, make([]byte, 64<<10))
		if tcp, ok := raw.(*net.TCPConn); ok && errors.Is(err, syscall.ECONNRESET) {
			_ = tcp.SetLinger(0) // the client is to see a reset, as the store sent one
			raw.Close()
		}
		client.Close()
	})
	defer down.Wait()
	defer store.Close()
	var sent bytes.Buffer
	in := bufio.NewReader(io.TeeReader(client, &sent))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		f.mu.Lock()
		f.asked = append(f.asked, newRequest(r, body, err))
		f.mu.Unlock()
		if _, werr := store.Write(sent.Bytes()); werr != nil || err != nil {
			return
		}
		sent.Reset()
	}
}

// take returns what was asked since the last time.
func (f *front) take() []*request {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.asked
	f.asked = nil
	return all
}
