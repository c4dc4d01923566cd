package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
)

const (
	limitedTo  = 20 << 20 // bytes a second
	rateWindow = 5 * time.Second
	rateSettle = time.Second // is not looked at
)

// limitRate looks how far the bytes in any window of five seconds are from what
// --limit-rate allows.
func limitRate(set set, up bool) func(context.Context, *bench) ([]figure, error) {
	t := trial{name: "s3haul", set: set, up: up, flags: []string{"--limit-rate", "20M"}, sim: []string{"--send-buffer", "64KiB"}}
	if !up {
		// The simulator counts what it could write, and the buffers of the sockets
		// hold up to a MiB for each connection that the client has not read: with
		// many parts at a time that is more than the bound.
		t.flags = append(t.flags, "--concurrency", "2")
	}
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []trial{t})
		if err != nil {
			return nil, err
		}
		var errs []error
		off := median(all[0], func(o outcome) float64 {
			least, most, err := rates(o.timeline.Moments, up)
			errs = append(errs, err)
			return max(math.Abs(1-least), math.Abs(most-1))
		})
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		least, most, _ := rates(all[0][len(all[0])-1].timeline.Moments, up)
		return []figure{
			{what: "farthest from the rate in 5 s, share", ours: off, bound: new(0.05), note: fmt.Sprintf("%.3f to %.3f of it in the last round", least, most)},
			{what: "wall s", ours: median(all[0], wall), against: "20 MiB a second", theirs: float64(set.size) / limitedTo, ourCPU: median(all[0], outcome.cpu)},
		}, nil
	}
}

// rates are the least and the most bytes of any window, as shares of what the
// limit allows.
func rates(moments []s3sim.Moment, up bool) (least, most float64, err error) {
	var bytes []int64
	end := 0 // of the last moment that something moved in; it is a part of one only
	for i, m := range moments {
		n := m.BytesOut
		if up {
			n = m.BytesIn
		}
		if n > 0 {
			end = i
		}
		bytes = append(bytes, n)
	}
	begin := 0
	for begin < end && bytes[begin] == 0 {
		begin++
	}
	begin += int(rateSettle / s3sim.TimelineStep)
	const window = int(rateWindow / s3sim.TimelineStep)
	least = math.Inf(1)
	for i := begin; i+window <= end; i++ {
		var sum int64
		for _, n := range bytes[i : i+window] {
			sum += n
		}
		share := float64(sum) / (limitedTo * rateWindow.Seconds())
		least, most = min(least, share), max(most, share)
	}
	if most == 0 {
		return 0, 0, fmt.Errorf("the run moved bytes for %v, which is less than a window", time.Duration(end)*s3sim.TimelineStep)
	}
	return least, most, nil
}
