package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// age is --older-than: 30d, 2w, 12h, or a duration of Go's.
type age time.Duration

func (g *age) String() string {
	d := time.Duration(*g)
	if d == 0 {
		return ""
	}
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	p := period(d)
	return p.String()
}

func (g *age) Type() string { return "DURATION" }

const day = 24 * time.Hour

func (g *age) Set(text string) error {
	d, ok := parseAge(text)
	if !ok {
		return errors.New("write a duration as 30d, 2w, 12h or 1h30m")
	}
	*g = age(d)
	return nil
}

// parseAge reads a positive duration; a day is 24 hours.
func parseAge(text string) (time.Duration, bool) {
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day} {
		number, ok := strings.CutSuffix(text, suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n == 0 || n > uint64(math.MaxInt64/unit) {
			return 0, false
		}
		return time.Duration(n) * unit, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// moment is --since: a time, or how long ago.
type moment struct {
	text string
	time time.Time
}

func (m *moment) String() string { return m.text }
func (m *moment) Type() string   { return "TIME" }

func (m *moment) Set(text string) error {
	now := time.Now()
	t, ok := parseMoment(text, now)
	if !ok {
		return errors.New("write a time as 2026-11-22, '2026-11-22 20:00' or 2026-11-22T20:00:00Z, or how long ago as 2h or 3d")
	}
	if t.After(now) {
		return errors.New("that is still to come: nothing can have been deleted since")
	}
	*m = moment{text, t}
	return nil
}

// parseMoment reads a time, which is local where it names no zone, or a
// duration before now.
func parseMoment(text string, now time.Time) (time.Time, bool) {
	if ago, ok := parseAge(text); ok {
		return now.Add(-ago), true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", stamp, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// atLeast1 is a number of things that is not nought.
type atLeast1 struct {
	n    int64
	what string // of which it is the number, and what to do for nought
}

func (v *atLeast1) String() string {
	if v.n == 0 {
		return ""
	}
	return strconv.FormatInt(v.n, 10)
}

func (v *atLeast1) Type() string { return "N" }

func (v *atLeast1) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return errors.New("write " + v.what)
	}
	v.n = n
	return nil
}
