package wire

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

const (
	// S3 answers a handful of its many addresses, for five seconds; some time
	// after that a name is looked up again.
	renewAfter = 10 * time.Second
	// renewSoon is the least time between two lookups of a name whose
	// addresses fail.
	renewSoon = time.Second
	// An address that was not in an answer for so long is left.
	forgetAfter  = time.Minute
	maxAddresses = 32
)

// lookupFunc finds the addresses of a host, the best first.
type lookupFunc func(ctx context.Context, host string) ([]netip.Addr, error)

func lookupSystem(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// ready returns when the host has addresses. The first lookup is made by the
// first request, and others wait for it; later ones are made beside the
// requests, which go on with what is known.
func (h *host) ready(ctx context.Context) error {
	for {
		h.mu.Lock()
		known := len(h.addrs) > 0
		if known && (time.Now().Before(h.renew) || h.asking != nil) {
			h.mu.Unlock()
			return nil
		}
		asked := h.asking
		if asked == nil {
			asked = make(chan struct{})
			h.asking = asked
			if known {
				h.renewBeside(ctx)
				h.mu.Unlock()
				return nil
			}
			h.mu.Unlock()
			if err := h.ask(ctx); err != nil {
				return err
			}
			continue
		}
		h.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-asked:
		}
		h.mu.Lock()
		err := h.askErr
		h.mu.Unlock()
		// Who asked may have been cancelled, which is nothing to the others.
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// renewBeside looks the name up again; h.mu is held.
func (h *host) renewBeside(ctx context.Context) {
	ctx, h.stopAsking = context.WithCancel(context.WithoutCancel(ctx))
	go func() { _ = h.ask(ctx) }() // the old answer serves on, where there is no new one
}

// ask makes the lookup that h.asking stands for.
func (h *host) ask(ctx context.Context) error {
	if h.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.patience)
		defer cancel()
	}
	found, err := h.balancer.lookup(ctx, h.name)
	if err == nil && len(found) == 0 {
		err = &net.DNSError{Err: "no such host", Name: h.name, IsNotFound: true}
	}
	if err != nil {
		err = &net.OpError{Op: "dial", Net: "tcp", Err: err} // as a dialer would have it
	}
	h.mu.Lock()
	now := time.Now()
	if err == nil {
		h.merge(found, now)
	}
	h.renew, h.asked = now.Add(renewAfter), now
	h.askErr = err
	close(h.asking)
	h.asking = nil
	if h.stopAsking != nil {
		h.stopAsking()
		h.stopAsking = nil
	}
	left := h.leave()
	h.mu.Unlock()
	for _, t := range left {
		t.CloseIdleConnections()
	}
	return err
}

// merge takes an answer in; h.mu is held.
func (h *host) merge(found []netip.Addr, now time.Time) {
	first := len(h.addrs) == 0
	for i, ip := range found {
		ip = ip.Unmap()
		if i == 0 && first {
			h.six = ip.Is6()
		}
		at := slices.IndexFunc(h.addrs, func(a *address) bool { return a.ip == ip })
		if at < 0 {
			at = len(h.addrs)
			h.addrs = append(h.addrs, h.newAddress(ip))
		}
		h.addrs[at].seen = now
	}
	slices.SortStableFunc(h.addrs, func(a, b *address) int { return b.seen.Compare(a.seen) })
	keep := len(h.addrs)
	for keep > 1 && (keep > maxAddresses || now.Sub(h.addrs[keep-1].seen) > forgetAfter) {
		keep--
	}
	h.left = append(h.left, h.addrs[keep:]...)
	clear(h.addrs[keep:])
	h.addrs = h.addrs[:keep]
}

// leave returns the transports of addresses that are not used any more. They
// stay known until the last connection is closed: a request that goes on would
// leave it idle. h.mu is held.
func (h *host) leave() []*http.Transport {
	out := make([]*http.Transport, len(h.left))
	for i, a := range h.left {
		out[i] = a.transport
	}
	h.left = slices.DeleteFunc(h.left, func(a *address) bool { return a.open == 0 && a.inFlight == 0 })
	return out
}

// closeIdle closes what lies idle, and ends a lookup that is made beside.
func (h *host) closeIdle() {
	h.mu.Lock()
	if h.stopAsking != nil {
		h.stopAsking()
	}
	all := h.leave()
	for _, a := range h.addrs {
		all = append(all, a.transport)
	}
	h.mu.Unlock()
	for _, t := range all {
		t.CloseIdleConnections()
	}
}
