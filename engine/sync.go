package engine

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// SyncOptions of Sync.
type SyncOptions struct {
	RunOptions
	// Delete removes from the destination what the source does not have: after
	// everything else, and only when both sides were listed to their ends and
	// no object failed. What was skipped or filtered out is never removed.
	Delete bool
	// MaxDelete is the most objects that Delete may remove; where more are due,
	// none is. 0 means any number, a negative number none.
	MaxDelete int64
	// MaxDeletePercent is the same as a share of the destination's objects;
	// 0 means any.
	MaxDeletePercent float64
	// AllowEmptySource lets Delete empty the destination of an empty source,
	// which is refused otherwise: it is more often a mistake.
	AllowEmptySource bool
	// SizeOnly takes objects of one size for the same, whatever their times.
	SizeOnly bool
	// Checksum compares what is of one size by its content, whatever its time: by
	// the checksum that the store has, or its ETag. Where neither says anything, the
	// times count.
	Checksum bool
	// ExactTimestamps has a download bring what has another time, newer or older,
	// without a look at its content; it says nothing of uploads and copies. Where it
	// is set, SizeOnly is not looked at, as in aws s3.
	ExactTimestamps bool
	// Update never replaces what was modified later than the source, in whole
	// seconds: of an object, that is when it was written.
	Update bool
	// IgnoreErrors has the deletes run although objects failed; never where a side
	// could not be listed.
	IgnoreErrors bool
	// NoFollowSymlinks leaves symbolic links out of local walks.
	NoFollowSymlinks bool
	// MakeBucket makes the destination's bucket where it is not there.
	MakeBucket bool
}

// check says what cannot be asked for.
func (o *SyncOptions) check() error {
	switch {
	case o.Delete && o.listed():
		return usagef("what a source has beside single keys is not known, so that nothing can be deleted for its want")
	case o.Checksum && o.SizeOnly:
		return usagef("SizeOnly looks at no content, and Checksum at nothing else: give one of them")
	}
	return nil
}

// Errors of deletes that were due and were not run.
var (
	// ErrMaxDelete: more deletes were due than MaxDelete allows.
	ErrMaxDelete = errors.New("more deletes are due than allowed")
	// ErrEmptySource: the source has nothing at all.
	ErrEmptySource = errors.New("the source is empty")
)

// Sync makes dst like src. The error is what stopped the run; objects that
// failed by themselves are in the Summary. When ctx ends nothing new begins,
// what is under way gets a second to end, and the error is the context's cause.
func (e *Engine) Sync(ctx context.Context, src, dst Location, o SyncOptions) (Summary, error) {
	op, err := direction(src, dst)
	if err != nil {
		return Summary{}, err
	}
	if err := cmp.Or(needTree(src), needTree(dst), e.overlap(src, dst, &o.RunOptions, false, o.Delete, func() error { return o.inPlace(src, dst) }), o.check(), checkSource(src)); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, op, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	r.wholly = o.Delete
	s := &syncing{run: r, o: o, deletes: newDeletes()}
	sum, err := r.end(s.all(ctx))
	return sum, errors.Join(err, s.deletes.close())
}

// inPlace refuses what could not end well, where both sides are of one store.
func (o *SyncOptions) inPlace(src, dst Location) error {
	if src == dst && !src.local() { // nothing is different there, whatever it is to be given
		return usagef("%s is the source and the destination", src)
	}
	return o.outside(src, dst, o.Delete)
}

// syncing is one Sync: the way of the data, from the walks to the deletes.
type syncing struct {
	*run
	o SyncOptions

	deletes *deletes // what is due, until everything else is done
	clash   *clashes

	sources      int64 // names seen at the source, those that it skipped included
	destinations int64 // objects seen at the destination
}

func (s *syncing) all(ctx context.Context) error {
	dst, err := s.ready(ctx, s.o.MakeBucket, s.destination(!s.o.NoFollowSymlinks))
	if err != nil {
		return err
	}
	if s.clash, err = s.newClashes(); err != nil {
		return err
	}
	src := watched{s.source(!s.o.NoFollowSymlinks), s}
	err = s.carryOut(ctx, func(ctx context.Context) actions {
		all := plan.Join(ctx, src, dst, plan.Options{Delete: s.o.Delete, Compare: s.compare(), Wants: s.wants()})
		return s.clash.resolve(s.withoutArchived(s.sort(all)))
	}, s.blocked)
	if err != nil {
		if s.bounds.err() != nil {
			s.hold(s.deletes.len())
		}
		return err
	}
	// Only now, with both sides read to their ends and every transfer ended.
	if err := s.group.Wait(); err != nil {
		return err
	}
	if s.bounds.err() != nil || (s.deletes.len() > 0 || s.deletes.waiting()) && s.bounds.over() {
		s.hold(s.deletes.len())
		return s.bounds.err()
	}
	return s.finish(ctx)
}

// watched is the source, whose names are counted, and whose skipped names are
// kept in mind. It is done here, since a plan does not say which side skipped a
// name. What it has found may be read when the walk has ended.
type watched struct {
	walker.Source
	s *syncing
}

// Walk implements walker.Source.
func (w watched) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for e, err := range w.Source.Walk(ctx) {
			skip := walker.AsSkipped(err)
			if err == nil || skip != nil {
				w.s.sources++
			}
			if skip != nil {
				w.s.deletes.spare(skip.Key)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *syncing) compare() plan.Compare {
	var rule plan.Compare = plan.Upward
	switch {
	case s.o.ExactTimestamps && s.dst.local():
		rule = plan.Exact
	case s.o.SizeOnly && !s.o.ExactTimestamps: // of both, aws s3 takes the latter
		rule = plan.SizeOnly
	case s.dst.local():
		rule = plan.Downward
	}
	if s.o.Checksum {
		rule = plan.Contents(rule)
	}
	if s.o.Update {
		rule = plan.Update(rule)
	}
	return s.rule(rule)
}

// sort passes on what is to be transferred. Of the rest it counts what is the
// same, reports what was skipped, and spools what is to be deleted.
func (s *syncing) sort(all actions) actions {
	return s.withoutKept(func(yield func(plan.Action, error) bool) {
		for a, err := range s.withoutSkipped(s.passing(all)) {
			if err != nil {
				yield(a, err)
				return
			}
			if a.Reason != plan.New {
				s.destinations++
			}
			switch a.Op {
			case plan.Delete:
				if err := s.deletes.add(a); err != nil {
					yield(a, err)
					return
				}
				continue
			case plan.Keep:
				s.clash.pass(a.Key)
				s.clash.keep(a.Key)
			default:
				s.clash.pass(a.Key)
				s.deletes.pass(a.Key)
			}
			if !yield(a, nil) {
				return
			}
		}
	})
}

// passing keeps in mind what of the source was skipped: it may be a file that is
// due to be deleted by another name.
func (s *syncing) passing(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			if skip := walker.AsSkipped(err); skip != nil && !strings.HasSuffix(skip.Key, "/") {
				s.clash.pass(skip.Key)
			}
			if !yield(a, err) {
				return
			}
		}
	}
}
