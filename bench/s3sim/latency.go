package s3sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// Conditions are what lies between a client and its store. The zero value adds
// nothing.
type Conditions struct {
	// Latency is waited before each request is looked at.
	Latency Latency
	// Bandwidth is the most bytes a second of each connection, in each of its
	// directions, as bytes on the wire; 0 is no limit. It holds on what
	// [Server.Listen] serves.
	Bandwidth int64
	// SendBuffer is how many bytes of an answer the system takes ahead of the
	// client on each connection; 0 is its own choice, which is megabytes. With a
	// small one the bytes of a Timeline are near to what clients have read. It
	// holds on what [Server.Listen] serves.
	SendBuffer int
	// Partitions are the ranges of keys that each bucket has, in order, the first
	// one from ""; nil is a store without rates.
	Partitions []Partition
	// SplitAfter is how long a partition has to be hot before it is cut in two at
	// the median of the keys that it saw meanwhile, each half with the full rates;
	// 0 is never. It is hot while it refuses one request of 100, or works at nine
	// tenths of a rate.
	SplitAfter time.Duration
	// Faults are looked at in order; of those that are due, the first happens. A
	// request that a fault keeps from being carried out asks no partition.
	Faults []Fault
	// HTTP2 offers h2 beside HTTP/1.1 over TLS, on what [Server.Listen] serves.
	HTTP2 bool
}

// Latency is a distribution of waits. The zero value does not wait.
type Latency struct {
	// Median is what half of the waits stay below.
	Median time.Duration
	// P99 is what 99 of 100 waits stay below, in a log-normal distribution; 0
	// makes every wait the median.
	P99 time.Duration
}

// ParseLatency reads "20ms", or "20ms,p99=80ms".
func ParseLatency(text string) (Latency, error) {
	median, tail, more := strings.Cut(text, ",")
	var (
		l   Latency
		err error
	)
	if l.Median, err = time.ParseDuration(median); err != nil {
		return Latency{}, fmt.Errorf("latency %q: %w", text, err)
	}
	if more {
		value, ok := strings.CutPrefix(tail, "p99=")
		if !ok {
			return Latency{}, fmt.Errorf("latency %q: write it as 20ms or 20ms,p99=80ms", text)
		}
		if l.P99, err = time.ParseDuration(value); err != nil {
			return Latency{}, fmt.Errorf("latency %q: p99: %w", text, err)
		}
		if l.P99 == 0 {
			return Latency{}, fmt.Errorf("latency %q: a p99 of nothing", text)
		}
	}
	if err := l.Validate(); err != nil {
		return Latency{}, fmt.Errorf("latency %q: %w", text, err)
	}
	return l, nil
}

// Validate says what is wrong with l, or nil.
func (l Latency) Validate() error {
	if l.Median < 0 || l.P99 < 0 {
		return errors.New("a negative latency")
	}
	if l.P99 != 0 && (l.P99 < l.Median || l.Median == 0) {
		return fmt.Errorf("a p99 of %v needs a median above zero and at most as long, not %v", l.P99, l.Median)
	}
	return nil
}

// String is the text that ParseLatency reads.
func (l Latency) String() string {
	if l.P99 == 0 {
		return l.Median.String()
	}
	return l.Median.String() + ",p99=" + l.P99.String()
}

// at is the wait at a quantile u, above 0 and below 1.
func (l Latency) at(u float64) time.Duration {
	if l.P99 == 0 {
		return l.Median
	}
	normal := func(u float64) float64 { return math.Sqrt2 * math.Erfinv(2*u-1) }
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / normal(0.99)
	return time.Duration(float64(l.Median) * math.Exp(sigma*normal(u)))
}

// waits draws waits from a latency. The n-th is the same for the same seed,
// whichever request gets it.
type waits struct {
	latency Latency
	seed    uint64
	drawn   atomic.Uint64
}

func (w *waits) next() time.Duration {
	x := mix(w.seed ^ mix(w.drawn.Add(1)))
	return w.latency.at((float64(x>>11) + 0.5) / (1 << 53))
}

// wait ends after the next wait, or with the context's error.
func (w *waits) wait(ctx context.Context) error {
	d := w.next()
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
