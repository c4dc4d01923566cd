package engine_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
)

// pair is a place of each kind, so that a rule can be tried in both directions.
type pair struct {
	eng            *engine.Engine
	src, dst       engine.Location
	source, target func(tree)
	read           func() tree
}

// pairs makes a source and a destination, up and down.
func pairs(t *testing.T, run func(t *testing.T, p pair)) {
	t.Helper()
	for _, down := range []bool{false, true} {
		t.Run(map[bool]string{false: "up", true: "down"}[down], func(t *testing.T) {
			bucket, dir := wiretest.Bucket(t), t.TempDir()
			put := func(w tree) { w.put(t, bucket) }
			write := func(w tree) { w.write(t, dir) }
			p := pair{
				eng: newEngine(t, options(t)),
				src: engine.Dir(dir), dst: engine.Bucket(bucket, ""), source: write, target: put,
				read: func() tree { return readBucket(t, bucket) },
			}
			if down {
				p.src, p.dst, p.source, p.target = p.dst, p.src, put, write
				p.read = func() tree { return readDir(t, dir) }
			}
			run(t, p)
		})
	}
}

func numbered(prefix string, n int) tree {
	w := tree{}
	for i := range n {
		w[fmt.Sprintf("%s%02d", prefix, i)] = fmt.Sprint(i)
	}
	return w
}

func TestDelete(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		here, extra := tree{"a": "1", "d/b": "2"}, tree{"0": "x", "d/a": "x", "d/c": "x", "e/f/g": "x", "z": "x"}
		p.source(here)
		p.target(extra)
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{})
		whole(t, sum, err)
		expect(t, "without Delete", p.read(), here.with(extra))

		sink := &recorder{}
		sum, err = p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}})
		whole(t, sum, err)
		expect(t, "with Delete", p.read(), here)
		if got := sink.keys(report.Done, report.Delete); !slices.Equal(got, extra.keys()) || sum.Ops[report.Delete].Objects != 5 {
			t.Errorf("deleted %q, %v", got, sum.Ops)
		}
	})
}

// Deletes come after everything else.
func TestDeletesComeLast(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(numbered("z", 50))
		p.target(numbered("a", 50))
		sink := &recorder{}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}})
		whole(t, sum, err)
		var deleted bool
		for _, e := range sink.all {
			if e.Kind != report.Done {
				continue
			}
			if deleted && e.Op != report.Delete {
				t.Fatalf("%s %s came after a delete", e.Op, e.Key)
			}
			deleted = deleted || e.Op == report.Delete
		}
		if sum.Ops[report.Delete].Objects != 50 {
			t.Errorf("%v", sum.Ops)
		}
	})
}

func TestMaxDelete(t *testing.T) {
	for _, c := range []struct {
		max     int64
		percent float64
		refused bool
	}{
		{max: 2, refused: true},
		{max: 3},
		{max: -1, refused: true},
		{percent: 29, refused: true},
		{percent: 30},
		{percent: 0.001, refused: true},
		{max: 100, percent: 20, refused: true}, // the stricter one counts
		{max: 2, percent: 100, refused: true},
		{},
	} {
		t.Run(fmt.Sprintf("%d %g%%", c.max, c.percent), func(t *testing.T) {
			kept, extra, added := numbered("k", 7), numbered("x", 3), tree{"new": "n"}
			dir, bucket := kept.with(added).write(t, t.TempDir()), wiretest.Bucket(t)
			kept.with(extra).put(t, bucket)
			eng := newEngine(t, options(t))
			for _, dry := range []bool{true, false} {
				sink := &recorder{}
				sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{
					Delete: true, MaxDelete: c.max, MaxDeletePercent: c.percent,
					RunOptions: engine.RunOptions{DryRun: dry, Report: sink},
				})
				if errors.Is(err, engine.ErrMaxDelete) != c.refused || err != nil != c.refused || sum.Failed != 0 {
					t.Fatalf("dry %v: %v; %+v", dry, err, sum)
				}
				if deletes := sum.Ops[report.Delete].Objects; c.refused && (deletes != 0 || sum.Held != 3) || !c.refused && (deletes != 3 || sum.Held != 0) {
					t.Errorf("dry %v: %d deleted, %d held", dry, deletes, sum.Held)
				}
				if sum.Ops[report.Upload].Objects != 1 {
					t.Errorf("dry %v: what is new did not go: %v", dry, sum.Ops)
				}
			}
			want := kept.with(added)
			if c.refused {
				want = want.with(extra)
			}
			expect(t, "bucket", readBucket(t, bucket), want)
		})
	}
}

func TestEmptySource(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		there := numbered("x", 3)
		p.target(there)
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true})
		if !errors.Is(err, engine.ErrEmptySource) || sum.Held != 3 {
			t.Errorf("an empty source: %v; %+v", err, sum)
		}
		expect(t, "destination", p.read(), there)
		sum, err = p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, AllowEmptySource: true})
		whole(t, sum, err)
		expect(t, "destination, allowed", p.read(), tree{})
	})
}

// What is skipped at the destination does not make up for an empty source.
func TestEmptySourceWithSkippedNamesAtTheDestination(t *testing.T) {
	there := numbered("x", 3)
	dir := there.write(t, t.TempDir())
	link(t, "nowhere", filepath.Join(dir, "broken"))
	_, err := newEngine(t, options(t)).Sync(t.Context(), engine.Bucket(wiretest.Bucket(t), ""), engine.Dir(dir), engine.SyncOptions{Delete: true})
	if !errors.Is(err, engine.ErrEmptySource) {
		t.Errorf("an empty source: %v", err)
	}
	expect(t, "dir", readDir(t, dir), there)
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

// What the source could not read is not absent: its counterparts stay, and what
// may lie below it.
func TestCounterpartsOfSkippedNamesStay(t *testing.T) {
	dir, bucket := t.TempDir(), wiretest.Bucket(t)
	tree{"a": "1"}.write(t, dir)
	link(t, "nowhere", filepath.Join(dir, "link"))
	link(t, "nowhere", filepath.Join(dir, "linked"))
	skipped := []string{"link", "linked"}
	there := tree{"a": "1", "link": "kept", "linked/below": "kept", "x": "goes", "link-not": "goes"}
	if runtime.GOOS != "windows" {
		t.Chdir(dir) // the path of a socket has 108 bytes at most
		l, err := new(net.ListenConfig).Listen(t.Context(), "unix", "socket")
		must(t, err)
		defer l.Close()
		skipped = append(skipped, "socket")
		there["socket"] = "kept"
		if os.Getuid() != 0 {
			tree{"unreadable/": ""}.write(t, dir)
			must(t, os.Chmod(filepath.Join(dir, "unreadable"), 0))
			defer os.Chmod(filepath.Join(dir, "unreadable"), 0o700)
			skipped = append(skipped, "unreadable/")
			there["unreadable/below"] = "kept"
		}
	}
	there.put(t, bucket)
	sink := &recorder{}
	sum, err := newEngine(t, options(t)).Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{
		Delete: true, RunOptions: engine.RunOptions{Report: sink},
	})
	whole(t, sum, err)
	if got := sink.keys(report.Warning); !slices.Equal(got, skipped) || sum.Skipped != int64(len(skipped)) || sum.Exit() != 2 {
		t.Errorf("skipped %q, want %q; exit %d", got, skipped, sum.Exit())
	}
	delete(there, "x")
	delete(there, "link-not")
	expect(t, "bucket", readBucket(t, bucket), there)
}

// A filter protects what it keeps out, on both sides.
func TestFiltersProtect(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"a": "1", "keep/new": "1", "keep/wanted": "1"})
		there := tree{"b": "2", "keep/old": "2", "keep/wanted": "22"}
		p.target(there)
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{
			Filters: []walker.Rule{{Pattern: "keep/*"}, {Include: true, Pattern: "keep/wanted"}},
		}})
		whole(t, sum, err)
		expect(t, "destination", p.read(), tree{"a": "1", "keep/old": "2", "keep/wanted": "1"})
	})
}

// One object that failed holds all deletes.
func TestFailedObjectHoldsDeletes(t *testing.T) {
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		return (isPut(r, "bad") || isGet(r, "bad")) && deny(w, http.StatusForbidden, "AccessDenied")
	})
	eng := newEngine(t, p.options(t))
	here, extra := tree{"a": "1", "bad": "1", "c": "1"}, tree{"x": "2", "y/z": "2"}
	for _, down := range []bool{false, true} {
		bucket, dir := wiretest.Bucket(t), t.TempDir()
		src, dst, op := engine.Dir(dir), engine.Bucket(bucket, ""), report.Upload
		read := func() tree { return readBucket(t, bucket) }
		if down {
			src, dst, op = dst, src, report.Download
			read = func() tree { return readDir(t, dir) }
			here.put(t, bucket)
			extra.write(t, dir)
		} else {
			here.write(t, dir)
			extra.put(t, bucket)
		}
		sum, err := eng.Sync(t.Context(), src, dst, engine.SyncOptions{Delete: true})
		if err != nil || sum.Failed != 1 || sum.Held != 2 || sum.Exit() != 1 || sum.Ops[op].Objects != 2 || sum.Ops[report.Delete].Objects != 0 {
			t.Fatalf("%s: %v; %+v", op, err, sum)
		}
		f := sum.Failures[0]
		if f.Key != "bad" || f.Op != op || wire.Code(sum.Err()) != "AccessDenied" || wire.RequestID(f.Err) != "4Z9K" {
			t.Errorf("%s: the failure is %+v", op, f)
		}
		expect(t, "destination", read(), tree{"a": "1", "c": "1"}.with(extra))
	}
}

// A listing that fails anywhere is an error of the run, and deletes nothing.
func TestFailedListingDeletesNothing(t *testing.T) {
	for _, down := range []bool{false, true} {
		for page := range 4 {
			t.Run(fmt.Sprint(map[bool]string{false: "destination", true: "source"}[down], " page ", page), func(t *testing.T) {
				var n atomic.Int64 // pages may be asked for at once
				p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
					if !isList(r) {
						return false
					}
					return n.Add(1) > int64(page) && deny(w, http.StatusForbidden, "AccessDenied")
				})
				bucket, dir := wiretest.Bucket(t), t.TempDir()
				objects, files := numbered("k", 35), tree{"0": "x", "k07x": "x", "z": "x"}
				objects.put(t, bucket)
				files.write(t, dir)
				src, dst := engine.Dir(dir), engine.Bucket(bucket, "")
				if down {
					src, dst = dst, src
				}
				sink := &recorder{}
				sum, err := newEngine(t, p.options(t)).Sync(t.Context(), src, dst, engine.SyncOptions{
					Delete: true, RunOptions: engine.RunOptions{PageSize: 10, Report: sink},
				})
				if wire.Code(err) != "AccessDenied" {
					t.Errorf("page %d failed, and the run ended with %v", page, err)
				}
				if sum.Ops[report.Delete].Objects != 0 || len(sink.keys(report.Listed)) != 0 {
					t.Errorf("a run whose listing failed says %+v", sum)
				}
				left := readBucket(t, bucket)
				if down {
					left = readDir(t, dir)
					objects = files
				}
				for key := range objects {
					if _, ok := left[key]; !ok {
						t.Errorf("%s was deleted", key)
					}
				}
			})
		}
	}
}

// A file that became a directory, and the reverse: what is in the way goes, and
// the rest of the deletes as well.
func TestFilesAndDirectories(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		here := tree{"a/b": "1", "a/c/d": "2", "e": "3", "same": "4", "z/y": "5"}
		there := tree{"a": "x", "e/f": "x", "e/g/h": "x", "same": "4", "z": "x", "extra": "x"}
		p.source(here)
		p.target(there)
		sink := &recorder{}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Report: sink}})
		whole(t, sum, err)
		expect(t, "destination", p.read(), here)
		if got, want := sink.keys(report.Done, report.Delete), []string{"a", "e/f", "e/g/h", "extra", "z"}; !slices.Equal(got, want) {
			t.Errorf("deleted %q, want %q", got, want)
		}
		sum, err = p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true})
		whole(t, sum, err)
		if len(sum.Ops) != 0 {
			t.Errorf("the second sync did %v", sum.Ops)
		}
	})
}

// Where the deletes are held, what they would have made room for fails, and
// nothing is lost.
func TestNameInTheWayOfHeldDeletes(t *testing.T) {
	dir := tree{"a/b": "old", "e": "old"}.write(t, t.TempDir())
	bucket := wiretest.Bucket(t)
	tree{"a": "new", "e/f": "new", "g": "new"}.put(t, bucket)
	eng := newEngine(t, options(t))
	for _, o := range []engine.SyncOptions{{}, {Delete: true, MaxDelete: -1}} {
		sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), o)
		if errors.Is(err, engine.ErrMaxDelete) != o.Delete || err != nil != o.Delete {
			t.Fatalf("%+v: %v", o, err)
		}
		if sum.Failed != 2 {
			t.Errorf("%+v: %v", o, sum.Err())
		}
		expect(t, "dir", readDir(t, dir), tree{"a/b": "old", "e": "old", "g": "new"})
	}
	// An empty directory is nobody's.
	must(t, os.RemoveAll(filepath.Join(dir, "a", "b")))
	tree{"a/empty/deeper/": ""}.write(t, dir)
	must(t, os.Remove(filepath.Join(dir, "e")))
	sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	expect(t, "dir", readDir(t, dir), tree{"a": "new", "e/f": "new", "g": "new"})
}

// A file that is in the way of another, and is that of an object by another name,
// is not deleted for it.
func TestInTheWayByAnotherName(t *testing.T) {
	bucket := wiretest.Bucket(t)
	tree{"A": "1", "a/b": "2"}.put(t, bucket)
	dir := tree{"a": "1"}.write(t, t.TempDir())
	eng := newEngine(t, options(t))
	eng.SetFoldsCase(true)
	sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{Delete: true})
	must(t, err)
	if sum.Failed != 1 || sum.Ops[report.Delete].Objects != 0 {
		t.Errorf("%+v: %v", sum.Ops, sum.Err())
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(b) != "1" {
		t.Errorf("%q, %v", b, err)
	}
}
