package local

import (
	"errors"
	"fmt"
	"io/fs"
	"unicode/utf8"

	"github.com/s3haul/s3haul/walker"
)

// errStopped and errBig end a task early: nobody wants it any more, or not yet.
var (
	errStopped = errors.New("the walk was stopped")
	errBig     = errors.New("too big to be read ahead")
)

// serve is a worker.
func (w *walk) serve() {
	for {
		w.mu.Lock()
		var p *piece
		for !w.stopped.Load() {
			if p = w.next(); p != nil {
				w.work.Signal() // there may be more for another
				break
			}
			w.work.Wait()
		}
		w.mu.Unlock()
		if p == nil {
			return
		}
		if err := w.do(p); err != nil {
			if !errors.Is(err, errStopped) {
				w.stop(err)
			}
			return
		}
	}
}

// do does what p waits for. An error ends the walk.
func (w *walk) do(p *piece) error {
	var finish func()
	switch p.form {
	case formFiles:
		c := p.chunk
		w.examine(c)
		finish = func() { c.done = true }
	case formSpilled:
		n, last, err := p.spill.pull(w)
		if err != nil {
			return fmt.Errorf("sort the names of %s on disk: %w", w.path(p.dir.key), err)
		}
		finish = func() { w.pulled(p, n, last) }
	default:
		f, err := w.enter(p.dir)
		switch {
		case errors.Is(err, errBig):
			finish = func() {
				p.busy, p.dir.big = false, true
				w.dirs--
				w.frontier = w.head
			}
		case err != nil:
			return err
		default:
			finish = func() { w.entered(p, f) }
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	finish()
	w.ready.Signal()
	return nil
}

// found is what became of a directory: its names in order, or skipped.
type found struct {
	names   *names
	chunk   *chunk // of all names, examined; nil where there are many
	spill   *spill // instead of names
	skipped *walker.Skipped
}

// enter opens and reads a directory. What is wrong with one is told in found;
// an error is errBig, or ends the walk.
func (w *walk) enter(d *directory) (found, error) {
	failed := func(err error) (found, error) {
		if d.parent == nil {
			return found{}, err
		}
		s := w.skip(d.key, reasonOf(err), false)
		s.Unlisted = !gone(err) // one that has vanished is as a file that has
		return found{skipped: s}, nil
	}
	h, err := w.sys.open(w.path(d.key))
	if err != nil {
		return failed(err)
	}
	defer h.close()
	if w.opts.FollowSymlinks {
		if d.id, err = h.id(); err != nil {
			return failed(err)
		}
		if d.linked && d.loops() {
			return found{skipped: w.skip(d.key, &reason{text: textDirLoop}, false)}, nil
		}
	}
	r := reader{w: w, d: d, h: h, names: &names{}}
	defer r.close()
	err = h.names(r.add)
	switch {
	case errors.Is(err, errStopped), errors.Is(err, errBig):
		return found{}, err
	case r.fatal != nil:
		return found{}, r.fatal
	case err != nil:
		// What was read is not used: where some names are missing, nobody can
		// tell which.
		return failed(err)
	case r.spill != nil:
		if err := r.spill.sort(); err != nil {
			return found{}, r.sorting(err)
		}
		s := r.spill
		r.spill = nil
		return found{spill: s}, nil
	}
	n := r.names
	n.sort()
	f := found{names: n}
	if n.len() <= small {
		f.chunk = &chunk{dir: d, names: n, to: n.len(), done: true}
		w.examineIn(h, f.chunk)
	}
	return f, nil
}

// reader takes in the names of one directory.
type reader struct {
	w     *walk
	d     *directory
	h     handle
	names *names
	spill *spill
	fatal error
	key   []byte
}

// close drops a spill that was not handed on.
func (r *reader) close() {
	if r.spill != nil {
		r.w.discard(r.spill)
	}
}

func (r *reader) sorting(err error) error {
	return fmt.Errorf("sort the names of %s on disk: %w", r.w.path(r.d.key), err)
}

func (r *reader) add(raw []byte, k kind) error {
	if r.w.stopped.Load() {
		return errStopped
	}
	if k != kindDir && IsTemp(string(raw)) || k == kindLink && !r.w.opts.FollowSymlinks {
		return nil
	}
	asFile, asDir := r.wanted(raw, k)
	if !asFile && !asDir {
		return nil
	}
	if k == kindLink || k == kindUnknown {
		k = r.resolve(string(raw), k)
	}
	switch {
	case k == kindLink: // found behind an unknown, and not followed
		return nil
	case k == kindBroken:
		if asFile {
			if err := r.keep(raw, kindBroken); err != nil {
				return err
			}
		}
		k = kindBelow
		fallthrough
	case k.slash():
		if !asDir {
			return nil
		}
	case !asFile:
		return nil
	}
	return r.keep(raw, k)
}

// wanted asks the filter about a name, as whatever it may turn out to be.
func (r *reader) wanted(name []byte, k kind) (asFile, asDir bool) {
	unsure := k == kindLink || k == kindUnknown
	asFile, asDir = unsure || !k.slash(), unsure || k.slash()
	f := r.w.opts.Filter
	if f == nil {
		return asFile, asDir
	}
	r.key = append(append(append(r.key[:0], r.d.key...), name...), '/')
	key := string(r.key)
	return asFile && f.Match(key[:len(key)-1]), asDir && f.Below(key)
}

// resolve finds out what a link leads to, and what a name is whose kind the
// directory does not tell.
func (r *reader) resolve(name string, k kind) kind {
	follow := r.w.opts.FollowSymlinks
	in, err := r.h.stat(name, k == kindLink)
	if err == nil && in.kind == kindLink && k == kindUnknown && follow {
		k = kindLink
		in, err = r.h.stat(name, true)
	}
	switch {
	case err != nil:
		return kindBroken
	case in.kind == kindDir && k == kindLink:
		return kindLinked
	case in.kind == kindLink && follow: // only Windows has such
		return kindSpecial
	}
	return in.kind
}

// keep stores a name: in memory, and from SpillNames on, on disk.
func (r *reader) keep(raw []byte, k kind) error {
	if r.spill != nil {
		return r.put(text(raw, k), k)
	}
	n := r.names
	if due := r.d.due.Load(); !due && n.len() >= min(maxGuess, r.w.opts.SpillNames) {
		return errBig
	}
	if n.len() < r.w.opts.SpillNames {
		n.add(raw, k)
		return nil
	}
	r.spill = r.w.newSpill()
	for i := range n.len() {
		name, k := n.at(i)
		if err := r.put(name, k); err != nil {
			return err
		}
	}
	r.names = nil
	return r.put(text(raw, k), k)
}

// text is a name as names.at would return it.
func text(raw []byte, k kind) string {
	if k.slash() {
		return string(raw) + "/"
	}
	return string(raw)
}

func (r *reader) put(name string, k kind) error {
	if err := r.spill.put(name, k); err != nil {
		r.fatal = r.sorting(err)
		return err
	}
	return nil
}

// examine examines the files of a chunk.
func (w *walk) examine(c *chunk) {
	h, err := w.sys.open(w.path(c.dir.key))
	if err != nil {
		c.results = make([]result, c.to-c.from)
		for i := range c.results {
			c.results[i].err = reasonOf(err)
		}
		return
	}
	defer h.close()
	w.examineIn(h, c)
}

func (w *walk) examineIn(h handle, c *chunk) {
	c.results = make([]result, c.to-c.from)
	for i := c.from; i < c.to && !w.stopped.Load(); i++ {
		name, k := c.names.at(i)
		c.results[i-c.from] = w.look(h, name, k)
	}
}

func (w *walk) look(h handle, name string, k kind) result {
	valid := utf8.ValidString(name)
	switch {
	case k.slash() && k != kindBelow:
		if valid {
			return result{drop: true} // never asked for: it is a piece of its own
		}
		return result{err: &reason{text: textUTF8}}
	case !valid:
		return result{err: &reason{text: textUTF8}}
	case k == kindSpecial:
		return result{err: &reason{textSpecial, ErrSpecial}}
	case k == kindBelow:
		name = name[:len(name)-1]
	}
	in, err := h.stat(name, w.opts.FollowSymlinks)
	switch {
	case err != nil:
		return result{err: reasonOf(err)}
	case k == kindBelow:
		// It was broken when it was sorted, and is whole now.
		if in.kind != kindDir {
			return result{drop: true}
		}
		return result{err: &reason{text: textMissing}}
	case in.kind == kindLink:
		return result{drop: true} // it took a file's place, and is not followed
	case in.kind == kindDir:
		// It took a file's place. Its own place in the order is passed.
		return result{err: &reason{textMissing, fs.ErrNotExist}}
	case in.kind != kindFile:
		return result{err: &reason{textSpecial, ErrSpecial}}
	case in.denied:
		return result{err: &reason{text: textUnreadable}}
	}
	return result{size: in.size, sec: in.sec, nsec: in.nsec}
}
