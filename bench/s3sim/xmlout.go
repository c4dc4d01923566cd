package s3sim

import (
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

const namespace = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`

// beginXML returns an empty buffer with the declaration in it. What is made of
// it goes to sendXML, which gives the memory back.
func (c *call) beginXML() []byte {
	buf := c.s.answers.Get().(*[]byte)
	return append((*buf)[:0], `<?xml version="1.0" encoding="UTF-8"?>`+"\n"...)
}

// sendXML answers with a document. Nothing may be read from it afterwards.
func (c *call) sendXML(status int, doc []byte) {
	c.w.Header()["Content-Type"] = c.s.sharedVals.xml
	c.set("Content-Length", itoa(len(doc)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(doc) // a client that went away needs no answer
	c.s.answers.Put(&doc)
}

func (c *call) replyXML(doc []byte) error {
	c.sendXML(http.StatusOK, doc)
	return nil
}

// appendElement appends <name>value</name>.
func appendElement(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = appendText(dst, value)
	return append(append(append(dst, "</"...), name...), '>')
}

func appendNumber(dst []byte, name string, n int64) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = strconv.AppendInt(dst, n, 10)
	return append(append(append(dst, "</"...), name...), '>')
}

func appendBool(dst []byte, name string, b bool) []byte {
	return appendElement(dst, name, strconv.FormatBool(b))
}

func appendTime(dst []byte, name string, nanos int64) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = appendMoment(dst, nanos)
	return append(append(append(dst, "</"...), name...), '>')
}

// appendMoment writes a time as S3 does, with milliseconds that are 0.
func appendMoment(dst []byte, nanos int64) []byte {
	t := time.Unix(0, nanos).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = append(appendDigits(dst, year, 4), '-')
	dst = append(appendDigits(dst, int(month), 2), '-')
	dst = append(appendDigits(dst, day, 2), 'T')
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = appendDigits(dst, second, 2)
	return append(dst, ".000Z"...)
}

// appendText appends s as text of an element. A control character that XML
// cannot have is written as S3 writes it, as a reference that a strict reader
// refuses: whoever has such keys asks for encoding-type=url. What is no UTF-8
// is only in documents of errors, which name what was asked for.
func appendText[S string | []byte](dst []byte, s S) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		var with string
		switch ch := s[i]; {
		case ch == '&':
			with = "&amp;"
		case ch == '<':
			with = "&lt;"
		case ch == '>':
			with = "&gt;"
		case ch == '"':
			with = "&quot;"
		case ch < 0x20:
			with = "&#x" + strconv.FormatInt(int64(ch), 16) + ";"
		case ch >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
			with = "\ufffd"
		default:
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, with...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendURL appends s as encoding-type=url has it: a form's encoding that
// leaves slashes alone.
func appendURL[S string | []byte](dst []byte, s S) []byte {
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case ch >= 'a' && ch <= 'z', ch >= 'A' && ch <= 'Z', ch >= '0' && ch <= '9',
			ch == '/', ch == '-', ch == '_', ch == '.', ch == '*':
			dst = append(dst, ch)
		case ch == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', "0123456789ABCDEF"[ch>>4], "0123456789ABCDEF"[ch&15])
		}
	}
	return dst
}

func appendOwner(dst []byte, name string) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = append(dst, "<ID>"+ownerID+"</ID><DisplayName>"+ownerName+"</DisplayName>"...)
	return append(append(append(dst, "</"...), name...), '>')
}

func validKey(key string) bool { return utf8.ValidString(key) }
