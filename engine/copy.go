package engine

import (
	"context"
	"errors"
	"os"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// CopyOptions of Copy.
type CopyOptions struct {
	RunOptions
	// NoFollowSymlinks leaves symbolic links out of local walks.
	NoFollowSymlinks bool
	// MakeBucket makes the destination's bucket where it is not there.
	MakeBucket bool
}

// Copy copies one file or object (File, Object), or all of a tree (Dir,
// Bucket), and replaces what is there. Both sides are of one kind. The error is
// as Sync's.
func (e *Engine) Copy(ctx context.Context, src, dst Location, o CopyOptions) (Summary, error) {
	op, err := direction(src, dst)
	if err != nil {
		return Summary{}, err
	}
	if src.one != dst.one {
		return Summary{}, usagef("%s and %s: a tree is copied to a tree, one object to one object", src, dst)
	}
	if err := checkSource(src); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, op, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	return r.end(r.copyAll(ctx, o))
}

func (r *run) copyAll(ctx context.Context, o CopyOptions) error {
	var single plan.Action
	if r.src.one {
		entry, err := r.stat(ctx)
		if errors.Is(err, errIsDirectory) {
			r.failed(plan.Action{}, err)
			return nil
		}
		if skip := walker.AsSkipped(err); skip != nil {
			r.skipped(skip)
			return nil
		}
		if err != nil {
			return err
		}
		single = plan.Action{Op: plan.Transfer, Reason: plan.New, Src: entry}
	}
	r.device = r.special()
	if _, err := r.ready(ctx, o.MakeBucket, nothing{}); err != nil {
		return err
	}
	if r.src.one {
		return r.carryOut(ctx, func(context.Context) actions {
			return func(yield func(plan.Action, error) bool) { yield(single, nil) }
		}, r.failed)
	}
	return r.carryOut(ctx, func(ctx context.Context) actions {
		return r.withoutSkipped(plan.Join(ctx, r.source(!o.NoFollowSymlinks), nothing{}, plan.Options{}))
	}, r.failed)
}

// withoutSkipped reports what was skipped and passes on the rest.
func (r *run) withoutSkipped(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			if skip := walker.AsSkipped(err); skip != nil {
				r.skipped(skip)
				continue
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// errIsDirectory is aws's word for a directory where a file is to be copied.
var errIsDirectory = errors.New("Is a directory; give --recursive to copy what is in it")

// stat is the entry of a single source. Its Key is empty: the locations name it.
func (r *run) stat(ctx context.Context) (walker.Entry, error) {
	if r.src.local() {
		fi, err := os.Stat(r.src.path)
		if err != nil {
			return walker.Entry{}, err
		}
		if fi.IsDir() {
			return walker.Entry{}, errIsDirectory
		}
		if !fi.Mode().IsRegular() {
			return walker.Entry{}, &walker.Skipped{Path: r.from.of(""), Err: local.ErrSpecial}
		}
		return walker.Entry{Size: fi.Size(), ModTime: fi.ModTime()}, nil
	}
	return r.transfer.Stat(ctx, r.src.object("", walker.Entry{}))
}
