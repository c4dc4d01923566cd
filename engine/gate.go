package engine

import (
	"context"

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
