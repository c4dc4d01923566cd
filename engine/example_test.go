package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// stage is the test that an example is not: what helpers need of one. What
// fails ends the example.
type stage struct {
	testing.TB
	ends []func()
}

func (s *stage) Helper()                   {}
func (s *stage) Context() context.Context  { return context.Background() }
func (s *stage) Cleanup(f func())          { s.ends = append(s.ends, f) }
func (s *stage) Logf(string, ...any)       {}
func (s *stage) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (s *stage) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (s *stage) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (s *stage) end() {
	for _, f := range slices.Backward(s.ends) {
		f()
	}
}

// exampleStore is a store with a bucket in it, and a directory with files and
// an older state of them in the bucket.
func exampleStore() (o engine.Options, bucket, dir string, end func()) {
	s := &stage{}
	o, bucket = options(s), wiretest.Bucket(s)
	dir, err := os.MkdirTemp("", "s3haul-example-")
	must(s, err)
	s.Cleanup(func() { must(s, os.RemoveAll(dir)) })
	tree{"a.jpg": "aaa", "sea/b.jpg": "bb", "sea/c.jpg": "cc"}.write(s, dir)
	tree{"2026/a.jpg": "aaa", "2026/old.jpg": "o", "2026/sea/b.jpg": "b"}.put(s, bucket)
	return o, bucket, dir, s.end
}

// lines is a Sink that prints what was done.
type lines struct{}

func (lines) Report(e report.Event) {
	if e.Kind == report.Done {
		fmt.Println(e.Op, e.Key)
	}
}

func ExampleEngine_Sync() {
	options, holiday, photos, end := exampleStore()
	defer end()
	ctx := context.Background()

	eng, err := engine.New(ctx, options)
	if err != nil {
		panic(err)
	}
	defer eng.Close()

	sum, err := eng.Sync(ctx, engine.Dir(photos), engine.Bucket(holiday, "2026/"), engine.SyncOptions{
		Delete: true, MaxDelete: 100, RunOptions: engine.RunOptions{Report: lines{}},
	})
	// err is what stopped the run; sum.Err joins the objects that failed.
	if err := errors.Join(err, sum.Err()); err != nil {
		panic(err)
	}
	fmt.Println(sum.Unchanged, "unchanged,", sum.Ops[report.Upload].Bytes, "bytes uploaded")
	// Unordered output:
	// upload sea/b.jpg
	// upload sea/c.jpg
	// delete old.jpg
	// 1 unchanged, 4 bytes uploaded
}

func ExampleEngine_Copy() {
	options, holiday, photos, end := exampleStore()
	defer end()
	ctx := context.Background()

	eng, err := engine.New(ctx, options)
	if err != nil {
		panic(err)
	}
	defer eng.Close()

	name := filepath.Join(photos, "old.jpg")
	sum, err := eng.Copy(ctx, engine.Object(holiday, "2026/old.jpg"), engine.File(name), engine.CopyOptions{})
	if err := errors.Join(err, sum.Err()); err != nil {
		panic(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d object, content %q\n", sum.Ops[report.Download].Objects, content)
	// Output: 1 object, content "o"
}

func ExampleEngine_Remove() {
	options, holiday, _, end := exampleStore()
	defer end()
	ctx := context.Background()

	eng, err := engine.New(ctx, options)
	if err != nil {
		panic(err)
	}
	defer eng.Close()

	for _, dry := range []bool{true, false} {
		sum, err := eng.Remove(ctx, engine.Bucket(holiday, "2026/"), engine.RemoveOptions{
			RunOptions: engine.RunOptions{DryRun: dry},
		})
		if err := errors.Join(err, sum.Err()); err != nil {
			panic(err)
		}
		fmt.Println("dry run:", sum.DryRun, "objects:", sum.Ops[report.Delete].Objects)
	}
	// Output:
	// dry run: true objects: 3
	// dry run: false objects: 3
}

func ExampleEngine_List() {
	options, holiday, _, end := exampleStore()
	defer end()
	ctx := context.Background()

	eng, err := engine.New(ctx, options)
	if err != nil {
		panic(err)
	}
	defer eng.Close()

	for entry, err := range eng.List(ctx, engine.Bucket(holiday, ""), engine.ListOptions{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(entry.Key, entry.Size)
	}
	// Output:
	// 2026/a.jpg 3
	// 2026/old.jpg 1
	// 2026/sea/b.jpg 1
}

func ExampleEngine_Purge() {
	options, holiday, _, end := exampleStore()
	defer end()
	ctx := context.Background()

	eng, err := engine.New(ctx, options)
	if err != nil {
		panic(err)
	}
	defer eng.Close()

	// The bucket was never versioned: each object is the one version of its key,
	// and it is current.
	for _, keep := range []int{1, 0} {
		sum, err := eng.Purge(ctx, engine.Bucket(holiday, "2026/"), engine.PurgeOptions{KeepVersions: keep})
		if err := errors.Join(err, sum.Err()); err != nil {
			panic(err)
		}
		fmt.Println("keep", keep, "removed", sum.Ops[report.RemoveVersion].Objects, "left", len(sum.Left))
	}
	// Output:
	// keep 1 removed 0 left 0
	// keep 0 removed 3 left 0
}
