package pool

// Ask says what an attempt is about.
type Ask struct {
	// Space is what keys are in: a bucket. Reads and writes of one are two.
	Space string
	Write bool
	// Key is where in it, as the store orders its keys by bytes.
	Key string
	// First is for what brings work to others, a page of a listing: it does not
	// wait for the turn of a throttled range behind them, but is counted.
	First bool
	// Cost is how many requests the store counts; 0 means 1.
	Cost int
}

// Outcome is how an attempt ended.
type Outcome struct {
	Verdict Verdict
	// Bytes is what moved.
	Bytes int64
	// Refused is how many of Cost were refused for going too fast, where others
	// were taken.
	Refused int
}

// Verdict is what an attempt says about the store.
type Verdict int

const (
	// Answered says that the store did its work.
	Answered Verdict = iota
	// Throttled says that it asked to be sent less.
	Throttled
	// Failed says that it broke.
	Failed
	// Dropped says that the caller gave up, which tells nothing.
	Dropped
)
