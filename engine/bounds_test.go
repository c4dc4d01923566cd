package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

func sized(op plan.Op, n int64) *plan.Action {
	return &plan.Action{Op: op, Src: walker.Entry{Size: n}}
}

// reached is the bound that b has come to, and what was begun by then.
func reached(b *bounds) BoundError {
	e, ok := errors.AsType[*BoundError](b.err())
	if !ok {
		return BoundError{}
	}
	return *e
}

// Who reaches the bound goes whole; what is only looked at counts when it is to
// be moved.
func TestBoundsOfBytes(t *testing.T) {
	b := newBounds(RunOptions{MaxTransfer: 100})
	for i, a := range []*plan.Action{sized(plan.Transfer, 99), sized(plan.Check, 1000), sized(plan.Transfer, 0), sized(plan.Transfer, 500)} {
		if b.refuses(a) || b.err() != nil {
			t.Errorf("%d is refused: %v", i, b.err())
		}
	}
	for range 2 {
		if !b.refuses(sized(plan.Transfer, 1)) {
			t.Error("one more may begin")
		}
	}
	if got := reached(b); got.Bound != MaxTransfer || got.Objects != 3 || got.Bytes != 599 {
		t.Errorf("%+v", got)
	}
	if b.late(sized(plan.Transfer, 500)) {
		t.Error("one that was to begin may not")
	}

	b = newBounds(RunOptions{MaxTransfer: 100})
	b.refuses(sized(plan.Check, 1000))
	b.count(sized(plan.Check, 1000))
	if !b.refuses(sized(plan.Check, 1)) || reached(b).Bytes != 1000 {
		t.Errorf("%+v", reached(b))
	}
}

// What has waited for room until time was up does not begin; deletes that are
// handed over one by one end with it.
func TestBoundsOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounds(RunOptions{MaxDuration: time.Minute})
		passed := 0
		var last error
		for _, err := range b.until(func(yield func(string, error) bool) {
			for yield("key", nil) {
				time.Sleep(7 * time.Second)
			}
		}) {
			if last = err; err == nil {
				passed++
			}
		}
		if passed != 9 || last == nil || reached(b).Elapsed != 63*time.Second {
			t.Errorf("%d passed, then %v after %v", passed, last, reached(b).Elapsed)
		}

		b = newBounds(RunOptions{MaxDuration: time.Minute})
		begun, waits := sized(plan.Transfer, 10), sized(plan.Transfer, 20)
		time.Sleep(59 * time.Second)
		if b.refuses(begun) || b.late(begun) || b.refuses(waits) || b.over() {
			t.Errorf("before time is up: %+v", reached(b))
		}
		time.Sleep(time.Second)
		if !b.late(waits) || !b.refuses(begun) || reached(b).Bound != MaxDuration || b.begunObjects.Load() != 1 || b.begunBytes.Load() != 10 {
			t.Errorf("%+v, %d begun", reached(b), b.begunObjects.Load())
		}
	})
}

func TestNoBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBounds(RunOptions{})
		time.Sleep(1000 * time.Hour)
		if a := sized(plan.Transfer, 1<<60); b.refuses(a) || b.late(a) || b.over() || b.err() != nil {
			t.Errorf("%v", b.err())
		}
	})
}
