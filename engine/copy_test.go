package engine_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
)

func TestCopyOne(t *testing.T) {
	eng := newEngine(t, options(t))
	bucket, dir := wiretest.Bucket(t), tree{"a": "content"}.write(t, t.TempDir())
	file := filepath.Join(dir, "a")
	sink := &recorder{}
	sum, err := eng.Copy(t.Context(), engine.File(file), engine.Object(bucket, "d/a key"), engine.CopyOptions{
		RunOptions: engine.RunOptions{Report: sink},
	})
	whole(t, sum, err)
	if want := (report.OpCount{Objects: 1, Bytes: 7}); sum.Ops[report.Upload] != want || sum.Planned != want {
		t.Errorf("%+v", sum)
	}
	for _, e := range sink.all {
		if e.Kind == report.Done && (e.Dst != "s3://"+bucket+"/d/a key" || filepath.Base(e.Src) != "a") {
			t.Errorf("reported as %q to %q", e.Src, e.Dst)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"d/a key": "content"})

	// Down, into directories that are not there, and over a file, whose mode stays.
	for _, name := range []string{"x/y/z", "x/y/z", "a"} {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if name == "a" {
			must(t, os.Chmod(to, 0o640))
			must(t, os.Truncate(to, 3))
		}
		sum, err = eng.Copy(t.Context(), engine.Object(bucket, "d/a key"), engine.File(to), engine.CopyOptions{})
		whole(t, sum, err)
	}
	expect(t, "dir", readDir(t, dir), tree{"a": "content", "x/y/z": "content"})
	if fi, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && fi.Mode() != 0o640 {
		t.Errorf("the mode of the file that was replaced is %v, %v", fi.Mode(), err)
	}
}

func TestCopyOneThatCannotBe(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	bucket, dir := wiretest.Bucket(t), tree{"a": "1", "d/": ""}.write(t, t.TempDir())
	tree{"a": "1"}.put(t, bucket)
	at := func(name string) engine.Location { return engine.File(filepath.Join(dir, name)) }

	_, err := eng.Copy(t.Context(), engine.Object(bucket, "absent"), at("new"), engine.CopyOptions{})
	if !wire.NotFound(err) || wire.Code(err) != "404" {
		t.Errorf("an object that is not there: %v", err)
	}
	var missing *engine.MissingError
	_, err = eng.Copy(t.Context(), at("absent"), engine.Object(bucket, "x"), engine.CopyOptions{})
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) || missing.Path != filepath.Join(dir, "absent") {
		t.Errorf("a file that is not there: %v", err)
	}
	sum, err := eng.Copy(t.Context(), at("d"), engine.Object(bucket, "x"), engine.CopyOptions{})
	if err != nil || sum.Failed != 1 {
		t.Errorf("a directory as a file: %v, %+v", err, sum)
	}
	sum, err = eng.Copy(t.Context(), engine.Object(bucket, "a"), at("d"), engine.CopyOptions{})
	if err != nil || sum.Failed != 1 || !errors.Is(sum.Err(), transfer.ErrInTheWay) {
		t.Errorf("an object over a directory: %v, %+v", err, sum)
	}
	sent.take()
	for _, c := range [][2]engine.Location{
		{at("a"), engine.Bucket(bucket, "")},
		{engine.Dir(dir), engine.Object(bucket, "a")},
		{at("a"), at("b")},
		{engine.Bucket(bucket, ""), engine.Bucket(bucket, "")},
		{at("a"), engine.Object(bucket, "")},
		{at("a"), engine.Object("no bucket", "a")},
		{engine.Location{}, engine.Object(bucket, "a")},
	} {
		if _, err := eng.Copy(t.Context(), c[0], c[1], engine.CopyOptions{}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s to %s: %v", c[0], c[1], err)
		}
	}
	if n := sent.take(); len(n) != 0 {
		t.Errorf("requests %v for what makes no sense", n)
	}
	expect(t, "dir", readDir(t, dir), tree{"a": "1"})
	expect(t, "bucket", readBucket(t, bucket), tree{"a": "1"})
}

// A device is written to and stays one.
func TestCopyToDevice(t *testing.T) {
	fi, err := os.Stat(os.DevNull)
	if err != nil || fi.Mode()&os.ModeDevice == 0 {
		t.Skipf("%s is no device: %v", os.DevNull, err)
	}
	bucket := wiretest.Bucket(t)
	tree{"a": "content"}.put(t, bucket)
	sum, err := newEngine(t, options(t)).Copy(t.Context(), engine.Object(bucket, "a"), engine.File(os.DevNull), engine.CopyOptions{})
	whole(t, sum, err)
	if sum.Ops[report.Download] != (report.OpCount{Objects: 1, Bytes: 7}) {
		t.Errorf("%+v", sum)
	}
	if now, err := os.Stat(os.DevNull); err != nil || now.Mode() != fi.Mode() || !os.SameFile(fi, now) {
		t.Errorf("%s is now %v, %v", os.DevNull, now, err)
	}
}

// A tree is copied whole, whatever is there.
func TestCopyTree(t *testing.T) {
	eng := newEngine(t, options(t))
	here, bucket := tree{"a": "1", "d/b": "2", "d/no": "3"}, wiretest.Bucket(t)
	dir := here.write(t, t.TempDir())
	tree{"p/a": "1", "p/x": "9"}.put(t, bucket)
	o := engine.CopyOptions{RunOptions: engine.RunOptions{Filters: []walker.Rule{{Pattern: "*/no"}}}}
	for range 2 {
		sum, err := eng.Copy(t.Context(), engine.Dir(dir), engine.Bucket(bucket, "p/"), o)
		whole(t, sum, err)
		if sum.Ops[report.Upload].Objects != 2 || sum.Unchanged != 0 {
			t.Errorf("%+v", sum)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"p/a": "1", "p/x": "9", "p/d/b": "2"})
	down := tree{"a": "old", "z": "stays"}.write(t, t.TempDir())
	sum, err := eng.Copy(t.Context(), engine.Bucket(bucket, "p/"), engine.Dir(down), engine.CopyOptions{})
	whole(t, sum, err)
	expect(t, "dir", readDir(t, down), tree{"a": "1", "x": "9", "d/b": "2", "z": "stays"})
}

// Names that would leave the directory, or can be no file, are skipped and said,
// and do not keep the rest from being synced.
func TestNamesThatAreNoFiles(t *testing.T) {
	bad := []string{"..", "../escape", "./a", "/lead", ".s3haul-0123456789abcdef.part", "a//b", "d/../../escape", "nul\x00", "ok/below"}
	listing := "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
	for _, key := range slices.Sorted(slices.Values(append([]string{"ok", "folder/"}, bad...))) {
		size := 1
		if key == "folder/" {
			size = 0
		}
		listing += fmt.Sprintf("<Contents><Key>%s</Key><Size>%d</Size><LastModified>2026-01-02T03:04:05Z</LastModified></Contents>", url.QueryEscape(key), size)
	}
	listing += "</ListBucketResult>"
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case isList(r):
			_, _ = io.WriteString(w, listing)
		case isGet(r, "ok"):
			_, _ = io.WriteString(w, "1")
		default:
			return deny(w, http.StatusForbidden, "AccessDenied")
		}
		return true
	})
	above := t.TempDir()
	dir := tree{"gone": "1"}.write(t, filepath.Join(above, "dir"))
	sink := &recorder{}
	sum, err := newEngine(t, p.options(t)).Sync(t.Context(), engine.Bucket("some-bucket", ""), engine.Dir(dir), engine.SyncOptions{
		Delete: true, RunOptions: engine.RunOptions{Report: sink},
	})
	whole(t, sum, err)
	if got := sink.keys(report.Warning); !slices.Equal(got, slices.Sorted(slices.Values(bad))) || sum.Exit() != 2 {
		t.Errorf("skipped %q, exit %d", got, sum.Exit())
	}
	for _, e := range sink.all {
		if e.Kind == report.Warning && e.Src != "s3://some-bucket/"+e.Key {
			t.Errorf("%q was named %q", e.Key, e.Src)
		}
	}
	expect(t, "above the directory", readDir(t, above), tree{"dir/ok": "1"})
}

func TestRemove(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	bucket := wiretest.Bucket(t)
	many := tree{}
	for i := range 1100 {
		many[fmt.Sprintf("many/%04d", i)] = "x"
	}
	few := tree{"one": "1", "p/a": "1", "p/b/c": "2", "p/keep": "3", "pq": "4", "tab\tcr\rlf\n<&>": "5"}
	sum, err := eng.Copy(t.Context(), engine.Dir(many.write(t, t.TempDir())), engine.Bucket(bucket, ""), engine.CopyOptions{})
	whole(t, sum, err)
	few.put(t, bucket)
	sent.take()

	for _, c := range []struct {
		at      engine.Location
		o       engine.RunOptions
		removed []string
		sent    string
	}{
		{engine.Bucket(bucket, "many/"), engine.RunOptions{DryRun: true}, nil, "map[ListObjectsV2:2]"},
		{engine.Object(bucket, "one"), engine.RunOptions{DryRun: true}, nil, "map[]"},
		{engine.Bucket(bucket, "many/"), engine.RunOptions{}, many.keys(), "map[DeleteObjects:2 ListObjectsV2:2]"},
		{engine.Bucket(bucket, "many/"), engine.RunOptions{}, nil, "map[ListObjectsV2:1]"},
		{engine.Object(bucket, "one"), engine.RunOptions{}, []string{"one"}, "map[DeleteObject:1]"},
		{engine.Object(bucket, "one"), engine.RunOptions{}, []string{"one"}, "map[DeleteObject:1]"}, // as S3: it is gone
		{
			engine.Bucket(bucket, "p/"),
			engine.RunOptions{Filters: []walker.Rule{{Pattern: "keep"}}},
			[]string{"p/a", "p/b/c"},
			"map[DeleteObjects:1 ListObjectsV2:1]",
		},
		{engine.Bucket(bucket, "tab"), engine.RunOptions{}, []string{"tab\tcr\rlf\n<&>"}, "map[DeleteObjects:1 ListObjectsV2:1]"},
	} {
		sink := &recorder{}
		c.o.Report = sink
		sum, err := eng.Remove(t.Context(), c.at, engine.RemoveOptions{RunOptions: c.o})
		whole(t, sum, err)
		var got []string
		for _, e := range sink.all {
			if e.Kind == report.Done {
				got = append(got, e.Src[len("s3://"+bucket+"/"):])
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, c.removed) {
			t.Errorf("%s, dry %v: removed %d objects, want %d", c.at, c.o.DryRun, len(got), len(c.removed))
		}
		if n := fmt.Sprint(sent.take()); n != c.sent {
			t.Errorf("%s, dry %v: requests %s, want %s", c.at, c.o.DryRun, n, c.sent)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"p/keep": "3", "pq": "4"})
	for _, at := range []engine.Location{engine.Dir("x"), {}, engine.Object(bucket, "")} {
		if _, err := eng.Remove(t.Context(), at, engine.RemoveOptions{}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := eng.Remove(t.Context(), engine.Bucket(bucket+"-absent", ""), engine.RemoveOptions{}); wire.Code(err) != "NoSuchBucket" {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

func TestListAndBuckets(t *testing.T) {
	eng := newEngine(t, options(t))
	bucket := wiretest.Bucket(t)
	tree{"a": "1", "d/b": "22", "d/e/f": "333", "d/g": "", "z": "4"}.put(t, bucket)
	for _, c := range []struct {
		prefix string
		o      engine.ListOptions
		want   string
	}{
		{"", engine.ListOptions{}, "a:1 d/b:2 d/e/f:3 d/g:0 z:1"},
		{"", engine.ListOptions{PageSize: 2}, "a:1 d/b:2 d/e/f:3 d/g:0 z:1"},
		{"d/", engine.ListOptions{}, "d/b:2 d/e/f:3 d/g:0"},
		{"", engine.ListOptions{ByLevel: true}, "d/ a:1 z:1"}, // as ls prints a page
		{"d/", engine.ListOptions{ByLevel: true, PageSize: 1}, "d/b:2 d/e/ d/g:0"},
		{"none", engine.ListOptions{}, ""},
	} {
		got := ""
		for e, err := range eng.List(t.Context(), engine.Bucket(bucket, c.prefix), c.o) {
			must(t, err)
			if got != "" {
				got += " "
			}
			got += e.Key
			if !e.CommonPrefix {
				got += fmt.Sprintf(":%d", e.Size)
			}
		}
		if got != c.want {
			t.Errorf("%q, %+v: %s, want %s", c.prefix, c.o, got, c.want)
		}
	}
	for at, is := range map[engine.Location]func(error) bool{
		engine.Dir("x"):                      func(err error) bool { return errors.Is(err, engine.ErrUsage) },
		engine.Bucket("no bucket", ""):       func(err error) bool { return errors.Is(err, engine.ErrUsage) },
		engine.Bucket(bucket+"-absent", "d"): func(err error) bool { return wire.Code(err) == "NoSuchBucket" },
	} {
		n := 0
		for _, err := range eng.List(t.Context(), at, engine.ListOptions{}) {
			if n++; !is(err) {
				t.Errorf("%s: %v", at, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d things were yielded, want one error", at, n)
		}
	}

	made := bucket[:len(bucket)-1] + "-made"
	if there, err := eng.EnsureBucket(t.Context(), made); !there || err != nil {
		t.Fatalf("making a bucket: %v, %v", there, err)
	}
	defer func() {
		must(t, eng.RemoveBucket(afterwards(t), made))
		if err := eng.RemoveBucket(afterwards(t), made); !wire.NotFound(err) {
			t.Errorf("removing a bucket that is gone: %v", err)
		}
	}()
	if again, err := eng.EnsureBucket(t.Context(), made); again || err != nil {
		t.Errorf("making it again: %v, %v", again, err)
	}
	all, err := eng.Buckets(t.Context(), wire.BucketsRequest{})
	must(t, err)
	for _, name := range []string{bucket, made} {
		if !slices.ContainsFunc(all, func(b wire.BucketInfo) bool { return b.Name == name && !b.Created.IsZero() }) {
			t.Errorf("%s is not among %v", name, all)
		}
	}
	if err := eng.RemoveBucket(t.Context(), bucket); wire.Code(err) != "BucketNotEmpty" {
		t.Errorf("removing a bucket with objects: %v", err)
	}
	for _, name := range []string{"", "ab", "Upper", "a_b", "-ab", "ab-", "a..b", "a.-b", "192.168.0.1", "xn--a", "a-s3alias", "x y"} {
		if err := eng.MakeBucket(t.Context(), name); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("a bucket named %q: %v", name, err)
		}
	}
}
