// Package remove deletes objects in batches.
package remove

import (
	"context"
	"errors"
	"iter"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// Options of a Remover.
type Options struct {
	// Client deletes; retries and slots are part of it.
	Client wire.Deleter
	// Pool bounds the batches that are under way.
	Pool *pool.Pool
	// Bucket is where the objects are.
	Bucket string
	// BatchSize is the most keys of one request, at most wire.MaxDelete, which
	// 0 means as well.
	BatchSize int
	// Late is asked when there is room for a batch at last, whether it is too
	// late to send it; nil: never.
	Late func() bool
	// Done is told of each object, once: with nil where it is gone, else with
	// why it is not. It is called concurrently.
	Done func(id wire.ObjectID, err error)
}

// ErrLate is what Done is told of an object for which Options.Late said so.
var ErrLate = errors.New("it was too late to send it")

// All deletes what ids yields. An object that cannot be deleted does not keep
// the rest from being deleted; Done is told. The error is that of ids, or of
// ctx: batches that were begun before it are ended, nothing after it is begun.
func All(ctx context.Context, ids iter.Seq2[wire.ObjectID, error], o Options) error {
	if o.BatchSize <= 0 || o.BatchSize > wire.MaxDelete {
		o.BatchSize = wire.MaxDelete
	}
	if o.Late == nil {
		o.Late = func() bool { return false }
	}
	g := o.Pool.Group(ctx)
	err := fill(g, ids, o)
	if werr := g.Wait(); err == nil {
		err = werr
	}
	return err
}

func fill(g *pool.Group, ids iter.Seq2[wire.ObjectID, error], o Options) error {
	var batch []wire.ObjectID
	send := func() error {
		full := batch
		batch = nil
		return g.Go(func(ctx context.Context) error {
			o.batch(ctx, full)
			return nil
		})
	}
	for id, err := range ids {
		if err != nil {
			return err
		}
		if !s3xml.CanCarry(id.Key) {
			if err := g.Go(func(ctx context.Context) error {
				err := error(ErrLate)
				if !o.Late() {
					err = o.Client.DeleteObject(ctx, o.Bucket, id)
				}
				o.Done(id, err)
				return nil
			}); err != nil {
				return err
			}
			continue
		}
		if batch == nil {
			batch = make([]wire.ObjectID, 0, o.BatchSize)
		}
		if batch = append(batch, id); len(batch) == o.BatchSize {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(batch) > 0 {
		return send()
	}
	return nil
}

// batch deletes with one request and tells Done of each of its objects.
func (o *Options) batch(ctx context.Context, ids []wire.ObjectID) {
	var failed []wire.DeleteFailure
	err := error(ErrLate)
	if !o.Late() {
		failed, err = o.Client.DeleteObjects(ctx, o.Bucket, ids)
	}
	if err != nil {
		for _, id := range ids {
			o.Done(id, err)
		}
		return
	}
	if len(failed) == 0 {
		for _, id := range ids {
			o.Done(id, nil)
		}
		return
	}
	why := make(map[wire.ObjectID]error, len(failed))
	for i := range failed {
		why[failed[i].ObjectID] = failed[i].Err
	}
	for _, id := range ids {
		err, told := why[id]
		if !told && id.VersionID != "" {
			// Some stores leave the version out of the failure. What may be
			// there still is not called deleted.
			err = why[wire.ObjectID{Key: id.Key}]
		}
		o.Done(id, err)
	}
}
