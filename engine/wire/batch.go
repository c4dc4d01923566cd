package wire

import (
	"context"
	"errors"
	"fmt"

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
func (a *attempts) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID) ([]DeleteFailure, error) {
	c := &call{op: "DeleteObjects", paced: pacedBatch}
	about := func(ids []ObjectID) {
		c.size = int64(len(ids))
		c.ask = pool.Ask{Space: bucket, Write: true, Cost: len(ids)}
		if len(ids) > 0 {
			c.ask.Key = ids[0].Key
		}
	}
	about(ids)
	var failed, again []DeleteFailure // for good, and for now
	_, err := a.do(ctx, c, func(ctx context.Context) error {
		failures, err := a.next.DeleteObjects(ctx, bucket, ids)
		if err != nil {
			return err
		}
		p := &partialError{some: len(failures) < len(ids)}
		again = nil
		for _, f := range failures {
			class := Classify(f.Err)
			if class != Throttle && class != Transient {
				failed = append(failed, f)
				continue
			}
			again = append(again, f)
			if class == Throttle {
				p.throttled++
			}
			if p.first == nil || class == Throttle && p.throttled == 1 {
				p.first = f.Err
			}
		}
		if len(again) == 0 {
			return nil
		}
		p.keys = len(again)
		if ids = named(ids, again); len(ids) == 0 { // it names what it was not asked for
			return nil
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

// named returns those of ids that are among the failures. Some stores leave the
// version out of a failure: then it may be any of that key.
func named(ids []ObjectID, failures []DeleteFailure) []ObjectID {
	among := make(map[ObjectID]bool, len(failures))
	for _, f := range failures {
		among[f.ObjectID] = true
	}
	rest := make([]ObjectID, 0, len(failures))
	for _, id := range ids {
		if among[id] || id.VersionID != "" && among[ObjectID{Key: id.Key}] {
			rest = append(rest, id)
		}
	}
	return rest
}
