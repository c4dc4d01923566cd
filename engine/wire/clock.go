package wire

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clockKept is for how long what a Date has told of the store's clock is good:
// clocks drift slowly, and a Date costs a microsecond to read.
const clockKept = time.Minute

// clock is what is known of the store's clock.
type clock struct {
	began time.Time    // what until counts from, since our own clock may be set meanwhile
	until atomic.Int64 // nanoseconds for which ahead is good; 0: nothing is known
	ahead atomic.Int64 // nanoseconds
}

// see takes in the Date of an answer, where none was for a minute.
func (c *clock) see(resp *http.Response) {
	now := time.Now()
	at := int64(now.Sub(c.began))
	if at < c.until.Load() || resp.Header["Age"] != nil { // a cache's Date is as old as its answer
		return
	}
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	c.ahead.Store(int64(there.Sub(now)))
	c.until.Store(at + int64(clockKept))
}

// Ahead says how far the clock of the store is ahead of ours, by the Date of one
// of its answers in the last minute of traffic; negative where it is behind.
// known is false where no answer has told yet. A Date has whole seconds, and was
// written before it came: the result is never more than the truth, and less by up
// to a second and the time that the answer was on its way. c is what New or
// Attempts returned, or has an Unwrap that gives it; of any other client nothing
// is known.
func Ahead(c Client) (ahead time.Duration, known bool) {
	switch c := c.(type) {
	case interface {
		clockAhead() (time.Duration, bool)
	}:
		return c.clockAhead()
	case interface{ Unwrap() Client }:
		return Ahead(c.Unwrap())
	}
	return 0, false
}

func (a *attempts) clockAhead() (time.Duration, bool) { return Ahead(a.next) }

func (c *sdk) clockAhead() (time.Duration, bool) {
	b, ok := c.http.Transport.(*balancer)
	if !ok || b.clock.until.Load() == 0 {
		return 0, false
	}
	return time.Duration(b.clock.ahead.Load()), true
}
