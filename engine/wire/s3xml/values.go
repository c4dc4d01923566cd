package s3xml

import (
	"bytes"
	"math"
	"time"
)

// decimal parses digits alone: no sign, no space, nothing above an int64.
func decimal[S []byte | string](s S) (int64, bool) {
	n := int64(0)
	for i := range len(s) {
		d := int64(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(s) > 0
}

// number reads the content of an element that holds a size.
func (p *parser) number() int64 {
	b := p.take()
	n, ok := decimal(b)
	if !ok {
		p.fail("<%s> is no size: %q", p.tag(), short(b))
	}
	return n
}

// bool reads the content of an element that holds true or false. Lesser stores
// write it in the ways of their languages.
func (p *parser) bool() bool {
	b := p.take()
	switch {
	case len(b) == 4 && bytes.EqualFold(b, []byte("true")), string(b) == "1":
		return true
	case len(b) == 5 && bytes.EqualFold(b, []byte("false")), string(b) == "0": // U+017F folds to s
		return false
	}
	p.fail("<%s> is neither true nor false: %q", p.tag(), short(b))
	return false
}

// time reads the content of an element that holds a date.
func (p *parser) time() time.Time {
	b := p.take()
	if t, ok := usualTime(b); ok {
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		p.fail("<%s> is no date: %q", p.tag(), short(b))
		return time.Time{}
	}
	return t.UTC()
}

// usualTime parses 2009-10-12T17:50:30.000Z, as S3 writes its dates, with any
// number of digits behind the second, or none. ok is false for any other shape.
func usualTime(b []byte) (t time.Time, ok bool) {
	const shape = "2006-01-02T15:04:05Z"
	if len(b) < len(shape) || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return t, false
	}
	century, ok1 := two(b[0:])
	year, ok2 := two(b[2:])
	month, ok3 := two(b[5:])
	day, ok4 := two(b[8:])
	hour, ok5 := two(b[11:])
	minute, ok6 := two(b[14:])
	second, ok7 := two(b[17:])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 {
		return t, false
	}
	year += 100 * century
	if year < 1 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	nano := 0
	if fraction := b[19 : len(b)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 10 {
			return t, false
		}
		unit := 100_000_000
		for _, c := range fraction[1:] {
			if c < '0' || c > '9' {
				return t, false
			}
			nano += int(c-'0') * unit
			unit /= 10
		}
	}
	if day > 28 && day > daysIn(year, month) {
		return t, false
	}
	seconds := int64(days(year, month, day))*86400 + int64(hour*3600+minute*60+second)
	return time.Unix(seconds, int64(nano)).UTC(), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts from January 1, 1970; year is 1 or later. Years begin in March
// here, so that the leap day is their last.
func days(year, month, day int) int {
	if month < 3 {
		year--
		month += 12
	}
	const epoch = 719468
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - epoch
}

// two is the number that b begins with two digits of.
func two(b []byte) (int, bool) {
	h, l := b[0]-'0', b[1]-'0'
	return int(h)*10 + int(l), h <= 9 && l <= 9
}

// class is the name of a storage class: one string for all keys of a class.
func class(b []byte) string {
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
	switch string(b) {
	case "":
		return ""
	case "STANDARD":
		return "STANDARD"
	case "STANDARD_IA":
		return "STANDARD_IA"
	case "ONEZONE_IA":
		return "ONEZONE_IA"
	case "INTELLIGENT_TIERING":
		return "INTELLIGENT_TIERING"
	case "GLACIER":
		return "GLACIER"
	case "GLACIER_IR":
		return "GLACIER_IR"
	case "DEEP_ARCHIVE":
		return "DEEP_ARCHIVE"
	case "REDUCED_REDUNDANCY":
		return "REDUCED_REDUNDANCY"
	case "EXPRESS_ONEZONE":
		return "EXPRESS_ONEZONE"
	case "OUTPOSTS":
		return "OUTPOSTS"
	case "SNOW":
		return "SNOW"
	}
	return string(b)
}

// unescape undoes the encoding of s in place, as url.QueryUnescape does: '+'
// is a space.
func (p *parser) unescape(s *span) {
	b := p.of(*s)
	if p.err != nil || bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return
	}
	to := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			high, low := rune(-1), rune(-1)
			if i+2 < len(b) {
				high, low = digit(b[i+1]), digit(b[i+2])
			}
			if high < 0 || low < 0 {
				p.fail("a key that is not URL-encoded, as <EncodingType> says it is: %q", short(b[i:]))
				return
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b[to] = c
		to++
	}
	s.to = s.from + to
}
