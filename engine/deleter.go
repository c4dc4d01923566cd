package engine

import (
	"cmp"
	"context"
	"time"

	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// deleter deletes batches with a client that leaves throttled keys to the
// Remover, which knows how to make the batches smaller.
type deleter struct {
	wire.Deleter
	batches wire.Deleter
}

// DeleteObjects implements wire.Deleter.
func (d deleter) DeleteObjects(ctx context.Context, bucket string, ids []wire.ObjectID, o wire.DeleteOptions) ([]wire.DeleteFailure, error) {
	return d.batches.DeleteObjects(ctx, bucket, ids, o)
}

func (r *run) deleter() wire.Deleter {
	policy := r.e.policy(func(_ string, err error) { r.retried(err) })
	policy.Patience = time.Nanosecond
	return deleter{Deleter: r.client, batches: wire.Attempts(r.e.client, gate{r.e.pool}, policy)}
}

// retried reports a request that is sent once more.
func (r *run) retried(err error) {
	r.sink.Report(report.Event{Kind: report.Retried, Op: r.op, Err: err})
}

// throttledFor is how long keys are sent again that a store throttles, as long
// as any request is.
func (r *run) throttledFor() time.Duration { return cmp.Or(r.e.patience, 10*time.Minute) }
