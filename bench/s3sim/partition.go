package s3sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// What S3 promises for each partition, in requests a second
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html).
const (
	DefaultWrites = 3500
	DefaultReads  = 5500
)

// Partition is a range of a bucket's keys with rates of its own. Requests above
// them are answered 503 SlowDown and not carried out.
//
// A GET, a HEAD and a page of a listing (at the key that it begins with) are a
// read, all else that names a key is a write, and each key of a DeleteObjects:
// those that do not fit fail inside the 200, and where none fits it is a 503.
// Requests that name no key are free.
type Partition struct {
	// From is the first key; the range ends where the next partition begins.
	From string
	// Writes and Reads are how many a second; 0 is no limit.
	Writes, Reads float64
	// Burst is how many of each may come at once after a pause; 0 is a tenth of
	// a second's rate. It is one at least.
	Burst int
}

// ParsePartition reads "FROM[:writes=N][:reads=N][:burst=N]", as in
// "logs/:writes=350"; what is left out is as in base. FROM may be empty, and may
// have colons.
func ParsePartition(text string, base Partition) (Partition, error) {
	p := base
	p.From = text
	for {
		i := strings.LastIndexByte(p.From, ':')
		if i < 0 {
			break
		}
		name, value, _ := strings.Cut(p.From[i+1:], "=")
		var err error
		switch name {
		case "writes":
			p.Writes, err = strconv.ParseFloat(value, 64)
		case "reads":
			p.Reads, err = strconv.ParseFloat(value, 64)
		case "burst":
			p.Burst, err = strconv.Atoi(value)
		default: // a colon of the key
			return p, p.validate()
		}
		if err != nil {
			return Partition{}, fmt.Errorf("partition %q: %s: %w", text, name, err)
		}
		p.From = p.From[:i]
	}
	return p, p.validate()
}

func (p Partition) validate() error {
	for _, rate := range [...]float64{p.Writes, p.Reads, float64(p.Burst)} {
		if !(rate >= 0) || math.IsInf(rate, 0) {
			return fmt.Errorf("partition from %q: %v is no rate", p.From, rate)
		}
	}
	return nil
}

// limiter has the rate, and is full.
func (p Partition) limiter(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	burst := p.Burst
	if burst == 0 {
		burst = int(min(perSecond/10, math.MaxInt32))
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, burst))
}

// validatePartitions says all that is wrong with what Conditions have of them.
func validatePartitions(all []Partition, splitAfter time.Duration) error {
	var errs []error
	for i, p := range all {
		errs = append(errs, p.validate())
		if i > 0 && p.From <= all[i-1].From {
			errs = append(errs, fmt.Errorf("the partition from %q does not come behind the one from %q", p.From, all[i-1].From))
		}
	}
	if len(all) > 0 && all[0].From != "" {
		errs = append(errs, fmt.Errorf("the first partition begins with %q and not with the first key", all[0].From))
	}
	switch {
	case splitAfter < 0:
		errs = append(errs, fmt.Errorf("a split after %v", splitAfter))
	case splitAfter > 0 && len(all) == 0:
		errs = append(errs, fmt.Errorf("a split after %v, and there are no partitions", splitAfter))
	}
	return errors.Join(errs...)
}

const (
	// heatSlices is how many slices SplitAfter has. Each of them has to be hot.
	heatSlices = 8
	// hotRefused and hotUsed make a slice hot: this share of its requests was
	// refused, or this share of a rate was used. A client that keeps just below
	// the rate is a reason for S3 to split as well.
	hotRefused = 0.01
	hotUsed    = 0.9
	// sampleSize is how many keys are kept to find their median.
	sampleSize = 128
)

// partition is a Partition at work. It is changed under its keySpace's lock.
type partition struct {
	Partition
	writes, reads *rate.Limiter

	accepted, refused, splits int64 // for Stats
	first, last               time.Time

	since         time.Time // the begin of the slice
	sliceWrites   int64     // accepted in it
	sliceReads    int64
	sliceRefused  int64
	hot           int      // slices before it that were hot, without a break
	sample        []string // of the keys since the heat began
	seen          uint64   // how many they are of
	splitInterval time.Duration
}

func newPartition(p Partition, splitAfter time.Duration) *partition {
	return &partition{Partition: p, writes: p.limiter(p.Writes), reads: p.limiter(p.Reads), splitInterval: splitAfter}
}

// take has the partition carry out a request, or refuse it.
func (p *partition) take(now time.Time, key string, write bool) bool {
	limiter, slice := p.reads, &p.sliceReads
	if write {
		limiter, slice = p.writes, &p.sliceWrites
	}
	ok := limiter.AllowN(now, 1)
	if ok {
		if p.accepted == 0 {
			p.first = now
		}
		p.accepted++
		p.last = now
		*slice++
	} else {
		p.refused++
		p.sliceRefused++
	}
	if p.splitInterval > 0 {
		p.remember(key)
	}
	return ok
}

// remember keeps the sample an even one of all keys seen (Vitter's algorithm R).
func (p *partition) remember(key string) {
	p.seen++
	if len(p.sample) < sampleSize {
		p.sample = append(p.sample, key)
		return
	}
	if i := mix(p.seen) % p.seen; i < sampleSize {
		p.sample[i] = key
	}
}

// overheated moves the slices on, and says whether the heat has lasted for as
// long as it takes. The next heat begins with nothing then.
func (p *partition) overheated(now time.Time) bool {
	if p.splitInterval == 0 {
		return false
	}
	slice := max(1, p.splitInterval/heatSlices)
	if p.since.IsZero() {
		p.since = now
	}
	passed := now.Sub(p.since) / slice
	if passed == 0 {
		return false
	}
	if p.isHot(slice) {
		p.hot++
	} else {
		p.cool()
	}
	ripe := p.hot >= heatSlices
	if passed > 1 { // a slice without a request is a cold one
		p.cool()
	}
	p.since = p.since.Add(passed * slice)
	p.sliceWrites, p.sliceReads, p.sliceRefused = 0, 0, 0
	return ripe
}

func (p *partition) isHot(slice time.Duration) bool {
	all := p.sliceWrites + p.sliceReads + p.sliceRefused
	used := func(n int64, rate float64) bool { return rate > 0 && float64(n) >= hotUsed*rate*slice.Seconds() }
	return p.sliceRefused > 0 && float64(p.sliceRefused) >= hotRefused*float64(all) ||
		used(p.sliceWrites, p.Writes) || used(p.sliceReads, p.Reads)
}

func (p *partition) cool() { p.hot, p.seen, p.sample = 0, 0, p.sample[:0] }

// split cuts the partition at the median of the keys seen and returns the upper
// half; both have their full rates. It is nil where all keys are one.
func (p *partition) split() *partition {
	keys := slices.Sorted(slices.Values(p.sample))
	p.cool()
	if len(keys) == 0 {
		return nil
	}
	cut := keys[len(keys)/2]
	if cut == keys[0] { // all but one may be of one key
		i, _ := slices.BinarySearch(keys, cut+"\x00")
		if i == len(keys) {
			return nil
		}
		cut = keys[i]
	}
	p.splits++
	p.writes, p.reads = p.limiter(p.Writes), p.limiter(p.Reads)
	upper := p.Partition
	upper.From = cut
	return newPartition(upper, p.splitInterval)
}
