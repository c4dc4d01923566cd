package s3xml

import "github.com/s3haul/s3haul/walker"

// lookahead is more than the longest tag below: with that many bytes left, one
// comparison of the length is enough for several of the text.
const lookahead = 32

// shortcut reads the next child of an entry where it is written letter for
// letter as S3 writes it: no prefix, no attribute, no space, ASCII alone. It
// is where a listing's time goes, and it saves two thirds of it. false means
// that nothing was read: child is to look at what stands there, and to say what
// is wrong with it.
//
// Comparisons with constants of up to 16 bytes become two loads; this is why
// they are written out.
func (p *parser) shortcut(e *walker.Entry, r *record, seen *field, version bool) bool {
	rest := p.b[p.pos:]
	if p.err != nil || p.empty || len(rest) < lookahead || rest[0] != '<' {
		return false
	}
	f := field(0)
	switch rest[1] {
	case 'K':
		const from = len("<Key>")
		if string(rest[:from]) != "<Key>" {
			return false
		}
		n := plain(rest[from:])
		end := rest[from+n:]
		if len(end) < lookahead || string(end[:6]) != "</Key>" || *seen&fieldKey != 0 {
			return false
		}
		f, r.key = fieldKey, p.keep(rest[from:from+n])
		p.pos += from + n + 6
	case 'L':
		const from, n = len("<LastModified>"), len("2009-10-12T17:50:30.000Z")
		if string(rest[:from]) != "<LastModified>" || len(rest) < from+n+lookahead || *seen&fieldModified != 0 {
			return false
		}
		t, ok := usualTime(rest[from : from+n])
		if !ok || string(rest[from+n:][:15]) != "</LastModified>" {
			return false
		}
		f, e.ModTime = fieldModified, t
		p.pos += from + n + 15
	case 'E':
		const from = len("<ETag>&quot;")
		if string(rest[:from]) != "<ETag>&quot;" {
			return false
		}
		n := plain(rest[from:])
		end := rest[from+n:]
		if len(end) < lookahead || string(end[:13]) != "&quot;</ETag>" || *seen&fieldETag != 0 {
			return false
		}
		f, r.etag = fieldETag, p.unquoted(p.keep(rest[from:from+n]))
		p.pos += from + n + 13
	case 'S':
		return p.shortcutS(e, seen, rest)
	case 'C':
		return p.shortcutC(rest)
	case 'V', 'I':
		return version && p.shortcutV(e, r, seen, rest)
	default:
		return false
	}
	*seen |= f
	return true
}

// shortcutS reads a size or a storage class.
func (p *parser) shortcutS(e *walker.Entry, seen *field, rest []byte) bool {
	if string(rest[:6]) == "<Size>" {
		digits, n, size := rest[6:], 0, int64(0)
		// Eighteen digits are below the largest int64.
		for n < 18 && digits[n]-'0' <= 9 {
			size = size*10 + int64(digits[n]-'0')
			n++
		}
		if n == 0 || string(digits[n:][:7]) != "</Size>" || *seen&fieldSize != 0 {
			return false
		}
		*seen |= fieldSize
		e.Size = size
		p.pos += 6 + n + 7
		return true
	}
	if string(rest[:14]) != "<StorageClass>" || *seen&fieldClass != 0 {
		return false
	}
	n := plain(rest[14:])
	name, end := rest[14:14+n], rest[14+n:]
	if len(end) < 15 || string(end[:15]) != "</StorageClass>" || n == 0 || name[0] == ' ' || name[n-1] == ' ' {
		return false
	}
	*seen |= fieldClass
	e.StorageClass = class(name)
	p.pos += 14 + n + 15
	return true
}

// shortcutC reads over what S3 says of checksums.
func (p *parser) shortcutC(rest []byte) bool {
	switch {
	case string(rest[:14]) == "<ChecksumType>":
		n := plain(rest[14:])
		end := rest[14+n:]
		if len(end) < 15 || string(end[:15]) != "</ChecksumType>" {
			return false
		}
		p.pos += 14 + n + 15
		return true
	case string(rest[:10]) == "<ChecksumA" && string(rest[10:19]) == "lgorithm>":
		n := plain(rest[19:])
		end := rest[19+n:]
		if len(end) < 20 || string(end[:11]) != "</ChecksumA" || string(end[11:20]) != "lgorithm>" {
			return false
		}
		p.pos += 19 + n + 20
		return true
	}
	return false
}

// shortcutV reads what versions alone have.
func (p *parser) shortcutV(e *walker.Entry, r *record, seen *field, rest []byte) bool {
	if string(rest[:11]) == "<VersionId>" {
		n := plain(rest[11:])
		end := rest[11+n:]
		if len(end) < 12 || string(end[:12]) != "</VersionId>" || *seen&fieldVersion != 0 {
			return false
		}
		*seen |= fieldVersion
		r.version = p.keep(rest[11 : 11+n])
		p.pos += 11 + n + 12
		return true
	}
	if string(rest[:10]) != "<IsLatest>" || *seen&fieldLatest != 0 {
		return false
	}
	switch {
	case string(rest[10:25]) == "true</IsLatest>":
		e.Latest = true
		p.pos += 25
	case string(rest[10:26]) == "false</IsLatest>":
		e.Latest = false
		p.pos += 26
	default:
		return false
	}
	*seen |= fieldLatest
	return true
}

// opened opens the next element where its start tag is this one.
func (p *parser) opened(tag string) bool {
	end := p.pos + len(tag)
	if p.err != nil || p.empty || p.depth == maxDepth || end > len(p.b) || string(p.b[p.pos:end]) != tag {
		return false
	}
	p.last = span{p.pos + 1, end - 1}
	p.open[p.depth] = p.last
	p.depth++
	p.pos = end
	return true
}

// keep puts plain text into the arena.
func (p *parser) keep(text []byte) span {
	from := len(p.arena)
	p.arena = append(p.arena, text...)
	return span{from, len(p.arena)}
}

// unquoted takes the quotes off an ETag.
func (p *parser) unquoted(s span) span {
	for s.from < s.to && p.arena[s.from] == '"' {
		s.from++
	}
	for s.from < s.to && p.arena[s.to-1] == '"' {
		s.to--
	}
	return s
}
