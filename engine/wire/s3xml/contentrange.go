package s3xml

import (
	"fmt"
	"strings"
)

// ContentRange parses the header Content-Range of an answer to a range of
// bytes, "bytes 0-8388607/2147483648" (RFC 9110, 14.4): the first and the last
// byte of the range, both inclusive and from 0, and the size of the whole.
// What names no range ("bytes */123") or no size ("bytes 0-9/*") is an error,
// as is a range that does not lie inside the size.
func ContentRange(h string) (from, to, size int64, err error) {
	fail := func(why string) (int64, int64, int64, error) {
		return 0, 0, 0, fmt.Errorf("Content-Range %q: %s", short([]byte(h)), why)
	}
	unit, rest, ok := strings.Cut(h, " ")
	// Units are told whatever their case (RFC 9110, 14.1); the length, since
	// EqualFold takes U+017F for an s.
	if !ok || len(unit) != len("bytes") || !strings.EqualFold(unit, "bytes") {
		return fail("not a range of bytes")
	}
	span, whole, ok := strings.Cut(rest, "/")
	if !ok {
		return fail("no size of the whole")
	}
	if span == "*" {
		return fail("no range was sent (unsatisfied)")
	}
	if whole == "*" {
		return fail("the size of the whole is not known")
	}
	first, last, ok := strings.Cut(span, "-")
	if !ok {
		return fail("no range")
	}
	from, ok1 := decimal(first)
	to, ok2 := decimal(last)
	size, ok3 := decimal(whole)
	switch {
	case !ok1 || !ok2 || !ok3:
		return fail("not a number, or too large a one")
	case from > to:
		return fail("it ends before it begins")
	case to >= size:
		return fail("it ends behind the end of the whole")
	}
	return from, to, size, nil
}
