package wire_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// New addresses are used, old ones for a minute more; then their connections are
// closed. A name is looked up every ten seconds at the most.
func TestNameTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1", "10.0.0.2")
		v.all(10)
		v.answer = []string{"10.0.0.3", "10.0.0.4"}
		for range 9 {
			time.Sleep(time.Second)
			v.all(1)
		}
		if got := v.count(); got != "map[10.0.0.1:9 10.0.0.2:10]" && got != "map[10.0.0.1:10 10.0.0.2:9]" || len(v.lookups) != 1 {
			t.Errorf("at first: %s, looked up at %v", got, v.lookups)
		}
		time.Sleep(time.Second)
		v.all(1) // has it looked up, and does not wait
		v.count()
		v.all(20)
		if got := v.count(); got != "map[10.0.0.1:5 10.0.0.2:5 10.0.0.3:5 10.0.0.4:5]" {
			t.Errorf("after the turn: %s", got)
		}
		for range 65 {
			time.Sleep(time.Second)
			v.all(1)
		}
		v.count()
		v.all(20)
		if got := v.count(); got != "map[10.0.0.3:10 10.0.0.4:10]" || v.open["10.0.0.1"]+v.open["10.0.0.2"] != 0 {
			t.Errorf("a minute later: %s, open %v", got, v.open)
		}
		if n := len(v.lookups); n != 8 {
			t.Errorf("looked up at %v", v.lookups)
		}
		// A resolver that fails, or does not answer, changes nothing.
		v.resolve = func(context.Context) error { return errors.New("the resolver is gone") }
		for range 100 {
			time.Sleep(time.Second)
			v.all(1)
		}
		v.resolve = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		time.Sleep(10 * time.Second)
		for range 100 {
			v.all(1)
		}
		if took := time.Since(began).Truncate(time.Second); took != 10*time.Second || len(v.lookups) != 19 {
			t.Errorf("it took %v, and was looked up at %v", took, v.lookups)
		}
		// Of very many addresses the newest are kept.
		v.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
		synctest.Wait()
		v.resolve = nil
		for i := range 10 {
			v.mu.Lock()
			v.answer = many(8*i, 8)
			v.mu.Unlock()
			time.Sleep(10 * time.Second)
			v.all(1)
		}
		v.count()
		v.all(320)
		if len(v.requests) != 32 || v.requests["10.0.0.1"] != 0 || v.requests["10.0.0.80"] != 10 {
			t.Errorf("of many: %v", v.requests)
		}
	})
}

// One lookup serves all who wait for it; who made it may go away; one that fails
// fails those that waited, and nobody after them.
func TestFirstLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t, "10.0.0.1")
		v.resolve = func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() { first <- v.ask(ctx) }()
		synctest.Wait()
		time.AfterFunc(500*time.Millisecond, cancel)
		v.all(5)
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if len(v.lookups) != 2 || v.count() != "map[10.0.0.1:5]" {
			t.Errorf("looked up at %v", v.lookups)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		v := newVillage(t)
		var op *net.OpError
		var dns *net.DNSError
		for n := range 3 {
			if err := v.ask(t.Context()); !errors.As(err, &op) || op.Op != "dial" || !errors.As(err, &dns) || len(v.lookups) != n+1 {
				t.Errorf("%v", err)
			}
		}
		v.answer = []string{"10.0.0.1"}
		must(t, v.ask(t.Context()))
		v.resolve = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	})
}
