package pool

import (
	"context"
	"sync"
)

// limiter lets so many units be out at one time, and those who wait for more
// come in the order in which they asked. One who asks for much holds up those
// behind, so that a stream of small requests cannot starve it.
//
// Unlike x/sync/semaphore, its limit can change while it is in use, it knows
// the most it ever had out, and to wait costs no allocation.
type limiter struct {
	mu    sync.Mutex
	limit int64
	out   int64
	most  int64
	// first and last are the ends of the list of those who wait.
	first, last *waiter
	waiting     int
	idle        *waiter // waiters to use again, linked by next
}

// waiter is one who waits for n units.
type waiter struct {
	n          int64
	granted    bool
	ready      chan struct{} // of capacity 1, one value for each grant
	prev, next *waiter
}

func newLimiter(limit int64) *limiter { return &limiter{limit: limit} }

// acquire waits for n units. Its error is ctx.Err(), and then it holds none.
// n must not be more than the limit will be.
func (l *limiter) acquire(ctx context.Context, n int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	if l.first == nil && l.out+n <= l.limit {
		l.take(n)
		l.mu.Unlock()
		return nil
	}
	w := l.enqueue(n)
	l.mu.Unlock()

	select {
	case <-w.ready:
		l.mu.Lock()
		l.recycle(w)
		l.mu.Unlock()
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.granted {
		// Granted at the same moment: what nobody will use goes back.
		<-w.ready
		l.out -= w.n
	} else {
		l.unlink(w)
	}
	l.recycle(w)
	l.grant()
	return ctx.Err()
}

// try takes n units where they are free and nobody waits, and says whether.
func (l *limiter) try(n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first != nil || l.out+n > l.limit {
		return false
	}
	l.take(n)
	return true
}

// release gives n units back. To give back more than is out is a mistake of
// the program, and would lift the bound: it panics. It says whether anybody was
// waiting.
func (l *limiter) release(n int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > l.out {
		panic("pool: more is released than was acquired")
	}
	l.out -= n
	waited := l.first != nil
	l.grant()
	return waited
}

// setLimit changes the limit. What is out above a lower limit stays out until
// it is released.
func (l *limiter) setLimit(limit int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = limit
	l.grant()
}

// usage is what a limiter says about itself.
type usage struct {
	limit, out, most int64
	waiting          int
}

func (l *limiter) usage() usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return usage{l.limit, l.out, l.most, l.waiting}
}

// All below is called with mu held.

func (l *limiter) take(n int64) {
	l.out += n
	l.most = max(l.most, l.out)
}

// grant lets in those at the front for whom there is room.
func (l *limiter) grant() {
	for w := l.first; w != nil && l.out+w.n <= l.limit; w = l.first {
		l.unlink(w)
		l.take(w.n)
		w.granted = true
		w.ready <- struct{}{}
	}
}

func (l *limiter) enqueue(n int64) *waiter {
	w := l.idle
	if w == nil {
		w = &waiter{ready: make(chan struct{}, 1)}
	} else {
		l.idle = w.next
	}
	w.n, w.granted, w.prev, w.next = n, false, l.last, nil
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.waiting++
	return w
}

func (l *limiter) unlink(w *waiter) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	l.waiting--
}

// recycle keeps w for the next one who waits: there are never more than have
// waited at one time.
func (l *limiter) recycle(w *waiter) {
	w.next, l.idle = l.idle, w
}
