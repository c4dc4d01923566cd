package report

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Tally is a Sink that adds events up. Counting takes no lock; only failures,
// notices and verbs of others' making do. The zero Tally works, but has no
// start, and so no Elapsed.
type Tally struct {
	start time.Time

	moved     atomic.Int64
	unchanged atomic.Int64
	planned   opCounter
	done      [11]opCounter // by slot
	found     opCounter
	finished  atomic.Int64 // Done, DryRun, Failed and Removed
	doneBytes atomic.Int64
	lostBytes atomic.Int64 // of what failed
	skipped   atomic.Int64
	held      atomic.Int64
	retries   atomic.Int64
	throttled atomic.Int64
	resumed   atomic.Int64
	by        [6]atomic.Int64 // objects that were verified, by sum
	outcomes  [6]atomic.Int64 // by outcomeSlot
	unknown   atomic.Int64    // objects that could not be verified
	listed    atomic.Bool
	dryRun    atomic.Bool

	mu       sync.Mutex
	failed   int64
	failures []Failure
	noticed  int64
	notices  []error
	others   map[Op]OpCount
}

type opCounter struct{ objects, bytes atomic.Int64 }

func (c *opCounter) add(objects, bytes int64) {
	c.objects.Add(objects)
	c.bytes.Add(bytes)
}

func (c *opCounter) load() OpCount {
	return OpCount{Objects: c.objects.Load(), Bytes: c.bytes.Load()}
}

// NewTally starts a Tally and its clock.
func NewTally() *Tally { return &Tally{start: time.Now()} }

// Report implements Sink.
func (t *Tally) Report(e Event) {
	switch e.Kind {
	case Progress:
		t.moved.Add(e.Bytes)
	case Unchanged:
		t.unchanged.Add(e.Count)
	case Planned:
		t.planned.add(e.Count, e.Bytes)
	case Listed:
		t.listed.Store(true)
	case Done:
		t.count(e)
	case DryRun:
		t.dryRun.Store(true)
		t.count(e)
	case Failed:
		t.fail(e)
	case Warning:
		t.skipped.Add(1)
	case Notice:
		t.notice(e.Err)
	case Retried:
		t.retries.Add(1)
		if throttled(e.Err) {
			t.throttled.Add(1)
		}
	case Held:
		t.held.Add(e.Count)
	case Resumed:
		t.resumed.Add(e.Bytes)
	case Compared:
		t.finished.Add(1)
		t.outcomes[outcomeSlot(e.Outcome)].Add(1)
		t.verify(e)
	case Found:
		t.found.add(e.Count, e.Bytes)
	case Removed:
		if e.Op != RemoveCurrent {
			t.finished.Add(e.Count)
		}
		t.add(e.Op, e.Count, e.Bytes)
	}
}

func (t *Tally) count(e Event) {
	t.finished.Add(1)
	if carries(e.Op) {
		t.doneBytes.Add(e.Bytes)
		if e.Kind == Done {
			t.verify(e)
		}
	}
	t.add(e.Op, 1, e.Bytes)
}

// verify counts by what an object was found to be the same on both sides. Where
// there are no bytes, nothing has to be known.
func (t *Tally) verify(e Event) {
	same := e.Kind == Done || e.Outcome == Equal
	switch i := sumSlot(e.By); {
	case i >= 0 && same:
		t.by[i].Add(1)
	case e.Outcome == SameSize || e.Kind == Done && e.Bytes > 0:
		t.unknown.Add(1)
	}
}

// sums are the kinds of sums there are, the usual one first.
func sums() []string { return []string{"CRC64NVME", "CRC32C", "CRC32", "SHA256", "SHA1", "MD5"} }

// sumSlot is the place of a sum in sums(), spelled out because it is hot.
func sumSlot(by string) int {
	switch by {
	case "CRC64NVME":
		return 0
	case "CRC32C":
		return 1
	case "CRC32":
		return 2
	case "SHA256":
		return 3
	case "SHA1":
		return 4
	case "MD5":
		return 5
	}
	return -1
}

// outcomes are all there are.
func outcomes() []Outcome { return []Outcome{Equal, SameSize, Missing, Extra, Differs, Unreadable} }

func outcomeSlot(o Outcome) int { return max(slices.Index(outcomes(), o), 0) }

func (t *Tally) add(op Op, objects, bytes int64) {
	if i := slot(op); i >= 0 {
		t.done[i].add(objects, bytes)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.others == nil {
		t.others = make(map[Op]OpCount)
	}
	c := t.others[op]
	t.others[op] = OpCount{Objects: c.Objects + objects, Bytes: c.Bytes + bytes}
}

// slot is the place of op in known(), spelled out because it is hot.
func slot(op Op) int {
	switch op {
	case Upload:
		return 0
	case Download:
		return 1
	case Copy:
		return 2
	case Move:
		return 3
	case Delete:
		return 4
	case MakeBucket:
		return 5
	case RemoveBucket:
		return 6
	case RemoveVersion:
		return 7
	case RemoveCurrent:
		return 8
	case RemoveMarker:
		return 9
	case AbortUpload:
		return 10
	default:
		return -1
	}
}

func (t *Tally) fail(e Event) {
	t.finished.Add(max(1, e.Count))
	if carries(e.Op) {
		t.lostBytes.Add(e.Bytes)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed += max(1, e.Count)
	if e.Count > 0 {
		return
	}
	if len(t.failures) < MaxFailures {
		t.failures = append(t.failures, Failure{Op: e.Op, Src: e.Src, Dst: e.Dst, Key: e.Key, Err: e.Err})
	}
}

func (t *Tally) notice(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noticed++
	if err != nil && len(t.notices) < MaxNotices {
		t.notices = append(t.notices, err)
	}
}

// Summary returns what has been counted so far. It shares nothing with the
// Tally. While events still come in, its numbers may be of slightly different
// moments.
func (t *Tally) Summary() Summary {
	s := Summary{
		Ops:       make(map[Op]OpCount),
		Unchanged: t.unchanged.Load(),
		Skipped:   t.skipped.Load(),
		Moved:     t.moved.Load(),
		Planned:   t.planned.load(),
		Listed:    t.listed.Load(),
		Held:      t.held.Load(),
		Retries:   t.retries.Load(),
		Throttled: t.throttled.Load(),
		Resumed:   t.resumed.Load(),
		DryRun:    t.dryRun.Load(),
		Found:     t.found.load(),
	}
	if !t.start.IsZero() {
		s.Elapsed = time.Since(t.start)
	}
	for i, op := range known() {
		if c := t.done[i].load(); c != (OpCount{}) {
			s.Ops[op] = c
		}
	}
	for i, by := range sums() {
		if n := t.by[i].Load(); n > 0 {
			s.Verified = append(s.Verified, SumCount{by, n})
		}
	}
	s.Unverified = t.unknown.Load()
	for i, o := range outcomes() {
		if n := t.outcomes[i].Load(); n > 0 {
			s.Outcomes = append(s.Outcomes, OutcomeCount{o, n})
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(s.Ops, t.others)
	s.Failed, s.NoticeCount = t.failed, t.noticed
	s.Failures = append(s.Failures, t.failures...)
	s.Notices = append(s.Notices, t.notices...)
	return s
}

// gauge is where a run stands, for those who draw it several times a second.
type gauge struct {
	moved    int64 // bytes
	resumed  int64 // bytes that an interrupted run had moved
	lost     int64 // bytes of objects that failed
	finished int64 // objects, well or not
	planned  OpCount
	listed   bool
	found    int64 // entries that a purge has listed
	removed  int64 // entries that a purge has removed
}

func (t *Tally) gauge() gauge {
	resumed := t.resumed.Load()
	return gauge{
		// An engine need not report progress on what is done in one step.
		moved:    max(t.moved.Load(), t.doneBytes.Load()-resumed),
		resumed:  resumed,
		lost:     t.lostBytes.Load(),
		finished: t.finished.Load(),
		planned:  t.planned.load(),
		listed:   t.listed.Load(),
		found:    t.found.objects.Load(),
		removed: t.done[slot(RemoveVersion)].objects.Load() + t.done[slot(RemoveMarker)].objects.Load() +
			t.done[slot(AbortUpload)].objects.Load(),
	}
}
