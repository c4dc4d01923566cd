package sorted_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/sorted"
	"github.com/s3haul/s3haul/walker/walktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// step is what a script yields at one place.
type step struct {
	entry walker.Entry
	err   error
}

// script is a Source in no order.
type script []step

func (script) Ordered() bool { return false }

func (s script) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for _, st := range s {
			if ctx.Err() != nil {
				yield(walker.Entry{}, context.Cause(ctx))
				return
			}
			if !yield(st.entry, st.err) {
				return
			}
		}
	}
}

func open(t *testing.T, s walker.Source, o sorted.Options) *sorted.Source {
	t.Helper()
	o.Dir = t.TempDir()
	got, err := sorted.Open(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := got.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
			t.Errorf("%d files were left: %v", len(left), err)
		}
	})
	return got
}

func TestContract(t *testing.T) {
	for name, memory := range map[string]int{"in memory": 0, "on disk": 2000, "each by itself": 1} {
		t.Run(name, func(t *testing.T) {
			walktest.Suite{Make: func(t *testing.T, files map[string]int64) walker.Source {
				var s script
				for key, size := range files { // in whatever order
					s = append(s, step{entry: walker.Entry{Key: key, Size: size, ModTime: time.Unix(size, 7)}})
				}
				return open(t, s, sorted.Options{Memory: memory})
			}, Extra: map[string]int64{"a": 1, "nul\x00": 2, "\xff": 3}}.Run(t)
		})
	}
}

// What comes out is what went in, whether it was on disk or not.
func TestEntriesStayWhatTheyAre(t *testing.T) {
	full := walker.Entry{
		Key: "full", Size: 1 << 40, ModTime: time.Unix(1, 999).UTC(), ETag: "e", StorageClass: "GLACIER", VersionID: "null",
		Latest: true, DeleteMarker: true, CommonPrefix: true, Restored: true,
	}
	early := walker.Entry{Key: "early", ModTime: time.Unix(-5, 0).UTC(), StorageClass: "STANDARD"}
	in := script{
		{entry: full},
		{entry: early},
		{entry: walker.Entry{Key: ""}},
		{entry: walker.Entry{Key: "dir/"}, err: &walker.Skipped{Key: "dir/", Path: "/x/dir", Err: errors.New("No."), Unlisted: true}},
		{entry: walker.Entry{Key: "q"}, err: fmt.Errorf("wrapped: %w", &walker.Skipped{Key: "q", Path: "p", Err: errors.New("Held."), Quiet: true})},
	}
	for _, memory := range []int{0, 1} {
		var keys []string
		for e, err := range open(t, in, sorted.Options{Memory: memory}).Walk(t.Context()) {
			keys = append(keys, e.Key)
			i := slices.IndexFunc(in, func(s step) bool { return s.entry.Key == e.Key })
			if !reflect.DeepEqual(e, in[i].entry) {
				t.Errorf("%+v went in, %+v came out", in[i].entry, e)
			}
			want, got := walker.AsSkipped(in[i].err), walker.AsSkipped(err)
			if (want == nil) != (got == nil) || want != nil && (got.Key != want.Key || got.Path != want.Path ||
				got.Quiet != want.Quiet || got.Unlisted != want.Unlisted || got.Err.Error() != want.Err.Error()) {
				t.Errorf("%q: %+v went in, %+v came out", e.Key, want, got)
			}
		}
		if want := []string{"", "dir/", "early", "full", "q"}; !slices.Equal(keys, want) {
			t.Errorf("%q, want %q", keys, want)
		}
	}
}

// Of two of one key one is yielded, wherever the runs have them.
func TestEachKeyOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, memory := range []int{0, 1, 900, 5000} {
		want := map[string]int64{}
		var in script
		for i := range int64(500) {
			key := strconv.Itoa(rng.IntN(60))
			want[key] = max(want[key], i)
			in = append(in, step{entry: walker.Entry{Key: key, Size: i}})
		}
		in = append(in, step{entry: walker.Entry{Key: "7"}, err: &walker.Skipped{Key: "7", Err: errors.New("No.")}})
		larger := func(a, b walker.Entry) walker.Entry {
			if a.Size < b.Size {
				return b
			}
			return a
		}
		got := map[string]int64{}
		var keys []string
		for e, err := range open(t, in, sorted.Options{Memory: memory, Pick: larger}).Walk(t.Context()) {
			if (err != nil) != (e.Key == "7") {
				t.Errorf("%q: %v", e.Key, err)
			}
			keys = append(keys, e.Key)
			got[e.Key] = e.Size
		}
		delete(want, "7")
		delete(got, "7")
		if !maps.Equal(got, want) || len(keys) != len(want)+1 || !slices.IsSorted(keys) {
			t.Errorf("with %d bytes: %v, want %v", memory, got, want)
		}
	}
}

// An error of the source is that of Open, at whatever place, and leaves nothing.
func TestErrorOfTheSource(t *testing.T) {
	bad := errors.New("bad")
	for n := range 4 {
		var in script
		for i := range n {
			in = append(in, step{entry: walker.Entry{Key: strconv.Itoa(i)}})
		}
		in = append(in, step{err: bad})
		dir := t.TempDir()
		if _, err := sorted.Open(t.Context(), in, sorted.Options{Dir: dir, Memory: 1}); !errors.Is(err, bad) {
			t.Errorf("%v, want %v", err, bad)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d files were left: %v", len(left), err)
		}
	}
	if _, err := sorted.Open(t.Context(), script{{}}, sorted.Options{Dir: "/no/such/directory", Memory: 1}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
