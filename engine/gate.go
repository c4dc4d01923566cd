package engine

import (
	"context"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// gate has the attempts of a client take the slots of a pool, which knows
// nothing of S3.
type gate struct{ pool *pool.Pool }

func (g gate) Acquire(ctx context.Context, _ wire.Ask) (wire.Slot, error) {
	if err := g.pool.Acquire(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

func (g gate) Release(wire.Outcome) { g.pool.Release() }
