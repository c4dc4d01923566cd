package local

import (
	"sync/atomic"
	"unicode/utf8"

	"github.com/s3haul/s3haul/walker"
)

// How far the workers may run ahead of the consumer. What the consumer waits
// for is always done, whatever the bounds.
const (
	// stretch is how many names are examined as one piece of work: enough to
	// make the reopening of the directory and the lock cheap.
	stretch = 512
	// small is up to how many names a directory is examined by whoever read
	// it, which saves the reopening.
	small = 2 * stretch
	// maxAhead bounds the files that are examined and not yet consumed.
	maxAhead = 16 * stretch
	// maxDirs and maxHeld bound the directories that are read and not yet
	// reached, and their names.
	maxDirs = 64
	maxHeld = 2 * maxAhead
	// maxGuess is where the reading of a directory that is not yet due is
	// given up: it starts again when it is. So what a worker holds is bounded
	// before the size of a directory is known, and no worker ever waits.
	maxGuess = 64 << 10
)

// piece is one link of the chain of what comes, from where the consumer is.
// A piece that turns out to be more is replaced, at its place, by its parts:
// so the chain is in the order of the keys, and as long as the bounds allow.
type piece struct {
	next *piece
	form form
	busy bool // a worker has it

	dir *directory
	// formFiles: the files [from, to) of chunk.
	chunk    *chunk
	from, to int
	// formNames: the names from pos on, that nothing was begun with.
	names *names
	pos   int
	// formSpilled: the names that are still on disk.
	spill *spill
	// formSkipped: the directory cannot be walked.
	skipped *walker.Skipped
}

type form uint8

const (
	formFiles form = iota
	formDir
	formNames
	formSpilled
	formSkipped
	// formEntered is a directory that was read; its parts follow.
	formEntered
)

// directory is a directory on the way.
type directory struct {
	parent *directory
	key    string // ends in '/', but for the root, which is ""
	id     fileID // set where links are followed
	linked bool   // it was reached through a link, here or above
	// due is set when the consumer waits for it, big when reading it was given
	// up because it was not. big is guarded by the lock.
	due atomic.Bool
	big bool
	// count is what it added to walk.held.
	count int
}

// child returns the directory that a name of d stands for, or nil where it is
// none that can be walked: a key is UTF-8.
func (d *directory) child(name string, k kind) *directory {
	if k != kindDir && k != kindLinked || !utf8.ValidString(name) {
		return nil
	}
	return &directory{parent: d, key: d.key + name, linked: d.linked || k == kindLinked}
}

// loops says whether d is one of those above it.
func (d *directory) loops() bool {
	for up := d.parent; up != nil; up = up.parent {
		if up.id.same(d.id) {
			return true
		}
	}
	return false
}

// chunk is a stretch of the names of a directory whose files are examined
// together. The directories among them are pieces of their own.
type chunk struct {
	dir      *directory
	names    *names
	from, to int
	files    int
	results  []result // from the name at from on
	busy     bool
	done     bool
}

// result is what is yielded for a name.
type result struct {
	size, sec, nsec int64
	// err is why the name is skipped; drop says that it is left out.
	err  error
	drop bool
}

// waits says whether p is work that nobody has begun.
func (p *piece) waits() bool {
	switch p.form {
	case formFiles:
		return p.from < p.to && !p.chunk.busy && !p.chunk.done
	case formDir, formSpilled:
		return !p.busy
	}
	return false
}

// split puts the pieces of the next stretch of p's names, and the names that
// are left, in p's place. done, where it is not nil, has all of the names.
func (p *piece) split(done *chunk) {
	d, n, after := p.dir, p.names, p.next
	c := done
	if c == nil {
		c = &chunk{dir: d, names: n, from: p.pos, to: min(p.pos+stretch, n.len())}
	}
	last := p
	*p = piece{form: formFiles, chunk: c, from: c.from, to: c.from}
	push := func(q piece) {
		if last.form == formFiles && last.from == last.to { // p, so far empty
			*last = q
			return
		}
		last.next = &q
		last = &q
	}
	c.files = 0
	for i := c.from; i < c.to; i++ {
		if sub := d.child(n.at(i)); sub != nil {
			push(piece{form: formDir, dir: sub})
			continue
		}
		c.files++
		if last.form == formFiles {
			last.to = i + 1
		} else {
			push(piece{form: formFiles, chunk: c, from: i, to: i + 1})
		}
	}
	if c.to < n.len() {
		push(piece{form: formNames, dir: d, names: n, pos: c.to})
	}
	last.next = after
}

// next finds work for a worker, the nearest to the consumer first, and marks
// it as taken. It returns nil where there is none within the bounds. The lock
// is held.
func (w *walk) next() *piece {
	passed := false
	for p := w.frontier; p != nil; p = p.next {
		due := p == w.head
		if p.form == formNames {
			if !due && w.ahead >= maxAhead {
				return nil
			}
			p.split(nil)
		}
		switch {
		case !p.waits():
		case p.form == formDir && p.dir.big && !due:
			passed = true
		case !due && !w.room(p):
			return nil
		default:
			w.take(p)
			return p
		}
		// Nothing before the frontier waits.
		if !passed {
			w.frontier = p.next
		}
	}
	return nil
}

// room says whether p may be begun before the consumer needs it.
func (w *walk) room(p *piece) bool {
	return w.ahead < maxAhead && (p.form != formDir || w.dirs < maxDirs && w.held < maxHeld)
}

func (w *walk) take(p *piece) {
	switch p.form {
	case formFiles:
		p.chunk.busy = true
		w.ahead += p.chunk.files
	case formDir:
		p.busy = true
		w.dirs++
	default:
		p.busy = true
	}
}

// entered puts what was found in the directory of p in p's place. The lock is
// held.
func (w *walk) entered(p *piece, f found) {
	d := p.dir
	p.form, p.busy = formEntered, false
	switch {
	case f.skipped != nil:
		p.form, p.skipped = formSkipped, f.skipped
		return
	case f.spill != nil:
		p.next = &piece{form: formSpilled, dir: d, spill: f.spill, next: p.next}
	default:
		d.count = f.names.len()
		w.held += d.count
		parts := &piece{form: formNames, dir: d, names: f.names, next: p.next}
		p.next = parts
		if f.chunk != nil {
			parts.split(f.chunk)
			w.ahead += f.chunk.files
		}
	}
	// The parts lie before the frontier.
	w.frontier = w.head
}

// pulled puts a stretch of names from disk in p's place; last says that there
// are no more. The lock is held.
func (w *walk) pulled(p *piece, n *names, last bool) {
	after := p.next
	if !last {
		after = &piece{form: formSpilled, dir: p.dir, spill: p.spill, next: after}
	}
	*p = piece{form: formNames, dir: p.dir, names: n, next: after}
	w.frontier = w.head
}

// pop waits for the piece at the head, takes it off and returns it; nil means
// that the walk is through or, if w.failure or the context say so, stopped.
func (w *walk) pop() *piece {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.stopped.Load() {
		p := w.head
		if p == nil {
			return nil
		}
		switch p.form {
		case formFiles:
			if p.from == p.to || p.chunk.done {
				w.ahead -= p.to - p.from
				return w.behead()
			}
		case formEntered, formSkipped:
			w.dirs--
			w.held -= p.dir.count
			return w.behead()
		case formDir:
			p.dir.due.Store(true)
		}
		if p.waits() || p.form == formNames {
			w.work.Signal() // what is at the head need not fit the bounds
		}
		w.ready.Wait()
	}
	return nil
}

func (w *walk) behead() *piece {
	p := w.head
	w.head = p.next
	w.work.Signal()
	return p
}
