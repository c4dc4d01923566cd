package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// walk is one walk under way. Workers examine the tree along a chain of
// pieces, ahead of the one consumer, who follows the chain and yields.
type walk struct {
	*Source
	ctx     context.Context
	workers sync.WaitGroup
	unwatch func()

	// stopped makes everybody leave: the consumer has gone, the context has
	// ended, or the walk has failed. It is set with the lock held.
	stopped atomic.Bool

	mu       sync.Mutex
	work     sync.Cond // for workers: something may be begun
	ready    sync.Cond // for the consumer: something was finished
	head     *piece    // what the consumer needs next
	frontier *piece    // no piece before it waits for a worker
	ahead    int       // files examined and not consumed
	dirs     int       // directories begun and not consumed
	held     int       // names of directories not consumed
	failure  error     // what ends the walk
	spills   map[*spill]struct{}
}

func newWalk(ctx context.Context, s *Source) *walk {
	w := &walk{Source: s, ctx: ctx, spills: make(map[*spill]struct{})}
	w.work.L, w.ready.L = &w.mu, &w.mu
	return w
}

// run walks, and returns what ended the walk early; nil where it is complete
// or the consumer has left.
func (w *walk) run(yield func(walker.Entry, error) bool) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.head = &piece{form: formDir, dir: &directory{}}
	w.frontier = w.head
	w.watch()
	for range w.opts.Workers {
		w.workers.Go(w.serve)
	}
	for p := w.pop(); p != nil; p = w.pop() {
		more, err := w.emit(p, yield)
		if err != nil || !more {
			return err
		}
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// watch stops the walk when its context ends.
func (w *walk) watch() {
	ran := make(chan struct{})
	stop := context.AfterFunc(w.ctx, func() {
		defer close(ran)
		w.stop(nil)
	})
	w.unwatch = func() {
		if !stop() {
			<-ran
		}
	}
}

// stop ends the walk; the first failure counts.
func (w *walk) stop(failure error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped.Load() {
		w.failure = failure
		w.stopped.Store(true)
	}
	w.work.Broadcast()
	w.ready.Broadcast()
}

// end leaves nothing running and no file behind.
func (w *walk) end() {
	w.stop(nil)
	if w.unwatch != nil {
		w.unwatch()
	}
	w.workers.Wait()
	for s := range w.spills {
		s.close()
	}
}

// emit yields what p stands for. It says whether to go on.
func (w *walk) emit(p *piece, yield func(walker.Entry, error) bool) (more bool, err error) {
	if p.form == formSkipped {
		if !yield(walker.Entry{Key: p.skipped.Key}, p.skipped) {
			return false, nil
		}
		return true, w.ctx.Err()
	}
	if p.form != formFiles || p.from == p.to {
		return true, nil
	}
	c := p.chunk
	for i := p.from; i < p.to; i++ {
		r := &c.results[i-c.from]
		if r.drop {
			continue
		}
		name, k := c.names.at(i)
		e := walker.Entry{Key: c.dir.key + name}
		if r.err != nil {
			more = yield(e, w.skip(e.Key, r.err, k == kindBelow))
		} else {
			e.Size, e.ModTime = r.size, time.Unix(r.sec, r.nsec)
			more = yield(e, nil)
		}
		if !more {
			return false, nil
		}
		if err := w.ctx.Err(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// path writes a key as a path of this system; a directory has no separator at
// its end.
func (w *walk) path(key string) string {
	if key == "" {
		return w.root
	}
	key = filepath.FromSlash(strings.TrimSuffix(key, "/"))
	if w.root != "" && os.IsPathSeparator(w.root[len(w.root)-1]) {
		return w.root + key
	}
	return w.root + string(os.PathSeparator) + key
}
