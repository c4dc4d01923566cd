package s3xml

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// plain returns how many bytes at the beginning of b are text as it stands:
// ASCII without control characters and without '<', '>' and '&'.
func plain(b []byte) int {
	// Eight bytes at a time: a byte's highest bit is set in odd where it is
	// none of these. The lowest such bit is exact; above it, borrows may set
	// some that are not.
	const (
		ones = 0x0101010101010101
		tops = 0x80 * ones
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		control := (w - ones*0x20) | w
		angle := (w | ones*0x02) ^ ones*'>' // '<' and '>' differ in that bit
		amp := w ^ ones*'&'
		odd := (control | (angle-ones)&^angle | (amp-ones)&^amp) & tops
		if odd != 0 {
			return i + bits.TrailingZeros64(odd)>>3
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c >= 0x80 || c == '<' || c == '>' || c == '&' {
			break
		}
	}
	return i
}

// chars decodes text to the arena up to the next '<', which has at least one
// byte behind it.
func (p *parser) chars() bool {
	for p.err == nil {
		n := plain(p.b[p.pos:])
		p.arena = append(p.arena, p.b[p.pos:p.pos+n]...)
		if p.pos += n; p.pos == len(p.b) {
			break
		}
		switch c := p.b[p.pos]; c {
		case '<':
			if p.pos+1 == len(p.b) {
				p.cut()
				return false
			}
			return true
		case '&':
			p.reference()
		case '>':
			if bytes.HasSuffix(p.b[:p.pos], []byte("]]")) {
				p.fail("]]> in <%s>, outside of CDATA", p.element())
				return false
			}
			p.arena = append(p.arena, c)
			p.pos++
		case '\r':
			// Line ends are normalised where they are literal
			// (https://www.w3.org/TR/xml/#sec-line-ends); a CR of a key is
			// sent as a reference.
			p.arena = append(p.arena, '\n')
			if p.pos++; p.pos < len(p.b) && p.b[p.pos] == '\n' {
				p.pos++
			}
		case '\n', '\t':
			p.arena = append(p.arena, c)
			p.pos++
		default:
			p.other()
		}
	}
	p.cut()
	return false
}

// other decodes a character outside of ASCII; control characters end up here
// to be refused.
func (p *parser) other() {
	r, n := utf8.DecodeRune(p.b[p.pos:])
	switch {
	case r == utf8.RuneError && n == 1:
		if !utf8.FullRune(p.b[p.pos:]) {
			p.cut()
			return
		}
		p.fail("no UTF-8 in <%s>: byte 0x%02x", p.element(), p.b[p.pos])
	case !isChar(r):
		p.fail("a character that XML does not allow in <%s>: %U", p.element(), r)
	default:
		p.arena = append(p.arena, p.b[p.pos:p.pos+n]...)
		p.pos += n
	}
}

// isChar says whether a document may hold r (https://www.w3.org/TR/xml/#charsets).
func isChar(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xd800:
		return true
	case r < 0xe000:
		return false
	}
	return r != 0xfffe && r != 0xffff && r <= utf8.MaxRune
}

// badChar finds the first character in s that XML cannot carry; -1 means none.
func badChar[S []byte | string](s S) int {
	for i := 0; i < len(s); {
		if c := s[i]; c >= 0x20 && c < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && n == 1 || !isChar(r) {
			return i
		}
		i += n
	}
	return -1
}

// valid refuses what no document may hold.
func (p *parser) valid(b []byte) bool {
	if i := badChar(b); i >= 0 {
		p.fail("a character that XML does not allow in <%s>: byte 0x%02x", p.element(), b[i])
		return false
	}
	return true
}

// reference decodes what stands at the '&' at pos: a numeric character
// reference or one of the five entities that need no declaration.
func (p *parser) reference() {
	b, i := p.b, p.pos+1
	for i < len(b) && (nameByte(b[i]) || b[i] == '#') {
		i++
	}
	if i == len(b) {
		p.cut()
		return
	}
	name := b[p.pos+1 : i]
	r := rune(-1)
	if b[i] == ';' {
		switch string(name) {
		case "quot":
			r = '"'
		case "amp":
			r = '&'
		case "lt":
			r = '<'
		case "gt":
			r = '>'
		case "apos":
			r = '\''
		default:
			r = number(name)
		}
	}
	if r < 0 {
		p.fail("no entity that XML knows in <%s>: %q", p.element(), short(b[p.pos:i+1]))
		return
	}
	p.arena = utf8.AppendRune(p.arena, r)
	p.pos = i + 1
}

// number is the character of #10 or #xA; -1 means that there is none.
func number(name []byte) rune {
	if len(name) < 2 || name[0] != '#' {
		return -1
	}
	base, digits := rune(10), name[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return -1
	}
	r := rune(0)
	for _, c := range digits {
		d := digit(c)
		if d < 0 || d >= base {
			return -1
		}
		if r = r*base + d; r > utf8.MaxRune {
			return -1
		}
	}
	if !isChar(r) {
		return -1
	}
	return r
}

// digit is the value of a hexadecimal digit; -1 means that c is none.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}
