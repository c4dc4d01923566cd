package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// The prefixes of hot-cold. The hot one is first in order: what waits for it must
// not be in the way of the other.
const (
	hotPrefix  = "1-hot/"
	coldPrefix = "2-cold/"
	coldWrites = 2000 // a second
)

// hotCold uploads two prefixes at a time, one of them to a partition that
// throttles, and holds the rate of the other against its rate alone.
func hotCold(hot, cold int) scenario {
	keys := func(prefix string, n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("%s%03d/file-%06d", prefix, i/1000, i))
		}
		return all
	}
	alone := trial{
		name: "the cold ones alone", up: true, latency: throttledLatency, mayLose: true,
		set: set{name: fmt.Sprintf("cold-%d", cold), keys: keys(coldPrefix, cold), size: 4 << 10},
		sim: []string{
			"--writes", "0", "--reads", "0",
			"--partition", fmt.Sprintf("%s:writes=%d", hotPrefix, writes), "--partition", fmt.Sprintf("%s:writes=%d", coldPrefix, coldWrites),
		},
	}
	both := alone
	both.name = "s3haul"
	both.set = set{name: fmt.Sprintf("hot-%d-cold-%d", hot, cold), keys: append(keys(hotPrefix, hot), alone.set.keys...), size: 4 << 10}
	return scenario{"hot-cold", func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []trial{both, alone})
		if err != nil {
			return nil, err
		}
		var errs []error
		figures := [2][2]float64{} // of each trial: the rate, and when the last was there
		for i, outs := range all {
			for k, of := range []func(outcome) (float64, error){coldRate, coldDone} {
				figures[i][k] = median(outs, func(o outcome) float64 {
					v, err := of(o)
					errs = append(errs, err)
					return v
				})
			}
		}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		return []figure{
			lost(all[0]),
			{
				what: "cold objects a second, from the first to the last", ours: figures[0][0], against: alone.name, theirs: figures[1][0], bound: new(0.9), atLeast: true,
				note: fmt.Sprintf("beside %d hot ones at %d/s, first in order", hot, writes),
			},
			{what: "all cold ones are there, s", ours: figures[0][1], against: alone.name, theirs: figures[1][1]},
			{what: "wall s", ours: median(all[0], wall), against: fmt.Sprintf("%d a second of hot ones", writes), theirs: float64(hot) / writes, ourCPU: median(all[0], outcome.cpu)},
		}, nil
	}}
}

func coldRate(o outcome) (float64, error) {
	p, err := cold(o)
	return float64(p.Accepted-1) / max(p.Last.Sub(p.First).Seconds(), 1e-3), err
}

func coldDone(o outcome) (float64, error) {
	p, err := cold(o)
	return p.Last.Sub(o.start).Seconds(), err
}

// cold is what the simulator tells of the partition of the cold ones.
func cold(o outcome) (s3sim.PartitionStats, error) {
	for _, p := range o.stats.Partitions {
		if p.Bucket == upBucket && p.From == coldPrefix && p.Accepted > 1 {
			return p, nil
		}
	}
	return s3sim.PartitionStats{}, fmt.Errorf("of %q not two objects came", coldPrefix)
}

func partitions(all []s3sim.PartitionStats, bucket string) (n int) {
	for _, p := range all {
		if p.Bucket == bucket {
			n++
		}
	}
	return n
}
