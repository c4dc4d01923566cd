package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// paired has two processes do the same at the same time. Of every second pair one
// is killed; then a third run ends it.
func (b *bench) paired(ctx context.Context, sc scenario, seed uint64) (err error) {
	s, took, err := b.fresh(ctx, sc, seed)
	if s == nil {
		return err
	}
	began := time.Now()
	defer func() { err = errors.Join(err, b.leave(ctx, s)) }()
	o := outcome{twice: -1}
	name, doomed := sc.name+", two", s.rng.IntN(2) == 0
	if doomed {
		name = sc.name + ", one of two"
	}
	first, err := b.start(ctx, s.dir, s.env(), s.args)
	if err != nil {
		return err
	}
	// The second begins while the first is at it, early or late.
	timer := time.NewTimer(time.Duration(s.rng.Float64() * float64(took) / 2))
	select {
	case <-timer.C:
	case <-first.ended:
		timer.Stop()
		o.early = true
	}
	second, err := b.start(ctx, s.dir, s.env(), s.args)
	if err != nil {
		_ = killAll(first.cmd)
		<-first.ended
		return err
	}
	left := []*process{first, second}
	unknown := false // nobody can know what the killed one has left
	if doomed {
		i := s.rng.IntN(2)
		o.early = !left[i].killAfter(time.Duration(s.rng.Float64() * float64(took)))
		if unknown, err = left[i].unresumable(); err != nil {
			return err
		}
		_, problems := s.whole(ctx)
		o.wrong("after the kill of one", problems...)
		left = left[1-i : 2-i]
	}
	for _, p := range left {
		if err := p.wait(b.options.timeout); err != nil {
			o.wrong("one of two", err)
		}
	}
	if doomed {
		_, problems := s.whole(ctx)
		o.wrong("when the other had ended", problems...)
		err = b.ends(ctx, s, &o)
	} else {
		o.wrong("when both had ended", s.done(ctx)...)
	}
	if err != nil {
		return err
	}
	if unknown {
		all := len(o.problems)
		o.problems = slices.DeleteFunc(o.problems, func(err error) bool { return errors.Is(err, errLeft) })
		b.table.unknown += all - len(o.problems)
	}
	b.table.add(name, time.Since(began), o, fmt.Sprintf("--ops %s --pairs 1 --seed %d --kills 0 --server-kills 0", sc.name, seed))
	for _, err := range o.problems {
		b.say("%s, seed %d: %v", name, seed, err)
	}
	return ctx.Err()
}

// unresumable says that it has told that it works without a journal: another
// process has it. What it leaves where it is killed is not written down.
func (p *process) unresumable() (bool, error) {
	text, err := os.ReadFile(p.stdout)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"notice"`) && strings.Contains(line, "cannot be resumed") {
			return true, nil
		}
	}
	return false, nil
}
