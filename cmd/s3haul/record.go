package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// sides are what a command brings together.
type sides struct {
	command  string // "sync"
	src, dst engine.Location
	from, to place
	tree     bool
}

// files are the local files of one copy; none of a tree.
func (s *sides) files() (files []string) {
	if s.tree {
		return nil
	}
	if !s.from.s3 {
		files = append(files, s.src.String())
	}
	if !s.to.s3 {
		files = append(files, s.dst.String())
	}
	return files
}

// full writes a side so that it means the same from everywhere.
func full(l engine.Location, p place) string {
	if p.s3 {
		return l.String()
	}
	if abs, err := filepath.Abs(l.String()); err == nil {
		return abs
	}
	return l.String()
}

// errNotTried stands in a report for what has failed before, and was not come
// to since.
var errNotTried = errors.New("it failed before, and was not tried again")

// record is the --report of a run.
type record struct {
	*outFile
	json *report.JSON

	mu sync.Mutex
	// left are those of --retry-failed that were not dealt with.
	left map[string]bool
}

// newRecord begins the report of a run, or a dry run.
func newRecord(c *copyFlags, dry bool) (*record, error) {
	s := c.sides
	ours := oursSaved
	if dry {
		ours = oursDry
	}
	file, err := newOutFile("--report", c.report, ours)
	if err != nil {
		return nil, err
	}
	r := &record{outFile: file, json: report.NewJSON(file.console, report.JSONOptions{})}
	r.json.Header(s.command, full(s.src, s.from), full(s.dst, s.to), c.before)
	if err := file.console.Flush(); err != nil { // now, and not when all has been sent
		file.drop()
		return nil, fmt.Errorf("--report %s: %w", c.report, err)
	}
	if c.only != nil {
		r.left = map[string]bool{}
		for _, key := range c.only {
			r.left[key] = true
		}
	}
	return r, nil
}

// Report implements report.Sink.
func (r *record) Report(e report.Event) {
	if r.left != nil && (e.Kind == report.Done || e.Kind == report.Failed) {
		r.mu.Lock()
		delete(r.left, e.Key)
		r.mu.Unlock()
	}
	r.json.Report(e)
}

// close ends the report: with what ended the run, and how. Where the run did not
// do what it was to, what has failed before it stays a failure: the report may
// take the place of the one that said so.
func (r *record) close(sum engine.Summary, err error, code int) error {
	if err != nil || sum.DryRun {
		r.mu.Lock()
		for _, key := range slices.Sorted(maps.Keys(r.left)) {
			r.json.Report(report.Event{Kind: report.Failed, Op: report.Copy, Key: key, Err: errNotTried})
		}
		r.mu.Unlock()
	}
	if err != nil {
		r.json.Fatal(advise(err))
	}
	r.json.Close()
	r.json.Summary(sum, code)
	return r.keep()
}

// retrying reads the FILE of --retry-failed. It returns what there is to say of
// it; c.only are the keys that have failed, none of them where it says so.
func (c *copyFlags) retrying(s *sides) (notices []string, err error) {
	f, err := os.Open(c.retry)
	if err != nil {
		return nil, fmt.Errorf("--retry-failed: %w", err)
	}
	defer f.Close()
	saved, err := report.ReadSaved(f)
	if errors.Is(err, report.ErrNotReport) {
		return nil, usagef("--retry-failed %s: %v", c.retry, err)
	}
	if err != nil {
		return nil, fmt.Errorf("--retry-failed %s: %w", c.retry, err)
	}
	if err := s.match(&saved); err != nil {
		return nil, usagef("--retry-failed %s: %v", c.retry, err)
	}
	if !s.tree && len(saved.Failed) > 0 {
		saved.Complete = true // the one object is all that there is
	}
	c.before = &report.Saved{Complete: saved.Complete, Deletes: saved.Deletes}
	c.only = make([]string, 0, len(saved.Failed))
	for _, f := range saved.Failed {
		c.only = append(c.only, f.Key)
	}
	if len(c.only) == 0 {
		notices = append(notices, "no object has failed in "+c.retry)
	}
	if saved.Deletes > 0 {
		notices = append(notices, "deletes have failed, too, and are not tried again: the same command without --retry-failed does that")
	}
	if !saved.Complete {
		notices = append(notices, whyPartial(c.retry, &saved)+": the same command without --retry-failed does the rest")
	}
	return notices, nil
}

// whyPartial says why there may be more to do than a report tells of.
func whyPartial(file string, saved *report.Saved) string {
	switch {
	case saved.DryRun:
		return file + " is of a dry run"
	case saved.Unlisted:
		return "the run that wrote " + file + " could not list all directories"
	case saved.Earlier:
		return "the run that wrote " + file + " tried again what had failed in one that had not done everything"
	}
	return "the run that wrote " + file + " was ended before its end"
}

// partial says that there is more to do than --retry-failed does.
func (c *copyFlags) partial() bool { return c.before != nil && !c.before.Complete }

// atLeast is the exit code where code is that of what was done: what is not is a
// failure.
func (c *copyFlags) atLeast(code int) int {
	if c.partial() && (code == 0 || code == exitSkipped) {
		return exitFailed
	}
	return code
}

// match says why what was kept is of another run than this.
func (s *sides) match(saved *report.Saved) error {
	src, dst := full(s.src, s.from), full(s.dst, s.to)
	if saved.Op != "" && (saved.Op != s.command || saved.Src != src || saved.Dst != dst) {
		return fmt.Errorf("it is of another command: s3haul %s %s %s", saved.Op, saved.Src, saved.Dst)
	}
	for _, f := range saved.Failed {
		if s.tree == (f.Key == "") {
			return fmt.Errorf("it is of another command: %s", strings.TrimSpace(f.Src+" "+f.Dst))
		}
		// Local names may be from another working directory.
		for _, side := range []struct {
			said string
			at   engine.Location
			s3   bool
		}{{f.Src, s.src, s.from.s3}, {f.Dst, s.dst, s.to.s3}} {
			if side.s3 && side.said != "" && side.said != side.at.String()+f.Key {
				return fmt.Errorf("it is of another command: %s is not in %s", side.said, side.at)
			}
		}
	}
	return nil
}

// inside says that a file is, or would be, below a directory.
func inside(dir, file string) bool {
	rel, err := filepath.Rel(resolve(dir), resolve(file))
	return err == nil && filepath.IsLocal(rel)
}
