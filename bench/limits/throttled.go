package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// What a partition takes a second in the throttled scenarios: a tenth of S3's.
const (
	writes = 350
	reads  = 550
	parts  = 4

	// throttledLatency is about S3's: an answer that refuses takes as long as another.
	throttledLatency = "20ms"
)

// throttledScenarios are of so many objects, spread evenly over partitions by
// the order of their keys.
func throttledScenarios(count int) []scenario {
	set := dirs(count, 4<<10)
	flags := []string{"--writes", fmt.Sprint(writes), "--reads", fmt.Sprint(reads)}
	for i := 1; i < parts; i++ {
		flags = append(flags, "--partition", set.keys[i*len(set.keys)/parts])
	}
	one := dirs((count+parts-1)/parts, 4<<10)
	up := trial{name: "s3haul", set: set, up: true, latency: throttledLatency, sim: flags, mayLose: true}
	down := up
	down.up = false
	single := up
	single.set, single.sim = one, flags[:4]
	split := up
	split.sim = append(append([]string{}, flags[:4]...), "--split-after", "2s")
	return []scenario{
		{"throttled-up", throttled("throttled-up", up, parts*writes)},
		{"throttled-down", throttled("throttled-down", down, parts*reads)},
		{"throttled-one", throttled("throttled-one", single, writes)},
		{"throttled-split", throttled("throttled-split", split, 0)},
	}
}

// throttled holds s3haul's wall against what the rates allow, so many requests a
// second in all; 0 asks for nothing.
func throttled(name string, t trial, rate float64) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []trial{t})
		if err != nil {
			return nil, err
		}
		share := func(o outcome) float64 { return float64(o.stats.Throttled) / float64(requests(o.stats)) }
		took := figure{what: "wall s", ours: median(all[0], wall), ourCPU: median(all[0], outcome.cpu)}
		refused := figure{what: "share of throttled answers", ours: median(all[0], share)}
		if rate > 0 {
			took.against, took.theirs, took.bound = fmt.Sprintf("%.0f a second", rate), float64(len(t.set.keys))/rate, new(1.2)
			refused.bound = new(0.05)
		}
		figures := []figure{took, refused, lost(all[0])}
		last := all[0][len(all[0])-1].stats
		figures[1].note = fmt.Sprintf("%d partitions at the end", partitions(last.Partitions, bucketOf(t.up)))
		if b.options.plots == "" {
			return figures, nil
		}
		t.flags, t.watch = append(t.flags, "--debug"), true
		out, err := b.try(ctx, t)
		if err != nil {
			return figures, fmt.Errorf("the run for the plot: %w", err)
		}
		return figures, plot(filepath.Join(b.options.plots, name+".svg"), name, out)
	}
}

// lost is in how many of the rounds something was not done.
func lost(all []outcome) figure {
	f := figure{what: "rounds that lost something", bound: new(0.0)}
	for _, o := range all {
		if o.lost != nil {
			f.ours++
			f.note, _, _ = strings.Cut(o.lost.Error(), "\n")
		}
	}
	return f
}

func bucketOf(up bool) string {
	if up {
		return upBucket
	}
	return downBucket
}
