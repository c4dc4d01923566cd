package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burstTime is how much may move at once after a pause, as a time at the
	// rate: enough for a timer that comes late, and 1 % of five seconds.
	burstTime = 50 * time.Millisecond
	// chunkTime is how long a connection should wait for one piece, so that
	// all of them move, and a change of the rate is soon felt.
	chunkTime = 20 * time.Millisecond
	// minChunk keeps the cost of a call small, maxChunk is as much as is
	// moved at once without a limit.
	minChunk, maxChunk = 4 << 10, 256 << 10
)

// Bandwidth says when bytes may move: those of all who ask together, in the
// order in which they ask, at the rate that a Timetable has now. It is made by
// [NewBandwidth], and its methods may be called concurrently.
type Bandwidth struct {
	table Timetable
	// turn is held by the one who waits for bytes; who wants them next waits
	// for it, and channels serve in order.
	turn chan struct{}

	rate   atomic.Int64 // what holds now, in bytes a second; 0 is no limit
	minute atomic.Int64 // the Unix time in minutes that rate is of

	mu     sync.Mutex // to change what is below and above
	bucket *rate.Limiter
}

// NewBandwidth returns a Bandwidth that follows t, or nil where t never limits.
// The error is that of t.Validate.
func NewBandwidth(t Timetable) (*Bandwidth, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if !t.Limits() {
		return nil, nil //nolint:nilnil // no limit is no error
	}
	b := &Bandwidth{table: t, turn: make(chan struct{}, 1), bucket: rate.NewLimiter(0, 0)}
	b.minute.Store(-1)
	return b, nil
}

// Rate is the rate that holds now, in bytes a second; 0 is no limit.
func (b *Bandwidth) Rate() int64 { return b.now(time.Now()) }

// Chunk is the most bytes to ask for at once, now.
func (b *Bandwidth) Chunk() int {
	r := b.now(time.Now())
	if r == 0 {
		return maxChunk
	}
	return int(min(max(r/int64(time.Second/chunkTime), minChunk), maxChunk))
}

// Wait blocks until n bytes may move, or done is closed: then it is false. It
// may be called with more than Chunk.
func (b *Bandwidth) Wait(n int, done <-chan struct{}) bool {
	if n <= 0 || b.now(time.Now()) == 0 {
		return true
	}
	select {
	case b.turn <- struct{}{}:
	case <-done:
		return false
	}
	defer func() { <-b.turn }()
	for n > 0 {
		moved, ok := b.some(n, done)
		if !ok {
			return false
		}
		n -= moved
	}
	return true
}

// some waits until up to n bytes may move, and says how many. It holds the turn.
func (b *Bandwidth) some(n int, done <-chan struct{}) (int, bool) {
	for {
		now := time.Now()
		if b.now(now) == 0 {
			return n, true
		}
		piece := min(n, b.bucket.Burst())
		r := b.bucket.ReserveN(now, piece)
		if !r.OK() {
			continue // the rate has just changed, and with it the burst
		}
		wait := r.DelayFrom(now)
		if wait == 0 {
			return piece, true
		}
		// At the next full minute another rate may hold.
		change := time.Minute - time.Duration(now.UnixNano()%int64(time.Minute))
		t := time.NewTimer(min(wait, change))
		select {
		case <-t.C:
			if wait <= change {
				return piece, true
			}
			r.CancelAt(time.Now())
		case <-done:
			t.Stop()
			r.CancelAt(time.Now())
			return 0, false
		}
	}
}

// now returns the rate at a moment. The timetable is asked once a minute: its
// times have no seconds, and clocks are set.
func (b *Bandwidth) now(at time.Time) int64 {
	minute := at.Unix() / 60
	if b.minute.Load() == minute {
		return b.rate.Load()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.minute.Load() == minute {
		return b.rate.Load()
	}
	r := b.table.At(at.Local())
	if was := b.rate.Load(); r != was && r > 0 {
		b.bucket.SetBurstAt(at, int(max(1, r/int64(time.Second/burstTime))))
		b.bucket.SetLimitAt(at, rate.Limit(r))
	}
	b.rate.Store(r)
	b.minute.Store(minute)
	return r
}
