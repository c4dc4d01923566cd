package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
)

// A transfer that stops the run also ends the walks, however long they find
// nothing more to transfer; and its error is the one that is returned.
func TestStoppedRunEndsTheWalks(t *testing.T) {
	p, err := pool.New(pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := (&Engine{pool: p}).begin(t.Context(), report.Upload, Dir("."), Bucket("b", ""), RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err = r.carryOut(t.Context(), func(ctx context.Context) actions {
		return func(yield func(plan.Action, error) bool) {
			if err := r.group.Go(func(context.Context) error { return boom }); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			yield(plan.Action{}, context.Cause(ctx))
		}
	}, r.failed)
	if _, err = r.end(err); !errors.Is(err, boom) {
		t.Errorf("the run ended with %v, want what stopped it", err)
	}
}

// A run that is interrupted after it has reached a bound was interrupted: what
// was under way has not all ended by itself.
func TestInterruptAfterABound(t *testing.T) {
	p, err := pool.New(pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := (&Engine{pool: p}).begin(ctx, report.Upload, Dir("."), Bucket("b", ""), RunOptions{MaxDuration: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !r.bounds.over() {
		t.Fatal("time is not up")
	}
	signal := errors.New("signal")
	cancel(signal)
	if sum, err := r.end(r.bounds.err()); !errors.Is(err, signal) || sum.CutShort != "" {
		t.Errorf("%v; cut short by %q", err, sum.CutShort)
	}
}
