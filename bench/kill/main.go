// Command kill shows that nothing is lost. It runs s3haul against a store in
// another process, kills it with SIGKILL at random moments, runs it again, and
// then looks at every byte: what is there is whole at any time, all of it is there
// in the end, nothing is left behind, and little was sent twice.
//
//	go run ./bench/kill                                 # 300 kills, and 100 of the server too: 20 minutes
//	go run ./bench/kill --kills 16 --server-kills 6     # a short one, as in .ci/run
//	go run ./bench/kill --ops download --kills 1 --server-kills 0 --seed 4711
//	go run ./bench/kill --kills 0 --server-kills 0 --pairs 6
//	go run ./bench/kill --kills 0 --server-kills 0 --half
//
// The store is a simulated S3 (bench/s3sim), which counts; where the server is
// killed as well it is s3haul serve, which keeps what it has. Each kill has a seed
// of its own, with which it comes again, as far as moments do. The exit code is 1
// where anything was not as it has to be.
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
	return lab.Main("kill", args, stderr, parse, func(ctx context.Context, o *options) (bool, error) {
		return kill(ctx, o, stdout, stderr)
	})
}

// options are the flags.
type options struct {
	kills, serverKills, pairs int
	ops                       []string
	seed                      uint64
	dir                       string
	half                      bool
	large, halfSize           int64 // bytes
	timeout                   time.Duration
}

const (
	mib = 1 << 20
	// partSize and concurrency are what every run is told: what may be sent twice
	// is reckoned by them.
	partSize    = 5 * mib
	concurrency = 8
	inFlight    = partSize * concurrency
)

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var large, half int64
	f := pflag.NewFlagSet("kill", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.IntVar(&o.kills, "kills", 300, "`NUMBER` of times that s3haul is killed, in turn over the operations")
	f.IntVar(&o.serverKills, "server-kills", 100, "`NUMBER` of times that the server is killed with it")
	f.IntVar(&o.pairs, "pairs", 0, "`NUMBER` of times that two of them work at the same, of half of which one is killed")
	f.BoolVar(&o.half, "half", false, "kill the transfer of one large file when half of it has gone, and say what the second run sends")
	f.StringSliceVar(&o.ops, "ops", nil, "`NAME` of an operation, or the start of some names, as upload; default all")
	f.Uint64Var(&o.seed, "seed", 1, "of the first kill; the next has the next")
	f.StringVar(&o.dir, "dir", "", "`DIR`ectory for the data, on a tmpfs or a fast disk; default the system's temporary one")
	f.Int64Var(&large, "large", 200, "`MIB` of the largest file")
	f.Int64Var(&half, "half-size", 2048, "`MIB` of the file of --half")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "for one run that is not killed")
	f.Usage = func() {
		var names []string
		for _, s := range scenarios() {
			names = append(names, s.name)
		}
		fmt.Fprintf(stderr, "Kill s3haul at random moments, and look at what is there.\n\nUsage:\n  kill [flags]\n\nFlags:\n%s\nOperations: %s.\n",
			f.FlagUsages(), strings.Join(names, ", "))
	}
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if f.NArg() > 0 {
		errs = append(errs, fmt.Errorf("%q: there are only flags", f.Args()))
	}
	for name, n := range map[string]int{"kills": o.kills, "server-kills": o.serverKills, "pairs": o.pairs} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("--%s %d: none is the least", name, n))
		}
	}
	if large < 30 || half < 30 {
		errs = append(errs, fmt.Errorf("--large %d, --half-size %d: 30 MiB are the least: else there are few parts", large, half))
	}
	if o.timeout <= 0 {
		errs = append(errs, fmt.Errorf("--timeout %v: more than nothing", o.timeout))
	}
	o.large, o.halfSize = large*mib, half*mib
	if o.kills+o.serverKills+o.pairs == 0 && !o.half {
		errs = append(errs, errors.New("there is nothing to do: give --kills, --server-kills, --pairs or --half"))
	}
	_, err := chosen(o.ops)
	return o, errors.Join(append(errs, err)...)
}

// chosen are the scenarios of the names.
func chosen(names []string) ([]scenario, error) {
	return lab.Chosen("operation", scenarios(), func(s scenario) string { return s.name }, names)
}
