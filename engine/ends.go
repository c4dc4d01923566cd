package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
	"github.com/s3haul/s3haul/walker/local"
)

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
	return report.Copy, nil
}

func needTree(l Location) error {
	if l.one {
		return usagef("%s is a single object or file; sync takes a directory and a prefix", l)
	}
	if l.glob != "" {
		return usagef("%s has wildcards; sync takes a prefix, and --exclude and --include", l)
	}
	return nil
}

// checkSource looks at a local source before anything is begun for it.
func checkSource(l Location) error {
	if !l.local() || l.stream {
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

// source is what is walked on the side from which objects come.
func (r *run) source(follow bool) walker.Source {
	var all walker.Source
	switch {
	case r.listed():
		all = r.onlyAt(r.src, follow, false)
	case r.src.local() && !follow && isLink(r.src.path):
		return nothing{}
	case r.src.local():
		all = r.walkLocal(r.src, follow)
	default:
		all = r.walkBucket(r.src, false)
	}
	if r.dst.local() {
		all = local.Names(all)
	}
	if r.src.local() {
		return all
	}
	return said{all, r.from}
}

// destination is what is there already; a directory that is not there is empty.
func (r *run) destination(follow bool) walker.Source {
	if r.listed() {
		return r.onlyAt(r.dst, follow, true)
	}
	if !r.dst.local() {
		return r.walkBucket(r.dst, false)
	}
	if _, err := os.Stat(r.dst.path); errors.Is(err, os.ErrNotExist) {
		return nothing{}
	}
	return r.walkLocal(r.dst, follow)
}

// isLink says that path is a symbolic link itself: aws s3 takes nothing from there
// where it is not to follow links.
func isLink(path string) bool {
	fi, err := os.Lstat(path)
	return err == nil && fi.Mode()&os.ModeSymlink != 0
}

func (r *run) walkLocal(l Location, follow bool) *local.Source {
	return local.New(l.path, local.Options{FollowSymlinks: follow, Filter: r.filter(l)})
}

// walkBucket lists with or without the markers of folders.
func (r *run) walkBucket(l Location, markers bool) walker.Source {
	o := r.e.listing(l, parallelOrdered, r.PageSize)
	o.Markers, o.RequestPayer = markers, r.Attributes.RequestPayer
	client := r.client
	if l.source {
		client = r.reader
	}
	return r.filter(l).Source(bucket.New(client, o))
}

// said is a Source whose skipped names are those that a person would write.
type said struct {
	walker.Source
	names names
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

// nothing is the Source of a directory that is not there yet.
type nothing struct{}

// Walk implements walker.Source.
func (nothing) Walk(context.Context) iter.Seq2[walker.Entry, error] {
	return func(func(walker.Entry, error) bool) {}
}

// Ordered implements walker.Source.
func (nothing) Ordered() bool { return true }

// ready sees to it that there is somewhere to write to, and returns what is
// there. In a dry run nothing is made; what would be made is empty.
func (r *run) ready(ctx context.Context, makeBucket bool, dst walker.Source) (walker.Source, error) {
	if r.dst.local() {
		if r.DryRun || r.dst.stream {
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

// openTarget makes the directory that downloads go to. A single file goes to
// its base name in the directory above it.
func (r *run) openTarget() error {
	dir := r.dst.path
	if r.dst.one {
		dir = filepath.Dir(dir)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("making the target directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the target directory: %w", err)
	}
	r.root = root
	return nil
}

// targetName is the name of key below root.
func (r *run) targetName(key string) string {
	if r.dst.one {
		return filepath.Base(r.dst.path)
	}
	return key
}

// special says that the destination is written directly and not replaced: a
// single device or pipe, and a link below /dev. /dev/stdout is one, to a file
// where the output goes to one, and replacing it would take it from everybody.
// What is in /dev/shm is a file like any other.
func (r *run) special() bool {
	if !r.dst.one || !r.dst.local() || r.dst.stream {
		return false
	}
	kinds := os.ModeDevice | os.ModeNamedPipe | os.ModeCharDevice
	stat := os.Stat
	if strings.HasPrefix(r.dst.path, "/dev/") {
		kinds |= os.ModeSymlink
		stat = os.Lstat
	}
	fi, err := stat(r.dst.path)
	return err == nil && fi.Mode()&kinds != 0
}
