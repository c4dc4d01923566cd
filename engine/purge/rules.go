package purge

import (
	"time"

	"github.com/s3haul/s3haul/walker"
)

// Rules say what of a bucket goes: an entry of which all of them allow it.
type Rules struct {
	// Match says whether a key is wanted; nil: each is.
	Match func(key string) bool
	// Now is what OlderThan is counted from. It is one moment for the whole run,
	// so that to list again finds the same.
	Now time.Time
	// OlderThan leaves what is younger: a newest entry's age runs from its
	// LastModified, another's from that of its successor, the next newer entry
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html#non-current-days-calculations).
	OlderThan time.Duration
	// KeepVersions is how many data versions of a key stay, the newest ones; a
	// marker above a version that stays for that stays as well.
	KeepVersions int64
	// NoncurrentOnly leaves the newest entry of each key.
	NoncurrentOnly bool
	// MarkersOnly takes markers alone, and of them those with no data version
	// beneath.
	MarkersOnly bool
}

// New returns a Planner that goes by rules.
func New(r Rules, sink Sink) *Planner {
	if r.MarkersOnly {
		r.KeepVersions = 1<<63 - 1 // it is the same: all versions stay
	}
	return newPlanner(sink, &r)
}

// Object says whether an object of a store without versions goes.
func (r *Rules) Object(e *walker.Entry) bool {
	return r.KeepVersions == 0 && !r.NoncurrentOnly && !r.MarkersOnly && r.wants(e.Key) && r.old(e.ModTime)
}

func (r *Rules) wants(key string) bool { return r.Match == nil || r.Match(key) }

func (r *Rules) old(since time.Time) bool {
	return r.OlderThan <= 0 || r.Now.Sub(since) >= r.OlderThan
}

// decision on an entry.
type decision int

const (
	stays decision = iota
	goes
	unsure // it goes unless something beneath stays
)

// decide says what becomes of e, the next entry of its key.
func (r *Rules) decide(b *block, e *walker.Entry) decision {
	first := b.entries == 1
	since := e.ModTime
	if !first && b.lastMod.After(since) {
		// It always is, but where a store's clocks differ. Then the later one counts,
		// so that what stays for its age does so, too, when its successor has gone.
		since = b.lastMod
	}
	switch {
	case first && r.NoncurrentOnly, !r.old(since):
		return stays
	case e.DeleteMarker && b.data < r.KeepVersions:
		return unsure
	case b.data < r.KeepVersions:
		return stays
	}
	return goes
}

func (r *Rules) row(p *Planner, b *block, e *walker.Entry) {
	first := b.entries == 1
	if e.Latest != first {
		// What is current must not go before its time, whichever it is.
		p.sink.Doubt(e.Key, NotLatest)
		p.stay(b, first)
		if !e.DeleteMarker {
			r.above(p, b)
		}
		return
	}
	if !e.DeleteMarker && b.data < r.KeepVersions {
		r.above(p, b)
	}
	switch r.decide(b, e) {
	case stays:
		p.stay(b, first)
	case goes:
		if first {
			b.due = true
			return
		}
		p.remove(b, itemOf(e))
	case unsure:
		r.later(p, b, e)
	}
}

// stay has an entry stay.
func (p *Planner) stay(b *block, first bool) {
	if first {
		b.due = false
		return
	}
	p.keep(b)
}

// above has the undecided markers stay: a version beneath them does.
func (r *Rules) above(p *Planner, b *block) {
	if len(b.undecided) == 0 {
		return
	}
	if len(b.undecided) > 1 || b.undecided[0].VersionID != b.newest.VersionID {
		p.keep(b)
	}
	if b.undecided[0].VersionID == b.newest.VersionID {
		b.due = false
	}
	p.forget(b)
}

func (p *Planner) forget(b *block) {
	p.waiting -= len(b.undecided)
	clear(b.undecided)
	b.undecided = b.undecided[:0]
}

// later keeps a marker in mind until it is known what lies beneath.
func (r *Rules) later(p *Planner, b *block, e *walker.Entry) {
	first := b.entries == 1
	if b.gaveUp {
		p.stay(b, first)
		return
	}
	if p.waiting >= mostUndecided {
		p.sink.Doubt(e.Key, TooManyMarkers)
		b.gaveUp = true
		r.above(p, b)
		p.stay(b, first)
		return
	}
	it := itemOf(e)
	it.own()
	b.undecided = append(b.undecided, it)
	p.waiting++
}

// end decides on the markers beneath which nothing stays.
func (r *Rules) end(p *Planner, b *block) {
	if len(b.undecided) == 0 {
		return
	}
	rest := b.undecided
	if rest[0].VersionID == b.newest.VersionID {
		b.due = true
		rest = rest[1:]
	}
	for i := range rest {
		p.remove(b, rest[i])
	}
}
