package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
)

// A storm of SlowDown is waited out, however many there are; not for ever.
func TestThrottlingIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := &scripted{answer: func(*try) (any, error) {
			if time.Since(began) < 8*time.Minute {
				return nil, answered(503, "SlowDown")
			}
			return nil, nil
		}}
		gate := newOutcomes(1)
		if err := putSmall(Attempts(store, gate, Policy{})); err != nil {
			t.Fatal(err)
		}
		v := gate.verdicts()
		if n := len(v); n < 50 || v[0] != pool.Throttled || v[n-1] != pool.Answered {
			t.Errorf("verdicts %v", v)
		}
		store.answer = func(*try) (any, error) { return nil, answered(503, "SlowDown") }
		began = time.Now()
		err := putSmall(Attempts(store, gate, Policy{}))
		if took := time.Since(began); Code(err) != "SlowDown" || took < 10*time.Minute || took > 10*time.Minute+10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		gate.idle(t)
	})
}

// A gateway that has never had a store behind it is not waited for.
func TestPlain503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &scripted{answer: func(*try) (any, error) { return nil, answered(503, "ServiceUnavailable") }}
		if err := putSmall(Attempts(store, newGate(1), Policy{})); Code(err) != "ServiceUnavailable" || store.asked() != 5 {
			t.Errorf("%d attempts: %v", store.asked(), err)
		}
	})
}

// An outage fails nothing, and the store is asked about once a second while it
// lasts; one that does not end fails all, after so long.
func TestOutage(t *testing.T) {
	for _, q := range []struct {
		lasts time.Duration
		fails bool
	}{{2 * time.Minute, false}, {time.Hour, true}} {
		t.Run(fmt.Sprint(q.lasts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				refused := unsent(syscall.ECONNREFUSED)
				var down time.Time
				var during atomic.Int64
				store := &scripted{answer: func(*try) (any, error) {
					if !down.IsZero() && time.Since(down) < q.lasts {
						during.Add(1)
						return nil, refused
					}
					return nil, nil
				}}
				c := Attempts(store, newGate(64), Policy{})
				if err := putSmall(c); err != nil {
					t.Fatal(err)
				}
				down = time.Now()
				var all sync.WaitGroup
				var failed atomic.Int64
				for range 100 {
					all.Go(func() {
						if err := putSmall(c); err != nil {
							if !errors.Is(err, syscall.ECONNREFUSED) {
								t.Error(err)
							}
							failed.Add(1)
						}
					})
				}
				all.Wait()
				took := time.Since(down)
				if !q.fails && (failed.Load() != 0 || took > q.lasts+time.Minute || during.Load() > 100+100+int64(q.lasts.Seconds())) {
					t.Errorf("%d of 100 failed, %d requests during the outage, %v", failed.Load(), during.Load(), took)
				}
				if q.fails && (failed.Load() != 100 || took < 3*time.Minute || took > 5*time.Minute) {
					t.Errorf("%d of 100 failed after %v", failed.Load(), took)
				}
			})
		})
	}
}

// Where nothing has ever answered, all fail soon.
func TestWrongEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &scripted{answer: func(*try) (any, error) { return nil, unsent(syscall.ECONNREFUSED) }}
		c := Attempts(store, newGate(64), Policy{})
		began := time.Now()
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() {
				if err := putSmall(c); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 3*time.Second || store.asked() > 500+retryBudget+3 {
			t.Errorf("%d requests in %v", store.asked(), took)
		}
	})
}

// Retries cost, answers earn, and what is not there comes one a second.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHost()
		h.ended(pool.Answered)
		began := time.Now()
		take := func(want time.Duration) {
			t.Helper()
			before := time.Since(began)
			if !h.take(t.Context(), time.Minute) {
				t.Fatal("no retry")
			}
			if took := time.Since(began) - before; took < want || took > want+10*time.Millisecond {
				t.Errorf("a retry after %v, want %v", took, want)
			}
		}
		for range retryBudget {
			take(0)
		}
		take(time.Second)
		take(time.Second)
		for range 5 {
			h.ended(pool.Answered)
		}
		take(0)
		// One that waits has it as soon as it is earned.
		var waited sync.WaitGroup
		waited.Go(func() { take(200 * time.Millisecond) })
		time.Sleep(200 * time.Millisecond)
		for range 5 {
			h.ended(pool.Answered)
		}
		waited.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		for h.tokens >= 1 {
			take(0)
		}
		cancel()
		if h.take(ctx, time.Minute) {
			t.Error("a retry for one who has gone")
		}
	})
}

// The keys of a batch that are worth it are sent again, with their versions,
// and no others.
func TestBatchKeysAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := func(k, v string) ObjectID { return ObjectID{Key: k, VersionID: v} }
		fail := func(id ObjectID, code string) DeleteFailure {
			return DeleteFailure{ObjectID: id, Err: &APIError{Op: "DeleteObjects", Code: code}}
		}
		script := [][]DeleteFailure{
			{fail(id("a", "1"), "SlowDown"), fail(id("b", "1"), "AccessDenied"), fail(id("c", "1"), "InternalError"), fail(id("d", ""), "ServiceUnavailable")},
			{fail(id("c", ""), "SlowDown"), fail(id("a", "1"), "AccessDenied")}, // without the version
			nil,
		}
		var asked []string
		store := &scripted{answer: func(try *try) (any, error) {
			asked = append(asked, fmt.Sprint(try.in))
			return &script[try.n-1], nil
		}}
		gate := newOutcomes(1)
		var told []string
		c := Attempts(store, gate, Policy{OnRetry: func(_ string, err error) { told = append(told, Code(err)) }})
		failed, err := c.DeleteObjects(t.Context(), "bucket", []ObjectID{id("0", ""), id("a", "1"), id("a", "2"), id("b", "1"), id("c", "1"), id("d", "")}, DeleteOptions{})
		if err != nil || fmt.Sprint(failed[0].ObjectID, failed[1].ObjectID, len(failed)) != "{b 1 } {a 1 } 2" {
			t.Errorf("%v, %v", failed, err)
		}
		if got, want := strings.Join(asked, " "), "[{0  } {a 1 } {a 2 } {b 1 } {c 1 } {d  }] [{a 1 } {c 1 } {d  }] [{c 1 }]"; got != want {
			t.Errorf("asked\n%s, want\n%s", got, want)
		}
		if got, want := fmt.Sprint(gate.asks), "[{bucket true 0 false 6} {bucket true a false 3} {bucket true c false 1}]"; got != want {
			t.Errorf("slots\n%s, want\n%s", got, want)
		}
		if got, want := fmt.Sprint(gate.all), "[{0 0 2} {0 0 1} {0 0 0}]"; got != want {
			t.Errorf("outcomes\n%s, want\n%s", got, want)
		}
		if got := fmt.Sprint(told); got != "[SlowDown SlowDown]" {
			t.Errorf("told of %s", got)
		}

		// What can be said of each key is said, also where the end is an error.
		again := []DeleteFailure{fail(id("a", ""), "InternalError")}
		store = &scripted{answer: func(try *try) (any, error) {
			if try.n == 1 {
				return &again, nil
			}
			return nil, answered(403, "AccessDenied")
		}}
		failed, err = Attempts(store, gate, Policy{}).DeleteObjects(t.Context(), "bucket", []ObjectID{id("a", ""), id("b", "")}, DeleteOptions{})
		if err != nil || len(failed) != 1 || failed[0].Key != "a" || store.asked() != 2 {
			t.Errorf("%v, %v", failed, err)
		}
		// All of them fail, each time.
		store = &scripted{answer: func(*try) (any, error) { return &again, nil }}
		failed, err = Attempts(store, gate, Policy{}).DeleteObjects(t.Context(), "bucket", []ObjectID{id("a", "")}, DeleteOptions{})
		if err != nil || len(failed) != 1 || failed[0].Err.Code != "InternalError" || store.asked() != 5 {
			t.Errorf("after %d: %v, %v", store.asked(), failed, err)
		}
		gate.idle(t)
	})
}

// A body that is asked for again has the budget of a request.
func TestRetriesOfABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told int
		r := Policy{OnRetry: func(string, error) { told++ }}.Retries()
		broken := errors.New("it differs")
		for range 4 {
			if !r.Again(t.Context(), "GetObject", Damaged, broken) {
				t.Fatal("too few attempts")
			}
		}
		if r.Again(t.Context(), "GetObject", Damaged, broken) || told != 4 {
			t.Errorf("too many attempts; told %d times", told)
		}
		if (Policy{}).Retries().Again(t.Context(), "GetObject", Final, broken) {
			t.Error("what is final was sent again")
		}
	})
}

// What an attempt is about goes to the gate.
func TestAsks(t *testing.T) {
	store := &scripted{answer: func(try *try) (any, error) {
		if _, ok := try.in.(*s3.GetObjectInput); ok {
			return object("content"), nil
		}
		return nil, nil
	}}
	gate := newOutcomes(1)
	c := Attempts(store, gate, Policy{})
	for _, do := range []func(Client) error{putSmall, getSmall} {
		if err := do(c); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := fmt.Sprint(gate.asks), "[{b true k false 1} {b false k false 1}]"; got != want {
		t.Errorf("slots %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(gate.all), "[{0 1 0} {0 7 0}]"; got != want {
		t.Errorf("outcomes %s, want %s", got, want)
	}
}
