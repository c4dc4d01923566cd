package walker

import (
	"strings"
	"unicode/utf8"
)

// pattern is a compiled fnmatch pattern, as Python's fnmatchcase reads it:
// '*' any characters, '?' one, [seq] and [!seq] one of a set, everything else
// itself. There is no escape; a '[' that is not closed is itself.
// https://docs.python.org/3/library/fnmatch.html
type pattern []token

type token struct {
	kind tokenKind
	text string // of literal
	set  *charSet
}

type tokenKind uint8

const (
	literal tokenKind = iota
	anyRune
	anyRunes
	oneOf
)

type charSet struct {
	negated bool
	ranges  []runeRange
}

type runeRange struct{ low, high rune }

func (s *charSet) has(r rune) bool {
	for _, x := range s.ranges {
		if x.low <= r && r <= x.high {
			return !s.negated
		}
	}
	return s.negated
}

func compile(text string) pattern {
	var p pattern
	start := 0 // of the literal under way
	flush := func(end int) {
		if start < end {
			p = append(p, token{kind: literal, text: text[start:end]})
		}
	}
	for i := 0; i < len(text); {
		next := i + 1
		t := token{}
		switch text[i] {
		case '*':
			t.kind = anyRunes
		case '?':
			t.kind = anyRune
		case '[':
			end := setEnd(text, next)
			if end < 0 {
				i = next
				continue
			}
			t.kind, t.set = oneOf, parseSet(text[next:end])
			next = end + 1
		default:
			i = next
			continue
		}
		flush(i)
		// Stars in a row are one: the matcher would only try them in turn.
		if t.kind != anyRunes || len(p) == 0 || p[len(p)-1].kind != anyRunes {
			p = append(p, t)
		}
		i, start = next, next
	}
	flush(len(text))
	return p
}

// setEnd returns the index of the ']' that closes the set whose inside begins
// at i, or -1. A ']' that comes first in the set is a member.
func setEnd(text string, i int) int {
	from := i
	if from < len(text) && text[from] == '!' {
		from++
	}
	if from < len(text) && text[from] == ']' {
		from++
	}
	if end := strings.IndexByte(text[from:], ']'); end >= 0 {
		return from + end
	}
	return -1
}

func parseSet(inside string) *charSet {
	s := &charSet{}
	inside, s.negated = strings.CutPrefix(inside, "!")
	for inside != "" {
		low, n := utf8.DecodeRuneInString(inside)
		inside = inside[n:]
		high := low
		// A '-' at either end of the set is a member; a range that runs
		// backwards has no members.
		if len(inside) > 1 && inside[0] == '-' {
			high, n = utf8.DecodeRuneInString(inside[1:])
			inside = inside[1+n:]
		}
		s.ranges = append(s.ranges, runeRange{low, high})
	}
	return s
}

// match says whether the whole of s matches. It goes back to the latest star
// alone: an earlier one can give nothing that the latest cannot. So the time
// is at most the product of the lengths.
func (p pattern) match(s string) bool {
	i := 0                      // the token to match
	star, resume := -1, s       // the token after the latest star; where it is tried next
	for i < len(p) || s != "" { // s is what is left
		if i < len(p) && p[i].kind == anyRunes {
			i++
			if i == len(p) {
				return true
			}
			star, resume = i, s
		} else if rest, ok := p.step(i, s); ok {
			i, s = i+1, rest
			continue
		} else {
			if star < 0 || resume == "" {
				return false
			}
			_, n := utf8.DecodeRuneInString(resume)
			resume = resume[n:]
		}
		// A literal behind the star says where to go on. The test for a whole
		// character keeps a stray continuation byte from matching inside one.
		if t := &p[star]; t.kind == literal && utf8.RuneStart(t.text[0]) {
			at := strings.Index(resume, t.text)
			if at < 0 {
				return false
			}
			resume = resume[at:]
		}
		i, s = star, resume
	}
	return true
}

// step matches token i, which is not a star, at the front of s.
func (p pattern) step(i int, s string) (rest string, ok bool) {
	if i == len(p) {
		return s, false
	}
	t := &p[i]
	if t.kind == literal {
		return strings.CutPrefix(s, t.text)
	}
	if s == "" {
		return s, false
	}
	r, n := utf8.DecodeRuneInString(s)
	return s[n:], t.kind == anyRune || t.set.has(r)
}

// canBegin says whether something that begins with prefix may match.
func (p pattern) canBegin(prefix string) bool {
	for i := range p {
		if p[i].kind == anyRunes || prefix == "" {
			return true
		}
		if p[i].kind == literal && strings.HasPrefix(p[i].text, prefix) {
			return true
		}
		rest, ok := p.step(i, prefix)
		if !ok {
			return false
		}
		prefix = rest
	}
	return prefix == ""
}

// coversAll says that everything that begins with prefix matches. False means
// that it is not known.
func (p pattern) coversAll(prefix string) bool {
	// What the star at the end took of prefix, it takes of anything longer.
	return len(p) > 0 && p[len(p)-1].kind == anyRunes && p.match(prefix)
}
