package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

var errStop = errors.New("the caller has had enough")

// A run that is cancelled in the middle gives the cause, leaves nothing
// running and nothing half done, and the next one completes it.
func TestCancelledInTheMiddle(t *testing.T) {
	small, large := t.TempDir(), t.TempDir()
	numbered("k", 300).write(t, small)
	for _, name := range []string{"one", "two"} {
		largeFile(t, filepath.Join(large, name), 40*mib)
	}
	for _, c := range []struct {
		name string
		dir  string
		down bool
		at   func(e report.Event, done, moved int64) bool
	}{
		{"small up", small, false, func(_ report.Event, done, _ int64) bool { return done == 20 }},
		{"small down", small, true, func(_ report.Event, done, _ int64) bool { return done == 20 }},
		{"large up", large, false, func(_ report.Event, _, moved int64) bool { return moved > 10*mib }},
		{"large down", large, true, func(_ report.Event, _, moved int64) bool { return moved > 10*mib }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			o.MaxInFlight = 4
			src, dst, op := engine.Dir(c.dir), engine.Bucket(wiretest.Bucket(t), ""), report.Upload
			to := t.TempDir()
			if c.down {
				sum, err := newEngine(t, o).Sync(t.Context(), src, dst, engine.SyncOptions{})
				whole(t, sum, err)
				src, dst, op = dst, engine.Dir(to), report.Download
			}
			before := goleak.IgnoreCurrent()
			eng, err := engine.New(t.Context(), o)
			must(t, err)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var done, moved atomic.Int64
			sink := &recorder{on: func(e report.Event) {
				switch e.Kind {
				case report.Done:
					done.Add(1)
				case report.Progress:
					moved.Add(e.Bytes)
				default:
				}
				if c.at(e, done.Load(), moved.Load()) {
					cancel(errStop)
				}
			}}
			var sum engine.Summary
			within(t, func() {
				sum, err = eng.Sync(ctx, src, dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}})
			})
			must(t, eng.Close())
			if !errors.Is(err, errStop) {
				t.Errorf("the run ended with %v", err)
			}
			if left := goleak.Find(before); left != nil {
				t.Errorf("left running: %v", left)
			}
			// With 4 requests at once, 8 objects are under way at most.
			if n := sum.Ops[op].Objects; n > 30 || sum.Failed != 0 || c.dir == large && n == 2 {
				t.Errorf("%d done, %v", n, sum.Err())
			}
			readDir(t, to) // no temporary file
			sum, err = newEngine(t, o).Sync(t.Context(), src, dst, engine.SyncOptions{})
			whole(t, sum, err)
			if c.down {
				expect(t, "dir", readDir(t, to), readDir(t, c.dir))
			} else {
				sum, err = newEngine(t, o).Sync(t.Context(), dst, engine.Dir(to), engine.SyncOptions{})
				whole(t, sum, err)
				expect(t, "down again", readDir(t, to), readDir(t, c.dir))
			}
		})
	}
}

// What does not end by itself is cut off.
func TestCancelCutsOffWhatHangs(t *testing.T) {
	for what, hangs := range map[string]func(*http.Request) bool{
		"PUT":  func(r *http.Request) bool { return isPut(r, "hangs") },
		"GET":  func(r *http.Request) bool { return isGet(r, "hangs") },
		"list": isList,
	} {
		t.Run(what, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			p := newProxy(t, func(_ http.ResponseWriter, r *http.Request) bool {
				if !hangs(r) {
					return false
				}
				_, _ = io.Copy(io.Discard, r.Body) // the end of the client is seen only then
				cancel(errStop)
				<-r.Context().Done()
				return breakOff()
			})
			files, bucket := tree{"a": "1", "hangs": "2", "z": "3"}, wiretest.Bucket(t)
			src, dst := engine.Dir(files.write(t, t.TempDir())), engine.Bucket(bucket, "")
			if what == "GET" {
				files.put(t, bucket)
				src, dst = dst, engine.Dir(t.TempDir())
			}
			eng := newEngine(t, p.options(t))
			var sum engine.Summary
			var err error
			within(t, func() { sum, err = eng.Sync(ctx, src, dst, engine.SyncOptions{}) })
			if !errors.Is(err, errStop) || sum.Failed != 0 {
				t.Errorf("the run ended with %v; %v", err, sum.Err())
			}
			p.heal()
			sum, err = eng.Sync(t.Context(), src, dst, engine.SyncOptions{})
			whole(t, sum, err)
			expect(t, "bucket", readBucket(t, bucket), files)
		})
	}
}

func TestCancelledBefore(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	bucket, dir := wiretest.Bucket(t), tree{"a": "1"}.write(t, t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	for name, run := range map[string]func() (engine.Summary, error){
		"up": func() (engine.Summary, error) {
			return eng.Sync(ctx, engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{})
		},
		"down": func() (engine.Summary, error) {
			return eng.Sync(ctx, engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{})
		},
		"copy": func() (engine.Summary, error) {
			return eng.Copy(ctx, engine.File(filepath.Join(dir, "a")), engine.Object(bucket, "a"), engine.CopyOptions{})
		},
		"remove": func() (engine.Summary, error) {
			return eng.Remove(ctx, engine.Bucket(bucket, ""), engine.RemoveOptions{})
		},
	} {
		if sum, err := run(); !errors.Is(err, errStop) || len(sum.Ops) != 0 || sum.Failed != 0 {
			t.Errorf("%s: %v; %+v", name, err, sum)
		}
	}
	if n := sent.take(); len(n) != 0 {
		t.Errorf("requests %v under a context that had ended", n)
	}
}

// Deletes end at once as well.
func TestCancelledDeletes(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), numbered("x", 50).write(t, t.TempDir())
	tree{"a": "1"}.put(t, bucket)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	n := 0 // files are deleted one after the other
	sink := &recorder{on: func(e report.Event) {
		if e.Kind == report.Done && e.Op == report.Delete {
			if n++; n == 5 {
				cancel(errStop)
			}
		}
	}}
	eng := newEngine(t, options(t))
	o := engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}}
	if _, err := eng.Sync(ctx, engine.Bucket(bucket, ""), engine.Dir(dir), o); !errors.Is(err, errStop) {
		t.Errorf("the run ended with %v", err)
	}
	if got := len(readDir(t, dir)); got != 46 {
		t.Errorf("%d files are left, want 46", got)
	}
	sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	expect(t, "dir", readDir(t, dir), tree{"a": "1"})
}

// Deletes that hang are cut off, and their keys are not called failed.
func TestCancelCutsOffDeletes(t *testing.T) {
	there, bucket := numbered("k", 5), wiretest.Bucket(t)
	there.put(t, bucket)
	for _, at := range []engine.Location{engine.Bucket(bucket, ""), engine.Object(bucket, "k00")} {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		p := newProxy(t, func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost && r.Method != http.MethodDelete {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body)
			cancel(errStop)
			<-r.Context().Done()
			return breakOff()
		})
		eng := newEngine(t, p.options(t))
		var sum engine.Summary
		var err error
		within(t, func() { sum, err = eng.Remove(ctx, at, engine.RemoveOptions{}) })
		if !errors.Is(err, errStop) || sum.Failed != 0 || len(sum.Ops) != 0 {
			t.Errorf("%s: the run ended with %v; %v", at, err, sum.Err())
		}
		expect(t, "bucket", readBucket(t, bucket), there)
		p.heal()
		sum, err = eng.Remove(t.Context(), at, engine.RemoveOptions{RunOptions: engine.RunOptions{DryRun: true}})
		whole(t, sum, err)
	}
}
