// Package remove deletes objects and versions in batches.
package remove

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// Options of a [Remover], and of [All].
type Options struct {
	// Client deletes; retries and slots are part of it.
	Client wire.Deleter
	// Pool bounds the batches that are under way.
	Pool *pool.Pool
	// Bucket is where the objects are.
	Bucket string
	// Delete goes with each request.
	Delete wire.DeleteOptions
	// BatchSize is the most keys of one request, at most wire.MaxDelete, which
	// 0 means as well. Batches become smaller where a store throttles, or takes
	// too long for large ones.
	BatchSize int
	// Single sends a request for each object by itself, for stores that do not know
	// the conditions of those in a batch.
	Single bool
	// Patience is how long keys are sent again that the store throttles, in
	// smaller batches, from the first time on. 0 leaves that to the Client.
	Patience time.Duration
	// Retried is told of each batch that is sent again, or some of it, because of
	// err; nil tells nobody. It is called concurrently.
	Retried func(err error)
	// Late is asked when there is room for a batch at last, whether it is too
	// late to send it; nil: never.
	Late func() bool
	// Done is told by All of each object, once: with nil where it is gone, else
	// with why it is not. It is called concurrently.
	Done func(id wire.ObjectID, err error)
}

// ErrLate is what Done is told of an object for which Options.Late said so.
var ErrLate = errors.New("it was too late to send it")

// All deletes what ids yields. An object that cannot be deleted does not keep
// the rest from being deleted; Done is told. The error is that of ids, or of
// ctx: batches that were begun before it are ended, nothing after it is begun.
func All(ctx context.Context, ids iter.Seq2[wire.ObjectID, error], o Options) error {
	r := New(ctx, o, func(out Outcome[struct{}]) {
		for i, id := range out.IDs {
			o.Done(id, out.Err(i))
		}
	}, nil)
	err := r.fill(ids)
	if werr := r.Wait(); err == nil {
		err = werr
	}
	return err
}

// fill sends what ids yields.
func (r *Remover[T]) fill(ids iter.Seq2[wire.ObjectID, error]) error {
	var batch []wire.ObjectID
	for id, err := range ids {
		if err != nil {
			return err
		}
		limit := r.Limit()
		if batch == nil {
			batch = make([]wire.ObjectID, 0, limit)
		}
		if batch = append(batch, id); len(batch) >= limit {
			if err := r.Send(batch, make([]T, len(batch))); err != nil {
				return err
			}
			batch = nil
		}
	}
	if len(batch) > 0 {
		return r.Send(batch, make([]T, len(batch)))
	}
	return nil
}
