package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// bench is one run of this program.
type bench struct {
	options                  *options
	dir                      string // all that is made is in it
	s3haul, floor, simulator string // programs
	runner                   lab.Runner
	source                   *lab.Source
	content                  *s3sim.Pattern
	progress                 io.Writer
	runs                     int // for fresh directories
}

// limits measures the scenarios and prints the table; kept says that every
// bound was.
func limits(ctx context.Context, o *options, stdout, stderr io.Writer) (kept bool, err error) {
	some, err := chosen(o.scenarios, o.scale)
	if err != nil {
		return false, err
	}
	if o.plots != "" {
		if err := os.MkdirAll(o.plots, 0o777); err != nil { // now, not after half an hour
			return false, err
		}
	}
	dir, err := lab.Directory(o.dir, "limits", stderr)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{options: o, dir: dir, progress: stderr, source: lab.NewSource(dir), content: s3sim.Content(0)}
	programs, err := lab.Prepare(ctx, dir, b.say, "cmd/s3haul", "bench/floor", "bench/compare/measure", "bench/s3sim/cmd/s3sim")
	if err != nil {
		return false, err
	}
	b.s3haul, b.floor, b.simulator = programs["s3haul"], programs["floor"], programs["s3sim"]
	b.runner = lab.Runner{Dir: dir, Measurer: programs["measure"], Timeout: o.timeout}

	t := table{machine: lab.ThisMachine(), filesystem: lab.Filesystem(dir), rounds: o.rounds, scale: o.scale}
	failed := 0
	for _, s := range some {
		figures, err := s.measure(ctx, b)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		for i := range figures {
			figures[i].scenario = s.name
			b.say("%s", figures[i].line())
		}
		t.figures = append(t.figures, figures...)
		if err != nil {
			failed++
			b.say("%s: %v", s.name, err)
		}
	}
	text := t.text()
	if o.markdown {
		text = t.markdown()
	}
	_, err = io.WriteString(stdout, text)
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d scenarios failed", failed, len(some))
	}
	return t.kept(), err
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

// set is some keys of one size.
type set struct {
	name string // for the directory
	keys []string
	size int64
	made *s3sim.Synthetic // where the simulator can make them up
}

// dirs are so many keys in directories of a thousand.
func dirs(count int, size int64) set {
	syn := s3sim.Synthetic{Bucket: downBucket, Layout: s3sim.LayoutDirs, Count: count, Size: size}
	s := set{name: fmt.Sprintf("dirs-%d-%d", count, size), size: size, made: &syn}
	for i := range syn.Len() {
		s.keys = append(s.keys, syn.Key(i))
	}
	return s
}

// trial is one program with one piece of work.
type trial struct {
	name    string // for people
	floor   int    // workers of the plain loop; 0 is s3haul
	flags   []string
	set     set
	up      bool
	latency string
	sim     []string // flags of the simulator
	watch   bool     // the output is wanted line by line
	mayLose bool     // what was not done is told by the outcome, not by an error
}

// outcome is what a trial gave.
type outcome struct {
	lab.Usage
	start          time.Time
	stdout, stderr []stamped
	stats          s3sim.Stats
	timeline       s3sim.Timeline
	simulator      float64 // seconds of processor time, from its start to its end
	lost           error   // what was not done
}

func (o outcome) cpu() float64 { return o.User + o.System }

const (
	upBucket   = "upload"
	downBucket = "download"
)

// try does the work once, with a store of its own, and checks that it is done.
func (b *bench) try(ctx context.Context, t trial) (out outcome, err error) {
	files, err := b.files(ctx, t)
	if err != nil {
		return out, err
	}
	b.runs++
	fresh := filepath.Join(b.dir, "fresh", fmt.Sprint(b.runs)) + "/"
	if err := os.MkdirAll(fresh, 0o777); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	sim := lab.Simulator{Program: b.simulator, Bucket: upBucket, Latency: t.latency, Flags: t.sim, Dir: b.dir}
	if !t.up {
		sim.Flags = append([]string{"--synthetic", fmt.Sprintf("%s=%s:%d:%d", downBucket, t.set.made.Layout, t.set.made.Count, t.set.size)}, t.sim...)
	}
	command := b.command(t, files, fresh)
	var stdout, stderr stamper
	if t.watch {
		command.Stdout, command.Stderr = &stdout, &stderr
	}
	out, err = b.simulate(ctx, sim, command, t.mayLose, func(ctx context.Context, store *lab.Store, _ outcome) error {
		if t.up {
			return store.Has(ctx, "", files)
		}
		return files.Same(fresh)
	})
	out.stdout, out.stderr = stdout.lines, stderr.lines
	return out, err
}

// simulate runs the command with a simulator of its own, and checks what it did.
func (b *bench) simulate(ctx context.Context, sim lab.Simulator, command lab.Command, mayLose bool,
	check func(context.Context, *lab.Store, outcome) error,
) (out outcome, err error) {
	store, err := sim.Start(ctx)
	if err != nil {
		return out, err
	}
	defer func() {
		err = errors.Join(err, store.Close())
		out.simulator = store.CPU
	}()
	if err := store.Reset(ctx); err != nil {
		return out, err
	}
	command.Env = store.Environment()
	out.start = time.Now()
	out.Usage, err = b.runner.Run(ctx, command)
	ran := err
	if err != nil && (!mayLose || !errors.Is(err, lab.ErrExit)) {
		return out, err
	}
	if out.stats, err = store.Stats(ctx); err != nil {
		return out, err
	}
	if out.timeline, err = store.Timeline(ctx); err != nil {
		return out, err
	}
	err = check(ctx, store, out)
	if mayLose {
		out.lost, err = errors.Join(err, ran), nil
	}
	return out, err
}

// files are what is uploaded, or what is to be downloaded: those have no
// directory.
func (b *bench) files(ctx context.Context, t trial) (*lab.Files, error) {
	sum := b.content.Sum(t.set.size)
	if !t.up {
		f := &lab.Files{Sums: map[string]checksum.CRC64NVME{}}
		for _, key := range t.set.keys {
			f.Add(key, sum)
		}
		return f, nil
	}
	return b.source.Set(t.set.name, func(f *lab.Files) error {
		for _, key := range t.set.keys {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := lab.Create(filepath.Join(f.Dir, filepath.FromSlash(key)), func(file *os.File) error {
				_, err := b.content.WriteRange(file, 0, t.set.size)
				return err
			})
			if err != nil {
				return err
			}
			f.Add(key, sum)
		}
		return nil
	})
}

func (b *bench) command(t trial, files *lab.Files, fresh string) lab.Command {
	if t.floor > 0 {
		c := lab.Command{Name: t.name, Path: b.floor, Args: []string{"--workers", fmt.Sprint(t.floor)}}
		if t.up {
			c.Args = append(c.Args, "up", files.Dir, upBucket, "")
		} else {
			c.Args = append(c.Args, "down", fresh, downBucket, "")
		}
		return c
	}
	from, to := "s3://"+downBucket, fresh
	if t.up {
		from, to = files.Dir, "s3://"+upBucket
	}
	return lab.Command{Name: t.name, Path: b.s3haul, Args: append([]string{"cp", "--recursive", from, to}, t.flags...)}
}

// work is something to be measured.
type work interface {
	label() string // for people
	do(ctx context.Context, b *bench) (outcome, error)
}

func (t trial) label() string { return t.name }

func (t trial) do(ctx context.Context, b *bench) (outcome, error) { return b.try(ctx, t) }

// rounds does each of the works in turn, so that whatever else the machine does
// hits them alike, and returns the outcomes of each.
func rounds[W work](ctx context.Context, b *bench, works []W) ([][]outcome, error) {
	all := make([][]outcome, len(works))
	for round := range b.options.rounds {
		for i := range works {
			k := (round + i) % len(works)
			name := works[k].label()
			out, err := works[k].do(ctx, b)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			b.say("  round %d: %s: %.2f s, CPU %.2f s (the simulator's %.2f s), %d MiB, %d in flight, %d of %d throttled, %d faults", round+1, name,
				out.Wall, out.cpu(), out.simulator, out.PeakRSS>>20, out.stats.MaxInFlight, out.stats.Throttled, requests(out.stats), out.stats.Faults)
			all[k] = append(all[k], out)
		}
	}
	return all, nil
}

func requests(s s3sim.Stats) (n int64) {
	for _, count := range s.Ops {
		n += count
	}
	return n
}

// median of a figure of each outcome.
func median(all []outcome, figure func(outcome) float64) float64 {
	values := make([]float64, len(all))
	for i, out := range all {
		values[i] = figure(out)
	}
	return lab.SpreadOf(values).Median
}

func wall(out outcome) float64 { return out.Wall }

// stamped is a line of output and when it came.
type stamped struct {
	at   time.Time
	text string
}

// stamper stamps the lines that are written to it.
type stamper struct {
	lines []stamped
	rest  []byte
}

func (s *stamper) Write(p []byte) (int, error) {
	now := time.Now()
	s.rest = append(s.rest, p...)
	for {
		line, rest, found := bytes.Cut(s.rest, []byte{'\n'})
		if !found {
			return len(p), nil
		}
		s.lines = append(s.lines, stamped{now, strings.TrimRight(string(line), "\r")})
		s.rest = rest
	}
}
