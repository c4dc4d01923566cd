package s3sim

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is an element of a document that a client sent. encoding/xml would do;
// it would cost more than the client in deletions by the thousand.
type node struct {
	name string // without its prefix
	text string
	kids []node
}

// child returns the first child of a name; an empty one where there is none.
func (n *node) child(name string) *node {
	for i := range n.kids {
		if n.kids[i].name == name {
			return &n.kids[i]
		}
	}
	return &node{}
}

func (n *node) has(name string) bool { return n.child(name).name != "" }

// parseXML reads a document whose root has the name. Whatever is wrong with it
// is S3's MalformedXML.
func parseXML(doc []byte, root string) (*node, error) {
	p := xmlParser{rest: string(doc)}
	p.rest = strings.TrimPrefix(p.rest, "\ufeff")
	if !utf8.ValidString(p.rest) {
		return nil, malformedXML()
	}
	p.misc()
	n, ok := p.element(0)
	if !ok || n.name != root {
		return nil, malformedXML()
	}
	p.misc()
	if p.rest != "" {
		return nil, malformedXML()
	}
	return &n, nil
}

type xmlParser struct{ rest string }

// misc passes over what may stand around the root.
func (p *xmlParser) misc() {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		if !p.comment() {
			return
		}
	}
}

// comment passes over a comment or a processing instruction.
func (p *xmlParser) comment() bool {
	for _, pair := range [...][2]string{{"<?", "?>"}, {"<!--", "-->"}} {
		if inside, ok := strings.CutPrefix(p.rest, pair[0]); ok {
			if _, after, ok := strings.Cut(inside, pair[1]); ok {
				p.rest = after
				return true
			}
		}
	}
	return false
}

// element reads one element, from its "<" on.
func (p *xmlParser) element(depth int) (node, bool) {
	if depth > 16 || !strings.HasPrefix(p.rest, "<") {
		return node{}, false
	}
	tag, after, ok := strings.Cut(p.rest[1:], ">")
	if !ok || tag == "" || tag[0] == '/' || tag[0] == '!' {
		return node{}, false
	}
	p.rest = after
	tag, empty := strings.CutSuffix(tag, "/")
	full, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(tag, "\n", " "), "\t", " "), " ")
	n := node{name: full[strings.IndexByte(full, ':')+1:]}
	if empty {
		return n, n.name != ""
	}
	for {
		i := strings.IndexByte(p.rest, '<')
		if i < 0 {
			return node{}, false
		}
		text, ok := unescapeXML(p.rest[:i])
		if !ok {
			return node{}, false
		}
		n.text += text
		p.rest = p.rest[i:]
		switch {
		case strings.HasPrefix(p.rest, "</"):
			name, after, ok := strings.Cut(p.rest[2:], ">")
			if !ok || strings.TrimRight(name, " \t\r\n") != full {
				return node{}, false
			}
			p.rest = after
			return n, true
		case strings.HasPrefix(p.rest, "<![CDATA["):
			text, after, ok := strings.Cut(p.rest[len("<![CDATA["):], "]]>")
			if !ok {
				return node{}, false
			}
			n.text += text
			p.rest = after
		case p.comment():
		default:
			kid, ok := p.element(depth + 1)
			if !ok {
				return node{}, false
			}
			n.kids = append(n.kids, kid)
		}
	}
}

// unescapeXML decodes references. A literal carriage return is a line break,
// as in XML 1.0, 2.11.
func unescapeXML(s string) (string, bool) {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 && s[i] != '\n' && s[i] != '\t' {
			return "", false
		}
	}
	if strings.IndexByte(s, '&') < 0 {
		return s, true
	}
	var out strings.Builder
	for {
		text, after, found := strings.Cut(s, "&")
		out.WriteString(text)
		if !found {
			return out.String(), true
		}
		name, rest, ok := strings.Cut(after, ";")
		if !ok {
			return "", false
		}
		r, ok := reference(name)
		if !ok {
			return "", false
		}
		out.WriteRune(r)
		s = rest
	}
}

func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	r := rune(n)
	if err != nil || !utf8.ValidRune(r) || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
		return 0, false
	}
	return r, true
}
