package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// bench is one run of this program.
type bench struct {
	options           *options
	dir               string // all that is made is in it
	s3haul, simulator string // programs
	runner            lab.Runner
	source            *lab.Source
	progress          io.Writer
	runs              int // of s3haul, for the names of what they say

	simulators map[string]*lab.Store // by latency
	gateway    *gateway              // nil until it is needed
	stocked    map[string]bool
	took       map[string]time.Duration // a run that is not killed, by operation
	orders     map[string]int64         // what such a run asks of the store, by operation
	table      table
}

// kill does what the options say, and prints the table; kept says that all was
// as it has to be.
func kill(ctx context.Context, o *options, stdout, stderr io.Writer) (kept bool, err error) {
	if !canKill {
		return false, errors.New("processes cannot be killed here as on unix: run it there")
	}
	some, err := chosen(o.ops)
	if err != nil {
		return false, err
	}
	dir, err := lab.Directory(o.dir, "kill", stderr)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{
		options: o, dir: dir, progress: stderr, source: lab.NewSource(dir), simulators: map[string]*lab.Store{},
		stocked: map[string]bool{}, took: map[string]time.Duration{}, orders: map[string]int64{},
	}
	programs, err := lab.Prepare(ctx, dir, b.say, "cmd/s3haul", "bench/s3sim/cmd/s3sim")
	if err != nil {
		return false, err
	}
	b.s3haul, b.simulator = programs["s3haul"], programs["s3sim"]
	b.runner = lab.Runner{Dir: dir}
	defer func() { err = errors.Join(err, b.close()) }()
	err = b.all(ctx, some)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	_, werr := io.WriteString(stdout, b.table.text())
	return b.table.kept(), errors.Join(err, werr)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.progress, format+"\n", args...) }

// close ends what serves.
func (b *bench) close() error {
	var errs []error
	for _, store := range b.simulators {
		errs = append(errs, store.Close())
	}
	if b.gateway != nil {
		errs = append(errs, b.gateway.kill())
	}
	return errors.Join(errs...)
}

// all does everything that was asked for, in turn over the operations.
func (b *bench) all(ctx context.Context, some []scenario) error {
	var lossy, paired []scenario
	for _, s := range some {
		if s.lossy {
			lossy = append(lossy, s)
			if s.name != "copy-sync" {
				paired = append(paired, s)
			}
		}
	}
	for _, part := range []struct {
		of   []scenario
		n    int
		once func(context.Context, scenario, uint64) error
	}{
		{some, b.options.kills, b.killed},
		{lossy, b.options.serverKills, b.serverKilled},
		{paired, b.options.pairs, b.paired},
	} {
		for i := range part.n {
			if len(part.of) == 0 {
				return errors.New("none of these operations is done with the server killed, or in pairs")
			}
			if err := part.once(ctx, part.of[i%len(part.of)], b.options.seed+uint64(i)); err != nil {
				return err
			}
		}
	}
	if b.options.half {
		return b.half(ctx)
	}
	return nil
}

// simulated is the simulator of a latency.
func (b *bench) simulated(ctx context.Context, latency string) (*lab.Store, error) {
	if store := b.simulators[latency]; store != nil {
		return store, nil
	}
	store, err := lab.Simulator{Program: b.simulator, Bucket: "killed", Latency: latency, Dir: b.dir}.Start(ctx)
	if err == nil {
		b.simulators[latency] = store
	}
	return store, err
}

// spot makes a fresh one; leave ends it.
func (b *bench) spot(ctx context.Context, sc scenario, store *lab.Store, large int64, seed uint64) (*spot, error) {
	b.runs++
	name := fmt.Sprintf("spot-%d", b.runs)
	s := &spot{
		dir: filepath.Join(b.dir, "spots", name), prefix: name + "/", large: large, store: store,
		rng: rand.New(rand.NewPCG(seed, 6)),
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return nil, err
	}
	if err := sc.place(b, ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", sc.name, err), b.leave(ctx, s))
	}
	if err := s.store.Reset(ctx); err != nil {
		return nil, errors.Join(err, b.leave(ctx, s))
	}
	return s, nil
}

// leave removes all of a spot.
func (b *bench) leave(ctx context.Context, s *spot) error {
	err := os.RemoveAll(s.dir)
	if s.closing != nil {
		return errors.Join(err, s.closing())
	}
	return errors.Join(err, s.store.Clear(ctx, s.prefix))
}

// baseline is how long a run takes that nobody kills; it is looked at as well.
func (b *bench) baseline(ctx context.Context, name string, sc scenario, store *lab.Store, large int64) (took time.Duration, err error) {
	if took := b.took[name]; took > 0 {
		return took, nil
	}
	s, err := b.spot(ctx, sc, store, large, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.leave(ctx, s)) }()
	p, err := b.start(ctx, s.dir, s.env(), s.args)
	if err != nil {
		return 0, err
	}
	if err := p.wait(b.options.timeout); err != nil {
		return 0, fmt.Errorf("%s, which nobody killed: %w", name, err)
	}
	if problems := s.done(ctx); len(problems) > 0 {
		return 0, fmt.Errorf("%s, which nobody killed: %w", name, errors.Join(problems...))
	}
	stats := s3sim.Stats{}
	if s.store.Simulated {
		if stats, err = s.store.Stats(ctx); err != nil {
			return 0, err
		}
	}
	if s.moved != nil {
		b.orders[name] = s.moved(stats)
	}
	b.took[name] = p.took
	b.say("%s: %.2f s where nobody kills it", name, p.took.Seconds())
	return p.took, nil
}
