package report

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGaugeLine(t *testing.T) {
	tests := []struct {
		name           string
		g              gauge
		bytes, objects float64
		want           string
	}{
		{
			"listing goes on",
			gauge{moved: 44238512947, finished: 3204, planned: OpCount{9870, 118 * gib}},
			612 << 20, 50,
			"41.2/118.0+ GiB 35% 612 MiB/s | 3,204/9,870+ objects | 2m09s left",
		},
		{
			"listed",
			gauge{moved: 59 * gib, finished: 5000, planned: OpCount{9870, 118 * gib}, listed: true},
			1 << 30, 50,
			"59.0/118.0 GiB 50% 1.0 GiB/s | 5,000/9,870 objects | 59s left",
		},
		{
			"what failed needs no time",
			gauge{moved: 50, lost: 40, finished: 2, planned: OpCount{3, 100}, listed: true},
			10, 1,
			"50/100 B 90% 10 B/s | 2/3 objects | 1s left",
		},
		{
			"stalled",
			gauge{moved: 50, planned: OpCount{3, 100}, listed: true},
			0, 0,
			"50/100 B 50% 0 B/s | 0/3 objects",
		},
		{
			"deletes",
			gauge{finished: 250, planned: OpCount{1000, 0}},
			0, 50,
			"250/1,000+ objects 25% 50/s | 15s left",
		},
		{
			"all but one",
			gauge{moved: 9999, finished: 1, planned: OpCount{2, 10000}, listed: true},
			0, 0,
			"9.8/9.8 KiB 99% 0 B/s | 1/2 objects",
		},
		{"nothing planned", gauge{}, 0, 0, "0 objects"},
		{"moved without a plan", gauge{moved: 1 << 20, finished: 1}, 1 << 10, 1, "1.0 MiB 1.0 KiB/s | 1 objects"},
		{
			"more than planned",
			gauge{moved: 300, finished: 1, planned: OpCount{1, 100}, listed: true},
			1, 1,
			"300/100 B 100% 1 B/s | 1/1 objects",
		},
		{
			"taken back",
			gauge{moved: -5, finished: 0, planned: OpCount{1, 100}, listed: true},
			0, 0,
			"0/100 B 0% 0 B/s | 0/1 objects",
		},
		{
			"next to never",
			gauge{moved: 1, planned: OpCount{1, 1 << 60}, listed: true},
			1, 0,
			"0.0/1.0 EiB 0% 1 B/s | 0/1 objects",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { same(t, "line", tt.g.line(tt.bytes, tt.objects), tt.want) })
	}
}

func TestMeterLooksBackTenSeconds(t *testing.T) {
	var m meter
	at := time.Unix(0, 0)
	step := func(d time.Duration, bytes, objects int64) string {
		at = at.Add(d)
		b, o := m.add(at, gauge{moved: bytes, finished: objects})
		return fmt.Sprintf("%.0f %.1f", b, o)
	}
	same(t, "first", step(0, 0, 0), "0 0.0")
	same(t, "after 2 s", step(2*time.Second, 200, 1), "100 0.5")
	same(t, "after 10 s", step(8*time.Second, 1000, 5), "100 0.5")
	same(t, "twice as fast", step(10*time.Second, 3000, 15), "200 1.0")
	same(t, "standing still", step(10*time.Second, 3000, 15), "0 0.0")
	same(t, "taken back", step(time.Second, 0, 0), "0 0.0")
	same(t, "a long interval", step(time.Minute, 6000, 60), "100 1.0")
	if len(m.samples) > 3 {
		t.Errorf("%d samples kept", len(m.samples))
	}
}

func TestBarOffTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := plainConsole(t)
		tally := NewTally()
		bar := NewBar(c, tally, BarOptions{Interval: time.Minute, Extra: func() string { return "64 in flight" }})
		tally.Report(Event{Kind: Planned, Count: 10, Bytes: 120 << 20})
		tally.Report(Event{Kind: Progress, Bytes: 60 << 20})
		tally.Report(Event{Kind: Done, Op: Upload, Bytes: 60 << 20})
		time.Sleep(59 * time.Second) // virtual
		synctest.Wait()
		same(t, "after 59 s", s.err.String(), "")
		time.Sleep(time.Second)
		synctest.Wait()
		first := "60.0/120.0+ MiB 50% 1.0 MiB/s | 1/10+ objects | 1m00s left | 64 in flight\n"
		same(t, "after 60 s", s.err.String(), first)
		tally.Report(Event{Kind: Listed})
		tally.Report(Event{Kind: Progress, Bytes: 30 << 20})
		time.Sleep(time.Minute)
		synctest.Wait()
		second := "90.0/120.0 MiB 75% 512 KiB/s | 1/10 objects | 1m00s left | 64 in flight\n"
		same(t, "after 120 s", s.err.String(), first+second)
		bar.Close()
		bar.Close()
		closeConsole(t, c)
		same(t, "at the end", s.err.String(), first+second)
		same(t, "stdout", s.out.String(), "")
	})
}

func TestNoBarOffTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := plainConsole(t)
		bar := NewBar(c, NewTally(), BarOptions{Multiline: true})
		time.Sleep(time.Hour) // virtual
		synctest.Wait()
		bar.Close()
		closeConsole(t, c)
		same(t, "stderr", s.err.String(), "")
	})
}

func TestBarMultilineOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		c := terminal(t, s, 80)
		bar := NewBar(c, NewTally(), BarOptions{Multiline: true})
		time.Sleep(2500 * time.Millisecond) // virtual
		synctest.Wait()
		bar.Close()
		closeConsole(t, c)
		same(t, "screen", s.text(), "0 objects\n0 objects\n")
	})
}

func TestBarOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		c := terminal(t, s, 60)
		tally := NewTally()
		text := NewText(c, Options{})
		var extra atomic.Value
		extra.Store("64 in flight\x1b[2J\r")
		bar := NewBar(c, tally, BarOptions{Extra: func() string { return extra.Load().(string) }})
		see := func(what, want string) {
			t.Helper()
			time.Sleep(drawEvery) // virtual
			synctest.Wait()
			same(t, what, s.text(), want)
		}
		same(t, "at first", s.text(), "")
		see("nothing yet", `0 objects | 64 in flight\x1b[2J\r`)
		extra.Store("")
		tally.Report(Event{Kind: Planned, Count: 2, Bytes: 2000})
		tally.Report(Event{Kind: Progress, Bytes: 1000})
		see("half", "1.0/2.0+ KiB 50% 2.4 KiB/s | 0/2+ objects | 0s left")
		text.Report(Event{Kind: Done, Op: Upload, Src: "./a", Dst: "s3://b/a"})
		text.Report(Event{Kind: Failed, Op: Upload, Src: "./b", Dst: "s3://b/b", Err: errPlain})
		// At once: the failure does not wait for the next drawing, nor the
		// bar, nor the result that came first.
		const lines = "upload: ./a to s3://b/a\nupload failed: ./b to s3://b/b disk full\n"
		same(t, "after lines", s.text(), lines+"1.0/2.0+ KiB 50% 2.4 KiB/s | 0/2+ objects | 0s left")
		extra.Store(strings.Repeat("long ", 20))
		see("cut before the last column", lines+"1.0/2.0+ KiB 50% 1.6 KiB/s | 0/2+ objects | 1s left | long")
		extra.Store("")
		see("shorter again", lines+"1.0/2.0+ KiB 50% 1.2 KiB/s | 0/2+ objects | 1s left")
		bar.Close()
		same(t, "closed", s.text(), lines)
		text.Summary(Summary{Failed: 1})
		closeConsole(t, c)
		same(t, "the end", s.text(), lines+"FAILED 1 object\n")
		if len(s.bad) > 0 {
			t.Errorf("reached the terminal: %v", s.bad)
		}
	})
}

func TestBarIntervalOnTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		c := terminal(t, s, 0) // a width that is not known
		bar := NewBar(c, NewTally(), BarOptions{Interval: 5 * time.Second})
		time.Sleep(4900 * time.Millisecond) // virtual
		synctest.Wait()
		same(t, "too soon", s.text(), "")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		same(t, "due", s.text(), "0 objects")
		bar.Close()
		closeConsole(t, c)
	})
}

// Results in a file are no reason to touch the bar.
func TestBarStaysWhereStdoutIsAFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		out := new(lockedBuffer)
		c := NewConsole(ConsoleOptions{Out: out, Err: s, ErrTerminal: true})
		bar := NewBar(c, NewTally(), BarOptions{Interval: time.Hour})
		time.Sleep(time.Hour) // virtual
		synctest.Wait()
		before := s.count()
		NewText(c, Options{}).Report(Event{Kind: Done, Op: Delete, Src: "1"})
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		same(t, "file", out.String(), "delete: 1\n")
		same(t, "screen", s.text(), "0 objects")
		if n := s.count() - before; n != 0 {
			t.Errorf("%d writes to the terminal", n)
		}
		bar.Close()
		closeConsole(t, c)
	})
}

// A bar that a second one has replaced must not come back.
func TestBarReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen()
		c := terminal(t, s, 80)
		one := NewTally()
		first := NewBar(c, one, BarOptions{})
		time.Sleep(drawEvery) // virtual
		synctest.Wait()
		two := NewTally()
		two.Report(Event{Kind: Done, Op: Delete})
		second := NewBar(c, two, BarOptions{})
		time.Sleep(drawEvery)
		synctest.Wait()
		same(t, "screen", s.text(), "1 objects")
		first.Close()
		same(t, "screen", s.text(), "1 objects")
		second.Close()
		closeConsole(t, c)
		same(t, "screen", s.text(), "")
	})
}

// Many goroutines print on both streams of one terminal while a bar is drawn.
// Every line must be there once and whole, also where stdout's buffer runs over
// between two flushes, and the bar may stand at the foot alone.
func TestLinesAndBarDoNotBreakOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, each = 8, 100
		s := newScreen()
		c := terminal(t, s, 80)
		tally := NewTally()
		text := NewText(c, Options{})
		sink := Multi{tally, text}
		bar := NewBar(c, tally, BarOptions{})
		pad := strings.Repeat("x", 500) // 8*100*500 is six times the buffer
		var want []string
		var wg sync.WaitGroup
		for w := range workers {
			for i := range each {
				want = append(want, fmt.Sprintf("delete: s3://b/%d/%d/%s", w, i, pad))
				if w == 0 && i%10 == 0 {
					want = append(want, fmt.Sprintf("delete failed: s3://b/%d/%d disk full", w, i))
				}
			}
			wg.Go(func() {
				for i := range each {
					sink.Report(Event{Kind: Planned, Count: 2})
					sink.Report(Event{Kind: Done, Op: Delete, Src: fmt.Sprintf("s3://b/%d/%d/%s", w, i, pad)})
					// One worker alone: a failure empties the buffer.
					if w == 0 && i%10 == 0 {
						sink.Report(Event{Kind: Failed, Op: Delete, Src: fmt.Sprintf("s3://b/%d/%d", w, i), Err: errPlain})
					}
					if i%25 == 0 {
						time.Sleep(drawEvery + time.Duration(w)*time.Millisecond) // virtual
					}
				}
			})
		}
		bars := 0
		for range 4 {
			time.Sleep(drawEvery + 50*time.Millisecond)
			synctest.Wait()
			lines, bottom := s.lines()
			for _, l := range lines {
				if !strings.HasPrefix(l, "delete") {
					t.Errorf("broken: %q", l)
				}
			}
			if strings.Contains(bottom, " objects ") {
				bars++
			}
			if len(bottom) >= 80 {
				t.Errorf("too long for the terminal: %q", bottom)
			}
		}
		wg.Wait()
		bar.Close()
		closeConsole(t, c)
		if bars != 4 {
			t.Errorf("the bar was there %d times of 4", bars)
		}
		got, bottom := s.lines()
		same(t, "bottom", bottom, "")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d lines, want %d; the first that differs is at %d", len(got), len(want), firstDifference(got, want))
		}
		if len(s.bad) > 0 {
			t.Errorf("reached the terminal: %v", s.bad)
		}
	})
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
