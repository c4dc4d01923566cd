package remove

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// Outcome is what became of the objects of one request.
type Outcome[T any] struct {
	IDs []wire.ObjectID
	// Tags are what came with the IDs.
	Tags []T
	// Errs are why they are not gone, each nil where it is; nil: all are gone.
	Errs []error
}

// Err is why the i-th is not gone, or nil.
func (o *Outcome[T]) Err(i int) error {
	if o.Errs == nil {
		return nil
	}
	return o.Errs[i]
}

// Remover deletes batches as they come, many at a time. What has to be sent
// again, and what the ends of others let go, comes before what comes new.
// Each object may carry a tag that comes back with its outcome.
type Remover[T any] struct {
	o     Options
	done  func(Outcome[T])
	idle  func()
	group *pool.Group
	in    chan *batch[T]
	poke  chan struct{} // of capacity 1: there is something in ready, or less under way
	ended chan struct{} // the dispatcher has returned

	size size

	mu    sync.Mutex
	ready []*batch[T] // to be sent next
	under int         // batches under way, or waiting for their time
}

type batch[T any] struct {
	ids  []wire.ObjectID
	tags []T
	// single says that it is one key, for a request by itself.
	single bool
	// throttled is how often it was, and since the first time.
	throttled int
	since     time.Time
}

// New starts a Remover. done is told the outcome of every object that was
// given to it and begun, once; it is called concurrently. idle is called when
// after Wait was called nothing is left to do, and may Queue more; nil: nobody
// is asked. The caller owes a Wait.
func New[T any](ctx context.Context, o Options, done func(Outcome[T]), idle func()) *Remover[T] {
	if o.BatchSize <= 0 || o.BatchSize > wire.MaxDelete {
		o.BatchSize = wire.MaxDelete
	}
	if o.Late == nil {
		o.Late = func() bool { return false }
	}
	if o.Retried == nil {
		o.Retried = func(error) {}
	}
	if idle == nil {
		idle = func() {}
	}
	r := &Remover[T]{
		o: o, done: done, idle: idle, group: o.Pool.Group(ctx),
		in: make(chan *batch[T]), poke: make(chan struct{}, 1), ended: make(chan struct{}),
		size: newSize(o.BatchSize),
	}
	go r.dispatch(r.group.Context()) //nolint:contextcheck // the group's ends with ctx
	return r
}

// Limit is how many keys a batch should have at present.
func (r *Remover[T]) Limit() int { return r.size.limit() }

// Send has objects deleted, as one batch or several; it waits where much is
// under way, and is for one goroutine. Both slices, of one length, are the
// Remover's then. The error is that of the context; then nothing was sent.
func (r *Remover[T]) Send(ids []wire.ObjectID, tags []T) error {
	for _, b := range r.apart(ids, tags) {
		select {
		case r.in <- b:
		case <-r.ended:
			return context.Cause(r.group.Context())
		}
	}
	return nil
}

// Queue is Send for done and idle: it does not wait.
func (r *Remover[T]) Queue(ids []wire.ObjectID, tags []T) { r.push(r.apart(ids, tags)...) }

// Wait waits until all is done that was sent, and ends the Remover. The error
// is that of the context.
func (r *Remover[T]) Wait() error {
	close(r.in)
	<-r.ended
	return r.group.Wait()
}

// apart puts what cannot go in a batch into some of their own: the keys that XML
// cannot carry, or all.
func (r *Remover[T]) apart(ids []wire.ObjectID, tags []T) []*batch[T] {
	all := &batch[T]{ids: ids, tags: tags}
	bad := func(id wire.ObjectID) bool {
		return r.o.Single || !s3xml.CanCarry(id.Key) || !s3xml.CanCarry(id.VersionID)
	}
	if !slices.ContainsFunc(ids, bad) {
		return []*batch[T]{all}
	}
	var batches []*batch[T]
	all.ids, all.tags = nil, nil
	for i, id := range ids {
		if bad(id) {
			batches = append(batches, &batch[T]{ids: ids[i : i+1 : i+1], tags: tags[i : i+1 : i+1], single: true})
			continue
		}
		all.ids, all.tags = append(all.ids, id), append(all.tags, tags[i])
	}
	if len(all.ids) > 0 {
		batches = append(batches, all)
	}
	return batches
}

func (r *Remover[T]) push(batches ...*batch[T]) {
	r.mu.Lock()
	r.ready = append(r.ready, batches...)
	r.mu.Unlock()
	r.wake()
}

func (r *Remover[T]) wake() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// dispatch sends batches until there is nothing to do any more or ctx ends.
func (r *Remover[T]) dispatch(ctx context.Context) {
	defer close(r.ended)
	q := queue[T]{r: r, in: r.in}
	for {
		b, ok := q.next(ctx)
		if !ok {
			return
		}
		r.mu.Lock()
		r.under++
		r.mu.Unlock()
		if err := r.group.Go(func(ctx context.Context) error {
			r.send(ctx, b)
			r.mu.Lock()
			r.under--
			r.mu.Unlock()
			r.wake()
			return nil
		}); err != nil {
			return
		}
	}
}
