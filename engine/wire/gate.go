package wire

import "context"

// Gate hands out slots. One slot is held by one attempt of one request, never
// across another Acquire; it is taken before the request is signed, since a
// signature that waits grows old.
type Gate interface {
	// Acquire blocks until the attempt that ask describes may begin, or ctx
	// ends. The caller owes the Slot one Release.
	Acquire(ctx context.Context, ask Ask) (Slot, error)
}

// Slot is the right to have one attempt under way.
type Slot interface {
	// Release gives the slot back and says how the attempt ended. It is called
	// once.
	Release(Outcome)
}

// Ask says what an attempt is about, so that throttling can be known by key range.
type Ask struct {
	// Bucket and Key are where in the store; Key is that of the object, the
	// first of a batch, the prefix or start of a listing, or empty.
	Bucket, Key string
	// Write says that the store counts the request against its write rate
	// (PUT, COPY, POST, DELETE), not against that of reads (GET, HEAD, lists).
	Write bool
	// Cost is how many requests the store counts: the keys of a DeleteObjects
	// (https://issues.apache.org/jira/browse/HADOOP-16823), else 1.
	Cost int
}

// Outcome is how an attempt ended.
type Outcome struct {
	Verdict Verdict
	// Bytes is what moved of the body, in bytes.
	Bytes int64
	// Throttled is how many of Ask.Cost the store refused for going too fast,
	// where it took others: the keys of a batch that failed with SlowDown.
	Throttled int
}

// Verdict is what an attempt says about the store.
type Verdict int

const (
	// Answered: the store did its work, be the answer yes or no.
	Answered Verdict = iota
	// Throttled: it asked to be sent less (SlowDown, 503, 429).
	Throttled
	// Failed: a broken connection, a time-out, another 5xx.
	Failed
	// Dropped: the caller gave up, which says nothing.
	Dropped
)
