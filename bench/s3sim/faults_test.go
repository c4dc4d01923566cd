package s3sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/checksum"
)

// over is what a test's requests travel on.
type over struct {
	name    string
	tls, h2 bool
}

func overs() []over {
	return []over{{name: "http"}, {name: "https", tls: true}, {name: "h2", tls: true, h2: true}}
}

// site is a server on a port for one test.
type site struct {
	*Server
	*Endpoint
	over over
}

func open(t *testing.T, how over, o Options) *site {
	t.Helper()
	o.Conditions.HTTP2 = how.h2
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddBucket("bucket", ""); err != nil {
		t.Fatal(err)
	}
	e, err := s.Listen("127.0.0.1:0", how.tls)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return &site{Server: s, Endpoint: e, over: how}
}

// client has connections of its own: net/http tries again on its own account
// where one has been used before.
func (s *site) client(t *testing.T) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if s.over.tls && !roots.AppendCertsFromPEM(s.CA()) {
		t.Fatal("the CA is no certificate")
	}
	transport := &http.Transport{
		DialContext:       s.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: s.over.h2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

type answer struct {
	*http.Response
	body []byte
	err  error // of the request or of reading the body
}

func (s *site) ask(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	return s.askWithin(t.Context(), t, method, path, body, header...)
}

func (s *site) askWithin(ctx context.Context, t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a := answer{}
	if a.Response, a.err = s.client(t).Do(r); a.err != nil {
		return a
	}
	defer func() { _ = a.Body.Close() }()
	a.body, a.err = io.ReadAll(a.Body)
	return a
}

// text is what the tests have in the object k.
func text() string { return strings.Repeat("0123456789", 100) }

// expect is what is wrong with an answer, told by a condition.
func expect(t *testing.T, a answer, good bool, want string) {
	t.Helper()
	if !good {
		status := 0
		var h http.Header
		if a.Response != nil {
			status, h = a.StatusCode, a.Header
		}
		t.Errorf("want %s; got status %d, %.300v, %d bytes %.300q, error %v", want, status, h, len(a.body), a.body, a.err)
	}
}

func TestFaults(t *testing.T) {
	whole := []byte(text())
	for name, c := range map[string]struct {
		fault   string
		method  string // "": GET
		path    string // "": /bucket/k
		header  []string
		good    func(a answer, over over) bool
		refused bool // not carried out
	}{
		"500": {fault: "500", refused: true, good: func(a answer, _ over) bool {
			return a.StatusCode == 500 && bytes.Contains(a.body, []byte("<Code>InternalError</Code>")) && a.Header.Get("X-Amz-Request-Id") != ""
		}},
		"500 of a HEAD": {fault: "500", refused: true, method: http.MethodHead, good: func(a answer, _ over) bool {
			return a.StatusCode == 500 && len(a.body) == 0
		}},
		"503": {fault: "503:after=2s", refused: true, good: func(a answer, _ over) bool {
			return a.StatusCode == 503 && bytes.Contains(a.body, []byte("<Code>SlowDown</Code>")) && a.Header.Get("Retry-After") == "2"
		}},
		"error": {fault: "error:status=400,code=ExpiredToken", refused: true, good: func(a answer, _ over) bool {
			return a.StatusCode == 400 && bytes.Contains(a.body, []byte("<Code>ExpiredToken</Code>"))
		}},
		"error in a 200": {fault: "error-200", refused: true, good: func(a answer, _ over) bool {
			return a.StatusCode == 200 && bytes.Contains(a.body, []byte("<Error><Code>InternalError</Code>"))
		}},
		"reset": {fault: "reset", refused: true, good: func(a answer, over over) bool {
			return a.err != nil && (over.h2 || errors.Is(a.err, syscall.ECONNRESET))
		}},
		"lost": {fault: "lost", good: func(a answer, over over) bool {
			return a.err != nil && (over.h2 || errors.Is(a.err, syscall.ECONNRESET))
		}},
		"cut": {fault: "cut", good: func(a answer, over over) bool {
			return a.Response != nil && a.ContentLength == 1000 && bytes.Equal(a.body, whole[:500]) &&
				(over.h2 && a.err != nil || errors.Is(a.err, io.ErrUnexpectedEOF))
		}},
		"cut of a list": {fault: "cut", path: "/bucket?list-type=2", good: func(a answer, _ over) bool {
			return a.Response != nil && len(a.body) > 0 && a.err != nil && !bytes.Contains(a.body, []byte("</ListBucketResult>"))
		}},
		"cut of a HEAD": {fault: "cut", method: http.MethodHead, good: func(a answer, _ over) bool {
			return a.Response == nil && a.err != nil
		}},
		"corrupt": {fault: "corrupt", good: func(a answer, _ over) bool {
			return a.err == nil && len(a.body) == 1000 && a.body[500] == '1' && // from 0
				bytes.Equal(slices.Concat(a.body[:500], a.body[501:]), slices.Concat(whole[:500], whole[501:]))
		}},
		"garbage": {fault: "garbage", refused: true, good: func(a answer, over over) bool {
			return a.err != nil && (over.h2 || strings.Contains(a.err.Error(), "malformed HTTP"))
		}},
		"too long a length": {fault: "length-long", good: func(a answer, over over) bool {
			return a.Response != nil && a.ContentLength == 1001 && bytes.Equal(a.body, whole) &&
				(over.h2 && a.err != nil || errors.Is(a.err, io.ErrUnexpectedEOF))
		}},
		"too short a length": {fault: "length-short", good: func(a answer, _ over) bool {
			return a.err == nil && a.ContentLength == 999 && bytes.Equal(a.body, whole[:999]) && a.Header.Get("ETag") != ""
		}},
		"wrong range": {fault: "range-wrong", header: []string{"Range", "bytes=100-199"}, good: func(a answer, _ over) bool {
			return a.err == nil && a.StatusCode == 206 && a.Header.Get("Content-Range") == "bytes 101-200/1000" && bytes.Equal(a.body, whole[100:200])
		}},
		"no range": {fault: "range-missing", header: []string{"Range", "bytes=100-199"}, good: func(a answer, _ over) bool {
			return a.err == nil && a.StatusCode == 206 && a.Header.Get("Content-Range") == "" && bytes.Equal(a.body, whole[100:200])
		}},
		"range ignored": {fault: "range-ignored", header: []string{"Range", "bytes=100-199"}, good: func(a answer, _ over) bool {
			return a.err == nil && a.StatusCode == 200 && a.Header.Get("Content-Range") == "" && bytes.Equal(a.body, whole)
		}},
		"XML cut": {fault: "xml-cut", path: "/bucket?list-type=2", good: func(a answer, _ over) bool {
			return a.err == nil && a.ContentLength == int64(len(a.body)) && bytes.HasPrefix(a.body, []byte("<?xml")) &&
				xml.Unmarshal(a.body, new(struct{})) != nil
		}},
		"XML with entities": {fault: "xml-entities", path: "/bucket?list-type=2", good: func(a answer, _ over) bool {
			return a.err == nil && bytes.Contains(a.body, []byte("<!DOCTYPE")) && bytes.Contains(a.body, []byte("<Key>&c;k</Key>")) &&
				bytes.HasSuffix(bytes.TrimSpace(a.body), []byte("</ListBucketResult>"))
		}},
		"huge headers": {fault: "huge-headers", good: func(a answer, _ over) bool {
			return a.err == nil && bytes.Equal(a.body, whole) && len(a.Header.Get("X-S3sim-Padding")) >= 1<<20
		}},
		"wrong checksum": {fault: "checksum-wrong", header: []string{"X-Amz-Checksum-Mode", "ENABLED"}, good: func(a answer, _ over) bool {
			sum := a.Header.Get("X-Amz-Checksum-Crc64nvme")
			return a.err == nil && bytes.Equal(a.body, whole) && len(sum) == 12 && sum != checksum.Of(whole).String()
		}},
	} {
		for _, over := range overs() {
			t.Run(name+"/"+over.name, func(t *testing.T) {
				if c.method == "" {
					c.method = http.MethodGet
				}
				if c.path == "" {
					c.path = "/bucket/k"
				}
				kind, options, _ := strings.Cut(c.fault, ":")
				f, err := ParseFault("*:" + kind + ":n=2," + options)
				if err != nil {
					t.Fatal(err)
				}
				s := open(t, over, Options{Conditions: Conditions{Faults: []Fault{f}}})
				a := s.ask(t, http.MethodPut, "/bucket/k", text())
				expect(t, a, a.err == nil && a.StatusCode == 200, "an object to begin with")
				a = s.ask(t, c.method, c.path, "", c.header...)
				expect(t, a, c.good(a, over), name)
				a = s.ask(t, http.MethodGet, "/bucket/k", "")
				expect(t, a, a.err == nil && a.StatusCode == 200 && bytes.Equal(a.body, whole), "the object after the fault")
				st := s.Stats()
				if st.Faults != 1 {
					t.Errorf("%d faults are counted, want 1", st.Faults)
				}
				var ops int64
				for _, n := range st.Ops {
					ops += n
				}
				if ops != 3 {
					t.Errorf("counted operations: %v", st.Ops)
				}
			})
		}
	}
}

func TestStall(t *testing.T) {
	for _, kind := range []Kind{KindStall, KindStallBody} {
		for _, over := range overs() {
			t.Run(string(kind)+"/"+over.name, func(t *testing.T) {
				s := open(t, over, Options{Conditions: Conditions{Faults: []Fault{{Op: "GetObject", Kind: kind, Every: 1}}}})
				a := s.ask(t, http.MethodPut, "/bucket/k", text())
				expect(t, a, a.err == nil && a.StatusCode == 200, "an object to begin with")

				// A client gives up. Whenever that is, there is no answer yet.
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				a = s.askWithin(ctx, t, http.MethodGet, "/bucket/k", "")
				expect(t, a, errors.Is(a.err, context.DeadlineExceeded), "no answer")
				if kind == KindStallBody && a.Response != nil && string(a.body) != text()[:500] {
					t.Errorf("%d bytes came, want half", len(a.body))
				}

				// The server ends.
				asked := make(chan struct{})
				ended := make(chan answer)
				ctx = httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					WroteRequest: func(httptrace.WroteRequestInfo) { close(asked) },
				})
				go func() { ended <- s.askWithin(ctx, t, http.MethodGet, "/bucket/k", "") }()
				<-asked
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if a := <-ended; a.err == nil {
					t.Errorf("a stalled request was answered: %v", a.Response)
				}
			})
		}
	}
}

// The block that large bodies are served from is shared.
func TestCorruptLarge(t *testing.T) {
	const size = 5 << 20
	s := open(t, over{}, Options{
		Synthetic:  []Synthetic{{Bucket: "many", Layout: LayoutFlat, Count: 10, Size: size}},
		Conditions: Conditions{Faults: []Fault{{Op: "GetObject", Kind: KindCorrupt}}},
	})
	bad := s.ask(t, http.MethodGet, "/many/object-000000003", "")
	good := s.ask(t, http.MethodGet, "/many/object-000000003", "")
	expect(t, bad, bad.err == nil && len(bad.body) == size, "a body")
	want := make([]byte, size)
	if _, err := Content(0).ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(good.body, want) {
		t.Error("the second body is not the content")
	}
	differ := 0
	for i := range bad.body {
		if bad.body[i] != good.body[i] {
			differ++
		}
	}
	if differ != 1 || bad.body[size/2] == good.body[size/2] {
		t.Errorf("%d bytes differ, want the one in the middle", differ)
	}
}

// What a fault says about the carrying out of a write.
func TestFaultsOfWrites(t *testing.T) {
	for kind, done := range map[Kind]bool{
		KindInternalError: false, KindSlowDown: false, KindErrorIn200: false, KindReset: false, KindGarbage: false,
		KindLost: true, KindCut: true,
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := open(t, over{}, Options{Conditions: Conditions{Faults: []Fault{{Op: "PutObject", Kind: kind}}}})
			// More than fits into the buffers of sockets: the answer has to
			// reach a client that is still sending.
			a := s.ask(t, http.MethodPut, "/bucket/k", strings.Repeat(text(), 16_000))
			if answered := kind == KindInternalError || kind == KindSlowDown || kind == KindErrorIn200; answered != (a.err == nil) {
				t.Errorf("the answer: %v", a.err)
			}
			a = s.ask(t, http.MethodHead, "/bucket/k", "")
			if want := map[bool]int{true: 200, false: 404}[done]; a.err != nil || a.StatusCode != want {
				expect(t, a, false, http.StatusText(want))
			}
		})
	}
}

func TestFaultTimes(t *testing.T) {
	s := open(t, over{}, Options{Conditions: Conditions{Faults: []Fault{
		{Op: "GetObject", Key: "odd", N: 2, Every: 3, Kind: KindInternalError},
		{Op: "GetObject", N: 5, Kind: KindSlowDown},
		{Op: "PutObject", Kind: KindReset},
	}}})
	var codes []int
	for range 9 {
		codes = append(codes, s.ask(t, http.MethodGet, "/bucket/so%6fdd", "").StatusCode) // soodd
	}
	want := []int{404, 500, 404, 404, 500, 404, 404, 500, 404} // the 5th was due for both
	if !slices.Equal(codes, want) {
		t.Errorf("codes are %v, want %v", codes, want)
	}
	if code := s.ask(t, http.MethodGet, "/bucket/even", "").StatusCode; code != 404 {
		t.Errorf("a key that does not match: %d", code)
	}
	if a := s.ask(t, http.MethodGet, "/odd", ""); a.StatusCode != 404 || s.Stats().Faults != 3 {
		t.Errorf("a bucket's name is no key: %d, %d faults", a.StatusCode, s.Stats().Faults)
	}
}

func TestParseFault(t *testing.T) {
	for text, want := range map[string]Fault{
		"GetObject:reset:n=3,every=100": {Op: "GetObject", Kind: KindReset, N: 3, Every: 100},
		"*:503:after=2s":                {Kind: KindSlowDown, RetryAfter: 2 * time.Second},
		":500":                          {Kind: KindInternalError},
		"PutObject:error:status=400,code=X,n=2,key=a,b=c:d": {Op: "PutObject", Kind: KindError, Status: 400, Code: "X", N: 2, Key: "a,b=c:d"},
	} {
		if got, err := ParseFault(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                     "operation:kind",
		"reset":                "operation:kind",
		"*:explode":            `kind "explode"`,
		"Getobject:reset":      `"Getobject" is no operation`,
		"*:reset:m=1":          `option "m"`,
		"*:reset:n=x":          "n: ",
		"*:reset:every=-1":     "negative",
		"*:503:after=2":        "after: ",
		"*:error":              "status",
		"*:error:status=400":   "code",
		"*:reset:every=1,n=2,": "",
	} {
		if got, err := ParseFault(text); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, got, err, want)
		}
	}
}

func TestConditionsAreChecked(t *testing.T) {
	_, err := New(Options{Conditions: Conditions{
		Latency: Latency{Median: -1}, Bandwidth: -1, Faults: []Fault{{Kind: "x"}, {Op: "y", Kind: KindCut}},
	}})
	for _, want := range []string{"latency", "bandwidth", "fault 1", `"y"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if _, err := New(Options{Synthetic: []Synthetic{{Bucket: "many", Layout: "x"}}}); err == nil || !strings.Contains(err.Error(), `layout "x"`) {
		t.Errorf("a layout that there is not: %v", err)
	}
}
