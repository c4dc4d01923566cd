package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/pool"
)

// limitRate is --limit-rate: a rate, or times with their rates.
type limitRate struct {
	text  string
	table pool.Timetable
}

func (l *limitRate) String() string { return l.text }
func (l *limitRate) Type() string   { return "RATE" }

func (l *limitRate) Set(text string) error {
	table, err := pool.ParseTimetable(text, bytesPerSecond)
	if err != nil {
		return fmt.Errorf("%w; write 20M, or a timetable as '08:00,20M 19:00,off'", err)
	}
	*l = limitRate{text, table}
	return nil
}

// bytesPerSecond reads a rate as the other flags read sizes; 20M/s is 20M.
func bytesPerSecond(text string) (int64, error) {
	var s size
	if err := s.Set(strings.TrimSuffix(text, "/s")); err != nil {
		return 0, errors.New("no size")
	}
	return int64(s), nil
}

// period is --max-duration: 30m, 8h, or seconds.
type period time.Duration

func (p *period) String() string {
	if *p == 0 {
		return ""
	}
	text := time.Duration(*p).String() // 8h0m0s
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (p *period) Type() string { return "DURATION" }

func (p *period) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, nerr := strconv.ParseUint(text, 10, 31); nerr == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d <= 0 {
		return errors.New("write a duration as 30m, 8h or 1h30m, or a number of seconds")
	}
	*p = period(d)
	return nil
}

// stopped is a run that a bound has ended, in the words of the flags.
func (t *transferFlags) stopped(command string, e *engine.BoundError) error {
	reached := "--max-duration " + t.maxDuration.String()
	switch e.Bound {
	case engine.MaxTransfer:
		reached = "--max-transfer " + t.maxTransfer.String()
	case engine.MaxDelete:
		reached = "--max-delete " + t.maxDelete.String()
	}
	text := reached + " is reached"
	if e.Objects > 0 && e.Bound != engine.MaxDelete { // which says it already
		text += fmt.Sprintf(" with %s objects (%s)", humanize.Comma(e.Objects), humanize.IBytes(uint64(e.Bytes)))
		if e.Objects == 1 {
			text = strings.Replace(text, "objects", "object", 1)
		}
	}
	goOn := "the same command once more does the rest"
	switch {
	case strings.HasSuffix(command, " cp"):
		goOn = "cp once more begins anew; sync does the rest"
	case strings.HasSuffix(command, " verify"):
		goOn = "verify once more begins anew"
	}
	return &advised{errors.New(text + "; what was under way has ended, and nothing else was begun"), goOn}
}
