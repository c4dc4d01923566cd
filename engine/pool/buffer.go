package pool

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"
)

// Buffer is memory that counts against the budget. Whoever got it owns it and
// owes one Release; who passes it on passes on that debt. Its content is
// undefined at first.
type Buffer struct {
	p        *Pool
	b        []byte // of the length that was asked for
	released atomic.Bool
}

// Buffer waits for memory as Reserve does, with the same errors, and returns a
// buffer of n bytes, often one that was used before. What is reserved for it is
// up to a quarter more than n, so that buffers of similar sizes can be used
// again for one another.
func (p *Pool) Buffer(ctx context.Context, n int64) (*Buffer, error) {
	size := n
	if p.Fits(n) {
		size = p.buffers.class(n)
	}
	if err := p.reserve(ctx, size); err != nil {
		return nil, err
	}
	return p.buffer(n, size), nil
}

// Whole is Buffer for what has to be in memory at once, since nobody can read it
// a second time: a part of a stream. It gives up to all of the budget. Whoever
// waits for so much holds up all those who come later, so it is for nothing else.
func (p *Pool) Whole(ctx context.Context, n int64) (*Buffer, error) {
	if p.Fits(n) || n < 0 || n > p.budget {
		return p.Buffer(ctx, n)
	}
	if err := mayWait(ctx); err != nil {
		return nil, fmt.Errorf("reserving %d bytes: %w", n, err)
	}
	if err := p.bytes.acquire(ctx, n); err != nil {
		return nil, fmt.Errorf("waiting for %d bytes of memory: %w", n, err)
	}
	return p.buffer(n, n), nil
}

// buffer returns n bytes of a buffer of size, which is reserved.
func (p *Pool) buffer(n, size int64) *Buffer {
	b := p.buffers.take(size)
	if b == nil {
		p.makeRoom()
		b = make([]byte, size)
	}
	return &Buffer{p: p, b: b[:n]}
}

// Bytes returns the memory. It must not be used after Release.
func (b *Buffer) Bytes() []byte {
	if b.released.Load() {
		panic("pool: a Buffer is used after Release")
	}
	return b.b
}

// Release gives the memory back. A second call panics: the memory may be
// somebody else's by then.
func (b *Buffer) Release() {
	if b.released.Swap(true) {
		panic("pool: a Buffer is released twice")
	}
	// The buffer is idle before its bytes are free: the other way round,
	// somebody else could make one of those bytes while this one still exists.
	mem := b.b
	b.b = nil
	b.p.buffers.give(mem)
	b.p.bytes.release(int64(cap(mem)))
}

// smallest is the least size of a buffer, a page of memory.
const smallest = 4 << 10

// freeList keeps buffers to be used again, by size class: four classes to each
// doubling, and the largest size that is allowed. It is no sync.Pool, since
// what is idle counts: together with what is in use it must stay within the
// budget.
type freeList struct {
	largest int64

	mu   sync.Mutex
	free map[int64][][]byte // by size
	idle int64              // bytes in free
}

func newFreeList(largest int64) *freeList {
	return &freeList{largest: largest, free: map[int64][][]byte{}}
}

// class returns the size of the buffers that serve for n bytes.
func (f *freeList) class(n int64) int64 {
	if n <= smallest {
		return smallest
	}
	step := int64(1) << (bits.Len64(uint64(n-1)) - 3)
	return min((n+step-1)/step*step, f.largest)
}

// take returns an idle buffer of a class's size, or nil.
func (f *freeList) take(size int64) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.free[size]
	if len(list) == 0 {
		return nil
	}
	b := list[len(list)-1]
	list[len(list)-1] = nil
	f.free[size] = list[:len(list)-1]
	f.idle -= size
	return b[:size]
}

// give takes a buffer back.
func (f *freeList) give(b []byte) {
	size := int64(cap(b))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free[size] = append(f.free[size], b)
	f.idle += size
}

// shrink drops idle buffers until no more than limit bytes are idle.
func (f *freeList) shrink(limit int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idle <= limit {
		return
	}
	for size, list := range f.free {
		for len(list) > 0 && f.idle > limit {
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			f.idle -= size
		}
		if len(list) == 0 {
			delete(f.free, size)
		} else {
			f.free[size] = list
		}
		if f.idle <= limit {
			return
		}
	}
}

func (f *freeList) size() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.idle
}
