package report

import (
	"sync"
	"time"
)

// beat calls a function at an interval, on a goroutine of its own.
type beat struct {
	once sync.Once
	stop chan struct{}
	gone chan struct{}
}

func every(d time.Duration, f func()) *beat {
	b := &beat{stop: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(b.gone)
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-t.C:
				f()
			}
		}
	}()
	return b
}

// end returns when f is not running and will not run again. It must not be
// called with a lock that f takes. A nil beat has ended.
func (b *beat) end() {
	if b == nil {
		return
	}
	b.once.Do(func() { close(b.stop) })
	<-b.gone
}
