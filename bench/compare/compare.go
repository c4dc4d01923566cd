package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// comparison is one run of this program.
type comparison struct {
	options       *options
	dir           string // all that is made is in it
	measurer      string // bench/compare/measure, built
	simulator     string // bench/s3sim/cmd/s3sim, built
	s3haul, floor *tool
	tools         []*tool
	source        *source
	record        *Record
	progress      io.Writer
	names         int // of runs, for fresh directories and prefixes
	listing       *lab.Listing
	listed        s3sim.Synthetic // that listing is of
}

func compare(ctx context.Context, o *options, stdout, stderr io.Writer) (err error) {
	dir, err := lab.Directory(o.dir, "compare", stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := &comparison{
		options: o, dir: dir, progress: stderr,
		source: &source{Source: lab.NewSource(dir), scale: o.scale, large: o.large},
		record: &Record{
			Time: time.Now().UTC().Truncate(time.Second), Machine: lab.ThisMachine(), Rounds: o.rounds, Scale: o.scale,
			TLS: o.tls, Endpoint: o.endpoint, Filesystem: lab.Filesystem(dir),
		},
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	ran := c.all(ctx)
	if len(c.record.Cells) == 0 {
		return ran
	}
	return errors.Join(ran, c.publish(stdout))
}

// prepare builds what takes part and finds the others' programs.
func (c *comparison) prepare(ctx context.Context) error {
	packages := []string{"cmd/s3haul", "bench/floor", "bench/compare/measure"}
	if c.options.endpoint == "" {
		packages = append(packages, "bench/s3sim/cmd/s3sim")
		c.record.Endpoint = "s3sim"
	}
	programs, err := lab.Prepare(ctx, c.dir, c.say, packages...)
	if err != nil {
		return err
	}
	c.measurer, c.simulator = programs["measure"], programs["s3sim"]
	c.s3haul, c.floor = s3haul(programs["s3haul"]), plainLoop(programs["floor"])
	return c.find(ctx)
}

// find puts together the tools that take part.
func (c *comparison) find(ctx context.Context) error {
	wanted := func(name string) bool { return len(c.options.tools) == 0 || slices.Contains(c.options.tools, name) }
	known := []string{c.s3haul.name, c.floor.name}
	var candidates []*tool
	for _, t := range []*tool{c.s3haul, c.floor} {
		if wanted(t.name) {
			candidates = append(candidates, t)
		}
	}
	for _, t := range others() {
		known = append(known, t.name)
		path := *c.options.paths[t.name]
		asked := path != "" || slices.Contains(c.options.tools, t.name)
		if path == "" {
			path = t.name
		}
		found, err := exec.LookPath(path)
		if err == nil {
			found, err = filepath.Abs(found)
		}
		switch {
		case !wanted(t.name):
		case err == nil:
			t.path = found
			candidates = append(candidates, t)
		case asked:
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	for _, name := range c.options.tools {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no tool %q: %s are there", name, strings.Join(known, ", "))
		}
	}
	for _, t := range candidates {
		says, err := c.version(ctx, t)
		if err != nil {
			return err
		}
		if says == "" {
			c.say("%s is another program of that name", t.path)
			continue
		}
		c.tools = append(c.tools, t)
		c.record.Tools = append(c.record.Tools, Tool{t.name, says})
	}
	return nil
}

// version is the first line that the tool says of its version; "" where the
// program is another one of that name.
func (c *comparison) version(ctx context.Context, t *tool) (string, error) {
	nowhere := &lab.Store{}
	j := job{kind: version}
	if t.args(j, nowhere) == nil {
		return runtime.Version(), nil // the plain loop
	}
	done, err := c.measure(ctx, t, nowhere, j)
	if err != nil {
		return "", fmt.Errorf("its version: %w", err)
	}
	text, err := os.ReadFile(done.stdout)
	first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	first = strings.TrimSpace(first)
	if !strings.Contains(first, t.says) {
		return "", err
	}
	for _, name := range []string{t.name + " version ", t.name + " "} {
		first = strings.TrimPrefix(first, name)
	}
	return first, err
}

// all runs every workload at every latency.
func (c *comparison) all(ctx context.Context) error {
	works, err := chosen(c.options.workloads)
	if err != nil {
		return err
	}
	var errs []error
	for _, w := range works {
		for i, latency := range c.options.latencies {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if w.once && i > 0 {
				continue
			}
			if w.once {
				latency = ""
			}
			errs = append(errs, c.workload(ctx, w, latency))
		}
	}
	return errors.Join(errs...)
}

func (c *comparison) store(ctx context.Context, w *workload, latency string) (*lab.Store, error) {
	if c.options.endpoint != "" {
		return given(ctx, c.options)
	}
	keys := noopKeys(c.source.scaled(noopCount))
	if w.made != nil {
		keys = *w.made(c)
	}
	sim := lab.Simulator{
		Program: c.simulator, Bucket: "compare", Latency: latency, TLS: c.options.tls, Dir: c.dir,
		Flags: []string{"--synthetic", keys.Bucket + "=" + made(&keys)},
	}
	if w.keep != nil {
		sim.KeepBodies = w.keep(c)
	}
	return sim.Start(ctx)
}

// workload gives the work to each tool in turn, in rounds, so that whatever else
// the machine does hits them alike. A tool that fails is out of it.
func (c *comparison) workload(ctx context.Context, w *workload, latency string) (err error) {
	c.say("%s %s", w.name, latency)
	f, err := w.files(ctx, c.source)
	if err != nil {
		return err
	}
	if w.made != nil && c.options.endpoint != "" {
		c.say("%s is left out: only the simulator makes up its keys", w.name)
		return nil
	}
	var s *lab.Store
	if !w.consumed {
		if s, err = c.store(ctx, w, latency); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	if w.prepare != nil {
		if err := w.prepare(ctx, c, s, f); err != nil {
			return fmt.Errorf("%s: preparing: %w", w.name, err)
		}
	}
	type entrant struct {
		*tool
		*Cell
	}
	var entrants []entrant
	for _, t := range c.tools {
		cell := &Cell{Workload: w.name, Latency: latency, Tool: t.name, Runs: []Run{}}
		c.record.Cells = append(c.record.Cells, cell)
		if kind := w.job(c, &lab.Store{}, f, "x").kind; t.cannot[kind] != "" {
			cell.Cannot = t.cannot[kind]
			c.say("%s: %s takes no part: %s", w.name, t.name, cell.Cannot)
			continue
		}
		entrants = append(entrants, entrant{t, cell})
	}
	var errs []error
	for round := range c.options.rounds + 1 { // the first warms up
		for i := range entrants {
			e := entrants[(round+i)%len(entrants)]
			if e.Error != "" {
				continue
			}
			run, err := c.turn(ctx, e.tool, w, s, latency, f)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				err = fmt.Errorf("%s: %s: %w", w.name, e.name, err)
				c.say("%v", err)
				e.Error = err.Error()
				errs = append(errs, err)
				continue
			}
			c.say("%s %s round %d: %s: %.2f s, CPU %.2f s", w.name, latency, round, e.name, run.Wall, run.cpu())
			if round > 0 {
				e.Runs = append(e.Runs, run)
			}
		}
	}
	return errors.Join(errs...)
}

// turn is one figure. Where runs consume what is there, s is nil.
func (c *comparison) turn(ctx context.Context, t *tool, w *workload, s *lab.Store, latency string, f *lab.Files) (_ Run, err error) {
	if w.consumed {
		if s, err = c.store(ctx, w, latency); err != nil {
			return Run{}, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	return c.figure(ctx, t, w, s, f)
}

// figure has the tool do the work as often as makes one figure, checked each
// time, and returns the mean.
func (c *comparison) figure(ctx context.Context, t *tool, w *workload, s *lab.Store, f *lab.Files) (Run, error) {
	times := max(1, w.repeat)
	var sum Run
	for range times {
		c.names++
		run, err := c.once(ctx, t, w, s, f, fmt.Sprintf("run-%04d", c.names))
		if err != nil {
			return Run{}, err
		}
		sum.Wall += run.Wall / float64(times)
		sum.User += run.User / float64(times)
		sum.System += run.System / float64(times)
		sum.PeakRSS = max(sum.PeakRSS, run.PeakRSS)
		sum.Requests, sum.Sent, sum.Received = run.Requests, run.Sent, run.Received
	}
	return sum, nil
}

func (c *comparison) once(ctx context.Context, t *tool, w *workload, s *lab.Store, f *lab.Files, name string) (run Run, err error) {
	fresh := c.fresh(name)
	if err := os.MkdirAll(fresh, 0o777); err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	if err := s.Reset(ctx); err != nil {
		return run, err
	}
	done, err := c.measure(ctx, t, s, w.job(c, s, f, name))
	if err != nil {
		return run, err
	}
	run = done.run
	if s.Simulated {
		if done.stats, err = s.Stats(ctx); err != nil {
			return run, err
		}
		run.Requests, run.Sent, run.Received = done.stats.Ops, done.stats.BytesIn, done.stats.BytesOut
	}
	return run, w.check(ctx, c, s, f, done)
}

// measure runs the tool once, and fails where it does.
func (c *comparison) measure(ctx context.Context, t *tool, s *lab.Store, j job) (outcome, error) {
	runner := lab.Runner{Dir: c.dir, Measurer: c.measurer, Timeout: c.options.timeout}
	command := lab.Command{Name: t.name, Path: t.path, Args: t.args(j, s), Env: t.environment(s)}
	done := outcome{job: j, stdout: runner.Stdout()}
	if j.kind == list || j.kind == listVersions {
		done.lines = c.expected(j).Lines(t.keyField(j.kind))
		command.Stdout, command.Unkept = done.lines, true
	}
	usage, err := runner.Run(ctx, command)
	done.run = Run{Wall: usage.Wall, User: usage.User, System: usage.System, PeakRSS: usage.PeakRSS}
	return done, err
}

// expected is what a listing has to print. The last is kept: it takes a while.
func (c *comparison) expected(j job) *lab.Listing {
	if c.listing == nil || c.listed != *j.made {
		c.listing, c.listed = lab.ListingOf(*j.made, j.kind == listVersions), *j.made
	}
	return c.listing
}

func (c *comparison) say(format string, args ...any) {
	fmt.Fprintf(c.progress, format+"\n", args...)
}
