package s3xml

import "bytes"

// spaces are what XML calls white space (https://www.w3.org/TR/xml/#NT-S).
const spaces = " \t\r\n"

// space skips white space.
func (p *parser) space() {
	for p.pos < len(p.b) && isSpace(p.b[p.pos]) {
		p.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// nameByte says whether c can stand in a name. Names in S3's answers are ASCII.
func nameByte(c byte) bool {
	const (
		low  = 1<<'-' | 1<<'.' | 1<<':' | 0x3ff<<'0'
		high = 0x3ffffff<<('A'-64) | 1<<('_'-64) | 0x3ffffff<<('a'-64)
	)
	mask := uint64(low)
	if c&64 != 0 {
		mask = high
	}
	return c < 128 && mask>>(c&63)&1 != 0
}

func nameStart(c byte) bool { return nameByte(c) && c > '9' && c != ':' }

// name reads a name and returns where its local part begins.
func (p *parser) name() (local int, ok bool) {
	b, from := p.b, p.pos
	i, colons := from, 0
	local = from
	for i < len(b) && nameByte(b[i]) {
		if b[i] == ':' {
			local = i + 1
			colons++
		}
		i++
	}
	if i == len(b) {
		p.cut()
		return 0, false
	}
	if i == from || b[i] >= 0x80 {
		p.fail("no name that S3 would send: %q", short(b[from:]))
		return 0, false
	}
	if colons > 1 || local == i || !nameStart(b[from]) || !nameStart(b[local]) {
		p.fail("no name that S3 would send: %q", short(b[from:i]))
		return 0, false
	}
	p.pos = i
	return local, true
}

// start reads a start tag, which begins at pos, and opens the element.
func (p *parser) start() bool {
	p.pos++
	from := p.pos
	local, ok := p.name()
	if !ok {
		return false
	}
	if p.depth == maxDepth {
		p.fail("elements nest deeper than %d", maxDepth)
		return false
	}
	p.open[p.depth] = span{from, p.pos}
	p.depth++
	p.last = span{local, p.pos}
	if p.b[p.pos] == '>' {
		p.pos++
		return true
	}
	return p.attributes()
}

// attributes reads the rest of a start tag. Nothing that S3 says is in them,
// but a document with a broken one is broken.
func (p *parser) attributes() bool {
	for p.err == nil {
		before := p.pos
		p.space()
		if p.pos == len(p.b) {
			p.cut()
			return false
		}
		switch p.b[p.pos] {
		case '>':
			p.pos++
			return true
		case '/':
			if p.pos++; p.pos == len(p.b) {
				p.cut()
				return false
			}
			if p.b[p.pos] != '>' {
				p.fail("a '/' inside the tag <%s>", p.element())
				return false
			}
			p.pos++
			p.empty = true
			return true
		}
		if p.pos == before {
			p.fail("no space before an attribute of <%s>", p.element())
			return false
		}
		p.attribute()
	}
	return false
}

// attribute reads one name="value".
func (p *parser) attribute() {
	if _, ok := p.name(); !ok {
		return
	}
	p.space()
	if !p.expect('=') {
		return
	}
	p.space()
	if p.pos == len(p.b) {
		p.cut()
		return
	}
	quote := p.b[p.pos]
	if quote != '"' && quote != '\'' {
		p.fail("an attribute of <%s> without quotes", p.element())
		return
	}
	p.pos++
	n := bytes.IndexByte(p.b[p.pos:], quote)
	if n < 0 {
		p.cut()
		return
	}
	end := p.pos + n
	if bytes.IndexByte(p.b[p.pos:end], '<') >= 0 {
		p.fail("a '<' in an attribute of <%s>", p.element())
		return
	}
	if !p.valid(p.b[p.pos:end]) {
		return
	}
	kept := len(p.arena)
	for p.err == nil {
		n := bytes.IndexByte(p.b[p.pos:end], '&')
		if n < 0 {
			break
		}
		p.pos += n
		p.reference()
	}
	p.arena = p.arena[:kept]
	p.pos = end + 1
}

func (p *parser) expect(c byte) bool {
	switch {
	case p.pos == len(p.b):
		p.cut()
		return false
	case p.b[p.pos] != c:
		p.fail("%q where %q belongs", p.b[p.pos], c)
		return false
	}
	p.pos++
	return true
}

// end reads an end tag, which begins at pos, and leaves the element.
func (p *parser) end() {
	o := p.open[p.depth-1]
	p.pos += len("</")
	n := o.to - o.from
	if rest := p.b[p.pos:]; len(rest) > n && rest[n] == '>' && string(rest[:n]) == string(p.b[o.from:o.to]) {
		p.pos += n + 1
		p.depth--
		return
	}
	from := p.pos
	if _, ok := p.name(); !ok {
		return
	}
	if string(p.b[from:p.pos]) != string(p.b[o.from:o.to]) {
		p.fail("<%s> is closed by </%s>", p.element(), short(p.b[from:p.pos]))
		return
	}
	p.space()
	if p.expect('>') {
		p.depth--
	}
}

// aside reads what stands at "<!" or "<?" inside an element: a comment, an
// instruction, or a CDATA section, whose text goes to the arena.
func (p *parser) aside() bool {
	switch {
	case p.b[p.pos+1] == '?':
		p.instruction(false)
	case p.pos+2 < len(p.b) && p.b[p.pos+2] == '[':
		p.cdata()
	default:
		p.comment()
	}
	return p.err == nil
}

// comment reads a comment, which begins at pos. Anything else that can begin
// as one does is a declaration: those define entities, which can grow a small
// answer to gigabytes, and S3 sends none.
func (p *parser) comment() {
	const begin = "<!--"
	if !p.literal(begin) {
		return
	}
	rest := p.b[p.pos+len(begin):]
	n := bytes.Index(rest, []byte("--"))
	if n < 0 || n+2 == len(rest) {
		p.cut()
		return
	}
	if rest[n+2] != '>' {
		p.fail("a comment with -- in it")
		return
	}
	if p.valid(rest[:n]) {
		p.pos += len(begin) + n + len("-->")
	}
}

// cdata reads a CDATA section, which begins at pos.
func (p *parser) cdata() {
	const begin = "<![CDATA["
	if !p.literal(begin) {
		return
	}
	rest := p.b[p.pos+len(begin):]
	n := bytes.Index(rest, []byte("]]>"))
	if n < 0 {
		p.cut()
		return
	}
	if !p.valid(rest[:n]) {
		return
	}
	text := rest[:n]
	for len(text) > 0 {
		i := bytes.IndexByte(text, '\r')
		if i < 0 {
			p.arena = append(p.arena, text...)
			break
		}
		p.arena = append(append(p.arena, text[:i]...), '\n')
		text = bytes.TrimPrefix(text[i+1:], []byte("\n"))
	}
	p.pos += len(begin) + n + len("]]>")
}

// literal checks that the markup at pos begins with s.
func (p *parser) literal(s string) bool {
	rest := p.b[p.pos:]
	if len(rest) < len(s) && string(rest) == s[:len(rest)] {
		p.cut()
		return false
	}
	if !bytes.HasPrefix(rest, []byte(s)) {
		p.fail("a declaration, which no answer of S3 has: %q", short(rest))
		return false
	}
	return true
}

// instruction reads a processing instruction, which begins at pos. first says
// that nothing but space came before it: the XML declaration is allowed there
// alone.
func (p *parser) instruction(first bool) {
	p.pos += len("<?")
	from := p.pos
	if _, ok := p.name(); !ok {
		return
	}
	target := p.b[from:p.pos]
	n := bytes.Index(p.b[p.pos:], []byte("?>"))
	if n < 0 {
		p.cut()
		return
	}
	content := p.b[p.pos : p.pos+n]
	if !p.valid(content) {
		return
	}
	if bytes.EqualFold(target, []byte("xml")) {
		if !first || string(target) != "xml" {
			p.fail("an XML declaration that is not at the beginning")
			return
		}
		if !declaration(content) {
			p.fail("not XML 1.0 in UTF-8: <?xml%s?>", short(content))
			return
		}
	}
	p.pos += n + len("?>")
}

// declaration says whether what stands in <?xml ...?> announces XML 1.0 in
// UTF-8, the only kind that is read here.
func declaration(b []byte) bool {
	seen := 0
	for {
		trimmed := bytes.TrimLeft(b, spaces)
		if len(trimmed) == 0 {
			return seen > 0
		}
		if len(trimmed) == len(b) {
			return false
		}
		name, rest, _ := bytes.Cut(trimmed, []byte("="))
		name, rest = bytes.TrimRight(name, spaces), bytes.TrimLeft(rest, spaces)
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return false
		}
		value, after, ok := bytes.Cut(rest[1:], rest[:1])
		if !ok {
			return false
		}
		place, good := 0, false
		switch string(name) {
		case "version":
			place, good = 1, string(value) == "1.0"
		case "encoding":
			place, good = 2, bytes.EqualFold(value, []byte("utf-8"))
		case "standalone":
			place, good = 3, string(value) == "yes" || string(value) == "no"
		}
		if !good || place <= seen || seen == 0 && place != 1 {
			return false
		}
		seen, b = place, after
	}
}
