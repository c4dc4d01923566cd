package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// Who traces a request hears of it once, however often a buffer is used again.
func TestTraceOfTheCaller(t *testing.T) {
	f := newFake(t, nil).plain()
	o := f.options()
	o.SDK = false
	c := newClient(t, o)
	var conns, wrote atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { conns.Add(1) },
		WroteRequest: func(httptrace.WroteRequestInfo) { wrote.Add(1) },
	})
	const n = 20
	for range n {
		must(t, putBody(c, ctx, strings.NewReader("x")))
		must(t, putBody(c, t.Context(), strings.NewReader("x"))) // nobody hears of these
	}
	if conns.Load() != n || wrote.Load() != n {
		t.Errorf("%d connections and %d requests were told of, want %d each", conns.Load(), wrote.Load(), n)
	}
}

// When a call has returned, nobody reads its body: the buffer below is used
// again. The race detector sees who does.
func TestBodyIsLeftAlone(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") { // holds the body up, and never answers
			_, _ = io.ReadFull(r.Body, make([]byte, 10))
			<-release
			return
		}
		w.WriteHeader(http.StatusForbidden) // and does not read
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	c := newClient(t, wire.Options{EndpointURL: s.URL, AccessKeyID: keyID, SecretAccessKey: secret})
	for _, size := range []int{100, 8 << 20} {
		buf := make([]byte, size)
		for range 5 {
			if err := putBody(c, t.Context(), bytes.NewReader(buf)); wire.Code(err) != "Forbidden" && !wire.Retryable(err) {
				t.Errorf("%v", err)
			}
			scribble(buf)
		}
		ctx, cancel := context.WithCancel(t.Context())
		body := &memoryBody{Reader: bytes.NewReader(buf), b: buf, began: cancel}
		_, err := c.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: aws.String("u"), PartNumber: aws.Int32(1),
			Body: body, ContentLength: aws.Int64(int64(size)), ChecksumCRC64NVME: aws.String(aSum),
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		scribble(buf)
	}
}

// scribble writes to all pages of b.
func scribble(b []byte) {
	for i := 0; i < len(b); i += 512 {
		b[i]++
	}
}

// memoryBody is a body that the client may send as it lies in memory.
type memoryBody struct {
	*bytes.Reader
	b     []byte
	began func()
}

func (m *memoryBody) Read(p []byte) (int, error) {
	m.began()
	return m.Reader.Read(p)
}

func (m *memoryBody) Bytes() []byte {
	m.began()
	return m.b[len(m.b)-m.Len():]
}

// Bodies of all sizes around those of the buffers arrive as they are, from
// memory and from a reader, and again after a first try that failed.
func TestBodySizes(t *testing.T) {
	var fail atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if fail.CompareAndSwap(true, false) {
			w.Header().Set("X-Amz-Bucket-Region", "r-"+strings.Trim(r.URL.Path, "b/k"))
			w.WriteHeader(http.StatusMovedPermanently)
		}
	}).plain()
	c := newClient(t, f.options())
	for i, size := range []int{0, 1, 4 << 10, 14<<10 - 1, 14 << 10, 14<<10 + 1, 16 << 10, 64 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 7} {
		buf := make([]byte, size)
		for j := range buf {
			buf[j] = byte(j * 7)
		}
		for j, body := range []io.Reader{
			bytes.NewReader(buf), &memoryBody{bytes.NewReader(buf), buf, func() {}},
			struct{ io.ReadSeeker }{bytes.NewReader(buf)}, // not known to be in memory
		} {
			fail.Store(true)
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(fmt.Sprintf("b%d-%d", i, j)), Key: aws.String("k"), Body: body, ChecksumCRC64NVME: aws.String(aSum),
			})
			must(t, err)
			f.mu.Lock()
			if got := f.bodies[len(f.bodies)-1]; got != string(buf) {
				t.Errorf("%d bytes, body %d: %d arrived", size, j, len(got))
			}
			f.mu.Unlock()
		}
	}
	// One that breaks, and one that is shorter than it was said to be.
	broken := struct{ io.ReadSeeker }{brokenSeeker{}}
	for _, size := range []int64{100, 1 << 20} {
		for what, body := range map[string]io.Reader{"breaks": broken, "short": strings.NewReader("short")} {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"), Body: body, ContentLength: aws.Int64(size), ChecksumCRC64NVME: aws.String(aSum),
			})
			if err == nil {
				t.Errorf("%s, %d bytes: it was taken", what, size)
			}
		}
	}
}

type brokenSeeker struct{}

// The payload policy: unsigned where a checksum goes along, signed where that is
// asked for; what is to be deleted always is.
func TestPayloadPolicy(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, "<DeleteResult/>")
		}
	}).plain()
	var notices []string
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(f.URL, "http://"))
	}
	for _, q := range []struct {
		endpoint string
		sign     bool
		notices  int
	}{{f.URL, false, 0}, {f.URL, true, 0}, {"http://store.example", false, 1}, {"http://store.example", true, 0}} {
		notices = nil
		c := newClient(t, wire.Options{
			EndpointURL: q.endpoint, AccessKeyID: keyID, SecretAccessKey: secret, Region: "us-east-1", Dial: dial, SignPayload: q.sign,
			Notice: func(msg string) { notices = append(notices, msg) },
		})
		before := len(f.requests())
		for range 2 {
			must(t, putBody(c, t.Context(), strings.NewReader("x")))
		}
		_, err := c.DeleteObjects(t.Context(), "b", []wire.ObjectID{{Key: "k"}}, wire.DeleteOptions{})
		must(t, err)
		const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
		want := "UNSIGNED-PAYLOAD"
		if q.sign {
			want = sumOfX
		}
		for i, r := range f.requests()[before:] {
			got := r.Header.Get("X-Amz-Content-Sha256")
			if i < 2 && got != want || i == 2 && len(got) != 64 {
				t.Errorf("%+v: %s has %q", q, r.Method, got)
			}
		}
		if len(notices) != q.notices || q.notices > 0 && !strings.Contains(notices[0], "store.example") {
			t.Errorf("%+v: %q", q, notices)
		}
	}
}
