package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A dead address is tried by one request, after pauses that double, which costs
// no request anything; when it is back it has its share.
func TestSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2")
		v.set("10.0.0.2", "refuses")
		for i := range 2000 {
			time.Sleep(time.Until(v.began.Add(time.Duration(i) * 100 * time.Millisecond)))
			v.all(2)
		}
		golden := []time.Duration{0, 1, 3, 7, 15, 31, 63, 123, 183}
		for i := range golden {
			golden[i] *= time.Second
		}
		if got := v.dials["10.0.0.2"]; !slices.Equal(got, golden) {
			t.Errorf("dialled at %v, want %v", got, golden)
		}
		if got := v.count(); got != "map[10.0.0.1:4000]" {
			t.Errorf("requests %s", got)
		}
		v.set("10.0.0.2", "")
		for range 600 {
			v.all(2)
			time.Sleep(100 * time.Millisecond)
		}
		v.count()
		for range 10 {
			v.all(2)
		}
		if got := v.count(); got != "map[10.0.0.1:10 10.0.0.2:10]" {
			t.Errorf("after its return: %s", got)
		}
		// What it did is forgotten: the pause begins at a second again.
		v.set("10.0.0.2", "refuses")
		v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		before := len(v.dials["10.0.0.2"])
		for range 20 {
			v.all(2)
			time.Sleep(100 * time.Millisecond)
		}
		if got := len(v.dials["10.0.0.2"]) - before; got != 2 {
			t.Errorf("it was dialled %d times in two seconds", got)
		}
	})
}

// Of several requests one tries whether an address is back, and the others do
// not wait for it.
func TestOneTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2")
		v.set("10.0.0.2", "swallows")
		for i := range 4 {
			v.dials = map[string][]time.Duration{}
			v.all(8)
			if n := len(v.dials["10.0.0.2"]); i > 0 && n != 1 {
				t.Errorf("%d requests tried it", n)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// There is one connection for each request in flight, however long it takes to
// make one: a request that finds none free waits for the first that is.
func TestDialsThatAreNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2")
		v.takes = 300 * time.Millisecond
		dials := func() int {
			v.mu.Lock()
			defer v.mu.Unlock()
			return len(v.dials["10.0.0.1"]) + len(v.dials["10.0.0.2"])
		}
		for range 50 {
			must(t, v.ask(t.Context()))
		}
		if n := dials(); n != 1 {
			t.Errorf("%d dials for one request at a time", n)
		}
		var done sync.WaitGroup
		for i := range 16 {
			done.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				for range 1000 {
					if err := v.ask(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done.Wait()
		if n := dials(); n != 16 {
			t.Errorf("%d dials for 16 requests in flight", n)
		}
		// Connections that are lost are made again, by those who wait.
		v.set("10.0.0.1", "breaks")
		for range 16 {
			done.Go(func() { _ = v.ask(t.Context()) })
		}
		done.Wait()
		v.set("10.0.0.1", "")
		time.Sleep(2 * time.Second)
		v.all(16)
		// Each of 8 was sent once more by http.Transport, over a new connection;
		// then one tried 10.0.0.1, and 15 went to the other, which had 8.
		if n := dials(); n != 16+8+1+7 {
			t.Errorf("%d dials with those for 8 connections that broke", n)
		}
		// What lies idle at an address that is set aside is closed.
		v.set("10.0.0.1", "refuses")
		v.all(2 * (v.open["10.0.0.2"] + 1))
		if n := v.open["10.0.0.1"]; n != 0 {
			t.Errorf("%d connections are kept to an address that refuses", n)
		}
		v.set("10.0.0.1", "")
		// A request that gives up while it waits takes nothing with it.
		v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		for range 16 {
			done.Go(func() {
				if err := v.ask(ctx); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		done.Wait()
		v.all(16)
	})
	// One that waits for a connection that is not free after all has its own.
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1")
		v.set("10.0.0.1", "closes")
		v.closing = 50 * time.Millisecond
		for range 5 {
			must(t, v.ask(t.Context()))
		}
		if n := len(v.dials["10.0.0.1"]); n != 5 {
			t.Errorf("%d dials", n)
		}
		time.Sleep(v.closing)
		synctest.Wait()
	})
}

// Connections that break are bad luck, unless nothing else comes from there.
func TestBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2")
		v.all(2)
		v.set("10.0.0.2", "breaks")
		pair := func() (failed int) {
			errs := make([]error, 2)
			var done sync.WaitGroup
			for i := range errs {
				done.Go(func() { errs[i] = v.ask(t.Context()) })
			}
			done.Wait()
			synctest.Wait()
			for _, err := range errs {
				if err != nil {
					failed++
					if !errors.Is(err, io.EOF) {
						t.Error(err)
					}
				}
			}
			return failed
		}
		var failed []int
		for range 8 {
			failed = append(failed, pair())
		}
		time.Sleep(time.Second)
		failed = append(failed, pair(), pair()) // one tries, and the pause goes on
		v.set("10.0.0.2", "")
		time.Sleep(2 * time.Second)
		failed = append(failed, pair(), pair())
		for range 20 { // now and then
			v.set("10.0.0.2", "breaks")
			failed = append(failed, pair(), pair())
			v.set("10.0.0.2", "")
			failed = append(failed, pair())
		}
		want := []int{1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0}
		for range 20 {
			want = append(want, 1, 1, 0)
		}
		if !slices.Equal(failed, want) {
			t.Errorf("failed %v\n  want %v", failed, want)
		}
	})
}

// An address that swallows what is sent to it holds requests up once, each
// other family at most for as long as RFC 8305 has it; one that refuses, not at all.
func TestWhatIsNotThere(t *testing.T) {
	for _, q := range []struct {
		what     string
		answer   []string
		is       map[string]string
		took     time.Duration
		dials    int // of those that do not answer
		requests string
	}{
		{
			"localhost, of which one family listens",
			[]string{"::1", "127.0.0.1"},
			map[string]string{"::1": "refuses"},
			0, 1, "map[127.0.0.1:20]",
		},
		{
			"a family that leads nowhere",
			[]string{"2001:db8::1", "2001:db8::2", "10.0.0.1", "10.0.0.2"},
			map[string]string{"2001:db8::1": "swallows", "2001:db8::2": "swallows"},
			300 * time.Millisecond, 1, "map[10.0.0.1:10 10.0.0.2:10]",
		},
		{
			"the other family leads nowhere",
			[]string{"2001:db8::1", "10.0.0.1"},
			map[string]string{"10.0.0.1": "swallows"},
			0, 0, "map[2001:db8::1:20]",
		},
		{
			"one address of two",
			[]string{"10.0.0.1", "10.0.0.2"},
			map[string]string{"10.0.0.2": "swallows"},
			5 * time.Second, 1, "map[10.0.0.1:20]",
		},
		{
			"the family that is first is gone later",
			[]string{"2001:db8::1", "10.0.0.1"},
			map[string]string{"2001:db8::1": "later"},
			0, 2, "map[10.0.0.1:20]",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			v := newVillage(t, q.answer...)
			for ip, is := range q.is {
				v.set(ip, is)
			}
			begin := func() {
				began := time.Now()
				for range 2 {
					must(t, v.ask(t.Context()))
					synctest.Wait()
				}
				if took := time.Since(began).Truncate(100 * time.Millisecond); took != q.took {
					t.Errorf("%s: the first requests took %v", q.what, took)
				}
			}
			if q.what == "the family that is first is gone later" {
				must(t, v.ask(t.Context()))
				v.set("2001:db8::1", "refuses")
				v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
				synctest.Wait()
				must(t, v.ask(t.Context()))
			} else {
				begin()
			}
			v.count()
			for range 10 {
				v.all(2)
			}
			if got := v.count(); got != q.requests {
				t.Errorf("%s: requests %s", q.what, got)
			}
			var in int
			for ip, is := range q.is {
				if is != "" {
					in += len(v.dials[ip])
				}
			}
			if in != q.dials {
				t.Errorf("%s: %d dials in vain: %v", q.what, in, v.dials)
			}
		})
	}
}

// Where nothing answers, the error says so of each address, and what comes back
// is used at once, however long it is still set aside.
func TestNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2", "10.0.0.3")
		for i := range 3 {
			v.set(fmt.Sprintf("10.0.0.%d", i+1), "refuses")
		}
		for n := range 20 {
			err := v.ask(t.Context())
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" || !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("%v", err)
			}
			for i := range 3 {
				if n == 0 && !strings.Contains(err.Error(), fmt.Sprintf("10.0.0.%d", i+1)) {
					t.Errorf("%v", err)
				}
			}
			time.Sleep(time.Second)
		}
		for i := range 3 {
			v.set(fmt.Sprintf("10.0.0.%d", i+1), "")
		}
		must(t, v.ask(t.Context()))
		// A name whose addresses are gone is looked up before its time.
		for i := range 3 {
			v.set(fmt.Sprintf("10.0.0.%d", i+1), "refuses")
		}
		v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		synctest.Wait()
		v.answer = []string{"10.0.0.4"}
		_ = v.ask(t.Context())
		time.Sleep(time.Second)
		_ = v.ask(t.Context())
		synctest.Wait()
		must(t, v.ask(t.Context()))
	})
}

// spentBody is spent when it is closed, as those of the SDK are.
type spentBody struct {
	io.Reader
	closed int
}

func (b *spentBody) Read(p []byte) (int, error) {
	if b.closed > 0 {
		return 0, io.EOF
	}
	return b.Reader.Read(p)
}

func (b *spentBody) Close() error {
	b.closed++
	return nil
}

// A request that could not be sent to one address is sent to the next in whole.
func TestBodyGoesElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i, body := range []func() io.Reader{
			func() io.Reader { return strings.NewReader("all of it") }, // has GetBody
			func() io.Reader { return io.NopCloser(strings.NewReader("all of it")) },
			func() io.Reader { return &spentBody{Reader: strings.NewReader("all of it")} },
		} {
			v := newVillage(t, "10.0.0.1", "10.0.0.2", "10.0.0.3")
			v.set("10.0.0.1", "refuses")
			v.set("10.0.0.2", "refuses")
			var spent []*spentBody
			for range 3 {
				b := body()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://store.example/", b)
				must(t, err)
				req.ContentLength = 9
				if s, ok := b.(*spentBody); ok {
					spent = append(spent, s)
				}
				resp, err := v.rt.RoundTrip(req)
				must(t, err)
				must(t, resp.Body.Close())
				synctest.Wait()
				time.Sleep(2 * time.Second)
			}
			v.set("10.0.0.3", "refuses")
			v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
			b := &spentBody{Reader: strings.NewReader("all of it")}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://store.example/", b)
			must(t, err)
			req.ContentLength = 9
			if resp, err := v.rt.RoundTrip(req); err == nil {
				_ = resp.Body.Close()
				t.Errorf("%d: it was answered", i)
			}
			if got := fmt.Sprint(v.bodies); got != "[all of it all of it all of it]" {
				t.Errorf("%d: %s", i, got)
			}
			for _, s := range append(spent, b) {
				if s.closed != 1 {
					t.Errorf("%d: closed %d times", i, s.closed)
				}
			}
		}
	})
}
