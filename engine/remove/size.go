package remove

import "sync"

const (
	// leastPiece and mostPiece bound the batches of a store that throttles: a
	// batch that is larger than what a partition takes at a time is refused in
	// part each time, whatever its rate. S3's least rate for a partition is 3,500
	// keys a second; of one that takes a tenth of that, leastPiece is a hundredth
	// of a second.
	leastPiece, mostPiece = 4, 256
	// fewer and more are what a batch of which some keys were refused takes off
	// the size, and what one that was taken whole adds. It grows only where next
	// to none are refused, for the pool's rates need a share that is below theirs.
	fewer, more = 0.5, 0.01
	// hopeless is after how many batches in a row that broke no more are halved:
	// it is not their size.
	hopeless = 24
	// regrow is by which part of itself the limit grows with each full batch.
	regrow = 64
)

// size is how large batches should be.
type size struct {
	mu   *sync.Mutex
	most int
	// whole is the limit of batches where nothing is throttled, part of others.
	whole int
	part  float64 // 0: nothing ever was
	row   int     // batches within the limit that broke, since one did not
}

func newSize(most int) size { return size{mu: new(sync.Mutex), most: most, whole: most} }

func (s *size) limit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole
}

// piece is the size where key ranges are throttled.
func (s *size) piece() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.part == 0 {
		s.part = leastPiece
	}
	return max(1, min(int(s.part), s.whole))
}

// clean is told of a batch of n keys of which none was throttled.
func (s *size) clean(n int, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.row = 0
	if n >= s.whole {
		s.whole = min(s.most, s.whole+max(1, s.whole/regrow))
	}
	if s.part > 0 && !again && n >= int(s.part) {
		s.part = min(mostPiece, s.part+more)
	}
}

// refused is told of a batch of n keys of which some were throttled.
func (s *size) refused(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.row = 0
	switch {
	case s.part == 0:
		s.part = leastPiece
	case n <= int(s.part)+1: // others were begun before, and tell nothing new
		s.part = max(leastPiece, s.part*fewer)
	}
}

// broken is told of a batch of n keys that the store did not answer, and says
// whether its halves should be tried.
func (s *size) broken(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.whole && s.row <= hopeless {
		return true // it was begun before the limit fell, and tells nothing new
	}
	if s.row++; s.row > hopeless {
		s.whole = s.most
		return false
	}
	if n < 2 {
		return false
	}
	s.whole = max(1, min(s.whole, n/2))
	return true
}
