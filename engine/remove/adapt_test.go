package remove_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/remove"
	"github.com/s3haul/s3haul/engine/wire"
)

var (
	errSlow   = &wire.APIError{Op: "DeleteObjects", Code: "SlowDown", Message: "reduce your rate"}
	errBroken = &wire.APIError{Op: "DeleteObjects", Code: "InternalError", Message: "try again"}
)

// A store that does not answer large batches gets smaller ones, down to one
// key; a key that breaks it alone fails alone.
func TestBatchesShrink(t *testing.T) {
	for most, poison := range map[int]string{100: "", 3: "", 1: "", 1000: "k01234"} {
		s, d := &store{}, &told{}
		s.before = func(_ context.Context, ids []wire.ObjectID) error {
			if len(ids) > most || poison != "" && slices.ContainsFunc(ids, func(id wire.ObjectID) bool { return id.Key == poison }) {
				return errBroken
			}
			return nil
		}
		ids := numbered(3000)
		if most == 1 { // so many in a row would be an outage
			ids = ids[:8]
		}
		if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
			t.Fatal(err)
		}
		d.each(t, ids, func(id wire.ObjectID) bool { return id.Key == poison })
		if poison == "" && most > 3 && len(s.batches) > 200 {
			t.Errorf("%d batches: it did not learn that %d is too much", len(s.batches), 2*most)
		}
	}
}

// A store that answers nothing at all is not asked for each key by itself.
func TestNothingIsAnswered(t *testing.T) {
	s, d := &store{before: func(context.Context, []wire.ObjectID) error { return errBroken }}, &told{}
	ids := numbered(5000)
	if err := remove.All(t.Context(), all(ids), options(t, s, d)); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, func(wire.ObjectID) bool { return true })
	if len(s.batches) > 200 {
		t.Errorf("%d batches were sent", len(s.batches))
	}
}

// After a time of small batches they grow again.
func TestBatchesGrowAgain(t *testing.T) {
	s, d := &store{}, &told{}
	first := true
	s.before = func(_ context.Context, ids []wire.ObjectID) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if first {
			first = false
			return errBroken
		}
		return nil
	}
	ids := numbered(200_000)
	o := options(t, s, d)
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, nil)
	smaller, whole := 0, false
	for _, b := range s.batches[9:] { // those that were filled before are larger
		if len(b) < 600 && !whole {
			smaller++
		}
		whole = whole || smaller > 0 && len(b) == 1000
	}
	if smaller == 0 || !whole {
		t.Errorf("%d batches were smaller, and then whole: %v", smaller, whole)
	}
}

// partitions is a store that takes so many keys of each first letter at a time.
type partitions struct {
	store
	mu     sync.Mutex
	tokens map[byte]int
	calls  int
}

func (p *partitions) DeleteObjects(_ context.Context, _ string, ids []wire.ObjectID, _ wire.DeleteOptions) ([]wire.DeleteFailure, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls++; p.calls%4 == 0 { // some time has passed
		p.tokens = map[byte]int{}
	}
	var failed []wire.DeleteFailure
	for _, id := range ids {
		if p.tokens[id.Key[0]]++; p.tokens[id.Key[0]] > 20 {
			failed = append(failed, wire.DeleteFailure{ObjectID: id, Err: errSlow})
		}
	}
	if len(failed) == len(ids) {
		return nil, errSlow
	}
	return failed, nil
}

// What is throttled comes again until it is taken, in small batches; the client
// is not asked to be patient. Each object is told of once.
func TestThrottledKeysComeAgain(t *testing.T) {
	s, d := &partitions{tokens: map[byte]int{}}, &told{}
	o := options(t, &s.store, d)
	o.Client = s
	o.Patience = time.Minute
	var mu sync.Mutex
	retried := 0
	o.Retried = func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if retried++; wire.Code(err) != "SlowDown" {
			t.Errorf("sent again because of %v", err)
		}
	}
	var ids []wire.ObjectID
	for i := range 400 {
		ids = append(ids, wire.ObjectID{Key: fmt.Sprintf("%c%04d", 'a'+i/100, i), VersionID: "v"})
	}
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, nil)
	if retried == 0 {
		t.Error("nothing was throttled")
	}
	// Without patience it fails, with the store's reason.
	s2, d2 := &partitions{tokens: map[byte]int{}}, &told{}
	o = options(t, &s2.store, d2)
	o.Client = s2
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, errs := range d2.errs {
		if wire.Code(errors.Join(errs...)) == "SlowDown" {
			failed++
		}
	}
	if failed == 0 || len(d2.errs) != len(ids) {
		t.Errorf("%d failed of %d", failed, len(d2.errs))
	}
}

// The context ends while keys wait to be sent again: nothing hangs.
func TestCancelledWhileThrottled(t *testing.T) {
	stop := errors.New("the caller has had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	s, d := &store{before: func(context.Context, []wire.ObjectID) error { return errSlow }}, &told{}
	o := options(t, s, d)
	o.Patience = time.Hour
	var n atomic.Int64
	o.Retried = func(error) {
		if n.Add(1) == 3 {
			cancel(stop)
		}
	}
	if err := remove.All(ctx, all(numbered(100)), o); !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
}

// with remembers the options of each deletion.
type with struct {
	store
	seen []wire.DeleteOptions
	ids  []wire.ObjectID
}

func (w *with) DeleteObjects(_ context.Context, _ string, _ []wire.ObjectID, o wire.DeleteOptions) ([]wire.DeleteFailure, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, o)
	return nil, nil
}

func (w *with) DeleteObject(_ context.Context, _ string, id wire.ObjectID, o wire.DeleteOptions) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen, w.ids = append(w.seen, o), append(w.ids, id)
	return nil
}

func TestOptionsGoWithEachDeletion(t *testing.T) {
	w, d := &with{}, &told{}
	o := options(t, &w.store, d)
	o.Client = w
	o.Delete = wire.DeleteOptions{BypassGovernance: true, MFA: "serial 123456"}
	ids := []wire.ObjectID{{Key: "a", VersionID: "1"}, {Key: "\x01", VersionID: "2"}}
	if err := remove.All(t.Context(), all(ids), o); err != nil {
		t.Fatal(err)
	}
	d.each(t, ids, nil)
	if !slices.Equal(w.seen, []wire.DeleteOptions{o.Delete, o.Delete}) || !slices.Equal(w.ids, ids[1:]) {
		t.Errorf("%+v, alone %+v", w.seen, w.ids)
	}
}

// What done and idle queue is sent, and comes back with its tags.
func TestQueue(t *testing.T) {
	p, err := pool.New(pool.Options{Slots: 4})
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	var mu sync.Mutex
	got := map[int]bool{}
	var r *remove.Remover[int]
	rest := []int{100, 200}
	r = remove.New(t.Context(), remove.Options{Client: s, Pool: p, Bucket: "b"}, func(out remove.Outcome[int]) {
		mu.Lock()
		defer mu.Unlock()
		for i, n := range out.Tags {
			if out.Err(i) != nil || out.IDs[i].Key != fmt.Sprint(n) || got[n] {
				t.Errorf("%d: %v, %v", n, out.IDs[i], out.Err(i))
			}
			if got[n] = true; n < 3 {
				r.Queue([]wire.ObjectID{{Key: fmt.Sprint(n + 10)}}, []int{n + 10})
			}
		}
	}, func() {
		mu.Lock()
		defer mu.Unlock()
		if len(rest) > 0 {
			n := rest[0]
			rest = rest[1:]
			r.Queue([]wire.ObjectID{{Key: fmt.Sprint(n)}}, []int{n})
		}
	})
	for n := range 3 {
		if err := r.Send([]wire.ObjectID{{Key: fmt.Sprint(n)}}, []int{n}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(got) != 8 {
		t.Errorf("%v", got)
	}
}
