package wire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// houses are servers on addresses of their own behind one name and one port.
type houses struct {
	t    *testing.T
	port string
	tls  bool
	// answer comes after the body was read.
	answer func(w http.ResponseWriter, r *http.Request, house int)
	all    []*house
}

type house struct {
	ip                       netip.Addr
	server                   *httptest.Server
	requests, conns, resumed atomic.Int64
	open                     atomic.Int64
}

// newHouses listens on 127.0.0.1, 127.0.0.2 and so on.
func newHouses(t *testing.T, n int, secure bool, answer func(http.ResponseWriter, *http.Request, int)) *houses {
	h := &houses{t: t, tls: secure, answer: answer, port: "0"}
	for i := range n {
		h.all = append(h.all, &house{ip: netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})})
	}
	for i := range h.all {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(h.all[i].ip.String(), h.port))
		if i > 0 && err != nil {
			t.Skipf("this system has not several loopback addresses: %v", err)
		}
		must(t, err)
		_, h.port, err = net.SplitHostPort(l.Addr().String())
		must(t, err)
		h.serve(i, l)
	}
	t.Cleanup(func() {
		for i := range h.all {
			h.dies(i)
		}
	})
	return h
}

func (h *houses) serve(i int, l net.Listener) {
	one := h.all[i]
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		if r.TLS != nil && r.TLS.DidResume {
			one.resumed.Add(1)
		}
		if h.answer != nil {
			h.answer(w, r, i)
		}
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			one.conns.Add(1)
			one.open.Add(1)
		case http.StateClosed:
			one.open.Add(-1)
		}
	}
	one.server = s
	if h.tls {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
		s.TLS.SetSessionTicketKeys([][32]byte{{1}}) // those of all houses
		s.StartTLS()
	} else {
		s.Start()
	}
}

// dies closes the listener of a house, and its connections.
func (h *houses) dies(i int) {
	_ = h.all[i].server.Listener.Close()
	h.all[i].server.CloseClientConnections()
	h.all[i].server.Close()
}

func (h *houses) returns(i int) {
	l, err := new(net.ListenConfig).Listen(h.t.Context(), "tcp", net.JoinHostPort(h.all[i].ip.String(), h.port))
	must(h.t, err)
	h.serve(i, l)
}

func (h *houses) options(sdk bool) wire.Options {
	scheme := "http"
	if h.tls {
		scheme = "https"
	}
	return wire.Options{
		EndpointURL: scheme + "://example.com:" + h.port, Region: "us-east-1", AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk,
		MaxConns: 128,
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "example.com" {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			var all []netip.Addr
			for _, one := range h.all {
				all = append(all, one.ip)
			}
			return all, nil
		},
	}
}

// spread says whether what was counted is within 20 % of even.
func (h *houses) spread(what string, count func(*house) int64) {
	h.t.Helper()
	var total int64
	all := make([]int64, len(h.all))
	for i := range h.all {
		all[i] = count(h.all[i])
		total += all[i]
	}
	even := float64(total) / float64(len(all))
	for _, n := range all {
		if total == 0 || float64(n) < 0.8*even || float64(n) > 1.2*even {
			h.t.Errorf("%s: %d", what, all)
			return
		}
	}
	h.t.Logf("%s: %d", what, all)
}

func get(c wire.Client, ctx context.Context) error {
	_, err := getAll(c, ctx)
	return err
}

func getAll(c wire.Client, ctx context.Context) ([]byte, error) {
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(out.Body)
	return b, errors.Join(err, out.Body.Close())
}

// Requests and connections go to all addresses of a name alike.
func TestSpread(t *testing.T) {
	const wave = 64
	for _, q := range []struct{ sdk, tls bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("sdk=%v,tls=%v", q.sdk, q.tls), func(t *testing.T) {
			var here sync.WaitGroup
			var held atomic.Bool
			h := newHouses(t, 4, q.tls, func(w http.ResponseWriter, r *http.Request, _ int) {
				if held.Load() { // until all of the wave are here
					here.Done()
					here.Wait()
				}
				if r.Method == http.MethodGet {
					_, _ = w.Write(make([]byte, 1000))
				}
			})
			o := h.options(q.sdk)
			o.NoVerifySSL = q.tls
			c := newClient(t, o)
			run := func(each int) {
				var done sync.WaitGroup
				for i := range wave {
					done.Go(func() {
						for range each {
							var err error
							if i%2 == 0 {
								err = putBody(c, t.Context(), bytes.NewReader(make([]byte, 1000)))
							} else {
								err = get(c, t.Context())
							}
							if err != nil {
								t.Error(err)
							}
						}
					})
				}
				done.Wait()
			}
			held.Store(true)
			here.Add(wave)
			run(1)
			h.spread("connections of a wave", func(o *house) int64 { return o.conns.Load() })
			h.spread("requests of a wave", func(o *house) int64 { return o.requests.Load() })
			held.Store(false)
			run(60)
			h.spread("connections", func(o *house) int64 { return o.open.Load() })
			h.spread("requests", func(o *house) int64 { return o.requests.Load() })
		})
	}
}

// The resolver of the system knows this one, by whatever families.
func TestLocalhost(t *testing.T) {
	f := newFake(t, nil).plain()
	o := f.options()
	o.EndpointURL = strings.Replace(o.EndpointURL, "127.0.0.1", "localhost", 1)
	c := newClient(t, o)
	for range 10 {
		must(t, putBody(c, t.Context(), strings.NewReader("x")))
		must(t, c.HeadBucket(t.Context(), "b"))
	}
	if n := len(f.requests()); n != 20 {
		t.Errorf("%d requests", n)
	}
}

// One address dies in the midst of a run: nothing is lost, and when it is back
// it is used as before.
func TestAddressDies(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		t.Run(fmt.Sprintf("sdk=%v", sdk), func(t *testing.T) {
			h := newHouses(t, 4, false, nil)
			client := newClient(t, h.options(sdk))
			var failed atomic.Int64
			c := wire.Attempts(client, freeGate{}, wire.Policy{Base: 1, Cap: 1, OnRetry: func(string, error) { failed.Add(1) }})
			// Workers go on until enough says so, having sent at least one more.
			run := func(enough func() bool) {
				var done sync.WaitGroup
				for range 32 {
					done.Go(func() {
						for !enough() {
							if err := putBody(c, t.Context(), strings.NewReader("x")); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				done.Wait()
			}
			total := func() (n int64) {
				for _, one := range h.all {
					n += one.requests.Load()
				}
				return n
			}
			var dead sync.Once
			run(func() bool {
				if total() > 300 {
					dead.Do(func() { h.dies(1) })
				}
				return total() > 2000
			})
			before := h.all[1].requests.Load()
			if before == 0 || before > 1000 || failed.Load() > 100 {
				t.Errorf("%d requests before it died, %d failed", before, failed.Load())
			}
			h.returns(1)
			ctx := t.Context()
			run(func() bool { return h.all[1].requests.Load() > before || ctx.Err() != nil })
			for _, one := range h.all {
				one.requests.Store(0)
			}
			run(func() bool { return total() > 2000 })
			h.spread("requests after its return", func(o *house) int64 { return o.requests.Load() })
		})
	}
}

// eventually waits for what other goroutines are about to bring about; the
// time-out of the test is the only one.
func eventually(t testing.TB, is func() bool) {
	t.Helper()
	for !is() {
		if t.Context().Err() != nil {
			t.Fatal("it did not come about")
		}
		runtime.Gosched()
	}
}

// A run that is cancelled leaves nothing: no connection that was made, is being
// made or waits, and no lookup. TestMain looks for goroutines.
func TestNothingIsLeft(t *testing.T) {
	for _, q := range []struct{ sdk, tls bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("sdk=%v,tls=%v", q.sdk, q.tls), func(t *testing.T) {
			var n atomic.Int64
			ctx, cancel := context.WithCancelCause(t.Context())
			h := newHouses(t, 4, q.tls, func(w http.ResponseWriter, r *http.Request, _ int) {
				switch k := n.Add(1); {
				case k == 200:
					cancel(errors.New("enough"))
					fallthrough
				case k%5 == 0: // no answer
					<-r.Context().Done()
				case k%5 == 1: // half an answer
					w.Header().Set("Content-Length", "1000")
					_, _ = w.Write(make([]byte, 500))
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
				}
			})
			o := h.options(q.sdk)
			o.NoVerifySSL = q.tls
			lookup := o.Lookup
			o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
				if host == "other.example.com" { // never answers
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return lookup(ctx, "example.com")
			}
			o.AddressingStyle = "virtual"
			c := wire.Attempts(newClient(t, o), freeGate{}, wire.Policy{Base: 1, Cap: 1})
			var done sync.WaitGroup
			for i := range 128 {
				done.Go(func() {
					for ctx.Err() == nil {
						switch {
						case i == 0:
							_ = c.HeadBucket(ctx, "other")
						case i%2 == 0:
							_ = putBody(c, ctx, bytes.NewReader(make([]byte, 100<<10)))
						default:
							_ = get(c, ctx)
						}
					}
				})
			}
			done.Wait()
			c.CloseIdle()
			eventually(t, func() bool {
				for _, one := range h.all {
					if one.open.Load() != 0 {
						return false
					}
				}
				return true
			})
			if n.Load() < 200 {
				t.Errorf("%d requests", n.Load())
			}
		})
	}
}

// Connections that were left at addresses that are used no more, or less, do
// not add up.
func TestIdleConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, many(0, 1)...)
		for i := range 20 {
			v.mu.Lock()
			v.answer = many(i, 1)
			v.mu.Unlock()
			time.Sleep(10 * time.Second)
			v.all(1)
			v.all(100)
			var open int
			for _, n := range v.open {
				open += n
			}
			if open > 100*5/4+32 {
				t.Fatalf("%d connections: %v", open, v.open)
			}
		}
	})
}

// The certificate is that of the name, not of the address that is dialled, and
// a session goes on with whatever address comes next, where the store lets it.
func TestSpreadTLS(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		var here sync.WaitGroup
		here.Add(1)
		h := newHouses(t, 2, true, func(http.ResponseWriter, *http.Request, int) {
			here.Done()
			here.Wait()
		})
		bundle := filepath.Join(t.TempDir(), "ca.pem")
		must(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.all[0].server.Certificate().Raw}), 0o600))
		o := h.options(sdk)
		o.CABundle = bundle
		c := newClient(t, o)
		must(t, putBody(c, t.Context(), strings.NewReader("x")))
		here.Add(2) // so that one has to go to the other house
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if err := get(c, t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if a, b := h.all[0], h.all[1]; a.conns.Load() != 1 || b.conns.Load() != 1 || a.resumed.Load()+b.resumed.Load() != 1 {
			t.Errorf("sdk %v: %d and %d connections, %d requests over a resumed session", sdk, a.conns.Load(), b.conns.Load(), a.resumed.Load()+b.resumed.Load())
		}
		// The certificate has 127.0.0.1 in it, and example.com, but not this.
		o.EndpointURL = strings.Replace(o.EndpointURL, "example.com", "store.invalid", 1)
		lookup := o.Lookup
		o.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) { return lookup(ctx, "example.com") }
		other := newClient(t, o)
		for what, err := range map[string]error{
			"the SDK": other.HeadBucket(t.Context(), "b"), "the fast path": putBody(other, t.Context(), strings.NewReader("x")),
		} {
			if _, ok := errors.AsType[x509.HostnameError](err); !ok {
				t.Errorf("%s, a name that is not in the certificate: %v", what, err)
			}
		}
	}
}

// BenchmarkName is what a name costs beside an address.
func BenchmarkName(b *testing.B) {
	for _, host := range []string{"127.0.0.1", "example.com"} {
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			b.Run(method+"/"+host, func(b *testing.B) {
				c := newClient(b, wire.Options{
					EndpointURL: strings.Replace(canned(b, 4<<10), "127.0.0.1", host, 1), Region: "us-east-1", AccessKeyID: keyID, SecretAccessKey: secret,
					Lookup: func(context.Context, string) ([]netip.Addr, error) {
						return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
					},
				})
				body := make([]byte, 4<<10)
				b.ReportAllocs()
				for b.Loop() {
					if method == http.MethodGet {
						must(b, get(c, b.Context()))
					} else {
						must(b, putBody(c, b.Context(), bytes.NewReader(body)))
					}
				}
			})
		}
	}
}
