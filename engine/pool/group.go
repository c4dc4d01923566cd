package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Group runs the work on objects, as many at a time as the Pool has places,
// which it shares with the Pool's other Groups. It stops as a whole: at the
// first error of any of them, or when the context that it was made with ends.
//
// Its goroutines are used again until Wait. To start one for each object costs
// no more where the work is empty, but a request needs a stack of 16 KiB, and
// to grow that anew each time costs 10 µs and more.
type Group struct {
	p      *Pool
	parent context.Context
	ctx    context.Context
	inside context.Context // ctx with the mark of a place
	cancel context.CancelCauseFunc
	broken error // why nothing may be started at all
	ended  sync.Once

	objects sync.WaitGroup // under way
	workers sync.WaitGroup // goroutines

	mu       sync.Mutex
	idle     []chan work // of the workers that wait; the last one comes first
	err      error       // what stopped the run
	panicked *PanicError
}

// work is what a worker does for one object.
type work func(ctx context.Context) error

// PanicError is what Wait panics with where fn panicked.
type PanicError struct {
	// Value is what fn panicked with.
	Value any
	// Stack is that of fn's goroutine.
	Stack []byte
}

// Error returns the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the value where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var (
	errEnded  = errors.New("the group has ended")
	errGoexit = errors.New("the work on an object ended its goroutine")
)

// inGroup is the key of the mark in the context of one who has a place.
type inGroup struct{ p *Pool }

// Group returns a new Group that stops when ctx ends. The caller owes a Wait.
//
// A Group within the work of another Group of the same Pool would wait for
// places that its own caller holds: its Go fails with [ErrOrder].
func (p *Pool) Group(ctx context.Context) *Group {
	g := &Group{p: p, parent: ctx}
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	g.inside = context.WithValue(g.ctx, inGroup{p}, true)
	g.broken = mayWait(ctx)
	if ctx.Value(inGroup{p}) != nil {
		g.broken = ErrOrder
	}
	p.groups.Add(1)
	return g
}

// Context returns the context of the run, for those who feed it: it ends when
// the run stops, with the stopping error as its cause, and at Wait.
func (g *Group) Context() context.Context { return g.ctx }

// Go waits for a place and has fn run in a goroutine, with a context that ends
// when the run stops. An object that failed is reported by fn elsewhere, and fn
// returns nil; an error that fn returns stops the run.
//
// Once the run is stopped, Go returns the stopping error and starts nothing.
// fn may never be called, also where Go returned nil, if the run stops before
// its turn comes: what has to be undone must be done inside fn. Go may be
// called from several goroutines, but not from fn, and all calls must have
// returned before Wait is called.
func (g *Group) Go(fn func(ctx context.Context) error) error {
	if g.broken != nil {
		return fmt.Errorf("waiting for a place in the pool: %w", g.broken)
	}
	if err := g.p.files.acquire(g.ctx, 1); err != nil {
		return g.stopped()
	}
	if g.ctx.Err() != nil { // The place came from what stopped the run.
		g.p.files.release(1)
		return g.stopped()
	}
	g.objects.Add(1)
	g.worker() <- fn
	return nil
}

// worker returns a worker that has nothing to do; sending to it does not block.
func (g *Group) worker() chan<- work {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.idle); n > 0 {
		w := g.idle[n-1]
		g.idle = g.idle[:n-1]
		return w
	}
	w := make(chan work, 1)
	g.workers.Go(func() {
		for fn := range w {
			g.run(fn, w)
		}
	})
	return w
}

// run does the work on one object, and then makes the worker idle.
func (g *Group) run(fn work, w chan work) {
	returned := false
	defer func() {
		// The run is stopped and the worker is idle before the place is given
		// back: so whoever gets the place sees both, and there are no more
		// workers than places.
		goexit := false
		if !returned {
			if v := recover(); v != nil {
				g.stop(&PanicError{Value: v, Stack: debug.Stack()})
			} else {
				goexit = true // As t.FailNow does it; this goroutine is lost.
				g.stop(errGoexit)
			}
		}
		if !goexit {
			g.mu.Lock()
			g.idle = append(g.idle, w)
			g.mu.Unlock()
		}
		g.p.files.release(1)
		g.objects.Done()
	}()
	// The run may have been stopped since Go had a place.
	if g.ctx.Err() == nil {
		if err := fn(g.inside); err != nil {
			g.stop(err)
		}
	}
	returned = true
}

// stop ends the run because of err, unless something else has ended it.
func (g *Group) stop(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := err.(*PanicError); ok && g.panicked == nil { //nolint:errorlint // Only one made here.
		g.panicked = p
	}
	switch {
	case g.parent.Err() != nil && (g.err == nil || weak(g.err)):
		// What fails from now on may fail because of the cancellation.
		g.err = context.Cause(g.parent)
	case g.err == nil || weak(g.err) && !weak(err):
		g.err = err
	}
	g.cancel(g.err)
}

// weak says that err is less worth reporting than others: a cancellation, of
// which the cause may come later.
func weak(err error) bool { return errors.Is(err, context.Canceled) }

func (g *Group) stopped() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	return context.Cause(g.ctx)
}

// Wait waits until the work on all objects has returned. It returns what
// stopped the run: the first error of an fn, or the cause of the context that
// the Group was made with where that ended first; and nil where nothing did.
// Errors that are cancellations give way to others, since stopping makes them.
// Where an fn panicked, Wait panics with a [*PanicError].
func (g *Group) Wait() error {
	g.objects.Wait()
	g.dismiss()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil && g.parent.Err() != nil {
		g.err = context.Cause(g.parent)
	}
	if g.err != nil {
		g.cancel(g.err)
	} else {
		g.cancel(errEnded)
	}
	g.ended.Do(g.p.groupEnded)
	if g.panicked != nil {
		panic(g.panicked)
	}
	return g.err
}

// dismiss ends the workers, which are all idle.
func (g *Group) dismiss() {
	g.mu.Lock()
	for _, w := range g.idle {
		close(w)
	}
	g.idle = nil
	g.mu.Unlock()
	g.workers.Wait()
}
