package pool

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustAcquire(t *testing.T, l *limiter, n int64) {
	t.Helper()
	if err := l.acquire(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// queue starts goroutines that each want the given units, in this order, and
// note their number in got when they have them.
func queue(t *testing.T, l *limiter, got *[]int, units ...int64) {
	t.Helper()
	var mu sync.Mutex
	for i, n := range units {
		go func() {
			if err := l.acquire(t.Context(), n); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			*got = append(*got, i)
			slices.Sort(*got) // Those who are let in together run in any order.
		}()
		synctest.Wait()
	}
}

func TestLimiterIsFIFO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(3)
		mustAcquire(t, l, 3)
		var got []int
		queue(t, l, &got, 1, 1, 3, 1, 1)
		want := [][]int{nil, {0}, {0, 1}, {0, 1}, {0, 1}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}}
		// Two go out as they came in; then the one who wants three holds up
		// those behind until all are back.
		for i, w := range want {
			synctest.Wait()
			if !slices.Equal(got, w) {
				t.Fatalf("after %d units were given back %v have theirs, not %v", i, got, w)
			}
			if i < 5 {
				l.release(1)
			}
		}
		if u := l.usage(); u.waiting != 2 || u.out != 3 || u.most != 3 {
			t.Errorf("%+v", u)
		}
		l.release(2)
		synctest.Wait()
		if !slices.Equal(got, []int{0, 1, 2, 3, 4}) || l.usage().waiting != 0 {
			t.Errorf("in the end %v", got)
		}
	})
}

// TestLimiterDoesNotBarge: what is free belongs to those who wait already.
func TestLimiterDoesNotBarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(3)
		mustAcquire(t, l, 2)
		var got []int
		queue(t, l, &got, 2, 1)
		if len(got) != 0 {
			t.Fatalf("%v passed the one who waits for two", got)
		}
		l.release(2)
		synctest.Wait()
		if !slices.Equal(got, []int{0, 1}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestLimiterCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(3)
		mustAcquire(t, l, 2)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- l.acquire(ctx, 3) }()
		synctest.Wait()
		var got []int
		queue(t, l, &got, 1, 1)
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if !slices.Equal(got, []int{0}) {
			t.Errorf("with the one in front gone, %v have theirs", got)
		}
		l.release(2)
		synctest.Wait()
		if u := l.usage(); u.out != 2 || u.waiting != 0 || len(got) != 2 {
			t.Errorf("%+v, %v", u, got)
		}
		if err := l.acquire(ctx, 1); !errors.Is(err, context.Canceled) || l.usage().out != 2 {
			t.Errorf("with an ended context: %v, %+v", err, l.usage())
		}
	})
}

// TestLimiterCancelledAtTheGrant lets grant and cancellation race for the same
// waiter: whatever happens, nothing is lost.
func TestLimiterCancelledAtTheGrant(t *testing.T) {
	l := newLimiter(1)
	var had, hadNot int
	for range 5000 {
		mustAcquire(t, l, 1)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if l.acquire(ctx, 1) == nil {
				had++
				l.release(1)
			} else {
				hadNot++
			}
		})
		wg.Go(cancel)
		wg.Go(func() { l.release(1) })
		wg.Wait()
		if u := l.usage(); u.out != 0 || u.waiting != 0 {
			t.Fatalf("%+v", u)
		}
	}
	t.Logf("%d got it, %d did not", had, hadNot)
}

// TestLimiterGrantedAndCancelled makes that race certain: both have happened
// before the waiter runs.
func TestLimiterGrantedAndCancelled(t *testing.T) {
	l := newLimiter(1)
	for range 100 { // select chooses at random
		mustAcquire(t, l, 1)
		ctx, cancel := context.WithCancel(t.Context())
		l.mu.Lock()
		done := make(chan error, 1)
		go func() { done <- l.acquire(ctx, 1) }()
		l.mu.Unlock()
		for l.usage().waiting == 0 {
			select {
			case err := <-done:
				t.Fatal(err)
			default:
			}
		}
		l.mu.Lock()
		l.out--
		l.grant()
		cancel()
		l.mu.Unlock()
		if err := <-done; err == nil {
			l.release(1)
		}
		if u := l.usage(); u.out != 0 || u.waiting != 0 {
			t.Fatalf("%+v", u)
		}
	}
}

func TestLimiterSetLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		mustAcquire(t, l, 1)
		var got []int
		queue(t, l, &got, 1, 1, 1, 1)
		l.setLimit(3)
		synctest.Wait()
		if !slices.Equal(got, []int{0, 1}) {
			t.Errorf("with three: %v", got)
		}
		l.setLimit(1)
		l.release(1)
		l.release(1)
		synctest.Wait()
		if u := l.usage(); len(got) != 2 || u.out != 1 || u.limit != 1 || u.most != 3 {
			t.Errorf("with one again: %v, %+v", got, u)
		}
		l.release(1)
		synctest.Wait()
		if len(got) != 3 {
			t.Errorf("with the last one back: %v", got)
		}
		l.release(1)
		synctest.Wait()
		if !slices.Equal(got, []int{0, 1, 2, 3}) {
			t.Errorf("in the end %v", got)
		}
	})
}

func TestLimiterReleasesTooMuch(t *testing.T) {
	l := newLimiter(5)
	mustAcquire(t, l, 2)
	defer func() {
		if recover() == nil || l.usage().out != 2 {
			t.Errorf("no panic, or %+v", l.usage())
		}
	}()
	l.release(3)
}

// TestLimiterBound is many goroutines that take, give up and change the limit.
func TestLimiterBound(t *testing.T) {
	const limit = 10
	l := newLimiter(limit)
	var out, over, got, gaveUp atomic.Int64
	var wg sync.WaitGroup
	for seed := range 16 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			for range 2000 {
				n := 1 + rng.Int64N(limit)
				ctx, cancel := context.WithCancel(t.Context())
				switch rng.IntN(8) {
				case 0:
					cancel()
				case 1, 2:
					go cancel()
				}
				if l.acquire(ctx, n) != nil {
					gaveUp.Add(1)
					cancel()
					continue
				}
				got.Add(1)
				if out.Add(n) > limit {
					over.Add(1)
				}
				out.Add(-n)
				l.release(n)
				cancel()
			}
		})
	}
	wg.Wait()
	if over.Load() > 0 || got.Load() == 0 || gaveUp.Load() == 0 {
		t.Errorf("%d times over the limit, %d had theirs, %d gave up", over.Load(), got.Load(), gaveUp.Load())
	}
	if u := l.usage(); u.out != 0 || u.waiting != 0 || u.most > limit || u.most < limit/2 {
		t.Errorf("%+v", u)
	}
}
