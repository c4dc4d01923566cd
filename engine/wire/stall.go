package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go"
)

const (
	// The attempts under way are looked at so often. A look at one costs less
	// than a microsecond, and few last long enough to be looked at.
	lookEvery = 50 * time.Millisecond
	// streaming is the size from which on a body counts as one that may pause,
	// in bytes.
	streaming = 64 << 10
)

// StallError ends an attempt on whose connection nothing moved for so long,
// where others like it take far less. It is a time-out.
type StallError struct{ After time.Duration }

func (e *StallError) Error() string {
	return fmt.Sprintf("no progress for %v", e.After.Round(time.Millisecond))
}

// Timeout says that it is a time-out, as net.Error does.
func (e *StallError) Timeout() bool { return true }

// errLost is the cause for which the slower one of two attempts is cut off.
var errLost = errors.New("another attempt has answered")

// progress is what a connection tells of itself.
type progress interface {
	// Progress is the number of bytes that moved, in both directions.
	Progress() int64
	// Held says that it waits on purpose, for the limit of bandwidth.
	Held() bool
}

// lookout looks at all attempts that are under way. It has one timer for all of
// them: to set one for each would wake a thread for each. There is none where
// nothing is under way.
type lookout struct {
	mu    sync.Mutex
	first *watch // of those under way, linked by next and prev
	armed bool
	timer *time.Timer
}

func (l *lookout) add(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.next = l.first; w.next != nil {
		w.next.prev = w
	}
	l.first = w
	switch {
	case l.armed:
		return
	case l.timer == nil:
		l.timer = time.AfterFunc(lookEvery, l.look)
	default:
		l.timer.Reset(lookEvery)
	}
	l.armed = true
}

func (l *lookout) remove(w *watch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case w.prev != nil:
		w.prev.next = w.next
	case l.first == w:
		l.first = w.next
	default: // it has gone already
		return
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

func (l *lookout) look() {
	l.mu.Lock()
	var all []*watch
	for w := l.first; w != nil; w = w.next {
		all = append(all, w)
	}
	if l.armed = len(all) > 0; l.armed {
		l.timer.Reset(lookEvery)
	}
	l.mu.Unlock()
	for _, w := range all {
		w.look()
	}
}

// watch cuts off one attempt that makes no progress, and says when it is slow.
type watch struct {
	cancel  context.CancelCauseFunc
	parent  context.CancelCauseFunc // of the context above, nil: not ours to end
	pace    *pace
	others  *pace // what there is to go by where pace knows too little; may be nil
	began   time.Time
	longest time.Duration // from here on it is the connection's own time-out
	cuts    int           // of the same request, before this attempt
	lookout *lookout
	next    *watch // in lookout, under its lock
	prev    *watch
	trace   httptrace.ClientTrace

	// inBody and reading say that the caller reads a body, and is waiting for
	// it: what he does in between is none of the store's time.
	inBody, reading atomic.Bool
	reason          atomic.Pointer[error] // for which it was cut off
	arrived         atomic.Int64          // bytes of the body

	mu        sync.Mutex
	pausing   bool // a body is large enough to pause
	connected bool
	conn      progress // nil: it does not tell
	moved     int64
	movedAt   time.Time
	looked    time.Time
	spent     time.Duration // looked at, and not held
	ended     bool
	// race is started when the attempt has taken longer than its fellows do, or
	// where too little is known of them, than those of fallback, which may be
	// nil; at each look until it says that it has been heard. nil: nobody wants
	// to know.
	race     *race
	fellows  *quantiles
	fallback *pace
}

// watching begins the watch of an attempt, which is made with the context that
// comes back; end must be called.
func watching(ctx context.Context, l *lookout, p, others *pace, longest time.Duration, cuts int, size int64) (context.Context, *watch) {
	w := &watch{lookout: l, pace: p, others: others, began: time.Now(), longest: longest, cuts: cuts, pausing: size > streaming}
	w.trace.GetConn, w.trace.GotConn = w.getConn, w.gotConn
	ctx, w.cancel = context.WithCancelCause(ctx)
	ctx = httptrace.WithClientTrace(ctx, &w.trace)
	w.looked = w.began
	l.add(w)
	return ctx, w
}

// cut ends the attempt for a reason; the first one counts.
func (w *watch) cut(reason error) {
	w.reason.CompareAndSwap(nil, &reason)
	w.cancel(reason)
}

// getConn ends the time on a connection: what comes before the next one is none
// of the store's.
func (w *watch) getConn(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connected = false
}

// gotConn begins anew: a request that was redirected has another connection.
func (w *watch) gotConn(info httptrace.GotConnInfo) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connected = true
	w.conn, _ = info.Conn.(progress)
	w.movedAt = now
	if w.conn != nil {
		w.moved = w.conn.Progress() + w.arrived.Load()
	}
}

// look is called from time to time.
func (w *watch) look() {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	step := now.Sub(w.looked)
	w.looked = now
	moved, held := w.arrived.Load(), false
	if w.conn != nil {
		moved += w.conn.Progress()
		held = w.conn.Held()
	}
	if moved != w.moved {
		w.moved, w.movedAt = moved, now
	}
	// The making of a connection has a time-out of its own.
	if !w.connected || held || w.inBody.Load() && !w.reading.Load() {
		w.movedAt = now
	} else {
		w.spent += step
	}
	if limit := w.limit(); limit > 0 && now.Sub(w.movedAt) >= limit {
		w.pace.cut(w.cuts > 0)
		w.cut(&StallError{After: limit})
		return
	}
	if w.race != nil {
		if patience := w.fellows.slowFor(w.fallback); patience > 0 && w.spent >= patience && w.race.start() {
			w.race = nil
		}
	}
}

// limit is how long nothing may move, 0 where the connection's own time-out is
// all there is.
func (w *watch) limit() time.Duration {
	// A connection that does not tell is known to stand still only where
	// nothing but a small answer is waited for.
	if w.conn == nil && w.pausing && !w.inBody.Load() {
		return 0
	}
	t := w.pace.stall()
	if t == 0 && !w.pausing && w.others != nil {
		if t = w.others.stall(); t > 0 {
			t = max(t, leastOther)
		}
	}
	if t == 0 {
		return 0
	}
	if w.pausing || w.inBody.Load() {
		t = max(t, leastBodyStall)
	}
	// What is merely slow gets through in the end.
	if t <<= min(w.cuts, 10); w.longest > 0 && t < w.longest {
		return t
	}
	return 0
}

// times are how long the attempt was without progress at its end, and how long
// it has taken.
func (w *watch) times() (wait, took time.Duration) {
	now := time.Now()
	took = now.Sub(w.began)
	wait = took
	if w.pausing {
		w.mu.Lock()
		wait = now.Sub(w.movedAt)
		w.mu.Unlock()
	}
	return wait, took
}

// end ends the watch. Nothing of it happens any more, but a look that has begun.
func (w *watch) end() {
	w.lookout.remove(w)
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.cancel(nil)
	if w.parent != nil {
		w.parent(nil)
	}
}

// why gives the error of an attempt that was cut off its reason; ctx is the
// caller's, whose end is a reason of its own.
func (w *watch) why(ctx context.Context, op string, err error) error {
	reason := w.reason.Load()
	if err == nil || reason == nil || ctx.Err() != nil {
		return err
	}
	switch _, stalled := errors.AsType[*StallError](*reason); {
	case stalled && op != "":
		return &smithy.OperationError{ServiceID: "S3", OperationName: op, Err: *reason}
	case stalled:
		return *reason
	}
	return fmt.Errorf("%w: %w", *reason, err)
}
