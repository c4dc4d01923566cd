package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"sync"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/spool"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
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
	// NoFollowSymlinks leaves symbolic links out of local walks.
	NoFollowSymlinks bool
	// MakeBucket makes the destination's bucket where it is not there.
	MakeBucket bool
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
	if err := cmp.Or(needTree(src), needTree(dst), checkSource(src)); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, op, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	s := &syncing{run: r, o: o, due: spool.New(""), late: spool.New("")}
	sum, err := r.end(s.all(ctx))
	return sum, errors.Join(err, s.due.Close(), s.late.Close())
}

// syncing is one Sync: the way of the data, from the walks to the deletes.
type syncing struct {
	*run
	o SyncOptions

	due  *spool.Spool // deletes, until everything else is done
	late *spool.Spool // transfers whose name is taken by what is due to be deleted
	mu   sync.Mutex   // of late

	sources      int64 // names seen at the source, those that it skipped included
	destinations int64 // objects seen at the destination
}

func (s *syncing) all(ctx context.Context) error {
	dst, err := s.ready(ctx, s.o.MakeBucket, s.destination(!s.o.NoFollowSymlinks))
	if err != nil {
		return err
	}
	src := counted{s.source(!s.o.NoFollowSymlinks), &s.sources}
	err = s.carryOut(ctx, func(ctx context.Context) actions {
		return s.sort(plan.Join(ctx, src, dst, plan.Options{Delete: s.o.Delete, Compare: s.compare()}))
	}, s.blocked)
	if err != nil {
		return err
	}
	// Only now, with both sides read to their ends and every transfer ended.
	if err := s.group.Wait(); err != nil {
		return err
	}
	err = s.deletes(ctx)
	return errors.Join(err, s.again(ctx))
}

// counted counts the names that a Source yields. They are counted here, since a
// plan does not say which side skipped a name. n may be read when the walk has
// ended.
type counted struct {
	walker.Source
	n *int64
}

// Walk implements walker.Source.
func (c counted) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for e, err := range c.Source.Walk(ctx) {
			if err == nil || walker.AsSkipped(err) != nil {
				*c.n++
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *syncing) compare() plan.Compare {
	switch {
	case s.o.SizeOnly:
		return plan.SizeOnly
	case s.dst.local():
		return plan.Downward
	}
	return plan.Upward
}

// sort passes on what is to be transferred. Of the rest it counts what is the
// same, reports what was skipped, and spools what is to be deleted.
func (s *syncing) sort(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		unchanged := int64(0)
		defer func() {
			s.sink.Report(report.Event{Kind: report.Unchanged, Op: s.op, Count: unchanged})
		}()
		for a, err := range s.withoutSkipped(all) {
			if err != nil {
				yield(a, err)
				return
			}
			if a.Reason != plan.New {
				s.destinations++
			}
			switch a.Op {
			case plan.Keep:
				if unchanged++; unchanged == 1000 {
					s.sink.Report(report.Event{Kind: report.Unchanged, Op: s.op, Count: unchanged})
					unchanged = 0
				}
			case plan.Delete:
				if err := s.due.Add(a); err != nil {
					yield(a, err)
					return
				}
			default:
				if !yield(a, nil) {
					return
				}
			}
		}
	}
}

// blocked is told of transfers that failed. Where a file stands in the place of
// a directory, or the reverse, what is in the way may be due to be deleted: the
// transfer is tried again after that.
func (s *syncing) blocked(a plan.Action, err error) {
	if s.o.Delete && !s.DryRun && inTheWay(err) {
		s.mu.Lock()
		lerr := s.late.Add(a)
		s.mu.Unlock()
		if lerr == nil {
			return
		}
		err = errors.Join(err, lerr)
	}
	s.failed(a, err)
}

// inTheWay recognises a name that is taken by the other kind: on a local disk,
// and on a store that keeps objects as files (versitygw's codes).
func inTheWay(err error) bool {
	switch wire.Code(err) {
	case "ObjectParentIsFile", "ExistingObjectIsDirectory":
		return true
	}
	return errors.Is(err, transfer.ErrInTheWay)
}

// deletes runs what is due, or says why it does not.
func (s *syncing) deletes(ctx context.Context) error {
	due := s.due.Len()
	if due == 0 || ctx.Err() != nil {
		return nil
	}
	if err := s.mayDelete(due); err != nil {
		s.sink.Report(report.Event{Kind: report.Held, Op: report.Delete, Count: due})
		return err
	}
	if s.tally.Summary().Failed > 0 {
		s.sink.Report(report.Event{Kind: report.Held, Op: report.Delete, Count: due})
		return nil // what failed has been said, and gives the exit code
	}
	keys := func(yield func(string, error) bool) {
		for a, err := range s.due.All(ctx) {
			if !yield(a.Key, err) || err != nil {
				return
			}
		}
	}
	return s.removeAll(ctx, s.dst, keys)
}

func (s *syncing) mayDelete(due int64) error {
	if s.sources == 0 && !s.o.AllowEmptySource {
		return fmt.Errorf("%s: %w: its %d counterparts in %s were not deleted; if they are to go, allow an empty source", s.src, ErrEmptySource, due, s.dst)
	}
	limit, has := s.o.MaxDelete, s.o.MaxDelete != 0
	if p := s.o.MaxDeletePercent; p > 0 {
		if n := int64(p / 100 * float64(s.destinations)); !has || n < limit {
			limit, has = n, true
		}
	}
	if limit = max(limit, 0); has && due > limit {
		return fmt.Errorf("%w: %d deletes are due, %d are allowed; none was run", ErrMaxDelete, due, limit)
	}
	return nil
}

// again carries out the transfers that found their names taken.
func (s *syncing) again(ctx context.Context) error {
	if s.late.Len() == 0 || ctx.Err() != nil {
		return nil
	}
	group := s.e.pool.Group(s.work) //nolint:contextcheck // it outlives ctx a little, for what is under way
	first := s.group
	s.group = group
	defer func() { s.group = first }()
	for a, err := range s.late.All(ctx) {
		if err == nil {
			s.clear(a.Key)
			err = s.submit(a, s.failed)
		}
		if err != nil {
			return errors.Join(err, group.Wait())
		}
	}
	return group.Wait()
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
