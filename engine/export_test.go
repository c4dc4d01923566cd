package engine

import "github.com/s3haul/s3haul/engine/pool"

// PoolStats shows what the engine has in use.
func (e *Engine) PoolStats() pool.Stats { return e.pool.Stats() }
