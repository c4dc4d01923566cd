package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// outcome is what one program did with a case.
type outcome struct {
	exit          int
	stdout        []string
	stderr        []string
	local, remote []string
}

// difference is one thing that is not the same on both sides.
type difference struct {
	kind      string // exit, stdout, stderr, local or remote
	aws, ours []string
	reason    *reason // nil: there is none
}

// result is a case with its differences.
type result struct {
	testcase    *testcase
	differences []difference
}

// is says which of the page's three kinds a result is of.
func (r *result) is() verdict {
	v := same
	for _, d := range r.differences {
		switch {
		case d.reason == nil:
			return unexplained
		case d.reason.verdict > v:
			v = d.reason.verdict
		}
	}
	return v
}

// compare runs the cases and says what differs; false where something does
// without a reason.
func compare(ctx context.Context, o *options, stdout, stderr io.Writer) (bool, error) {
	all := slices.DeleteFunc(allCases(), func(c testcase) bool { return !o.run.MatchString(c.name) })
	if o.list {
		for _, c := range all {
			fmt.Fprintf(stdout, "%s: %s\n", c.name, strings.Join(c.args, " "))
		}
		fmt.Fprintf(stdout, "%d cases\n", len(all))
		return true, nil
	}
	dir, remove, err := place(o.keep, stderr)
	if err != nil {
		return false, err
	}
	defer remove()
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	ours := o.ours
	if ours == "" {
		programs, err := lab.Prepare(ctx, dir, say, "cmd/s3haul")
		if err != nil {
			return false, err
		}
		ours = programs["s3haul"]
	}
	if ours, err = filepath.Abs(ours); err != nil {
		return false, err
	}
	results := make([]result, len(all))
	work := make(chan int)
	var showing sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		for i := range all {
			select {
			case work <- i:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range o.jobs {
		g.Go(func() (err error) {
			oracle, err := newOracle(o.aws)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, oracle.close()) }()
			for i := range work {
				c := &all[i]
				results[i].testcase = c
				results[i].differences, err = both(ctx, filepath.Join(dir, "case-"+strconv.Itoa(i)), o, c, oracle, process{ours})
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err != nil { // the others go on
					results[i].differences = []difference{{kind: "none of it could be compared", aws: []string{err.Error()}}}
				}
				showing.Lock()
				show(stdout, &results[i], o.verbose)
				showing.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return false, err
	}
	return judged(results, o, stdout)
}

// judged adds the results to those of earlier runs and tells of all.
func judged(results []result, o *options, stdout io.Writer) (bool, error) {
	if o.results == "" {
		return tell(results, o, stdout)
	}
	all, err := readKnown(o.results)
	if err != nil {
		return false, err
	}
	for i := range results {
		all.learn(&results[i])
	}
	if err := all.write(o.results); err != nil {
		return false, err
	}
	if o.write == "" {
		return tell(results, o, stdout)
	}
	if results, err = all.judge(allCases()); err != nil {
		return false, err
	}
	return tell(results, o, stdout)
}

// place is where all happens, and what removes it.
func place(keep string, stderr io.Writer) (string, func(), error) {
	if keep != "" {
		dir, err := filepath.Abs(keep)
		if err != nil {
			return "", nil, err
		}
		return dir, func() {}, os.Mkdir(dir, 0o777)
	}
	dir, err := lab.Directory("", "awsdiff", stderr)
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

// both runs a case with both programs and compares.
func both(ctx context.Context, dir string, o *options, c *testcase, oracle, ours runner) ([]difference, error) {
	theirs, err := one(ctx, filepath.Join(dir, "aws"), o, c, oracle, true)
	if err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	mine, err := one(ctx, filepath.Join(dir, "s3haul"), o, c, ours, false)
	if err != nil {
		return nil, fmt.Errorf("s3haul: %w", err)
	}
	if o.keep == "" {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	return differences(c, theirs, mine), nil
}

// one runs a case with one program.
func one(ctx context.Context, dir string, o *options, c *testcase, r runner, aws bool) (out *outcome, err error) {
	s, err := newSide(ctx, dir, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	run := command{
		Args: c.args, Dir: s.work, Env: s.environment(c), Seconds: int(o.timeout.Seconds()),
		Stdin: filepath.Join(dir, "stdin"), Stdout: filepath.Join(dir, "stdout"), Stderr: filepath.Join(dir, "stderr"),
	}
	if aws {
		run.Args = slices.Concat([]string{"--endpoint-url", s.store.Endpoint, "s3"}, c.args)
	}
	out = &outcome{}
	if out.exit, err = r.run(ctx, run); err != nil {
		return nil, err
	}
	said, err := head(run.Stdout)
	if err != nil {
		return nil, err
	}
	out.stdout = s.normal(said, c.ordered)
	if said, err = head(run.Stderr); err != nil {
		return nil, err
	}
	out.stderr = s.normal(said, c.ordered)
	if !aws {
		out.stderr = ourNormal(out.stderr)
	}
	if out.local, err = s.local(); err != nil {
		return nil, err
	}
	out.remote, err = s.remote(ctx)
	return out, err
}

// usageExit is that of a command line that makes no sense.
const usageExit = 252

// differences finds what is not the same, and the reasons.
func differences(c *testcase, theirs, mine *outcome) []difference {
	var all []difference
	find := func(kind string, aws, ours []string) {
		aws, ours = onlyHere(aws, ours)
		if len(aws)+len(ours) == 0 {
			return
		}
		d := difference{kind: kind, aws: aws, ours: ours}
		d.reason = reasonFor(c.name, &d)
		all = append(all, d)
	}
	if theirs.exit != mine.exit {
		find("exit", []string{strconv.Itoa(theirs.exit)}, []string{strconv.Itoa(mine.exit)})
	}
	if c.ordered && !slices.Equal(theirs.stdout, mine.stdout) && sameSet(theirs.stdout, mine.stdout) {
		all = append(all, difference{kind: "stdout", aws: theirs.stdout, ours: mine.stdout})
	}
	find("stdout", theirs.stdout, mine.stdout)
	// aws prints a page of its syntax at some command lines: that there is a text is
	// all that is asked for.
	if theirs.exit == usageExit && mine.exit == usageExit && len(theirs.stderr) > 0 && len(mine.stderr) > 0 {
		theirs.stderr, mine.stderr = nil, nil
	}
	find("stderr", theirs.stderr, mine.stderr)
	find("local", theirs.local, mine.local)
	find("remote", theirs.remote, mine.remote)
	return all
}

func sameSet(a, b []string) bool {
	a, b = onlyHere(a, b)
	return len(a)+len(b) == 0
}

// onlyHere are the lines that one alone has, as often as it has them more.
func onlyHere(a, b []string) (onlyA, onlyB []string) {
	count := map[string]int{}
	for _, line := range b {
		count[line]++
	}
	for _, line := range a {
		if count[line] == 0 {
			onlyA = append(onlyA, line)
			continue
		}
		count[line]--
	}
	for _, line := range b {
		if count[line] > 0 {
			onlyB = append(onlyB, line)
			count[line]--
		}
	}
	return onlyA, onlyB
}
