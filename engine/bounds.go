package engine

import (
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
)

// Bound is what ends a run before its end.
type Bound string

// The bounds.
const (
	// MaxTransfer is RunOptions.MaxTransfer.
	MaxTransfer Bound = "max-transfer"
	// MaxDuration is RunOptions.MaxDuration.
	MaxDuration Bound = "max-duration"
	// MaxDelete is PurgeOptions.MaxDelete.
	MaxDelete Bound = "max-delete"
)

// BoundError is the error of a run that reached a bound while there was more to
// do. What was under way has ended, no further delete was begun, and nothing is
// lost: Sync and Remove go on where they are called again.
type BoundError struct {
	Bound Bound
	// Objects and Bytes are what was begun until then; they do not count deletes,
	// but where MaxDelete ended the run they are those.
	Objects, Bytes int64
	// Elapsed is how long the run had lasted.
	Elapsed time.Duration
}

func (e *BoundError) Error() string {
	if e.Bound == MaxDelete {
		return fmt.Sprintf("stopped before the end: %d deletes were sent, no more is to be", e.Objects)
	}
	if e.Bound == MaxTransfer {
		return fmt.Sprintf("stopped before the end: %d bytes in %d objects were begun, no more is to be", e.Bytes, e.Objects)
	}
	return fmt.Sprintf("stopped before the end: the run has lasted %v, no more is to be begun", e.Elapsed.Round(time.Second))
}

// bounds counts what a run begins, and says when it may begin no more.
type bounds struct {
	bytes    int64         // 0: any number
	duration time.Duration // 0: for ever
	began    time.Time

	begunBytes, begunObjects atomic.Int64
	hit                      atomic.Pointer[BoundError]
}

func newBounds(o RunOptions) *bounds {
	return &bounds{bytes: o.MaxTransfer, duration: o.MaxDuration, began: time.Now()}
}

// err is the BoundError of a run that has been cut short, or nil.
func (b *bounds) err() error {
	if e := b.hit.Load(); e != nil {
		return e
	}
	return nil
}

// over says that time is up, which cuts the run short.
func (b *bounds) over() bool {
	if b.duration > 0 && time.Since(b.began) >= b.duration {
		b.reach(MaxDuration)
	}
	return b.hit.Load() != nil
}

func (b *bounds) reach(which Bound) {
	b.hit.CompareAndSwap(nil, &BoundError{
		Bound: which, Objects: b.begunObjects.Load(), Bytes: b.begunBytes.Load(), Elapsed: time.Since(b.began),
	})
}

// refuses says that a may not begin any more, which cuts the run short; else a
// is counted. What a Check moves is known, and counted, when it differs.
func (b *bounds) refuses(a *plan.Action) bool {
	if b.bytes > 0 && b.begunBytes.Load() >= b.bytes {
		b.reach(MaxTransfer)
	}
	if b.over() {
		return true
	}
	if a.Op != plan.Check {
		b.count(a)
	}
	return false
}

func (b *bounds) count(a *plan.Action) {
	b.begunObjects.Add(1)
	b.begunBytes.Add(a.Src.Size)
}

// late says that time was up when there was room for a at last.
func (b *bounds) late(a *plan.Action) bool {
	if hit := b.hit.Load(); hit != nil && hit.Bound == MaxTransfer {
		return false // a was begun before
	}
	if b.duration == 0 || time.Since(b.began) < b.duration {
		return false
	}
	if a.Op != plan.Check {
		b.begunObjects.Add(-1)
		b.begunBytes.Add(-a.Src.Size)
	}
	b.reach(MaxDuration)
	return true
}

// until passes on keys until time is up.
func (b *bounds) until(keys iter.Seq2[string, error]) iter.Seq2[string, error] {
	if b.duration == 0 {
		return keys
	}
	return func(yield func(string, error) bool) {
		for key, err := range keys {
			if err == nil && b.over() {
				yield("", b.err())
				return
			}
			if !yield(key, err) {
				return
			}
		}
	}
}
