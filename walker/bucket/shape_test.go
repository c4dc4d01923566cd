package bucket

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/s3haul/s3haul/walker"
)

// Evenly spread keys are told to the row: a cut leaves whole pages.
func TestAhead(t *testing.T) {
	for _, q := range []struct {
		base, last, seen, want string
		rows, distance         float64
	}{
		{"object-000000000", "object-000000999", "", "object-000008999", 999, 8000},
		{"object-000000000", "object-000000999", "", "object-000100999", 999, 100_000},
		{"dir-000000/file-000", "dir-000003/file-000", "", "dir-000013/", 3000, 10_000},
		{"00/0001", "00/00ff", "0a/f0ab", "01/00fe", 254, 0xffff},
		{"2024/01/01/00", "2024/01/05/14", "", "2024/01/", 1000, 8000},
	} {
		var s shape
		for _, k := range []string{q.base, q.last, q.seen} {
			s.learn(k)
		}
		if got := s.ahead(q.base, q.last, q.rows, q.distance); !strings.HasPrefix(got, q.want) {
			t.Errorf("%v rows behind %q: %q, want %q", q.distance, q.last, got, q.want)
		}
	}
}

// Where a directory ends is learned from one listing, and forgotten when it was
// wrong.
func TestGap(t *testing.T) {
	var s shape
	for _, k := range []string{"dir-0/file-000000", "dir-0/file-000999", "dir-1/file-000500"} {
		s.learn(k)
	}
	s.gap("dir-0/file-016999", "dir-1/file-000000")
	if got := s.ahead("dir-0/file-000000", "dir-0/file-000999", 999, 16_000); !strings.HasPrefix(got, "dir-1") {
		t.Errorf("the next pivot is %q", got)
	}
	s.learn("dir-1/file-700000")
	if r := s.expect(len("dir-1/file-")); r.size() != 10 {
		t.Errorf("%d digits are expected", r.size())
	}
}

// Whatever the keys are, a pivot lies where it has to, and may be sent.
func FuzzPivot(f *testing.F) {
	f.Add(uint64(1), "a", "b")
	f.Add(uint64(2), "photos/2024/a.jpg", "photos/2024/é.jpg")
	f.Add(uint64(3), "\xff\xfe", "😀")
	f.Fuzz(func(t *testing.T, seed uint64, a, b string) {
		r := rand.New(rand.NewPCG(seed, 1))
		keys := append(someKeys(r, 20), a, b, a+b)
		slices.Sort(keys)
		keys = slices.Compact(keys)
		c := &crew{Source: New(nil, Options{})}
		s := &span{open: r.IntN(2) == 0}
		n := 1 + r.IntN(len(keys))
		for _, k := range keys[:n] {
			c.shape.learn(k)
		}
		s.passed([]walker.Entry{{Key: keys[0]}})
		for _, k := range keys[1:n] {
			s.passed([]walker.Entry{{Key: k}})
		}
		if !s.open {
			s.to = keys[len(keys)-1]
		}
		if n+2 < len(keys) {
			c.shape.gap(keys[n], keys[n+1])
		}
		if left := c.left(s); left < 0 {
			t.Errorf("%v rows left", left)
		}
		p := c.pivot(s, float64(1+r.IntN(5000)))
		if p == "" {
			return
		}
		if p <= s.last() || !s.open && p >= s.to {
			t.Errorf("%q is not between %q and %q", p, s.last(), s.to)
		}
		if !utf8.ValidString(p) || strings.ContainsFunc(p, func(r rune) bool { return unicode.IsControl(r) && r < 0x80 }) {
			t.Errorf("%q cannot be sent", p)
		}
	})
}

// disorderly sends the keys of each page the wrong way round.
type disorderly struct{ model }

func (d *disorderly) ListObjects(ctx context.Context, req ListRequest, into *Page) error {
	err := d.model.ListObjects(ctx, req, into)
	slices.Reverse(into.Entries)
	if into.Next != "" {
		into.Next = into.Entries[0].Key
	}
	return err
}

// A store that does not list in order is listed with its own tokens, one page
// after another, and this is said.
func TestUnorderedStore(t *testing.T) {
	d := &disorderly{model{random: rand.New(rand.NewPCG(1, 1)), keys: someKeys(rand.New(rand.NewPCG(1, 2)), 200)}}
	var said []error
	s := New(d, Options{Bucket: "b", PageSize: 10, Parallel: 8, Markers: true, Notice: func(err error) { said = append(said, err) }})
	seen := map[string]bool{}
	for c, err := range s.Pages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Entries {
			seen[e.Key] = true
		}
	}
	if len(seen) != len(d.keys) || len(said) != 1 || !errors.Is(said[0], walker.ErrOrder) {
		t.Errorf("%d of %d keys; said %v", len(seen), len(d.keys), said)
	}
	// Where it begins later, nothing can be put right any more.
	late := &late{disorderly: disorderly{model{random: rand.New(rand.NewPCG(1, 1)), keys: d.keys}}}
	var failed error
	for _, err := range New(late, Options{Bucket: "b", PageSize: 10, Parallel: 8}).Pages(t.Context()) {
		failed = err
	}
	if !errors.Is(failed, walker.ErrOrder) {
		t.Errorf("it ended with %v", failed)
	}
}

// late is in order on its first page.
type late struct {
	disorderly
	pages int
}

func (l *late) ListObjects(ctx context.Context, req ListRequest, into *Page) error {
	l.mu.Lock()
	l.pages++
	first := l.pages == 1
	l.mu.Unlock()
	if first {
		return l.model.ListObjects(ctx, req, into)
	}
	return l.disorderly.ListObjects(ctx, req, into)
}

// A directory bucket has no order and no versions, and takes only prefixes that
// end a name.
func TestDirectoryBucket(t *testing.T) {
	d := &disorderly{model{random: rand.New(rand.NewPCG(1, 1)), keys: []string{"a/b", "a/bc", "a/c", "b/b"}}}
	s := New(d, Options{Bucket: "b--use1-az4--x-s3", Prefix: "a/b", PageSize: 10, Parallel: 8})
	if s.Ordered() {
		t.Error("it says that it is in order")
	}
	var got []string
	for e, err := range s.Walk(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Key)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"", "c"}) {
		t.Errorf("got %q", got)
	}
	for _, err := range NewVersions(d, Options{Bucket: "b--use1-az4--x-s3"}).Walk(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "no versions") {
			t.Errorf("its versions: %v", err)
		}
	}
}
