package main

import (
	"testing"
	"time"
)

func TestAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * day, "2w": 14 * day, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "1ns": 1, "15250w": 15250 * 7 * day,
	} {
		var g age
		if err := g.Set(text); err != nil || time.Duration(g) != want {
			t.Errorf("%q is %v, %v; want %v", text, time.Duration(g), err, want)
		}
		// What is shown means the same.
		var again age
		if err := again.Set(g.String()); err != nil || again != g {
			t.Errorf("%q is shown as %q, which is %v, %v", text, g.String(), time.Duration(again), err)
		}
	}
	for _, text := range []string{"", "0", "0d", "-1d", "1", "d", "w", "+1d", "1.5d", "1d12h", "30 d", "soon", "-2h", "15251w", "99999999999999999999d", "0h"} {
		g := age(5)
		if err := g.Set(text); err == nil {
			t.Errorf("%q is taken for %v", text, time.Duration(g))
		}
		if g != 5 {
			t.Errorf("%q is refused, and changes the flag", text)
		}
	}
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 11, 23, 1, 2, 3, 4, time.UTC)
	local := func(y int, m time.Month, d, h, min, s int) time.Time {
		return time.Date(y, m, d, h, min, s, 0, time.Local)
	}
	for text, want := range map[string]time.Time{
		"2h":                        now.Add(-2 * time.Hour),
		"3d":                        now.Add(-3 * day),
		"2026-11-22":                local(2026, 11, 22, 0, 0, 0),
		"2026-11-22 20:00":          local(2026, 11, 22, 20, 0, 0),
		"2026-11-22 20:00:05":       local(2026, 11, 22, 20, 0, 5),
		"2026-11-22T20:00":          local(2026, 11, 22, 20, 0, 0),
		"2026-11-22T20:00:05":       local(2026, 11, 22, 20, 0, 5),
		"2026-11-22T20:00:05Z":      time.Date(2026, 11, 22, 20, 0, 5, 0, time.UTC),
		"2026-11-22T20:00:05.123Z":  time.Date(2026, 11, 22, 20, 0, 5, 123e6, time.UTC),
		"2026-11-22T20:00:05+02:00": time.Date(2026, 11, 22, 18, 0, 5, 0, time.UTC),
	} {
		if got, ok := parseMoment(text, now); !ok || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "now", "yesterday", "20:00", "22.11.2026", "2026-11", "2026-13-01", "2026-02-30", "1764000000", "-2h", "0"} {
		if got, ok := parseMoment(text, now); ok {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	var m moment
	if err := m.Set(time.Now().Add(time.Hour).Format(time.RFC3339)); err == nil || !m.time.IsZero() {
		t.Errorf("a time to come is taken: %v, %v", m.time, err)
	}
}
