package plan_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// window is what Join promises in its comment.
const window = 1024

type outOfOrder struct{ walker.Source }

func (outOfOrder) Ordered() bool { return false }

func scripted(n int, prefix string) script {
	s := make(script, n)
	for i := range s {
		s[i].entry = walker.Entry{Key: fmt.Sprintf("%s%06d", prefix, i), Size: int64(i), ModTime: time.Unix(int64(i), 0)}
	}
	return s
}

func TestUnorderedIsRefused(t *testing.T) {
	s := &counted{Source: scripted(3, "")}
	for _, c := range []struct {
		src, dst walker.Source
		want     []string
	}{
		{outOfOrder{s}, s, []string{"the source"}},
		{s, outOfOrder{s}, []string{"the destination"}},
		{outOfOrder{s}, outOfOrder{s}, []string{"the source", "the destination"}},
	} {
		var steps int
		for _, err := range plan.Join(t.Context(), c.src, c.dst, plan.Options{}) {
			steps++
			if !errors.Is(err, walker.ErrOrder) {
				t.Errorf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not name %q", err, want)
				}
			}
		}
		if steps != 1 {
			t.Errorf("%d steps", steps)
		}
	}
	if n := s.n.Load(); n != 0 {
		t.Errorf("%d entries were read", n)
	}
}

// TestEntriesArePassedOn checks what the golden plans do not show.
func TestEntriesArePassedOn(t *testing.T) {
	s := walker.Entry{Key: "k", Size: 1, ModTime: time.Unix(9, 9), ETag: "s", StorageClass: "c", VersionID: "v", Latest: true}
	d := s
	d.ETag, d.Size = "d", 2
	onlyDst := walker.Entry{Key: "l", Size: 3}
	onlySrc := walker.Entry{Key: "m", Size: 4}
	want := []plan.Action{
		{Op: plan.Transfer, Reason: plan.Size, Key: "k", Src: s, Dst: d},
		{Op: plan.Delete, Reason: plan.Absent, Key: "l", Dst: onlyDst},
		{Op: plan.Transfer, Reason: plan.New, Key: "m", Src: onlySrc},
	}
	var got []plan.Action
	for a, err := range plan.Join(t.Context(), script{{entry: s}, {entry: onlySrc}}, script{{entry: d}, {entry: onlyDst}}, plan.Options{Delete: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, a)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestErrorsSurface lets each side fail at each index. The error has to come
// last, and what came before it has to be the plan of a run without an error.
func TestErrorsSurface(t *testing.T) {
	src, dst := mixed(40, 3), mixed(40, 5)
	full := steps(plan.Join(t.Context(), src, dst, plan.Options{Delete: true}))
	for _, side := range []string{"source", "destination"} {
		n := len(src)
		if side == "destination" {
			n = len(dst)
		}
		for i := range n + 1 {
			s, d := src, dst
			if side == "source" {
				s = s.with(i, errInjected)
			} else {
				d = d.with(i, errInjected)
			}
			var got []string
			var last error
			for a, err := range plan.Join(t.Context(), s, d, plan.Options{Delete: true}) {
				if last != nil {
					t.Fatalf("%s %d: %q came after the error", side, i, formatStep(a, err))
				}
				if err != nil && walker.AsSkipped(err) == nil {
					last = err
					if a != (plan.Action{}) {
						t.Errorf("%s %d: the error came with %+v", side, i, a)
					}
					continue
				}
				got = append(got, formatStep(a, err))
			}
			if !errors.Is(last, errInjected) || !strings.Contains(last.Error(), "reading the "+side+": ") {
				t.Fatalf("%s %d: ended with %v", side, i, last)
			}
			if len(got) > len(full) || !slices.Equal(got, full[:len(got)]) {
				t.Fatalf("%s %d: got %q, want a beginning of %q", side, i, got, full)
			}
		}
	}
}

// mixed is a listing with gaps and skips.
func mixed(n, leave int) script {
	var s script
	for i, st := range scripted(n, "k") {
		switch {
		case i%leave == 0:
			continue
		case i%7 == leave:
			st = step{walker.Entry{Key: st.entry.Key}, &walker.Skipped{Key: st.entry.Key, Err: errors.New("No.")}}
		}
		s = append(s, st)
	}
	return s
}

func steps(seq func(func(plan.Action, error) bool)) []string {
	var out []string
	for a, err := range seq {
		out = append(out, formatStep(a, err))
	}
	return out
}

// TestConsumerStops ends the range at every step: both walks are over when the
// range is.
func TestConsumerStops(t *testing.T) {
	src, dst := mixed(40, 3), mixed(40, 5)
	n := len(steps(plan.Join(t.Context(), src, dst, plan.Options{Delete: true})))
	for i := 1; i <= n; i++ {
		var began, ended atomic.Int64
		watch := func(s script) funcSource {
			return func(ctx context.Context, yield func(walker.Entry, error) bool) {
				began.Add(1)
				defer ended.Add(1)
				for e, err := range s.Walk(ctx) {
					if !yield(e, err) {
						return
					}
				}
				<-ctx.Done() // A side that has more to come, some day.
			}
		}
		// Behind the last step of all, nothing comes from a side like that.
		var got int
		for range plan.Join(t.Context(), watch(append(src, step{entry: walker.Entry{Key: "z"}})), watch(append(dst, step{entry: walker.Entry{Key: "z"}})), plan.Options{Delete: true}) {
			if got++; got == i {
				break
			}
		}
		if got != i || began.Load() != 2 || ended.Load() != 2 {
			t.Errorf("stopped at %d of %d: %d walks began, %d ended", got, i, began.Load(), ended.Load())
		}
	}
}

// TestBackPressure takes one step at a time, and looks how far each side has
// been read when nothing moves any more.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5 * window
		src, dst := &counted{Source: scripted(n, "")}, &counted{Source: scripted(n, "")}
		var taken, least int64 = 0, n
		for _, err := range plan.Join(t.Context(), src, dst, plan.Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			taken++
			synctest.Wait()
			for _, side := range []*counted{src, dst} {
				ahead := side.n.Load() - taken
				// One more is in the hands of the walk.
				if ahead > window+1 {
					t.Fatalf("%d entries ahead of the consumer at %d", ahead, taken)
				}
				if taken+2*window < n {
					least = min(least, ahead)
				}
			}
		}
		if taken != n {
			t.Errorf("%d actions", taken)
		}
		if least < window/4 {
			t.Errorf("only %d entries ahead at one time: the sides do not read ahead", least)
		}
	})
}

// TestSlowSideDoesNotHoldUpTheOther: while one lister hangs, the other side is
// read as far as the window goes; and what can be decided is yielded at once,
// not when a batch is full.
func TestSlowSideDoesNotHoldUpTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast := &counted{Source: scripted(10*window, "m")}
		release := make(chan struct{})
		slow := funcSource(func(_ context.Context, yield func(walker.Entry, error) bool) {
			if !yield(walker.Entry{Key: "a"}, nil) || !yield(walker.Entry{Key: "m000001"}, nil) {
				return
			}
			<-release
			yield(walker.Entry{Key: "z"}, nil)
		})
		var keys []string
		for a, err := range plan.Join(t.Context(), fast, slow, plan.Options{Delete: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if keys = append(keys, a.Key); len(keys) == 3 {
				synctest.Wait()
				if n := fast.n.Load(); n < window/2 {
					t.Errorf("only %d entries were read beside the slow side", n)
				}
				close(release)
			}
		}
		if got := strings.Join(keys[:3], " "); got != "a m000000 m000001" {
			t.Errorf("first came %s", got)
		}
		if len(keys) != 10*window+2 {
			t.Errorf("%d actions", len(keys))
		}
	})
}

func TestCancellation(t *testing.T) {
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var after int
	var last error
	s := scripted(50_000, "")
	for _, err := range plan.Join(ctx, s, s, plan.Options{}) {
		if err != nil {
			last = err
			continue
		}
		if ctx.Err() != nil {
			after++
		}
		cancel(why)
	}
	if !errors.Is(last, context.Canceled) || !errors.Is(last, why) {
		t.Errorf("ended with %v", last)
	}
	if after > window {
		t.Errorf("%d actions after the cancellation", after)
	}
}

// TestSilentCancellation has a Source that ends without its error when it is
// cancelled, just while it is waited for: the rest must not be taken for absent.
func TestSilentCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		src := funcSource(func(_ context.Context, yield func(walker.Entry, error) bool) {
			if yield(walker.Entry{Key: "a"}, nil) {
				synctest.Wait()
				cancel()
			}
		})
		dst := append(script{{entry: walker.Entry{Key: "a"}}}, scripted(10, "b")...)
		var last error
		for a, err := range plan.Join(ctx, src, dst, plan.Options{Delete: true}) {
			last = err
			if a.Op == plan.Delete {
				t.Errorf("delete %s", a.Key)
			}
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("ended with %v", last)
		}
	})
}

// TestTrueErrorBeatsCancellation: one side fails and takes its neighbour down
// with it; the neighbour's end is seen first.
func TestTrueErrorBeatsCancellation(t *testing.T) {
	for _, side := range []string{"source", "destination"} {
		shared, cancel := context.WithCancel(t.Context())
		failing := funcSource(func(_ context.Context, yield func(walker.Entry, error) bool) {
			for _, st := range scripted(window/4, "a") {
				if !yield(st.entry, nil) {
					return
				}
			}
			cancel()
			yield(walker.Entry{}, errInjected)
		})
		victim := funcSource(func(_ context.Context, yield func(walker.Entry, error) bool) {
			<-shared.Done()
			yield(walker.Entry{}, fmt.Errorf("listing: %w", shared.Err()))
		})
		var src, dst walker.Source = failing, victim
		if side == "destination" {
			src, dst = victim, failing
		}
		var last error
		for _, err := range plan.Join(t.Context(), src, dst, plan.Options{Delete: true}) {
			last = err
		}
		if !errors.Is(last, errInjected) || !strings.Contains(last.Error(), "reading the "+side) {
			t.Errorf("the %s failed, and the join ended with %v", side, last)
		}
		cancel()
	}
}

// TestRuns walks the same join twice.
func TestRuns(t *testing.T) {
	seq := plan.Join(t.Context(), mixed(3000, 3), mixed(3000, 5), plan.Options{Delete: true})
	if a, b := steps(seq), steps(seq); !reflect.DeepEqual(a, b) || len(a) < 2000 {
		t.Errorf("the second run gave %d steps, the first %d", len(b), len(a))
	}
}

func TestStrings(t *testing.T) {
	if got := fmt.Sprint(plan.Check, plan.Time, plan.Op(9), plan.Reason(9)); got != "check time Op(9) Reason(9)" {
		t.Error(got)
	}
}

// TestAllocations holds the promise that reading costs none an entry.
func TestAllocations(t *testing.T) {
	src, dst := synthetic(20_000, 3), synthetic(20_000, 5)
	n := testing.AllocsPerRun(3, func() {
		for _, err := range plan.Join(t.Context(), src, dst, plan.Options{Delete: true}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 200 {
		t.Errorf("%v allocations for 20,000 entries a side", n)
	}
}
