package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
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
	// Stdin is what a [Stream] as the source reads, and Stdout what one as the
	// destination writes to. ExpectedSize is the size of Stdin in bytes as far as
	// somebody knows, 0 where nobody does.
	Stdin        io.Reader
	Stdout       io.Writer
	ExpectedSize int64
}

// Copy copies one file or object (File, Object), or all of a tree (Dir,
// Bucket), and replaces what is there. Both sides are of one kind. The error is
// as Sync's.
func (e *Engine) Copy(ctx context.Context, src, dst Location, o CopyOptions) (Summary, error) {
	op, err := direction(src, dst)
	if err := cmp.Or(o.checkStreams(src, dst), err); err != nil {
		return Summary{}, err
	}
	if err := e.overlap(src, dst, &o.RunOptions, false, false, func() error {
		return cmp.Or(o.apart(src, dst, false), o.outside(src, dst, false))
	}); err != nil {
		return Summary{}, err
	}
	r, err := e.beginCopy(ctx, op, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	if err := r.streams(&o); err != nil {
		return r.end(err)
	}
	return r.end(r.copyAll(ctx, o))
}

// beginCopy begins a run that takes one object to one place, or a tree to a tree.
func (e *Engine) beginCopy(ctx context.Context, op report.Op, src, dst Location, o RunOptions) (*run, error) {
	if src.one != dst.one {
		return nil, usagef("%s and %s: a tree is copied to a tree, one object to one object", src, dst)
	}
	if dst.glob != "" {
		return nil, usagef("%s has wildcards, which a destination cannot have", dst)
	}
	if err := checkSource(src); err != nil {
		return nil, err
	}
	r, err := e.begin(ctx, op, src, dst, o)
	if err == nil {
		r.blind = true
	}
	return r, err
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
		if !r.wantsOne(&entry) || o.NoFollowSymlinks && r.src.local() && isLink(r.src.path) {
			return nil
		}
		single = plan.Action{Op: plan.Transfer, Reason: plan.New, Src: entry}
	}
	r.device = r.special()
	there, err := r.ready(ctx, o.MakeBucket, r.destination(!o.NoFollowSymlinks))
	if err != nil {
		return err
	}
	if r.src.one {
		return r.carryOut(ctx, func(context.Context) actions {
			return r.withoutArchived(func(yield func(plan.Action, error) bool) { yield(single, nil) })
		}, r.failed)
	}
	clash, err := r.newClashes()
	if err != nil {
		return err
	}
	// What is there is listed only where it has a say and would have to be asked for
	// object by object, or may not be asked for at all.
	dst := walker.Source(nothing{})
	if r.DryRun && (r.NoOverwrite || r.Immutable) || clash.onDisk {
		dst, r.blind = there, false
	}
	return r.carryOut(ctx, func(ctx context.Context) actions {
		all := r.withoutSkipped(plan.Join(ctx, r.source(!o.NoFollowSymlinks), dst, plan.Options{
			Compare: r.rule(plan.Always), Wants: r.wants(),
		}))
		all = clash.resolve(r.withoutArchived(r.withoutKept(all)))
		if r.mover != nil {
			all = r.mover.room(ctx, all)
		}
		return all
	}, r.failed)
}

// rule is what a run does with what is there at the destination, where without
// NoOverwrite and Immutable it would do as usual.
func (r *run) rule(usual plan.Compare) plan.Compare {
	switch {
	case r.NoOverwrite:
		return plan.Existing
	case r.Immutable:
		return plan.Unlike(usual)
	}
	return usual
}

// withoutKept counts what needs nothing, and passes on the rest.
func (r *run) withoutKept(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		unchanged := int64(0)
		tell := func() {
			r.sink.Report(report.Event{Kind: report.Unchanged, Op: r.op, Count: unchanged})
			unchanged = 0
		}
		defer tell()
		for a, err := range all {
			if err == nil && a.Op == plan.Keep {
				if unchanged++; unchanged == 1000 {
					tell()
				}
				continue
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// withoutSkipped reports what was skipped and passes on the rest.
func (r *run) withoutSkipped(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			if skip := walker.AsSkipped(err); skip != nil {
				r.leftOut(skip)
				continue
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// leftOut reports a name that could not be used, and a directory that could not be
// listed where that concerns more than what is in it.
func (r *run) leftOut(s *walker.Skipped) {
	if r.listed() && !s.Quiet { // each side may have something to say of a key, one after the other
		if r.told != nil && *r.told == s.Key {
			return
		}
		r.told = &s.Key
	}
	switch {
	case s.Unlisted && r.wholly:
		r.incomplete = true
		e := report.Event{Kind: report.Failed, Op: r.op, Key: s.Key, Src: s.Path, Dst: r.to.of(s.Key), Unlisted: true}
		if !r.src.local() {
			e.Src, e.Dst = r.from.of(s.Key), s.Path
		}
		e.Err = fmt.Errorf("the directory could not be listed, so nothing is deleted: %w", s.Err)
		r.sink.Report(e)
	case isLost(s):
		r.failed(plan.Action{Key: s.Key}, s.Err)
	default:
		r.skipped(s)
	}
}

// errIsDirectory is aws's word for a directory where a file is to be copied.
var errIsDirectory = errors.New("Is a directory; give --recursive to copy what is in it")

// stat is the entry of a single source. Its Key is empty: the locations name it.
func (r *run) stat(ctx context.Context) (walker.Entry, error) {
	if r.src.stream {
		return walker.Entry{}, nil
	}
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
