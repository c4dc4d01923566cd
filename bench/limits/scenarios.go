package main

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// scenario measures some figures.
type scenario struct {
	name    string
	measure func(ctx context.Context, b *bench) ([]figure, error)
}

// scenarios are all there are, with so much of their work.
func scenarios(scale float64) []scenario {
	scaled := func(n int) int { return max(4, int(math.Round(float64(n)*scale))) }
	small := dirs(scaled(10_000), 4<<10)
	var all []scenario
	each := func(name string, make func(up bool) func(context.Context, *bench) ([]figure, error)) {
		all = append(all, scenario{name + "-up", make(true)}, scenario{name + "-down", make(false)})
	}
	for _, c := range []struct {
		latency string
		loop    int
		bound   float64
	}{{"20ms", 256, 1.5}, {"200ms", 1024, 2}} {
		each("small-"+c.latency, func(up bool) func(context.Context, *bench) ([]figure, error) {
			ours := trial{name: "s3haul", set: small, up: up, latency: c.latency}
			loop := ours
			loop.name, loop.floor = fmt.Sprintf("plain loop of %d", c.loop), c.loop
			return versus(ours, []trial{loop}, c.bound)
		})
	}
	each("small-0ms", func(up bool) func(context.Context, *bench) ([]figure, error) {
		ours := trial{name: "s3haul", set: small, up: up}
		var fixed []trial
		for _, n := range []int{8, 16, 32, 64, 128} {
			one := ours
			one.name, one.flags = fmt.Sprintf("--concurrency %d", n), []string{"--concurrency", fmt.Sprint(n)}
			fixed = append(fixed, one)
		}
		return versus(ours, fixed, 1.1)
	})
	all = append(all, throttledScenarios(scaled(24_000))...)
	all = append(all, hotCold(scaled(5250), scaled(24_000)))
	for _, latency := range []string{"0", "20ms"} {
		name := map[string]string{"0": "0ms"}[latency]
		if name == "" {
			name = latency
		}
		each("faults-"+name, troubled(small, latency, "*:503:n=50,every=100", "*:reset:n=75,every=100"))
		each("stall-"+name, troubled(small, latency, "*:stall:n=500,every=1000"))
	}
	large := dirs(1, int64(scaled(1<<30)))
	each("stall-large", func(up bool) func(context.Context, *bench) ([]figure, error) {
		ours := trial{name: "s3haul", set: large, up: up, sim: []string{"--fault", "GetObject:stall-body:n=50,every=100"}}
		if up {
			ours.sim[1] = "UploadPart:stall:n=50,every=100"
		}
		return versus(ours, []trial{faultless(ours)}, 0)
	})
	each("limit-rate", func(up bool) func(context.Context, *bench) ([]figure, error) {
		return limitRate(dirs(1, int64(scaled(300<<20))), up)
	})
	all = append(all, largeScenarios(scaled)...)
	all = append(all, listScenarios(scaled)...)
	return append(all, purgeScenarios(scaled)...)
}

// versus holds s3haul's wall against the least of the others'; a bound of 0 asks
// for nothing.
func versus(ours trial, others []trial, bound float64) func(context.Context, *bench) ([]figure, error) {
	return func(ctx context.Context, b *bench) ([]figure, error) {
		all, err := rounds(ctx, b, append([]trial{ours}, others...))
		if err != nil {
			return nil, err
		}
		best := 1
		for i := range all[1:] {
			if median(all[i+1], wall) < median(all[best], wall) {
				best = i + 1
			}
		}
		flight := func(o outcome) float64 { return float64(o.stats.MaxInFlight) }
		f := figure{
			what: "wall s",
			ours: median(all[0], wall), ourCPU: median(all[0], outcome.cpu),
			against: others[best-1].name, theirs: median(all[best], wall), theirCPU: median(all[best], outcome.cpu),
			note: fmt.Sprintf("%.0f in flight, there %.0f", median(all[0], flight), median(all[best], flight)),
		}
		if bound > 0 {
			f.bound = &bound
		}
		if n := median(all[0], func(o outcome) float64 { return float64(o.stats.Faults) }); n > 0 {
			f.note += fmt.Sprintf("; %.0f faults", n)
		}
		return []figure{f}, nil
	}
}

// troubled holds runs with faults against those without.
func troubled(set set, latency string, faults ...string) func(up bool) func(context.Context, *bench) ([]figure, error) {
	return func(up bool) func(context.Context, *bench) ([]figure, error) {
		ours := trial{name: "s3haul", set: set, up: up, latency: latency}
		for _, f := range faults {
			ours.sim = append(ours.sim, "--fault", f)
		}
		return versus(ours, []trial{faultless(ours)}, 1.5)
	}
}

func faultless(t trial) trial {
	t.name, t.sim = "the faultless run", slices.Clip(t.sim[:0])
	return t
}
