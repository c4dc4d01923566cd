package s3sim

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestListenCounts(t *testing.T) {
	for _, over := range overs() {
		t.Run(over.name, func(t *testing.T) {
			s := open(t, over, Options{})
			for range 2 { // clients
				c := s.client(t)
				for range 3 {
					a, err := c.Get(s.URL + "/bucket?list-type=2")
					if err != nil {
						t.Fatal(err)
					}
					if want := map[bool]int{false: 1, true: 2}[over.h2]; a.ProtoMajor != want {
						t.Errorf("the protocol is %s", a.Proto)
					}
					_, _ = io.Copy(io.Discard, a.Body)
					_ = a.Body.Close()
				}
			}
			st := s.Stats()
			if want := map[bool]int64{true: 2}[over.tls]; st.Connections != 2 || st.Handshakes != want {
				t.Errorf("%d connections, %d handshakes", st.Connections, st.Handshakes)
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	s := open(t, over{tls: true}, Options{Domain: "s3.example"})
	block, rest := pem.Decode(s.CA())
	if block == nil || len(rest) > 0 {
		t.Fatalf("the CA: %q", s.CA())
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !ca.IsCA {
		t.Fatalf("the CA: %v", err)
	}
	a := s.ask(t, http.MethodHead, "/bucket", "")
	if a.err != nil || a.TLS == nil || a.TLS.PeerCertificates[0].NotAfter.Before(time.Now().Add(24*time.Hour)) {
		t.Errorf("a request over TLS: %v", a.err)
	}
	c := s.client(t)
	for host, good := range map[string]bool{
		"s3.example": true, "bucket.s3.example": true, "[::1]": true, "127.0.0.1": true, "other.example": false,
	} {
		a, err := c.Get("https://" + host + "/")
		if err == nil {
			_ = a.Body.Close()
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
	if open(t, over{}, Options{}).CA() != nil {
		t.Error("a CA without TLS")
	}
	other := open(t, over{tls: true}, Options{})
	s.ca = other.ca
	if a := s.ask(t, http.MethodHead, "/bucket", ""); a.err == nil {
		t.Error("the CA of another run was good")
	}
}

func TestVirtualHost(t *testing.T) {
	s := open(t, over{}, Options{})
	c := s.client(t)
	_, port, _ := net.SplitHostPort(s.addr)
	a := s.ask(t, http.MethodPut, "/bucket/dir/k", "x")
	expect(t, a, a.err == nil && a.StatusCode == 200, "an object")
	got, err := c.Get("http://bucket.localhost:" + port + "/dir/k")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(got.Body)
	_ = got.Body.Close()
	if string(body) != "x" {
		t.Errorf("%s: %q", got.Status, body)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	for _, over := range overs() {
		t.Run(over.name, func(t *testing.T) {
			s := open(t, over, Options{Conditions: Conditions{Latency: Latency{Median: time.Hour}}})
			// One that no request comes on, and one whose request waits.
			unused, err := s.DialContext(t.Context(), "tcp", "")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unused.Close() }()
			ended := make(chan answer)
			go func() { ended <- s.ask(t, http.MethodGet, "/bucket/k", "") }()
			for s.Stats().MaxInFlight == 0 { // it is under way
				s.ask(t, http.MethodGet, "/_s3sim/stats", "")
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if a := <-ended; a.err == nil {
				t.Errorf("a request that waits for an hour was answered: %v", a.Response)
			}
			if n, err := unused.Read(make([]byte, 1)); err == nil {
				t.Errorf("%d bytes on a connection without a request", n)
			}
			if err := s.Close(t.Context()); err != nil {
				t.Errorf("closed again: %v", err)
			}
			if a := s.ask(t, http.MethodGet, "/bucket/k", ""); a.err == nil {
				t.Error("a closed endpoint answers")
			}
		})
	}
}

// A request that does not end keeps Close until its context ends.
func TestCloseWithin(t *testing.T) {
	s := open(t, over{}, Options{})
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+"/bucket/k", r)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	c := s.client(t)
	go func() {
		a, err := c.Do(req)
		if err == nil {
			_ = a.Body.Close()
		}
		ended <- err
	}()
	if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil { // it is under way
		t.Fatal(err)
	}
	for s.Stats().MaxInFlight == 0 {
		s.ask(t, http.MethodGet, "/_s3sim/stats", "")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no time"))
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), s.URL) {
		t.Errorf("closed without time: %v", err)
	}
	_ = w.Close()
	if err := <-ended; err == nil {
		t.Error("the request was answered")
	}
}

// The simulator's own paths are neither counted nor under its conditions.
func TestControlIsFree(t *testing.T) {
	s := open(t, over{}, Options{Conditions: Conditions{
		Latency: Latency{Median: time.Hour}, Faults: []Fault{{Kind: KindReset, Every: 1}},
	}})
	a := s.ask(t, http.MethodGet, "/_s3sim/stats", "")
	expect(t, a, a.err == nil && a.StatusCode == 200 && strings.Contains(string(a.body), `"max_in_flight":0`), "stats")
	a = s.ask(t, http.MethodPost, "/_s3sim/reset", "")
	expect(t, a, a.err == nil && a.StatusCode == 204, "a reset")
	if st := s.Stats(); len(st.Ops) != 0 || st.Faults != 0 || st.Connections != 0 {
		t.Errorf("counted: %+v", st)
	}
}

func TestListenErrors(t *testing.T) {
	s := open(t, over{}, Options{})
	for _, addr := range []string{s.addr, "nowhere"} {
		if e, err := s.Listen(addr, false); err == nil || !strings.Contains(err.Error(), addr) {
			t.Errorf("listen on %s: %v, %v", addr, e, err)
		}
	}
}

// All of a large body goes through the connection's limit, over TLS as well.
func TestListenBandwidth(t *testing.T) {
	for _, over := range overs() {
		t.Run(over.name, func(t *testing.T) {
			s := open(t, over, Options{Conditions: Conditions{Bandwidth: 64 << 20}})
			body := strings.Repeat(text(), 1000)
			a := s.ask(t, http.MethodPut, "/bucket/k", body)
			expect(t, a, a.err == nil && a.StatusCode == 200, "an object")
			a = s.ask(t, http.MethodGet, "/bucket/k", "")
			expect(t, a, a.err == nil && len(a.body) == len(body), "as many bytes")
		})
	}
}

// With a small buffer the server is not far ahead of a client that does not read.
func TestSendBuffer(t *testing.T) {
	const size = 64 << 20
	s := open(t, over{}, Options{
		Synthetic:  []Synthetic{{Bucket: "many", Layout: LayoutFlat, Count: 1, Size: size}},
		Conditions: Conditions{SendBuffer: 16 << 10},
	})
	conn, err := s.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /many/object-000000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	var read int64
	buf := make([]byte, 4<<10)
	for read < 8<<20 {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		read += int64(n)
	}
	var sent int64
	for _, m := range s.Timeline().Moments {
		sent += m.BytesOut
	}
	if ahead := sent - read; ahead > 1<<20 {
		t.Errorf("the server is %d bytes ahead of the client", ahead)
	}
}
