package s3sim

import (
	"strings"
	"unicode/utf8"
)

// batch is what a DeleteObjects asks for.
type batch struct {
	ids   []batchID
	quiet bool
}

// batchID is one object of it; version and etag are empty where it has none.
type batchID struct{ key, version, etag string }

// readBatch reads the document of a DeleteObjects.
func readBatch(doc []byte) (batch, error) {
	text := string(doc)
	if b, ok := plainBatch(text); ok {
		return b, nil
	}
	root, err := parseXML(doc, "Delete")
	if err != nil {
		return batch{}, err
	}
	b := batch{quiet: root.child("Quiet").text == "true"}
	for i := range root.kids {
		o := &root.kids[i]
		if o.name != "Object" {
			continue
		}
		if !o.has("Key") {
			return batch{}, malformedXML()
		}
		b.ids = append(b.ids, batchID{o.child("Key").text, o.child("VersionId").text, o.child("ETag").text})
	}
	return b, b.check()
}

// check refuses what has too many objects, or none.
func (b *batch) check() error {
	if n := len(b.ids); n == 0 || n > maxPage {
		return malformedXML()
	}
	return nil
}

// plainBatch reads a document that has nothing in it but what clients send: a
// purge sends thousands, and the tree of parseXML would cost more than the
// client. It says no where it finds anything else, which need not be wrong.
func plainBatch(doc string) (b batch, ok bool) {
	if !utf8.ValidString(doc) {
		return b, false
	}
	p := batchParser{rest: doc}
	if strings.HasPrefix(doc, "<?xml ") {
		_, after, found := strings.Cut(doc, "?>")
		if !found {
			return b, false
		}
		p.rest = strings.TrimLeft(after, "\r\n")
	}
	if !p.tag("<Delete>") && !p.tag("<Delete"+namespace+">") {
		return b, false
	}
	b.ids = make([]batchID, 0, min(maxPage, strings.Count(p.rest, "<Object>")))
	for quiet := false; ; {
		switch {
		case p.tag("<Object>"):
			id, ok := p.object()
			if !ok || len(b.ids) == maxPage {
				return b, false
			}
			b.ids = append(b.ids, id)
		case !quiet && p.tag("<Quiet>"):
			text, ok := p.text("</Quiet>")
			if !ok {
				return b, false
			}
			quiet, b.quiet = true, text == "true"
		case p.tag("</Delete>"):
			return b, p.rest == "" && len(b.ids) > 0
		default:
			return b, false
		}
	}
}

type batchParser struct{ rest string }

// tag passes over a tag, where it is the next.
func (p *batchParser) tag(tag string) bool {
	rest, ok := strings.CutPrefix(p.rest, tag)
	if ok {
		p.rest = rest
	}
	return ok
}

// object reads one object, up to its end. Each element may be there once.
func (p *batchParser) object() (id batchID, ok bool) {
	for key, version, etag := false, false, false; ; {
		switch {
		case !key && p.tag("<Key>"):
			key = true
			id.key, ok = p.text("</Key>")
		case !version && p.tag("<VersionId>"):
			version = true
			id.version, ok = p.text("</VersionId>")
		case !etag && p.tag("<ETag>"):
			etag = true
			id.etag, ok = p.text("</ETag>")
		default:
			return id, key && p.tag("</Object>")
		}
		if !ok {
			return id, false
		}
	}
}

// text reads an element's text and its end.
func (p *batchParser) text(end string) (string, bool) {
	i := strings.IndexByte(p.rest, '<')
	if i < 0 || !strings.HasPrefix(p.rest[i:], end) {
		return "", false
	}
	text := p.rest[:i]
	p.rest = p.rest[i+len(end):]
	return unescapeXML(text)
}
