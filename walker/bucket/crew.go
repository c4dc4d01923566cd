package bucket

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"sort"
	"strings"
	"sync"
	"unsafe"

	"github.com/s3haul/s3haul/walker"
)

// crew lists one walk with several requests at a time. Whoever has nothing to do
// cuts the span that seems to have most left, and lists what lies behind the
// cut: ranges of keys are found while they are read, whatever the keys are.
//
// To cut is to ask for the page behind a pivot. Where it has rows, they are the
// first ones of the new span, and the old one ends at the pivot; where it has
// none, the old one is known to end there. So no request is without use, and
// since it is the old span's own end that moves, no key is in both or in none.
type crew struct {
	*Source
	seed maphash.Seed
	stop context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond // for the one who reads
	ctx     context.Context
	workers sync.WaitGroup
	running int // requests under way
	shape   shape
	first   *span // those that are not yet read to their end, in order
	ids     int
	turns   int
	err     error
	free    []*Page

	ordered bool
	ready   []chunk // of an unordered walk
	used    int64   // bytes of pages that are held, or on their way
	size    int64   // of a page, in bytes
	perPage float64 // rows of a full page
}

// chunk is a page on its way to the one who reads.
type chunk struct {
	Chunk
	page *Page
}

// job is one request.
type job struct {
	span  *span
	from  position
	pivot bool  // it is behind a pivot
	cost  int64 // set aside for its page, in bytes
}

const (
	defaultPageMemory = 32 << 20
	// worthCutting is how many pages have to be left for two to share them: the
	// last page of what is cut is on average half in vain.
	worthCutting = 6
	// alone is how many pages come one after another before anything is cut: few
	// keys are listed with as few requests as can be.
	alone = 3
	// unknown is how many pages at most are thought to be left, when it is about
	// whose turn it is.
	unknown = 64
	// leap is how many pages ahead the first cut is, as long as no end is known.
	leap = 16
)

// newCrew begins with the first page, of which there are more. It is in order.
func newCrew(ctx context.Context, s *Source, ordered bool, first *Page) *crew {
	own := *s
	c := &crew{Source: &own, seed: maphash.MakeSeed(), ordered: ordered, perPage: float64(cmp.Or(s.o.PageSize, MaxKeys))}
	c.o.Parallel = max(c.o.Parallel, 1)
	c.ctx, c.stop = context.WithCancel(ctx)
	c.changed.L = &c.mu
	if c.o.Memory == 0 {
		c.o.Memory = defaultPageMemory
	}
	all := &span{open: true, wait: alone * int(c.perPage), far: true, stride: leap * c.perPage, at: position{key: c.o.StartAfter}}
	c.first = all
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(all, first)
	c.dispatch()
	return c
}

// close ends the requests and waits for them.
func (c *crew) close() {
	c.stop()
	c.workers.Wait()
}

// dispatch begins what there is to do. It is called with the lock held.
func (c *crew) dispatch() {
	for c.running < c.o.Parallel {
		j, ok := c.pick()
		if !ok {
			return
		}
		c.running++
		c.workers.Go(func() { c.work(j) })
	}
}

func (c *crew) work(j job) {
	for {
		c.mu.Lock()
		p := c.page()
		c.mu.Unlock()
		err := c.fetch(c.ctx, j.from, p)
		vain := err != nil && j.pivot
		if err == nil {
			err = c.inOrder(p.Entries)
		}
		c.mu.Lock()
		c.used -= j.cost
		if j.pivot {
			j.span.cutting = false
		} else {
			j.span.busy = false
		}
		switch {
		case vain: // nobody needs it: the span goes on by itself
			j.span.wait = int(8 * c.perPage)
			c.release(p)
		case err != nil:
			c.err = cmp.Or(c.err, err)
			c.release(p)
		case j.pivot:
			c.cut(j, p)
		default:
			c.take(j.span, p)
		}
		var ok bool
		if j, ok = c.pick(); !ok {
			c.running--
			c.changed.Signal()
			c.mu.Unlock()
			return
		}
		c.dispatch()
		c.changed.Signal()
		c.mu.Unlock()
	}
}

// page returns an empty page.
func (c *crew) page() *Page {
	if n := len(c.free); n > 0 {
		p := c.free[n-1]
		c.free = c.free[:n-1]
		return p
	}
	return new(Page)
}

// release keeps a page that is no longer needed for the next request, without the
// strings, which hold the memory of its answer.
func (c *crew) release(p *Page) {
	clear(p.Entries)
	c.free = append(c.free, p)
}

// bytesOf is about the memory of a page.
func bytesOf(p *Page) int64 {
	n := int64(len(p.Entries)) * int64(unsafe.Sizeof(walker.Entry{}))
	for i := range p.Entries {
		e := &p.Entries[i]
		n += int64(len(e.Key) + len(e.ETag) + len(e.VersionID))
	}
	return n
}

// take adds to a span the next page of it.
func (c *crew) take(s *span, p *Page) {
	more, next, nextVersion := p.Next != "", p.Next, p.NextVersion
	c.size = max(bytesOf(p), c.size-c.size/8, 1<<10)
	c.perPage = max(c.perPage, float64(len(p.Entries)))
	all := p.Entries
	rows := s.at.fresh(all, c.versions != nil, c.seed)
	for len(rows) > 0 && rows[0].Key <= c.o.StartAfter {
		rows = rows[1:]
	}
	beyond := false
	if !s.open {
		n := sort.Search(len(rows), func(i int) bool { return rows[i].Key > s.to })
		beyond = n < len(rows) || c.versions == nil && n > 0 && rows[n-1].Key == s.to
		rows = rows[:n]
	}
	s.done = beyond || !more
	switch {
	case len(rows) > 0:
		s.at.moves(rows, c.versions != nil, c.seed)
		for i := 0; i < len(rows); i += 1 + len(rows)/16 {
			c.shape.learn(strings.TrimPrefix(rows[i].Key, c.o.Prefix))
		}
		s.passed(rows)
	case s.done:
	case c.versions != nil && len(all) > 0 && (all[len(all)-1].Key != s.at.key || all[len(all)-1].VersionID != s.at.version):
		s.at.moves(all, true, c.seed) // all of it is old
	case c.versions != nil && len(all) == 0 && (next > s.at.key || next == s.at.key && nextVersion != s.at.version):
		s.at = position{key: next, version: nextVersion} // a page without a row
	case c.versions == nil && next != s.at.skip:
		s.at.skip = next
	case s.at.keys < MaxKeys && cmp.Or(c.o.PageSize, MaxKeys) < MaxKeys:
		s.at.keys = min(2*max(s.at.keys, c.o.PageSize), MaxKeys)
	default:
		c.err = cmp.Or(c.err, fmt.Errorf("listing s3://%s/%s: the store says that there is more behind %q, and sends nothing more", c.o.Bucket, c.o.Prefix, s.at.key))
	}
	p.Entries = rows
	if s.done && s.next != nil {
		s.next.follows(s)
	}
	c.hand(s, p)
}

// hand gives a page to the reader.
func (c *crew) hand(s *span, p *Page) {
	if c.ordered && len(p.Entries) == 0 {
		c.release(p)
		return
	}
	c.used += bytesOf(p)
	if c.ordered {
		s.pages = append(s.pages, p)
		return
	}
	c.ready = append(c.ready, chunk{Chunk{Range: s.id, Entries: p.Entries, Last: s.done}, p})
	if s.done {
		c.unlink(s)
	}
}

func (c *crew) unlink(s *span) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		c.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
}

// cut ends a job whose page lies behind a pivot.
func (c *crew) cut(j job, p *Page) {
	s := j.span
	pivot := j.from.key
	from := position{key: pivot}
	rows := from.fresh(p.Entries, c.versions != nil, c.seed)
	switch {
	case s.done, s.at.key > pivot, s.at.key == pivot && c.versions == nil, !s.open && s.to <= pivot:
		// It has come so far by itself meanwhile. Behind a key of which more versions
		// are to come it may be cut.
		s.wait = int(c.perPage / 2)
	case len(rows) == 0 && p.Next != "":
		s.wait = int(2 * c.perPage) // a page without a row says nothing
	case len(rows) == 0, !s.open && rows[0].Key > s.to:
		if len(rows) > 0 {
			c.shape.gap(c.inside(pivot), c.inside(rows[0].Key))
		}
		s.to, s.open = pivot, false // behind it there is nothing
		s.far, s.stride = !s.far, leap*c.perPage
		if !c.ordered {
			s.wait = int(c.perPage / 2) // a page between two that are in vain
		}
	default:
		c.shape.gap(c.inside(pivot), c.inside(rows[0].Key))
		c.split(s, from, p)
		return
	}
	c.release(p)
}

// split ends a span at a pivot; p is the first page behind it.
func (c *crew) split(s *span, from position, p *Page) {
	c.ids++
	n := &span{id: c.ids, to: s.to, open: s.open, far: s.far, stride: 2 * s.stride, at: from, prev: s, next: s.next}
	if s.next != nil {
		s.next.prev = n
	}
	s.next, s.to, s.open, s.far = n, from.key, false, false
	c.take(n, p)
}

// chunks yields the pages of an unordered walk.
func (c *crew) chunks(yield func(Chunk) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.ctx.Err() != nil:
			return context.Cause(c.ctx)
		case len(c.ready) > 0:
			next := c.ready[0]
			c.ready = c.ready[1:]
			cost := bytesOf(next.page)
			c.mu.Unlock()
			ok := yield(next.Chunk)
			c.mu.Lock()
			if !ok {
				return nil
			}
			c.used -= cost
			c.release(next.page)
			c.dispatch()
		case c.err != nil && c.running == 0:
			return c.err
		case c.first == nil && c.running == 0:
			return nil
		default:
			c.changed.Wait()
		}
	}
}

// inTurn yields the pages of an ordered walk.
func (c *crew) inTurn(yield func(Chunk) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		s := c.first
		switch {
		case c.ctx.Err() != nil:
			return context.Cause(c.ctx)
		case s == nil:
			return nil
		case len(s.pages) > 0:
			p := s.pages[0]
			cost := bytesOf(p)
			s.pages = s.pages[1:]
			c.mu.Unlock()
			ok := yield(Chunk{Range: s.id, Entries: p.Entries})
			c.mu.Lock()
			if !ok {
				return nil
			}
			c.used -= cost
			c.release(p)
			c.dispatch()
		case s.done:
			c.unlink(s)
		case c.err != nil && !s.busy:
			return c.err
		default:
			c.changed.Wait()
		}
	}
}
