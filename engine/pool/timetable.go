package pool

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

// Timetable says how many bytes a second may move at which time of the week.
// The last change before a moment holds at it, and so the last of the week
// until the first. The zero value is no limit at any time.
type Timetable []Change

// Change is a moment of the week from which on another rate holds.
type Change struct {
	// Minute is the minute of the week in local time: 0 is Sunday 00:00.
	Minute int
	// Rate is in bytes a second; 0 is no limit.
	Rate int64
}

// Constant is a Timetable with the same rate at all times, in bytes a second.
func Constant(rate int64) Timetable { return Timetable{{Rate: rate}} }

// Validate says what is wrong with t, or nil: minutes have to be those of a
// week, in their order and no two the same, and rates must not be negative.
func (t Timetable) Validate() error {
	for i, c := range t {
		switch {
		case c.Minute < 0 || c.Minute >= minutesOfWeek:
			return fmt.Errorf("pool: minute %d is not in a week of %d", c.Minute, minutesOfWeek)
		case i > 0 && c.Minute <= t[i-1].Minute:
			return fmt.Errorf("pool: minute %d of the week comes after minute %d", c.Minute, t[i-1].Minute)
		case c.Rate < 0:
			return fmt.Errorf("pool: a rate of %d bytes a second", c.Rate)
		}
	}
	return nil
}

// At is the rate that holds at a moment, in the location that it has: bytes a
// second, 0 for no limit.
func (t Timetable) At(now time.Time) int64 {
	if len(t) == 0 {
		return 0
	}
	minute := int(now.Weekday())*minutesOfDay + now.Hour()*60 + now.Minute()
	last := t[len(t)-1] // since the week before
	for _, c := range t {
		if c.Minute > minute {
			break
		}
		last = c
	}
	return last.Rate
}

// Limits says whether t has a limit at any time.
func (t Timetable) Limits() bool {
	return slices.ContainsFunc(t, func(c Change) bool { return c.Rate > 0 })
}

// ParseTimetable reads one rate, or times with their rates: as rclone's
// --bwlimit,
//
//	20M
//	08:00,20M 12:30,50M 19:00,off
//	Mon-08:00,20M Fri-18:00,off
//
// A time without a day is one of every day. size reads a rate, in bytes a
// second; "off" and "0" are no limit.
func ParseTimetable(text string, size func(string) (int64, error)) (Timetable, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return nil, errors.New("no rate is given")
	}
	if len(fields) == 1 && !strings.Contains(text, ",") {
		rate, err := parseRate(fields[0], size)
		if err != nil {
			return nil, err
		}
		return Constant(rate), nil
	}
	// What is said of one day counts there, whatever is said of every day.
	daily, weekly := map[int]int64{}, map[int]int64{}
	for _, f := range fields {
		at, what, ok := strings.Cut(f, ",")
		if !ok {
			return nil, fmt.Errorf("%q has no time: write 08:00,%s", f, f)
		}
		day, minute, err := parseTime(at)
		if err != nil {
			return nil, err
		}
		rate, err := parseRate(what, size)
		if err != nil {
			return nil, err
		}
		into := weekly
		if day < 0 {
			into, day = daily, 0
		}
		if _, twice := into[day*minutesOfDay+minute]; twice {
			return nil, fmt.Errorf("%s stands there twice", at)
		}
		into[day*minutesOfDay+minute] = rate
	}
	for minute, rate := range daily {
		for day := range 7 {
			if _, said := weekly[day*minutesOfDay+minute]; !said {
				weekly[day*minutesOfDay+minute] = rate
			}
		}
	}
	t := make(Timetable, 0, len(weekly))
	for minute, rate := range weekly {
		t = append(t, Change{minute, rate})
	}
	slices.SortFunc(t, func(a, b Change) int { return a.Minute - b.Minute })
	return t, nil
}

func parseRate(text string, size func(string) (int64, error)) (int64, error) {
	if strings.EqualFold(text, "off") || text == "0" {
		return 0, nil
	}
	rate, err := size(text)
	if err == nil && rate <= 0 {
		err = errors.New("out of range")
	}
	if err != nil {
		return 0, fmt.Errorf("%q is no rate: %w", text, err)
	}
	return rate, nil
}

// parseTime reads 08:00 or Mon-08:00; day is -1 where there is none.
func parseTime(text string) (day, minute int, err error) {
	wrong := fmt.Errorf("%q is no time: write 08:00 or Mon-08:00", text)
	day = -1
	clock := text
	if name, rest, ok := strings.Cut(text, "-"); ok {
		clock = rest
		for d := range time.Saturday + 1 {
			if strings.EqualFold(name, d.String()) || strings.EqualFold(name, d.String()[:3]) {
				day = int(d)
			}
		}
		if day < 0 {
			return 0, 0, wrong
		}
	}
	h, m, ok := strings.Cut(clock, ":")
	hour, herr := strconv.ParseUint(h, 10, 8)
	min, merr := strconv.ParseUint(m, 10, 8)
	if !ok || herr != nil || merr != nil || hour > 23 || min > 59 || len(h) > 2 || len(m) != 2 {
		return 0, 0, wrong
	}
	return day, int(hour)*60 + int(min), nil
}
