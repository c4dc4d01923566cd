package bucket

import (
	"math"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// shape is what the keys of a listing look like: which kinds of characters have
// been seen at each place. With it a key is a number, and a place between two
// keys, or some way behind one, can be named. What it says is a guess: a wrong
// one costs a request or two, never a key.
type shape struct {
	at []letters // by the place of the character behind the walk's prefix
}

// letters are the kinds of characters at one place.
type letters struct {
	kinds       kind
	least, most rune // of those outside ASCII
	only        rune // the one that was seen, as long as there is but one
	several     bool
	// limit is the last one that is expected, where listings have shown that keys
	// end there: the names of the files of each directory. 0: there is none.
	limit rune
}

type kind uint8

const (
	digit kind = 1 << iota
	upperHex
	upper
	lowerHex
	lower
	mark // the rest of what ASCII prints
	wide // not ASCII
)

const (
	// deepest is the number of places that are looked at.
	deepest = 256
	// finest is the smallest part of a number that counts: that of a float64.
	finest = 1e-15
)

// learn looks at a key, without the walk's prefix.
func (s *shape) learn(key string) {
	i := 0
	for _, r := range key {
		if i == deepest {
			return
		}
		if i == len(s.at) {
			s.at = append(s.at, letters{})
		}
		s.at[i].learn(r)
		i++
	}
}

func (l *letters) learn(r rune) {
	if r > l.limit {
		l.limit = 0
	}
	if l.only != 0 && l.only != r {
		l.several = true
	}
	l.only = r
	switch {
	case '0' <= r && r <= '9':
		l.kinds |= digit
	case 'A' <= r && r <= 'F':
		l.kinds |= upperHex
	case 'G' <= r && r <= 'Z':
		l.kinds |= upper
	case 'a' <= r && r <= 'f':
		l.kinds |= lowerHex
	case 'g' <= r && r <= 'z':
		l.kinds |= lower
	case r < ' ' || r == 0x7f: // no pivot has it
	case r < 0x7f:
		l.kinds |= mark
	case r == utf8.RuneError:
	default:
		if l.kinds&wide == 0 {
			l.least, l.most = r, r
		}
		l.kinds |= wide
		l.least, l.most = min(l.least, r), max(l.most, r)
	}
}

// gap learns from a listing behind one key that began with another: there is
// nothing between them. So whatever begins as the first does, up to any place
// behind where they differ, ends with the character that it has there.
func (s *shape) gap(from, to string) {
	f := []rune(from)
	for i := differ(f, []rune(to)) + 1; i < min(len(f), len(s.at)); i++ {
		if l := &s.at[i]; l.limit == 0 || f[i] < l.limit {
			l.limit = f[i]
		}
	}
}

// runs are the characters that are expected at one place, in their order: from
// the first to the second of each pair.
type runs struct {
	all [4][2]rune
	n   int
}

func (r *runs) add(from, to rune) {
	r.all[r.n] = [2]rune{from, to}
	r.n++
}

// expect returns the characters of place i.
func (s *shape) expect(i int) runs {
	var r runs
	if i >= len(s.at) {
		r.add(' ', '~')
		return r
	}
	l := s.at[i]
	k := l.kinds
	if k == digit && (s.isHex(i-1, lowerHex) || s.isHex(i+1, lowerHex)) {
		k |= lowerHex
	} else if k == digit && (s.isHex(i-1, upperHex) || s.isHex(i+1, upperHex)) {
		k |= upperHex
	}
	switch {
	case k&^wide == 0:
	case !l.several && k != digit && l.kinds != digit:
		// A letter that is always the same is part of a name; a digit may be the
		// first of a number.
		r.add(l.only, l.only)
	case k&mark != 0:
		r.add(' ', '~')
	default:
		if k&digit != 0 {
			r.add('0', '9')
		}
		switch {
		case k&upper != 0, k&upperHex != 0 && k&digit == 0:
			r.add('A', 'Z')
		case k&upperHex != 0:
			r.add('A', 'F')
		}
		switch {
		case k&lower != 0, k&lowerHex != 0 && k&digit == 0:
			r.add('a', 'z')
		case k&lowerHex != 0:
			r.add('a', 'f')
		}
	}
	if k&wide != 0 {
		r.add(l.least, l.most)
	}
	if r.n == 0 {
		r.add(' ', '~')
	}
	if l.limit != 0 {
		r.end(l.limit)
	}
	return r
}

// end leaves out what comes after last, but for one character.
func (r *runs) end(last rune) {
	for r.n > 1 && r.all[r.n-1][0] > last {
		r.n--
	}
	run := &r.all[r.n-1]
	run[1] = max(run[0], min(run[1], last))
}

// isHex says that both digits and the letters to f have been seen at a place,
// and no others.
func (s *shape) isHex(i int, letters kind) bool {
	return i >= 0 && i < len(s.at) && s.at[i].kinds == digit|letters
}

// size is the number of the characters.
func (r *runs) size() (n int) {
	for _, run := range r.all[:r.n] {
		n += int(run[1]-run[0]) + 1
	}
	return n
}

// rank is how many of them come before c.
func (r *runs) rank(c rune) (n int) {
	for _, run := range r.all[:r.n] {
		switch {
		case c > run[1]:
			n += int(run[1]-run[0]) + 1
		case c > run[0]:
			n += int(c - run[0])
		}
	}
	return n
}

// char is the one with the rank.
func (r *runs) char(rank int) rune {
	for _, run := range r.all[:r.n] {
		size := int(run[1]-run[0]) + 1
		if rank < size {
			return run[0] + rune(rank)
		}
		rank -= size
	}
	return r.all[r.n-1][1]
}

// fraction reads what stands from place q on as a number from 0 to 1.
func (s *shape) fraction(key []rune, q int) float64 {
	x, width := 0.0, 1.0
	for i := q; i < len(key) && i < len(s.at) && width > finest; i++ {
		r := s.expect(i)
		size := r.size()
		width /= float64(size)
		x += float64(min(r.rank(key[i]), size-1)) * width
	}
	return x
}

// differ is the first place at which two keys are not the same.
func differ(a, b []rune) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// remaining guesses how many rows lie behind last up to a key, where there are
// so many from base to last: infinitely many where nothing tells.
func (s *shape) remaining(base, last, to string, rows float64) float64 {
	b, l, t := []rune(base), []rune(last), []rune(to)
	q := min(differ(b, l), differ(l, t))
	from, at, end := s.fraction(b, q), s.fraction(l, q), s.fraction(t, q)
	if at-from < finest || end-at < finest || rows <= 0 {
		return math.Inf(1)
	}
	return rows * (end - at) / (at - from)
}

// ahead names a key that is some rows behind last, where there are so many rows
// from base to last; "" where none can be named.
func (s *shape) ahead(base, last string, rows, distance float64) string {
	b, l := []rune(base), []rune(last)
	q := differ(b, l)
	x := s.fraction(l, q)
	step := (x - s.fraction(b, q)) / rows
	if !(step > 0) {
		return ""
	}
	x += step * distance
	for x >= 1 {
		// It goes beyond all keys that begin like these two: one place up.
		if q--; q < 0 {
			return ""
		}
		r := s.expect(q)
		size := float64(r.size())
		x = (float64(min(r.rank(l[q]), r.size()-1)) + x) / size
		step /= size
	}
	return s.name(l, q, x, step/2, step*distance)
}

// between names a key about half way from last to another; "" where none can
// be named.
func (s *shape) between(last, to string) string {
	l, t := []rune(last), []rune(to)
	q := differ(l, t)
	from, end := s.fraction(l, q), s.fraction(t, q)
	if end-from < finest {
		return ""
	}
	return s.name(l, q, (from+end)/2, (end-from)/16, (end-from)/2)
}

// beyond names a key about half way from last to the end of all.
func (s *shape) beyond(last string) string {
	l := []rune(last)
	x := s.fraction(l, 0)
	return s.name(l, 0, (1+x)/2, (1-x)/16, (1-x)/2)
}

// after names what comes behind the directories that a key is in, the outermost
// first, and behind its first character.
func after(key string) []string {
	var all []string
	for i := range len(key) {
		if key[i] == '/' {
			all = append(all, key[:i]+string(rune('/'+1)))
		}
	}
	if r, _ := utf8.DecodeRuneInString(key); r != utf8.RuneError && r < utf8.MaxRune && !utf16.IsSurrogate(r+1) {
		all = append(all, string(r+1))
	}
	return all
}

// name writes the number x as a key: the first q places of like, and then as
// many as it takes to tell it from its neighbours so far away; or up to the end
// of a directory, where those are much smaller than the whole distance.
func (s *shape) name(like []rune, q int, x, precision, distance float64) string {
	out := slices.Clone(like[:q])
	width := 1.0
	for i := q; i < q+64; i++ {
		r := s.expect(i)
		size := r.size()
		x *= float64(size)
		rank := min(int(x+1e-9), size-1) // what is a hair below a whole is one
		x = max(x-float64(rank), 0)
		c := r.char(rank)
		out = append(out, c)
		if width /= float64(size); width < max(precision, finest) || i >= len(s.at) || c == '/' && width < distance/4 {
			break
		}
	}
	return string(out)
}

// sendable says that a listing may be asked to go on behind a key: it is valid
// UTF-8 without control characters.
func sendable(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}
