package pool

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The figures of the borders between key ranges, with their reasons.
const (
	// remembered is how many outcomes tell where a hot range ends, and recent
	// for how long they do.
	remembered = 512
	recent     = 3 * time.Second
	// sideLeast is how many of them there must be on each side of a cut,
	// refusedLeast how many refused ones in all, and surely the statistic
	// (chi-square, one degree of freedom) that it must have, one in 100,000 by
	// chance: there are many keys to cut at. clearly is how much smaller than the
	// other side's share that of one side must be.
	sideLeast    = 32
	refusedLeast = 12
	surely       = 20
	clearly      = 0.25
	// nearly is how good a cut must be beside the best one to be chosen because
	// it is between two prefixes.
	nearly = 0.7
	// calm is the share below which a side of a cut keeps all of the rate, and
	// has its own looked for.
	calm = 0.02
	// starved is the part of its rate at a cut below which a range that is
	// refused is thought to be of one partition with another.
	starved = 0.3
)

// cut divides r where refusals come from one side of a key alone. What counts
// was sent after since, when the rate last fell, and after the first refusal
// since then: before it nothing was refused anywhere, and keys come in order, so
// that the time itself would look like a cut.
func (s *space) cut(now, since time.Time, r *keyRange, move func(Move)) {
	if len(s.ranges) >= mostRanges {
		return
	}
	i := slices.Index(s.ranges, r)
	end, last := "", i+1 == len(s.ranges)
	if !last {
		end = s.ranges[i+1].from
	}
	var seen []outcome
	for n := range s.outcomes {
		o := s.outcomes[(s.next+n)%len(s.outcomes)]
		if o.key < r.from || !last && o.key >= end || o.sent.Before(since) || now.Sub(o.sent) > recent {
			continue
		}
		if len(seen) > 0 || o.refused {
			seen = append(seen, o)
		}
	}
	cut, ok := bestCut(seen)
	if !ok || cut.at == r.from || min(cut.left, cut.right) > clearly*max(cut.left, cut.right) {
		return
	}
	upper := &keyRange{from: cut.at, limit: r.limit, slope: r.slope, refusedAt: r.refusedAt, start: now, paid: now}
	upper.queue.limit = 1
	s.ranges = slices.Insert(s.ranges, i+1, upper)
	was := r.rate
	defer func() { r.share, upper.share = r.rate, upper.rate }()
	for _, side := range []struct {
		r *keyRange
		n int
		p float64
	}{{r, cut.n, cut.left}, {upper, len(seen) - cut.n, cut.right}} {
		if side.p < calm {
			side.r.rate, side.r.searching, side.r.clean = was, true, true
			move(Move{Where: s.name + "/" + side.r.from, From: was, To: was, Why: "it is others that are refused"})
			continue
		}
		// It goes on as before, at its part of the rate.
		side.r.rate = max(slowest, was*float64(side.n)/float64(len(seen)))
		side.r.limit = min(side.r.limit, side.r.rate)
		move(Move{Where: s.name + "/" + side.r.from, From: was, To: side.r.rate, Why: fmt.Sprintf("%.0f %% of its answers, and fewer of others, asked for less", 100*side.p)})
	}
}

// join takes back the cut between r and a range beside it. Where a cut went
// through a partition, two ranges want what it takes, and the smaller gets less
// and less of it.
func (s *space) join(now time.Time, r *keyRange, move func(Move)) {
	i := slices.Index(s.ranges, r)
	for _, at := range []int{i, i + 1} { // the upper one of the two
		if at < 1 || at >= len(s.ranges) {
			continue
		}
		lower, upper := s.ranges[at-1], s.ranges[at]
		if lower.rate == 0 || upper.rate == 0 || now.Sub(lower.refusedAt) > recent || now.Sub(upper.refusedAt) > recent {
			continue
		}
		was := lower.rate
		lower.rate += upper.rate
		lower.limit, lower.share = max(lower.limit, lower.rate), lower.rate
		lower.expected += upper.expected
		upper.rate = lower.rate // for those who wait there
		s.ranges = slices.Delete(s.ranges, at, at+1)
		move(Move{Where: s.name + "/" + lower.from, From: was, To: lower.rate, Why: "one partition with the range that follows"})
		return
	}
}

// border is a key that tells refused requests from others.
type border struct {
	at string
	// n is how many requests are below it; left and right are the shares of
	// refused ones below it and from it on.
	n           int
	left, right float64
	chi         float64
	common      int // bytes that the keys on both sides begin with
}

// bestCut returns the key that best tells refused requests from others, and
// false where none does for certain.
func bestCut(seen []outcome) (border, bool) {
	slices.SortStableFunc(seen, func(a, b outcome) int { return strings.Compare(a.key, b.key) })
	all := 0
	for _, o := range seen {
		if o.refused {
			all++
		}
	}
	n := len(seen)
	if all < refusedLeast || all == n || n < 2*sideLeast {
		return border{}, false
	}
	var found []border
	best, bad := 0.0, 0
	for i := 1; i <= n-sideLeast; i++ {
		if seen[i-1].refused {
			bad++
		}
		if i < sideLeast || seen[i].key == seen[i-1].key {
			continue
		}
		// The chi-square of two columns and two rows.
		a, b := float64(bad), float64(i-bad)
		c, d := float64(all-bad), float64(n-i-all+bad)
		x := a*d - b*c
		chi := float64(n) * x * x / ((a + b) * (c + d) * (a + c) * (b + d))
		if chi <= surely {
			continue
		}
		best = max(best, chi)
		common := commonPrefix(seen[i-1].key, seen[i].key)
		found = append(found, border{seen[i].key[:common+1], i, a / (a + b), c / (c + d), chi, common})
	}
	// By chance the neighbours of the border look like the other side; the
	// border is where keys differ early.
	var chosen border
	for _, f := range found {
		if f.chi < nearly*best {
			continue
		}
		if chosen.at == "" || f.common < chosen.common || f.common == chosen.common && f.chi > chosen.chi {
			chosen = f
		}
	}
	return chosen, chosen.at != ""
}

// commonPrefix returns how many bytes a and b, which is greater, begin with
// both.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b)-1)
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
