// Command awsdiff runs aws s3 and s3haul on copies of the same trees and buckets,
// and compares what is there afterwards, the lines and the exit codes. aws is the
// oracle: no case says what it expects. Where the two differ, a table in this
// program has the reason, or the run fails.
//
//	go run ./bench/awsdiff --aws /usr/bin/aws                    # all cases
//	go run ./bench/awsdiff --aws /usr/bin/aws --run '^sync/' --verbose
//	go run ./bench/awsdiff --aws /usr/bin/aws --write cmd/s3haul/docs/aws.md
//
// The store is bench/s3sim, one for each side of each case. The exit code is 1
// where a case differs without a reason.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) } //nolint:forbidigo // this is main

func run(args []string, stdout, stderr io.Writer) int {
	return lab.Main("awsdiff", args, stderr, parse, func(ctx context.Context, o *options) (bool, error) {
		return compare(ctx, o, stdout, stderr)
	})
}

// options are the flags.
type options struct {
	aws, ours     string
	run           *regexp.Regexp
	keep, write   string
	results       string
	jobs          int
	verbose, list bool
	timeout       time.Duration
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var pattern string
	f := pflag.NewFlagSet("awsdiff", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.StringVar(&o.aws, "aws", "/usr/bin/aws", "`PROGRAM` to compare with, aws-cli version 2")
	f.StringVar(&o.ours, "s3haul", "", "`PROGRAM` that is compared; default: built from this tree")
	f.StringVar(&pattern, "run", "", "`REGEXP` of the names of cases; default all")
	f.StringVar(&o.keep, "keep", "", "`DIR` that the trees and the outputs of the cases stay in; must not exist")
	f.StringVar(&o.results, "results", "", "`FILE` that the differences are kept in; what --run leaves out is taken from it")
	f.StringVar(&o.write, "write", "", "`FILE` that the tables of all cases are written to, in Markdown")
	f.IntVar(&o.jobs, "jobs", 2, "`NUMBER` of cases at a time")
	f.BoolVar(&o.verbose, "verbose", false, "show both sides of what differs, with a reason or without one")
	f.BoolVar(&o.list, "list", false, "only say which cases there are")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "for one command")
	f.Usage = func() {
		fmt.Fprintf(stderr, "Compare s3haul with aws s3, case by case.\n\nUsage:\n  awsdiff [flags]\n\nFlags:\n%s", f.FlagUsages())
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("%q: there are only flags", f.Args()))
	}
	var err error
	if o.run, err = regexp.Compile(pattern); err != nil {
		errs = append(errs, fmt.Errorf("--run: %w", err))
	}
	if o.jobs < 1 || o.timeout < time.Second {
		errs = append(errs, errors.New("--jobs and --timeout: one is the least"))
	}
	if o.write != "" && pattern != "" && o.results == "" {
		errs = append(errs, errors.New("--write wants all cases: leave out --run, or give --results of an earlier run"))
	}
	return o, errors.Join(errs...)
}
