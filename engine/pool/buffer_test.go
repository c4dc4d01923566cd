package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unsafe"
)

func TestTooLarge(t *testing.T) {
	const memory = 4 << 20
	p := newPool(t, Options{Memory: memory})
	// All is taken: who is refused is refused without waiting.
	for range 4 {
		r, err := p.Reserve(t.Context(), memory/4)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
	}
	for n, fits := range map[int64]bool{-1: false, 0: true, 1: true, memory / 4: true, memory/4 + 1: false, 1 << 62: false} {
		if p.Fits(n) != fits {
			t.Errorf("Fits(%d) is %v", n, !fits)
		}
		if fits {
			continue
		}
		_, reserve := p.Reserve(t.Context(), n)
		_, buffer := p.Buffer(t.Context(), n)
		for _, err := range []error{reserve, buffer} {
			if err == nil || errors.Is(err, ErrTooLarge) != (n > 0) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
}

// Whole gives what others cannot have, up to all of the budget, in its turn, and
// takes it back.
func TestWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const memory = 4 << 20
		p := newPool(t, Options{Memory: memory, Slots: 8, SlotMemory: 128 << 10})
		if p.Budget() != 3<<20 {
			t.Fatalf("the budget is %d", p.Budget())
		}
		if _, err := p.Whole(t.Context(), p.Budget()+1); !errors.Is(err, ErrTooLarge) {
			t.Errorf("more than there is: %v", err)
		}
		if _, err := p.Whole(t.Context(), -1); err == nil {
			t.Error("less than nothing was given")
		}
		small, err := p.Whole(t.Context(), 1000)
		if err != nil || len(small.Bytes()) != 1000 {
			t.Fatal(err)
		}
		// While there are few slots there is more than the budget.
		rest, err := p.Buffer(t.Context(), p.Budget()/4)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan *Buffer)
		go func() {
			b, err := p.Whole(t.Context(), p.Budget())
			if err != nil {
				t.Error(err)
			}
			got <- b
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("it was given what is taken")
		default:
		}
		small.Release()
		rest.Release()
		whole := <-got
		if len(whole.Bytes()) != 3<<20 {
			t.Errorf("%d bytes", len(whole.Bytes()))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Whole(ctx, p.Budget()); !errors.Is(err, context.Canceled) {
			t.Errorf("ended: %v", err)
		}
		whole.Release()
		if s := p.Stats(); s.Reserved != 0 || s.MostReserved > memory {
			t.Errorf("%+v", s)
		}
	})
}

func TestReserveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const memory = 4 << 20
		p := newPool(t, Options{Memory: memory})
		var all []*Reservation
		for range 4 {
			r, err := p.Reserve(t.Context(), memory/4)
			if err != nil || r.Size() != memory/4 {
				t.Fatal(r, err)
			}
			all = append(all, r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error)
		go func() {
			_, err := p.Reserve(ctx, 10)
			results <- err
		}()
		synctest.Wait()
		if s := p.Stats(); s.WaitingForMemory != 1 || s.Reserved != memory || s.MostReserved != memory {
			t.Errorf("%+v", s)
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "10 bytes") {
			t.Errorf("got %v", err)
		}
		go func() {
			b, err := p.Buffer(t.Context(), 10)
			if err == nil {
				b.Release()
			}
			results <- err
		}()
		synctest.Wait()
		if s := p.Stats(); s.WaitingForMemory != 1 {
			t.Errorf("%+v", s)
		}
		all[0].Release()
		if err := <-results; err != nil {
			t.Error(err)
		}
		for _, r := range all[1:] {
			r.Release()
		}
		if s := p.Stats(); s.Reserved != 0 || s.WaitingForMemory != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestReleaseOnce(t *testing.T) {
	p := newPool(t, Options{})
	r, err := p.Reserve(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Buffer(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	b.Release()
	for name, again := range map[string]func(){"Reservation": r.Release, "Buffer": b.Release, "Bytes": func() { b.Bytes() }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic after Release", name)
				}
			}()
			again()
		}()
	}
	if s := p.Stats(); s.Reserved != 0 || s.Idle != smallest {
		t.Errorf("%+v", s)
	}
}

func TestClasses(t *testing.T) {
	const largest = 32<<20 - 5000 // as of an odd budget
	f := newFreeList(largest)
	sizes := map[int64]bool{}
	last := int64(0)
	for n := int64(0); n <= largest; n += 1 + n/100 {
		for _, n := range []int64{n, f.class(n), min(f.class(n)+1, largest)} {
			c := f.class(n)
			if c < n || c > largest || n > smallest && c > n+n/4 {
				t.Fatalf("%d bytes get %d", n, c)
			}
			if f.class(c) != c {
				t.Fatalf("a buffer of %d would come back as one of %d", c, f.class(c))
			}
			if c < last && n >= last {
				t.Fatalf("%d bytes get %d, fewer get %d", n, c, last)
			}
			sizes[c] = true
		}
		last = f.class(n)
	}
	if len(sizes) < 40 || len(sizes) > 60 {
		t.Errorf("%d classes", len(sizes))
	}
	for _, n := range []int64{smallest, 64 << 10, 5 << 20, 8 << 20, 16 << 20} {
		if f.class(n) != n {
			t.Errorf("a common size, %d, gets %d", n, f.class(n))
		}
	}
}

func TestBuffersAreUsedAgain(t *testing.T) {
	p := newPool(t, Options{Memory: 4 << 20})
	get := func(n int64) *Buffer {
		t.Helper()
		b, err := p.Buffer(t.Context(), n)
		if err != nil || int64(len(b.Bytes())) != n {
			t.Fatal(err)
		}
		return b
	}
	start := func(b *Buffer) *byte { return unsafe.SliceData(b.Bytes()) }
	a := get(100_000)
	first := start(a)
	b := get(100_000)
	if first == start(b) {
		t.Fatal("two own the same memory")
	}
	a.Release()
	c := get(99_000)
	if start(c) != first {
		t.Error("a similar size did not get the idle buffer")
	}
	b.Release()
	c.Release()
	// Four of the largest fill the budget: nothing may stay idle beside them.
	var all []*Buffer
	for range 4 {
		all = append(all, get(1<<20))
	}
	if s := p.Stats(); s.Idle != 0 || s.Reserved != s.Memory {
		t.Errorf("%+v", s)
	}
	for _, b := range all {
		b.Release()
	}
	if s := p.Stats(); s.Idle != s.Memory || s.Reserved != 0 {
		t.Errorf("%+v", s)
	}
	r, err := p.Reserve(t.Context(), 1<<19)
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Idle+s.Reserved > s.Memory {
		t.Errorf("a reservation left idle buffers above the budget: %+v", s)
	}
	r.Release()
	// The end of the last run drops what is idle.
	g, g2 := p.Group(t.Context()), p.Group(t.Context())
	if err := g.Wait(); err != nil || p.Stats().Idle == 0 {
		t.Errorf("%v, %+v", err, p.Stats())
	}
	for range 2 {
		if err := g2.Wait(); err != nil || p.Stats().Idle != 0 {
			t.Errorf("%v, %+v", err, p.Stats())
		}
	}
	if n := p.groups.Load(); n != 0 {
		t.Errorf("%d groups", n)
	}
}

// TestBuffersAreNotShared writes to each buffer and looks whether somebody else
// did, while the bound is watched.
func TestBuffersAreNotShared(t *testing.T) {
	p := newPool(t, Options{Memory: minMemory})
	var wg sync.WaitGroup
	for seed := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			for range 500 {
				b, err := p.Buffer(t.Context(), 1+rng.Int64N(minMemory/largestShare))
				if err != nil {
					t.Error(err)
					return
				}
				mem := b.Bytes()
				mem[0], mem[len(mem)-1] = byte(seed), byte(seed)
				if s := p.Stats(); s.Reserved > s.Memory {
					t.Errorf("%+v", s)
				}
				if mem[0] != byte(seed) || mem[len(mem)-1] != byte(seed) {
					t.Error("somebody else wrote to the buffer")
				}
				b.Release()
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.Reserved != 0 || s.Idle > s.Memory || s.MostReserved > s.Memory {
		t.Errorf("%+v", s)
	}
}
