package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestDefaults(t *testing.T) {
	s := newPool(t, Options{}).Stats()
	if s.Slots != 16 || s.Memory != 128<<20 || s.Files != 64 {
		t.Errorf("%+v", s)
	}
	if s := newPool(t, Options{Slots: 3}).Stats(); s.Files != 6 {
		t.Errorf("%+v", s)
	}
}

func TestValidateListsAll(t *testing.T) {
	for _, o := range []Options{{}, {Slots: 1, Memory: minMemory, Files: 1}, {Slots: maxSlots, Files: maxFiles}} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []Options{
		{Slots: -1, Memory: -1, Files: -1},
		{Slots: maxSlots + 1, Memory: minMemory - 1, Files: maxFiles + 1},
	} {
		p, err := New(o)
		if p != nil || err == nil {
			t.Fatalf("%+v: no error", o)
		}
		for _, field := range []string{"Slots", "Memory", "Files"} {
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%v does not name %s", err, field)
			}
		}
	}
}

func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Slots: 2})
		var slots []*Slot
		for range 2 {
			s, err := p.Acquire(t.Context(), Ask{})
			if err != nil {
				t.Fatal(err)
			}
			slots = append(slots, s)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := p.Acquire(ctx, Ask{})
			failed <- err
		}()
		synctest.Wait()
		if s := p.Stats(); s.Slots != 2 || s.InFlight != 2 || s.MostInFlight != 2 || s.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "slot") {
			t.Errorf("got %v", err)
		}
		for _, s := range slots {
			s.Release(Outcome{})
		}
		if s := p.Stats(); s.InFlight != 0 || s.MostInFlight != 2 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestHolding(t *testing.T) {
	p := newPool(t, Options{})
	ctx := Holding(t.Context())
	_, reserve := p.Reserve(ctx, 1)
	_, buffer := p.Buffer(ctx, 1)
	g := p.Group(ctx)
	started := g.Go(func(context.Context) error { t.Error("started"); return nil })
	_, acquire := p.Acquire(ctx, Ask{})
	for what, err := range map[string]error{"Acquire": acquire, "Reserve": reserve, "Buffer": buffer, "Go": started} {
		if !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.InFlight != 0 || s.Reserved != 0 || s.UnderWay != 0 {
		t.Errorf("%+v", s)
	}
}

// TestNoDeadlock does random work in the documented order with the least there
// is. The bubble fails the test where all of it waits for one another, and
// time in it is virtual.
func TestNoDeadlock(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, Options{Slots: 1, Memory: minMemory, Files: 1 + int(seed%5)})
			rng := rand.New(rand.NewPCG(seed, 7))
			g := p.Group(t.Context())
			for range 40 {
				mine := rand.New(rand.NewPCG(rng.Uint64(), 1))
				if err := g.Go(func(ctx context.Context) error { return object(ctx, p, mine) }); err != nil {
					t.Error(err)
				}
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			s := p.Stats()
			if s.InFlight+s.UnderWay+int(s.Reserved)+int(s.Idle) != 0 {
				t.Errorf("left: %+v", s)
			}
			if s.MostInFlight != 1 || s.MostReserved > s.Memory || s.MostReserved == 0 || s.MostUnderWay > s.Files {
				t.Errorf("bounds: %+v", s)
			}
		})
	}
}

// object is the work on an object of a few parts: each takes bytes in one of
// three ways, then a slot for each of a few attempts, and some are given up.
func object(ctx context.Context, p *Pool, rng *rand.Rand) error {
	keys := []string{"a", "b", "c"}
	var wg sync.WaitGroup
	defer wg.Wait()
	for range 1 + rng.IntN(6) {
		n, way, attempts := rng.Int64N(minMemory/largestShare+2000), rng.IntN(3), 1+rng.IntN(3)
		hold, patience := time.Duration(rng.IntN(5)), time.Duration(rng.IntN(60))
		rng := rand.New(rand.NewPCG(rng.Uint64(), 2))
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			switch way {
			case 0:
				b, err := p.Buffer(ctx, n)
				if err != nil {
					return
				}
				defer b.Release()
			case 1:
				r, err := p.Reserve(ctx, n)
				if err != nil {
					return
				}
				defer r.Release()
			}
			for range attempts {
				s, err := p.Acquire(ctx, Ask{Space: "b", Key: keys[rng.IntN(len(keys))]})
				if err != nil {
					return
				}
				time.Sleep(hold)
				s.Release(Outcome{Verdict: Verdict(rng.IntN(4))})
			}
		})
	}
	return nil
}
