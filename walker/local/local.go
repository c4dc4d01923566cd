// Package local walks a directory in the order in which S3 lists a bucket. It
// reads ahead with several goroutines, within bounds, and holds the names of
// the directories on the way, never the tree.
package local

import (
	"context"
	"fmt"
	"iter"
	"runtime"

	"github.com/s3haul/s3haul/walker"
)

// Options change how a directory is walked. The zero value is ready; note that
// it does not follow links, while the command does unless it is told otherwise.
type Options struct {
	// FollowSymlinks takes a link for what it leads to. Otherwise links are
	// left out without a word. The root is followed in any case.
	FollowSymlinks bool
	// Filter leaves names out before they are examined, and directories below
	// which nothing is wanted unread. nil leaves nothing out.
	Filter *walker.Filter
	// Workers is how many goroutines read directories and examine files; 0
	// means twice GOMAXPROCS, at least 4 and at most 16: on a warm cache the
	// work is the processor's, on a cold or distant disk half of them wait.
	Workers int
	// SpillNames is how many names of one directory are held in memory, about
	// 31 MB for a million of 20 bytes each, and 16 MB more while they are
	// sorted. A larger directory is sorted on disk. 0 means 1,000,000.
	SpillNames int
	// SpillDir is where that is sorted, in files that are gone when the walk
	// ends; empty means /var/tmp or the system's own choice.
	SpillDir string
}

// Source walks the files below a directory. See [New].
type Source struct {
	root string
	opts Options
	sys  system
}

var _ walker.Source = (*Source)(nil)

// New returns the regular files below dir as a [walker.Source]. Their keys are
// the paths below dir with '/', in byte order; names as of [TempName] are left
// out.
//
// A name that cannot be used is a [*walker.Skipped]: unreadable (of a directory,
// Unlisted), vanished, not UTF-8, a device, a pipe or a socket, a link that leads
// nowhere or back to a directory above. What cannot be told to be a file or a directory (a broken
// link) comes twice, as "name" and, Quiet, as "name/", because it stands for
// either. The walk fails where dir itself cannot be read, where a directory
// cannot be sorted on disk, and when its context ends.
func New(dir string, o Options) *Source {
	if o.Workers <= 0 {
		o.Workers = max(4, min(16, 2*runtime.GOMAXPROCS(0)))
	}
	if o.SpillNames <= 0 {
		o.SpillNames = 1_000_000
	}
	return &Source{root: dir, opts: o, sys: newSystem()}
}

// Ordered implements [walker.Source]; it is true.
func (s *Source) Ordered() bool { return true }

// Walk implements [walker.Source].
func (s *Source) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		w := newWalk(ctx, s)
		defer w.end()
		if err := w.run(yield); err != nil {
			yield(walker.Entry{}, fmt.Errorf("walk %s: %w", s.root, err))
		}
	}
}
