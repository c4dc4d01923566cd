package engine

import (
	"context"
	"errors"
	"iter"

	"github.com/s3haul/s3haul/engine/remove"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// RemoveOptions of Remove.
type RemoveOptions struct {
	RunOptions
	// VersionID removes that version of the one object that is named; "null" is
	// an id. Where it was the newest, the one before is current then.
	VersionID string
	// Delete goes with each request.
	Delete wire.DeleteOptions
}

// Remove deletes one object (Object), or all objects of a prefix (Bucket), in
// batches of 1000 while they are listed. On a versioned bucket that adds delete
// markers. The error is as Sync's.
func (e *Engine) Remove(ctx context.Context, at Location, o RemoveOptions) (Summary, error) {
	if err := at.check(); err != nil {
		return Summary{}, err
	}
	if at.local() {
		return Summary{}, usagef("%s is not in a bucket: name it s3://bucket/key", at)
	}
	if o.VersionID != "" && !at.one {
		return Summary{}, usagef("%s is not one object: a version is of a key", at)
	}
	o.Delete.RequestPayer = o.Delete.RequestPayer || o.Attributes.RequestPayer
	r, err := e.begin(ctx, report.Delete, at, at, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	return r.end(r.removeListed(ctx, at, o))
}

func (r *run) removeListed(ctx context.Context, at Location, o RemoveOptions) error {
	wants := r.wants()
	if at.one {
		if !r.matchesOne() {
			return nil
		}
		if wants != nil {
			if entry, err := r.transfer.Stat(ctx, at.object("", walker.Entry{})); err != nil || !wants(&entry) {
				return err
			}
		}
		if r.DryRun {
			r.removed(at.names(), "", nil)
			return nil
		}
		err := r.client.DeleteObject(ctx, at.bucket, wire.ObjectID{Key: at.path, VersionID: o.VersionID}, o.Delete)
		r.removed(at.names(), "", err)
		return nil
	}
	entries := r.walkBucket(at, true).Walk(ctx)
	return r.removeAll(ctx, at, o.Delete, r.bounds.over, r.bounds.until(func(yield func(string, error) bool) {
		for e, err := range entries {
			if err == nil && wants != nil && !wants(&e) {
				continue
			}
			if !yield(e.Key, err) {
				return
			}
		}
	}))
}

// removeAll deletes keys at a location; of those that wait for their turn, none
// any more when late says so.
func (r *run) removeAll(ctx context.Context, at Location, with wire.DeleteOptions, late func() bool, keys iter.Seq2[string, error]) error {
	n := at.names()
	if r.DryRun {
		for key, err := range keys {
			if err != nil {
				return err
			}
			r.removed(n, key, nil)
		}
		return nil
	}
	if at.local() {
		return r.removeFiles(ctx, n, keys)
	}
	// What has been sent may end: so work, which outlives ctx a little.
	return remove.All(r.work, func(yield func(wire.ObjectID, error) bool) { //nolint:contextcheck // see above
		for key, err := range keys {
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(wire.ObjectID{Key: at.path + key}, err) || err != nil {
				return
			}
		}
	}, remove.Options{
		Client: r.deleter(at), Pool: r.e.pool, Bucket: at.bucket, Delete: with, Late: late,
		Patience: r.throttledFor(), Retried: r.retried,
		Done: func(id wire.ObjectID, err error) { r.removed(n, id.Key[len(at.path):], err) },
	})
}

// removeFiles deletes local files, below the root that they were found in.
// Directories stay, as aws s3 leaves them.
func (r *run) removeFiles(ctx context.Context, n names, keys iter.Seq2[string, error]) error {
	for key, err := range keys {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		r.removed(n, key, r.root.Remove(r.targetName(key)))
	}
	return nil
}

// removed reports one deletion. One that was cut off, or for which it was too
// late, is neither done nor failed.
func (r *run) removed(n names, key string, err error) {
	if errors.Is(err, remove.ErrLate) {
		r.unsent.Add(1)
		return
	}
	if err != nil && r.cutOff(r.work, err) {
		return
	}
	e := report.Event{Kind: report.Done, Op: report.Delete, Src: n.of(key), Key: key, Err: err}
	switch {
	case err != nil:
		e.Kind = report.Failed
	case r.DryRun:
		e.Kind = report.DryRun
	}
	r.sink.Report(e)
}
