package pool

import (
	"cmp"
	"fmt"
	"slices"
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
	// rangeEpoch is the time over which the share is measured, firstAlarm and
	// nextAlarm the least of it; searchEpoch is shorter, for a rate that is not
	// known yet.
	rangeEpoch  = 250 * time.Millisecond
	searchEpoch = 150 * time.Millisecond
	firstAlarm  = 20 * time.Millisecond
	nextAlarm   = 100 * time.Millisecond
	// A refusal takes off the share of the refused and margin, at the most
	// mostFall.
	margin   = 0.05
	mostFall = 0.5
	// search is by how much a rate that is not known yet grows in an epoch: the
	// objects that showed that there is a limit may all have been of one
	// partition. It ends at a refusal after epochs in which nothing was refused.
	// Then the rate rises by foundRise of itself a second at first, for it may
	// have been found too soon, by faster more after each epoch without a
	// refusal, up to mostRise, and by slowed less after each that lowers it, down
	// to leastRise.
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
	start        time.Time
	taken        int // requests as the store counts them
	answers, bad int // answers, and those of them that refused something
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
	r.start, r.taken, r.answers, r.bad = now, 0, 0, 0
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
			Where: s.name + "/" + r.from, From: was, To: r.rate,
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
		move(Move{Where: s.name + "/" + r.from, From: was, Why: "nothing was refused for " + forgotten.String()})
		s.forget(now)
	case took < 0.8*was: // it was not asked for
	case was < r.limit:
		r.rate = min(regain*was, r.limit)
		move(Move{Where: s.name + "/" + r.from, From: was, To: r.rate, Why: "back to what was taken before"})
	case r.searching && share == 0:
		r.clean = true
		r.rate *= search
		move(Move{Where: s.name + "/" + r.from, From: was, To: r.rate, Why: "nothing was refused"})
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
