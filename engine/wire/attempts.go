package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

// Policy says how often and after how long a request is sent again. The zero
// value is what s3haul does.
type Policy struct {
	// Attempts is the most attempts of one request that fails otherwise than by
	// throttling; 0 means 5, as aws s3.
	Attempts int
	// Patience is how long one request is sent again that the store throttles,
	// from the first time on; 0 means 10 minutes.
	Patience time.Duration
	// Outage is how long nothing may be answered to anybody, by a host that has
	// answered before, until requests fail of it; 0 means 3 minutes.
	Outage time.Duration
	// Base and Cap bound the wait after the nth failure, drawn evenly from 0 to
	// min(Cap, Base * 2^(n-1)): full jitter
	// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
	// After a first failure it is 50 ms at most.
	// 0 means 200 ms and 10 s.
	Base, Cap time.Duration
	// ReadTimeout is the longest that an attempt may be without progress,
	// which ends it at the latest; that is the connection's to do, see
	// Options.ReadTimeout. Where the answers of the host are known, it takes
	// five times as long as nearly all of them do. 0 means 60 s; negative: no attempt is cut off.
	ReadTimeout time.Duration
	// Host is what is known of the host; nil: nothing, and nobody shares it.
	Host *Host
	// OnRetry is told of each failed attempt that is followed by another; nil
	// tells nobody.
	OnRetry func(op string, err error)
	// OnAttempt is told of each attempt that has ended; nil tells nobody.
	OnAttempt func(op string, took time.Duration, err error)
}

func (p Policy) complete() Policy {
	if p.Attempts <= 0 {
		p.Attempts = 5
	}
	if p.Patience <= 0 {
		p.Patience = 10 * time.Minute
	}
	if p.Outage <= 0 {
		p.Outage = 3 * time.Minute
	}
	if p.Base <= 0 {
		p.Base = 200 * time.Millisecond
	}
	if p.Cap <= 0 {
		p.Cap = 10 * time.Second
	}
	if p.ReadTimeout == 0 {
		p.ReadTimeout = defaultTimeout
	}
	if p.Host == nil {
		p.Host = NewHost()
	}
	return p
}

// Attempts puts retries and slots around a client: the one place where either
// is done. A slot is free while a retry waits for its time. An attempt that
// stands still is cut off, one that is slow gets a rival on another connection.
func Attempts(c Client, gate Gate, p Policy) Client {
	return &attempts{next: c, gate: gate, Policy: p.complete()}
}

type attempts struct {
	Policy
	next Client
	gate Gate
}

// call is one request, to be sent as often as it takes.
type call struct {
	op  string
	ask pool.Ask
	// body is what is sent, or nil; size its bytes, or the keys of a batch.
	body io.Reader
	size int64
	// paced says whose fellow an attempt is; notPaced: it may take as long as
	// its connection lets it.
	paced paced
	// keep has an attempt that succeeds keep its slot and its watch.
	keep bool
	// rival is what is sent where an attempt is slow; nil: nothing is. It is made
	// anew for each attempt where again is not nil, which may say nil.
	rival rival
	again func() rival
}

// moved is how many bytes of the body went with an attempt.
func (c *call) moved(err error) int64 {
	if err != nil || c.body == nil {
		return 0
	}
	return c.size
}

// held is what an attempt leaves to its body.
type held struct {
	slot  Slot
	watch *watch // nil: there is none
	raced bool
}

// do runs one operation to its end. Where the call says keep and succeeds, what
// is held is for the caller to give back.
func (a *attempts) do(ctx context.Context, c *call, send func(context.Context) error) (held, error) {
	var start int64
	seeker, _ := c.body.(io.Seeker)
	if seeker != nil {
		var err error
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			return held{}, fmt.Errorf("%s: %w", c.op, err)
		}
	}
	var retries *Retries
	for cuts := stallsBefore(ctx); ; {
		h, class, err := a.once(ctx, c, cuts, send)
		if err == nil {
			return h, nil
		}
		switch {
		case ctx.Err() != nil:
			return held{}, withCause(ctx, err)
		case class == Damaged && c.body == nil:
			return held{}, err
		}
		if retries == nil {
			retries = &Retries{policy: a.Policy}
		}
		if p, ok := errors.AsType[*partialError](err); ok && p.some {
			retries.progressed()
		}
		if !retries.may(class, err) {
			return held{}, err
		}
		if c.body != nil && seeker == nil {
			return held{}, errors.Join(err, fmt.Errorf("%s: %w", c.op, errNotSeekable))
		}
		if seeker != nil {
			if _, serr := seeker.Seek(start, io.SeekStart); serr != nil {
				return held{}, errors.Join(err, fmt.Errorf("%s: %w", c.op, serr))
			}
		}
		if _, ok := errors.AsType[*StallError](err); ok {
			cuts++
		}
		if !retries.wait(ctx, c.op, class, err) {
			return held{}, err
		}
	}
}

// once makes one attempt, and its rival where it gets one.
func (a *attempts) once(ctx context.Context, c *call, cuts int, send func(context.Context) error) (held, Class, error) {
	slot, err := a.gate.Acquire(ctx, c.ask)
	if err != nil {
		return held{}, Ended, fmt.Errorf("%s: %w", c.op, withCause(ctx, err))
	}
	began := time.Now()
	var w *watch
	var r *race
	if c.paced == notPaced || a.ReadTimeout < 0 {
		err = send(ctx)
	} else {
		var mine context.Context
		mine, w = watching(ctx, &a.Host.lookout, a.Host.paces.of(c.paced, c.size), a.Host.others(c.paced), a.ReadTimeout, cuts, c.size)
		r = a.race(ctx, c, w)
		err = w.why(ctx, c.op, send(mine))
	}
	if a.OnAttempt != nil {
		a.OnAttempt(c.op, time.Since(began), err)
	}
	class, out := a.ended(ctx, c, w, err)
	if r == nil {
		if err == nil && c.keep {
			return held{slot: slot, watch: w}, class, nil
		}
		if w != nil {
			w.end()
		}
		slot.Release(out)
		return held{}, class, err
	}
	if out.Verdict == pool.Answered {
		r.stop()
	}
	// A rival that is still without a slot may be waiting for this one.
	kept := err == nil && c.keep
	if !kept {
		slot.Release(out)
	}
	switch won := r.settle(); {
	case kept && !won:
		return held{slot: slot, watch: w, raced: r.started()}, class, nil
	case kept: // they came at the same moment, and this one was cut off
		slot.Release(pool.Outcome{Verdict: pool.Dropped})
		w.end()
	default:
		w.end()
		if !won || err == nil { // its answer is as good, where both came
			return held{}, class, err
		}
	}
	if r.err != nil {
		return held{}, Final, r.err
	}
	r.answer.take()
	return held{slot: r.slot, watch: r.watch, raced: true}, Final, nil
}

// ended says what an attempt was about that has ended, and what it tells.
func (a *attempts) ended(ctx context.Context, c *call, w *watch, err error) (Class, pool.Outcome) {
	class := Final
	if err != nil {
		if class = Classify(err); ctx.Err() != nil || errors.Is(err, errLost) {
			class = Ended
		}
	}
	out := pool.Outcome{Verdict: verdict(err, class), Bytes: c.moved(err)}
	if p, ok := errors.AsType[*partialError](err); ok && class != Ended {
		if out.Refused = p.throttled; p.some {
			out.Verdict = pool.Answered
		}
	}
	a.Host.ended(out.Verdict)
	if w != nil && out.Verdict == pool.Answered {
		wait, took := w.times()
		if c.keep {
			took = 0 // it goes on
		}
		w.pace.answered(wait, took)
		// Only few, so that few wait for the one lock.
		if w.others != nil && !w.pausing && (w.others.wait.seen.Load() < 2*enoughToCut || !w.pace.known()) {
			w.others.answered(wait, 0)
		}
	}
	return class, out
}

// race has w start a rival when the attempt is slow; nil where c has none.
func (a *attempts) race(ctx context.Context, c *call, w *watch) *race {
	run := c.rival
	if c.again != nil {
		run = c.again()
	}
	if run == nil {
		return nil
	}
	r := &race{a: a, c: c, ctx: ctx, first: w, rival: run, keep: c.keep}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.race, w.fellows = r, &w.pace.took
	if c.keep {
		w.fellows = &w.pace.wait
	}
	if !w.pausing {
		w.fallback = w.others
	}
	return r
}

// withCause says why ctx ended, where err only says that it did.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(err, ctx.Err()) && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// result is do for calls that return something.
func result[O any](ctx context.Context, a *attempts, c *call, send func(context.Context) (*O, error)) (*O, error) {
	var out *O
	_, err := a.do(ctx, c, func(ctx context.Context) (err error) {
		out, err = send(ctx)
		return err
	})
	return out, err
}

// twice has the same request sent once more, where an attempt is slow.
func twice[O any](out **O, send func(context.Context) (*O, error)) rival {
	return func(ctx context.Context) (answer, error) {
		theirs, err := send(ctx)
		return answer{take: func() { *out = theirs }, drop: func() {}}, err
	}
}

func at(bucket, key *string, write bool) pool.Ask {
	ask := pool.Ask{Write: write, Cost: 1}
	if bucket != nil {
		ask.Space = *bucket
	}
	if key != nil {
		ask.Key = *key
	}
	return ask
}

// sized is the length of a body, and whether it is known.
func sized(body io.Reader, length *int64) (int64, bool) {
	if length != nil {
		return *length, true
	}
	if body == nil {
		return 0, true
	}
	seeker, ok := body.(io.Seeker)
	if !ok {
		return 0, false
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, false
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, false
	}
	_, err = seeker.Seek(start, io.SeekStart)
	return end - start, err == nil
}
