package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/engine/wire"
)

// village is a network in virtual time: addresses that answer, refuse, break or
// say nothing, and a resolver.
type village struct {
	t     *testing.T
	began time.Time
	rt    http.RoundTripper

	mu       sync.Mutex
	is       map[string]string // what an address does; "" answers
	dials    map[string][]time.Duration
	requests map[string]int
	open     map[string]int
	bodies   []string
	takes    time.Duration // the making of a connection
	closing  time.Duration // the closing of one, on our side
	lookups  []time.Duration
	answer   []string // of the resolver
	resolve  func(context.Context) error
	serving  sync.WaitGroup
}

func newVillage(t *testing.T, answer ...string) *village {
	v := &village{
		t: t, began: time.Now(), answer: answer, is: map[string]string{}, dials: map[string][]time.Duration{},
		requests: map[string]int{}, open: map[string]int{},
	}
	v.rt = wire.NewBalancer(&http.Transport{DialContext: v.dial, MaxIdleConnsPerHost: 100}, wire.Options{Lookup: v.lookup})
	t.Cleanup(func() {
		v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		v.serving.Wait()
		for ip, n := range v.open {
			if n != 0 {
				t.Errorf("%s: %d connections are left", ip, n)
			}
		}
	})
	return v
}

func (v *village) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	v.mu.Lock()
	v.lookups = append(v.lookups, time.Since(v.began))
	resolve, answer := v.resolve, v.answer
	v.mu.Unlock()
	if host != "store.example" {
		v.t.Errorf("looked up %s", host)
	}
	if resolve != nil {
		if err := resolve(ctx); err != nil {
			return nil, err
		}
	}
	var all []netip.Addr
	for _, ip := range answer {
		all = append(all, netip.MustParseAddr(ip))
	}
	return all, nil
}

func (v *village) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to := netip.MustParseAddrPort(addr)
	ip := to.Addr().String()
	v.mu.Lock()
	v.dials[ip] = append(v.dials[ip], time.Since(v.began).Truncate(100*time.Millisecond))
	is := v.is[ip]
	v.mu.Unlock()
	fails := func(err error) error {
		return &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	switch is {
	case "refuses":
		return nil, fails(syscall.ECONNREFUSED)
	case "swallows":
		<-ctx.Done()
		return nil, fails(ctx.Err())
	}
	time.Sleep(v.takes)
	here, there := net.Pipe()
	v.mu.Lock()
	v.open[ip]++
	v.mu.Unlock()
	v.serving.Go(func() {
		l := &oneConn{ends: make(chan struct{})}
		l.conn = &watched{Conn: there, ends: l.ends}
		_ = (&http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(w, r, ip) })}).Serve(l)
		v.mu.Lock()
		v.open[ip]--
		v.mu.Unlock()
	})
	return wire.NewConn(&slowClose{here, v.closing}, 0, nil), nil
}

type slowClose struct {
	net.Conn
	takes time.Duration
}

func (c *slowClose) Close() error {
	time.Sleep(c.takes)
	return c.Conn.Close()
}

func (v *village) serve(w http.ResponseWriter, r *http.Request, ip string) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.requests[ip]++
	v.bodies = append(v.bodies, string(body))
	is := v.is[ip]
	v.mu.Unlock()
	if r.Host != "store.example" {
		v.t.Errorf("asked for %s", r.Host)
	}
	time.Sleep(time.Millisecond) // so that requests meet
	switch is {
	case "breaks":
		panic(http.ErrAbortHandler)
	case "closes":
		w.Header().Set("Connection", "close")
		return
	}
	_, _ = io.WriteString(w, "answer")
}

// oneConn is a listener for one connection.
type oneConn struct {
	conn net.Conn
	ends chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.ends
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

type watched struct {
	net.Conn
	once sync.Once
	ends chan struct{}
}

func (w *watched) Close() error {
	w.once.Do(func() { close(w.ends) })
	return w.Conn.Close()
}

func (v *village) set(ip, is string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.is[ip] = is
}

// ask sends one request.
func (v *village) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://store.example/", nil)
	must(v.t, err)
	resp, err := v.rt.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// all asks n times at once, and then waits until all of it is over.
func (v *village) all(n int) {
	v.t.Helper()
	var done sync.WaitGroup
	for range n {
		done.Go(func() {
			if err := v.ask(v.t.Context()); err != nil {
				v.t.Error(err)
			}
		})
	}
	done.Wait()
	synctest.Wait()
}

// count returns the requests so far by address, and forgets them.
func (v *village) count() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := fmt.Sprint(v.requests)
	clear(v.requests)
	return s
}

// many are n addresses in a row.
func many(from, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("10.0.%d.%d", (from+i)/250, (from+i)%250+1))
	}
	return all
}
