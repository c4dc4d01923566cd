package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/manifest"
	"github.com/s3haul/s3haul/walker/sorted"
)

// errGone is why a key cannot be copied that was asked for by itself.
var errGone = errors.New("it is not there any more")

// errNowhere is the same of a name that a list has.
var errNowhere = errors.New("there is no such file or object")

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
	keys func(context.Context) iter.Seq2[string, error] // in order, each once
	// look is the entry of a key. An error is a Skipped, has fs.ErrNotExist in its
	// chain, or ends the walk.
	look func(ctx context.Context, key string) (walker.Entry, error)
	// absent says that keys that are not there are left out, as a listing does;
	// else they are skipped with why.
	absent bool
	why    error
}

// Ordered implements walker.Source.
func (*only) Ordered() bool { return true }

// seen is what a look at a key has found.
type seen struct {
	key   string
	entry walker.Entry
	err   error
	// listed says that err is of the list that has the key.
	listed bool
}

// Walk implements walker.Source.
func (o *only) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		next, stop := iter.Pull2(o.keys(ctx))
		defer stop()
		var ahead []chan seen
		begin := func() error {
			key, err, ok := next()
			skip := walker.AsSkipped(err)
			if !ok || err != nil && skip == nil {
				return err
			}
			c := make(chan seen, 1)
			ahead = append(ahead, c)
			if skip != nil { // there is nothing to look for
				c <- seen{key: key, err: err, listed: true}
				return nil
			}
			go func() {
				e, err := o.look(ctx, key)
				c <- seen{key: key, entry: e, err: err}
			}()
			return nil
		}
		defer func() {
			cancel()
			for _, c := range ahead { // nothing is left running
				<-c
			}
		}()
		for range lookAhead {
			if err := begin(); err != nil {
				yield(walker.Entry{}, err)
				return
			}
		}
		for len(ahead) > 0 {
			s := <-ahead[0]
			ahead = ahead[1:]
			if err := begin(); err != nil {
				yield(walker.Entry{}, err)
				return
			}
			if goOn := o.tell(ctx, s, yield); !goOn {
				return
			}
		}
	}
}

// tell yields what there is to say of one key, and says whether to go on.
func (o *only) tell(ctx context.Context, s seen, yield func(walker.Entry, error) bool) bool {
	skip := walker.AsSkipped(s.err)
	switch {
	case s.err == nil:
		s.entry.Key = s.key
	case ctx.Err() != nil:
		yield(walker.Entry{}, context.Cause(ctx))
		return false
	case s.listed && o.absent: // the other side tells
		return true
	case skip != nil:
		s.entry = walker.Entry{Key: s.key}
	case !absent(s.err):
		yield(walker.Entry{}, s.err)
		return false
	case o.absent:
		return true
	default:
		s.entry, s.err = walker.Entry{Key: s.key}, lost(s.key, o.why)
	}
	return yield(s.entry, s.err)
}

// readNames reads FilesFrom to its end, and puts its names in order.
func (r *run) readNames(ctx context.Context) error {
	if r.FilesFrom == nil {
		return nil
	}
	read := false
	list := manifest.New(func() (io.ReadCloser, error) {
		if read {
			return nil, errors.New("a list of names can be read once")
		}
		read = true
		return io.NopCloser(&patient{ctx: ctx, from: r.FilesFrom}), nil
	}, manifest.Options{Files: r.src.local()})
	var err error
	r.names, err = sorted.Open(ctx, list, sorted.Options{})
	if bad, ok := errors.AsType[*manifest.LineError](err); ok {
		return usagef("the list of names: %v", bad)
	}
	return err
}

// closeNames removes what readNames has put in order.
func (r *run) closeNames() error {
	if r.names == nil {
		return nil
	}
	if err := r.names.Close(); err != nil {
		return fmt.Errorf("removing the list of names: %w", err)
	}
	return nil
}

// patient reads until ctx ends, however long that what it reads from has nothing.
// A Read that was begun then ends by itself: there is no way to end it.
type patient struct {
	ctx  context.Context
	from io.Reader
	buf  []byte
}

// Read implements io.Reader.
func (p *patient) Read(into []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	if len(p.buf) < len(into) {
		p.buf = make([]byte, len(into))
	}
	buf, done := p.buf[:len(into)], make(chan result, 1)
	go func() {
		n, err := p.from.Read(buf)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(into, buf[:r.n]), r.err
	case <-p.ctx.Done():
		return 0, context.Cause(p.ctx)
	}
}

// keys are those of Only or of FilesFrom that the filters leave, in order.
func (r *run) keys(filter *walker.Filter) func(context.Context) iter.Seq2[string, error] {
	if r.names == nil {
		keys := slices.DeleteFunc(slices.Sorted(slices.Values(r.Only)), func(key string) bool { return !filter.Match(key) })
		keys = slices.Compact(keys)
		return func(context.Context) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				for _, key := range keys {
					if !yield(key, nil) {
						return
					}
				}
			}
		}
	}
	return func(ctx context.Context) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for e, err := range filter.Source(r.names).Walk(ctx) {
				if !yield(e.Key, err) || err != nil && walker.AsSkipped(err) == nil {
					return
				}
			}
		}
	}
}

// onlyAt is the Source of single names at one of the ends of the run; absent is that
// of the type only. What the filters leave out is not looked for.
func (r *run) onlyAt(l Location, follow, absent bool) walker.Source {
	filter := r.filter(l)
	o := &only{keys: r.keys(filter), absent: absent, why: errGone}
	if r.names != nil {
		o.why = errNowhere
	}
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
