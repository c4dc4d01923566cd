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

// deleter is for objects at l, which a move has at its source.
func (r *run) deleter(l Location) wire.Deleter {
	policy := r.e.policy(func(_ string, err error) { r.retried(err) })
	policy.Patience = time.Nanosecond
	one := r.client
	if l.source && r.e.source != nil {
		one, policy.Host = r.reader, r.e.sourceHost
	}
	return deleter{Deleter: one, batches: wire.Attempts(r.e.clientOf(l), r.e.gateOf(l), policy)}
}

// clientOf is the client of the store that l is in.
func (e *Engine) clientOf(l Location) wire.Client {
	if l.source && e.source != nil {
		return e.source
	}
	return e.client
}

// retried reports a request that is sent once more.
func (r *run) retried(err error) {
	r.sink.Report(report.Event{Kind: report.Retried, Op: r.op, Err: err})
}

// throttledFor is how long keys are sent again that a store throttles, as long
// as any request is.
func (r *run) throttledFor() time.Duration { return cmp.Or(r.e.patience, 10*time.Minute) }
