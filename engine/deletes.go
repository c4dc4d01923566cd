package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"
	"sync"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/spool"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
	"github.com/s3haul/s3haul/walker/local"
)

// deletes is what a sync has to delete, and the transfers that have to wait for
// some of it: those whose name is taken by the other kind, a file where a
// directory is to be or the reverse. On S3 itself both can be; on a disk, and on
// a store that keeps objects as files, they cannot.
type deletes struct {
	due *spool.Spool // in the order of the keys, without those in over

	// files are keys in due that are above a key of the source; over are
	// deletes below a key of the source, and below counts them by that key.
	files map[string]bool
	over  *spool.Spool
	below map[string]int64
	// spared are the names that skipped keys of the source would have if they
	// could have one: a/b of a//b. Another tool has written them there.
	spared map[string]bool
	// Where the walk is: what is due, and what the source has, above it.
	dueAbove, sourceAbove walker.Lineage

	mu sync.Mutex
	// underFile and onDirectory are transfers that failed because a file, or a
	// directory, was in the way.
	underFile, onDirectory *spool.Spool
}

func newDeletes() *deletes {
	return &deletes{
		due: spool.New(""), over: spool.New(""), underFile: spool.New(""), onDirectory: spool.New(""),
		files: map[string]bool{}, spared: map[string]bool{}, below: map[string]int64{},
	}
}

func (d *deletes) close() error {
	return errors.Join(d.due.Close(), d.over.Close(), d.underFile.Close(), d.onDirectory.Close())
}

// add takes the next delete of the plan.
func (d *deletes) add(a plan.Action) error {
	d.sourceAbove.MoveTo(a.Key)
	if key, ok := d.sourceAbove.Above(a.Key); ok {
		d.below[key]++
		return d.over.Add(a)
	}
	d.dueAbove.Push(a.Key)
	return d.due.Add(a)
}

// pass is told of the next transfer of the plan.
func (d *deletes) pass(key string) {
	d.dueAbove.MoveTo(key)
	if file, ok := d.dueAbove.Above(key); ok {
		d.files[file] = true
	}
	d.sourceAbove.Push(key)
}

// maxSpared bounds the memory for names that are spared, to some 100 MB. Where
// there are more, nothing is deleted.
const maxSpared = 1 << 20

// spare is told of each key that the source skipped.
func (d *deletes) spare(key string) {
	plain := strings.TrimPrefix(path.Clean("/"+key), "/")
	if plain != strings.TrimSuffix(key, "/") && len(d.spared) <= maxSpared {
		d.spared[plain] = true
	}
}

func (d *deletes) len() int64 { return d.due.Len() + d.over.Len() }

func (d *deletes) waiting() bool { return d.underFile.Len()+d.onDirectory.Len() > 0 }

// blocked is told of transfers that failed. Where the name is taken by the
// other kind, it may be due to be deleted: the transfer waits for that.
func (s *syncing) blocked(a plan.Action, err error) {
	if wait := s.deletes.queue(err); wait != nil && s.o.Delete && !s.DryRun {
		s.deletes.mu.Lock()
		werr := wait.Add(a)
		s.deletes.mu.Unlock()
		if werr == nil {
			return
		}
		err = errors.Join(err, werr)
	}
	s.failed(a, err)
}

// queue is where a transfer waits that failed with err; nil if it does not.
// The codes are versitygw's.
func (d *deletes) queue(err error) *spool.Spool {
	switch {
	case wire.Code(err) == "ExistingObjectIsDirectory", errors.Is(err, transfer.ErrDirectory):
		return d.onDirectory
	case wire.Code(err) == "ObjectParentIsFile", errors.Is(err, transfer.ErrInTheWay):
		return d.underFile
	}
	return nil
}

// finish runs the deletes that are due when all else is done, or says why it
// does not. Where transfers wait for a name, exactly what is in their way goes
// first, and the rest only if they succeed.
func (s *syncing) finish(ctx context.Context) error {
	d := s.deletes
	if ctx.Err() != nil {
		return nil
	}
	err := s.mayDelete(d.len())
	if err != nil || s.incomplete || s.hasFailed() {
		s.hold(d.len())
		aerr := s.again(ctx) // they find their names taken, and say so
		return cmp.Or(err, aerr)
	}
	cleared := false
	if d.waiting() {
		if cleared, err = s.makeWay(ctx); err != nil {
			return err
		}
		if err := s.again(ctx); err != nil {
			return err
		}
	}
	left := d.len()
	if cleared {
		left = d.due.Len() - int64(len(d.files))
	}
	if s.hasFailed() {
		s.hold(left)
		return nil
	}
	sent := int64(0)
	err = s.removeAll(ctx, s.dst, s.deleteOptions(), s.bounds.over, func(yield func(string, error) bool) {
		for key, err := range s.bounds.until(d.keys(ctx, s.clash, cleared)) {
			if err == nil {
				sent++
			}
			if !yield(key, err) {
				return
			}
		}
	})
	if s.bounds.err() != nil {
		s.hold(left - sent + s.unsent.Load())
		err = cmp.Or(err, s.bounds.err())
	}
	return err
}

func (s *syncing) deleteOptions() wire.DeleteOptions {
	return wire.DeleteOptions{RequestPayer: s.Attributes.RequestPayer}
}

// hasFailed says that objects have failed, where that keeps the deletes from
// being run.
func (s *syncing) hasFailed() bool { return !s.o.IgnoreErrors && s.tally.Summary().Failed > 0 }

// never and neverLate are for what must not be left off.
func never() bool                 { return false }
func neverLate(*plan.Action) bool { return false }

// hold says that deletes were due and not run.
func (s *syncing) hold(n int64) {
	if n > 0 {
		s.sink.Report(report.Event{Kind: report.Held, Op: report.Delete, Count: n})
	}
}

// keys are those that are due; without those that are another name of a file that
// the source has, and those in the way of something if they are gone already.
func (d *deletes) keys(ctx context.Context, clash *clashes, cleared bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for a, err := range d.due.All(ctx) {
			if err == nil && (d.spared[a.Key] || clash.has(a.Key) || cleared && d.files[a.Key]) {
				continue
			}
			if !yield(a.Key, err) || err != nil {
				return
			}
		}
		if cleared {
			return
		}
		for a, err := range d.over.All(ctx) {
			if err == nil && (d.spared[a.Key] || clash.has(a.Key)) {
				continue
			}
			if !yield(a.Key, err) || err != nil {
				return
			}
		}
	}
}

// makeWay deletes what is in the way of the transfers that wait, if all of it is
// due to be deleted, and nothing otherwise.
func (s *syncing) makeWay(ctx context.Context) (bool, error) {
	d := s.deletes
	for key := range d.files {
		if d.spared[key] || s.clash.has(key) {
			return false, nil
		}
	}
	for a, err := range d.over.All(ctx) {
		if err != nil || d.spared[a.Key] || s.clash.has(a.Key) {
			return false, err
		}
	}
	for a, err := range d.underFile.All(ctx) {
		if err != nil {
			return false, err
		}
		if !d.underDue(a.Key) {
			return false, nil
		}
	}
	for a, err := range d.onDirectory.All(ctx) {
		if err != nil {
			return false, err
		}
		if n, err := s.count(ctx, a.Key); err != nil || n != d.below[a.Key] {
			return false, err
		}
	}
	// What waits for these names is sent now, whatever the time.
	err := s.removeAll(ctx, s.dst, s.deleteOptions(), never, func(yield func(string, error) bool) {
		for key := range d.files {
			if !yield(key, nil) {
				return
			}
		}
		for a, err := range d.over.All(ctx) {
			if !yield(a.Key, err) || err != nil {
				return
			}
		}
	})
	return err == nil, err
}

// underDue says whether a file above key is due to be deleted.
func (d *deletes) underDue(key string) bool {
	for i := range len(key) {
		if key[i] == '/' && d.files[key[:i]] {
			return true
		}
	}
	return false
}

// count counts what is below the directory that stands where key is to be,
// whatever the filters say.
func (s *syncing) count(ctx context.Context, key string) (int64, error) {
	var all walker.Source
	if s.dst.local() {
		// Links too: whatever is there keeps the directory from being removed.
		all = local.New(s.dst.file(key), local.Options{FollowSymlinks: true})
	} else {
		all = bucket.New(s.client, bucket.Options{
			Bucket: s.dst.bucket, Prefix: s.dst.path + key + "/", Markers: true, RequestPayer: s.Attributes.RequestPayer,
		})
	}
	n := int64(0)
	for _, err := range all.Walk(ctx) {
		if err != nil && walker.AsSkipped(err) == nil {
			return n, fmt.Errorf("looking at what is in the way of %s: %w", s.to.of(key), err)
		}
		n++
	}
	return n, nil
}

// again carries out the transfers that found their names taken.
func (s *syncing) again(ctx context.Context) error {
	if !s.deletes.waiting() || ctx.Err() != nil {
		return nil
	}
	s.group = s.e.pool.Group(s.work) //nolint:contextcheck // it outlives ctx a little, for what is under way
	for _, wait := range []*spool.Spool{s.deletes.underFile, s.deletes.onDirectory} {
		for a, err := range wait.All(ctx) {
			if err == nil {
				s.clear(a.Key)
				err = s.submit(a, neverLate, s.failed)
			}
			if err != nil {
				return cmp.Or(s.group.Wait(), err)
			}
		}
	}
	return s.group.Wait()
}

// mayDelete says why what is due must not be deleted.
func (s *syncing) mayDelete(due int64) error {
	if due == 0 {
		return nil
	}
	if len(s.deletes.spared) > maxSpared {
		return fmt.Errorf("%s: more than %d of its keys cannot be names of files, and what they stand for here is not known; nothing was deleted", s.src, maxSpared)
	}
	if s.sources == 0 && !s.o.AllowEmptySource {
		return fmt.Errorf("%s: %w: its %d counterparts in %s were not deleted", s.src, ErrEmptySource, due, s.dst)
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
