package remove

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// basePause and longestPause bound the time until a throttled batch comes
	// again, drawn evenly up to basePause doubled each time: the pool's rates do
	// the rest, where it has them.
	basePause, longestPause = 50 * time.Millisecond, 5 * time.Second
	// mostDoubled is after how many times it is not doubled any more.
	mostDoubled = 7
)

// send sends one batch, and tells done of all of it that is not sent again.
func (r *Remover[T]) send(ctx context.Context, b *batch[T]) {
	if r.o.Late() {
		r.failed(b, ErrLate)
		return
	}
	if b.single {
		err := r.o.Client.DeleteObject(ctx, r.o.Bucket, b.ids[0], r.o.Delete)
		if err != nil && !gone(err) {
			r.failed(b, err)
			return
		}
		r.done(Outcome[T]{IDs: b.ids, Tags: b.tags})
		return
	}
	failures, err := r.o.Client.DeleteObjects(ctx, r.o.Bucket, b.ids, r.o.Delete)
	switch {
	case err != nil:
		r.broken(ctx, b, err)
	case len(failures) == 0:
		r.size.clean(len(b.ids), b.throttled > 0)
		r.done(Outcome[T]{IDs: b.ids, Tags: b.tags})
	default:
		r.partly(ctx, b, failures)
	}
}

// gone says that there is nothing to delete. S3 calls that a success; versitygw
// does not where somebody else was first.
func gone(err error) bool {
	switch wire.Code(err) {
	case "NoSuchKey", "NoSuchVersion":
		return true
	}
	return false
}

// failed tells of a batch of which nothing was deleted.
func (r *Remover[T]) failed(b *batch[T], err error) {
	errs := make([]error, len(b.ids))
	for i := range errs {
		errs[i] = err
	}
	r.done(Outcome[T]{IDs: b.ids, Tags: b.tags, Errs: errs})
}

// broken is for a batch of which nothing is known but err: it is sent again
// where that may help.
func (r *Remover[T]) broken(ctx context.Context, b *batch[T], err error) {
	if ctx.Err() != nil {
		r.failed(b, err)
		return
	}
	switch wire.Classify(err) {
	case wire.Throttle:
		if r.patient(b) {
			r.size.refused(len(b.ids))
			r.again(b, err)
			return
		}
	case wire.Transient:
		// The client has tried the whole of it several times: it may be too much
		// for the store, or one of its keys is.
		if r.size.broken(len(b.ids)) {
			n := len(b.ids) / 2
			r.o.Retried(err)
			upper := *b
			upper.ids, upper.tags = b.ids[n:], b.tags[n:]
			b.ids, b.tags = b.ids[:n:n], b.tags[:n:n]
			r.push(b, &upper)
			return
		}
	}
	r.failed(b, err)
}

// patient says whether a throttled batch may come again.
func (r *Remover[T]) patient(b *batch[T]) bool {
	if r.o.Patience <= 0 {
		return false
	}
	if b.throttled == 0 {
		b.since = time.Now()
	}
	b.throttled++
	return time.Since(b.since) < r.o.Patience
}

// again sends b again when its time has come.
func (r *Remover[T]) again(b *batch[T], err error) {
	r.o.Retried(err)
	pause := min(basePause<<min(b.throttled-1, mostDoubled), longestPause)
	r.mu.Lock()
	r.under++
	r.mu.Unlock()
	time.AfterFunc(rand.N(pause), func() {
		r.mu.Lock()
		r.under--
		r.ready = append(r.ready, b)
		r.mu.Unlock()
		r.wake()
	})
}

// partly is for an answer that names some keys that were not deleted. Those
// that were throttled come again.
func (r *Remover[T]) partly(ctx context.Context, b *batch[T], failures []wire.DeleteFailure) {
	why := make(map[wire.ObjectID]*wire.APIError, len(failures))
	for i := range failures {
		why[failures[i].ObjectID] = failures[i].Err
	}
	var first error // of the throttled ones
	again := &batch[T]{throttled: b.throttled, since: b.since}
	mayAgain := ctx.Err() == nil
	out := Outcome[T]{IDs: b.ids[:0:0], Tags: b.tags[:0:0]}
	for i, id := range b.ids {
		err, told := why[id]
		if !told && id.VersionID != "" {
			// Some stores leave the version out of the failure. What may be
			// there still is not called deleted.
			err = why[wire.ObjectID{Key: id.Key}]
		}
		if err != nil && gone(err) {
			err = nil
		}
		if err != nil && mayAgain && wire.Classify(err) == wire.Throttle {
			if first == nil {
				first = err
				if len(failures) < len(b.ids) { // it shrinks: it is not given up
					again.throttled = 0
				}
				mayAgain = r.patient(again)
			}
			if mayAgain {
				again.ids, again.tags = append(again.ids, id), append(again.tags, b.tags[i])
				continue
			}
		}
		out.IDs, out.Tags = append(out.IDs, id), append(out.Tags, b.tags[i])
		if err == nil {
			out.Errs = append(out.Errs, nil) // and not an interface that holds nil
			continue
		}
		out.Errs = append(out.Errs, err)
	}
	if first == nil {
		r.size.clean(len(b.ids), false)
	} else {
		r.size.refused(len(b.ids))
	}
	if len(out.IDs) > 0 {
		r.done(out)
	}
	if len(again.ids) > 0 {
		r.again(again, first)
	}
}
