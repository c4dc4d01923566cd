// Package purge plans what is removed of a listing of versions, and in which
// order: so that at no moment a version is current that was not before. It is
// pure: it sends nothing.
//
// Removing the newest entry of a key makes the next older one current
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectVersions.html).
// So the newest goes last: only when each other entry of its key is confirmed
// gone, and not at all where one of them stays.
package purge

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// ErrListing is in the chain of the error of a listing that cannot be trusted:
// its keys are not in order, or one came back. Nothing more may be deleted on
// its word.
var ErrListing = errors.New("the store's list of versions cannot be trusted")

// Item is one entry that is to go.
type Item struct {
	// Key is as in the listing, whose memory it may share with VersionID.
	Key, VersionID string
	Size           int64
	// Marker says that it is a delete marker, Newest that it is the newest entry
	// of its key.
	Marker, Newest bool
	// Of is told of what became of the item, by [Planner.Ended]; nil: nobody is.
	Of *Key
}

// Sink takes what a Planner decides. Its methods are called from within those of
// the Planner.
type Sink interface {
	// Remove says that an item is to be removed now; it is valid until Remove
	// returns. Where it returns false the
	// item stays, and with it the newest of its key; Ended is not called for it.
	Remove(it *Item) bool
	// Held says that the newest entry of a key, which was to go, stays, since
	// something older stays that was to go as well.
	Held(it *Item)
	// Doubt says of a key, or of one entry of it, why it is left alone.
	Doubt(key string, why Doubt)
}

// Doubt is why something is left alone that the rules might take.
type Doubt int

// The doubts.
const (
	// NotLatest: the first entry of a key is not the one that is marked as latest.
	NotLatest Doubt = iota
	// TooManyMarkers: whether a version lies beneath the markers of a key would
	// take too much memory to find out.
	TooManyMarkers
	// SameVersion: two entries of a key have one id, as a null version and a null
	// marker beside it on versitygw. To remove the one may be to remove the other.
	SameVersion
)

func (d Doubt) String() string {
	switch d {
	case SameVersion:
		return "the store has two of its entries under one version id"
	case TooManyMarkers:
		return "it has more delete markers than can be kept in mind until it is known what lies beneath"
	}
	return "its first version is not the one that the store calls the latest"
}

// Key is a key of which entries are on their way out. What it holds is little,
// however many versions the key has.
type Key struct {
	pending int // removals that have not ended
	stays   bool
	closed  bool // all entries are known
	// newest waits for the others; it is to go where due.
	newest Item
	due    bool
	block  *block
}

// block is what is known of one key range.
type block struct {
	n       int
	ended   bool
	held    walker.Entry // the last row of the last page
	holding bool

	begun      bool
	key        string
	wanted     bool // by the filters
	newest     Item
	lastID     string // of the entry before, of the key: what is newer by one
	lastMod    time.Time
	lastMarker bool
	entries    int64 // of the key
	data       int64 // of them, with data
	k          *Key  // nil: the newest is not due, or nothing else was so far
	due        bool  // the newest is due, as far as is known
	kept       bool  // an older entry stays by the rules
	// undecided are markers of which it is not known whether one stays above a
	// version that stays.
	undecided []Item
	gaveUp    bool
}

// Planner decides on the entries of a listing, key by key. It is not safe for
// concurrent use: who has several goroutines, has a lock.
type Planner struct {
	sink   Sink
	policy policy
	blocks map[int]*block
	// waiting is how many markers are undecided, of all ranges.
	waiting int
}

// policy decides on the entries of a key, which come newest first.
type policy interface {
	wants(key string) bool
	row(p *Planner, b *block, e *walker.Entry)
	end(p *Planner, b *block)
}

// mostUndecided bounds the markers that are kept in mind at a time, of all
// ranges: some 15 MB.
const mostUndecided = 1 << 16

func newPlanner(sink Sink, policy policy) *Planner {
	return &Planner{sink: sink, policy: policy, blocks: map[int]*block{}}
}

// Add takes the next page of a range; last says that it ends with it. The last
// row of a page is held back until the next one has come, for that is where the
// lister goes on: nothing of what a store has to find again is removed before.
// The error is ErrListing, and then nothing more may be asked of the Planner.
func (p *Planner) Add(n int, rows []walker.Entry, last bool) error {
	b := p.blocks[n]
	if b == nil {
		b = &block{n: n}
		p.blocks[n] = b
	}
	if b.holding && len(rows) > 0 {
		b.holding = false
		if err := p.row(b, &b.held); err != nil {
			return err
		}
	}
	hold := !last && len(rows) > 0
	if hold {
		b.held, b.holding = rows[len(rows)-1], true
		rows = rows[:len(rows)-1]
	}
	for i := range rows {
		if err := p.row(b, &rows[i]); err != nil {
			return err
		}
	}
	if last {
		if b.holding {
			b.holding = false
			if err := p.row(b, &b.held); err != nil {
				return err
			}
		}
		p.end(b)
		b.ended = true
		delete(p.blocks, n)
		return nil
	}
	b.own()
	return nil
}

func (p *Planner) row(b *block, e *walker.Entry) error {
	if !b.begun || e.Key != b.key {
		if b.begun && e.Key < b.key {
			return fmt.Errorf("%w: %q came after %q", ErrListing, e.Key, b.key)
		}
		p.end(b)
		b.begun, b.key, b.newest = true, e.Key, itemOf(e)
		b.newest.Newest = true
		b.wanted = p.policy.wants(e.Key)
	}
	b.entries++
	newest, last := e.VersionID == b.newest.VersionID, e.VersionID == b.lastID
	same := b.entries > 1 && (newest || last)
	if same && (newest && e.DeleteMarker == b.newest.Marker || last && e.DeleteMarker == b.lastMarker) {
		return fmt.Errorf("%w: version %q of %q came twice", ErrListing, e.VersionID, e.Key)
	}
	switch {
	case b.wanted && same:
		// To take the newest for an older one would be to remove it first.
		p.sink.Doubt(e.Key, SameVersion)
		p.keep(b)
		p.forget(b)
	case b.wanted:
		p.policy.row(p, b, e)
	}
	if !e.DeleteMarker {
		b.data++
	}
	b.lastID, b.lastMod, b.lastMarker = e.VersionID, e.ModTime, e.DeleteMarker
	return nil
}

// end ends the present key of b.
func (p *Planner) end(b *block) {
	if b.begun && b.wanted {
		p.policy.end(p, b)
		p.close(b)
	}
	p.waiting -= len(b.undecided)
	clear(b.undecided)
	b.undecided = b.undecided[:0]
	b.newest, b.lastID, b.entries, b.data = Item{}, "", 0, 0
	b.k, b.due, b.kept, b.gaveUp = nil, false, false, false
}

func itemOf(e *walker.Entry) Item {
	return Item{Key: e.Key, VersionID: e.VersionID, Size: e.Size, Marker: e.DeleteMarker}
}

// own gives the item strings of its own: those of a listing keep the whole page
// in memory.
func (it *Item) own() {
	n, all := len(it.Key), it.Key+"\x00"+it.VersionID
	it.Key, it.VersionID = all[:n], all[n+1:]
}

// own lets go of the page that the strings are of.
func (b *block) own() {
	if b.holding {
		it := itemOf(&b.held)
		it.own()
		b.held.Key, b.held.VersionID, b.held.ETag, b.held.StorageClass = it.Key, it.VersionID, "", ""
	}
	b.newest.own()
	b.key, b.lastID = strings.Clone(b.key), strings.Clone(b.lastID)
}

// remove has an item removed that is not the newest.
func (p *Planner) remove(b *block, it Item) {
	if b.due && !b.kept && b.k == nil {
		b.k = &Key{block: b}
	}
	k := b.k
	if it.Of = k; k != nil {
		k.pending++
	}
	if !p.sink.Remove(&it) && k != nil {
		k.pending--
		k.stays = true
	}
}

// keep has an entry stay that is not the newest, and so the newest.
func (p *Planner) keep(b *block) {
	b.kept = true
	if b.k != nil {
		b.k = nil // what is under way for it tells nobody any more
	}
}

// close decides on the newest, as far as that can be done now.
func (p *Planner) close(b *block) {
	if !b.due || b.kept {
		return
	}
	k := b.k
	if k == nil { // it is alone
		p.sink.Remove(&b.newest)
		return
	}
	k.newest, k.due, k.closed = b.newest, true, true
	k.newest.own()
	p.settle(k)
}

// settle decides on the newest of k when nothing is under way any more.
func (p *Planner) settle(k *Key) {
	switch {
	case !k.closed || k.pending > 0 || !k.due:
	case k.stays:
		k.due = false
		p.sink.Held(&k.newest)
	default:
		k.due = false
		p.sink.Remove(&k.newest)
	}
}

// Ended is told what became of an item whose Of is k: gone says that it is
// confirmed to be gone.
func (p *Planner) Ended(k *Key, gone bool) {
	k.pending--
	if !gone {
		k.stays = true
	}
	p.settle(k)
}

// Range is the key range that k came from, or -1 where that has ended.
func (k *Key) Range() int {
	if k.block.ended {
		return -1
	}
	return k.block.n
}
