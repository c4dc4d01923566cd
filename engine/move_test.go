package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
)

// ways are an up, a down and a copy within the store, of a tree each.
func ways(t *testing.T, run func(t *testing.T, p pair, readSource func() tree)) {
	t.Helper()
	pairs(t, func(t *testing.T, p pair) {
		run(t, p, func() tree { return readEnd(t, p.src) })
	})
	t.Run("copy", func(t *testing.T) {
		from, to := wiretest.Bucket(t), wiretest.Bucket(t)
		run(t, pair{
			eng: newEngine(t, options(t)), src: engine.Bucket(from, ""), dst: engine.Bucket(to, ""),
			source: func(w tree) { w.put(t, from) }, target: func(w tree) { w.put(t, to) },
			read: func() tree { return readBucket(t, to) },
		}, func() tree { return readBucket(t, from) })
	})
}

// readEnd is what is at one end of a run.
func readEnd(t *testing.T, l engine.Location) tree {
	t.Helper()
	if name, ok := strings.CutPrefix(l.String(), "s3://"); ok {
		return readBucket(t, strings.TrimSuffix(name, "/"))
	}
	return readDir(t, l.String())
}

// What has arrived is gone from the source, and is told as done only then; what
// a filter keeps out stays, and what was at the destination.
func TestMoveTree(t *testing.T) {
	ways(t, func(t *testing.T, p pair, readSource func() tree) {
		here := numbered("k", 30).with(tree{"d/e/f": "1", "empty": "", "keep/me": "2"})
		p.source(here)
		p.target(tree{"other": "3", "k01": "old"})
		filters := []walker.Rule{{Pattern: "keep/*"}}
		dry, err := p.eng.Move(t.Context(), p.src, p.dst, engine.MoveOptions{RunOptions: engine.RunOptions{DryRun: true, Filters: filters}})
		whole(t, dry, err)
		if dry.Ops[report.Move].Objects != 32 {
			t.Errorf("would have moved %v", dry.Ops)
		}
		expect(t, "source after the dry run", readSource(), here)

		sink := &recorder{}
		sum, err := p.eng.Move(t.Context(), p.src, p.dst, engine.MoveOptions{RunOptions: engine.RunOptions{Filters: filters, Report: sink}})
		whole(t, sum, err)
		if sum.Ops[report.Move].Objects != 32 || len(sum.Ops) != 1 || len(sink.keys(report.Done, report.Move)) != 32 || sum.Unverified > 1 {
			t.Errorf("%+v", sum)
		}
		expect(t, "source", readSource(), tree{"keep/me": "2"})
		here = here.with(tree{"other": "3"})
		delete(here, "keep/me")
		expect(t, "destination", p.read(), here)
	})
}

// Directories stay; of a link, the link goes.
func TestMoveLeavesDirectoriesAndWhatLinksLeadTo(t *testing.T) {
	dir, away := tree{"d/a": "1"}.write(t, t.TempDir()), tree{"b": "2"}.write(t, t.TempDir())
	link(t, filepath.Join(away, "b"), filepath.Join(dir, "b"))
	bucket := wiretest.Bucket(t)
	sum, err := newEngine(t, options(t)).Move(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.MoveOptions{})
	whole(t, sum, err)
	expect(t, "bucket", readBucket(t, bucket), tree{"d/a": "1", "b": "2"})
	expect(t, "what the link led to", readDir(t, away), tree{"b": "2"})
	if _, err := os.Lstat(filepath.Join(dir, "b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link: %v", err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "d")); err != nil || !fi.IsDir() {
		t.Errorf("the directory: %v", err)
	}
}

func TestMoveOne(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), t.TempDir()
	eng := newEngine(t, options(t))
	file := tree{"a": "1"}.write(t, dir)
	for _, c := range [][2]engine.Location{
		{engine.File(filepath.Join(file, "a")), engine.Object(bucket, "b")},
		{engine.Object(bucket, "b"), engine.Object(bucket, "c")},
		{engine.Object(bucket, "c"), engine.File(filepath.Join(dir, "d"))},
	} {
		sum, err := eng.Move(t.Context(), c[0], c[1], engine.MoveOptions{})
		whole(t, sum, err)
		if sum.Ops[report.Move].Objects != 1 {
			t.Errorf("%s: %v", c[0], sum.Ops)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{})
	expect(t, "dir", readDir(t, dir), tree{"d": "1"})
}

// Where nothing says that the copy is right, or it failed, the source stays.
func TestMoveKeepsWhatIsNotVerified(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case isPut(r, "bad"):
			return deny(w, http.StatusForbidden, "AccessDenied")
		case isPut(r, "a"), isPut(r, "empty"):
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"no-md5"`)
			return true
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", `"no-md5"`)
			w.Header().Set("Content-Length", "1")
			return true
		}
		return false
	})
	here := tree{"a": "1", "bad": "2", "good": "3", "empty": ""}
	dir := here.write(t, t.TempDir())
	sum, err := newEngine(t, p.options(t)).Move(t.Context(), engine.Dir(dir), engine.Bucket(wiretest.Bucket(t), ""), engine.MoveOptions{})
	must(t, err)
	if sum.Failed != 2 || !errors.Is(sum.Err(), engine.ErrUnverified) || sum.Ops[report.Move].Objects != 2 || sum.Exit() != 1 {
		t.Errorf("%+v: %v", sum, sum.Err())
	}
	expect(t, "source", readDir(t, dir), tree{"a": "1", "bad": "2"})
}

// A file that changes after it was read is sent once more, and stays where it
// changes again.
func TestMoveOfAFileThatChanges(t *testing.T) {
	for changes, failed := range map[int64]int64{1: 0, 2: 1} {
		dir, bucket := tree{"a": "first", "b": "1"}.write(t, t.TempDir()), wiretest.Bucket(t)
		var sent atomic.Int64
		p := newProxy(t, func(_ http.ResponseWriter, r *http.Request) bool {
			if n := sent.Load(); isPut(r, "a") && n < changes {
				sent.Add(1)
				must(t, os.WriteFile(filepath.Join(dir, "a"), fmt.Appendf(nil, "change %d", n+1), 0o666))
			}
			return false
		})
		sum, err := newEngine(t, p.options(t)).Move(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.MoveOptions{})
		must(t, err)
		if sum.Failed != failed || failed > 0 && !errors.Is(sum.Err(), transfer.ErrChanged) {
			t.Errorf("%d changes: %v", changes, sum.Err())
		}
		left := tree{}
		if failed > 0 {
			left["a"] = "change 2"
		} else if got := readBucket(t, bucket); got["a"] != "change 1" {
			t.Errorf("moved %q", got["a"])
		}
		expect(t, "source", readDir(t, dir), left)
	}
}

// An object that is replaced between its copy and its removal stays.
func TestMoveOfAnObjectThatIsReplaced(t *testing.T) {
	s := simulate(t, s3sim.Options{VerifySignatures: true, KeepBodies: 1 << 20})
	eng := newEngine(t, s.options())
	for _, b := range []string{"the-source", "the-target"} {
		must(t, eng.MakeBucket(t.Context(), b))
	}
	dir := tree{"a": "1", "b": "2"}.write(t, t.TempDir())
	put := func(dir, key string) {
		t.Helper()
		sum, err := eng.Copy(t.Context(), engine.File(filepath.Join(dir, key)), engine.Object("the-source", key), engine.CopyOptions{})
		whole(t, sum, err)
	}
	newer := tree{"a": "22"}.write(t, t.TempDir())
	for _, dst := range []engine.Location{engine.Dir(filepath.Join(t.TempDir(), "down")), engine.Bucket("the-target", "")} {
		put(dir, "a")
		put(dir, "b")
		o := s.options()
		var once atomic.Bool
		o.OnAttempt = func(op string, _ time.Duration, _ error) {
			// The first is not removed before both are copied.
			if op == "DeleteObjects" || op == "ListObjectsV2" || !once.CompareAndSwap(false, true) {
				return
			}
			put(newer, "a")
		}
		o.MaxInFlight = 1
		sum, err := newEngine(t, o).Move(t.Context(), engine.Bucket("the-source", ""), dst, engine.MoveOptions{})
		must(t, err)
		if sum.Failed != 1 || sum.Failures[0].Key != "a" || sum.Ops[report.Move].Objects != 1 {
			t.Errorf("%s: %+v: %v", dst, sum.Ops, sum.Err())
		}
		left := t.TempDir()
		back, err := eng.Sync(t.Context(), engine.Bucket("the-source", ""), engine.Dir(left), engine.SyncOptions{})
		whole(t, back, err)
		expect(t, "source", readDir(t, left), tree{"a": "22"})
	}
}

// A source that cannot be removed is a failure; the copy stays.
func TestMoveThatCannotRemove(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodDelete && deny(w, http.StatusForbidden, "AccessDenied")
	})
	here, bucket, dir := numbered("k", 5), wiretest.Bucket(t), t.TempDir()
	here.put(t, bucket)
	sum, err := newEngine(t, p.options(t)).Move(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.MoveOptions{})
	must(t, err)
	if sum.Failed != 5 || len(sum.Ops) != 0 || !strings.Contains(sum.Err().Error(), "could not be removed") {
		t.Errorf("%+v: %v", sum.Ops, sum.Err())
	}
	expect(t, "source", readBucket(t, bucket), here)
	expect(t, "destination", readDir(t, dir), here)
}

// An object that could be replaced without being noticed stays.
func TestMoveWithoutETags(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !isList(r) {
			return false
		}
		_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>")
		return true
	})
	bucket, dir := wiretest.Bucket(t), t.TempDir()
	tree{"a": "1"}.put(t, bucket)
	sum, err := newEngine(t, p.options(t)).Move(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.MoveOptions{})
	must(t, err)
	if sum.Failed != 1 || !strings.Contains(sum.Err().Error(), "ETag") {
		t.Errorf("%v", sum.Err())
	}
	expect(t, "source", readBucket(t, bucket), tree{"a": "1"})
	expect(t, "destination", readDir(t, dir), tree{"a": "1"})
}

// Before an object is removed, the file that was made of it is on the disk.
func TestMoveWaitsForTheDisk(t *testing.T) {
	here, bucket, dir := numbered("k", 5), wiretest.Bucket(t), t.TempDir()
	here.put(t, bucket)
	eng := newEngine(t, options(t))
	eng.SetFault(func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	})
	sum, err := eng.Move(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.MoveOptions{})
	must(t, err)
	if sum.Failed != 5 || !errors.Is(sum.Err(), syscall.EIO) {
		t.Errorf("%v", sum.Err())
	}
	expect(t, "source", readBucket(t, bucket), here)
}

// Wherever a move is interrupted, each object is at one side at least, whole, and
// the next move completes it.
func TestMoveInterrupted(t *testing.T) {
	here := numbered("k", 60)
	ways(t, func(t *testing.T, p pair, readSource func() tree) {
		p.source(here)
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var seen atomic.Int64
		o := options(t)
		o.MaxInFlight = 4
		o.OnAttempt = func(op string, _ time.Duration, _ error) {
			if op != "ListObjectsV2" && seen.Add(1) == 20 {
				cancel(errStop)
			}
		}
		sum, err := newEngine(t, o).Move(ctx, p.src, p.dst, engine.MoveOptions{})
		if !errors.Is(err, errStop) || sum.Failed != 0 {
			t.Errorf("the run ended with %v, %v", err, sum.Err())
		}
		left, there := readSource(), p.read()
		if len(left) == 0 {
			t.Error("nothing was interrupted")
		}
		for key, content := range here {
			if l, ok := left[key]; ok && l != content {
				t.Errorf("source: %q has %q", key, l)
			} else if !ok && there[key] != content {
				t.Errorf("%q is lost", key)
			}
		}
		if n := sum.Ops[report.Move].Objects; n != int64(len(here)-len(left)) {
			t.Errorf("%d are said to be moved, and %d of %d are left", n, len(left), len(here))
		}
		sum, err = p.eng.Move(t.Context(), p.src, p.dst, engine.MoveOptions{})
		whole(t, sum, err)
		expect(t, "source", readSource(), tree{})
		expect(t, "destination", p.read(), here)
	})
}

func TestMoveWithNoOverwrite(t *testing.T) {
	ways(t, func(t *testing.T, p pair, readSource func() tree) {
		p.source(tree{"a": "new", "b": "new"})
		p.target(tree{"a": "old"})
		sum, err := p.eng.Move(t.Context(), p.src, p.dst, engine.MoveOptions{RunOptions: engine.RunOptions{NoOverwrite: true}})
		whole(t, sum, err)
		if sum.Unchanged != 1 || sum.Ops[report.Move].Objects != 1 || sum.Exit() != 0 {
			t.Errorf("%+v", sum)
		}
		expect(t, "source", readSource(), tree{"a": "new"})
		expect(t, "destination", p.read(), tree{"a": "old", "b": "new"})
	})
}

// What would be moved onto itself, or into what is being read, is refused before
// anything is sent.
func TestPlacesThatOverlap(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	tests := []struct {
		src, dst        engine.Location
		move, copyOrNot bool // refused
	}{
		{engine.Object("b", "k"), engine.Object("b", "k"), true, false},
		{engine.Bucket("b", "p/"), engine.Bucket("b", "p/"), true, true},
		{engine.Bucket("b", "p/"), engine.Bucket("b", "p/q/"), true, true},
		{engine.Bucket("b", "p/q/"), engine.Bucket("b", "p/"), true, false},
		{engine.Bucket("b", ""), engine.Bucket("b", "p/"), true, true},
		{engine.Bucket("b", "p/"), engine.Bucket("b", "q/"), false, false},
		{engine.Bucket("b", "p/"), engine.Bucket("c", "p/"), false, false},
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop) // what is not refused ends there
	for _, c := range tests {
		_, moved := eng.Move(ctx, c.src, c.dst, engine.MoveOptions{})
		_, copied := eng.Copy(ctx, c.src, c.dst, engine.CopyOptions{})
		if errors.Is(moved, engine.ErrUsage) != c.move || errors.Is(copied, engine.ErrUsage) != c.copyOrNot {
			t.Errorf("%s to %s: move %v, copy %v", c.src, c.dst, moved, copied)
		}
	}
	for _, c := range []struct {
		src, dst, exclude string
		deletes, refused  bool
	}{
		{"a/x/", "a/", "", true, true},
		{"a/x/", "a/", "x/*", true, false},
		{"a/x/", "a/", "y/*", true, true},
		{"a/x/", "a/", "", false, false},
		{"a/", "a/x/", "", false, true},
		{"", "a/", "b/*", true, true},
		{"", "a/", "a/*", true, false},
	} {
		o := engine.SyncOptions{Delete: c.deletes}
		if c.exclude != "" {
			o.Filters = []walker.Rule{{Pattern: c.exclude}}
		}
		if _, err := eng.Sync(ctx, engine.Bucket("b", c.src), engine.Bucket("b", c.dst), o); errors.Is(err, engine.ErrUsage) != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := eng.Copy(ctx, engine.Bucket("b", c.src), engine.Bucket("b", c.dst), engine.CopyOptions{RunOptions: o.RunOptions}); errors.Is(err, engine.ErrUsage) != (c.refused && !c.deletes || c.exclude == "b/*") {
			t.Errorf("copy, %+v: %v", c, err)
		}
	}
	if n := sent.take(); len(n) != 0 {
		t.Errorf("requests %v", n)
	}
	if _, err := eng.Move(t.Context(), engine.Object("b", "k"), engine.File(os.DevNull), engine.MoveOptions{}); !errors.Is(err, engine.ErrUsage) {
		t.Errorf("into a device: %v", err)
	}
	if n := sent.take(); len(n) != 0 {
		t.Errorf("requests for a move into a device: %v", n)
	}
}

// What is behind a link to a directory may be of another tree: it is copied, and
// stays.
func TestMoveKeepsWhatIsBehindALink(t *testing.T) {
	dir, away := tree{"a": "1"}.write(t, t.TempDir()), tree{"d/x": "2"}.write(t, t.TempDir())
	link(t, away, filepath.Join(dir, "l"))
	bucket := wiretest.Bucket(t)
	sum, err := newEngine(t, options(t)).Move(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.MoveOptions{})
	must(t, err)
	if sum.Failed != 1 || sum.Failures[0].Key != "l/d/x" || !strings.Contains(sum.Err().Error(), "behind a link") || sum.Ops[report.Move].Objects != 1 {
		t.Errorf("%+v: %v", sum.Ops, sum.Err())
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"a": "1", "l/d/x": "2"})
	expect(t, "source", readDir(t, dir), tree{})
	expect(t, "the other tree", readDir(t, away), tree{"d/x": "2"})
}

// Where names are folded, of two objects that would be one file one stays.
func TestMoveDownWhereNamesAreFolded(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), t.TempDir()
	tree{"A.txt": "1", "a.txt": "2", "b": "3"}.put(t, bucket)
	eng := newEngine(t, options(t))
	eng.SetFoldsCase(true)
	sum, err := eng.Move(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.MoveOptions{})
	whole(t, sum, err)
	if sum.Exit() != 2 || sum.Ops[report.Move].Objects != 2 {
		t.Errorf("exit %d: %+v", sum.Exit(), sum.Ops)
	}
	expect(t, "source", readBucket(t, bucket), tree{"a.txt": "2"})
	expect(t, "destination", readDir(t, dir), tree{"A.txt": "1", "b": "3"})
}

// A disk that takes its time does not keep a move from ending that is interrupted;
// what is not known to be there stays in the source.
func TestMoveDoesNotWaitForTheDiskForever(t *testing.T) {
	here, bucket, dir := numbered("k", 5), wiretest.Bucket(t), t.TempDir()
	here.put(t, bucket)
	eng := newEngine(t, options(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	release := make(chan struct{})
	defer close(release)
	eng.SetFault(func(op, _ string) error {
		if op == "sync" {
			cancel(errStop)
			<-release
		}
		return nil
	})
	within(t, func() {
		sum, err := eng.Move(ctx, engine.Bucket(bucket, ""), engine.Dir(dir), engine.MoveOptions{})
		if !errors.Is(err, errStop) || sum.Failed != 0 || len(sum.Ops) != 0 {
			t.Errorf("%+v: %v", sum, err)
		}
	})
	expect(t, "source", readBucket(t, bucket), here)
}

// Objects of S3 are removed in batches; of other stores, which do not look at the
// conditions in a batch, one by one.
func TestMoveRemovesOneByOne(t *testing.T) {
	s := simulate(t, s3sim.Options{VerifySignatures: true, KeepBodies: 1 << 20})
	for host, batches := range map[string]int{"s3.us-east-1.amazonaws.com": 1, "store.example": 0} {
		o := s.options()
		o.EndpointURL, o.Region = "http://"+host, s3sim.DefaultRegion
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}
		var sent requests
		o.OnAttempt = sent.count
		eng := newEngine(t, o)
		_, err := eng.EnsureBucket(t.Context(), "sim")
		must(t, err)
		here := numbered("k", 20)
		sum, err := eng.Sync(t.Context(), engine.Dir(here.write(t, t.TempDir())), engine.Bucket("sim", ""), engine.SyncOptions{})
		whole(t, sum, err)
		sum, err = eng.Move(t.Context(), engine.Bucket("sim", ""), engine.Dir(t.TempDir()), engine.MoveOptions{})
		whole(t, sum, err)
		if n := sent.take(); sum.Ops[report.Move].Objects != 20 || n["DeleteObjects"] != batches || n["DeleteObject"] != 20*(1-batches) {
			t.Errorf("%s: %v, %+v", host, n, sum.Ops)
		}
	}
}
