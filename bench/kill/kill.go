package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// outcome is what came of one spot.
type outcome struct {
	early    bool // it had ended before it could be killed
	resumed  bool
	twice    int64 // what was sent twice; less than 0: it was not counted
	may      int64 // what may have been
	unit     string
	problems []error
}

func (o *outcome) wrong(when string, problems ...error) {
	for _, err := range problems {
		o.problems = append(o.problems, fmt.Errorf("%s: %w", when, err))
	}
}

// fresh makes a spot at the simulator, and says how long a run takes there that is
// let alone. There is no spot where that one fails, which has been noted then.
func (b *bench) fresh(ctx context.Context, sc scenario, seed uint64) (*spot, time.Duration, error) {
	store, err := b.simulated(ctx, sc.latency)
	if err != nil {
		return nil, 0, err
	}
	took, err := b.baseline(ctx, sc.name, sc, store, b.options.large)
	if err != nil {
		return nil, 0, b.broken(sc.name, seed, err)
	}
	s, err := b.spot(ctx, sc, store, b.options.large, seed)
	return s, took, err
}

// killed kills one run, or a few of the same one after the other, and then lets
// it go on to its end.
func (b *bench) killed(ctx context.Context, sc scenario, seed uint64) (err error) {
	s, took, err := b.fresh(ctx, sc, seed)
	if s == nil {
		return err
	}
	began := time.Now()
	defer func() { err = errors.Join(err, b.leave(ctx, s)) }()
	o := outcome{twice: -1}
	times := 1
	switch s.rng.IntN(10) {
	case 0:
		times = 3
	case 1, 2:
		times = 2
	}
	redone, kills := int64(0), int64(0)
	for i := range times {
		p, err := b.start(ctx, s.dir, s.env(), s.args)
		if err != nil {
			return err
		}
		if !p.killAfter(time.Duration(s.rng.Float64() * float64(took))) {
			if p.err != nil {
				o.wrong("it ended by itself", fmt.Errorf("%w%s", p.err, p.said()))
			}
			if o.early = i == 0; o.early {
				b.took[sc.name] = p.took // it takes less by now
			}
			if s.again {
				redone += s.need
			}
			break
		}
		kills++
		arrived, problems := s.whole(ctx)
		o.wrong(fmt.Sprintf("after kill %d at %v", i+1, p.took.Round(time.Millisecond)), problems...)
		if s.again {
			redone += arrived
		}
	}
	if err := b.ends(ctx, s, &o); err != nil {
		return err
	}
	if s.moved != nil && !o.early {
		stats, err := s.store.Stats(ctx)
		if err != nil {
			return err
		}
		o.twice, o.may, o.unit = max(0, s.moved(stats)-s.need-redone), kills*s.may, s.unit
		if o.twice > o.may {
			o.wrong("in the end", fmt.Errorf("%d %s were sent twice, and %d may be", o.twice, o.unit, o.may))
		}
	}
	b.note(sc.name, "kills", seed, time.Since(began), o)
	return ctx.Err()
}

// ends runs what was killed to its end, and looks at what is there.
func (b *bench) ends(ctx context.Context, s *spot, o *outcome) error {
	p, err := b.start(ctx, s.dir, s.env(), s.args)
	if err != nil {
		return err
	}
	if err := p.wait(b.options.timeout); err != nil {
		o.wrong("the last run", err)
	} else if resumed, err := p.resumed(); err != nil {
		o.wrong("the last run", err)
	} else {
		o.resumed = resumed > 0
	}
	o.wrong("in the end", s.done(ctx)...)
	return nil
}

// broken is of a baseline that fails: there is nothing to kill then.
func (b *bench) broken(name string, seed uint64, err error) error {
	b.note(name, "kills", seed, 0, outcome{twice: -1, problems: []error{err}})
	return nil
}

// serverLarge is the largest file where the server is killed: it writes to a disk.
const serverLarge = 48 * mib

// serverKilled kills the server and the client, in either order or at once, and
// lets it go on with the server started again.
func (b *bench) serverKilled(ctx context.Context, sc scenario, seed uint64) (err error) {
	if b.gateway == nil {
		if b.gateway, err = b.newGateway(ctx); err != nil {
			return err
		}
	}
	g, name := b.gateway, sc.name+", server"
	took, err := b.baseline(ctx, name, sc, g.store, serverLarge)
	if err != nil {
		return b.broken(name, seed, err)
	}
	began := time.Now()
	s, err := b.spot(ctx, sc, g.store, serverLarge, seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.leave(ctx, s)) }()
	o := outcome{twice: -1}
	p, err := b.start(ctx, s.dir, s.env(), s.args)
	if err != nil {
		return err
	}
	moment := time.Duration(s.rng.Float64() * float64(took))
	apart := time.Duration(s.rng.IntN(3)) * 50 * time.Millisecond // 0: at once
	if s.rng.IntN(4) == 0 {
		o.early = !p.killAfter(moment)
		if err := g.kill(); err != nil {
			return err
		}
	} else {
		timer := time.NewTimer(moment)
		select {
		case <-p.ended:
			timer.Stop()
		case <-timer.C:
		}
		if err := g.kill(); err != nil {
			return err
		}
		o.early = !p.killAfter(apart)
	}
	if o.early {
		b.took[name] = min(took, p.took)
	}
	if err := g.start(ctx); err != nil {
		return err
	}
	if !o.early {
		_, problems := s.whole(ctx)
		o.wrong(fmt.Sprintf("after the kill at %v", moment.Round(time.Millisecond)), problems...)
	}
	if err := b.ends(ctx, s, &o); err != nil {
		return err
	}
	b.note(name, "server-kills", seed, time.Since(began), o)
	return ctx.Err()
}

// note keeps what came of a spot, and tells what is wrong at once.
func (b *bench) note(name, flag string, seed uint64, took time.Duration, o outcome) {
	op := name
	if flag == "server-kills" {
		op = name[:len(name)-len(", server")]
	}
	again := fmt.Sprintf("--ops %s --%s 1 --seed %d", op, flag, seed)
	if flag != "kills" {
		again += " --kills 0"
	}
	if flag != "server-kills" {
		again += " --server-kills 0"
	}
	b.table.add(name, took, o, again)
	for _, err := range o.problems {
		b.say("%s: %v\n  again: %s", name, err, again)
	}
}
