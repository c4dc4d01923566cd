package purge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/walker"
)

// store is a versioned bucket: of each key its entries, newest first.
type store struct {
	keys map[string][]walker.Entry
	next int
	now  time.Time
	r    *rand.Rand
	// skewed says that its clocks differ.
	skewed bool
}

func newStore(r *rand.Rand) *store {
	return &store{r: r, skewed: r.IntN(4) == 0, keys: map[string][]walker.Entry{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// state of the versioning of a bucket.
type state int

const (
	never state = iota
	suspended
	enabled
)

// write puts an object or a marker on top of a key, as S3 does in each state.
func (s *store) write(key string, at state, marker bool) {
	s.now = s.now.Add(time.Duration(s.r.IntN(3)) * time.Hour) // several within one second, too
	if s.skewed && s.r.IntN(8) == 0 {
		s.now = s.now.Add(-10 * time.Hour) // another clock
	}
	e := walker.Entry{Key: key, ModTime: s.now, Latest: true, DeleteMarker: marker, Size: 1}
	if marker {
		e.Size = 0
	}
	old := s.keys[key]
	if at == enabled {
		s.next++
		e.VersionID = fmt.Sprintf("v%06d", s.next)
	} else {
		e.VersionID = "null"
		old = slices.DeleteFunc(old, func(e walker.Entry) bool { return e.VersionID == "null" })
	}
	if at == never && marker {
		s.set(key, old)
		return
	}
	s.set(key, slices.Insert(old, 0, e))
}

func (s *store) set(key string, entries []walker.Entry) {
	if len(entries) == 0 {
		delete(s.keys, key)
		return
	}
	for i := range entries {
		entries[i].Latest = i == 0
	}
	s.keys[key] = entries
}

// current is the version that one sees of a key; "" where there is none.
func (s *store) current(key string) string {
	if e := s.keys[key]; len(e) > 0 && !e[0].DeleteMarker {
		return e[0].VersionID
	}
	return ""
}

func (s *store) remove(key, id string) {
	s.set(key, slices.DeleteFunc(slices.Clone(s.keys[key]), func(e walker.Entry) bool { return e.VersionID == id }))
}

func (s *store) clone() *store {
	c := *s
	c.keys = map[string][]walker.Entry{}
	for k, e := range s.keys {
		c.keys[k] = slices.Clone(e)
	}
	return &c
}

func (s *store) String() string {
	var b strings.Builder
	for _, k := range s.sorted() {
		fmt.Fprintf(&b, "%s:", k)
		for _, e := range s.keys[k] {
			mark := ""
			if e.DeleteMarker {
				mark = "D"
			}
			fmt.Fprintf(&b, " %s%s@%s", mark, e.VersionID, e.ModTime.Format("02T15"))
		}
		b.WriteString("; ")
	}
	return b.String()
}

func (s *store) sorted() []string {
	var keys []string
	for k := range s.keys {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// history is a bucket with a past.
func history(r *rand.Rand) *store {
	s := newStore(r)
	at := state(r.IntN(3))
	for range r.IntN(40) {
		if r.IntN(8) == 0 && at != enabled || r.IntN(10) == 0 {
			at = suspended + state(r.IntN(2))
		}
		s.write(string(rune('a'+r.IntN(5))), at, r.IntN(3) == 0)
	}
	return s
}

// page is some of a range.
type page struct {
	n    int
	rows []walker.Entry
	last bool
}

// pages are the listing in chunks, ranges mixed, as a lister gives them.
func (s *store) pages(r *rand.Rand) (chunks []page) {
	keys := s.sorted()
	var queues [][]page
	for n := 0; len(keys) > 0 || n == 0; n++ {
		k := min(len(keys), 1+r.IntN(4))
		var rows []walker.Entry
		for _, key := range keys[:k] {
			rows = append(rows, s.keys[key]...)
		}
		keys = keys[k:]
		var q []page
		for {
			m := min(len(rows), r.IntN(4))
			q = append(q, page{n, slices.Clone(rows[:m]), m == len(rows)})
			if rows = rows[m:]; len(rows) == 0 && q[len(q)-1].last {
				break
			}
		}
		queues = append(queues, q)
	}
	for len(queues) > 0 {
		i := r.IntN(len(queues))
		chunks = append(chunks, queues[i][0])
		if queues[i] = queues[i][1:]; len(queues[i]) == 0 {
			queues = slices.Delete(queues, i, i+1)
		}
	}
	return chunks
}

// execution carries out what a Planner decides, in any order, with faults, and
// watches the rules.
type execution struct {
	t       *testing.T
	r       *rand.Rand
	s       *store
	p       *purge.Planner
	flight  []purge.Item
	may     func(key, id string) bool // nothing else is ever sent
	faults  int                       // one of so many fails; 0: none
	visible map[string]string         // what was current at first
	restore bool                      // a version may become current, by the newest marker alone
	most    int                       // are sent; 0: any number
	sent    int
	held    int
	of      string // what it began with, and the rules
}

func (x *execution) Remove(it *purge.Item) bool {
	if !x.may(it.Key, it.VersionID) {
		x.t.Fatalf("%s: %s %s is sent, and stays by the rules: %v", x.of, it.Key, it.VersionID, x.s)
	}
	if x.most > 0 && x.sent >= x.most {
		return false
	}
	x.sent++
	x.flight = append(x.flight, *it)
	return true
}

func (x *execution) Held(*purge.Item) { x.held++ }

func (x *execution) Doubt(key string, why purge.Doubt) { x.t.Fatalf("%s: %v", key, why) }

// some lets some of what is under way end.
func (x *execution) some() {
	for len(x.flight) > 0 && x.r.IntN(3) > 0 {
		i := x.r.IntN(len(x.flight))
		it := x.flight[i]
		x.flight = slices.Delete(x.flight, i, i+1)
		gone := true
		if x.faults > 0 && x.r.IntN(x.faults) == 0 {
			gone = false
			if x.r.IntN(2) == 0 { // the answer was lost
				x.s.remove(it.Key, it.VersionID)
			}
		} else {
			x.s.remove(it.Key, it.VersionID)
		}
		x.look(it.Key)
		if it.Of != nil {
			x.p.Ended(it.Of, gone)
		}
	}
}

// look fails where something is visible that was not.
func (x *execution) look(key string) {
	if now := x.s.current(key); now != "" && now != x.visible[key] && !x.restore {
		x.t.Fatalf("%s: %s is current, which was not; %q was", key, now, x.visible[key])
	}
}

// run lists and removes, until a kill after so many chunks; less than 0: to its
// end.
func (x *execution) run(plan func(purge.Sink) *purge.Planner, kill int) {
	x.p = plan(x)
	for i, c := range x.s.clone().pages(x.r) {
		if i == kill {
			return
		}
		if err := x.p.Add(c.n, c.rows, c.last); err != nil {
			x.t.Fatal(err)
		}
		x.some()
	}
	for len(x.flight) > 0 {
		if kill >= 0 && x.r.IntN(4) == 0 {
			return
		}
		x.some()
	}
}

// oracle is what the rules say, written down as they read.
func oracle(s *store, rules purge.Rules) map[[2]string]bool {
	due := map[[2]string]bool{}
	for key, entries := range s.keys {
		if rules.Match != nil && !rules.Match(key) {
			continue
		}
		// The lowest version that is kept for its number.
		lowest, data := -1, int64(0)
		for i, e := range entries {
			if !e.DeleteMarker {
				if data++; data <= rules.KeepVersions {
					lowest = i
				}
			}
		}
		lastData := -1
		for i, e := range entries {
			if !e.DeleteMarker {
				lastData = i
			}
		}
		goes := make([]bool, len(entries))
		others := true
		for i, e := range entries {
			age := rules.Now.Sub(e.ModTime)
			if i > 0 { // with clocks that differ, the later counts
				age = min(age, rules.Now.Sub(entries[i-1].ModTime))
			}
			goes[i] = (rules.OlderThan == 0 || age >= rules.OlderThan) && i > lowest && (i > 0 || !rules.NoncurrentOnly)
			if rules.MarkersOnly {
				goes[i] = goes[i] && e.DeleteMarker && i > lastData
			}
			others = others && (i == 0 || goes[i])
		}
		for i := range entries {
			if goes[i] && (i > 0 || others) {
				due[[2]string{key, entries[i].VersionID}] = true
			}
		}
	}
	return due
}

func randomRules(r *rand.Rand, s *store) purge.Rules {
	rules := purge.Rules{Now: s.now.Add(time.Duration(r.IntN(5)) * time.Hour)}
	if r.IntN(3) == 0 {
		rules.KeepVersions = int64(r.IntN(4))
	}
	if r.IntN(3) == 0 {
		rules.OlderThan = time.Duration(r.IntN(30)) * time.Hour
	}
	rules.NoncurrentOnly = r.IntN(5) == 0
	rules.MarkersOnly = r.IntN(5) == 0
	if r.IntN(3) == 0 {
		odd := r.IntN(2)
		rules.Match = func(key string) bool { return int(key[0])%2 == odd }
	}
	return rules
}

// On any bucket, with any rules, whatever fails and whenever it is killed:
// nothing is sent that the rules keep, nothing becomes visible that was not, and
// a second run without faults ends where one run would have.
func TestPurgeAgainstTheModel(t *testing.T) {
	const cases = 6_000
	sent, held := 0, 0
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 5))
		s := history(r)
		rules := randomRules(r, s)
		plan := func(sink purge.Sink) *purge.Planner { return purge.New(rules, sink) }
		due := oracle(s, rules)
		want := s.clone()
		for d := range due {
			want.remove(d[0], d[1])
		}
		visible := map[string]string{}
		for key := range s.keys {
			visible[key] = s.current(key)
		}
		before := s.String()
		x := &execution{t: t, r: r, s: s, of: fmt.Sprintf("seed %d, %+v of %s", seed, rules, before), visible: visible, faults: r.IntN(3) * 3, may: func(key, id string) bool { return due[[2]string{key, id}] }}
		kill := -1
		if r.IntN(2) == 0 {
			kill = r.IntN(20)
		}
		if r.IntN(4) == 0 {
			x.most = 1 + r.IntN(20)
		}
		x.run(plan, kill)
		sent += x.sent
		held += x.held
		if kill < 0 && x.faults == 0 && x.most == 0 && s.String() != want.String() {
			t.Fatalf("seed %d: %+v\nof   %s\nleft %s\nwant %s", seed, rules, before, s, want)
		}
		again := &execution{t: t, r: r, s: s, of: "second run, " + x.of, visible: visible, may: x.may}
		again.run(plan, -1)
		if s.String() != want.String() || again.held != 0 {
			t.Fatalf("seed %d, second run: %+v\nof   %s\nleft %s\nwant %s", seed, rules, before, s, want)
		}
	}
	if sent < cases || held < cases/100 {
		t.Errorf("%d entries were sent and %d held back: too few to show anything", sent, held)
	}
}

// The same of undelete: exactly the deletions since then are taken back.
func TestUndeleteAgainstTheModel(t *testing.T) {
	const cases = 6_000
	restored := 0
	for seed := range uint64(cases) {
		r := rand.New(rand.NewPCG(seed, 6))
		s := history(r)
		since := s.now.Add(-time.Duration(r.IntN(30)) * time.Hour)
		want, may := s.clone(), map[[2]string]bool{}
		for key, entries := range s.keys {
			n := slices.IndexFunc(entries, func(e walker.Entry) bool { return !e.DeleteMarker })
			if n <= 0 || slices.ContainsFunc(entries[:n], func(e walker.Entry) bool { return e.ModTime.Before(since) }) {
				continue
			}
			for _, e := range entries[:n] {
				want.remove(key, e.VersionID)
				may[[2]string{key, e.VersionID}] = true
			}
			restored++
		}
		before := s.String()
		plan := func(sink purge.Sink) *purge.Planner { return purge.Undelete(purge.Restore{Since: since}, sink) }
		x := &execution{t: t, r: r, s: s, restore: true, faults: r.IntN(3) * 3, may: func(key, id string) bool { return may[[2]string{key, id}] }}
		x.run(plan, r.IntN(20)-10)
		again := &execution{t: t, r: r, s: s, restore: true, may: x.may}
		again.run(plan, -1)
		if s.String() != want.String() {
			t.Fatalf("seed %d, since %v\nof   %s\nleft %s\nwant %s", seed, since, before, s, want)
		}
	}
	if restored < cases/10 {
		t.Errorf("%d keys were restored: too few to show anything", restored)
	}
}
