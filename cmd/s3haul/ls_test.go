package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// The lines are those that fmt writes, which are aws's.
func TestLsLines(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 2))
	zone := time.FixedZone("", 5400)
	for _, recursive := range []bool{false, true} {
		for _, human := range []bool{false, true} {
			l := &listing{recursive: recursive, human: human, stamp: newStamper(zone)}
			for range 1000 {
				e := walker.Entry{
					Key:     fmt.Sprintf("dir/%c %d", 'a'+rune(rnd.IntN(300)), rnd.IntN(1000)),
					Size:    rnd.Int64() >> rnd.IntN(63),
					ModTime: time.Unix(rnd.Int64N(2e9), 0),
				}
				name, size := e.Key[4:], fmt.Sprint(e.Size)
				if recursive {
					name = e.Key
				}
				if human {
					size = humanSize(e.Size)
				}
				want := fmt.Sprintf("x%s %10s %s\n", e.ModTime.In(zone).Format(stamp), size, name)
				if got := string(l.line([]byte("x"), &e)); got != want {
					t.Fatalf("%q, want %q", got, want)
				}
				e = walker.Entry{Key: "dir/" + name + "/", CommonPrefix: true}
				if want := fmt.Sprintf("%30s %s/\n", "PRE", name[max(0, len(name)-len(e.Key[4:])+1):]); !recursive {
					if got := string(l.line(nil, &e)); got != want {
						t.Fatalf("%q, want %q", got, want)
					}
				}
			}
		}
	}
}

// Versions keep their columns, whatever is in them.
func TestLsVersionLines(t *testing.T) {
	l := &listing{recursive: true, versions: true, stamp: newStamper(time.UTC)}
	at := time.Date(2026, 7, 1, 9, 0, 7, 0, time.UTC)
	for _, q := range []struct {
		e    walker.Entry
		want string
	}{
		{
			walker.Entry{Key: "a b", Size: 1024, Latest: true, VersionID: "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"},
			"2026-07-01 09:00:07       1024 latest        3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH a b\n",
		},
		{
			walker.Entry{Key: "a b", VersionID: "null"},
			"2026-07-01 09:00:07          0 noncurrent    null                             a b\n",
		},
		{
			walker.Entry{Key: "a b", Latest: true, DeleteMarker: true, VersionID: "01JZ0000000000000000000000"},
			"2026-07-01 09:00:07          - latest-marker 01JZ0000000000000000000000       a b\n",
		},
		{
			walker.Entry{Key: "a b", Size: 12345678901, DeleteMarker: true, VersionID: "much-longer-than-those-of-s3-itself"},
			"2026-07-01 09:00:07          - marker        much-longer-than-those-of-s3-itself a b\n",
		},
	} {
		q.e.ModTime = at
		if got := string(l.line(nil, &q.e)); got != q.want {
			t.Errorf("got\n%swant\n%s", got, q.want)
		}
	}
	l = &listing{recursive: true, versions: true, visible: true, stamp: newStamper(time.UTC)}
	got := string(l.line(nil, &walker.Entry{Key: "a\x1b[2J", Size: 12345678901, Latest: true, VersionID: "v\n", ModTime: at}))
	if want := "2026-07-01 09:00:07 12345678901 latest        v\\n                              a\\x1b[2J\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func BenchmarkLsLine(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(5, 3))
	var entries [1024]walker.Entry
	for i := range entries {
		entries[i] = walker.Entry{
			Key: fmt.Sprintf("photos/2026/07/IMG_%06d.jpeg", i), Size: rnd.Int64N(1e9),
			ModTime: time.Unix(1_750_000_000+rnd.Int64N(30_000_000), 0), VersionID: "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH",
		}
	}
	for name, l := range map[string]*listing{
		"plain": {recursive: true}, "human": {recursive: true, human: true}, "versions": {recursive: true, versions: true},
	} {
		b.Run(name, func(b *testing.B) {
			l.stamp, l.out = newStamper(zone), bufio.NewWriterSize(io.Discard, 64<<10)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := l.out.Write(l.line(l.out.AvailableBuffer(), &entries[i%len(entries)])); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("fmt", func(b *testing.B) { // what it was, for comparison
		out := bufio.NewWriterSize(io.Discard, 64<<10)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e := &entries[i%len(entries)]
			line := e.ModTime.In(zone).AppendFormat(out.AvailableBuffer(), stamp)
			if _, err := out.Write(fmt.Appendf(line, " %10s %s\n", fmt.Sprint(e.Size), e.Key)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
