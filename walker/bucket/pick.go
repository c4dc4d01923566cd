package bucket

import (
	"math"
	"strings"
)

// left guesses how many rows a span has left.
func (c *crew) left(s *span) float64 {
	if s.done {
		return 0
	}
	if s.open {
		return math.Inf(1)
	}
	// Keys may lie closer now than before, or farther apart. To think that little
	// is left where there is much leaves it to one: the other mistake costs less.
	most := 0.0
	for _, back := range []float64{3 * c.perPage, float64(s.own)} {
		base, rows := s.since(back)
		left := c.shape.remaining(c.inside(base), c.inside(s.last()), c.inside(s.to), rows)
		if math.IsInf(left, 1) && !s.far {
			left = float64(s.own) // nobody knows: as much again as it has had
		}
		most = max(most, left)
	}
	return most
}

// inside is a key without the walk's prefix.
func (c *crew) inside(key string) string { return strings.TrimPrefix(key, c.o.Prefix) }

// pick finds what to do next.
func (c *crew) pick() (job, bool) {
	if c.err != nil || c.ctx.Err() != nil || !c.ordered && c.used > 0 && c.used+c.size > c.o.Memory {
		return job{}, false
	}
	var best *span
	// Of those that wait, the one of which the least part has been listed: all are
	// to end together, so that what is done with the keys is spread until then.
	var idle *span
	least, spans := 0.0, 0
	var most, distance float64
	offset := 0.0 // rows from the reader's place to where a span has come
	room := float64(c.o.Memory/max(c.size, 1)) * c.perPage
	for s := c.first; s != nil; s = s.next {
		for _, p := range s.pages {
			offset += float64(len(p.Entries))
		}
		if s.done {
			continue
		}
		if !s.busy && c.ordered && c.roomFor(s, offset/room) {
			return c.next(s), true
		}
		spans++
		left := c.left(s)
		if !s.busy && !c.ordered {
			own := float64(s.own)
			if part := own / (own + min(left, unknown*c.perPage)); idle == nil || part < least {
				idle, least = s, part
			}
		}
		part, gap := left, left/2
		if c.ordered && offset+part > room {
			part = room - offset
			gap = part / 2
		}
		if s.far {
			gap = min(gap, s.stride)
		}
		if part > most && part >= worthCutting*c.perPage && !s.cutting && s.wait <= 0 && len(s.marks) > 0 {
			best, most, distance = s, part, gap
		}
		offset += left
	}
	// A reader that is slow leaves spans waiting. Yet first there are to be as many
	// as may be: what it gets is then of all the keys.
	if idle != nil && (best == nil || spans >= c.o.Parallel) {
		return c.next(idle), true
	}
	if best == nil || c.ordered && c.used+c.size > c.o.Memory {
		return job{}, false
	}
	pivot := c.pivot(best, distance)
	if pivot == "" {
		best.wait = int(2 * c.perPage)
		if idle != nil {
			return c.next(idle), true
		}
		return job{}, false
	}
	best.cutting = true
	c.used += 2 * c.size // its text is in memory, too
	return job{span: best, from: position{key: pivot}, pivot: true, cost: 2 * c.size}, true
}

// next is the job of fetching a span's next page.
func (c *crew) next(s *span) job {
	c.turns++
	s.busy, s.turn = true, c.turns
	c.used += 2 * c.size
	return job{span: s, from: s.at, cost: 2 * c.size}
}

// roomFor says whether an ordered walk has memory for another page of a span that
// is not being fetched. The first one may always go on: it is what the reader waits
// for. What is farther away leaves some for what is nearer.
func (c *crew) roomFor(s *span, far float64) bool {
	if s == c.first {
		return len(s.pages) < 8 || c.used+c.size <= c.o.Memory
	}
	most := c.o.Memory
	if far > 0.5 {
		most /= 2
	}
	return c.used+c.size <= most
}

// pivot is the key to cut a span at, about so many rows behind where it has
// come; "" where there is none.
func (c *crew) pivot(s *span, distance float64) string {
	last := c.inside(s.last())
	good := func(p string) bool { return p > last && (s.open || c.o.Prefix+p < s.to) && sendable(p) }
	base, rows := s.since(distance)
	base = c.inside(base)
	if base == last {
		if c.versions != nil {
			// All that was seen is versions of one key: cut behind it.
			return c.o.Prefix + last
		}
	} else if p := c.shape.ahead(base, last, rows, distance); good(p) {
		return c.o.Prefix + p
	}
	half := c.shape.beyond(last)
	if !s.open {
		half = c.shape.between(last, c.inside(s.to))
	}
	for _, p := range append([]string{half}, after(last)...) {
		if good(p) {
			return c.o.Prefix + p
		}
	}
	return ""
}
