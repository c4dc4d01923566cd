package main

import (
	"context"
	"fmt"
	"io"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

const (
	copiedSize   = 6 << 30
	streamedSize = 12 << 30
	// oneCopy is the largest object that CopyObject takes.
	oneCopy = 5 << 30
	// mostForLarge is the most memory, in MiB, that an object of any size takes with
	// the default --memory.
	mostForLarge = 160
)

// heavy is one large object, in one request or another.
type heavy struct {
	name   string // for people
	size   int64
	made   *s3sim.Synthetic // the source, where it is an object
	stream bool             // it comes through stdin
}

func (h heavy) label() string { return h.name }

func (h heavy) do(ctx context.Context, b *bench) (outcome, error) {
	const key = "large"
	sim := lab.Simulator{Program: b.simulator, Bucket: upBucket, Dir: b.dir}
	command := lab.Command{Name: h.name, Path: b.s3haul, Args: []string{"cp", "-", "s3://" + upBucket + "/" + key}}
	if h.stream {
		// No file: nobody can say how long it is.
		command.Stdin = struct{ io.Reader }{b.content.Reader(h.size)}
	} else {
		sim.Flags = []string{"--synthetic", h.made.Bucket + "=" + layout(*h.made)}
		command.Args[1] = "s3://" + h.made.Bucket + "/" + h.made.Key(0)
	}
	return b.simulate(ctx, sim, command, false, func(ctx context.Context, store *lab.Store, out outcome) error {
		if h.made != nil && h.size > oneCopy {
			if err := store.CopiesInParts(ctx, h.made.Bucket, h.made.Key(0)); err != nil {
				return err
			}
		}
		if n := out.stats.Ops["PutObject"] + out.stats.Ops["CopyObject"]; n > 0 {
			return fmt.Errorf("%d requests for all of it at once", n)
		}
		return store.Holds(ctx, key, b.content.Sum(h.size))
	})
}

// largeScenarios are what one request cannot move, in bounded memory.
func largeScenarios(scaled func(int) int) []scenario {
	copied := s3sim.Synthetic{Bucket: madeUp, Layout: s3sim.LayoutFlat, Count: 1, Size: int64(scaled(copiedSize))}
	return []scenario{
		{"copy-large", bounded(heavy{name: "copy in the store", size: copied.Size, made: &copied})},
		{"stream-large", bounded(heavy{name: "stream from stdin", size: int64(scaled(streamedSize)), stream: true})},
	}
}

// bounded looks at the memory that an object takes.
func bounded(h heavy) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, []heavy{h})
		if err != nil {
			return nil, err
		}
		last := all[0][len(all[0])-1].stats
		return []figure{
			{
				what: "peak RSS MiB", ours: most(all[0], outcome.mebibytes), bound: new(float64(mostForLarge)),
				note: fmt.Sprintf("%.2f GiB, %d parts, verified", float64(h.size)/(1<<30), last.Ops["UploadPart"]+last.Ops["UploadPartCopy"]),
			},
			{what: "wall s", ours: median(all[0], wall), ourCPU: median(all[0], outcome.cpu), note: simulatorCPU(all[0])},
		}, nil
	}
}
