// Command compare gives the same work to s3haul and to each of the other tools
// that are installed, and to the plain loop of bench/floor, in turns, and
// prints what each took of time, processor and memory, and how many requests.
//
//	go run ./bench/compare                       # all of it: some hours, most of them for others
//	go run ./bench/compare --scale 0.1 --rounds 3 --tool s3haul --tool floor
//	go run ./bench/compare --workload small --latency 20ms --json out.json --svg out.svg
//
// Without --endpoint it starts a simulated S3 (bench/s3sim) as a process of its
// own, so that a client's figures are the client's alone. Every tool runs with
// its defaults; what it did is checked after each run, and a tool that did not
// do the work has an error in the table and no time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) } //nolint:forbidigo // this is main

func run(args []string, stdout, stderr io.Writer) int {
	return lab.Main("compare", args, stderr, parse, func(ctx context.Context, o *options) (bool, error) {
		return true, compare(ctx, o, stdout, stderr)
	})
}

// options are the flags.
type options struct {
	workloads []string
	tools     []string
	paths     map[string]*string // of tools, by name
	latencies []string           // as s3sim reads them; nil with an endpoint
	tls       bool
	rounds    int
	scale     float64
	large     int64 // bytes
	dir       string
	timeout   time.Duration // of one run

	endpoint, region, bucket, caFile string

	json, svg string
	markdown  bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{paths: map[string]*string{}}
	var large string
	f := pflag.NewFlagSet("compare", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.StringSliceVar(&o.workloads, "workload", nil, "`NAME` of a workload, or the start of some names, as small; default all")
	f.StringSliceVar(&o.tools, "tool", nil, "`NAME` of a tool to run; default all that are found")
	f.StringSliceVar(&o.latencies, "latency", []string{"0", "20ms"}, "latency of each request, as 20ms or 20ms,p99=80ms (that one quoted with \")")
	f.BoolVar(&o.tls, "tls", false, "over TLS")
	f.IntVar(&o.rounds, "rounds", 5, "rounds that count; one more is run before them")
	f.Float64Var(&o.scale, "scale", 1, "share of the work to do, for a quick look")
	f.StringVar(&large, "large", "2GiB", "`SIZE` of the large file")
	f.StringVar(&o.dir, "dir", "", "`DIR`ectory for the data, on a tmpfs or a fast disk; default the system's temporary one")
	f.DurationVar(&o.timeout, "timeout", 15*time.Minute, "for one run of one tool")
	f.StringVar(&o.endpoint, "endpoint", "", "`URL` of a store to use in place of the simulator; with the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	f.StringVar(&o.region, "region", "us-east-1", "of the endpoint")
	f.StringVar(&o.bucket, "bucket", "", "`NAME` of a bucket on the endpoint; what is put there is removed at the end")
	f.StringVar(&o.caFile, "ca-bundle", "", "`FILE` with the endpoint's certificate authority")
	f.StringVar(&o.json, "json", "", "`FILE` to write every run to")
	f.StringVar(&o.svg, "svg", "", "`FILE` for a plot of processor time")
	f.BoolVar(&o.markdown, "markdown", false, "print the table as the README has it")
	for _, t := range others() {
		o.paths[t.name] = f.String(t.name, "", "`PATH` of "+t.name+", where it is not the one that is found")
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	size, err := humanize.ParseBytes(large)
	if err != nil {
		return nil, fmt.Errorf("--large %q: %w", large, err)
	}
	o.large = int64(min(size, 1<<50))
	if o.endpoint != "" && !f.Changed("latency") {
		o.latencies = []string{""}
	}
	return o, o.validate(f)
}

func (o *options) validate(f *pflag.FlagSet) error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(f.NArg() > 0, "%q: there are only flags", f.Args())
	bad(o.rounds < 1, "--rounds %d: one is the least", o.rounds)
	bad(o.scale <= 0 || o.scale > 100, "--scale %v: above 0, at most 100", o.scale)
	bad(o.large < 1, "--large: one byte is the least")
	bad(o.timeout <= 0, "--timeout %v: more than nothing", o.timeout)
	if o.endpoint != "" {
		bad(o.bucket == "", "--endpoint needs --bucket")
		bad(f.Changed("latency") || o.tls, "--latency and --tls are the simulator's, an endpoint has its own")
		bad(os.Getenv("AWS_ACCESS_KEY_ID") == "" || os.Getenv("AWS_SECRET_ACCESS_KEY") == "", "--endpoint needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	} else {
		bad(o.bucket != "" || o.caFile != "", "--bucket and --ca-bundle go with --endpoint")
	}
	_, err := chosen(o.workloads)
	return errors.Join(append(errs, err)...)
}
