package pool

import (
	"fmt"
	"time"
)

// The figures of climb, with their reasons.
const (
	// firstSlots keeps two cores busy with a store that is near, and is doubled
	// within a round trip where it is far.
	firstSlots = 16
	// leastSlots is what a storm leaves: one answer in four comes through where
	// only one slot is left to see the storm end.
	leastSlots = 4
	// shortEpoch is the least time over which goodput is measured: less would
	// measure the scheduler.
	shortEpoch = 25 * time.Millisecond
	// longEpoch is when one ends also where fewer answers came than there are
	// slots: parts of many seconds.
	longEpoch = 4 * time.Second
	// perRequest is what a request counts beside its bytes, so that one figure
	// is good for small files and for parts: where it takes as long to ask as
	// to carry, at some 10 MB/s of a connection and some milliseconds.
	perRequest = 64 << 10
	// gain is by how much goodput must grow in an epoch of slow start, which
	// doubles the slots, for more of them to be worth having.
	gain = 1.25
	// slower is by how much requests of a kind may take longer than in the
	// quickest epoch of slow start: twice the slots that take twice as long bring
	// nothing, which is seen sooner there than in goodput, which grows with a
	// delay.
	// Where goodput has still grown by stillGain, it is not that.
	slower    = 1.6
	stillGain = 1.5
	// smallBytes is what a small request carries at most, largeBytes a large one
	// at least: of the former the time counts, of the latter that of a byte. What
	// is between is neither. kindLeast is how many there must be in an epoch.
	smallBytes = 64 << 10
	largeBytes = 4 << 20
	kindLeast  = 8
	// enough is the share of the best goodput that the fewest slots must reach
	// to be chosen when slow start ends.
	enough = 0.93
	// congested is the share of all attempts that broke from which on the slots
	// are lowered. Single ones are only sent again; and what is throttled is for
	// the rate of its key range to settle.
	congested = 0.25
	// backoff is what is left after a decrease.
	backoff = 0.7
	// recovery is in how many epochs a decrease is made good again.
	recovery = 32
	// sameTrouble is how long after a decrease another is of the same trouble.
	sameTrouble = 10 * time.Second
	// busy is the share of the processors' time from which on this machine is
	// the limit.
	busy = 0.9
	// stride is how far a probe goes, as a share of the slots; worthUp is what
	// it must gain, worthDown what it may lose.
	stride    = 0.25
	worthUp   = 1.08
	worthDown = 0.98
	// firstPause and lastPause are the epochs between two probes: more after
	// each that found nothing.
	firstPause = 16
	lastPause  = 512
	// probeAnswers are what a measurement must rest on beside its epochs.
	probeAnswers = 400
)

// climb finds how many requests are worth having in flight. It is told of each
// attempt that has ended, and says how many slots there are to be. It has no
// clock and no lock.
//
// It begins with a slow start: each answer that came soon, while somebody waited,
// adds a slot, so that they double with each round trip, until an epoch brings no
// more goodput than the one before, the processors are busy, or the store is
// congested. Then it climbs hills: now and then it tries a quarter more, or a
// quarter less, and stays where goodput is better, or as good with less. A
// congested epoch lowers the slots once, and they come back step by step.
type climb struct {
	slots, most int
	// cpu is the processors' time that this process has used, and processors
	// their number; nil: not known.
	cpu        func() time.Duration
	processors int

	phase  phase
	began  bool
	epoch  epoch
	srtt   time.Duration
	held   bool // in slow start: an epoch without gain waits for its confirmation
	before float64
	seen   []sample // of slow start
	quick  [kinds]float64
	goal   int // of recovery
	// lowered is when the slots were last lowered.
	lowered time.Time

	// Of the hill: what is measured now, and against what. stride is how far the
	// next step up goes; each that was worth it doubles it.
	step    step
	stride  float64
	base    float64
	from    int
	sum     epoch
	pause   int
	idle    int
	settled bool
}

type phase int

const (
	slowStart phase = iota
	recovering
	hill
)

type step int

const (
	resting step = iota
	measuring
	goingUp
	goingDown
)

// sample is the goodput that was seen with so many slots.
type sample struct {
	slots   int
	goodput float64
}

// epoch is what happened in a stretch of time.
type epoch struct {
	start     time.Time
	cpu       time.Duration
	span      time.Duration
	slots     int // at its start
	answers   int
	throttled int
	failed    int
	wanted    int // answers that came while somebody waited for a slot
	work      int64
	of        [kinds]int     // requests of each kind that were answered
	cost      [kinds]float64 // of all of these together
}

func (e *epoch) goodput() float64 { return float64(e.work) / max(e.span.Seconds(), 1e-9) }

// share of all attempts that n are.
func (e *epoch) share(n int) float64 {
	return float64(n) / float64(max(1, e.answers+e.throttled+e.failed))
}

// kind of a request, by its size.
type kind int

const (
	small kind = iota
	large
	kinds
)

// costOf is how long a request took for what it did, to be held against others
// of its kind, and false where it is of none.
func costOf(took time.Duration, bytes int64) (kind, float64, bool) {
	switch {
	case bytes <= smallBytes:
		return small, float64(took), true
	case bytes >= largeBytes:
		return large, float64(took) / float64(bytes), true
	}
	return 0, 0, false
}

func newClimb(most int, cpu func() time.Duration, processors int) *climb {
	return &climb{slots: min(firstSlots, most), most: most, cpu: cpu, processors: processors, pause: firstPause}
}

// ended is told that an attempt has ended, how long its slot was taken, and
// whether somebody waited for it. Where the slots move, it says why.
func (c *climb) ended(now time.Time, took time.Duration, o Outcome, wanted bool) (why string) {
	if !c.began {
		c.began = true
		c.open(now.Add(-took))
	}
	e := &c.epoch
	switch o.Verdict {
	case Dropped:
		return ""
	case Throttled:
		e.throttled++
	case Failed:
		e.failed++
	case Answered:
		e.answers++
		e.work += perRequest + o.Bytes
		if k, cost, ok := costOf(took, o.Bytes); ok {
			e.of[k]++
			e.cost[k] += cost
		}
		if c.srtt == 0 {
			c.srtt = took
		}
		c.srtt += (took - c.srtt) / 8
	}
	if wanted {
		e.wanted++
	}
	if c.phase == slowStart && wanted && o.Verdict == Answered && !c.held && c.slots < min(2*e.slots, c.most) {
		// An answer that took longer than others did shows a queue already.
		if k, cost, ok := costOf(took, o.Bytes); !ok || c.quick[k] == 0 || cost <= slower*c.quick[k] {
			c.slots++
		}
	}
	e.span = now.Sub(e.start)
	n := e.answers + e.throttled + e.failed
	if e.span < max(shortEpoch, c.srtt) || n < e.slots && e.span < longEpoch {
		return ""
	}
	why = c.judge(now)
	c.open(now)
	return why
}

func (c *climb) open(now time.Time) {
	c.epoch = epoch{start: now, slots: c.slots}
	if c.cpu != nil {
		c.epoch.cpu = c.cpu()
	}
}

// occupied says that this machine's processors had no more to give.
func (c *climb) occupied(e *epoch) bool {
	if c.cpu == nil || c.processors < 1 {
		return false
	}
	used := c.cpu() - e.cpu
	return float64(used) >= busy*float64(e.span)*float64(c.processors)
}

// judge looks at an epoch that has ended.
func (c *climb) judge(now time.Time) string {
	e := &c.epoch
	if share := e.share(e.failed); e.failed >= 3 && share > congested {
		return c.lower(now, share)
	}
	// Where slots were free most of the time, their number was not tried.
	full := 2*e.wanted > e.answers+e.throttled+e.failed
	switch c.phase {
	case slowStart:
		return c.slow(e, full)
	case recovering:
		if !full {
			return ""
		}
		c.slots = min(c.slots+max(1, c.goal/recovery), c.goal)
		if c.slots == c.goal {
			c.rest(hill)
		}
		return "recovering"
	default:
		return c.probe(e, full)
	}
}

// lower answers to congestion, at most once an epoch. What it came from is to
// be reached again, also where it is lowered many times in a row: that the
// store was away says nothing of what it bears when it is back.
func (c *climb) lower(now time.Time, share float64) string {
	e := &c.epoch
	if c.phase != recovering || now.Sub(c.lowered) > sameTrouble {
		c.goal = max(e.slots, min(firstSlots, c.most))
	}
	c.lowered = now
	was := e.slots
	c.slots = max(min(leastSlots, c.most), int(float64(e.slots)*backoff))
	c.rest(recovering)
	if c.slots == was {
		return ""
	}
	return fmt.Sprintf("%.0f %% of %d answers failed", 100*share, e.answers+e.throttled+e.failed)
}

func (c *climb) rest(p phase) {
	c.phase = p
	c.step, c.idle, c.sum, c.held, c.before = resting, 0, epoch{}, false, 0
}

// slow is slow start.
func (c *climb) slow(e *epoch, full bool) string {
	why := ""
	if c.slots > e.slots {
		why = "slow start"
	}
	if !full {
		c.before, c.held = 0, false
		return why
	}
	g := e.goodput()
	c.seen = append(c.seen, sample{e.slots, g})
	longer := false
	for k, n := range e.of {
		if n < kindLeast {
			continue
		}
		mean := e.cost[k] / float64(n)
		if c.quick[k] == 0 || mean < c.quick[k] {
			c.quick[k] = mean
		}
		longer = longer || mean > slower*c.quick[k] && g < stillGain*c.before
	}
	switch {
	case longer && c.held:
		return c.choose("answers take longer instead")
	case longer:
		c.held = true // the making of connections takes time as well: once more
		return why
	case c.occupied(e):
		return c.choose("the processors are busy")
	case g >= gain*c.before:
		c.held = false
		c.before = g
		if c.slots == c.most {
			c.seen = nil
			c.rest(hill)
			return "the ceiling is reached"
		}
		return why
	case !c.held:
		c.held = true
		return why
	}
	return c.choose("more brings nothing")
}

// choose ends slow start with the fewest slots that had enough goodput.
func (c *climb) choose(why string) string {
	best := 0.0
	for _, s := range c.seen {
		best = max(best, s.goodput)
	}
	for _, s := range c.seen {
		if s.goodput >= enough*best {
			// What was seen with s.slots may be the answers of twice as many, where
			// the slots still grew; it is certain that more than these bring nothing.
			c.slots = s.slots
			break
		}
	}
	c.seen = nil
	c.rest(hill)
	return why
}

func (e *epoch) add(o *epoch) {
	e.span += o.span
	e.answers += o.answers
	e.throttled += o.throttled
	e.failed += o.failed
	e.work += o.work
}
