package wire_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/wire"
)

// What a store's answers say of its clock is known of either client, through
// Attempts as well; what says nothing changes nothing.
func TestAhead(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		var ahead atomic.Int64
		var age atomic.Bool
		date := func(h http.Header) string {
			if age.Load() {
				h.Set("Age", "3")
			}
			return time.Now().Add(time.Duration(ahead.Load())).UTC().Format(http.TimeFormat)
		}
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil // net/http sets none then
			if ahead.Load() != 0 {
				w.Header().Set("Date", date(w.Header()))
			}
		}).plain()
		plain := f.client(t, sdk)
		c := wire.Attempts(plain, freeGate{}, wire.Policy{})
		ask := func() { must(t, c.HeadBucket(t.Context(), "b")) }
		ask()
		if got, known := wire.Ahead(c); known || got != 0 {
			t.Errorf("without a Date: %v, %v", got, known)
		}
		ahead.Store(int64(7 * time.Hour))
		age.Store(true)
		ask()
		if got, known := wire.Ahead(c); known {
			t.Errorf("by a cache: %v", got)
		}
		age.Store(false)
		before := time.Now()
		ask()
		least := 7*time.Hour - time.Second - time.Since(before)
		for _, c := range []wire.Client{c, plain} {
			if got, known := wire.Ahead(c); !known || got > 7*time.Hour || got < least {
				t.Errorf("%v, %v; want %v to 7h", got, known, least)
			}
		}
		first, _ := wire.Ahead(c)
		ahead.Store(int64(-7 * time.Hour))
		ask() // within the minute: it is not read again
		if again, _ := wire.Ahead(c); again != first {
			t.Errorf("read again: %v after %v", again, first)
		}
	})
	if _, known := wire.Ahead(nil); known {
		t.Error("known of no client")
	}
}
