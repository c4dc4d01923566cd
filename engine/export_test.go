package engine

import (
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

// Impatient has an outage of the store fail what is under way after d, and what
// the store throttles for so long.
func (e *Engine) Impatient(d time.Duration) { e.outage, e.patience = d, d }

// PoolStats shows what the engine has in use.
func (e *Engine) PoolStats() pool.Stats { return e.pool.Stats() }
