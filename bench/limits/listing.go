package main

import (
	"context"
	"fmt"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

const (
	madeUp = "made-up" // the bucket of the scenarios on keys alone

	// listLatency is about what a page of S3 takes.
	listLatency = "20ms"
	// listWorkers is how many ranges the plain loop knows.
	listWorkers = 64
	// sequentialKeys of --concurrency 1 tell its rate.
	sequentialKeys = 200_000
	mostMemory     = 150 // MiB
)

// errand is one program at keys that the simulator makes up.
type errand struct {
	name    string // for people
	floor   bool   // the plain loop; otherwise s3haul
	args    []string
	keys    s3sim.Synthetic
	latency string
	sim     []string // flags of the simulator
	listing *lab.Listing
	purge   bool // the bucket is to be empty
}

func (e errand) label() string { return e.name }

func (e errand) do(ctx context.Context, b *bench) (outcome, error) {
	sim := lab.Simulator{Program: b.simulator, Bucket: upBucket, Latency: e.latency, Dir: b.dir}
	sim.Flags = append([]string{"--synthetic", e.keys.Bucket + "=" + layout(e.keys)}, e.sim...)
	command := lab.Command{Name: e.name, Path: b.s3haul, Args: e.args}
	field := lab.KeyIsLast
	if e.floor {
		command.Path, field = b.floor, lab.NoKeys
	}
	var lines *lab.Lines
	if e.listing != nil {
		lines = e.listing.Lines(field)
		command.Stdout, command.Unkept = lines, true
	}
	return b.simulate(ctx, sim, command, false, func(ctx context.Context, store *lab.Store, out outcome) error {
		switch {
		case lines != nil:
			return lines.Err(true)
		case e.purge:
			if sent, entries := 1000*out.deletes(), int64(e.keys.Count*max(1, e.keys.Versions)); sent < entries {
				return fmt.Errorf("its requests cannot have removed more than %d of %d versions", sent, entries)
			}
			return store.Empty(ctx, e.keys.Bucket)
		}
		return nil
	})
}

// layout is what the simulator and the plain loop are told of keys.
func layout(keys s3sim.Synthetic) string {
	return fmt.Sprintf("%s:%d:%d:%d", keys.Layout, keys.Count, keys.Size, keys.Versions)
}

func (o outcome) lists() int64 {
	return o.stats.Ops["ListObjectsV2"] + o.stats.Ops["ListObjectVersions"]
}

func (o outcome) deletes() int64 { return o.stats.Ops["DeleteObjects"] + o.stats.Ops["DeleteObject"] }

func (o outcome) mebibytes() float64 { return float64(o.PeakRSS) / (1 << 20) }

func simulatorCPU(all []outcome) string {
	return fmt.Sprintf("the simulator's CPU %s s", number(median(all, func(o outcome) float64 { return o.simulator })))
}

// listScenarios print all keys, in order.
func listScenarios(scaled func(int) int) []scenario {
	million := func(layout s3sim.Layout) s3sim.Synthetic {
		return s3sim.Synthetic{Bucket: madeUp, Layout: layout, Count: scaled(1_000_000), Size: 1 << 10}
	}
	many := million(s3sim.LayoutFlat)
	many.Count = scaled(10_000_000)
	few := many
	few.Count = scaled(sequentialKeys)
	return []scenario{
		{"list", listed(million(s3sim.LayoutFlat), 2.5, new(4.0), new(1.15))},
		{"list-dates", listed(million(s3sim.LayoutDates), 3, nil, nil)},
		{"list-hex", listed(million(s3sim.LayoutHex), 3, nil, nil)},
		{"list-10m", listedMany(many, few)},
	}
}

func listErrand(keys s3sim.Synthetic, flags ...string) errand {
	return errand{
		name: "s3haul", keys: keys, latency: listLatency, listing: lab.ListingOf(keys, false),
		args: append([]string{"ls", "--recursive", "s3://" + keys.Bucket}, flags...),
	}
}

// listed holds a list against the plain loop that knows where to begin. Of
// processor time and of requests there may be no bound.
func listed(keys s3sim.Synthetic, wallBound float64, cpuBound, requestsBound *float64) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		ours := listErrand(keys)
		loop := ours
		loop.name, loop.floor = fmt.Sprintf("plain loop of %d", listWorkers), true
		loop.args = []string{"--workers", fmt.Sprint(listWorkers), "list", keys.Bucket, layout(keys)}
		all, err := rounds(ctx, b, []errand{ours, loop})
		if err != nil {
			return nil, err
		}
		cpu := [2]float64{median(all[0], outcome.cpu), median(all[1], outcome.cpu)}
		pages := func(o outcome) float64 { return float64(o.lists()) / float64(keys.Count) * 1000 }
		return []figure{
			{
				what: "wall s", ours: median(all[0], wall), against: loop.name, theirs: median(all[1], wall), bound: &wallBound, ourCPU: cpu[0], theirCPU: cpu[1],
				note: simulatorCPU(all[0]) + ", there " + number(median(all[1], func(o outcome) float64 { return o.simulator })) + " s",
			},
			{what: "CPU s", ours: cpu[0], against: loop.name, theirs: cpu[1], bound: cpuBound},
			{what: "list requests per 1,000 keys", ours: median(all[0], pages), bound: requestsBound},
			{what: "peak RSS MiB", ours: median(all[0], outcome.mebibytes), against: loop.name, theirs: median(all[1], outcome.mebibytes)},
		}, nil
	}
}

// listedMany holds the rate of a list against that of one page after another,
// which takes too long for as many keys: fewer of them tell its rate.
func listedMany(many, few s3sim.Synthetic) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		sequential := listErrand(few, "--concurrency", "1")
		sequential.name = fmt.Sprintf("--concurrency 1 of %d keys", few.Count)
		all, err := rounds(ctx, b, []errand{listErrand(many), sequential})
		if err != nil {
			return nil, err
		}
		rate := func(keys s3sim.Synthetic, outs []outcome) float64 {
			return median(outs, func(o outcome) float64 { return float64(keys.Count) / o.Wall })
		}
		return []figure{
			{
				what: "keys a second", ours: rate(many, all[0]), against: sequential.name, theirs: rate(few, all[1]), bound: new(8.0), atLeast: true,
				note: fmt.Sprintf("%d keys in order; %s", many.Count, simulatorCPU(all[0])),
			},
			{what: "peak RSS MiB", ours: most(all[0], outcome.mebibytes), bound: new(float64(mostMemory))},
			{what: "wall s", ours: median(all[0], wall), ourCPU: median(all[0], outcome.cpu)},
		}, nil
	}
}

// most of a figure of each outcome.
func most(all []outcome, figure func(outcome) float64) float64 {
	values := make([]float64, len(all))
	for i, o := range all {
		values[i] = figure(o)
	}
	return lab.SpreadOf(values).Most
}
