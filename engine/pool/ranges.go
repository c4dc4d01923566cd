package pool

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The figures of key ranges, with their reasons.
const (
	// tolerated is the share of refused requests up to which a range is not
	// slowed: the rate has to try the store's limit to know it.
	tolerated = 0.05
	// leastRefused keeps two bad answers of a few from being a share.
	leastRefused = 3
	// alarm is the share of refused requests that ends an epoch early; earlier
	// where the range was not throttled, for what it is sent may be many times
	// too much then.
	alarm = 0.2
	// rangeEpoch is the time over which the share is measured, firstAlarm
	// and nextAlarm the least of it; searchEpoch is
	// shorter, for a rate that is not known yet.
	rangeEpoch  = 250 * time.Millisecond
	searchEpoch = 150 * time.Millisecond
	firstAlarm  = 20 * time.Millisecond
	nextAlarm   = 100 * time.Millisecond
	// A refusal takes off the share of the refused and margin, at the most
	// mostFall.
	margin   = 0.05
	mostFall = 0.5
	// search is by how much a rate that was just found grows in an epoch: the
	// objects that showed it may all have been of one partition. It ends at a
	// refusal after epochs in which nothing was refused. Then the rate rises by
	// foundRise of itself a second at first, for it may have been found too soon, by faster more after each epoch without a
	// refusal, up to mostRise, and by slowed less after each that lowers it, down to
	// leastRise.
	search    = 1.5
	foundRise = 0.3
	leastRise = 0.04
	mostRise  = 1
	faster    = 1.3
	slowed    = 0.25
	// slowest is a rate, and trickle the share of what was taken before, that
	// still finds out that a storm has ended.
	slowest = 1.0
	trickle = 0.01
	// telling is the share of refused requests up to which what was taken is
	// what the store can take; above, it takes next to nothing for the moment.
	telling = 0.8
	// burst is how far a range may be behind its rate and still catch up.
	burst = 20 * time.Millisecond
	// recall is the share of the last limit that a refusal leaves of it, where
	// less was taken: a storm that ends is made good quickly, a limit that has
	// come down is learnt.
	recall = 0.9
	// regain is by how much the rate grows in an epoch until it is near the
	// last limit.
	regain = 2
	// blind is the share of what is sent that a range begins with in a storm
	// that lets nothing through.
	blind = 0.02
	// remembered is how many outcomes tell where a hot range ends, and recent
	// for how long they do.
	remembered = 512
	recent     = 3 * time.Second
	// sideLeast is how many of them there must be on each side of a cut,
	// refusedLeast how many refused ones in all, and
	// surely the statistic (chi-square, one degree of freedom) that it must
	// have, one in 10,000 by chance: there are many keys to cut at. clearly is how much smaller than
	// the other side's share that of one side must be.
	sideLeast    = 32
	refusedLeast = 12
	surely       = 20
	clearly      = 0.25
	// nearly is how good a cut must be beside the best one to be chosen because
	// it is between two prefixes.
	nearly = 0.7
	// calm is the share below which a side of a cut gets twice the rate at once,
	// and rises as fast as any.
	calm = 0.02
	// starved is the part of its rate at a cut below which a range that is
	// refused is thought to be of one partition with another.
	starved = 0.3
	// mostRanges bounds what is known of a space.
	mostRanges = 256
	// forgotten is for how long a range must not have been throttled to be
	// forgotten.
	forgotten = time.Minute
)

// Patience is for how long objects of a throttled key range may wait for their
// turn once they are begun; more of them are better not begun.
const Patience = 100 * time.Millisecond

// space is the keys of a bucket as far as reads, or writes, are throttled in
// it: ranges that tile it, most often one that is not. S3 throttles partitions,
// which are key ranges that nobody tells
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html):
// where refusals come from one side of a key alone, a range is cut there.
type space struct {
	name   string
	ranges []*keyRange // by from; the first is from ""
	paced  int         // of them
	// outcomes is a ring of what happened lately.
	outcomes []outcome
	next     int
}

type outcome struct {
	key     string
	sent    time.Time
	refused bool
}

// keyRange is the keys from from up to the next range.
type keyRange struct {
	from string
	// rate is how many requests a second it is sent; 0: as many as there are.
	rate float64
	// limit is what the store last took when it refused, and slope by how
	// much of itself the rate rises in a second.
	limit, slope float64
	refusedAt    time.Time
	// searching says that the limit is not known yet, clean that nothing was
	// refused in the last epoch.
	searching, clean bool
	// share is the rate that the range had when it was cut off from another.
	share float64
	// lowered is when the rate fell: what was sent before tells nothing of it.
	lowered time.Time

	// queue has those whose turn comes; who is at its head waits until debt
	// requests have had their time since paid.
	queue limiter
	paid  time.Time
	debt  float64
	// expected is how many objects have been begun that have not come to wait,
	// the last of them at expectedAt.
	expected   int
	expectedAt time.Time

	// Of the epoch.
	start          time.Time
	taken, refused int // requests as the store counts them
	answers, bad   int // answers, and those of them that refused something
}

func newSpace(name string) *space {
	r := &keyRange{}
	r.queue.limit = 1
	return &space{name: name, ranges: []*keyRange{r}}
}

// of returns the range of key.
func (s *space) of(key string) *keyRange {
	if len(s.ranges) == 1 {
		return s.ranges[0]
	}
	i, found := slices.BinarySearchFunc(s.ranges, key, func(r *keyRange, key string) int { return cmp.Compare(r.from, key) })
	if !found {
		i--
	}
	return s.ranges[i]
}

// turn returns 0 and takes the turn of cost requests, or for how long to wait
// before asking again; the rate may be another by then.
func (r *keyRange) turn(now time.Time, cost int) time.Duration {
	if r.rate == 0 {
		return 0
	}
	r.debt = max(-r.rate*burst.Seconds(), r.debt-r.rate*now.Sub(r.paid).Seconds())
	r.paid = now
	if r.debt <= 0 {
		r.debt += float64(cost)
		return 0
	}
	return min(time.Duration(r.debt/r.rate*float64(time.Second))+time.Microsecond, burst)
}

// admits says whether another object of the range should be begun, and counts
// it: one more would only wait for its turn, in a place that others could have.
func (r *keyRange) admits(now time.Time) bool {
	if r.rate == 0 {
		return true
	}
	if now.Sub(r.expectedAt) > Patience { // who has not come by now does not come
		r.expected = 0
	}
	if r.queue.usage().waiting+r.expected >= max(2, int(r.rate*Patience.Seconds())) {
		return false
	}
	r.expected++
	r.expectedAt = now
	return true
}

// ended is told of an attempt at key that has ended, and when it was sent. Where
// rates move, move is told.
func (s *space) ended(now, sent time.Time, key string, cost int, o Outcome, move func(Move)) {
	if o.Verdict == Dropped || o.Verdict == Failed {
		return
	}
	r := s.of(key)
	refused := o.Refused
	if o.Verdict == Throttled {
		refused = cost
	}
	if r.start.IsZero() {
		r.start = now
	}
	if sent.Before(r.lowered) {
		return
	}
	s.remember(outcome{key, sent, refused > 0})
	r.answers++
	r.taken += cost - refused
	r.refused += refused
	if refused > 0 {
		r.bad++
		r.refusedAt = now
	}
	span := now.Sub(r.start)
	switch share := float64(r.bad) / float64(r.answers); {
	case span >= rangeEpoch, r.searching && span >= searchEpoch:
	case r.bad > leastRefused && share > alarm && (r.rate == 0 && span >= firstAlarm || span >= nextAlarm):
	default:
		return
	}
	s.judge(now, r, span, move)
}

func (s *space) remember(o outcome) {
	if len(s.outcomes) < remembered {
		s.outcomes = append(s.outcomes, o)
		return
	}
	s.outcomes[s.next] = o
	s.next = (s.next + 1) % remembered
}

// judge looks at an epoch of r that has ended.
func (s *space) judge(now time.Time, r *keyRange, span time.Duration, move func(Move)) {
	share := float64(r.bad) / float64(r.answers)
	took := float64(r.taken) / span.Seconds()
	answers := r.answers
	r.start, r.taken, r.refused, r.answers, r.bad = now, 0, 0, 0, 0
	was, since := r.rate, r.lowered
	// What is refused at first are the keys that come first.
	settled := was > 0 && (r.clean || !r.searching)
	switch {
	case share > tolerated && share*float64(answers) >= leastRefused:
		r.lowered = now
		least := max(slowest, trickle*r.limit)
		if was == 0 {
			// What was taken was taken at once, and is more than will be.
			r.rate = max(least, mostFall*took, blind*float64(answers)/span.Seconds())
			r.paid, r.debt, r.slope, r.limit = now, 0, leastRise, took
			r.searching, r.clean = true, false
		} else {
			// What was refused, and a little for the store to catch up.
			r.rate = max(least, was*max(mostFall, 1-share-margin))
			if r.slope = max(leastRise, slowed*r.slope); r.searching {
				r.slope = foundRise
			}
			r.searching, r.clean = r.searching && !r.clean && span < rangeEpoch, false
			if share < telling {
				r.limit = r.rate
			} else {
				r.limit *= recall
			}
		}
		move(Move{
			Where: s.name + r.from, From: was, To: r.rate,
			Why: fmt.Sprintf("%.0f %% of %d answers asked for less, %.0f/s were taken", 100*share, answers, took),
		})
		if share > alarm && r.rate < starved*r.share {
			s.join(now, r, move)
		} else if settled {
			s.cut(now, since, r, move)
		}
	case was == 0:
		s.forget(now)
	case now.Sub(r.refusedAt) > forgotten:
		r.rate = 0
		move(Move{Where: s.name + r.from, From: was, Why: "nothing was refused for " + forgotten.String()})
		s.forget(now)
	case took < 0.8*was: // it was not asked for
	case was < r.limit:
		r.rate = min(regain*was, r.limit)
		move(Move{Where: s.name + r.from, From: was, To: r.rate, Why: "back to what was taken before"})
	case r.searching && share == 0:
		r.clean = true
		r.rate *= search
		move(Move{Where: s.name + r.from, From: was, To: r.rate, Why: "nothing was refused"})
	default:
		r.rate += r.slope * r.rate * min(span.Seconds(), 1)
		if share == 0 {
			r.slope = max(r.slope, min(mostRise, faster*r.slope))
		}
		s.cut(now, since, r, move)
	}
	s.count()
}

func (s *space) count() {
	s.paced = 0
	for _, r := range s.ranges {
		if r.rate > 0 {
			s.paced++
		}
	}
}

// forget joins ranges that are not throttled any more with those before them.
func (s *space) forget(now time.Time) {
	old := func(r *keyRange) bool {
		return r.rate == 0 && r.queue.usage().out == 0 && now.Sub(r.refusedAt) > forgotten
	}
	kept := s.ranges[:1]
	for _, r := range s.ranges[1:] {
		if !old(r) || !old(kept[len(kept)-1]) {
			kept = append(kept, r)
		}
	}
	clear(s.ranges[len(kept):])
	s.ranges = kept
}

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
			move(Move{Where: s.name + side.r.from, From: was, To: was, Why: "it is others that are refused"})
			continue
		}
		// It goes on as before, at its part of the rate.
		side.r.rate = max(slowest, was*float64(side.n)/float64(len(seen)))
		side.r.limit = min(side.r.limit, side.r.rate)
		move(Move{Where: s.name + side.r.from, From: was, To: side.r.rate, Why: fmt.Sprintf("%.0f %% of its answers, and fewer of others, asked for less", 100*side.p)})
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
		move(Move{Where: s.name + lower.from, From: was, To: lower.rate, Why: "one partition with the range that follows"})
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
