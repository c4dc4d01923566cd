package s3xml

import "time"

// CopyObjectResult parses b, the whole answer to a CopyObject: it calls value
// for each element that has a text, by its name, and modified for LastModified.
// An answer that is an error instead is an [*InsteadError], one that was cut off
// has [io.ErrUnexpectedEOF] in its chain, and so on, as with [ListObjects]: the
// object may not be there, whatever value was called with.
func CopyObjectResult(b []byte, value func(name, value string), modified func(time.Time)) error {
	p := newParser(b)
	defer p.free()
	if !p.instead("CopyObjectResult") {
		return p.err
	}
	for p.child() {
		if name := string(p.tag()); name == "LastModified" {
			if t := p.time(); p.err == nil {
				modified(t)
			}
		} else if text := p.take(); p.err == nil {
			value(name, string(text))
		}
	}
	p.finish()
	return p.err
}
