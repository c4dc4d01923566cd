package plan

import (
	"context"
	"sync"

	"github.com/s3haul/s3haul/walker"
)

// window is the most entries of one side that are read ahead of the consumer.
// It covers the pause between two pages of a listing (1000 keys), and costs
// about 120 KiB a side where a side has that many.
const window = 1024

// item is what one step of a walk yielded: an entry, or the skip of a name.
type item struct {
	entry walker.Entry
	err   error
}

// readahead walks a Source in a goroutine of its own, so that one slow side
// does not hold up the other.
//
// There are two buffers of half a window: the walk fills one while the
// consumer empties the other, and they are exchanged when the consumer has
// none left. So an entry costs one uncontended lock and no allocation, and
// none waits for a batch to fill up. (Batches through a channel are a fifth
// faster and hold entries back while a lister waits for its next page; two
// iter.Pull2 are slower and do not read ahead.)
type readahead struct {
	// Only the consumer uses these. finished says that the end was seen, and
	// that the walk is complete.
	have     []item
	next     int
	finished bool

	mu   sync.Mutex
	fill []item
	// ended says that the walk is over; err is its last word, nil where it is
	// complete.
	ended bool
	err   error
	// starving and stalled say who waits on the channel of that name.
	starving, stalled bool

	filled  chan struct{} // for the consumer: fill is no longer empty, or ended
	emptied chan struct{} // for the walk: fill has room
	left    chan struct{} // closed when the goroutine is gone
}

// startReading begins to walk src. The walk ends with ctx.
func startReading(ctx context.Context, src walker.Source) *readahead {
	r := &readahead{
		filled:  make(chan struct{}, 1),
		emptied: make(chan struct{}, 1),
		left:    make(chan struct{}),
	}
	go func() {
		defer close(r.left)
		r.end(r.walk(ctx, src))
	}()
	return r
}

func (r *readahead) walk(ctx context.Context, src walker.Source) error {
	for e, err := range walker.InOrder(src.Walk(ctx)) {
		if err != nil {
			if err := checkSkip(e, err); err != nil {
				return err
			}
		}
		if err := r.put(ctx, e, err); err != nil {
			return err
		}
	}
	// A walk that a cancellation ended without a word is not complete.
	return ctx.Err()
}

// put hands one step of the walk over, and waits while the window is full.
func (r *readahead) put(ctx context.Context, e walker.Entry, err error) error {
	r.mu.Lock()
	for len(r.fill) == window/2 {
		r.stalled = true
		r.mu.Unlock()
		select {
		case <-r.emptied:
		case <-ctx.Done():
			return ctx.Err()
		}
		r.mu.Lock()
	}
	r.fill = append(r.fill, item{e, err})
	if r.starving {
		r.starving = false
		r.filled <- struct{}{}
	}
	r.mu.Unlock()
	return nil
}

func (r *readahead) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended, r.err = true, err
	if r.starving {
		r.starving = false
		r.filled <- struct{}{}
	}
}

// head returns what is next without taking it, or nil at the end of the walk;
// then the error says whether that is complete. The item is valid until drop
// and head are called again. When ctx, that of the walk, has ended, what was
// read before is not worth finishing.
func (r *readahead) head(ctx context.Context) (*item, error) {
	if r.next < len(r.have) {
		return &r.have[r.next], nil
	}
	if r.finished {
		return nil, nil
	}
	return r.exchange(ctx)
}

// drop takes the item that head returned.
func (r *readahead) drop() { r.next++ }

func (r *readahead) exchange(ctx context.Context) (*item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	for len(r.fill) == 0 {
		if r.ended {
			r.mu.Unlock()
			r.finished = r.err == nil
			return nil, r.err
		}
		// No context here: put and the Source heed it, and end is always called.
		r.starving = true
		r.mu.Unlock()
		<-r.filled
		r.mu.Lock()
	}
	r.have, r.fill, r.next = r.fill, r.have[:0], 0
	if r.stalled {
		r.stalled = false
		r.emptied <- struct{}{}
	}
	r.mu.Unlock()
	return &r.have[0], nil
}
