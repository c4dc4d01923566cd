package wire

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// enoughToCut and enoughToRace are how many answers must be known before an
	// attempt is judged by them.
	enoughToCut  = 100
	enoughToRace = 20
	// recent is after how many answers each counts half of what it did.
	recent = 1024
	// renewed is after how many answers the quantiles are worked out again.
	renewed = 16
	// leastStall is the least time without progress that is called a stall: a
	// pause of the garbage collector, here or there, must not be one. A body may
	// pause for longer: disks flush, links drop packets.
	leastStall, leastBodyStall = 400 * time.Millisecond, 2 * time.Second
	// leastOther is that of an attempt that only those of other operations can
	// be held against: a run asks for few lists, and a list may be a second's work.
	leastOther = 5 * time.Second
	// leastOtherRace is when such a one is raced, which costs one request more.
	leastOtherRace = time.Second
	// leastRace is from when on a second attempt may begin.
	leastRace = 250 * time.Millisecond
	// maxScale bounds how often the time without progress is doubled.
	maxScale = 7
)

// quantiles remembers durations in buckets of a quarter of an octave, from
// 16 µs to over an hour: what it says is too long by at most a fifth.
type quantiles struct {
	count [112]uint32
	total uint32 // sum of count
	fresh uint32 // since the last renewal
	seen  atomic.Uint32
	p95   atomic.Int64
	p99   atomic.Int64
}

func (q *quantiles) add(d time.Duration) {
	u, i := uint64(max(d, 0))>>14, 0
	if u < 4 {
		i = int(u)
	} else {
		n := bits.Len64(u)
		i = min((n-2)*4+int(u>>(n-3))&3, len(q.count)-1)
	}
	q.count[i]++
	q.total++
	q.fresh++
	if q.total >= 2*recent {
		q.total = 0
		for i := range q.count {
			q.count[i] /= 2
			q.total += q.count[i]
		}
	}
	if q.fresh >= renewed || q.total <= 2*renewed {
		q.fresh = 0
		q.p95.Store(int64(q.quantile(0.95)))
		q.p99.Store(int64(q.quantile(0.99)))
	}
	q.seen.Store(q.total)
}

// quantile returns the upper end of the bucket in which the share p of all
// durations is reached.
func (q *quantiles) quantile(p float64) time.Duration {
	need := p * float64(q.total)
	var sum uint32
	for i, n := range q.count {
		if sum += n; n > 0 && float64(sum) >= need {
			if i < 4 {
				return time.Duration(i+1) << 14
			}
			return time.Duration(5+i%4) << (i/4 - 1 + 14)
		}
	}
	return 0
}

// pace is how long the attempts take that are alike: of the same operation, and
// of about the same size.
type pace struct {
	mu sync.Mutex
	// wait is the time until an answer begins, after all was sent; took is the
	// time of the whole attempt.
	wait, took quantiles
	// ended, cuts and twice count attempts of late, those of them that were cut
	// off, and those that were so when the one before them had been as well.
	ended, cuts, twice int
	scale              atomic.Int32 // the time they get is doubled so often
}

// answered counts an answer that began after wait, of an attempt that took so
// long as a whole; 0: that is not known yet.
func (p *pace) answered(wait, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wait.add(wait)
	if took > 0 {
		p.took.add(took)
	}
	if p.ended++; p.ended >= 8*recent {
		if p.cuts*200 <= p.ended && p.scale.Load() > 0 {
			p.scale.Add(-1)
		}
		p.ended, p.cuts, p.twice = p.ended/2, p.cuts/2, 0
	}
}

func (p *pace) lasted(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took.add(d)
}

// cut counts an attempt that was cut off; again says that the one before it was
// so too. Where connections stall, it is by chance which request it strikes, and
// the square of their share are struck twice; where many more are, or a quarter
// of all is cut off, it is the store that is slow. More time would not help
// against the former, and is what the latter needs.
func (p *pace) cut(again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended++
	p.cuts++
	if again {
		p.twice++
	}
	slow := p.twice >= 3 && p.twice*p.ended > 4*p.cuts*p.cuts
	if slow || p.cuts >= 16 && p.cuts*4 > p.ended {
		p.ended, p.cuts, p.twice = 0, 0, 0
		if p.scale.Load() < maxScale {
			p.scale.Add(1)
		}
	}
}

// known says that enough is known to cut attempts off.
func (p *pace) known() bool { return p.wait.seen.Load() >= enoughToCut }

// stall is how long an attempt may be without progress, 0 where too little is
// known to say.
func (p *pace) stall() time.Duration {
	if !p.known() {
		return 0
	}
	return max(5*time.Duration(p.wait.p99.Load()), leastStall) << p.scale.Load()
}

// slow is how long an attempt may take until it is raced, 0 where too little is
// known to say.
func (q *quantiles) slow() time.Duration {
	if q.seen.Load() < enoughToRace {
		return 0
	}
	return max(3*time.Duration(q.p95.Load()), leastRace)
}

// slowFor is slow, by the others where too little is known of its fellows.
func (q *quantiles) slowFor(others *pace) time.Duration {
	t := q.slow()
	if t == 0 && others != nil && others.known() {
		t = max(10*time.Duration(others.wait.p95.Load()), leastOtherRace)
	}
	return t
}

// paced are the operations whose attempts are held against each other.
type paced int

const (
	notPaced paced = iota
	pacedPut
	pacedPart
	pacedGet
	pacedHead
	pacedList
	pacedVersions
	pacedParts
	pacedBatch
	pacedDelete
	pacedAbort
	pacedBucket
	pacedAny // all that have no body to send, and come soon
	pacedKinds
)

// sizes are the classes of size: powers of two up to the largest part, 5 GiB.
const sizes = 34

// paces are those of one host.
type paces [pacedKinds][sizes]atomic.Pointer[pace]

func (s *paces) of(op paced, size int64) *pace {
	at := &s[op][min(bits.Len64(uint64(max(size, 0))), sizes-1)]
	if p := at.Load(); p != nil {
		return p
	}
	at.CompareAndSwap(nil, &pace{})
	return at.Load()
}
