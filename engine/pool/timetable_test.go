package pool_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

// plainSize reads bytes, and M for a million of them.
func plainSize(s string) (int64, error) {
	digits, million := strings.CutSuffix(s, "M")
	n, err := strconv.ParseInt(digits, 10, 40)
	if err != nil {
		return 0, errors.New("no number")
	}
	if million {
		n *= 1_000_000
	}
	return n, nil
}

func TestParseTimetable(t *testing.T) {
	for text, want := range map[string]string{
		"20M":                        "[{0 20000000}]",
		" 500 ":                      "[{0 500}]",
		"off":                        "[{0 0}]",
		"0":                          "[{0 0}]",
		"OFF":                        "[{0 0}]",
		"Mon-08:00,20M":              "[{1920 20000000}]",
		"sunday-0:00,1":              "[{0 1}]",
		"Sat-23:59,1":                "[{10079 1}]",
		"Tue-9:05,off":               "[{3425 0}]",
		"Fri-18:00,5 \tMon-08:00,0 ": "[{1920 0} {8280 5}]",
		"08:00,1 19:00,off":          "[{480 1} {1140 0} {1920 1} {2580 0} {3360 1} {4020 0} {4800 1} {5460 0} {6240 1} {6900 0} {7680 1} {8340 0} {9120 1} {9780 0}]",
		"08:00,1 Wed-08:00,2":        "[{480 1} {1920 1} {3360 1} {4800 2} {6240 1} {7680 1} {9120 1}]",
	} {
		got, err := pool.ParseTimetable(text, plainSize)
		if err != nil || fmt.Sprint(got) != want || got.Validate() != nil {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"":                       "no rate",
		"  ":                     "no rate",
		"abc":                    `"abc" is no rate: no number`,
		"-5":                     `"-5" is no rate`,
		"25:00,1M":               `"25:00" is no time`,
		"08:60,1M":               `"08:60" is no time`,
		"8,1M":                   `"8" is no time`,
		"008:00,1M":              `"008:00" is no time`,
		"08:0,1M":                `"08:0" is no time`,
		"+8:00,1M":               `"+8:00" is no time`,
		"08:00,":                 `"" is no rate`,
		"08:00,x":                `"x" is no rate`,
		",1M":                    `"" is no time`,
		"Noday-08:00,1":          `"Noday-08:00" is no time`,
		"Mo-08:00,1":             `"Mo-08:00" is no time`,
		"08:00,1 20M":            `"20M" has no time`,
		"08:00 20M":              `"08:00" has no time`,
		"08:00,1 8:00,2":         "8:00 stands there twice",
		"Mon-8:00,1 Mon-08:00,2": "Mon-08:00 stands there twice",
		"08:00,1,2":              `"1,2" is no rate`,
	} {
		got, err := pool.ParseTimetable(text, plainSize)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v, want %s", text, got, err, says)
		}
	}
}

func TestTimetableAt(t *testing.T) {
	table, err := pool.ParseTimetable("08:00,20 19:00,off Sat-08:00,50 Sun-08:00,off Sun-19:00,7", plainSize)
	if err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]int64{
		"2026-11-23 07:59:59": 7, // a Monday: Sunday evening's holds until then
		"2026-11-23 08:00:00": 20,
		"2026-11-23 18:59:59": 20,
		"2026-11-23 19:00:00": 0,
		"2026-11-24 00:00:00": 0,
		"2026-11-28 07:00:00": 0,
		"2026-11-28 08:00:00": 50,
		"2026-11-28 19:30:00": 0,
		"2026-11-29 12:00:00": 0,
		"2026-11-29 23:59:59": 7,
	} {
		at, err := time.Parse(time.DateTime, when)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.At(at); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	// The first of the week takes over from the last.
	if got := (pool.Timetable{{Minute: 60, Rate: 1}, {Minute: 120, Rate: 2}}).At(time.Date(2026, 11, 22, 0, 30, 0, 0, time.UTC)); got != 2 {
		t.Errorf("before the first: %d", got)
	}
	if got := pool.Constant(5).At(time.Now()); got != 5 {
		t.Errorf("constant: %d", got)
	}
	if got := pool.Timetable(nil).At(time.Now()); got != 0 {
		t.Errorf("none: %d", got)
	}
}

// Whatever is read is a timetable that holds at any time, and an error names
// what is wrong.
func FuzzParseTimetable(f *testing.F) {
	for _, seed := range []string{"20M", "off", "08:00,20M 19:00,off", "Mon-08:00,20M Fri-18:00,off", "25:00,1M", "08:00,1 08:00,2", "-", "a-b:c,d", "\xff:00,1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, err := pool.ParseTimetable(text, plainSize)
		if err != nil {
			if table != nil || err.Error() == "" {
				t.Errorf("%v with an error", table)
			}
			return
		}
		if err := table.Validate(); err != nil {
			t.Error(err)
		}
		if _, err := pool.NewBandwidth(table); err != nil {
			t.Error(err)
		}
		for _, c := range table {
			at := time.Date(2026, 11, 22, 0, c.Minute, 0, 0, time.UTC) // a Sunday
			if got := table.At(at); got != c.Rate {
				t.Errorf("at minute %d: %d, want %d", c.Minute, got, c.Rate)
			}
		}
	})
}
