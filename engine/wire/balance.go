package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// balancer is a transport that spreads requests over the addresses of a host:
// each goes to the address that has the fewest. An address that is dead is left
// at once, and one that is new in DNS, or back, is used at once.
//
// Each address has an http.Transport of its own, with connections of its own.
// What is not for a name (an address itself, a proxy, a dialer of the caller's)
// goes through a plain one.
type balancer struct {
	plain  *http.Transport
	bursts *bursts
	// lookup is nil where nothing is spread.
	lookup  lookupFunc
	connect time.Duration // bounds the making of a connection; 0 does not
	kept    [2]reflect.Type
	// open are the connections of all addresses, most how many there may be
	// until those that lie idle are closed.
	open atomic.Int64
	most int64
	// clock is that of the store, by the answers to all requests.
	clock clock

	mu    sync.RWMutex
	hosts map[hostKey]*host // nil for what is no name
}

// hostKey is what has connections of its own in an http.Transport.
type hostKey struct{ scheme, host string }

// newBalancer takes t over.
func newBalancer(t *http.Transport, o Options) *balancer {
	b := &balancer{
		plain: t, bursts: &bursts{memory: o.Memory}, connect: timeout(o.ConnectTimeout), hosts: map[hostKey]*host{},
		// Requests leave one address for another, as addresses come and go, and
		// leave connections there, which count in nobody's budget.
		most:  int64(t.MaxIdleConnsPerHost),
		clock: clock{began: time.Now()},
		kept: [2]reflect.Type{
			reflect.TypeOf(io.NopCloser(strings.NewReader(""))), // has WriteTo
			reflect.TypeOf(io.NopCloser(struct{ io.Reader }{})), // has not
		},
	}
	switch {
	case o.Dial != nil:
	case o.Lookup != nil:
		b.lookup = o.Lookup
	default:
		b.lookup = lookupSystem
	}
	secure(t, b.bursts)
	return b
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.roundTrip(req)
	if err == nil {
		b.clock.see(resp)
	}
	return resp, err
}

func (b *balancer) roundTrip(req *http.Request) (*http.Response, error) {
	h := b.host(req)
	if h == nil {
		return b.plain.RoundTrip(req)
	}
	if err := h.ready(req.Context()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return h.roundTrip(req) //nolint:contextcheck // the context is in req
}

// host returns whose addresses req may go to, or nil where it is for the plain
// transport.
func (b *balancer) host(req *http.Request) *host {
	if b.lookup == nil || req.URL == nil || req.URL.Host == "" {
		return nil
	}
	if b.plain.Proxy != nil {
		if proxy, err := b.plain.Proxy(req); err != nil || proxy != nil {
			return nil
		}
	}
	key := hostKey{req.URL.Scheme, req.URL.Host}
	b.mu.RLock()
	h, ok := b.hosts[key]
	b.mu.RUnlock()
	if ok {
		return h
	}
	return b.meet(key, req.URL.Hostname())
}

// meet makes a host known. There is one for each bucket that is reached by its
// name; those that have not been asked for long are dropped.
func (b *balancer) meet(key hostKey, name string) *host {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h, ok := b.hosts[key]; ok {
		return h
	}
	var h *host
	if !literal(name) {
		h = &host{name: name, balancer: b, patience: b.connect}
	}
	now := time.Now()
	for k, old := range b.hosts {
		if old != nil && old.quiet(now) {
			delete(b.hosts, k) // it has no connection
		}
	}
	b.hosts[key] = h
	return h
}

// literal says that a host is nothing to look up; names that are not in ASCII
// are left to net/http, which translates them.
func literal(name string) bool {
	if name == "" {
		return true
	}
	for i := range len(name) {
		if name[i] >= 0x80 {
			return true
		}
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// CloseIdleConnections closes the connections that are not in use, of all
// addresses, and ends what is being made.
func (b *balancer) CloseIdleConnections() {
	b.plain.CloseIdleConnections()
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, h := range b.hosts {
		if h != nil {
			h.closeIdle()
		}
	}
}

// trim closes the idle connections of the address that has the most, where there
// are too many.
func (b *balancer) trim() {
	if b.open.Load() <= b.most {
		return
	}
	var worst *address
	var most int
	b.mu.RLock()
	for _, h := range b.hosts {
		if h == nil {
			continue
		}
		if a, idle := h.idlest(); idle > most {
			worst, most = a, idle
		}
	}
	b.mu.RUnlock()
	if worst != nil {
		worst.transport.CloseIdleConnections()
	}
}

// maxTries bounds the addresses that one request tries to connect to.
const maxTries = 8

// roundTrip sends req to one address, and where that cannot be connected to,
// to the next: nothing was sent then.
func (h *host) roundTrip(req *http.Request) (*http.Response, error) {
	req, body := h.balancer.keep(req)
	if body != nil {
		defer body.leave()
	}
	var tries [maxTries]*address
	var failed []error
	var began time.Time
	a, probe := h.take(nil)
	for n := 0; ; {
		resp, err := a.transport.RoundTrip(req)
		if err == nil {
			over := resp.Body == nil || resp.Body == http.NoBody
			h.answered(a, over)
			if !over {
				resp.Body = &countedBody{ReadCloser: resp.Body, address: a}
			}
			return resp, nil
		}
		dial, notSent := errors.AsType[*dialError](err)
		if !notSent {
			h.broke(req.Context(), a, err)
		}
		h.ended(a, probe)
		if !notSent {
			return nil, err
		}
		if !errors.Is(err, errNotNeeded) {
			failed = append(failed, dial.error)
			now := time.Now()
			if n == 0 {
				began = now
			}
			late := h.patience > 0 && now.Sub(began) > h.patience
			if n+1 == maxTries || late || !dial.elsewhere || req.Context().Err() != nil {
				return nil, joinDials(failed)
			}
			tries[n] = a
			n++
		}
		if a, probe = h.take(tries[:n]); a == nil {
			return nil, joinDials(failed)
		}
		if req, err = rewind(req); err != nil {
			h.ended(a, probe)
			return nil, errors.Join(joinDials(failed), err)
		}
	}
}

// keep returns req with a body that closing does not spend, so that it can be
// sent elsewhere. http.Transport knows some types, and sends them better: those
// are not spent by closing.
func (b *balancer) keep(req *http.Request) (*http.Request, *keptBody) {
	if req.Body == nil || req.Body == http.NoBody || req.GetBody != nil {
		return req, nil
	}
	if _, ok := req.Body.(*guarded); ok {
		return req, nil
	}
	if t := reflect.TypeOf(req.Body); t == b.kept[0] || t == b.kept[1] {
		return req, nil
	}
	body := &keptBody{body: req.Body}
	kept := *req
	kept.Body = body
	return &kept, body
}

// rewind returns req ready for another try. Nothing has read its body.
func rewind(req *http.Request) (*http.Request, error) {
	if kept, ok := req.Body.(*keptBody); ok {
		return req, kept.open()
	}
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return req, fmt.Errorf("reading the body again: %w", err)
	}
	next := *req
	next.Body = body
	return &next, nil
}

// keptBody is a body that is closed at the end of all tries.
type keptBody struct {
	mu     sync.Mutex
	body   io.ReadCloser
	read   bool
	closed bool // by the transport
	left   bool
}

func (k *keptBody) Read(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return 0, errLeft
	}
	k.read = true
	return k.body.Read(p)
}

func (k *keptBody) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil
	}
	k.closed = true
	if k.left {
		return k.body.Close()
	}
	return nil
}

// open lets the body be sent again, where it was not read.
func (k *keptBody) open() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.read {
		return errNotSeekable
	}
	k.closed = false
	return nil
}

// leave ends the tries.
func (k *keptBody) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = true
	if k.closed {
		_ = k.body.Close()
	}
}

// countedBody is the body of an answer: when it has ended, so has the request.
type countedBody struct {
	io.ReadCloser
	address *address
	ended   atomic.Bool
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

func (c *countedBody) Close() error {
	err := c.ReadCloser.Close()
	c.end()
	return err
}

func (c *countedBody) end() {
	if c.ended.CompareAndSwap(false, true) {
		c.address.host.ended(c.address, false)
	}
}

// dialError says that there was no connection: nothing was sent.
type dialError struct {
	error
	// elsewhere says that another address may do.
	elsewhere bool
}

func (e *dialError) Unwrap() error { return e.error }

// joinDials tells of the addresses that did not answer: of one as net/http does.
func joinDials(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return &dialErrors{errs}
}

type dialErrors struct{ errs []error }

func (e *dialErrors) Error() string {
	all := make([]string, len(e.errs))
	for i, err := range e.errs {
		all[i] = err.Error()
	}
	return strings.Join(all, "; ")
}

func (e *dialErrors) Unwrap() []error { return e.errs }

// Timeout implements net.Error, for url.Error.
func (e *dialErrors) Timeout() bool {
	var t net.Error
	for _, err := range e.errs {
		if !errors.As(err, &t) || !t.Timeout() {
			return false
		}
	}
	return true
}

// Temporary implements net.Error.
func (e *dialErrors) Temporary() bool { return true }

var _ net.Error = (*dialErrors)(nil)
