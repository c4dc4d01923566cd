package engine_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// proxy stands between an engine and the store, and answers some requests
// itself: for the faults that a good store cannot be told to have.
type proxy struct {
	server *httptest.Server

	mu   sync.Mutex
	take func(http.ResponseWriter, *http.Request) bool
}

// newProxy starts a proxy; take answers a request and returns true, or returns
// false to have it passed on.
func newProxy(t testing.TB, take func(http.ResponseWriter, *http.Request) bool) *proxy {
	t.Helper()
	store, err := url.Parse(wiretest.Endpoint(t).Endpoint)
	must(t, err)
	if store.Scheme != "http" {
		t.Skip("faults are put in between over http only")
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	pass := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(store)
			r.Out.Host = r.In.Host // it is signed
			r.Out.URL.RawQuery = r.In.URL.RawQuery
		},
		// The client has gone, or the store has: the client sees it as well.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := &proxy{take: take}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		take := p.take
		p.mu.Unlock()
		if take == nil || !take(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		p.server.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// heal passes everything on from now on.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take = nil
}

// options are those of an engine behind the proxy.
func (p *proxy) options(t testing.TB) engine.Options {
	t.Helper()
	o := options(t)
	addr := p.server.Listener.Addr()
	o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
	}
	return o
}

// deny answers as S3 does where it refuses.
func deny(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", "4Z9K")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message><RequestId>4Z9K</RequestId></Error>", code)
	return true
}

// breakOff ends the connection without an answer.
func breakOff() bool { panic(http.ErrAbortHandler) }

func isList(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Has("list-type")
}

func isPut(r *http.Request, key string) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/"+key)
}

func isGet(r *http.Request, key string) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+key)
}
