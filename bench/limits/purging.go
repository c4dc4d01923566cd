package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// digits are the first of hexadecimal keys: a partition for each.
const digits = "0123456789abcdef"

// purgeScenarios remove every version of a bucket.
func purgeScenarios(scaled func(int) int) []scenario {
	of := func(layout s3sim.Layout, keys int, latency string, sim ...string) errand {
		e := errand{name: "s3haul", latency: latency, sim: sim, purge: true}
		e.keys = s3sim.Synthetic{Bucket: madeUp, Layout: layout, Count: scaled(keys), Size: 1 << 10, Versions: 5}
		e.args = []string{"purge", "s3://" + madeUp, "--yes", "--whole-bucket"}
		return e
	}
	cut := []string{"--writes", fmt.Sprint(writes)}
	for _, digit := range digits[1:] {
		cut = append(cut, "--partition", string(digit))
	}
	return []scenario{
		{"purge", purgedBounds(of(s3sim.LayoutFlat, 100_000, listLatency), new(3.0), new(2.0), nil)},
		{"purge-10m", purgedBounds(of(s3sim.LayoutFlat, 2_000_000, ""), nil, nil, new(float64(mostMemory)))},
		{"purge-partitions", purgedPartitions(of(s3sim.LayoutHex, 100_000, throttledLatency, cut...))},
	}
}

// purgedBounds has bounds of wall and processor time in seconds and of memory in
// MiB; nil asks for nothing.
func purgedBounds(e errand, wallBound, cpuBound, memoryBound *float64) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []errand{e})
		if err != nil {
			return nil, err
		}
		outs := all[0]
		count := func(of func(outcome) int64) float64 {
			return median(outs, func(o outcome) float64 { return float64(of(o)) })
		}
		return []figure{
			{
				what: "wall s", ours: median(outs, wall), bound: wallBound,
				note: fmt.Sprintf("%d versions of %d keys; %.0f requests that list, %.0f that remove", e.keys.Count*e.keys.Versions, e.keys.Count, count(outcome.lists), count(outcome.deletes)),
			},
			{what: "CPU s", ours: median(outs, outcome.cpu), bound: cpuBound, note: simulatorCPU(outs)},
			{what: "peak RSS MiB", ours: most(outs, outcome.mebibytes), bound: memoryBound},
		}, nil
	}
}

// purgedPartitions holds the rate of removals against what all partitions let
// through together.
func purgedPartitions(e errand) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []errand{e})
		if err != nil {
			return nil, err
		}
		versions := float64(e.keys.Count * e.keys.Versions)
		var errs []error
		rate := median(all[0], func(o outcome) float64 {
			took, err := busy(o.stats.Partitions)
			errs = append(errs, err)
			return versions / max(took.Seconds(), 1e-3)
		})
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		refused := func(o outcome) float64 {
			return float64(o.stats.ThrottledKeys) / (versions + float64(o.stats.ThrottledKeys))
		}
		allowed := float64(len(digits) * writes)
		return []figure{
			{
				what: "versions a second, from the first request to the last", ours: rate,
				against: fmt.Sprintf("%d partitions of %d", len(digits), writes), theirs: allowed, bound: new(0.85), atLeast: true,
				note: fmt.Sprintf("%.0f versions, none left", versions),
			},
			{what: "share of refused keys", ours: median(all[0], refused)},
			{what: "wall s", ours: median(all[0], wall), against: fmt.Sprintf("%.0f a second", allowed), theirs: versions / allowed, ourCPU: median(all[0], outcome.cpu), note: simulatorCPU(all[0])},
		}, nil
	}
}

// busy is how long the partitions of the bucket had something to do.
func busy(all []s3sim.PartitionStats) (time.Duration, error) {
	var first, last time.Time
	for _, p := range all {
		if p.Bucket != madeUp || p.Accepted == 0 {
			continue
		}
		if first.IsZero() || p.First.Before(first) {
			first = p.First
		}
		if p.Last.After(last) {
			last = p.Last
		}
	}
	if first.IsZero() {
		return 0, errors.New("no partition had anything to do")
	}
	return last.Sub(first), nil
}
