// Package pool bounds what is under way: request attempts (slots), bytes in
// buffers, and objects. Small files and the parts of large ones share one Pool;
// it knows nothing of S3.
//
// # The order
//
// Bytes come before the slot, everywhere: who holds a slot must not wait for
// bytes, for another slot or for a place in a [Group]. All those who hold bytes
// then wait only for slots, all those who hold slots wait for nobody, and so
// something always moves, also with one slot and little memory. For the same
// reason nobody who holds bytes reserves more of them: what one step needs is
// reserved at once. [Holding] finds who breaks the rule.
//
// Whatever waits does so with a context, and gives up when that ends.
package pool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrOrder is in the chain of the error of one who holds a slot and wants to
// wait for more, see [Holding], or who has a place in a Group and wants
// another. It is a mistake of the program, found before it is a deadlock.
var ErrOrder = errors.New("waiting in the pool while holding what others there wait for")

// Pool is what all transfers of an engine share. It is made by [New]. All of
// its methods may be called from several goroutines.
type Pool struct {
	slots   *limiter
	files   *limiter
	bytes   *limiter
	budget  int64
	buffers *freeList
	groups  atomic.Int64 // that have not ended
}

// New returns a Pool with the bounds of o, or the error of o.Validate.
func New(o Options) (*Pool, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	return &Pool{
		slots:   newLimiter(int64(o.Slots)),
		files:   newLimiter(int64(o.Files)),
		bytes:   newLimiter(o.Memory),
		budget:  o.Memory,
		buffers: newFreeList(o.Memory / largestShare),
	}, nil
}

// Acquire waits for a slot, in the order of the callers. A slot is held by one
// request attempt, never by a file, and never across anything else that waits
// for the Pool. The error wraps ctx.Err(); then no slot is held.
func (p *Pool) Acquire(ctx context.Context) error {
	if err := mayWait(ctx); err != nil {
		return fmt.Errorf("waiting for a slot: %w", err)
	}
	if err := p.slots.acquire(ctx, 1); err != nil {
		return fmt.Errorf("waiting for a slot: %w", err)
	}
	return nil
}

// Release gives back the slot of one Acquire. It panics where none is out.
func (p *Pool) Release() { p.slots.release(1) }

// SetSlots changes the number of slots, which is at least 1: less counts as 1.
// Where more are out than that, they stay out until they are released.
func (p *Pool) SetSlots(n int) { p.slots.setLimit(int64(max(1, n))) }

// holding is the key of the mark that Holding leaves.
type holding struct{}

// Holding returns a context for the work of one who holds a slot. With it,
// Acquire, Reserve, Buffer and Group.Go fail at once with [ErrOrder] where
// they might have waited for one another for ever.
func Holding(ctx context.Context) context.Context {
	return context.WithValue(ctx, holding{}, true)
}

func mayWait(ctx context.Context) error {
	if ctx.Value(holding{}) != nil {
		return ErrOrder
	}
	return nil
}

// groupEnded drops the idle buffers when nothing is under way any more: an
// engine between two runs holds no memory.
func (p *Pool) groupEnded() {
	if p.groups.Add(-1) == 0 {
		p.buffers.shrink(0)
	}
}

// Stats is a Pool at one moment. Each trio is consistent in itself, not with
// the others.
type Stats struct {
	// Slots is the number of slots, InFlight those in use, MostInFlight the
	// most there ever were in use, Waiting the goroutines that wait for one.
	Slots, InFlight, MostInFlight, Waiting int
	// Throttled is the number of answers so far that asked to be sent less, and
	// Paced how many requests a second go to the key ranges that are throttled.
	Throttled int64
	Paced     float64
	// Memory is the budget in bytes, Reserved what is in use, MostReserved the
	// most there ever was in use, WaitingForMemory the goroutines that wait.
	Memory, Reserved, MostReserved int64
	WaitingForMemory               int
	// Idle is the bytes in buffers that wait to be used again: they take what
	// is not reserved, and make room when it is. A buffer that is just changing
	// hands may be counted in both.
	Idle int64
	// Files is the number of objects that may be under way, UnderWay and
	// MostUnderWay those that are and the most that ever were.
	Files, UnderWay, MostUnderWay int
}

// Stats returns the present numbers.
func (p *Pool) Stats() Stats {
	s, b, f := p.slots.usage(), p.bytes.usage(), p.files.usage()
	return Stats{
		Slots: int(s.limit), InFlight: int(s.out), MostInFlight: int(s.most), Waiting: s.waiting,
		Memory: b.limit, Reserved: b.out, MostReserved: b.most, WaitingForMemory: b.waiting,
		Idle:  p.buffers.size(),
		Files: int(f.limit), UnderWay: int(f.out), MostUnderWay: int(f.most),
	}
}
