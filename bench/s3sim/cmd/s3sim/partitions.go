package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// partitions are the flags that cut the keys of the buckets.
type partitions struct {
	texts      []string
	base       s3sim.Partition // from the first key on, and what the others begin with
	splitAfter time.Duration
}

func (p *partitions) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&p.texts, "partition", nil, "partition that begins at a key: `KEY[:writes=350][:reads=550][:burst=35]`; can be given many times")
	f.Float64Var(&p.base.Writes, "writes", s3sim.DefaultWrites, "`NUMBER` of writes a second of each partition that names no other; 0 is no limit")
	f.Float64Var(&p.base.Reads, "reads", s3sim.DefaultReads, "`NUMBER` of reads a second of each partition that names no other; 0 is no limit")
	f.IntVar(&p.base.Burst, "burst", 0, "`NUMBER` of each that a partition takes at once; 0 is a tenth of a second's")
	f.DurationVar(&p.splitAfter, "split-after", 0, "cut a partition in two when it was hot for so long: `1m`; 0 is never")
}

// all are the partitions in order; none where no flag of them is given. The keys
// before the first that is named have one as well.
func (p *partitions) all(f *pflag.FlagSet) ([]s3sim.Partition, error) {
	if !slices.ContainsFunc([]string{"partition", "writes", "reads", "burst", "split-after"}, f.Changed) {
		return nil, nil
	}
	var all []s3sim.Partition
	for _, text := range p.texts {
		one, err := s3sim.ParsePartition(text, p.base)
		if err != nil {
			return nil, fmt.Errorf("--partition: %w", err)
		}
		all = append(all, one)
	}
	slices.SortStableFunc(all, func(a, b s3sim.Partition) int { return strings.Compare(a.From, b.From) })
	if len(all) == 0 || all[0].From != "" {
		all = slices.Insert(all, 0, p.base)
	}
	c := s3sim.Conditions{Partitions: all, SplitAfter: p.splitAfter}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("partitions: %w", err)
	}
	return all, nil
}
