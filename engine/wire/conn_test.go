package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
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

// drip is a bandwidth of so many bytes a second, from the first wait on.
type drip struct {
	rate, chunk int
	mu          sync.Mutex
	free        time.Time
}

func (d *drip) Chunk() int { return d.chunk }

func (d *drip) Wait(n int, done <-chan struct{}) bool {
	d.mu.Lock()
	d.free = later(d.free, time.Now()).Add(time.Duration(n) * time.Second / time.Duration(d.rate))
	at := d.free
	d.mu.Unlock()
	select {
	case <-time.After(time.Until(at)):
		return true
	case <-done:
		return false
	}
}

// slowFor is a bandwidth that holds so many bytes for a minute, and others not.
type slowFor int

func (slowFor) Chunk() int { return 1 << 20 }

func (s slowFor) Wait(n int, _ <-chan struct{}) bool {
	if n == int(s) {
		time.Sleep(time.Minute)
	}
	return true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A connection moves as fast as it may, in pieces; what it waits for on purpose
// does not count as standing still, for either direction.
func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := wire.NewConn(here, 5*time.Second, &drip{rate: 100, chunk: 1000})
		defer c.Close()
		// Something is always being read, as http.Transport has it.
		answer := make(chan string)
		go func() {
			b := make([]byte, 64)
			n, err := c.Read(b)
			answer <- fmt.Sprint(string(b[:n]), err)
		}()
		var pieces []int
		go func() {
			b := make([]byte, 1<<20)
			for total := 0; total < 3500; {
				n, err := there.Read(b)
				if err != nil {
					t.Error(err)
					return
				}
				pieces = append(pieces, n)
				total += n
			}
		}()
		began := time.Now()
		time.AfterFunc(7*time.Second, func() {
			if !c.Held() || c.Progress() != 0 {
				t.Errorf("after 7 s: held %v, %d bytes", c.Held(), c.Progress())
			}
		})
		n, err := c.Write(make([]byte, 3500))
		must(t, err)
		if took := time.Since(began); n != 3500 || took != 35*time.Second || c.Progress() != 3500 || c.Held() {
			t.Errorf("%d bytes in %v, %d counted, held %v", n, took, c.Progress(), c.Held())
		}
		synctest.Wait()
		if fmt.Sprint(pieces) != "[1000 1000 1000 500]" {
			t.Errorf("pieces of %v", pieces)
		}
		_, err = io.WriteString(there, "0123456789")
		must(t, err)
		if got := <-answer; got != "0123456789<nil>" || c.Progress() != 3510 || time.Since(began) != 35*time.Second+100*time.Millisecond {
			t.Errorf("read %q after %v, %d counted", got, time.Since(began), c.Progress())
		}
		// The time-out is there when nothing waits.
		before := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(before) > 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(before))
		}
	})
	// One direction that waits holds the time-out of the other.
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := wire.NewConn(here, 5*time.Second, slowFor(500))
		defer c.Close()
		var both sync.WaitGroup
		both.Go(func() {
			if n, err := c.Read(make([]byte, 500)); n != 500 || err != nil {
				t.Error(n, err)
			}
		})
		_, err := there.Write(make([]byte, 500))
		must(t, err)
		both.Go(func() {
			if n, err := c.Write(make([]byte, 100)); n != 100 || err != nil {
				t.Error(n, err)
			}
		})
		time.Sleep(20 * time.Second)
		_, err = io.ReadFull(there, make([]byte, 100))
		must(t, err)
		both.Wait()
	})
	// Closing ends a wait, in either direction.
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := wire.NewConn(here, time.Second, &drip{rate: 1, chunk: 1000})
		ends := make(chan error, 2)
		go func() {
			_, err := c.Write(make([]byte, 1000))
			ends <- err
		}()
		go func() {
			_, err := c.Read(make([]byte, 1000))
			ends <- err
		}()
		_, err := there.Write(make([]byte, 500))
		must(t, err)
		time.Sleep(time.Minute)
		if !c.Held() || c.Progress() != 0 {
			t.Errorf("held %v, %d bytes", c.Held(), c.Progress())
		}
		must(t, c.Close())
		for range 2 {
			if err := <-ends; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		_ = c.Close() // once more is no harm
	})
}

// ledger is a Memory.
type ledger struct {
	limit       int64
	taken, most atomic.Int64
	refused     atomic.Int64
}

func (l *ledger) TryReserve(n int64) bool {
	for {
		now := l.taken.Load()
		if now+n > l.limit {
			l.refused.Add(1)
			return false
		}
		if l.taken.CompareAndSwap(now, now+n) {
			l.most.Store(max(l.most.Load(), now+n))
			return true
		}
	}
}

func (l *ledger) Unreserve(n int64) { l.taken.Add(-n) }

// Under TLS, buffers that large bodies are worth are taken while there is room
// for them, and are given back; small bodies need none, and all arrive without.
func TestBurstsAreCounted(t *testing.T) {
	large := make([]byte, 8<<20)
	for i := range large {
		large[i] = byte(i * 7 >> 3)
	}
	h := newHouses(t, 1, true, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method == http.MethodGet {
			_, _ = w.Write(large)
		}
	})
	for _, limit := range []int64{0, 300 << 10, 64 << 20} {
		mem := &ledger{limit: limit}
		o := h.options(false)
		o.NoVerifySSL = true
		o.Memory = mem
		c := newClient(t, o)
		for range 5 {
			must(t, putBody(c, t.Context(), bytes.NewReader(large[:4<<10])))
		}
		if mem.most.Load() != 0 || mem.refused.Load() != 0 {
			t.Errorf("small bodies took %d bytes", mem.most.Load())
		}
		var done sync.WaitGroup
		for i := range 4 {
			done.Go(func() {
				if i%2 == 0 {
					if err := putBody(c, t.Context(), &memoryBody{bytes.NewReader(large), large, func() {}}); err != nil {
						t.Error(err)
					}
					return
				}
				if b, err := getAll(c, t.Context()); err != nil || !bytes.Equal(b, large) {
					t.Errorf("%d bytes, %v", len(b), err)
				}
			})
		}
		done.Wait()
		if took := mem.most.Load() > 0; took != (limit > 0) || mem.most.Load() > limit || (limit < 1<<20) != (mem.refused.Load() > 0) {
			t.Errorf("limit %d: %d bytes, %d refused", limit, mem.most.Load(), mem.refused.Load())
		}
		// The connections are idle now, and not closed.
		eventually(t, func() bool { return mem.taken.Load() == 0 })
		for range 5 {
			out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			must(t, err)
			_, err = io.CopyN(io.Discard, out.Body, 1<<20)
			must(t, err)
			must(t, out.Body.Close())
			eventually(t, func() bool { return mem.taken.Load() == 0 })
		}
		// One who gives up in the midst of a body gives all back as well.
		ctx, cancel := context.WithCancel(t.Context())
		body := &memoryBody{Reader: bytes.NewReader(large), b: large}
		var sent atomic.Int64
		body.began = func() {
			if sent.Add(1) == 4 {
				cancel()
			}
		}
		if err := putBody(c, ctx, body); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		c.CloseIdle()
		eventually(t, func() bool { return mem.taken.Load() == 0 })
	}
}

// What moves is told of a connection, also through TLS.
func TestProgress(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := newHouses(t, 1, secure, nil)
		o := h.options(false)
		o.NoVerifySSL = secure
		c := newClient(t, o)
		var conn interface {
			Progress() int64
			Held() bool
		}
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			conn, _ = info.Conn.(interface {
				Progress() int64
				Held() bool
			})
		}})
		must(t, putBody(c, ctx, strings.NewReader("x")))
		before := conn.Progress()
		must(t, putBody(c, ctx, bytes.NewReader(make([]byte, 1<<20))))
		if moved := conn.Progress() - before; before < 500 || moved < 1<<20 || moved > 1<<20+64<<10 || conn.Held() {
			t.Errorf("tls %v: %d bytes, then %d more", secure, before, moved)
		}
	}
}

// The headers and a body of 4 KiB are one write, whatever the client.
func TestSmallBodyIsOneWrite(t *testing.T) {
	f := newFake(t, nil).plain()
	var writes atomic.Int64
	o := f.options()
	o.SDK = false
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &countWrites{c, &writes}, err
	}
	c := newClient(t, o)
	must(t, putBody(c, t.Context(), bytes.NewReader(make([]byte, 4<<10))))
	if n := writes.Load(); n != 1 {
		t.Errorf("%d writes", n)
	}
	for _, size := range []int{6<<10 - 1, 6 << 10, 6<<10 + 1, 8 << 10, 8<<10 + 1} {
		must(t, putBody(c, t.Context(), bytes.NewReader(bytes.Repeat([]byte("x"), size))))
		f.mu.Lock()
		if got := len(f.bodies[len(f.bodies)-1]); got != size {
			t.Errorf("%d bytes of %d arrived", got, size)
		}
		f.mu.Unlock()
	}
}

type countWrites struct {
	net.Conn
	n *atomic.Int64
}

func (c *countWrites) Write(p []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Write(p)
}
