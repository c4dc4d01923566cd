package engine

import (
	"slices"

	"github.com/s3haul/s3haul/engine/wire"
)

// pile is what goes with one request.
type pile struct {
	ids  []wire.ObjectID
	tags []tag
}

// pile returns the one that is being filled of a range; mu is held.
func (s *sweep) pile(n int) *pile {
	p := s.piles[n]
	if p == nil {
		limit := s.remover.Limit()
		p = &pile{ids: make([]wire.ObjectID, 0, limit), tags: make([]tag, 0, limit)}
		s.piles[n] = p
	}
	return p
}

// filled puts a pile with those to be sent when it is full; mu is held.
func (s *sweep) filled(n int, p *pile) {
	if len(p.ids) >= s.remover.Limit() {
		s.full = append(s.full, p)
		delete(s.piles, n)
	}
}

// pour moves the pile of a range to that of the ranges that have ended; mu is
// held.
func (s *sweep) pour(n int) {
	from := s.piles[n]
	if from == nil || n < 0 {
		return
	}
	delete(s.piles, n)
	for len(from.ids) > 0 {
		p := s.pile(-1)
		k := min(len(from.ids), max(1, s.remover.Limit()-len(p.ids)))
		p.ids, p.tags = append(p.ids, from.ids[:k]...), append(p.tags, from.tags[:k]...)
		from.ids, from.tags = from.ids[k:], from.tags[k:]
		s.filled(-1, p)
	}
}

// takeFull returns the piles that are full.
func (s *sweep) takeFull() []*pile {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.full
	s.full = nil
	return full
}

func (s *sweep) sendFull() error {
	for _, p := range s.takeFull() {
		if err := s.remover.Send(p.ids, p.tags); err != nil {
			return err
		}
	}
	return nil
}

// rest makes batches of what no full one has become of.
func (s *sweep) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ranges []int
	for n := range s.piles {
		ranges = append(ranges, n)
	}
	slices.Sort(ranges)
	for _, n := range ranges {
		s.pour(n)
	}
	if p := s.piles[-1]; p != nil {
		delete(s.piles, -1)
		s.full = append(s.full, p)
	}
}

// flush sends what is left of the listing.
func (s *sweep) flush() error {
	s.rest()
	return s.sendFull()
}

// idle is asked when all has ended that was sent: there may be newest entries
// whose turn has come since.
func (s *sweep) idle() {
	if s.late() {
		return
	}
	s.rest()
	for _, p := range s.takeFull() {
		s.remover.Queue(p.ids, p.tags)
	}
}
