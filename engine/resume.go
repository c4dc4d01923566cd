package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// tidyTime bounds what is removed at the end of a run.
const tidyTime = time.Minute

// openJournal opens the journal of the run: what is large is written down there
// before it is begun, so that another run can go on with it.
func (r *run) openJournal() *journal.Journal {
	if r.e.o.StateDir == "" || r.DryRun || !r.moves() {
		return nil
	}
	return journal.Open(journal.Options{
		Dir: r.e.o.StateDir,
		Job: journal.Job{
			Endpoint: r.e.store(), Account: r.e.o.Profile, Op: r.verb(), Src: r.origin(), Dst: r.dst.whole(),
		},
		Trouble: func(err error) {
			what := "this run cannot be resumed"
			if errors.Is(err, journal.ErrDamaged) { // there is a new one
				what = "what an interrupted run has left is not known"
			}
			r.sink.Report(report.Event{Kind: report.Notice, Op: r.op, Err: fmt.Errorf("%s: %w", what, err)})
		},
	})
}

// origin is the source of the run, with the store that it is in where that is
// another one.
func (r *run) origin() string {
	from := r.e.o.Source
	if r.src.local() || !from.elsewhere() {
		return r.src.whole()
	}
	return r.src.whole() + " at " + report.Redact(cmp.Or(from.EndpointURL, wire.Endpoint(r.e.source))) + " as " + cmp.Or(from.Profile, r.e.o.Profile, "default")
}

// store names the store in journals.
func (e *Engine) store() string {
	if e.o.Store != "" {
		return e.o.Store
	}
	return wire.Endpoint(e.client)
}

// moves says whether the run transfers contents.
func (r *run) moves() bool {
	switch r.op {
	case report.Upload, report.Download, report.Copy, report.Move:
		return true
	}
	return false
}

// verb is the way of the bytes, whatever the command is called: cp goes on with
// what sync has left, and the reverse.
func (r *run) verb() string {
	switch {
	case r.src.local():
		return string(report.Upload)
	case r.dst.local():
		return string(report.Download)
	}
	return string(report.Copy)
}

// whole is the location in full.
func (l Location) whole() string {
	if !l.local() {
		return l.String()
	}
	if abs, err := filepath.Abs(l.path); err == nil {
		return abs
	}
	return l.path
}

// storeClock is the time of the store. It is known from its answers; where there
// has been none, one is asked for.
func (r *run) storeClock(ctx context.Context) time.Time {
	ahead, known := wire.Ahead(r.client)
	if !known {
		_ = r.client.HeadBucket(ctx, cmp.Or(r.dst.bucket, r.src.bucket)) // whatever it answers
		if ahead, known = wire.Ahead(r.client); !known {
			return time.Time{}
		}
	}
	return time.Now().Add(ahead)
}

// closeJournal removes what the run before had left and this one had no use for,
// if this one is complete: else it may be of use to the next.
func (r *run) closeJournal(ctx context.Context, complete bool) {
	if r.journal == nil {
		return
	}
	complete = complete && !r.listed() && !r.bounded() && r.src.glob == "" && !r.leftArchived.Load()
	if complete {
		ctx, cancel := context.WithTimeout(ctx, tidyTime)
		defer cancel()
		for _, rec := range r.journal.Unclaimed() {
			if !r.mine(rec) {
				complete = false
				continue
			}
			if err := r.transfer.Discard(ctx, rec); err != nil {
				complete = false
				r.sink.Report(report.Event{Kind: report.Notice, Op: r.op, Err: fmt.Errorf("what an interrupted run has left of %s stays: %w", rec.Source, err)})
				continue
			}
			r.journal.Forget(rec.ID)
		}
		if dirs := r.journal.Directories(); complete && len(dirs) > 0 {
			spare, known := temporariesOf(ctx, r.e.o.StateDir, r.journal.Path())
			complete = known
			for _, dir := range dirs {
				complete = complete && removeTemporaries(dir, spare) == nil
			}
		}
	}
	if err := r.journal.Close(complete); err != nil {
		r.sink.Report(report.Event{Kind: report.Notice, Op: r.op, Err: err})
	}
}

// mine says whether a record is of something that this run would have moved. What
// its filters leave out is another run's.
func (r *run) mine(rec journal.Record) bool {
	if len(r.Filters) == 0 {
		return true
	}
	at := r.dst
	if rec.Kind == journal.Download {
		at = r.src
	}
	key, ok := cutPrefix(rec.Key, at.path)
	return ok && walker.NewFilter(r.src.whole(), r.Filters...).Match(key)
}

func cutPrefix(key, prefix string) (string, bool) {
	if len(key) < len(prefix) || key[:len(prefix)] != prefix {
		return "", false
	}
	return key[len(prefix):], true
}

// temporariesOf are the temporary files that other jobs can go on with, by the
// journals beside own. They are not known where one of them cannot be read.
func temporariesOf(ctx context.Context, stateDir, own string) (paths map[string]bool, known bool) {
	infos, err := journal.List(ctx, stateDir)
	if err != nil {
		return nil, false
	}
	paths = map[string]bool{}
	for _, info := range infos {
		if info.Path == own {
			continue
		}
		if info.Err != nil && !errors.Is(info.Err, journal.ErrDamaged) {
			return nil, false
		}
		for _, rec := range info.Records {
			paths[rec.Temp] = true
		}
	}
	return paths, true
}

// removeTemporaries removes the temporary files of a directory that no living
// process writes to, but for those to spare.
func removeTemporaries(dir string, spare map[string]bool) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			path := filepath.Join(dir, name)
			if !transfer.IsTemporary(name) || spare[path] {
				continue
			}
			if _, err := transfer.RemoveTemporary(path); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Interrupted lists what interrupted runs left behind, by the journals of a
// state directory. It sends nothing.
func Interrupted(ctx context.Context, stateDir string) ([]journal.Info, error) {
	return journal.List(ctx, stateDir)
}

// CleanOptions of Clean.
type CleanOptions struct {
	RunOptions
}

// ErrElsewhere is of what an interrupted run left at another store than the one
// that this Engine talks to.
var ErrElsewhere = errors.New("it is at another store")

// Clean removes what an interrupted run left behind, and its journal: it aborts
// the uploads and removes the temporary files. Those of a store that this Engine
// does not talk to stay ([ErrElsewhere]), and so does what a living process works
// on ([journal.ErrLocked]). What could not be removed is told as a failure, and
// keeps the journal.
func (e *Engine) Clean(ctx context.Context, info journal.Info, o CleanOptions) (Summary, error) {
	info, release, err := journal.Take(info)
	if errors.Is(err, fs.ErrNotExist) {
		return Summary{}, nil // its job has ended since
	}
	if err != nil {
		return Summary{}, err
	}
	if err := e.mayClean(info); err != nil {
		return Summary{}, errors.Join(err, release(false))
	}
	o.Report = orDiscard(o.Report)
	r, err := e.begin(ctx, report.AbortUpload, Location{}, Location{}, o.RunOptions)
	if err != nil {
		return Summary{}, errors.Join(err, release(false))
	}
	left, err := r.clean(ctx, info)
	return r.end(errors.Join(err, release(!left)))
}

// mayClean says why what a journal has must not be removed.
func (e *Engine) mayClean(info journal.Info) error {
	switch {
	case info.Err == nil, errors.Is(info.Err, journal.ErrDamaged):
	case errors.Is(info.Err, journal.ErrVersion):
		return fmt.Errorf("%w: it stays, since what it knows of would be forgotten: clean with that version, or remove the file yourself", info.Err)
	case errors.Is(info.Err, journal.ErrForeign):
		return fmt.Errorf("%w: it stays: give the file its name again, or remove it yourself", info.Err)
	default:
		return fmt.Errorf("%s: %w: it stays: have it readable, or remove the file yourself", info.Path, info.Err)
	}
	if info.Job.Endpoint != e.store() && hasUploads(info.Records) {
		return fmt.Errorf("%s: %w: %s", info.Path, ErrElsewhere, info.Job.Endpoint)
	}
	return nil
}

func orDiscard(s report.Sink) report.Sink {
	if s == nil {
		return report.Discard{}
	}
	return s
}

// hasUploads says that the store may have something of the records: an upload may
// be open of which the id is not known.
func hasUploads(records []journal.Record) bool {
	return slices.ContainsFunc(records, func(rec journal.Record) bool { return rec.Kind != journal.Download })
}

// clean removes what a journal has, which is taken. It says whether anything is
// left of it.
func (r *run) clean(ctx context.Context, info journal.Info) (left bool, err error) {
	for _, rec := range info.Records {
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
		ev := report.Event{Kind: report.Done, Op: report.AbortUpload, Src: "s3://" + rec.Bucket + "/" + rec.Key, Key: rec.Key}
		if rec.Kind == journal.Download {
			ev.Op, ev.Src = report.Delete, rec.Temp
		}
		switch {
		case r.DryRun:
			ev.Kind = report.DryRun
		default:
			// What was in a bucket has gone with it.
			if err := r.transfer.Discard(ctx, rec); err != nil && wire.Code(err) != "NoSuchBucket" {
				ev.Kind, ev.Err, left = report.Failed, err, true
			}
		}
		r.sink.Report(ev)
	}
	if r.DryRun || left {
		return true, nil
	}
	spare, known := temporariesOf(ctx, filepath.Dir(info.Path), info.Path)
	if !known && len(info.Directories) > 0 {
		return true, fmt.Errorf("%s: %w: it may have temporary files in the same directories", filepath.Dir(info.Path), journal.ErrLocked)
	}
	for _, dir := range info.Directories {
		if err := removeTemporaries(dir, spare); err != nil {
			return true, fmt.Errorf("removing the temporary files of %s: %w", dir, err)
		}
	}
	return false, nil
}
