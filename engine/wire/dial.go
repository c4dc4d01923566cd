package wire

import (
	"context"
	"errors"
	"slices"
)

// errNotNeeded is what a dial ends with that there is no need for. A request
// that gets it after all asks again.
var errNotNeeded = errors.New("there are connections enough")

// permit blocks until a needs one more connection than it has and is making.
//
// http.Transport dials for each request that finds no idle connection, also
// where one is about to be free, and goes on with whichever comes first. Where
// a handshake takes as long as ten requests, that is ten connections for one.
// Any connection serves whoever waits, so that it does no harm to hold a dial.
func (a *address) permit(ctx context.Context) error {
	h := a.host
	h.mu.Lock()
	if a.open+a.dialing < a.inFlight {
		a.dialing++
		h.mu.Unlock()
		return nil
	}
	needed := make(chan bool, 1)
	a.parked = append(a.parked, needed)
	a.settle()
	h.mu.Unlock()
	select {
	case yes := <-needed:
		if yes {
			return nil
		}
		return errNotNeeded
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(a.parked, func(c chan<- bool) bool { return c == needed })
	if at >= 0 {
		a.parked = slices.Delete(a.parked, at, at+1)
	} else if <-needed {
		a.dialing--
		a.settle()
	}
	return ctx.Err()
}

// settle lets the dials go on that are needed now, the newest first, and ends
// the oldest of those that are more than there are requests: theirs have had
// another connection long since. The mutex of the host is held.
func (a *address) settle() {
	for n := len(a.parked); n > 0 && a.open+a.dialing < a.inFlight; n = len(a.parked) {
		a.dialing++
		a.parked[n-1] <- true
		a.parked = a.parked[:n-1]
	}
	for len(a.parked) > a.inFlight {
		a.parked[0] <- false
		a.parked = slices.Delete(a.parked, 0, 1)
	}
}
