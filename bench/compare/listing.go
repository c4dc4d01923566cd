package main

import (
	"context"
	"fmt"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

const (
	listCount = 1_000_000 // keys

	purgeCount    = 100_000 // keys
	purgeVersions = 5       // of each
)

// madeOf are keys that the simulator makes up.
func madeOf(layout s3sim.Layout, count, versions int) func(*comparison) *s3sim.Synthetic {
	return func(c *comparison) *s3sim.Synthetic {
		return &s3sim.Synthetic{Bucket: "made-up", Layout: layout, Count: c.source.scaled(count), Size: 1 << 10, Versions: versions}
	}
}

// listing is a workload of printing all keys, or all versions of them.
func listing(name, title string, kind kind, layout s3sim.Layout, count, versions int) *workload {
	keys := madeOf(layout, count, versions)
	return &workload{
		name: name, title: title, made: keys, files: nothing, check: listed,
		job: func(c *comparison, _ *lab.Store, _ *lab.Files, _ string) job {
			made := keys(c)
			return job{kind: kind, bucket: made.Bucket, made: made}
		},
	}
}

func nothing(context.Context, *source) (*lab.Files, error) { return &lab.Files{}, nil }

// listed does not ask for an order: not every tool promises one.
func listed(_ context.Context, _ *comparison, _ *lab.Store, _ *lab.Files, done outcome) error {
	return done.lines.Err(false)
}

func purged(ctx context.Context, _ *comparison, s *lab.Store, _ *lab.Files, done outcome) error {
	entries := int64(done.job.made.Count * done.job.made.Versions)
	if sent := 1000*done.stats.Ops["DeleteObjects"] + done.stats.Ops["DeleteObject"]; sent < entries {
		return fmt.Errorf("its %d requests cannot have removed %d versions", sent, entries)
	}
	return s.Empty(ctx, done.job.bucket)
}
