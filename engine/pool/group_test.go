package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var (
	errFirst  = errors.New("first")
	errSecond = errors.New("second")
)

// TestGroupBound shares the places of one Pool between two Groups.
func TestGroupBound(t *testing.T) {
	const files, n = 5, 2000
	p := newPool(t, Options{Files: files})
	var under, over, ran atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			g := p.Group(t.Context())
			for range n {
				err := g.Go(func(ctx context.Context) error {
					if under.Add(1) > files {
						over.Add(1)
					}
					runtime.Gosched()
					under.Add(-1)
					ran.Add(1)
					return ctx.Err()
				})
				if err != nil {
					t.Error(err)
				}
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := p.Stats()
	if over.Load() > 0 || ran.Load() != 2*n || s.MostUnderWay > files || s.MostUnderWay < 2 || s.UnderWay != 0 {
		t.Errorf("%d over, %d of %d ran, %+v", over.Load(), ran.Load(), 2*n, s)
	}
}

// TestGroupUsesWorkersAgain counts the workers of a run when all are idle.
func TestGroupUsesWorkersAgain(t *testing.T) {
	p := newPool(t, Options{Files: 3})
	g := p.Group(t.Context())
	for range 500 {
		if err := g.Go(func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	g.objects.Wait()
	if n := len(g.idle); n < 1 || n > 3 {
		t.Errorf("%d workers for 3 places", n)
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestGroupBackPressure: Go waits while all places are taken, and after the
// failure nothing is started, whether it waited or comes later.
func TestGroupBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, Options{Files: 2})
		g := p.Group(t.Context())
		fail := make(chan struct{})
		var started atomic.Int64
		var handed, refused int
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 10 {
				err := g.Go(func(ctx context.Context) error {
					started.Add(1)
					if i == 0 {
						<-fail
						return errFirst
					}
					<-ctx.Done()
					return ctx.Err()
				})
				if err == nil {
					handed++
					continue
				}
				refused++
				if !errors.Is(err, errFirst) {
					t.Errorf("Go gave %v", err)
				}
			}
		}()
		synctest.Wait()
		if handed != 2 || started.Load() != 2 {
			t.Errorf("%d handed over, %d started with two places", handed, started.Load())
		}
		close(fail)
		<-done
		if err := g.Wait(); err != errFirst { //nolint:errorlint // It comes as it is.
			t.Errorf("Wait gave %v", err)
		}
		if started.Load() != 2 || handed != 2 || refused != 8 {
			t.Errorf("%d started, %d handed over, %d refused", started.Load(), handed, refused)
		}
		if !errors.Is(context.Cause(g.Context()), errFirst) {
			t.Errorf("the cause is %v", context.Cause(g.Context()))
		}
		if s := p.Stats(); s.UnderWay != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestGroupErrors says which of several errors is what stopped the run.
func TestGroupErrors(t *testing.T) {
	cause := errors.New("cause")
	type fn = func(ctx context.Context) error
	returns := func(err error) fn { return func(context.Context) error { return err } }
	stopped := func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("get: %w", ctx.Err()) }
	late := func(ctx context.Context) error { <-ctx.Done(); return errSecond }
	for _, c := range []struct {
		name   string
		cancel bool // the parent, first of all
		work   []fn
		want   error
	}{
		{"none", false, []fn{returns(nil), returns(nil)}, nil},
		{"nothing to do", false, nil, nil},
		{"one", false, []fn{returns(errFirst)}, errFirst},
		{"the first of two", false, []fn{late, returns(errFirst)}, errFirst},
		{"a cancellation that follows", false, []fn{stopped, returns(errFirst)}, errFirst},
		{"a cancellation of its own", false, []fn{returns(context.Canceled)}, context.Canceled},
		{"an error after a cancellation of unknown cause", false, []fn{late, returns(context.Canceled)}, errSecond},
		{"a timeout of its own", false, []fn{stopped, returns(context.DeadlineExceeded)}, context.DeadlineExceeded},
		{"the parent", true, []fn{stopped}, cause},
		{"the parent, with work that ends well", true, []fn{func(ctx context.Context) error { <-ctx.Done(); return nil }}, cause},
		{"the parent, and what comes of it", true, []fn{late}, cause},
		{"the parent, with nothing to do", true, nil, cause},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				g := newPool(t, Options{}).Group(ctx)
				for _, fn := range c.work {
					if err := g.Go(fn); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				if c.cancel {
					cancel(cause)
				}
				for range 2 {
					if err := g.Wait(); err != c.want { //nolint:errorlint // It comes as it is.
						t.Errorf("Wait gave %v", err)
					}
				}
				if g.Context().Err() == nil {
					t.Error("the context is alive after Wait")
				}
				if err := g.Go(returns(nil)); err == nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("Go after Wait gave %v", err)
				}
			})
		})
	}
}

// TestGroupParentEndsWhileGoWaits: nothing waits without its context.
func TestGroupParentEndsWhileGoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		p := newPool(t, Options{Files: 1})
		g := p.Group(ctx)
		if err := g.Go(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }); err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() {
			result <- g.Go(func(context.Context) error { t.Error("started"); return nil })
		}()
		synctest.Wait()
		cancel(errFirst)
		if err := <-result; !errors.Is(err, errFirst) {
			t.Errorf("Go gave %v", err)
		}
		if err := g.Wait(); !errors.Is(err, errFirst) {
			t.Errorf("Wait gave %v", err)
		}
	})
}

// TestGroupStoppedBeforeItsTurn is work that has a place and no goroutine yet
// when the run stops.
func TestGroupStoppedBeforeItsTurn(t *testing.T) {
	p := newPool(t, Options{})
	g := p.Group(t.Context())
	if err := p.files.acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	g.objects.Add(1)
	g.stop(errFirst)
	g.run(func(context.Context) error { t.Error("started"); return nil }, make(chan work, 1))
	if err := g.Wait(); !errors.Is(err, errFirst) || p.Stats().UnderWay != 0 {
		t.Errorf("%v, %+v", err, p.Stats())
	}
}

// TestGroupPlaceAndStopTogether has Go wait for a place that comes together
// with the end of the run: nothing may be taken on.
func TestGroupPlaceAndStopTogether(t *testing.T) {
	for range 50 { // select chooses at random
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, Options{Files: 1})
			g := p.Group(t.Context())
			if err := p.files.acquire(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			result := make(chan error)
			go func() {
				result <- g.Go(func(context.Context) error { t.Error("started"); return nil })
			}()
			synctest.Wait()
			p.files.mu.Lock()
			p.files.out--
			p.files.grant()
			g.stop(errFirst)
			p.files.mu.Unlock()
			if err := <-result; !errors.Is(err, errFirst) {
				t.Errorf("Go gave %v", err)
			}
			if err := g.Wait(); !errors.Is(err, errFirst) || p.Stats().UnderWay != 0 {
				t.Errorf("%v, %+v", err, p.Stats())
			}
		})
	}
}

// TestGroupIndependence: the end of one run is nothing to another.
func TestGroupIndependence(t *testing.T) {
	p := newPool(t, Options{Files: 1})
	a, b := p.Group(t.Context()), p.Group(t.Context())
	if err := a.Go(func(context.Context) error { return errFirst }); err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); !errors.Is(err, errFirst) {
		t.Errorf("got %v", err)
	}
	ran := false
	if err := b.Go(func(ctx context.Context) error { ran = true; return ctx.Err() }); err != nil {
		t.Error(err)
	}
	if err := b.Wait(); err != nil || !ran {
		t.Errorf("got %v, ran %v", err, ran)
	}
}

func TestGroupPanic(t *testing.T) {
	p := newPool(t, Options{Files: 2})
	g := p.Group(t.Context())
	if err := g.Go(func(context.Context) error { panic(errFirst) }); err != nil {
		t.Fatal(err)
	}
	<-g.Context().Done()
	if err := g.Go(func(context.Context) error { t.Error("started"); return nil }); !errors.Is(err, errFirst) {
		t.Errorf("Go gave %v", err)
	}
	defer func() {
		e, ok := recover().(*PanicError)
		if !ok || !errors.Is(e, errFirst) || !strings.Contains(e.Error(), "TestGroupPanic") {
			t.Errorf("Wait panicked with %v", e)
		}
		if s := p.Stats(); s.UnderWay != 0 {
			t.Errorf("%+v", s)
		}
	}()
	err := g.Wait()
	t.Errorf("Wait returned %v", err)
}

// TestGroupGoexit: work that ends its goroutine ends the run, and takes no
// place with it.
func TestGroupGoexit(t *testing.T) {
	p := newPool(t, Options{Files: 1})
	g := p.Group(t.Context())
	if err := g.Go(func(context.Context) error { runtime.Goexit(); return nil }); err != nil {
		t.Fatal(err)
	}
	g.objects.Wait()
	if len(g.idle) > 0 {
		t.Error("a worker that is gone is offered work")
	}
	if err := g.Wait(); !errors.Is(err, errGoexit) {
		t.Errorf("got %v", err)
	}
	if s := p.Stats(); s.UnderWay != 0 {
		t.Errorf("%+v", s)
	}
}

// TestGroupWithin finds the deadlock of a Group in a Group.
func TestGroupWithin(t *testing.T) {
	p, other := newPool(t, Options{Files: 1}), newPool(t, Options{Files: 1})
	g := p.Group(t.Context())
	within := func(ctx context.Context, p *Pool) error {
		g := p.Group(ctx)
		err := g.Go(func(context.Context) error { return nil })
		return errors.Join(err, g.Wait())
	}
	var same, foreign error
	if err := g.Go(func(ctx context.Context) error {
		same, foreign = within(ctx, p), within(ctx, other)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(); err != nil || !errors.Is(same, ErrOrder) || foreign != nil {
		t.Errorf("%v, %v, %v", err, same, foreign)
	}
	// One after the other is no Group within a Group.
	if err := within(t.Context(), p); err != nil {
		t.Error(err)
	}
}
