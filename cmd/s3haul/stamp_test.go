package main

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones are those of Go, whatever the machine has
)

// Whatever the time and the zone, it is what time.Format writes.
func TestStampAsFormat(t *testing.T) {
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("odd", -3*3600-1801)}
	for _, name := range []string{
		"Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Kathmandu",
		"Australia/Lord_Howe", // moves by half an hour
		"Africa/Casablanca",   // moves with Ramadan
		"Pacific/Apia",        // left out a day
		"Europe/Dublin", "Antarctica/Troll", "Pacific/Chatham", "America/St_Johns", "Asia/Tehran",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rnd := rand.New(rand.NewPCG(5, 1))
	for _, zone := range zones {
		s := newStamper(zone)
		check := func(at time.Time) {
			t.Helper()
			if got, want := string(s.append([]byte("x"), at)), "x"+at.In(zone).Format(stamp); got != want {
				t.Fatalf("%s: %d is %q, want %q", zone, at.Unix(), got, want)
			}
		}
		for range 20_000 {
			check(time.Unix(1_000_000_000+rnd.Int64N(1_500_000_000), rnd.Int64N(1e9))) // from 2001 to 2049
		}
		for range 2000 {
			check(time.Unix(rnd.Int64N(600_000_000_000)-300_000_000_000, 0)) // also of five digits, and before year 0
		}
		for _, day := range []int64{firstDay, lastDay, 0} {
			for d := int64(-3 * 3600); d < 3*daySecs; d += 1777 {
				check(time.Unix((day-1)*daySecs+d, 0))
			}
		}
		check(time.Time{})
		// Both sides of each change of the offset, by the second.
		at, changes := time.Unix(1_000_000_000, 0).In(zone), 0
		for range 100 {
			_, end := at.ZoneBounds()
			if end.IsZero() {
				break
			}
			for d := -2; d <= 2; d++ {
				check(end.Add(time.Duration(d) * time.Second))
			}
			at = end
			changes++
		}
		if strings.HasPrefix(zone.String(), "Europe/") && changes < 50 {
			t.Errorf("%s has %d changes of its offset", zone, changes)
		}
	}
}
