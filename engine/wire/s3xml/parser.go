// Package s3xml reads the XML of S3's answers, and writes the one long body
// that S3 is sent. It stands in for encoding/xml where a listing of millions
// of keys would pay for it by the key.
//
// What it reads comes from outside. A document that is not well-formed, or that
// leaves out what a listing needs, is an error; one that was cut off has
// [io.ErrUnexpectedEOF] in its chain, so that it can be asked for again.
// Elements are told by their local names, whatever prefix a store gives them,
// and those that nobody here asks for are passed over with their children.
// Of well-formedness, three things are not looked at: whether prefixes are
// declared, whether an element has an attribute twice, and what attributes say.
package s3xml

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// maxDepth bounds how deep elements may nest; S3's answers need five levels.
const maxDepth = 32

// maxKept bounds the memory that is kept for the next document: a page of a
// thousand keys of a thousand bytes fits.
const maxKept = 2 << 20

// A span is a piece of the document or of the arena.
type span struct{ from, to int }

// A parser reads one document. Its first error sticks: every method does
// nothing from then on, so that callers look at err once, at the end.
type parser struct {
	b     []byte
	pos   int
	err   error
	last  span           // the local name of the element that was opened last, in b
	empty bool           // that element closed itself and has not been left yet
	depth int            // elements that are open
	open  [maxDepth]span // their names, with prefixes, in b
	arena []byte         // the text of all values, decoded

	records  []record
	prefixes []span
}

// parsers saves a page its scratch memory, which is as large as its text.
var parsers = sync.Pool{New: func() any { return new(parser) }} //nolint:gochecknoglobals // holds nothing but memory

func newParser(b []byte) *parser {
	p := parsers.Get().(*parser)
	p.b, p.pos, p.err, p.last, p.empty, p.depth = b, 0, nil, span{}, false, 0
	p.arena, p.records, p.prefixes = p.arena[:0], p.records[:0], p.prefixes[:0]
	return p
}

func (p *parser) free() {
	p.b, p.err = nil, nil
	if cap(p.arena) <= maxKept && cap(p.records) <= 4096 && cap(p.prefixes) <= 4096 {
		parsers.Put(p)
	}
}

// fail notes the first error, and where the document stood.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("XML at byte %d: %w", p.pos, fmt.Errorf(format, args...))
	}
}

// cut notes that the document ends where it must not.
func (p *parser) cut() {
	if p.err != nil {
		return
	}
	if p.depth == 0 {
		p.err = fmt.Errorf("XML ends after %d bytes: %w", len(p.b), io.ErrUnexpectedEOF)
		return
	}
	p.err = fmt.Errorf("XML ends after %d bytes, inside <%s>: %w", len(p.b), p.element(), io.ErrUnexpectedEOF)
}

// tag is the local name of the element that was opened last.
func (p *parser) tag() []byte { return p.b[p.last.from:p.last.to] }

// element names the innermost open element, for errors.
func (p *parser) element() string {
	if p.depth == 0 {
		return ""
	}
	o := p.open[p.depth-1]
	return short(p.b[o.from:o.to])
}

// short keeps what comes from outside from flooding a message.
func short(b []byte) string {
	const most = 80
	if len(b) > most {
		return string(b[:most]) + "..."
	}
	return string(b)
}

// root reads up to the tag of the root element and returns its local name.
func (p *parser) root() string {
	const bom = "\xef\xbb\xbf"
	if n := len(p.b); n < len(bom) && string(p.b) == bom[:n] {
		p.cut()
		return ""
	}
	if bytes.HasPrefix(p.b, []byte(bom)) {
		p.pos = len(bom)
	}
	for first := true; p.err == nil; first = false {
		switch p.outside() {
		case 0:
			p.cut()
		case '?':
			p.instruction(first)
		case '!':
			p.comment()
		case '/':
			p.fail("an end tag before the first element")
		default:
			if p.start() {
				return string(p.tag())
			}
		}
	}
	return ""
}

// finish reads what may stand behind the root element.
func (p *parser) finish() {
	for p.err == nil {
		switch p.outside() {
		case 0:
			return
		case '?':
			p.instruction(false)
		case '!':
			p.comment()
		default:
			p.fail("more than one element at the top")
		}
	}
}

// outside skips space before and behind the root element and returns the byte
// behind the next '<'; 0 at the end of the document.
func (p *parser) outside() byte {
	p.space()
	switch {
	case p.pos == len(p.b):
		return 0
	case p.b[p.pos] != '<':
		p.fail("text outside of the document's element: %q", short(p.b[p.pos:]))
		return 0
	case p.pos+1 == len(p.b):
		p.cut()
		return 0
	}
	return p.b[p.pos+1]
}

// child goes on to the next element inside the present one, opens it and leaves
// its name to tag. Where there is no more it leaves the present element and
// returns false. Whoever gets true must read the child's content: by text, by
// skip, or by child until that returns false.
func (p *parser) child() bool {
	if p.err != nil {
		return false
	}
	if p.empty {
		p.leave()
		return false
	}
	for {
		p.space()
		if p.pos == len(p.b) {
			p.cut()
			return false
		}
		if p.b[p.pos] != '<' {
			p.fail("text where elements belong, in <%s>: %q", p.element(), short(p.b[p.pos:]))
			return false
		}
		if p.pos+1 == len(p.b) {
			p.cut()
			return false
		}
		switch p.b[p.pos+1] {
		case '/':
			p.end()
			return false
		case '?', '!':
			kept := len(p.arena)
			if !p.aside() {
				return false
			}
			if len(trim(p.arena[kept:])) > 0 {
				p.fail("text where elements belong, in <%s>", p.element())
				return false
			}
			p.arena = p.arena[:kept]
		default:
			return p.start()
		}
	}
}

// text reads the content of the element that was opened last, which holds no
// other element, and leaves it. The text goes to the arena.
func (p *parser) text() span {
	from := len(p.arena)
	if p.empty {
		p.leave()
		return span{from, from}
	}
	for p.chars() {
		switch p.b[p.pos+1] {
		case '/':
			p.end()
			return span{from, len(p.arena)}
		case '?', '!':
			p.aside()
		default:
			p.fail("an element inside <%s>", p.element())
		}
	}
	return span{from, from}
}

// skip reads over the content of the element that was opened last, with all
// elements in it, and leaves it.
func (p *parser) skip() {
	from, floor := len(p.arena), p.depth
	for p.err == nil && p.depth >= floor {
		if p.empty {
			p.leave()
			continue
		}
		if !p.chars() {
			break
		}
		switch p.b[p.pos+1] {
		case '/':
			p.end()
		case '?', '!':
			p.aside()
		default:
			p.start()
		}
		p.arena = p.arena[:from]
	}
	p.arena = p.arena[:from]
}

// of is a piece of the arena, until more is written to it.
func (p *parser) of(s span) []byte { return p.arena[s.from:s.to] }

// take reads the text of a value that does not stay in the arena. What it
// returns holds until the next text is read.
func (p *parser) take() []byte {
	s := p.text()
	p.arena = p.arena[:s.from]
	return trim(p.arena[s.from:s.to])
}

// trim takes white space off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// leave goes out of the innermost element.
func (p *parser) leave() {
	p.empty = false
	p.depth--
}
