// Command limits measures what s3haul promises. Of finding its own limit: small
// files at several latencies without any setting, partitions that throttle, a hot
// prefix beside a cold one, faults, stalls, and --limit-rate. Of lists and of the
// removal of versions: time, processor and memory for a million keys and for ten,
// and what partitions let through. Of large objects: the memory that a copy of 6 GiB
// and a stream of 12 GiB take. Each scenario is printed with what it is held
// against, and the bound that it has to keep.
//
//	go run ./bench/limits                                  # all of it: most of an hour
//	go run ./bench/limits --scenario list,purge
//	go run ./bench/limits --scenario copy-large,stream-large --rounds 1
//	go run ./bench/limits --scenario small-20ms,throttled --rounds 1
//	go run ./bench/limits --scenario throttled --plots .   # with a plot of each
//
// The store is a simulated S3 (bench/s3sim) in a process of its own, a new one
// for each run; what a run did is checked behind it. The exit code is 1 where a
// bound is not kept.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) } //nolint:forbidigo // this is main

func run(args []string, stdout, stderr io.Writer) int {
	return lab.Main("limits", args, stderr, parse, func(ctx context.Context, o *options) (bool, error) {
		return limits(ctx, o, stdout, stderr)
	})
}

// options are the flags.
type options struct {
	scenarios []string
	rounds    int
	scale     float64
	dir       string
	plots     string
	timeout   time.Duration // of one run
	markdown  bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := pflag.NewFlagSet("limits", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.StringSliceVar(&o.scenarios, "scenario", nil, "`NAME` of a scenario, or the start of some names, as small-0ms; default all")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; the figures are their medians")
	f.Float64Var(&o.scale, "scale", 1, "share of the work to do, for a quick look; the bounds are of the whole")
	f.StringVar(&o.dir, "dir", "", "`DIR`ectory for the data, on a tmpfs or a fast disk; default the system's temporary one")
	f.StringVar(&o.plots, "plots", "", "`DIR`ectory for an SVG of each throttled scenario, from one more run that does not count")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "for one run")
	f.BoolVar(&o.markdown, "markdown", false, "print the table as Markdown")
	f.Usage = func() {
		var names []string
		for _, s := range scenarios(1) {
			names = append(names, s.name)
		}
		fmt.Fprintf(stderr, "Measure what s3haul promises.\n\nUsage:\n  limits [flags]\n\nFlags:\n%s\nScenarios: %s.\n",
			f.FlagUsages(), strings.Join(names, ", "))
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("%q: there are only flags", f.Args()))
	}
	if o.rounds < 1 {
		errs = append(errs, fmt.Errorf("--rounds %d: one is the least", o.rounds))
	}
	if !(o.scale > 0 && o.scale <= 1) {
		errs = append(errs, fmt.Errorf("--scale %v: above 0, at most 1", o.scale))
	}
	if o.timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout %v: more than nothing", o.timeout))
	}
	_, err := chosen(o.scenarios, o.scale)
	return o, errors.Join(append(errs, err)...)
}

// chosen are the scenarios of the names, with so much of their work.
func chosen(names []string, scale float64) ([]scenario, error) {
	return lab.Chosen("scenario", scenarios(scale), func(s scenario) string { return s.name }, names)
}
