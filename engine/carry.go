package engine

import (
	"context"
	"errors"
	"iter"
	"os"
	"path"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// lookahead is how many actions may be known before their turn, so that the
// totals of the progress line run ahead of it; about 3 MiB.
const lookahead = 8192

// carryOut submits transfers to the pool as fast as it takes them; when the
// pool is full it stops to read, and with it the walks. It returns when all
// have been submitted, or with the error of actions: what was submitted before
// goes on.
func (r *run) carryOut(ctx context.Context, actions iter.Seq2[plan.Action, error], failed func(plan.Action, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	ahead := make(chan plan.Action, lookahead)
	var broken error // read when ahead is closed
	go func() {
		defer close(ahead)
		for a, err := range actions {
			if err != nil {
				broken = err
				return
			}
			r.sink.Report(report.Event{Kind: report.Planned, Op: r.op, Count: 1, Bytes: a.Src.Size})
			select {
			case ahead <- a:
			case <-ctx.Done():
				broken = context.Cause(ctx)
				return
			}
		}
		r.sink.Report(report.Event{Kind: report.Listed, Op: r.op})
	}()
	defer func() {
		cancel()
		for range ahead { // until the goroutine has ended
			continue
		}
	}()
	for a := range ahead {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.submit(a, failed); err != nil {
			return err
		}
	}
	return broken
}

// ready sees to it that there is somewhere to write to, and returns what is
// there. In a dry run nothing is made; what would be made is empty.
func (r *run) ready(ctx context.Context, makeBucket bool, dst walker.Source) (walker.Source, error) {
	if r.dst.local() {
		if r.DryRun {
			return dst, nil
		}
		return dst, r.openTarget()
	}
	if !makeBucket {
		return dst, nil
	}
	if r.DryRun {
		there, err := r.e.hasBucket(ctx, r.dst.bucket)
		if err == nil && !there {
			if err := newName(r.dst.bucket); err != nil {
				return nil, err
			}
			r.made(report.DryRun)
			return nothing{}, nil
		}
		return dst, err
	}
	made, err := r.e.EnsureBucket(ctx, r.dst.bucket)
	if made && err == nil {
		r.made(report.Done)
	}
	return dst, err
}

// made reports the bucket that was made, or would be.
func (r *run) made(k report.Kind) {
	r.sink.Report(report.Event{Kind: report.Planned, Op: report.MakeBucket, Count: 1})
	r.sink.Report(report.Event{Kind: k, Op: report.MakeBucket, Src: "s3://" + r.dst.bucket})
}

// clear removes the empty directories that stand where a file is to be. What
// has anything in it stays, and the transfer fails.
func (r *run) clear(key string) {
	if r.root == nil {
		return
	}
	name := r.targetName(key)
	fi, err := r.root.Lstat(name)
	if err != nil || !fi.IsDir() {
		return
	}
	dir, err := r.root.Open(name)
	if err != nil {
		return
	}
	below, err := dir.ReadDir(-1)
	_ = dir.Close()
	if err != nil {
		return
	}
	for _, d := range below {
		if !d.IsDir() {
			return
		}
		r.clear(path.Join(key, d.Name()))
	}
	_ = r.root.Remove(name) // fails where something is left in it
}

// direction is the verb for a pair of locations.
func direction(src, dst Location) (report.Op, error) {
	if err := errors.Join(src.check(), dst.check()); err != nil {
		return "", err
	}
	switch {
	case src.local() && !dst.local():
		return report.Upload, nil
	case !src.local() && dst.local():
		return report.Download, nil
	case src.local():
		return "", usagef("%s and %s are both local: one side has to be s3://bucket/…", src, dst)
	}
	return "", usagef("%s and %s are both in S3: copies inside S3 are not supported yet", src, dst)
}

func needTree(l Location) error {
	if l.one {
		return usagef("%s is a single object or file; sync takes a directory and a prefix", l)
	}
	return nil
}

// Walk implements walker.Source.
func (s said) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for e, err := range s.Source.Walk(ctx) {
			if skip := walker.AsSkipped(err); skip != nil {
				named := *skip
				named.Path = s.names.of(skip.Key)
				err = &named
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Walk implements walker.Source.
func (nothing) Walk(context.Context) iter.Seq2[walker.Entry, error] {
	return func(func(walker.Entry, error) bool) {}
}

// Ordered implements walker.Source.
func (nothing) Ordered() bool { return true }

// checkSource looks at a local source before anything is begun for it.
func checkSource(l Location) error {
	if !l.local() {
		return nil
	}
	fi, err := os.Stat(l.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &MissingError{Path: l.path}
	case err != nil:
		return err
	case !l.one && !fi.IsDir():
		return usagef("%s is not a directory; cp copies a single file", l.path)
	}
	return nil
}

// MissingError is a local source that is not there.
type MissingError struct{ Path string }

func (e *MissingError) Error() string {
	return "The user-provided path " + e.Path + " does not exist."
}

// Is makes it an os.ErrNotExist.
func (e *MissingError) Is(target error) bool { return target == os.ErrNotExist }
