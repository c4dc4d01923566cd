package wire

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

// rival makes the same request as the attempt that is slow, or asks for what
// that has not brought yet. Where it succeeds, take puts its answer in place,
// and drop lets go of it; one of them is called.
type rival func(context.Context) (answer, error)

type answer struct{ take, drop func() }

// race is one attempt that may get a rival when it is slow: the first of the
// two that answers wins, the other one is cut off and waited for. A rival has a
// slot of its own, which it gets while the first goes on.
type race struct {
	a     *attempts
	c     *call
	ctx   context.Context // the caller's
	first *watch
	rival rival
	// keep has the winner keep its slot and its watch; better has it win only by
	// a success, since the first has begun to answer.
	keep, better bool

	mu     sync.Mutex
	over   bool
	cancel context.CancelCauseFunc
	done   chan struct{} // nil: no rival was started
	won    bool

	// What the rival has brought, where it has won.
	answer answer
	err    error
	slot   Slot
	watch  *watch
}

// start begins the rival, and says that the slow attempt need not call again.
func (r *race) start() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return true
	}
	if !r.a.Host.rival() {
		return false
	}
	ctx, cancel := context.WithCancelCause(r.ctx)
	r.cancel, r.done = cancel, make(chan struct{})
	go r.second(ctx)
	return true
}

func (r *race) second(ctx context.Context) {
	defer close(r.done)
	slot, err := r.a.gate.Acquire(ctx, r.c.ask)
	if err != nil { // the race is over, and nothing was sent
		r.a.Host.rivals.Add(rivalCost)
		return
	}
	theirs, w := watching(ctx, r.first.lookout, r.first.pace, r.first.others, r.first.longest, r.first.cuts, r.c.size)
	answer, err := r.rival(theirs)
	took := time.Since(w.began)
	if err != nil {
		err = w.why(ctx, r.c.op, err)
	}
	if r.a.OnAttempt != nil {
		r.a.OnAttempt(r.c.op, took, err)
	}
	class := Final
	if err != nil {
		class = Classify(err)
		if ctx.Err() != nil {
			class = Ended
		}
	}
	v := verdict(err, class)
	r.mu.Lock()
	r.won = !r.over && (err == nil || !r.better && v == pool.Answered && (class == Final || class == Auth))
	won := r.won
	if won {
		r.answer, r.err = answer, err
		r.first.cut(errLost)
	}
	r.mu.Unlock()
	if !won && err == nil {
		answer.drop()
		v = pool.Dropped
	}
	r.a.Host.ended(v)
	if won && r.keep && err == nil {
		w.inBody.Store(true) // until it is read the store need not send
		w.parent = r.cancel
		r.slot, r.watch = slot, w
		return
	}
	w.end()
	slot.Release(pool.Outcome{Verdict: v, Bytes: r.c.moved(err)})
}

// stop ends the race for the first attempt, which has answered; before its slot
// is given back, or a rival that waits for one begins.
func (r *race) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.done != nil && !r.won {
		r.cancel(errLost)
	}
}

// settle waits for the rival, if there is one, and says whether it has won. None
// is begun any more.
func (r *race) settle() bool {
	r.mu.Lock()
	done := r.done
	if done == nil {
		r.over = true
	}
	r.mu.Unlock()
	if done == nil {
		return false
	}
	<-done
	if r.watch == nil { // else what it has brought is still being read
		r.cancel(nil)
	}
	return r.won
}

// started says that a rival was sent.
func (r *race) started() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done != nil
}

// twin returns a second reader of size bytes of a body from start on, which can
// be used while the body is read; nil where there is none.
func twin(body io.Reader, start, size int64) io.ReadSeeker {
	switch b := body.(type) {
	case interface{ Twin() io.ReadSeeker }:
		t := b.Twin()
		if t == nil {
			return nil
		}
		if _, err := t.Seek(start, io.SeekStart); err != nil {
			return nil
		}
		return t
	case io.ReaderAt:
		return io.NewSectionReader(b, start, size)
	}
	return nil
}
