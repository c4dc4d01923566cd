package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/pool"
)

// --debug has a line for each move of the limit, and nothing in a key breaks it.
func TestTellMove(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	a.tellMove(pool.Move{From: 64, To: 128, Why: "slow start"})
	a.tellMove(pool.Move{Where: "b/hot\nkey", To: 349.6, Why: "SlowDown"})
	a.tellMove(pool.Move{Where: "b/hot", From: 350, Why: "no SlowDown for a minute"})
	want := "debug: limit 64 -> 128: slow start\n" +
		`debug: rate of s3://b/hot\nkey.. 0 -> 350/s: SlowDown` + "\n" +
		"debug: rate of s3://b/hot.. 350 -> 0/s: no SlowDown for a minute\n"
	if got := stderr.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "90": 90 * time.Second, "8h": 8 * time.Hour, "1.5s": 1500 * time.Millisecond,
		"": 0, "0": 0, "0s": 0, "-1": 0, "-5m": 0, "5x": 0, "99999999999999999999": 0,
	} {
		var p period
		if err := p.Set(text); time.Duration(p) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, time.Duration(p), err)
		}
	}
}

func TestPeriodText(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"": 0, "8h": 8 * time.Hour, "1h30m": 90 * time.Minute, "30m": 30 * time.Minute, "10m": 10 * time.Minute, "20s": 20 * time.Second, "1h0m20s": time.Hour + 20*time.Second,
	} {
		if got := new(period(d)).String(); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Output is made before the engine is: until then it knows of no load.
func TestLoadOfNothing(t *testing.T) {
	if got := (&output{}).now().String(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestStoppedByTime(t *testing.T) {
	f := &transferFlags{maxDuration: period(90 * time.Minute), maxTransfer: 1 << 30}
	got := f.stopped("s3haul rm", &engine.BoundError{Bound: engine.MaxDuration, Objects: 12345, Bytes: 5 << 20}).Error()
	if want := "--max-duration 1h30m is reached with 12,345 objects (5.0 MiB); what was under way has ended, and nothing else was begun"; got != want {
		t.Errorf("%s", got)
	}
	f.maxDelete.n = 5000
	got = f.stopped("s3haul purge", &engine.BoundError{Bound: engine.MaxDelete, Objects: 5000}).Error()
	if want := "--max-delete 5000 is reached; what was under way has ended, and nothing else was begun"; got != want {
		t.Errorf("%s", got)
	}
}
