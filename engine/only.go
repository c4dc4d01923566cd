package engine

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// errGone is why a key cannot be copied that was asked for by itself.
var errGone = errors.New("it is not there any more")

// lostError is the reason of a Skipped that fails its key: it was asked for by
// itself.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

func isLost(err error) bool {
	_, ok := errors.AsType[lostError](err)
	return ok
}

func lost(key string, err error) *walker.Skipped {
	return &walker.Skipped{Key: key, Path: key, Err: lostError{err}}
}

// lookAhead is how many keys are looked at before their turn.
const lookAhead = 64

// only is the Source of single keys, each of which is looked at by itself.
type only struct {
	keys []string // in order, each once
	// look is the entry of a key. An error is a Skipped, has fs.ErrNotExist in its
	// chain, or ends the walk.
	look func(ctx context.Context, key string) (walker.Entry, error)
	// absent says that keys that are not there are left out, as a listing does;
	// else they are skipped with errGone.
	absent bool
}

// Ordered implements walker.Source.
func (*only) Ordered() bool { return true }

// Walk implements walker.Source.
func (o *only) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	type seen struct {
		entry walker.Entry
		err   error
	}
	return func(yield func(walker.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ahead := make([]chan seen, 0, lookAhead)
		begin := func(key string) {
			c := make(chan seen, 1)
			ahead = append(ahead, c)
			go func() {
				e, err := o.look(ctx, key)
				c <- seen{e, err}
			}()
		}
		next := min(lookAhead, len(o.keys))
		for _, key := range o.keys[:next] {
			begin(key)
		}
		defer func() {
			cancel()
			for _, c := range ahead { // nothing is left running
				<-c
			}
		}()
		for i, key := range o.keys {
			s := <-ahead[0]
			ahead = ahead[1:]
			if i+lookAhead < len(o.keys) {
				begin(o.keys[i+lookAhead])
			}
			skip := walker.AsSkipped(s.err)
			switch {
			case s.err == nil:
				s.entry.Key = key
			case ctx.Err() != nil:
				yield(walker.Entry{}, context.Cause(ctx))
				return
			case skip != nil:
				s.entry = walker.Entry{Key: key}
			case !errors.Is(s.err, fs.ErrNotExist) && !wire.NotFound(s.err):
				yield(walker.Entry{}, s.err)
				return
			case o.absent:
				continue
			default:
				s.entry, s.err = walker.Entry{Key: key}, lost(key, errGone)
			}
			if !yield(s.entry, s.err) {
				return
			}
		}
	}
}

// onlyAt is the Source of r.Only at one of the ends of the run; absent is that of
// the type only. What the filters leave out is not looked for.
func (r *run) onlyAt(l Location, follow, absent bool) walker.Source {
	filter := r.filter(l)
	keys := slices.DeleteFunc(slices.Sorted(slices.Values(r.Only)), func(key string) bool { return !filter.Match(key) })
	o := &only{keys: slices.Compact(keys), absent: absent}
	if l.local() {
		files := r.walkLocal(l, follow)
		o.look = func(ctx context.Context, key string) (walker.Entry, error) {
			if err := ctx.Err(); err != nil {
				return walker.Entry{}, err
			}
			e, err := files.Look(key)
			if err != nil && walker.AsSkipped(err) == nil && !errors.Is(err, fs.ErrNotExist) {
				err = lost(key, err)
			}
			return e, err
		}
		return o
	}
	o.look = func(ctx context.Context, key string) (walker.Entry, error) {
		if key == "" {
			return walker.Entry{}, lost(key, errors.New("the key is empty"))
		}
		e, err := r.transfer.Stat(ctx, l.object(key, walker.Entry{}))
		if err != nil && !wire.NotFound(err) && !stops(err) && ctx.Err() == nil {
			err = lost(key, err)
		}
		return e, err
	}
	return o
}
