package main

import (
	"math"
	"time"
)

const stamp = "2006-01-02 15:04:05"

// stamper appends times of a zone as stamp has them. A million of them cost more
// than to list the objects, if each looks for its zone and reads the layout.
type stamper struct {
	zone *time.Location
	// spans are stretches of time with one offset, by when they were asked for:
	// what is asked for within 48 days mostly finds its span in the same place.
	spans [64]zoneSpan
	// day is the last day that was written, in days since 1970, as date.
	day  int64
	date [10]byte
}

// zoneSpan is [from, to) in seconds of Unix time, with the seconds by which the zone
// is ahead of UTC.
type zoneSpan struct{ from, to, offset int64 }

const (
	spanShift = 22 // 2^22 seconds are 48 days
	daySecs   = 24 * 60 * 60
	// years of four digits: 0001-01-01 to 9999-12-31
	firstDay = -719162
	lastDay  = 2932896
)

func newStamper(zone *time.Location) *stamper {
	return &stamper{zone: zone, day: math.MinInt64}
}

func (s *stamper) append(dst []byte, t time.Time) []byte {
	unix := t.Unix()
	at := &s.spans[uint64(unix>>spanShift)%uint64(len(s.spans))]
	if unix < at.from || unix >= at.to {
		*at = spanOf(t.In(s.zone))
	}
	local := unix + at.offset
	day, sec := local/daySecs, local%daySecs
	if sec < 0 {
		day, sec = day-1, sec+daySecs
	}
	if day < firstDay || day > lastDay {
		return t.In(s.zone).AppendFormat(dst, stamp)
	}
	if day != s.day {
		s.day = day
		time.Unix(day*daySecs, 0).UTC().AppendFormat(s.date[:0], time.DateOnly)
	}
	h, m, sec := sec/3600, sec/60%60, sec%60
	dst = append(dst, s.date[:]...)
	return append(dst, ' ',
		digit(h/10), digit(h%10), ':', digit(m/10), digit(m%10), ':', digit(sec/10), digit(sec%10))
}

func digit(n int64) byte { return '0' + byte(n) }

// spanOf is the span that t is in.
func spanOf(t time.Time) zoneSpan {
	_, offset := t.Zone()
	s := zoneSpan{from: math.MinInt64, to: math.MaxInt64, offset: int64(offset)}
	from, to := t.ZoneBounds() // zero times are the ends of time
	if !from.IsZero() {
		s.from = from.Unix()
	}
	if !to.IsZero() {
		s.to = to.Unix()
	}
	return s
}
