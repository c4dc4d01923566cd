package bucket

import (
	"hash/maphash"
	"slices"
	"sort"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// span is a range of keys that is listed on its own: those behind from, up to
// and with to. The spans of a walk lie side by side without a gap, and each is
// in one of two lists of neighbours, in the order of their keys.
type span struct {
	id   int
	to   string
	open bool // there is no to: it goes to the end of the walk's prefix
	at   position
	done bool // all its rows have come
	busy bool // a page of it is being fetched
	turn int  // when that began
	// cutting says that somebody looks for the place to cut it at.
	cutting bool
	// far says that nothing is known of where its end is, or that what there is
	// before the end seems to be little: it is cut so many rows ahead, and what
	// lies behind the cut twice as many.
	far    bool
	stride float64
	// wait is how many rows more it has to give before it is tried again.
	wait int

	// marks are rows of this span, and of those before it that lie without a gap
	// to it, with the number of rows from the first of them.
	marks []milestone
	rows  int
	own   int // rows of this span

	next, prev *span
	pages      []*Page // of an ordered walk: fetched, and not yet read
}

// milestone is a key and how many rows come before it. Like all that a span keeps,
// the key is a string of its own: that of a row holds the memory of its page.
type milestone struct {
	key  string
	rows int
}

// mostMilestones bounds what a span remembers of its past.
const mostMilestones = 64

// position is how far a span has been listed.
type position struct {
	// key is the last row's, or what the span begins behind; version is that row's
	// version, and empty where all of key is behind.
	key, version string
	// ask, where its key is not empty, is the row to ask for what is behind: one
	// before the last.
	ask struct{ key, version string }
	// keys is how many to ask for where it is not 0: a page that only repeats what
	// was there needs to be longer.
	keys int
	// skip is set where a page had no row at all: the token to go on with.
	skip string
	// seen are the hashes of those versions of key that were on earlier pages.
	// Where the store has lost the version that it was to go on behind, it may
	// begin with the first one again.
	seen []uint64
}

// mostSeen bounds the memory for one key with very many versions.
const mostSeen = 1 << 20

// passed remembers rows that have been listed, at the end of their span.
func (s *span) passed(rows []walker.Entry) {
	if len(rows) == 0 {
		return
	}
	if len(s.marks) == 0 {
		s.marks = append(s.marks, milestone{key: strings.Clone(rows[0].Key)})
	}
	s.rows += len(rows)
	s.own += len(rows)
	s.wait -= len(rows)
	s.mark(milestone{key: strings.Clone(rows[len(rows)-1].Key), rows: s.rows})
}

func (s *span) mark(m milestone) {
	if len(s.marks) == mostMilestones {
		kept := s.marks[:0]
		for i, old := range s.marks {
			if i%2 == 0 {
				kept = append(kept, old)
			}
		}
		s.marks = kept
	}
	s.marks = append(s.marks, m)
}

// follows takes over what is known of the span before, which is done.
func (s *span) follows(before *span) {
	if len(before.marks) == 0 {
		return
	}
	own := s.marks
	s.marks = slices.Clone(before.marks)
	for _, m := range own {
		s.mark(milestone{key: m.key, rows: m.rows + before.rows})
	}
	s.rows += before.rows
}

// since is a milestone about so many rows back, and the number of rows from it
// to the last.
func (s *span) since(distance float64) (base string, rows float64) {
	n := len(s.marks)
	if n == 0 {
		return "", 0
	}
	i := sort.Search(n, func(i int) bool { return float64(s.rows-s.marks[i].rows) <= distance })
	m := s.marks[max(min(i, n-2), 0)]
	return m.key, float64(s.rows - m.rows)
}

// last is the last key that was listed.
func (s *span) last() string {
	if n := len(s.marks); n > 0 {
		return s.marks[n-1].key
	}
	return ""
}

// fresh is what of a page's rows, which are in order, lies behind p.
func (p *position) fresh(rows []walker.Entry, versions bool, seed maphash.Seed) []walker.Entry {
	if p.key == "" {
		return rows
	}
	i := 0
	for i < len(rows) && rows[i].Key < p.key {
		i++
	}
	rows = rows[i:]
	n := 0
	for n < len(rows) && rows[n].Key == p.key {
		n++
	}
	if n == 0 || !versions || p.version == "" {
		return rows[n:]
	}
	for i := range n {
		if rows[i].VersionID == p.version { // some stores send it again
			return rows[i+1:]
		}
	}
	old := map[uint64]bool{}
	for _, h := range p.seen {
		old[h] = true
	}
	i = 0
	for i < n && old[maphash.String(seed, rows[i].VersionID)] {
		i++
	}
	return rows[i:]
}

// moves on to the last of the rows, which are not none.
func (p *position) moves(rows []walker.Entry, versions bool, seed maphash.Seed) {
	last := &rows[len(rows)-1]
	if !versions {
		*p = position{key: strings.Clone(last.Key)}
		return
	}
	before := *p
	if last.Key != p.key {
		p.seen = p.seen[:0]
	}
	p.key, p.version, p.skip, p.keys = strings.Clone(last.Key), strings.Clone(last.VersionID), "", 0
	p.ask.key, p.ask.version = "", ""
	if last.VersionID == "null" && !last.Latest {
		// versitygw 1.8 says that nothing follows a null version that is not the
		// current one. So the page begins with it again.
		if n := len(rows); n > 1 {
			before = position{key: strings.Clone(rows[n-2].Key), version: strings.Clone(rows[n-2].VersionID)}
		}
		p.ask.key, p.ask.version = before.key, before.version
	}
	for i := len(rows) - 1; i >= 0 && rows[i].Key == last.Key && len(p.seen) < mostSeen; i-- {
		p.seen = append(p.seen, maphash.String(seed, rows[i].VersionID))
	}
}
