package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/s3haul/s3haul/engine/pool"
)

// partialError is an answer to a DeleteObjects that is a success, but for keys
// that are worth another attempt.
type partialError struct {
	first     *APIError // of those keys
	keys      int
	throttled int  // of them
	some      bool // the store took other keys
}

func (e *partialError) Error() string { return fmt.Sprintf("%d keys: %v", e.keys, e.first) }

// Unwrap gives the error of the first key: where any was throttled, of that.
func (e *partialError) Unwrap() error { return e.first }

// DeleteObjects sends those keys again, and those alone, that failed for a
// reason that passes.
func (a *attempts) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID, o DeleteOptions) ([]DeleteFailure, error) {
	c := &call{op: "DeleteObjects", paced: pacedBatch}
	about := func(ids []ObjectID) {
		c.size = int64(len(ids))
		c.ask = pool.Ask{Space: bucket, Write: true, Cost: len(ids)}
		if len(ids) > 0 {
			c.ask.Key = ids[0].Key
		}
	}
	about(ids)
	if slices.ContainsFunc(ids, func(id ObjectID) bool { return id.ETag != "" }) {
		c.paced = notPaced // as DeleteObject
	}
	var failed, again []DeleteFailure // for good, and for now; all of them of ids
	_, err := a.do(ctx, c, func(ctx context.Context) error {
		failures, err := a.next.DeleteObjects(ctx, bucket, ids, o)
		if err != nil {
			return err
		}
		if len(failures) == 0 {
			again = nil
			return nil
		}
		var final []DeleteFailure
		final, again = passing(named(ids, failures))
		failed = append(failed, final...)
		if len(again) == 0 {
			return nil
		}
		p := &partialError{first: again[0].Err, keys: len(again), some: len(final)+len(again) < len(ids)}
		for _, f := range again {
			if Classify(f.Err) != Throttle {
				continue
			}
			if p.throttled++; p.throttled == 1 {
				p.first = f.Err
			}
		}
		ids = make([]ObjectID, len(again))
		for i := range again {
			ids[i] = again[i].ObjectID
		}
		about(ids)
		return p
	})
	switch {
	case err == nil && again == nil:
		return failed, nil
	case again != nil: // of all the others it is known what became of them
		var p *partialError
		if !errors.As(err, &p) && ctx.Err() == nil { // why they were not deleted in the end
			for i := range again {
				again[i].Err = &APIError{Op: "DeleteObjects", Code: Code(err), Message: err.Error()}
			}
		}
		return append(failed, again...), nil
	}
	return nil, err
}

// named says of each of ids that failed why it did. Some stores leave the version
// out of a failure: then it may be any of that key. What the store calls by a name
// that was not asked for may be any of those that it does not name.
func named(ids []ObjectID, failures []DeleteFailure) []DeleteFailure {
	type why struct {
		err  *APIError
		used bool
	}
	reasons := make(map[ObjectID]*why, len(failures))
	for _, f := range failures {
		reasons[f.ObjectID] = &why{err: f.Err}
	}
	reason := func(id ObjectID) *why {
		id.ETag = "" // no answer has it
		if w := reasons[id]; w != nil || id.VersionID == "" {
			return w
		}
		return reasons[ObjectID{Key: id.Key}]
	}
	for _, id := range ids {
		if w := reason(id); w != nil {
			w.used = true
		}
	}
	var stray *APIError
	for id, w := range reasons {
		if !w.used {
			e := *w.err
			e.Message = fmt.Sprintf("%s (said of %q, which was not asked for)", e.Message, id.Key)
			stray = &e
		}
	}
	var all []DeleteFailure
	for _, id := range ids {
		if w := reason(id); w != nil {
			all = append(all, DeleteFailure{id, w.err})
		} else if stray != nil {
			all = append(all, DeleteFailure{id, stray})
		}
	}
	return all
}

// passing parts failures into those that are for good and those that are worth
// another attempt.
func passing(all []DeleteFailure) (final, again []DeleteFailure) {
	for _, f := range all {
		if class := Classify(f.Err); class == Throttle || class == Transient {
			again = append(again, f)
		} else {
			final = append(final, f)
		}
	}
	return final, again
}
