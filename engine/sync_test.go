package engine_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// The whole way: up, up again, down, down again, and then what has changed.
func TestSyncUpDownAgain(t *testing.T) {
	files := tree{
		"foo.txt": "1", "foo/bar": "2", "foo0": "3", "a-b": "4", "a/c": "5", "empty": "",
		"space in the name": "6", "plus+": "7", "%41": "8", "\u00e9": "9", "e\u0301": "10", "<&>": "11",
	}
	bytes := int64(0)
	for i := len(files); i < 2500; i++ {
		files[fmt.Sprintf("d%02d/f%04d", i%20, i)] = strings.Repeat("x", i%7) + fmt.Sprint(i)
	}
	for _, content := range files {
		bytes += int64(len(content))
	}
	src, dst := files.write(t, t.TempDir()), filepath.Join(t.TempDir(), "made", "by sync")
	there := engine.Bucket(wiretest.Bucket(t), "pre/")
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	lists := map[string]int{"ListObjectsV2": 3} // one for each 1,000 keys

	sink := &recorder{}
	sum, err := eng.Sync(t.Context(), engine.Dir(src), there, engine.SyncOptions{RunOptions: engine.RunOptions{Report: sink}})
	whole(t, sum, err)
	want := report.OpCount{Objects: 2500, Bytes: bytes}
	if sum.Ops[report.Upload] != want || len(sum.Ops) != 1 || sum.Planned != want || !sum.Listed || sum.Moved != bytes {
		t.Errorf("up: %+v", sum)
	}
	if got := sent.take(); got["ListObjectsV2"] != 1 || got["PutObject"] != 2500 || len(got) != 2 {
		t.Errorf("up: requests %v", got)
	}
	if got := sink.keys(report.Done); len(got) != 2500 || len(sink.keys(report.Listed)) != 1 {
		t.Errorf("up: %d objects reported as done", len(got))
	}

	sum, err = eng.Sync(t.Context(), engine.Dir(src), there, engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	if len(sum.Ops) != 0 || sum.Unchanged != 2500 || !maps.Equal(sent.take(), lists) {
		t.Errorf("up again: %+v", sum)
	}

	sum, err = eng.Sync(t.Context(), there, engine.Dir(dst), engine.SyncOptions{})
	whole(t, sum, err)
	if sum.Ops[report.Download] != want || sum.Moved != bytes {
		t.Errorf("down: %+v", sum)
	}
	expect(t, "down", readDir(t, dst), files)
	if got := sent.take(); got["ListObjectsV2"] != 3 || got["GetObject"] != 2500 || len(got) != 2 {
		t.Errorf("down: requests %v", got)
	}

	sum, err = eng.Sync(t.Context(), there, engine.Dir(dst), engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	if len(sum.Ops) != 0 || sum.Unchanged != 2500 || !maps.Equal(sent.take(), lists) {
		t.Errorf("down again: %+v", sum)
	}
	if s := eng.PoolStats(); s.InFlight != 0 || s.Reserved != 0 || s.UnderWay != 0 || s.Idle != 0 {
		t.Errorf("between two runs the engine holds %+v", s)
	}
}

// Upward, what has another size or is newer goes.
func TestWhatHasChangedGoesUp(t *testing.T) {
	src := tree{"larger": "1", "newer": "1", "older": "1", "same": "1"}.write(t, t.TempDir())
	bucket := wiretest.Bucket(t)
	eng := newEngine(t, options(t))
	sum, err := eng.Sync(t.Context(), engine.Dir(src), engine.Bucket(bucket, ""), engine.SyncOptions{})
	whole(t, sum, err)

	tree{"larger": "22", "newer": "2", "older": "2"}.write(t, src)
	later := time.Now().Add(time.Hour)
	must(t, os.Chtimes(filepath.Join(src, "newer"), later, later))
	for _, c := range []struct {
		o    engine.SyncOptions
		want []string
	}{
		{engine.SyncOptions{SizeOnly: true, RunOptions: engine.RunOptions{DryRun: true}}, []string{"larger"}},
		{engine.SyncOptions{}, []string{"larger", "newer"}},
	} {
		sink := &recorder{}
		c.o.Report = sink
		sum, err = eng.Sync(t.Context(), engine.Dir(src), engine.Bucket(bucket, ""), c.o)
		whole(t, sum, err)
		if got := append(sink.keys(report.Done), sink.keys(report.DryRun)...); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %q went up, want %q", c.o, got, c.want)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), tree{"larger": "22", "newer": "2", "older": "1", "same": "1"})
}

// A dry run sends nothing but lists, says what the run would do, and leaves
// nothing behind.
func TestDryRunChangesNothing(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	here, there := tree{"new": "n", "both": "1", "changed": "22"}, tree{"both": "1", "changed": "1", "extra": "e"}
	bucket := wiretest.Bucket(t)
	dir := here.write(t, t.TempDir())
	there.put(t, bucket)
	for name, run := range map[string]struct{ src, dst engine.Location }{
		"up":   {engine.Dir(dir), engine.Bucket(bucket, "")},
		"down": {engine.Bucket(bucket, ""), engine.Dir(dir)},
	} {
		sink := &recorder{}
		sum, err := eng.Sync(t.Context(), run.src, run.dst, engine.SyncOptions{
			Delete: true, RunOptions: engine.RunOptions{DryRun: true, Report: sink},
		})
		whole(t, sum, err)
		want := map[string]string{"up": "[changed new]/[extra]", "down": "[changed extra]/[new]"}[name]
		got := fmt.Sprint(sink.keys(report.DryRun, report.Upload, report.Download), "/", sink.keys(report.DryRun, report.Delete))
		if got != want || !sum.DryRun || sum.Unchanged != 1 || len(sink.keys(report.Done)) != 0 {
			t.Errorf("%s: would have transferred and deleted %s, want %s: %+v", name, got, want, sum)
		}
		if got := sent.take(); got["ListObjectsV2"] != 1 || len(got) != 1 {
			t.Errorf("%s: requests %v", name, got)
		}
	}
	expect(t, "bucket", readBucket(t, bucket), there)
	expect(t, "dir", readDir(t, dir), here)

	// Where the destination is not there, it is not made.
	absent := filepath.Join(t.TempDir(), "absent")
	sum, err := eng.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(absent), engine.SyncOptions{RunOptions: engine.RunOptions{DryRun: true}})
	whole(t, sum, err)
	if _, err := os.Stat(absent); !os.IsNotExist(err) {
		t.Errorf("a dry run made %s: %v", absent, err)
	}
	if got := sum.Ops[report.Download].Objects; got != 3 {
		t.Errorf("a dry run would download %d objects, want 3", got)
	}
	sent.take()
	sink := &recorder{}
	sum, err = eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket+"-absent", ""), engine.SyncOptions{
		MakeBucket: true, RunOptions: engine.RunOptions{DryRun: true, Report: sink},
	})
	whole(t, sum, err)
	if got := sent.take(); got["HeadBucket"] != 1 || len(got) != 1 {
		t.Errorf("requests %v for a bucket that is not there, want one HeadBucket", got)
	}
	if sum.Ops[report.Upload].Objects != 3 || sum.Ops[report.MakeBucket].Objects != 1 {
		t.Errorf("would have done %v", sum.Ops)
	}
}

func TestSyncMakesTheBucket(t *testing.T) {
	files := tree{"a": "1", "b/c": "2"}
	dir := files.write(t, t.TempDir())
	target := wiretest.Endpoint(t)
	c := target.Client(t)
	name := "s3haul-test-made-" + strings.ToLower(strings.TrimPrefix(wiretest.Bucket(t), "s3haul-test-"))
	eng := newEngine(t, options(t))
	_, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(name, ""), engine.SyncOptions{})
	if err == nil || !strings.Contains(err.Error(), "NoSuchBucket") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	t.Cleanup(func() {
		for key := range files {
			_, _ = c.DeleteObject(afterwards(t), &s3.DeleteObjectInput{Bucket: aws.String(name), Key: aws.String(key)})
		}
		if _, err := c.DeleteBucket(afterwards(t), &s3.DeleteBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Error(err)
		}
	})
	for i := range 2 {
		sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket(name, ""), engine.SyncOptions{MakeBucket: true})
		whole(t, sum, err)
		if made := sum.Ops[report.MakeBucket].Objects; made != int64(1-i) {
			t.Errorf("run %d made %d buckets", i, made)
		}
	}
	expect(t, "bucket", readBucket(t, name), files)
}
