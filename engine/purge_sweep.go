package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/engine/remove"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// sweep is one Purge or Undelete: it lists, has a planner decide, removes, and
// lists again until there is nothing to remove that it has not tried.
type sweep struct {
	*run
	at  Location
	o   PurgeOptions
	del remove.Options

	plan func() *purge.Planner
	// object decides where the store has no versions; nil: nothing is removed.
	object        func(*walker.Entry) bool
	uploads       bool      // go as well
	uploadsBefore time.Time // those that began then or before
	// flat says that the store has no versions.
	flat bool

	// stopping says that nothing more is to be sent; why is the error that did it.
	stopping atomic.Bool
	cancel   context.CancelCauseFunc // of the listing

	mu      sync.Mutex
	why     error
	planner *purge.Planner
	remover *remove.Remover[tag]
	round   int           // 0 is the first; later ones look whether all is gone
	count   bool          // of this round nothing is sent
	present int           // the range whose rows the planner has
	piles   map[int]*pile // what is to be sent, by range; -1 is of ranges that have ended
	full    []*pile
	due     int64 // entries of this round that the rules take, and were not known to stay
	begun   int64 // entries sent, of all rounds
	dry     tally

	left    leftovers
	checked bool
}

// tag is what goes with an entry on its way out.
type tag struct {
	size            int64
	of              *purge.Key
	marker, current bool
}

// tally counts entries by kind.
type tally struct{ versions, bytes, current, currentBytes, markers int64 }

func (t *tally) add(g *tag) {
	switch {
	case g.marker:
		t.markers++
		return
	case g.current:
		t.current++
		t.currentBytes += g.size
	}
	t.versions++
	t.bytes += g.size
}

func newSweep(r *run, at Location, o PurgeOptions) *sweep {
	s := &sweep{run: r, at: at, o: o, flat: strings.HasSuffix(at.bucket, "--x-s3")}
	s.del = remove.Options{
		Client: r.deleter(s.at), Pool: r.e.pool, Bucket: at.bucket, Delete: o.Delete,
		Patience: r.throttledFor(), Retried: r.retried, Late: s.late,
	}
	s.left.init()
	return s
}

// match is the filters' word on a key of the listing.
func (s *sweep) match() func(string) bool {
	if len(s.Filters) == 0 {
		return nil
	}
	return walker.NewFilter(s.at.bucket+"/"+s.at.path, s.Filters...).Match
}

// late says that nothing more may be sent. What MaxDelete lets through has been
// counted, and may.
func (s *sweep) late() bool {
	if s.stopping.Load() || s.ctx.Err() != nil {
		return true
	}
	if d := s.MaxDuration; d > 0 && time.Since(s.bounds.began) >= d {
		s.bounds.reach(MaxDuration)
		return true
	}
	return false
}

// halt has nothing more sent, and the listing end.
func (s *sweep) halt(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == nil {
		s.why = err
	}
	s.stopping.Store(true)
	s.cancel(err)
}

// versions lists once and removes what is due.
func (s *sweep) versions(ctx context.Context) error {
	if s.planner = s.plan(); s.planner == nil {
		s.due = 0
		return nil
	}
	ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(context.Canceled)
	s.piles, s.full, s.due = map[int]*pile{}, nil, 0
	// What has been sent may end: so work, which outlives ctx a little.
	s.remover = remove.New(s.work, s.del, s.ended, s.idle) //nolint:contextcheck // see above
	err := s.feed(ctx)
	if err == nil {
		err = s.flush()
	}
	if err != nil {
		s.stopping.Store(true)
	}
	werr := s.remover.Wait()
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	s.tell(&s.dry)
	return cmp.Or(why, err, werr)
}

// feed reads the listing to its end, or until nothing more may be sent.
func (s *sweep) feed(ctx context.Context) error {
	for c, err := range s.pages(ctx) {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if s.late() && s.bounds.err() != nil {
			return s.bounds.err()
		}
		if s.round == 0 {
			size := int64(0)
			for i := range c.Entries {
				size += c.Entries[i].Size
			}
			s.sink.Report(report.Event{Kind: report.Found, Op: s.op, Count: int64(len(c.Entries)), Bytes: size})
		}
		if err := s.add(c); err != nil {
			return fmt.Errorf("%s: %w", s.at, err)
		}
		if err := s.sendFull(); err != nil {
			return err
		}
		if s.bounds.err() != nil { // MaxDelete: what it let through goes
			return nil
		}
	}
	if s.round == 0 {
		s.sink.Report(report.Event{Kind: report.Listed, Op: s.op})
	}
	return nil
}

// add has the planner decide on some rows.
func (s *sweep) add(c bucket.Chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present = c.Range
	if s.flat {
		for i := range c.Entries {
			if e := &c.Entries[i]; s.object != nil && s.object(e) {
				s.Remove(&purge.Item{Key: e.Key, Size: e.Size, Newest: true})
			}
		}
	} else if err := s.planner.Add(c.Range, c.Entries, c.Last); err != nil {
		return err
	}
	if c.Last { // with less than a batch, most often
		s.pour(c.Range)
	}
	return nil
}

// Remove implements purge.Sink; mu is held.
func (s *sweep) Remove(it *purge.Item) bool {
	// Both in one string of its own: that of the listing keeps its page in memory.
	n := len(s.at.path) + len(it.Key)
	name := s.at.path + it.Key + "\x00" + it.VersionID
	id := wire.ObjectID{Key: name[:n], VersionID: name[n+1:]}
	if s.round > 0 && s.left.known(id) {
		return false
	}
	if s.DryRun {
		g := tag{size: it.Size, marker: it.Marker, current: it.Newest}
		s.dry.add(&g)
		if it.Newest {
			s.restored(report.DryRun, id)
		}
		if it.Of != nil {
			// It is as good as gone: of the newest it is said what would become.
			s.planner.Ended(it.Of, true)
		}
		return true
	}
	s.due++
	if s.count {
		if it.Of != nil {
			s.planner.Ended(it.Of, true)
		}
		return true
	}
	if !s.mayBegin() {
		return false
	}
	p := s.pile(s.present)
	p.ids = append(p.ids, id)
	p.tags = append(p.tags, tag{size: it.Size, of: it.Of, marker: it.Marker, current: it.Newest})
	s.filled(s.present, p)
	return true
}

// mayBegin counts an entry that is sent; false where no more may be; mu is held.
func (s *sweep) mayBegin() bool {
	if s.bounds.err() != nil {
		return false
	}
	if s.o.MaxDelete > 0 && s.begun >= s.o.MaxDelete {
		s.bounds.begunObjects.Store(s.begun)
		s.bounds.reach(MaxDelete)
		return false
	}
	s.begun++
	return true
}

// Held implements purge.Sink; mu is held.
func (s *sweep) Held(it *purge.Item) {
	if s.late() || s.bounds.err() != nil || s.why != nil {
		return // it was not tried, and what is left is not known
	}
	s.left.add(heldBack, s.from.of(it.Key))
}

// Doubt implements purge.Sink; mu is held.
func (s *sweep) Doubt(key string, why purge.Doubt) {
	s.left.add("left alone: "+why.String(), s.from.of(key))
	if s.round > 0 {
		return
	}
	s.sink.Report(report.Event{Kind: report.Notice, Op: s.op, Key: key, Err: fmt.Errorf("%s is left alone: %v", s.from.of(key), why)})
}

// ended is told what became of a batch.
func (s *sweep) ended(out remove.Outcome[tag]) {
	var done tally
	var failed []failure
	s.mu.Lock()
	for i := range out.Tags {
		g := &out.Tags[i]
		err := out.Err(i)
		switch {
		case err == nil:
			done.add(g)
		case errors.Is(err, remove.ErrLate):
			s.unsent.Add(1)
		default:
			failed = append(failed, failure{out.IDs[i], g, err})
		}
	}
	s.mu.Unlock()
	s.tell(&done)
	if s.op == report.Undelete {
		for i := range out.Tags {
			if out.Tags[i].current && out.Err(i) == nil {
				s.restored(report.Done, out.IDs[i])
			}
		}
	}
	stop := s.fail(failed, len(out.IDs))
	if stop != nil {
		s.halt(stop)
	}
	s.mu.Lock()
	for i := range out.Tags {
		if of := out.Tags[i].of; of != nil {
			s.present = of.Range()
			s.planner.Ended(of, out.Err(i) == nil)
		}
	}
	s.mu.Unlock()
	if s.late() {
		return
	}
	for _, p := range s.takeFull() {
		s.remover.Queue(p.ids, p.tags)
	}
}

// restored tells of an undelete that an object is there again.
func (s *sweep) restored(k report.Kind, id wire.ObjectID) {
	if s.op == report.Undelete {
		s.sink.Report(report.Event{Kind: k, Op: s.op, Src: "s3://" + s.at.bucket + "/" + id.Key, Key: id.Key[len(s.at.path):]})
	}
}

// tell reports what is gone.
func (s *sweep) tell(t *tally) {
	if t.versions > 0 {
		s.sink.Report(report.Event{Kind: report.Removed, Op: report.RemoveVersion, Count: t.versions, Bytes: t.bytes})
	}
	if t.current > 0 {
		s.sink.Report(report.Event{Kind: report.Removed, Op: report.RemoveCurrent, Count: t.current, Bytes: t.currentBytes})
	}
	if t.markers > 0 {
		s.sink.Report(report.Event{Kind: report.Removed, Op: report.RemoveMarker, Count: t.markers})
	}
	*t = tally{}
}
