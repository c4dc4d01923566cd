package purge_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/walker"
)

// log is a Sink that writes down what it is told.
type log struct{ said []string }

func (l *log) Remove(it *purge.Item) bool {
	l.said = append(l.said, it.Key+it.VersionID)
	return true
}

func (l *log) Held(it *purge.Item) { l.said = append(l.said, "held "+it.Key+it.VersionID) }

func (l *log) Doubt(key string, why purge.Doubt) {
	l.said = append(l.said, fmt.Sprintf("doubt %d of %s", why, key))
}

func (l *log) take() []string {
	said := l.said
	l.said = nil
	return said
}

// rows are entries as "k1" (key and version), "D" behind it for a marker, "L"
// where it is the latest.
func rows(names ...string) []walker.Entry {
	var rows []walker.Entry
	for _, n := range names {
		e := walker.Entry{Key: n[:1], VersionID: n[1:2], ModTime: time.Unix(0, 0)}
		for _, flag := range n[2:] {
			e.DeleteMarker = e.DeleteMarker || flag == 'D'
			e.Latest = e.Latest || flag == 'L'
		}
		rows = append(rows, e)
	}
	return rows
}

func TestListingsThatCannotBeTrusted(t *testing.T) {
	for what, pages := range map[string][][]walker.Entry{
		"out of order":                {rows("b1L", "a1L", "c1L")},
		"back on the next page":       {rows("a1L", "b1L"), rows("a1L", "c1L")},
		"the newest twice":            {rows("a2L", "a2", "a1")},
		"the newest again at the end": {rows("a2L", "a1"), rows("a2L", "b1L")},
		"a version twice":             {rows("a3L", "a2"), rows("a2", "b1L")},
	} {
		p := purge.New(purge.Rules{}, &log{})
		var err error
		for i, page := range pages {
			if err = p.Add(0, page, i == len(pages)-1); err != nil {
				break
			}
		}
		if !errors.Is(err, purge.ErrListing) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A version and a marker under one id are not told apart by a deletion: neither
// is removed, nor what is newest.
func TestTwoEntriesOfOneID(t *testing.T) {
	for what, page := range map[string][]walker.Entry{
		"the newest": rows("anDL", "a2", "an"),
		"next to it": rows("a3L", "anD", "an", "a1"),
	} {
		l := &log{}
		if err := purge.New(purge.Rules{}, l).Add(0, page, true); err != nil {
			t.Fatal(err)
		}
		for _, said := range l.said {
			if said == "a3" || what == "the newest" && said == "an" {
				t.Errorf("%s: %q", what, l.said)
			}
		}
		if !slices.Contains(l.said, fmt.Sprintf("doubt %d of a", purge.SameVersion)) {
			t.Errorf("%s: no doubt: %q", what, l.said)
		}
	}
}

// The last row of a page stays until the next one has come: a store may need it
// to go on. The newest of a key comes when it is confirmed that it is alone.
func TestTheLastRowIsHeldBack(t *testing.T) {
	l := &log{}
	p := purge.New(purge.Rules{}, l)
	step := func(page []walker.Entry, last bool, want ...string) {
		t.Helper()
		if err := p.Add(7, page, last); err != nil {
			t.Fatal(err)
		}
		if got := l.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	step(rows("a1L", "b1L"), false)
	step(nil, false)
	step(rows("c1L", "d1L"), false, "a1", "b1")
	step(rows("e1L"), true, "c1", "d1", "e1")
}

// Where the store's word is doubtful, what may be current stays, and so does
// what hides something.
func TestDoubts(t *testing.T) {
	for _, c := range []struct {
		page []walker.Entry
		want []string
	}{
		{rows("a2", "a1", "b1L"), []string{"doubt 0 of a", "a1", "b1"}},
		{rows("a2L", "a1L", "b1L"), []string{"doubt 0 of a", "b1"}},
		{rows("a2", "a1L", "b1L"), []string{"doubt 0 of a", "doubt 0 of a", "b1"}},
	} {
		l := &log{}
		if err := purge.New(purge.Rules{}, l).Add(0, c.page, true); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(l.said, c.want) {
			t.Errorf("got %q, want %q", l.said, c.want)
		}
	}
}

// A key with more markers than are kept in mind is left alone, and said to be;
// the next key is not.
func TestMoreMarkersThanCanBeKeptInMind(t *testing.T) {
	many := make([]walker.Entry, 70_000)
	for i := range many {
		many[i] = walker.Entry{Key: "a", VersionID: fmt.Sprint(i), DeleteMarker: true, Latest: i == 0}
	}
	for what, p := range map[string]func(purge.Sink) *purge.Planner{
		"markers only": func(s purge.Sink) *purge.Planner { return purge.New(purge.Rules{MarkersOnly: true}, s) },
		"keep one":     func(s purge.Sink) *purge.Planner { return purge.New(purge.Rules{KeepVersions: 1}, s) },
		"undelete":     func(s purge.Sink) *purge.Planner { return purge.Undelete(purge.Restore{}, s) },
	} {
		l := &log{}
		next := rows("b2DL")
		if what == "undelete" {
			next = rows("b2DL", "b1")
		}
		if err := p(l).Add(0, slices.Concat(many, next), true); err != nil {
			t.Fatal(err)
		}
		if want := []string{"doubt 1 of a", "b2"}; !slices.Equal(l.said, want) {
			t.Errorf("%s: %d: %.60q, want %q", what, len(l.said), l.said, want)
		}
	}
	// Without a rule that looks beneath, none is kept in mind.
	l := &log{}
	if err := purge.New(purge.Rules{}, l).Add(0, many, true); err != nil {
		t.Fatal(err)
	}
	if len(l.said) != len(many)-1 {
		t.Errorf("%d are removed at once, want all but the newest of %d", len(l.said), len(many))
	}
}

// An older entry that stays is what the newest stays for, and it is told.
func TestHeld(t *testing.T) {
	l := &keysOf{}
	p := purge.New(purge.Rules{}, l)
	if err := p.Add(3, rows("a3L", "a2", "a1", "b1L"), true); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a2", "a1", "b1"}; !slices.Equal(l.take(), want) {
		t.Fatalf("%q", l.said)
	}
	k := l.keys[0]
	if k != l.keys[1] || k.Range() != -1 {
		t.Errorf("of range %d", k.Range())
	}
	p.Ended(k, true)
	if got := l.take(); len(got) != 0 {
		t.Errorf("%q", got)
	}
	p.Ended(k, false)
	if got := l.take(); !slices.Equal(got, []string{"held a3"}) {
		t.Errorf("%q", got)
	}
}

type keysOf struct {
	log
	keys []*purge.Key
}

func (l *keysOf) Remove(it *purge.Item) bool {
	if it.Of != nil {
		l.keys = append(l.keys, it.Of)
	}
	return l.log.Remove(it)
}
