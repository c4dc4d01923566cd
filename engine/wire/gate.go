package wire

import (
	"context"

	"github.com/s3haul/s3haul/engine/pool"
)

// Gate hands out slots, as [pool.Pool] does. One slot is held by one attempt of
// one request, never across another Acquire; it is taken before the request is
// signed, since a signature that waits grows old.
type Gate interface {
	// Acquire blocks until the attempt that ask describes may begin, or ctx
	// ends. The Space of an ask is the bucket, its Key that of the object, the
	// first of a batch, the prefix or start of a listing, or empty. Writes are
	// PUT, COPY, POST and DELETE, and cost the keys of a DeleteObjects
	// (https://issues.apache.org/jira/browse/HADOOP-16823), else 1. The caller
	// owes the Slot one Release.
	Acquire(ctx context.Context, ask pool.Ask) (Slot, error)
}

// Slot is the right to have one attempt under way.
type Slot interface {
	// Release gives the slot back and says how the attempt ended: what was
	// refused of an answer that took the rest are the keys of a batch that
	// failed with SlowDown. It is called once.
	Release(pool.Outcome)
}
