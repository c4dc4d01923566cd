package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// listed says that the run is about single names.
func (o *RunOptions) listed() bool { return o.Only != nil || o.FilesFrom != nil }

// bounded says that the run is about what has some size or age alone.
func (o *RunOptions) bounded() bool {
	return o.MinSize > 0 || o.MaxSize > 0 || !o.OlderThan.IsZero() || !o.NewerThan.IsZero()
}

// wants is whether an entry has the size and the age that the run is about; nil
// where it is about all.
func (o *RunOptions) wants() func(*walker.Entry) bool {
	if !o.bounded() {
		return nil
	}
	return func(e *walker.Entry) bool {
		switch {
		case e.Size < o.MinSize, o.MaxSize > 0 && e.Size > o.MaxSize,
			!o.OlderThan.IsZero() && e.ModTime.After(o.OlderThan),
			!o.NewerThan.IsZero() && e.ModTime.Before(o.NewerThan):
			return false
		}
		return true
	}
}

// wantsOne says whether the one object of a run is wanted: for the filters it is
// a name in the directory, or below the prefix, that it is in.
func (r *run) wantsOne(e *walker.Entry) bool {
	if r.src.stream || r.dst.stream {
		return true
	}
	if wants := r.wants(); wants != nil && !wants(e) {
		return false
	}
	return r.matchesOne()
}

// matchesOne says whether the filters leave the one object of a run.
func (r *run) matchesOne() bool {
	in := r.src
	if r.src.local() {
		in.path = filepath.Dir(r.src.path)
		return r.RunOptions.filter(in).Match(filepath.Base(r.src.path))
	}
	name := strings.LastIndexByte(r.src.path, '/') + 1
	in.path = r.src.path[:name]
	return r.RunOptions.filter(in).Match(r.src.path[name:])
}

// archivedError says why an object is not read. The words are those of aws s3,
// which calls every class of archive GLACIER.
type archivedError struct{ op report.Op }

func (e archivedError) Error() string {
	return fmt.Sprintf("Object is of storage class GLACIER. Unable to perform %s operations on GLACIER objects. "+
		"You must restore the object to be able to perform the operation. "+
		"See --help for additional parameter options to ignore or force these transfers.", e.op)
}

// archived says that the source of a has to be restored before it can be read.
func (r *run) archived(a *plan.Action) bool {
	return !r.ForceGlacier && !a.Src.Restored && slices.Contains([]string{"GLACIER", "DEEP_ARCHIVE"}, a.Src.StorageClass)
}

// leaveArchived warns of an object that is archived.
func (r *run) leaveArchived(a *plan.Action) {
	r.leftArchived.Store(true)
	op := report.Copy
	if r.dst.local() {
		op = report.Download
	}
	r.skipped(&walker.Skipped{Key: a.Key, Path: r.from.of(a.Key), Err: archivedError{op}, Quiet: r.IgnoreGlacierWarnings})
}

// withoutArchived leaves out what is archived and would be read. Where contents
// have to be compared first, that comes later.
func (r *run) withoutArchived(all actions) actions {
	if r.src.local() || r.ForceGlacier {
		return all
	}
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			if err == nil && a.Op == plan.Transfer && r.archived(&a) {
				r.leaveArchived(&a)
				continue
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// errSameObject fails a move whose source and destination may be one object.
var errSameObject = errors.New("the object at the destination has the source's ETag, time and size: an access point, or another endpoint, may lead to the same object, and to move it would delete it")

// sameObject says that both ends of a may be one object by two names, for a move
// of which one side is an access point, or at another endpoint: then it would be copied onto itself, and
// removed.
func (r *run) sameObject(ctx context.Context, a *plan.Action) (bool, error) {
	there, err := r.statThere(ctx, a.Key)
	switch {
	case absent(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking whether the destination is the source by another name: %w", err)
	}
	return there.ETag == a.Src.ETag && there.Size == a.Src.Size && there.ModTime.Unix() == a.Src.ModTime.Unix(), nil
}
