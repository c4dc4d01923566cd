package s3xml

import (
	"fmt"
	"strings"
)

// DeleteResult parses b, the whole answer to a DeleteObjects: it calls failed
// for each key that was not deleted, and counts those that the store says were
// (none where the request was quiet). failed is not called at all where there
// is an error, so that the batch can be sent again as a whole: an answer that
// is an error instead is an [*InsteadError], one that was cut off has
// [io.ErrUnexpectedEOF] in its chain, and so on, as with [ListObjects].
func DeleteResult(b []byte, failed func(key, versionID, code, message string)) (deleted int, err error) {
	p := newParser(b)
	defer p.free()
	if !p.instead("DeleteResult") {
		return 0, p.err
	}
	var all []refused
	for p.child() {
		switch string(p.tag()) {
		case "Deleted":
			deleted++
			p.skip()
		case "Error":
			all = append(all, p.refused())
		default:
			p.skip()
		}
	}
	p.finish()
	if p.err != nil {
		return 0, p.err
	}
	for _, r := range all {
		failed(r.key, r.version, r.code, r.message)
	}
	return deleted, nil
}

// refused is one key that was not deleted.
type refused struct{ key, version, code, message string }

func (p *parser) refused() (r refused) {
	var seen field
	for p.child() {
		switch string(p.tag()) {
		case "Key":
			p.once(&seen, fieldKey)
			s := p.text()
			r.key = string(p.of(s))
		case "VersionId":
			p.once(&seen, fieldVersion)
			s := p.text()
			r.version = string(p.of(s))
		case "Code":
			r.code = string(p.take())
		case "Message":
			r.message = string(p.take())
		default:
			p.skip()
		}
	}
	if r.key == "" {
		// Whose error is it? The batch cannot be taken for deleted.
		p.fail("an <Error> without a <Key>: %s: %s", short([]byte(r.code)), short([]byte(r.message)))
	}
	return r
}

// KeyError is a key, a version id or an ETag that XML has no way to write.
type KeyError struct {
	// Index is the place of the object in the batch, from 0.
	Index int
	// Text is the key, the version id or the ETag.
	Text string
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("object %d of the batch: XML cannot carry %q", e.Index, e.Text)
}

// CanCarry says whether XML has a way to write s: it has none for control
// characters but tab, LF and CR, for what is not UTF-8, and for U+FFFE and
// U+FFFF (https://www.w3.org/TR/xml/#charsets).
func CanCarry(s string) bool { return badChar(s) < 0 }

// AppendDelete appends the body of a quiet DeleteObjects to dst: n objects, of
// which id names the i-th, from 0; without a version id where that is empty, and
// unconditionally where the ETag is, which has no quotes. The error is a
// [*KeyError], for what [CanCarry] refuses; dst is then returned as it came.
func AppendDelete(dst []byte, n int, id func(i int) (key, versionID, etag string)) ([]byte, error) {
	out := append(dst, `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>`...)
	for i := range n {
		key, version, etag := id(i)
		var ok bool
		out = append(out, "<Object><Key>"...)
		if out, ok = appendText(out, key); !ok {
			return dst, &KeyError{Index: i, Text: key}
		}
		out = append(out, "</Key>"...)
		if version != "" {
			out = append(out, "<VersionId>"...)
			if out, ok = appendText(out, version); !ok {
				return dst, &KeyError{Index: i, Text: version}
			}
			out = append(out, "</VersionId>"...)
		}
		if etag != "" {
			out = append(out, `<ETag>"`...)
			if out, ok = appendText(out, etag); !ok {
				return dst, &KeyError{Index: i, Text: etag}
			}
			out = append(out, `"</ETag>`...)
		}
		out = append(out, "</Object>"...)
	}
	return append(out, "</Delete>"...), nil
}

// appendText appends s as the text of an element, where XML can carry it. Nearly
// all keys are as they stand, and are looked at once.
func appendText(dst []byte, s string) ([]byte, bool) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '&' || c == '<' || c == '>' {
			if !CanCarry(s) {
				return dst, false
			}
			return appendEscaped(dst, s), true
		}
	}
	return append(dst, s...), true
}

// appendEscaped appends s as the text of an element. A CR must be a reference,
// or the store reads an LF; tab and LF are for parsers that trim white space.
func appendEscaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexAny(s, "&<>\r\n\t")
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch s[i] {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '\r':
			dst = append(dst, "&#13;"...)
		case '\n':
			dst = append(dst, "&#10;"...)
		case '\t':
			dst = append(dst, "&#9;"...)
		}
		s = s[i+1:]
	}
}
