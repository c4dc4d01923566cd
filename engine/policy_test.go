package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
)

// age sets the time of a file, relative to now.
func age(t *testing.T, dir, key string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(by)
	must(t, os.Chtimes(filepath.Join(dir, key), at, at))
}

// By content, what is of one size goes where it differs and only there, whatever
// the times.
func TestSyncByChecksum(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"same": "abc", "differs": "abc", "longer": "abcd", "empty": "", "new": "n"})
		p.target(tree{"same": "abc", "differs": "abX", "longer": "abc", "empty": ""})
		for _, l := range []engine.Location{p.src, p.dst} {
			if !strings.HasPrefix(l.String(), "s3://") {
				age(t, l.String(), "same", time.Hour)
				age(t, l.String(), "empty", time.Hour)
				age(t, l.String(), "differs", -time.Hour) // up: older than the object
			}
		}
		sink := &recorder{}
		o := engine.SyncOptions{Checksum: true, RunOptions: engine.RunOptions{Report: sink}}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, o)
		whole(t, sum, err)
		if got := sink.keys(report.Done); !slices.Equal(got, []string{"differs", "longer", "new"}) || sum.Unchanged != 2 || sum.Planned.Objects != 3 {
			t.Errorf("transferred %q; %+v", got, sum)
		}
		expect(t, "destination", p.read(), tree{"same": "abc", "differs": "abc", "longer": "abcd", "empty": "", "new": "n"})
	})
}

// Where contents cannot be compared, times decide.
func TestSyncByChecksumOfAStoreWithoutSums(t *testing.T) {
	listed := time.Now().UTC().Add(-time.Minute).Format("2006-01-02T15:04:05Z")
	var puts atomic.Int64
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case isList(r):
			_, _ = fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
			for _, key := range []string{"newer", "older"} {
				_, _ = fmt.Fprintf(w, `<Contents><Key>%s</Key><Size>3</Size><ETag>"opaque"</ETag><LastModified>%s</LastModified></Contents>`, key, listed)
			}
			_, _ = fmt.Fprint(w, "</ListBucketResult>")
		case r.Method == http.MethodHead:
			w.Header().Set("ETag", `"opaque"`)
			w.Header().Set("Content-Length", "3")
		case isPut(r, "newer"):
			puts.Add(1)
			w.Header().Set("ETag", `"opaque"`)
		default:
			return deny(w, http.StatusForbidden, "AccessDenied")
		}
		return true
	})
	dir := tree{"newer": "abc", "older": "abc"}.write(t, t.TempDir())
	age(t, dir, "newer", 0)
	sum, err := newEngine(t, p.options(t)).Sync(t.Context(), engine.Dir(dir), engine.Bucket("some-bucket", ""), engine.SyncOptions{Checksum: true})
	whole(t, sum, err)
	if sum.Unchanged != 1 || puts.Load() != 1 {
		t.Errorf("%d sent; %+v", puts.Load(), sum)
	}
}

// IgnoreErrors has deletes run in spite of a failed object, and only of that.
func TestIgnoreErrors(t *testing.T) {
	var lists atomic.Bool
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		return isPut(r, "bad") && deny(w, http.StatusForbidden, "AccessDenied") ||
			isList(r) && lists.Load() && deny(w, http.StatusForbidden, "AccessDenied")
	})
	eng := newEngine(t, p.options(t))
	bucket, dir := wiretest.Bucket(t), tree{"a": "1", "bad": "1"}.write(t, t.TempDir())
	there := tree{"bad": "old", "x": "2", "y": "2"}
	there.put(t, bucket)
	run := func(o engine.SyncOptions) (engine.Summary, error) {
		o.Delete, o.IgnoreErrors = true, true
		return eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), o)
	}
	sum, err := run(engine.SyncOptions{MaxDelete: 1})
	if !errors.Is(err, engine.ErrMaxDelete) || sum.Held != 2 || sum.Failed != 1 {
		t.Errorf("over max-delete: %v; %+v", err, sum)
	}
	lists.Store(true)
	if sum, err = run(engine.SyncOptions{}); err == nil || sum.Ops[report.Delete].Objects != 0 {
		t.Errorf("a listing that failed: %v; %+v", err, sum)
	}
	lists.Store(false)
	expect(t, "bucket", readBucket(t, bucket), there.with(tree{"a": "1"}))
	sum, err = run(engine.SyncOptions{})
	if err != nil || sum.Failed != 1 || sum.Exit() != 1 || sum.Held != 0 || sum.Ops[report.Delete].Objects != 2 {
		t.Errorf("%v; %+v", err, sum)
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"a": "1", "bad": "old"})
}

// beyond makes a directory below dir that is there and cannot be listed: by its
// path, which is longer than the system takes.
func beyond(t *testing.T, dir string) (key string) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	name := "unlisted/" + strings.Repeat(strings.Repeat("d", 200)+"/", 22)
	if err := root.MkdirAll(strings.TrimSuffix(name, "/"), 0o777); err != nil {
		t.Skipf("no paths of that length here: %v", err)
	}
	t.Cleanup(func() { must(t, os.RemoveAll(filepath.Join(dir, "unlisted"))) })
	if _, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(name))); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Skipf("this system lists it: %v", err)
	}
	return "unlisted/"
}

// A directory that cannot be listed holds all deletes, on either side, whatever
// else is asked for; the transfers go on.
func TestUnlistedDirectoryHoldsDeletes(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		local := p.src.String()
		if strings.HasPrefix(local, "s3://") {
			local = p.dst.String()
		}
		below := beyond(t, local)
		p.source(tree{"a": "1", "z": "1"})
		p.target(tree{"x": "2", "unlisted/y": "2"})
		for _, o := range []engine.SyncOptions{{Delete: true}, {Delete: true, IgnoreErrors: true}, {Delete: true, RunOptions: engine.RunOptions{DryRun: true}}} {
			sink := &recorder{}
			o.Report = sink
			sum, err := p.eng.Sync(t.Context(), p.src, p.dst, o)
			must(t, err)
			failed := sink.keys(report.Failed)
			unlisted := 0
			for _, e := range sink.all {
				if e.Unlisted {
					unlisted++
				}
			}
			if sum.Exit() != 1 || unlisted != 1 || sum.Held == 0 || len(failed) != 1 || !strings.HasPrefix(failed[0], below) || sum.Ops[report.Delete].Objects != 0 {
				t.Errorf("failed %q; exit %d; %+v", failed, sum.Exit(), sum)
			}
		}
		there := func(key string) bool {
			if strings.HasPrefix(p.dst.String(), "s3://") {
				_, ok := p.read()[key]
				return ok
			}
			_, err := os.Lstat(filepath.Join(local, key)) // not all of it can be walked
			return err == nil
		}
		for _, key := range []string{"a", "z", "x", "unlisted/y"} {
			if !there(key) {
				t.Errorf("%q is not there", key)
			}
		}
		// Without deletes it is a warning, as it is of aws.
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{})
		whole(t, sum, err)
		if sum.Skipped != 1 || sum.Exit() != 2 {
			t.Errorf("without Delete: %+v", sum)
		}
	})
}

// What is there stays, without a word, for sync and for cp, single or not.
func TestNoOverwrite(t *testing.T) {
	ways(t, func(t *testing.T, p pair, _ func() tree) {
		here, there := tree{"a": "new", "longer": "new", "new": "new"}, tree{"a": "old", "longer": "ol"}
		p.source(here)
		p.target(there)
		o := engine.RunOptions{NoOverwrite: true}
		dry := o
		dry.DryRun = true
		for _, run := range []func(o engine.RunOptions) (engine.Summary, error){
			func(o engine.RunOptions) (engine.Summary, error) {
				return p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: o})
			},
			func(o engine.RunOptions) (engine.Summary, error) {
				return p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{RunOptions: o})
			},
		} {
			sum, err := run(dry)
			whole(t, sum, err)
			did, err := run(o)
			whole(t, did, err)
			if did.Unchanged+did.Planned.Objects != 3 || did.Exit() != 0 {
				t.Errorf("%+v", did)
			}
			if sum.Unchanged != did.Unchanged || sum.Planned != did.Planned {
				t.Errorf("the dry run said %+v, and the run did %+v", sum, did)
			}
			expect(t, "destination", p.read(), there.with(tree{"new": "new"}))
		}
	})
	bucket, dir := wiretest.Bucket(t), tree{"a": "new"}.write(t, t.TempDir())
	tree{"a": "old", "b": "newer"}.put(t, bucket)
	eng := newEngine(t, options(t))
	for _, c := range [][2]engine.Location{
		{engine.File(filepath.Join(dir, "a")), engine.Object(bucket, "a")},
		{engine.Object(bucket, "b"), engine.File(filepath.Join(dir, "a"))},
		{engine.Object(bucket, "b"), engine.Object(bucket, "a")},
	} {
		sum, err := eng.Copy(t.Context(), c[0], c[1], engine.CopyOptions{RunOptions: engine.RunOptions{NoOverwrite: true}})
		whole(t, sum, err)
		if sum.Unchanged != 1 || len(sum.Ops) != 0 {
			t.Errorf("%s: %+v", c[0], sum)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"a": "old", "b": "newer"})
	expect(t, "dir", readDir(t, dir), tree{"a": "new"})
}

// A destination that is there and differs is a failure, and stays; one that is
// the same is not.
func TestImmutable(t *testing.T) {
	ways(t, func(t *testing.T, p pair, _ func() tree) {
		p.source(tree{"same": "abc", "differs": "abc", "longer": "abcd", "new": "n", "empty": ""})
		there := tree{"same": "abc", "differs": "abX", "longer": "abc", "empty": ""}
		p.target(there)
		for _, l := range []engine.Location{p.src, p.dst} {
			if !strings.HasPrefix(l.String(), "s3://") {
				age(t, l.String(), "same", time.Hour) // newer up, and another time down
				age(t, l.String(), "differs", time.Hour)
			}
		}
		want := []string{"differs", "longer"}
		for name, run := range map[string]func(o engine.RunOptions) (engine.Summary, error){
			"cp": func(o engine.RunOptions) (engine.Summary, error) {
				return p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: o})
			},
			"sync": func(o engine.RunOptions) (engine.Summary, error) {
				return p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Checksum: true, RunOptions: o})
			},
		} {
			sink := &recorder{}
			sum, err := run(engine.RunOptions{Immutable: true, Report: sink})
			must(t, err)
			if got := sink.keys(report.Failed); !slices.Equal(got, want) || !errors.Is(sum.Err(), engine.ErrImmutable) || sum.Exit() != 1 {
				t.Errorf("%s: failed %q, want %q: %v", name, got, want, sum.Err())
			}
			expect(t, name, p.read(), there.with(tree{"new": "n"}))
		}
	})
	if _, err := newEngine(t, options(t)).Copy(t.Context(), engine.Dir(t.TempDir()), engine.Bucket("some-bucket", ""), engine.CopyOptions{
		RunOptions: engine.RunOptions{Immutable: true, NoOverwrite: true},
	}); !errors.Is(err, engine.ErrUsage) {
		t.Errorf("with NoOverwrite: %v", err)
	}
}

// A file that changes while it is read is looked at again and sent as it is then;
// where it changes again, nothing of it is there.
func TestFileThatChangesWhileItIsRead(t *testing.T) {
	for changes, failed := range map[int64]int64{1: 0, 2: 1} {
		dir, bucket := tree{"a": "first"}.write(t, t.TempDir()), wiretest.Bucket(t)
		eng := newEngine(t, options(t))
		var n atomic.Int64
		eng.SetFault(func(op, name string) error {
			if op == "read" && filepath.Base(name) == "a" && n.Load() < changes {
				return os.WriteFile(filepath.Join(dir, "a"), fmt.Appendf(nil, "change %d", n.Add(1)), 0o666)
			}
			return nil
		})
		sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{})
		must(t, err)
		if n.Load() != changes {
			t.Fatalf("it was read %d times", n.Load())
		}
		want := tree{"a": "change 1"}
		if failed > 0 {
			want = tree{}
		}
		if sum.Failed != failed || failed > 0 && !errors.Is(sum.Err(), transfer.ErrChanged) || sum.Moved != int64(len(want["a"])) {
			t.Errorf("%d changes: %v; %+v", changes, sum.Err(), sum)
		}
		expect(t, "bucket", readBucket(t, bucket), want)
	}
}

// Single keys: nothing is walked or listed, what is gone fails, and the rest is
// done as the run would have done it.
func TestOnly(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	pairs(t, func(t *testing.T, p pair) {
		p.eng = newEngine(t, o)
		here := numbered("k", 200).with(tree{"d/e": "1", "same": "1"})
		p.source(here)
		p.target(tree{"k00": "longer than it", "x": "stays", "same": "1"})
		if dir := p.dst.String(); !strings.HasPrefix(dir, "s3://") { // as a download would have left it
			sum, err := p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: engine.RunOptions{Only: []string{"same"}}})
			whole(t, sum, err)
		}
		only := append(numbered("k", 100).keys(), "same", "d/e", "gone", "d/e", "x", "../x", "d", "a//b")
		sent.take()
		sink := &recorder{}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{RunOptions: engine.RunOptions{Only: only, Report: sink}})
		must(t, err)
		if got := sent.take(); got["ListObjectsV2"] != 0 {
			t.Errorf("requests %v", got)
		}
		want := []string{"../x", "a//b", "d", "gone", "x"}
		if got := append(sink.keys(report.Failed), sink.keys(report.Warning)...); !slices.Equal(slices.Sorted(slices.Values(got)), want) || sum.Exit() != 1 {
			t.Errorf("failed %q, want %q", got, want)
		}
		if sum.Unchanged != 1 || len(sink.keys(report.Done)) != 101 {
			t.Errorf("%+v", sum)
		}
		moved := numbered("k", 100).with(tree{"d/e": "1", "x": "stays", "same": "1"})
		expect(t, "destination", p.read(), moved)

		sink = &recorder{}
		sum, err = p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: engine.RunOptions{
			Only: []string{"k00", "same", "no/more", "../no"}, Filters: []walker.Rule{{Pattern: "*no*"}, {Pattern: "same"}}, Report: sink,
		}})
		whole(t, sum, err)
		if got := sink.keys(report.Done); !slices.Equal(got, []string{"k00"}) || sum.Exit() != 0 {
			t.Errorf("with filters: %q, exit %d", got, sum.Exit())
		}

		sum, err = p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: engine.RunOptions{Only: []string{}}})
		whole(t, sum, err)
		if len(sum.Ops) != 0 {
			t.Errorf("no keys: %v", sum.Ops)
		}
		if _, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{Only: only}}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("with Delete: %v", err)
		}
	})
	eng := newEngine(t, options(t))
	if _, err := eng.Remove(t.Context(), engine.Bucket("some-bucket", ""), engine.RemoveOptions{RunOptions: engine.RunOptions{Only: []string{"a"}}}); !errors.Is(err, engine.ErrUsage) {
		t.Errorf("of a Remove: %v", err)
	}
}

// A key that cannot be looked at fails by itself; one that all would have ends
// the run, and so does its context.
func TestOnlyThatFails(t *testing.T) {
	code := "AccessDenied"
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/k03") && deny(w, http.StatusForbidden, code)
	})
	bucket, here := wiretest.Bucket(t), numbered("k", 5)
	here.put(t, bucket)
	dir := t.TempDir()
	o := engine.CopyOptions{RunOptions: engine.RunOptions{Only: here.keys()}}
	eng := newEngine(t, p.options(t))
	sum, err := eng.Copy(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), o)
	must(t, err)
	if sum.Failed != 1 || sum.Failures[0].Key != "k03" {
		t.Errorf("%+v", sum)
	}
	delete(here, "k03")
	expect(t, "dir", readDir(t, dir), here)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if _, err := eng.Copy(ctx, engine.Bucket(bucket, ""), engine.Dir(dir), o); !errors.Is(err, errStop) {
		t.Errorf("cancelled: %v", err)
	}
}

// Names that differ in case only: what becomes of the second is asked for.
func TestCaseConflictOfADownload(t *testing.T) {
	bucket := wiretest.Bucket(t)
	tree{"A": "1", "a": "2", "b": "3"}.put(t, bucket)
	eng := newEngine(t, options(t))
	eng.SetFoldsCase(false)
	both, first := tree{"A": "1", "a": "2", "b": "3"}, tree{"A": "1", "b": "3"}
	probe := tree{"x": ""}.write(t, t.TempDir())
	if _, err := os.Stat(filepath.Join(probe, "X")); err == nil {
		t.Skip("names that differ in case are one here")
	}
	for mode, c := range map[string]struct {
		want tree
		exit int
	}{"": {both, 0}, "ignore": {both, 0}, "warn": {both, 0}, "skip": {first, 2}} {
		dir := t.TempDir()
		sum, err := eng.Copy(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.CopyOptions{RunOptions: engine.RunOptions{CaseConflict: mode}})
		whole(t, sum, err)
		if sum.Exit() != c.exit || mode == "warn" != (sum.NoticeCount == 1) {
			t.Errorf("%q: exit %d, %d notices", mode, sum.Exit(), sum.NoticeCount)
		}
		expect(t, mode, readDir(t, dir), c.want)
	}
	_, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(t.TempDir()), engine.SyncOptions{RunOptions: engine.RunOptions{CaseConflict: "error"}})
	if !errors.Is(err, engine.ErrCaseConflict) {
		t.Errorf("error: %v", err)
	}
	_, err = eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(t.TempDir()), engine.SyncOptions{RunOptions: engine.RunOptions{CaseConflict: "maybe"}})
	if !errors.Is(err, engine.ErrUsage) {
		t.Errorf("maybe: %v", err)
	}
}

// A file that is on the disk under another case of an object's name is that
// object's, where names are folded: it is not deleted for the want of its own.
func TestDeleteWhereNamesAreFolded(t *testing.T) {
	bucket := wiretest.Bucket(t)
	tree{"Name": "1"}.put(t, bucket)
	for _, folds := range []bool{false, true} {
		dir := tree{"name": "0", "other": "0"}.write(t, t.TempDir())
		eng := newEngine(t, options(t))
		eng.SetFoldsCase(folds)
		sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(dir), engine.SyncOptions{Delete: true})
		whole(t, sum, err)
		_, err = os.Stat(filepath.Join(dir, "name"))
		if _, oerr := os.Stat(filepath.Join(dir, "other")); oerr == nil || folds != (err == nil) {
			t.Errorf("folds %v: %v, %v", folds, err, oerr)
		}
	}
}

// A dry run of a tree sends lists alone, whatever it is not to replace.
func TestDryRunOfNoOverwriteSendsLists(t *testing.T) {
	bucket, dir := wiretest.Bucket(t), tree{"a": "1", "b": "1"}.write(t, t.TempDir())
	tree{"a": "2"}.put(t, bucket)
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	for _, ro := range []engine.RunOptions{{NoOverwrite: true, DryRun: true}, {Immutable: true, DryRun: true}} {
		sum, err := eng.Copy(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.CopyOptions{RunOptions: ro})
		must(t, err)
		if n := sent.take(); n["ListObjectsV2"] != 1 || len(n) != 1 {
			t.Errorf("requests %v", n)
		}
		if sum.Ops[report.Upload].Objects != 1 || sum.Unchanged+sum.Failed != 1 || sum.Failed == 1 != ro.Immutable {
			t.Errorf("%+v", sum)
		}
	}
}

func TestChecksumAlgorithmsThatAreNone(t *testing.T) {
	eng := newEngine(t, options(t))
	for _, name := range []string{"MD5", "crc32", "CRC64"} {
		_, err := eng.Copy(t.Context(), engine.Dir(t.TempDir()), engine.Bucket("some-bucket", ""), engine.CopyOptions{RunOptions: engine.RunOptions{ChecksumAlgorithm: name}})
		if !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
