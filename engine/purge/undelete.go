package purge

import (
	"time"

	"github.com/s3haul/s3haul/walker"
)

// Restore says which deletions are taken back.
type Restore struct {
	// Match says whether a key is wanted; nil: each is.
	Match func(key string) bool
	// Since is the moment from which on: of a key that was deleted before as
	// well, and not written in between, nothing is removed.
	Since time.Time
}

// Undelete returns a Planner that removes the markers that hide a version since
// r.Since: the run of markers with which a key begins, where none of them is
// older and a version lies beneath. The newest goes last, so that no other
// marker is ever what hides the version. Versions stay, whatever happens.
func Undelete(r Restore, sink Sink) *Planner { return newPlanner(sink, &r) }

func (r *Restore) wants(key string) bool { return r.Match == nil || r.Match(key) }

func (r *Restore) row(p *Planner, b *block, e *walker.Entry) {
	first := b.entries == 1
	switch {
	case b.data > 0 || b.gaveUp: // it is decided
	case e.Latest != first:
		p.sink.Doubt(e.Key, NotLatest)
		r.leave(p, b)
	case !e.DeleteMarker:
		r.found(p, b)
	case e.ModTime.Before(r.Since):
		r.leave(p, b)
	case p.waiting >= mostUndecided:
		p.sink.Doubt(e.Key, TooManyMarkers)
		r.leave(p, b)
	default:
		it := itemOf(e)
		it.own()
		b.undecided = append(b.undecided, it)
		p.waiting++
	}
}

// leave leaves the key as it is.
func (r *Restore) leave(p *Planner, b *block) {
	b.gaveUp = true
	p.forget(b)
}

// found removes the markers above a version that was found.
func (r *Restore) found(p *Planner, b *block) {
	if len(b.undecided) == 0 {
		return
	}
	b.due = true
	for _, it := range b.undecided[1:] {
		p.remove(b, it)
	}
	p.forget(b)
}

func (r *Restore) end(*Planner, *block) {}
