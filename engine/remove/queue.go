package remove

import (
	"context"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

const (
	// looks is how many batches are looked at for one whose turn it may be, each
	// time that there may be one, where key ranges are throttled.
	looks = 16
	// mostAside is how many keys may be set aside where key ranges are throttled:
	// the more, the more of the bucket's partitions work at a time. They are some
	// 20 MiB.
	mostAside = 1 << 17
	// levels is at how many places of the keys a prefix is chosen.
	levels = 2
)

// queue chooses what is sent next. It is used by the dispatcher alone.
type queue[T any] struct {
	r     *Remover[T]
	in    <-chan *batch[T] // nil: it was closed
	aside []*batch[T]      // in the order of their keys
	keys  int              // of aside
	at    float64          // where in aside the last one was picked, of 1
}

func (q *queue[T]) add(batches ...*batch[T]) {
	for _, b := range batches {
		i, _ := slices.BinarySearchFunc(q.aside, b, func(x, y *batch[T]) int { return strings.Compare(x.ids[0].Key, y.ids[0].Key) })
		q.aside = slices.Insert(q.aside, i, b)
		q.keys += len(b.ids)
	}
}

// ready takes over what was pushed, and says whether anything is under way.
func (q *queue[T]) ready() (under bool) {
	r := q.r
	r.mu.Lock()
	defer r.mu.Unlock()
	q.add(r.ready...)
	clear(r.ready)
	r.ready = r.ready[:0]
	return r.under > 0
}

// next returns the next batch; false where there is none any more, or ctx has
// ended.
func (q *queue[T]) next(ctx context.Context) (*batch[T], bool) {
	for ctx.Err() == nil {
		under := q.ready()
		switch {
		case len(q.aside) == 0 && q.in == nil && !under:
			q.r.idle()
			if q.ready(); len(q.aside) == 0 {
				return nil, false
			}
		case len(q.aside) == 0:
			q.wait(ctx, nil, 0)
		case !q.r.o.Pool.Paced():
			return q.take(len(q.aside)-1, q.r.size.limit()), true
		default:
			if b := q.pick(ctx); b != nil {
				return b, true
			}
		}
	}
	return nil, false
}

// wait waits for something new: a batch, room, or until so long has passed.
func (q *queue[T]) wait(ctx context.Context, room <-chan struct{}, d time.Duration) {
	in := q.in
	if q.keys >= mostAside {
		in = nil
	}
	var late <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		late = t.C
	}
	select {
	case b, ok := <-in:
		q.came(b, ok)
	case <-q.r.poke:
	case <-room:
	case <-late:
	case <-ctx.Done():
	}
}

func (q *queue[T]) came(b *batch[T], ok bool) {
	if !ok {
		q.in = nil
		return
	}
	q.add(b)
}

// pick returns a batch of a key range that has room, or nil after a wait for
// one. Where key ranges are throttled, their order would bring one after
// another, and fill every place with batches that wait for the same one: so they
// are picked from all over what is known, and are small, for a batch whose keys
// a partition does not take at once is sent again.
func (q *queue[T]) pick(ctx context.Context) *batch[T] {
	for q.in != nil && q.keys < mostAside {
		select {
		case b, ok := <-q.in:
			q.came(b, ok)
			continue
		default:
		}
		break
	}
	room := q.r.o.Pool.Room() // asked for before it is looked for
	n := q.r.size.piece()
	for range looks {
		i := q.somewhere()
		b := q.aside[i]
		if b.single || q.r.o.Pool.Admits(pool.Ask{Space: q.r.o.Bucket, Key: b.ids[0].Key, Write: true, Cost: min(n, len(b.ids))}) {
			return q.take(i, n)
		}
	}
	q.wait(ctx, room, pool.Patience)
	return nil
}

// somewhere returns the place of a batch in aside, all over its keys: the turn
// goes from prefix to prefix, whatever number of keys they have, for what is
// listed first has most of them there, and partitions are prefixes. The golden
// ratio's multiples are spread evenly, however many there are, so that each gets
// its next batch when it has had time for the last one.
func (q *queue[T]) somewhere() int {
	_, q.at = math.Modf(q.at + math.Phi)
	lo, hi, at := 0, len(q.aside), q.at
	var starts [257]int
	for range levels {
		first, last := q.aside[lo].ids[0].Key, q.aside[hi-1].ids[0].Key
		n := 0
		for n < len(first) && n < len(last) && first[n] == last[n] {
			n++
		}
		groups := starts[:0]
		for i := lo; i < hi; {
			groups = append(groups, i)
			here := byteAt(q.aside[i].ids[0].Key, n)
			i += sort.Search(hi-i, func(k int) bool { return byteAt(q.aside[i+k].ids[0].Key, n) > here })
		}
		if len(groups) == 1 {
			break
		}
		var g float64
		g, at = math.Modf(at * float64(len(groups)))
		if lo = groups[int(g)]; int(g)+1 < len(groups) {
			hi = groups[int(g)+1]
		}
	}
	return lo + int(at*float64(hi-lo))
}

// byteAt is the n-th byte of a key, or -1 behind its end.
func byteAt(key string, n int) int {
	if n >= len(key) {
		return -1
	}
	return int(key[n])
}

// take takes n keys, or all of fewer, off the i-th batch.
func (q *queue[T]) take(i, n int) *batch[T] {
	b := q.aside[i]
	if len(b.ids) > n {
		piece := *b
		piece.ids, piece.tags = b.ids[:n:n], b.tags[:n:n]
		b.ids, b.tags = b.ids[n:], b.tags[n:]
		q.keys -= n
		if key := b.ids[0].Key; key < piece.ids[0].Key || i+1 < len(q.aside) && key > q.aside[i+1].ids[0].Key {
			// It is of several ranges, or others have come in between.
			q.aside = slices.Delete(q.aside, i, i+1)
			q.keys -= len(b.ids)
			q.add(b)
		}
		return &piece
	}
	q.aside = slices.Delete(q.aside, i, i+1)
	q.keys -= len(b.ids)
	return b
}
