package remove_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/remove"
	"github.com/s3haul/s3haul/engine/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a Deleter that remembers what it was asked for. before is called
// ahead of each request, with its keys; its error is the answer. refuse says
// which objects it keeps, and in what form it names them.
type store struct {
	before func(ctx context.Context, ids []wire.ObjectID) error
	refuse func(id wire.ObjectID) (named wire.ObjectID, refused bool)

	mu      sync.Mutex
	batches [][]wire.ObjectID
	singles []string
	bucket  string
}

var errDenied = &wire.APIError{Op: "DeleteObjects", Code: "AccessDenied", Message: "no"}

func (s *store) DeleteObjects(ctx context.Context, bucket string, ids []wire.ObjectID, o wire.DeleteOptions) ([]wire.DeleteFailure, error) {
	s.mu.Lock()
	s.batches = append(s.batches, slices.Clone(ids))
	s.bucket = bucket
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(ctx, ids); err != nil {
			return nil, err
		}
	}
	var failed []wire.DeleteFailure
	for _, id := range ids {
		if s.refuse != nil {
			if named, refused := s.refuse(id); refused {
				failed = append(failed, wire.DeleteFailure{ObjectID: named, Err: errDenied})
			}
		}
	}
	return failed, nil
}

func (s *store) DeleteObject(ctx context.Context, bucket string, id wire.ObjectID, o wire.DeleteOptions) error {
	s.mu.Lock()
	s.singles = append(s.singles, id.Key)
	s.bucket = bucket
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(ctx, []wire.ObjectID{id}); err != nil {
			return err
		}
	}
	if s.refuse != nil {
		if _, refused := s.refuse(id); refused {
			return errDenied
		}
	}
	return nil
}

// sizes are those of the batches, the largest first.
func (s *store) sizes() []int {
	var n []int
	for _, b := range s.batches {
		n = append(n, len(b))
	}
	slices.SortFunc(n, func(a, b int) int { return b - a })
	return n
}

// told remembers what Done was told.
type told struct {
	mu   sync.Mutex
	errs map[wire.ObjectID][]error
}

func (d *told) done(id wire.ObjectID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.errs == nil {
		d.errs = map[wire.ObjectID][]error{}
	}
	d.errs[id] = append(d.errs[id], err)
}

// each fails the test unless Done was told of each of ids once and of nothing
// else, and was told of an error where failed says so.
func (d *told) each(t *testing.T, ids []wire.ObjectID, failed func(wire.ObjectID) bool) {
	t.Helper()
	for _, id := range ids {
		errs := d.errs[id]
		if len(errs) != 1 {
			t.Fatalf("%q was told of %d times", id, len(errs))
		}
		if want := failed != nil && failed(id); (errs[0] != nil) != want {
			t.Fatalf("%q: told %v", id, errs[0])
		}
	}
	if len(d.errs) != len(ids) {
		t.Errorf("told of %d objects, want %d", len(d.errs), len(ids))
	}
}

func options(t *testing.T, s *store, d *told) remove.Options {
	t.Helper()
	p, err := pool.New(pool.Options{Slots: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s := p.Stats(); s.UnderWay != 0 || s.InFlight != 0 {
			t.Errorf("left under way: %+v", s)
		}
	})
	return remove.Options{Client: s, Pool: p, Bucket: "b", Done: d.done}
}

func numbered(n int) []wire.ObjectID {
	ids := make([]wire.ObjectID, n)
	for i := range ids {
		ids[i].Key = fmt.Sprintf("k%05d", i)
	}
	return ids
}

func all(ids []wire.ObjectID) iter.Seq2[wire.ObjectID, error] {
	return func(yield func(wire.ObjectID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		objects, size int
		want          []int
	}{
		{0, 0, nil},
		{1, 0, []int{1}},
		{999, 0, []int{999}},
		{1000, 0, []int{1000}},
		{1001, 0, []int{1000, 1}},
		{3500, 0, []int{1000, 1000, 1000, 500}},
		{25, 10, []int{10, 10, 5}},
		{1500, 5000, []int{1000, 500}}, // S3 takes no more
		{2, -1, []int{2}},
	} {
		s, d := &store{}, &told{}
		o := options(t, s, d)
		o.BatchSize = c.size
		ids := numbered(c.objects)
		if err := remove.All(t.Context(), all(ids), o); err != nil {
			t.Fatal(err)
		}
		if got := s.sizes(); !slices.Equal(got, c.want) || len(s.singles) != 0 {
			t.Errorf("%d objects: batches of %v and %d alone, want %v", c.objects, got, len(s.singles), c.want)
		}
		if c.objects > 0 && s.bucket != "b" {
			t.Errorf("deleted in bucket %q", s.bucket)
		}
		sent := slices.Concat(s.batches...)
		slices.SortFunc(sent, func(a, b wire.ObjectID) int { return strings.Compare(a.Key, b.Key) })
		if !slices.Equal(sent, ids) {
			t.Errorf("%d objects: %d were sent, or others", c.objects, len(sent))
		}
		d.each(t, ids, nil)
	}
}

func TestFailuresOfKeys(t *testing.T) {
	third := func(id wire.ObjectID) bool { return id.Key[len(id.Key)-1]%3 == 0 }
	s, d := &store{refuse: func(id wire.ObjectID) (wire.ObjectID, bool) { return id, third(id) }}, &told{}
	ids := numbered(2500)
	if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, third)
	if errs := d.errs[wire.ObjectID{Key: "k00000"}]; wire.Code(errors.Join(errs...)) != "AccessDenied" {
		t.Errorf("told %v", errs)
	}
}

// A failure is that of its version; one that names none counts for all versions
// of its key.
func TestFailuresOfVersions(t *testing.T) {
	a1, a2, b1, b2 := wire.ObjectID{Key: "a", VersionID: "1"}, wire.ObjectID{Key: "a", VersionID: "2"},
		wire.ObjectID{Key: "b", VersionID: "1"}, wire.ObjectID{Key: "b", VersionID: "null"}
	s, d := &store{refuse: func(id wire.ObjectID) (wire.ObjectID, bool) {
		if id == b2 {
			return wire.ObjectID{Key: "b"}, true
		}
		return id, id == a1
	}}, &told{}
	ids := []wire.ObjectID{a1, a2, b1, b2}
	if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, func(id wire.ObjectID) bool { return id == a1 || id.Key == "b" })
}

// A batch that fails as a whole does so for each of its keys, and the others go
// on.
func TestFailedRequest(t *testing.T) {
	broken := errors.New("the connection broke")
	s, d := &store{before: func(_ context.Context, ids []wire.ObjectID) error {
		if ids[0].Key == "k01000" {
			return broken
		}
		return nil
	}}, &told{}
	ids := numbered(2500)
	if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, func(id wire.ObjectID) bool { return id.Key >= "k01000" && id.Key < "k02000" })
	if !errors.Is(d.errs[wire.ObjectID{Key: "k01500"}][0], broken) {
		t.Error("the reason is lost")
	}
}

// What XML cannot carry goes by itself.
func TestKeysThatXMLCannotCarry(t *testing.T) {
	single := []string{"nul\x00", "\x01", "bell\a", "esc\x1b", "a\x1fb", "\ufffe", "\uffff", "not\xffutf8", "half\xc3"}
	batched := []string{"", "a", "tab\t", "lf\n", "cr\r", "del\x7f", "c1\u0085", "\ufffd", "\U0001F600", "\U0010ffff", "<&>"}
	var ids []wire.ObjectID
	for _, key := range append(slices.Clone(single), batched...) {
		ids = append(ids, wire.ObjectID{Key: key, VersionID: "v"})
	}
	s, d := &store{refuse: func(id wire.ObjectID) (wire.ObjectID, bool) { return id, id.Key == "bell\a" }}, &told{}
	if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.singles)
	slices.Sort(single)
	if !slices.Equal(s.singles, single) {
		t.Errorf("%q went alone, want %q", s.singles, single)
	}
	if got := s.sizes(); !slices.Equal(got, []int{len(batched)}) {
		t.Errorf("batches of %v", got)
	}
	d.each(t, ids, func(id wire.ObjectID) bool { return id.Key == "bell\a" })
}

// What was begun before the sequence failed is ended, and nothing after it.
func TestFailedSequence(t *testing.T) {
	lost := errors.New("the listing broke off")
	s, d := &store{}, &told{}
	ids := numbered(2500)
	err := remove.All(t.Context(), func(yield func(wire.ObjectID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
		if yield(wire.ObjectID{}, lost) {
			t.Error("asked for more after an error")
		}
	}, options(t, s, d))
	if !errors.Is(err, lost) {
		t.Errorf("ended with %v", err)
	}
	if got := s.sizes(); !slices.Equal(got, []int{1000, 1000}) {
		t.Errorf("batches of %v, want the two that were full", got)
	}
	d.each(t, ids[:2000], nil)
}

// The context ends while a batch is under way: that batch ends, told of, and
// the sequence is not read on for long.
func TestCancelled(t *testing.T) {
	stop := errors.New("the caller has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s, d := &store{before: func(ctx context.Context, ids []wire.ObjectID) error {
		if ids[0].Key != "k00100" {
			<-ctx.Done() // those beside it hang until they are cut off
			return fmt.Errorf("DeleteObjects: %w", context.Cause(ctx))
		}
		cancel(stop)
		return nil
	}}, &told{}
	read := 0
	err := remove.All(ctx, func(yield func(wire.ObjectID, error) bool) {
		for _, id := range numbered(100_000) {
			read++
			if !yield(id, nil) {
				return
			}
		}
	}, func() remove.Options {
		o := options(t, s, d)
		o.BatchSize = 100
		return o
	}())
	if !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
	// 4 slots, twice as many batches under way, one more being filled.
	if read > 1000 {
		t.Errorf("%d objects were read after which nothing was to begin", read)
	}
	var begun []wire.ObjectID
	for _, b := range s.batches {
		begun = append(begun, b...)
	}
	d.each(t, begun, func(id wire.ObjectID) bool { return id.Key < "k00100" || id.Key >= "k00200" })
}

func TestCancelledBefore(t *testing.T) {
	stop := errors.New("the caller has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	s, d := &store{}, &told{}
	if err := remove.All(ctx, all(numbered(3)), options(t, s, d)); !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
	if len(s.batches) != 0 || len(d.errs) != 0 {
		t.Errorf("%d batches were sent", len(s.batches))
	}
}

// What waits for its turn when it is too late is not sent, and said not to be.
func TestLate(t *testing.T) {
	s, d := &store{}, &told{}
	o := options(t, s, d)
	o.BatchSize = 2
	o.Late = func() bool { // after the first batch
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.batches) > 0
	}
	one, err := pool.New(pool.Options{Slots: 1, Files: 1}) // one after the other
	if err != nil {
		t.Fatal(err)
	}
	o.Pool = one
	ids := append(numbered(5), wire.ObjectID{Key: "\x01"})
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	if len(s.batches) != 1 || len(s.singles) != 0 {
		t.Errorf("%d batches and %d alone were sent", len(s.batches), len(s.singles))
	}
	d.each(t, ids, func(id wire.ObjectID) bool { return id.Key != "k00000" && id.Key != "k00001" })
	for id, errs := range d.errs {
		if errs[0] != nil && !errors.Is(errs[0], remove.ErrLate) {
			t.Errorf("%q: %v", id, errs[0])
		}
	}
}

// A store that looks at the conditions of single deletions alone gets no others.
func TestSingle(t *testing.T) {
	s, d := &store{}, &told{}
	ids := numbered(50)
	o := options(t, s, d)
	o.Single = true
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, nil)
	if len(s.singles) != len(ids) || len(s.batches) != 0 {
		t.Errorf("%d by themselves, %d batches", len(s.singles), len(s.batches))
	}
}
