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
	"sync"
	"sync/atomic"
	"time"
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
	o       Options
	// paced is how many key ranges are throttled, of all spaces.
	paced atomic.Int64

	mu     sync.Mutex
	climb  *climb
	widest int // the most slots there ever were
	spaces map[spaceID]*space
	told   int // the slots of the last Move
	// throttled counts answers.
	throttled int64
	// room is closed when a range that is throttled may have room for an object;
	// nil: nobody waits for that.
	room chan struct{}
}

// spaceID names a space.
type spaceID struct {
	name  string
	write bool
}

// mostSpaces bounds what is remembered of buckets.
const mostSpaces = 1024

// New returns a Pool with the bounds of o, or the error of o.Validate.
func New(o Options) (*Pool, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	files := o.Files
	o = o.withDefaults()
	p := &Pool{
		o:      o,
		climb:  newClimb(o.Slots, o.CPU, o.Processors),
		spaces: map[spaceID]*space{},
		budget: o.Memory - int64(o.Slots)*o.SlotMemory,
	}
	p.buffers = newFreeList(p.budget / largestShare)
	p.slots = newLimiter(int64(p.climb.slots))
	p.files = newLimiter(int64(files))
	p.bytes = newLimiter(o.Memory)
	p.follow()
	p.told = p.climb.slots
	return p, nil
}

// follow has all that depends on the number of slots go with it. It is called
// with mu held, or before anybody else knows p.
func (p *Pool) follow() {
	n := p.climb.slots
	p.slots.setLimit(int64(n))
	if p.o.Files == 0 {
		p.files.setLimit(int64(filesPerSlot * max(n, min(p.o.Slots, leastFiles/filesPerSlot))))
	}
	if n > p.widest { // a connection that was made stays open
		p.widest = n
		p.bytes.setLimit(p.o.Memory - int64(n)*p.o.SlotMemory)
	}
}

// space returns that of a; mu is held.
func (p *Pool) space(a *Ask) *space {
	id := spaceID{a.Space, a.Write}
	s := p.spaces[id]
	if s == nil {
		if len(p.spaces) >= mostSpaces {
			for other, s := range p.spaces {
				if s.paced == 0 {
					delete(p.spaces, other)
				}
			}
		}
		s = newSpace(a.Space)
		p.spaces[id] = s
	}
	return s
}

// Acquire waits for the turn of the attempt's key range, where that is
// throttled, and then for a slot, each in the order of the callers. A slot is
// held by one request attempt, never by a file, and never across anything else
// that waits for the Pool. The error wraps ctx.Err(); then no slot is held.
func (p *Pool) Acquire(ctx context.Context, a Ask) (*Slot, error) {
	a.Cost = max(1, a.Cost)
	err := mayWait(ctx)
	if err == nil {
		err = p.pace(ctx, &a)
	}
	if err == nil {
		err = p.slots.acquire(ctx, 1)
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for a slot: %w", err)
	}
	return &Slot{p: p, ask: a, since: time.Now()}, nil
}

// pace waits for the turn of a's range.
func (p *Pool) pace(ctx context.Context, a *Ask) error {
	if !p.Paced() {
		return nil
	}
	p.mu.Lock()
	r := p.space(a).of(a.Key)
	if r.rate == 0 {
		p.mu.Unlock()
		return nil
	}
	if a.First {
		r.debt += float64(a.Cost)
		p.mu.Unlock()
		return nil
	}
	r.expected = max(0, r.expected-1)
	p.mu.Unlock()
	if err := r.queue.acquire(ctx, 1); err != nil {
		return err
	}
	defer r.queue.release(1)
	for {
		p.mu.Lock()
		wait := r.turn(time.Now(), a.Cost)
		if wait == 0 {
			p.hasRoom()
		}
		p.mu.Unlock()
		if wait == 0 {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// hasRoom wakes those who wait for it; mu is held.
func (p *Pool) hasRoom() {
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// Admits says whether an object at a should be begun now: where its key range
// is throttled and enough wait there already, another one is better. Who is
// refused everywhere waits for [Pool.Room].
func (p *Pool) Admits(a Ask) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.space(&a).of(a.Key).admits(time.Now())
}

// Paced says whether any key range is throttled.
func (p *Pool) Paced() bool { return p.paced.Load() > 0 }

// Room is closed when Admits may have become true since Room was called; who
// waits looks again after [Patience] as well.
func (p *Pool) Room() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}

// Slot is the right to have one attempt under way.
type Slot struct {
	p        *Pool
	ask      Ask
	since    time.Time
	released atomic.Bool
}

// Release gives the slot back and says how the attempt ended. A second call
// panics: the slot may be somebody else's by then.
func (s *Slot) Release(o Outcome) {
	if s.released.Swap(true) {
		panic("pool: a Slot is released twice")
	}
	p := s.p
	wanted := p.slots.release(1)
	if o.Verdict == Dropped {
		return
	}
	now := time.Now()
	var moves []Move
	tell := func(m Move) {
		if p.o.OnMove != nil {
			moves = append(moves, m)
		}
	}
	p.mu.Lock()
	if o.Verdict == Throttled || o.Refused > 0 {
		p.throttled++
	}
	if o.Verdict != Failed {
		sp := p.space(&s.ask)
		was := sp.paced
		sp.ended(now, s.since, s.ask.Key, s.ask.Cost, o, tell)
		p.paced.Add(int64(sp.paced - was))
		if was+sp.paced > 0 {
			p.hasRoom()
		}
	}
	was := p.climb.slots
	why := p.climb.ended(now, now.Sub(s.since), o, wanted)
	if n := p.climb.slots; n != was {
		p.follow()
	}
	if why != "" {
		tell(Move{From: float64(p.told), To: float64(p.climb.slots), Why: why})
		p.told = p.climb.slots
	}
	p.mu.Unlock()
	for _, m := range moves {
		p.o.OnMove(m)
	}
}

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
	p.mu.Lock()
	throttled, paced := p.throttled, 0.0
	for _, sp := range p.spaces {
		for _, r := range sp.ranges {
			paced += r.rate
		}
	}
	p.mu.Unlock()
	return Stats{
		Throttled: throttled, Paced: paced,
		Slots: int(s.limit), InFlight: int(s.out), MostInFlight: int(s.most), Waiting: s.waiting,
		Memory: b.limit, Reserved: b.out, MostReserved: b.most, WaitingForMemory: b.waiting,
		Idle:  p.buffers.size(),
		Files: int(f.limit), UnderWay: int(f.out), MostUnderWay: int(f.most),
	}
}
