package pool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// largestShare is the part of the budget that one request may take: a quarter,
// so that four of the largest can be under way, and one never waits for the
// whole Pool to run dry.
const largestShare = 4

// ErrTooLarge is in the chain of the error of Reserve and Buffer where the
// request is for more than a quarter of the budget. Whoever gets it must do
// without: read the part twice from the file, or make it smaller.
var ErrTooLarge = errors.New("more than a quarter of the memory budget")

// Fits says whether n bytes can be reserved at all.
func (p *Pool) Fits(n int64) bool { return n >= 0 && n <= p.budget/largestShare }

// Budget is the number of bytes that [Pool.Whole] gives at most.
func (p *Pool) Budget() int64 { return p.budget }

// Reservation is a share of the byte budget.
type Reservation struct {
	p        *Pool
	n        int64
	released atomic.Bool
}

// Reserve waits until n bytes of the budget are free, in the order of the
// callers, and takes them. They come back by Release, which the caller owes.
// The error wraps ErrTooLarge, at once and without waiting, or ctx.Err().
//
// Reserve before Acquire, never after: see the package comment.
func (p *Pool) Reserve(ctx context.Context, n int64) (*Reservation, error) {
	if err := p.reserve(ctx, n); err != nil {
		return nil, err
	}
	p.makeRoom()
	return &Reservation{p: p, n: n}, nil
}

func (p *Pool) reserve(ctx context.Context, n int64) error {
	if n < 0 {
		return fmt.Errorf("reserving %d bytes: less than none", n)
	}
	if !p.Fits(n) {
		return fmt.Errorf("reserving %d bytes: %w of %d", n, ErrTooLarge, p.budget)
	}
	if err := mayWait(ctx); err != nil {
		return fmt.Errorf("reserving %d bytes: %w", n, err)
	}
	if err := p.bytes.acquire(ctx, n); err != nil {
		return fmt.Errorf("waiting for %d bytes of memory: %w", n, err)
	}
	return nil
}

// makeRoom drops idle buffers until they and what is reserved, for memory that
// is about to be made, are within the budget.
func (p *Pool) makeRoom() {
	u := p.bytes.usage()
	p.buffers.shrink(u.limit - u.out)
}

// Size returns the number of bytes that are reserved.
func (r *Reservation) Size() int64 { return r.n }

// Release gives the bytes back. A second call panics: the bytes may be
// somebody else's by then.
func (r *Reservation) Release() {
	if r.released.Swap(true) {
		panic("pool: a Reservation is released twice")
	}
	r.p.bytes.release(r.n)
}

// TryReserve takes n bytes of the budget where they are free and nobody waits
// for them, and says whether it did. Unreserve gives them back.
func (p *Pool) TryReserve(n int64) bool {
	if !p.bytes.try(n) {
		return false
	}
	p.makeRoom()
	return true
}

// Unreserve gives back n bytes that TryReserve took.
func (p *Pool) Unreserve(n int64) { p.bytes.release(n) }
