package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// pages answers a listing from a slice of keys, size keys a page, and fails
// request number fail (from 0) where that is not negative.
type pages struct {
	keys     []string
	size     int
	fail     int
	requests int
}

var errStore = errors.New("the store fell over")

func (p *pages) ListObjects(_ context.Context, req bucket.ListRequest, into *bucket.Page) error {
	n := p.requests
	p.requests++
	if n == p.fail {
		return errStore
	}
	from := 0
	if req.Token != "" {
		from, _ = strconv.Atoi(req.Token)
	}
	into.Reset()
	to := min(from+p.size, len(p.keys))
	for _, k := range p.keys[from:to] {
		size := int64(len(k))
		if k[len(k)-1] == '/' {
			size = 0
		}
		into.Entries = append(into.Entries, walker.Entry{Key: k, Size: size})
	}
	if to < len(p.keys) {
		into.Next = strconv.Itoa(to)
	}
	return nil
}

func keys(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("p/%06d", i)
	}
	return out
}

func collect(t *testing.T, s walker.Source) ([]string, error) {
	t.Helper()
	var got []string
	for e, err := range s.Walk(t.Context()) {
		if err != nil {
			return got, err
		}
		got = append(got, e.Key)
	}
	return got, nil
}

func TestEveryKeyOnceWithoutPrefix(t *testing.T) {
	l := &pages{keys: keys(2500), size: 1000, fail: -1}
	got, err := collect(t, bucket.New(l, bucket.Options{Bucket: "b", Prefix: "p/"}))
	if err != nil || len(got) != 2500 || got[0] != "000000" || got[2499] != "002499" || !slices.IsSorted(got) {
		t.Fatalf("got %d keys, %v", len(got), err)
	}
	if l.requests != 3 {
		t.Errorf("%d requests for 2,500 keys, want 3", l.requests)
	}
}

func TestFolderMarkersAreNoFiles(t *testing.T) {
	l := &pages{keys: []string{"a/", "a/b", "c"}, size: 10, fail: -1}
	if got, _ := collect(t, bucket.New(l, bucket.Options{})); !slices.Equal(got, []string{"a/b", "c"}) {
		t.Errorf("got %q", got)
	}
	if got, _ := collect(t, bucket.New(l, bucket.Options{Markers: true})); !slices.Equal(got, []string{"a/", "a/b", "c"}) {
		t.Errorf("with Markers: got %q", got)
	}
}

// An error at any request surfaces: no walk looks complete that is not.
func TestFailureAtEachRequest(t *testing.T) {
	for i := range 4 {
		l := &pages{keys: keys(35), size: 10, fail: i}
		got, err := collect(t, bucket.New(l, bucket.Options{Prefix: "p/"}))
		if !errors.Is(err, errStore) {
			t.Errorf("request %d failed: the walk ended with %v after %d keys", i, err, len(got))
		}
		if len(got) != 10*i {
			t.Errorf("request %d failed: got %d keys before it", i, len(got))
		}
	}
}

func TestStopAndCancel(t *testing.T) {
	l := &pages{keys: keys(5000), size: 10, fail: -1}
	n := 0
	for range bucket.New(l, bucket.Options{}).Walk(t.Context()) {
		if n++; n == 25 {
			break
		}
	}
	if l.requests > 5 {
		t.Errorf("%d requests for 25 keys of 10 a page: the walk ran ahead of its reader", l.requests)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range bucket.New(l, bucket.Options{}).Walk(ctx) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled walk ended with %v", last)
	}
}

func BenchmarkWalk(b *testing.B) {
	l := &pages{keys: keys(100_000), size: 1000, fail: -1}
	b.ReportAllocs()
	for b.Loop() {
		for range bucket.New(l, bucket.Options{Prefix: "p/"}).Walk(b.Context()) {
			continue
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "entries/s")
}
