package engine

import (
	"time"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// Impatient has an outage of the store fail what is under way after d, and what
// the store throttles for so long.
func (e *Engine) Impatient(d time.Duration) { e.outage, e.patience = d, d }

// PoolStats shows what the engine has in use.
func (e *Engine) PoolStats() pool.Stats { return e.pool.Stats() }

// SetFault has fault asked before each operation on the local file system; it is
// that of transfer.Options.
func (e *Engine) SetFault(fault func(op, name string) error) { e.fault = fault }

// SetFoldsCase has every directory tell upper case from lower case, or not.
func (e *Engine) SetFoldsCase(folds bool) {
	e.foldsCase = func(string) (bool, error) { return folds, nil }
}

// CopiedWhole has SetClass copy in parts what is larger than n bytes.
func (e *Engine) CopiedWhole(n int64) { e.copiedWhole = n }

// Wrap puts a decorator around the client, inside of retries and slots. One that
// has an Unwrap hides nothing of it.
func (e *Engine) Wrap(f func(wire.Client) wire.Client) { e.client = f(e.client) }

// OneStore has the source read by the client of the destination, decorators and all.
func (e *Engine) OneStore() { e.source = e.client }

// Hurried has requests wait d at most until they are sent again.
func (e *Engine) Hurried(d time.Duration) { e.backoff = d }
