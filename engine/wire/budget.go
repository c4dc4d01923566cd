package wire

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/pool"
)

const (
	// retryBudget is how many retries a host is sent at once; an answer earns
	// the part of one, so that of all requests a sixth may be retries. The
	// SDK's own quota is a hundred, and never waits.
	retryBudget = 300
	retryEarned = 0.2
	// retryTrickle is how many a second are sent where none are left.
	retryTrickle = 1
	// outageAfter is after how many failures without an answer in between a
	// host that has answered before is taken for down.
	outageAfter = 32
	// firstPause bounds the wait after a first failure: a connection that broke
	// is made anew at once, and of a key range that is throttled the gate lets
	// no more through than it takes.
	firstPause = 50 * time.Millisecond
	// longestPause bounds what a store may ask for with Retry-After.
	longestPause = time.Minute
	// rivalCost is how many requests pay for one that is sent twice, and
	// rivalBudget how many of those may come in a row.
	rivalCost, rivalBudget = 20, 16
)

// Host is what all attempts on one host know together: how many retries it is
// worth, whether it is down, and how long its answers take. The clients of an
// engine share one. It may be used concurrently.
type Host struct {
	paces   paces
	lookout lookout
	rivals  atomic.Int64 // in parts of rivalCost
	// plains says of buckets, by name, whether the ETags of equal parts are equal
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html): with
	// SSE-KMS or SSE-C they are not, and an upload cannot be completed with that
	// of a part that was replaced.
	plains sync.Map
	// calm says that there is nothing for answer to do.
	calm atomic.Bool

	mu       sync.Mutex
	tokens   float64
	at       time.Time // when tokens was right
	answered bool
	row      int       // failures since the last answer
	down     time.Time // when the outage began; zero: there is none
	more     chan struct{}
}

// NewHost returns a Host of which nothing is known.
func NewHost() *Host { return &Host{tokens: retryBudget} }

// plain says that equal parts are known to have equal ETags in a bucket.
func (h *Host) plain(bucket *string) bool {
	if bucket == nil {
		return false
	}
	known, ok := h.plains.Load(*bucket)
	return ok && known == true
}

// learn keeps whether they have.
func (h *Host) learn(bucket *string, plain bool) {
	if bucket != nil {
		h.plains.Store(*bucket, plain)
	}
}

// ended tells of an attempt that has ended.
func (h *Host) ended(v pool.Verdict) {
	switch v {
	case pool.Answered:
		if n := h.rivals.Load(); n < rivalBudget*rivalCost {
			h.rivals.Add(1)
		}
		if !h.calm.Load() {
			h.answer()
		}
	case pool.Throttled: // it is there
		h.mu.Lock()
		h.row, h.down = 0, time.Time{}
		h.mu.Unlock()
	case pool.Failed:
		h.failure()
	case pool.Dropped:
	}
}

func (h *Host) answer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered = true
	h.row = 0
	if !h.down.IsZero() {
		h.down = time.Time{}
		h.tokens = max(h.tokens, retryBudget/2)
	}
	h.tokens = min(h.tokens+retryEarned, retryBudget)
	h.calm.Store(h.tokens == retryBudget)
	if h.more != nil && h.tokens >= 1 {
		close(h.more)
		h.more = nil
	}
}

func (h *Host) failure() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calm.Store(false)
	h.row++
	if h.answered && h.row >= outageAfter && h.down.IsZero() {
		h.down = time.Now()
		h.tokens, h.at = 0, h.down
	}
}

// known says that the host has answered at some time.
func (h *Host) known() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answered
}

// outage says that the host is down, and for how long.
func (h *Host) outage() (time.Duration, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down.IsZero() {
		return 0, false
	}
	return time.Since(h.down), true
}

// take waits for a retry, and says whether there is one: not where ctx ends, nor
// where the host has never answered and will not, nor where it has been down for
// as long as an outage may last.
func (h *Host) take(ctx context.Context, outage time.Duration) bool {
	for {
		h.mu.Lock()
		h.calm.Store(false)
		now := time.Now()
		if h.tokens < 1 {
			h.tokens = min(h.tokens+retryTrickle*now.Sub(h.at).Seconds(), 1)
		}
		h.at = now
		if h.tokens >= 1 {
			h.tokens--
			h.mu.Unlock()
			return true
		}
		if !h.answered {
			h.mu.Unlock()
			return false
		}
		if !h.down.IsZero() && now.Sub(h.down) >= outage {
			h.mu.Unlock()
			return false
		}
		if h.more == nil {
			h.more = make(chan struct{})
		}
		more, missing := h.more, (1-h.tokens)/retryTrickle
		h.mu.Unlock()
		t := time.NewTimer(time.Duration(missing*float64(time.Second)) + time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-more:
			t.Stop()
		case <-t.C:
		}
	}
}

// others is the pace of all that is small, for operations of which there may be
// few; nil for those that may take long by their nature.
func (h *Host) others(op paced) *pace {
	if op == pacedBatch {
		return nil
	}
	return h.paces.of(pacedAny, 0)
}

// rival says whether one more request may be sent twice.
func (h *Host) rival() bool {
	if h.rivals.Add(-rivalCost) >= 0 {
		return true
	}
	h.rivals.Add(rivalCost)
	return false
}

// Retries is the way of one request, or of one body that is asked for again,
// through its failures. It is used by one goroutine at a time.
type Retries struct {
	policy            Policy
	failed, throttled int
	stalled           int       // how often it was cut off for want of progress
	since             time.Time // the first throttling
}

// Retries returns the state of a request that has not failed yet. p need not be
// complete; without a Host the request has one of its own.
func (p Policy) Retries() *Retries { return &Retries{policy: p.complete()} }

// Again says whether what failed with err, of the given class, is to be done
// once more, and returns when it is time to: it waits as long as jitter,
// Retry-After and the budget of the host ask for. It is false where the class
// or the budgets say no, and where ctx ends.
func (r *Retries) Again(ctx context.Context, op string, class Class, err error) bool {
	if _, ok := errors.AsType[*StallError](err); ok {
		r.stalled++
	}
	return r.may(class, err) && r.wait(ctx, op, class, err)
}

// stalls is the key of the number of times that what a request is for was cut
// off before.
type stalls struct{}

// Context returns ctx for the next try: a body that was cut off for want of
// progress gets twice the time, for what is merely slow gets through in the end.
func (r *Retries) Context(ctx context.Context) context.Context {
	if r.stalled == 0 {
		return ctx
	}
	return context.WithValue(ctx, stalls{}, r.stalled)
}

// Patiently returns ctx for what cannot be tried again: it is cut off only by
// Policy.ReadTimeout.
func Patiently(ctx context.Context) context.Context {
	return context.WithValue(ctx, stalls{}, 1<<20)
}

// Telling returns ctx for a request whose failed attempts tell is told of, before
// each that follows: one may have been carried out, and its answer lost.
func Telling(ctx context.Context, tell func(error)) context.Context {
	return context.WithValue(ctx, telling{}, tell)
}

type telling struct{}

func stallsBefore(ctx context.Context) int {
	n, _ := ctx.Value(stalls{}).(int)
	return n
}

// may counts a failure and says whether the budget of the object allows
// another attempt.
func (r *Retries) may(class Class, err error) bool {
	switch class {
	case Throttle:
		// A gateway without a store behind it answers 503 as well, and is no
		// store that will have time later.
		if r.policy.Host.known() || !plain503(err) {
			if r.since.IsZero() {
				r.since = time.Now()
			}
			r.throttled++
			return time.Since(r.since) < r.policy.Patience
		}
	case Transient, Damaged:
		// While nothing is answered to anybody it is not the object's fault.
		if since, down := r.policy.Host.outage(); down {
			return since < r.policy.Outage
		}
	default:
		return false
	}
	r.failed++
	return r.failed < r.policy.Attempts
}

// progressed says that a part of the request was carried out: what is left of it
// has not failed yet. A throttled batch is not given up while it shrinks.
func (r *Retries) progressed() { r.failed, r.throttled, r.since = 0, 0, time.Time{} }

// plain503 says that nothing in err but the status is about throttling.
func plain503(err error) bool {
	switch Code(err) {
	case "", "ServiceUnavailable":
		return true
	}
	return classOfCode(Code(err)) != Throttle
}

// wait tells of the retry and waits for its time.
func (r *Retries) wait(ctx context.Context, op string, class Class, err error) bool {
	if r.policy.OnRetry != nil {
		r.policy.OnRetry(op, err)
	}
	if tell, ok := ctx.Value(telling{}).(func(error)); ok {
		tell(err)
	}
	if !sleep(ctx, max(r.pause(class), retryAfter(err))) {
		return false
	}
	return class == Throttle || r.policy.Host.take(ctx, r.policy.Outage)
}

// pause draws the time until the next attempt.
func (r *Retries) pause(class Class) time.Duration {
	n := r.failed
	if class == Throttle {
		n = r.throttled + r.failed
	}
	limit := min(r.policy.Cap, r.policy.Base<<min(max(n-1, 0), 20))
	if n <= 1 {
		limit = min(limit, firstPause)
	}
	return time.Duration(rand.Int64N(int64(limit) + 1))
}

// retryAfter is how long the store asks to be left alone: seconds, or a date
// (RFC 9110, 10.2.3).
func retryAfter(err error) time.Duration {
	re, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || re.Response == nil || re.Response.Response == nil {
		return 0
	}
	value := re.Response.Header.Get("Retry-After")
	if value == "" {
		return 0
	}
	pause := time.Duration(0)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		pause = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		pause = time.Until(at)
	}
	return max(0, min(pause, longestPause))
}

// sleep says whether d has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
