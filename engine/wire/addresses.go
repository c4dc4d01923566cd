package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// How long an address that failed is set aside, at first and at the most.
	// Then one request may try it.
	asideFirst = time.Second
	asideMost  = time.Minute
	// maxBreaks is how many connections of an address must break one after the
	// other, with no answer between, until it is set aside: a server that ends
	// one connection in a hundred is no bad server.
	maxBreaks = 3
	// Where there are other addresses, connecting to one takes no longer; where
	// there is another family, of which none has failed, and none of this one has
	// answered yet, no longer than RFC 8305, 5, would wait.
	connectOne    = 5 * time.Second
	connectFamily = 300 * time.Millisecond
	// A host that was asked for nothing for so long is forgotten.
	quietAfter = 5 * time.Minute
)

// host is a name and its addresses.
type host struct {
	name     string
	balancer *balancer
	patience time.Duration // bounds a lookup, and all dials of a request; 0 does not

	mu    sync.Mutex
	addrs []*address
	left  []*address // not used any more
	turn  int
	last  time.Time // of the last request
	// six says that addresses of version 6 are used, else those of version 4;
	// the others are for when all of these are set aside.
	six    bool
	proven [2]bool // a request was answered, by version 4, by version 6

	asking       chan struct{}      // closed at the end of the lookup that is under way
	stopAsking   context.CancelFunc // of a lookup that is made beside the requests
	askErr       error              // of the last lookup
	asked, renew time.Time
}

// address is one of a host's addresses. What changes is under its mutex.
type address struct {
	host      *host
	ip        netip.Addr
	transport *http.Transport

	seen           time.Time // in an answer of DNS
	inFlight, open int       // requests, connections
	dialing        int       // connections that are being made
	parked         []chan<- bool
	breaks         int       // connections that broke since the last answer
	until          time.Time // set aside; zero where it is not
	pause          time.Duration
	probed         bool // set aside, and a request tries it
}

// newAddress makes a transport that connects to ip whatever the name says; the
// certificate is still that of the name, and sessions of TLS are shared.
func (h *host) newAddress(ip netip.Addr) *address {
	t := h.balancer.plain.Clone()
	t.Proxy = nil // asked already
	a := &address{host: h, ip: ip, transport: t}
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return a.dial(ctx, network, addr, dial)
	}
	secure(t, h.balancer.bursts)
	dialTLS := t.DialTLSContext
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dialTLS(ctx, network, addr)
		if err == nil {
			return c, nil
		}
		if _, ok := errors.AsType[*dialError](err); ok {
			return nil, err
		}
		return nil, a.undialled(ctx, err)
	}
	return a
}

// dial connects to the address instead of to the name.
func (a *address) dial(ctx context.Context, network, addr string, dial func(context.Context, string, string) (net.Conn, error)) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if err := a.permit(ctx); err != nil {
		return nil, &dialError{error: err}
	}
	if d := a.host.patienceFor(a); d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	c, err := dial(ctx, network, net.JoinHostPort(a.ip.String(), port))
	if err != nil {
		a.count(-1, 0)
		return nil, a.undialled(ctx, err)
	}
	a.count(-1, 1)
	c.(*idleConn).onGone(func() { a.count(0, -1) })
	a.host.balancer.trim()
	return c, nil
}

// count takes note of a dial that has begun or ended, of a connection that is
// open or closed.
func (a *address) count(dialing, open int) {
	a.host.balancer.open.Add(int64(open))
	a.host.mu.Lock()
	defer a.host.mu.Unlock()
	a.dialing += dialing
	a.open += open
	a.settle()
}

// undialled says that connecting failed with err, and why.
func (a *address) undialled(ctx context.Context, err error) error {
	switch {
	case cancelled(ctx, err), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return &dialError{error: err} // that is us
	}
	a.host.setAside(a)
	_, network := errors.AsType[net.Error](err)
	return &dialError{error: err, elsewhere: network || errors.Is(err, io.EOF)}
}

// cancelled says that err says nothing about an address: who asked has left.
func cancelled(ctx context.Context, err error) bool {
	return errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, context.Canceled)
}

// patienceFor is how long connecting to a may take; 0 sets no limit beside that of the dialer.
func (h *host) patienceFor(a *address) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.addrs) < 2 {
		return 0
	}
	other := func(b *address) bool { return b.ip.Is6() != a.ip.Is6() }
	bad := func(b *address) bool { return other(b) && b.pause > 0 }
	if !h.proven[family(a.ip.Is6())] && slices.ContainsFunc(h.addrs, other) && !slices.ContainsFunc(h.addrs, bad) {
		return connectFamily
	}
	return connectOne
}

func family(six bool) int {
	if six {
		return 1
	}
	return 0
}

// take returns the address for the next request: of those that are not set
// aside and not in tried the one with the fewest requests in flight, rather one
// with a connection that is idle, and else in turn. probe says that it is set
// aside and this request tries it. It is nil where there is none; only the first
// try of a request, which has tried none, gets one that is set aside where all are.
func (h *host) take(tried []*address) (a *address, probe bool) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = now
	h.turn++
	var best, nearest *address
	for i := range h.addrs {
		a := h.addrs[(h.turn+i)%len(h.addrs)]
		if slices.Contains(tried, a) {
			continue
		}
		if !a.until.IsZero() {
			if nearest == nil || a.until.Before(nearest.until) {
				nearest = a
			}
			if a.probed || now.Before(a.until) {
				continue
			}
		}
		if best == nil || h.better(a, best) {
			best = a
		}
	}
	switch {
	case best != nil:
	case len(tried) == 0:
		best = nearest
	}
	if best == nil {
		return nil, false
	}
	probe = !best.until.IsZero() && !best.probed
	best.probed = best.probed || probe
	best.inFlight++
	return best, probe
}

// better compares two addresses that may be used.
func (h *host) better(a, b *address) bool {
	if six := a.ip.Is6(); six != b.ip.Is6() {
		return six == h.six
	}
	if a.inFlight != b.inFlight {
		return a.inFlight < b.inFlight
	}
	return a.open > a.inFlight && b.open <= b.inFlight
}

// answered says that a has answered; ended, that the request is over with it.
func (h *host) answered(a *address, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ended {
		a.inFlight--
		a.settle()
	}
	a.breaks, a.until, a.pause, a.probed = 0, time.Time{}, 0, false
	h.proven[family(a.ip.Is6())] = true
}

// ended says that a request is over; probe, that it tried whether a is back.
func (h *host) ended(a *address, probe bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.inFlight--
	a.settle()
	if probe {
		a.probed = false
	}
}

// broke says that a request to a, whose context is ctx, ended with err instead
// of an answer.
func (h *host) broke(ctx context.Context, a *address, err error) {
	if ctx.Err() != nil {
		err = context.Cause(ctx) // the watch over stalls ends requests that way
	}
	// Not so what the body says that is sent, not a connection that was closed
	// for lying idle, and not who has no more time.
	_, network := errors.AsType[net.Error](err)
	_, stalled := errors.AsType[*StallError](err)
	if !network && !stalled && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	h.mu.Lock()
	a.breaks++
	bad := a.breaks >= maxBreaks || !a.until.IsZero()
	h.mu.Unlock()
	if bad {
		h.setAside(a)
	}
}

// setAside keeps requests from a for a while, for longer each time.
func (h *host) setAside(a *address) {
	if !h.bar(a) {
		return
	}
	// What lies idle is as bad as what has failed.
	a.transport.CloseIdleConnections()
}

// bar says whether a was not set aside already, until now.
func (h *host) bar(a *address) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if now.Before(a.until) {
		return false
	}
	a.pause = min(max(2*a.pause, asideFirst), asideMost)
	a.until, a.breaks = now.Add(a.pause), 0
	if soon := h.asked.Add(renewSoon); soon.Before(h.renew) {
		h.renew = soon // there may be other addresses by now
	}
	free := func(b *address) bool { return b.ip.Is6() != a.ip.Is6() && b.until.IsZero() }
	if six := a.ip.Is6(); six == h.six && !h.proven[family(six)] && slices.ContainsFunc(h.addrs, free) {
		h.six = !six
	}
	return true
}

// idlest returns the address with the most connections that are not in use.
func (h *host) idlest() (worst *address, idle int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.addrs {
		if n := a.open - a.inFlight; n > idle {
			worst, idle = a, n
		}
	}
	return worst, idle
}

// quiet says that the host is not used.
func (h *host) quiet(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	busy := func(a *address) bool { return a.inFlight > 0 || a.open > 0 }
	return h.asking == nil && now.Sub(h.last) > quietAfter && !slices.ContainsFunc(h.addrs, busy) && !slices.ContainsFunc(h.left, busy)
}
