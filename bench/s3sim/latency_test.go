package s3sim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseLatency(t *testing.T) {
	for text, want := range map[string]Latency{
		"0s":           {},
		"20ms":         {Median: 20 * time.Millisecond},
		"20ms,p99=1s":  {Median: 20 * time.Millisecond, P99: time.Second},
		"1ms,p99=1ms":  {Median: time.Millisecond, P99: time.Millisecond},
		"1h0m0s":       {Median: time.Hour},
		"1µs,p99=10µs": {Median: time.Microsecond, P99: 10 * time.Microsecond},
	} {
		got, err := ParseLatency(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
		if again, err := ParseLatency(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q and read %v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "20", "-1ms", "20ms,", "20ms,p99=", "20ms,p99=0s", "20ms,p99=10ms", "20ms,p50=1s", "0s,p99=1s"} {
		if got, err := ParseLatency(text); err == nil || !strings.Contains(err.Error(), "latency") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestWaits(t *testing.T) {
	const n = 100_000
	draw := func(seed uint64) []time.Duration {
		w := waits{latency: Latency{Median: 20 * time.Millisecond, P99: 80 * time.Millisecond}, seed: seed}
		all := make([]time.Duration, n)
		for i := range all {
			all[i] = w.next()
		}
		return all
	}
	all := draw(1)
	if !slices.Equal(all, draw(1)) || slices.Equal(all, draw(2)) {
		t.Error("the seed does not decide about the waits")
	}
	slices.Sort(all)
	for at, want := range map[int]time.Duration{n / 2: 20 * time.Millisecond, n * 99 / 100: 80 * time.Millisecond} {
		if got := all[at]; got < want*97/100 || got > want*103/100 {
			t.Errorf("of %d waits, the one at %d is %v, want about %v", n, at, got, want)
		}
	}
	fixed := waits{latency: Latency{Median: time.Second}}
	if a, b := fixed.next(), fixed.next(); a != time.Second || b != time.Second {
		t.Errorf("a fixed latency waits %v, %v", a, b)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := waits{latency: Latency{Median: time.Minute}}
		start := time.Now()
		if err := w.wait(t.Context()); err != nil || time.Since(start) != time.Minute {
			t.Errorf("waited %v, %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		if err := w.wait(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("with a deadline of a second: waited %v, %v", time.Since(start), err)
		}
	})
}
