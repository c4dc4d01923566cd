package engine

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/s3haul/s3haul/engine/purge/s3calls"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// mostKnown bounds the entries of which it is kept in mind that they failed:
	// some 40 MB. Where there are more, the closing check only counts.
	mostKnown = 1 << 20
	// mostAsked bounds the entries whose lock is asked for.
	mostAsked = 10_000
	// mostReasons bounds the groups.
	mostReasons = 64
	examples    = 3

	heldBack = "kept: an older version of the key is held back"
	denied   = "AccessDenied"
)

// leftovers is what was to go and stays, by reason. It may be used
// concurrently.
type leftovers struct {
	mu      sync.Mutex
	reasons []*report.Left
	seed    maphash.Seed
	failed  map[uint64]*report.Left // by hash of what failed
	more    bool                    // failed than can be known
	asked   int
	ask     []wire.ObjectID // those that were denied, and may be locked
	told    int64
}

func (l *leftovers) init() {
	l.seed, l.failed = maphash.MakeSeed(), map[uint64]*report.Left{}
}

func (l *leftovers) hash(id wire.ObjectID) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(id.Key)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(id.VersionID)
	return h.Sum64()
}

// reason returns the group of that name; mu is held.
func (l *leftovers) reason(text string) *report.Left {
	for _, r := range l.reasons {
		if r.Reason == text {
			return r
		}
	}
	if len(l.reasons) >= mostReasons {
		text = "other failures"
		if last := l.reasons[len(l.reasons)-1]; last.Reason == text {
			return last
		}
	}
	r := &report.Left{Reason: text}
	l.reasons = append(l.reasons, r)
	return r
}

func example(r *report.Left, name string) {
	if len(r.Examples) < examples && !slices.Contains(r.Examples, name) {
		r.Examples = append(r.Examples, name)
	}
}

// add counts one entry.
func (l *leftovers) add(reason, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.reason(reason)
	r.Count++
	example(r, name)
}

// fail counts an entry that could not be removed; lock says that it may be
// locked. It says whether it is one of the first ones, of which each is told.
func (l *leftovers) fail(id wire.ObjectID, reason, name string, lock bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.reason(reason)
	r.Count++
	example(r, name)
	if len(l.failed) < mostKnown {
		l.failed[l.hash(id)] = r
	} else {
		l.more = true
	}
	if lock && l.asked+len(l.ask) < mostAsked {
		l.ask = append(l.ask, id)
	}
	l.told++
	return l.told <= report.MaxFailures
}

// known says that an entry failed in this run, and counts it.
func (l *leftovers) known(id wire.ObjectID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failed) == 0 || l.more {
		return false
	}
	r := l.failed[l.hash(id)]
	if r == nil {
		return false
	}
	r.Count++
	return true
}

// again begins another round: what is left then is counted anew, unless more
// failed than is known.
func (l *leftovers) again() (counts bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.more {
		for _, r := range l.reasons {
			r.Count = 0
		}
	}
	return l.more
}

// list returns the groups, the largest first, and how many they are together.
func (l *leftovers) list() (left []report.Left, all int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.reasons {
		if r.Count > 0 {
			all += r.Count
			left = append(left, *r)
		}
	}
	slices.SortStableFunc(left, func(a, b report.Left) int { return cmp.Compare(b.Count, a.Count) })
	return left, all
}

// failure is an entry that could not be removed.
type failure struct {
	id  wire.ObjectID
	tag *tag
	err error
}

// fail tells of failures, of a batch of so many. The error is one that ends the
// run.
func (s *sweep) fail(failed []failure, batch int) error {
	more := int64(0)
	for _, f := range failed {
		switch {
		case s.cutOff(s.work, f.err):
			s.unsent.Add(1)
			continue
		case stops(f.err), s.o.Delete.MFA != "" && len(failed) == batch && wire.Code(f.err) == denied:
			// A wrong code of a device fails each batch as a whole, and some tell no
			// more than that.
			return fmt.Errorf("%s: %w", s.at, f.err)
		}
		name := "s3://" + s.at.bucket + "/" + f.id.Key
		reason := cmp.Or(wire.Code(f.err), "no answer")
		first := s.left.fail(f.id, reason, name, reason == denied && f.id.VersionID != "" && !f.tag.marker)
		if !first {
			more++
			continue
		}
		if f.id.VersionID != "" {
			name += " (version " + f.id.VersionID + ")"
		}
		s.sink.Report(report.Event{Kind: report.Failed, Op: report.Delete, Src: name, Key: f.id.Key[len(s.at.path):], Bytes: f.tag.size, Err: f.err})
	}
	if more > 0 {
		s.sink.Report(report.Event{Kind: report.Failed, Op: report.Delete, Count: more})
	}
	return nil
}

// explain asks which locks hold what was denied.
func (s *sweep) explain(ctx context.Context) error {
	s.left.mu.Lock()
	ask := s.left.ask
	s.left.ask = nil
	s.left.asked += len(ask)
	s.left.mu.Unlock()
	if len(ask) == 0 || ctx.Err() != nil {
		return nil
	}
	if on, err := s.client.ObjectLock(ctx, s.at.bucket); err != nil || !on {
		return nil //nolint:nilerr // who may not ask knows no more than before
	}
	now := time.Now()
	g := s.e.pool.Group(s.work) //nolint:contextcheck // as all requests of a run
	for _, id := range ask {
		if ctx.Err() != nil || s.bounds.over() {
			break
		}
		if err := g.Go(func(ctx context.Context) error {
			// What cannot be asked for stays as it is: denied.
			if h, err := s3calls.HoldOf(ctx, s.client, s.at.bucket, id, now); err == nil {
				s.left.locked(id, h, "s3://"+s.at.bucket+"/"+id.Key)
			}
			return nil
		}); err != nil {
			break
		}
	}
	return g.Wait()
}

// locked moves an entry from those that were denied to its lock's.
func (l *leftovers) locked(id wire.ObjectID, h s3calls.Hold, name string) {
	text, advice := "", ""
	switch {
	case h.Legal:
		text = "legal hold"
	case h.Compliance:
		text = "compliance lock"
	case h.Governance:
		text, advice = "governance lock", "--bypass-governance-retention passes it"
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	hash := l.hash(id)
	was := l.failed[hash]
	if was == nil || was.Reason != denied {
		return
	}
	was.Count--
	was.Examples = nil // those that remain are found again by the check
	r := l.reason(text)
	r.Count++
	r.Advice = advice
	if !h.Legal && h.Until.After(r.Until) {
		r.Until = h.Until
	}
	example(r, name)
	l.failed[hash] = r
}
