package report

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever ends a beat may then take apart what the function uses.
func TestBeatEndWaitsForTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		var ended atomic.Bool
		b := every(time.Second, func() {
			calls.Add(1)
			<-release
		})
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		go func() {
			b.end()
			ended.Store(true)
		}()
		synctest.Wait()
		if calls.Load() != 1 || ended.Load() {
			t.Errorf("%d calls, ended %v while the function runs", calls.Load(), ended.Load())
		}
		close(release)
		synctest.Wait()
		if !ended.Load() {
			t.Error("end has not returned")
		}
		b.end()
		time.Sleep(time.Minute)
		if calls.Load() != 1 {
			t.Errorf("%d calls after the end", calls.Load())
		}
		var none *beat
		none.end()
	})
}
