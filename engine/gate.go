package engine

import (
	"context"
	"strings"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// gate has the attempts of a client take the slots of a pool.
type gate struct{ *pool.Pool }

// Acquire implements wire.Gate.
func (g gate) Acquire(ctx context.Context, a pool.Ask) (wire.Slot, error) {
	s, err := g.Pool.Acquire(ctx, a)
	if err != nil {
		return nil, err // and not an interface that holds nil
	}
	return s, nil
}

// gateOf is the gate for requests to where l is. What is known of the key ranges
// of one store says nothing of a bucket with the same name in another.
func (e *Engine) gateOf(l Location) wire.Gate {
	if e.elsewhere(l) {
		return otherGate{gate{e.pool}}
	}
	return gate{e.pool}
}

// elsewhere says that l is in the other store.
func (e *Engine) elsewhere(l Location) bool { return l.source && e.o.Source.elsewhere() }

// twoStores says that the source is in another store than the destination: that a
// bucket of the same name is another bucket, as far as the endpoints tell. The names
// of buckets are those of all accounts of a partition of AWS, and of all users of
// most other stores.
func (e *Engine) twoStores() bool {
	if !e.o.Source.elsewhere() {
		return false
	}
	if wire.OfAWS(e.source) && wire.OfAWS(e.client) {
		return wire.Partition(e.source) != wire.Partition(e.client)
	}
	from, to := strings.TrimRight(wire.Endpoint(e.source), "/"), strings.TrimRight(wire.Endpoint(e.client), "/")
	return !strings.EqualFold(from, to)
}

// overlap refuses two sides of which one may be written, or removed, while it is
// read: for certain reasons where both are of one store, else for doubtful ones.
func (e *Engine) overlap(src, dst Location, o *RunOptions, moving, deletes bool, certain func() error) error {
	two := e.twoStores()
	if !two {
		if err := certain(); err != nil {
			return err
		}
	}
	if two == (src.bucket == dst.bucket) {
		return o.doubtful(src, dst, moving, deletes)
	}
	return nil
}

// ofSource is a in the other store.
func ofSource(a pool.Ask) pool.Ask {
	a.Space += " of the source"
	return a
}

// otherGate is the gate to the other store.
type otherGate struct{ gate }

// Acquire implements wire.Gate.
func (g otherGate) Acquire(ctx context.Context, a pool.Ask) (wire.Slot, error) {
	return g.gate.Acquire(ctx, ofSource(a))
}
