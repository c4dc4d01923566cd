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
