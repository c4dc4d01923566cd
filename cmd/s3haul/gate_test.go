package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// gate stands between a command and the server. It lets the first requests of a
// kind through and holds the rest, so that a signal comes while they are under
// way, however fast or slow the machine is.
type gate struct {
	held func(*http.Request) bool
	free int // how many of those that held is true for are let through

	mu      sync.Mutex
	seen    int
	reached chan struct{} // closed when one is held
	opened  chan struct{} // closed by open
	once    sync.Once
	dropped atomic.Bool
	lifted  atomic.Bool
}

// behindGate starts a gate; the target that comes back leads through it.
func behindGate(t *testing.T, target wiretest.Target, free int, held func(*http.Request) bool) (*gate, wiretest.Target) {
	t.Helper()
	to, err := url.Parse(target.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is signed
		},
		// A command that was interrupted is gone when its answer comes.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	g := &gate{held: held, free: free, reached: make(chan struct{}), opened: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held(r) && !g.pass(r) {
			panic(http.ErrAbortHandler) // no answer at all: an empty one would be a wrong one
		}
		defer func() {
			// How ReverseProxy ends a request whose client has gone.
			v := recover()
			if err, ok := v.(error); v != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
				panic(v)
			}
		}()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(g.open) // before the server waits for its requests
	target.Endpoint = server.URL
	return g, target
}

// pass waits where the request is one too many, and says whether it may go on.
// That a client has gone is seen only where it had nothing to send; so every
// gate is opened in the end.
func (g *gate) pass(r *http.Request) bool {
	g.mu.Lock()
	g.seen++
	late := g.seen > g.free && !g.lifted.Load()
	if g.seen == g.free+1 {
		close(g.reached)
	}
	g.mu.Unlock()
	if !late {
		return true
	}
	select {
	case <-g.opened:
		return r.Context().Err() == nil && !g.dropped.Load()
	case <-r.Context().Done():
		return false
	}
}

// drop is open for a command that is gone, whose requests go no further: a part
// may have come whole before it went, and the server would take it now, after
// its upload was aborted, and have it open again.
func (g *gate) drop() {
	g.dropped.Store(true)
	g.open()
}

// lift is drop, and lets through what another command sends from then on.
func (g *gate) lift() {
	g.drop()
	g.lifted.Store(true)
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// Kinds of requests.
func puts(r *http.Request) bool { return r.Method == http.MethodPut }

func gets(r *http.Request) bool {
	return r.Method == http.MethodGet && !r.URL.Query().Has("list-type")
}

func lists(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Has("list-type")
}

func aborts(r *http.Request) bool {
	return r.Method == http.MethodDelete && r.URL.Query().Has("uploadId")
}

func deletions(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("delete")
}
