package report

import (
	"fmt"
	"math"
	"time"
)

// drawEvery is how often a bar is drawn where nobody says.
const drawEvery = 200 * time.Millisecond

// BarOptions says how progress is shown.
type BarOptions struct {
	// Interval is the time between two drawings, or between two plain lines.
	// 0 means five drawings a second on a terminal, one line a second with
	// Multiline, and nothing at all elsewhere.
	Interval time.Duration
	// Multiline prints plain lines on a terminal too.
	Multiline bool
	// Extra, where it is not nil, is asked for what stands at the line's end,
	// as "64 in flight, limit 96"; it must be safe to call at any time.
	Extra func() string
}

// Bar shows on stderr how far a run is, as
//
//	41.2/118.0+ GiB 35% 612 MiB/s | 3,204/9,870+ objects | 2m09s left
//
// where + says that the listing goes on. On a terminal it is one line that is
// drawn over; elsewhere it is a plain line for each interval. The rate is that
// of the last ten seconds (of one interval where that is longer), and the time
// left is what the rest of what is known so far would take at it.
type Bar struct {
	console *Console
	tally   *Tally
	extra   func() string
	paint   *painter // nil: plain lines
	beat    *beat    // nil: no progress is shown
	speed   meter
}

// NewBar starts to show what tally has counted. A Console has one Bar at a
// time. Close it before the Console.
func NewBar(c *Console, tally *Tally, o BarOptions) *Bar {
	b := &Bar{console: c, tally: tally, extra: o.Extra}
	interval := o.Interval
	switch {
	case c.errTTY && !o.Multiline:
		b.paint = newPainter(c.width)
		c.attach(b.paint)
		if interval <= 0 {
			interval = drawEvery
		}
	case c.errTTY && interval <= 0:
		interval = time.Second
	case interval <= 0:
		return b
	}
	b.speed.add(time.Now(), tally.gauge())
	b.beat = every(interval, b.tick)
	return b
}

// Close takes the bar off the screen and ends its goroutine.
func (b *Bar) Close() {
	b.beat.end()
	if b.paint != nil {
		b.console.detach(b.paint)
	}
}

func (b *Bar) tick() {
	g := b.tally.gauge()
	bytes, objects := b.speed.add(time.Now(), g)
	line := g.line(bytes, objects)
	if b.extra != nil {
		if x := b.extra(); x != "" {
			line += " | " + Visible(x)
		}
	}
	if b.paint != nil {
		b.console.draw(b.paint, line)
		return
	}
	b.console.Errln(line)
}

// line is the line of progress at the given rates a second.
func (g gauge) line(bytesRate, objectsRate float64) string {
	plus := "+"
	if g.listed {
		plus = ""
	}
	objects := count(g.finished)
	if g.planned.Objects > 0 {
		objects += "/" + count(g.planned.Objects) + plus
	}
	objects += " objects"

	if g.found > 0 {
		return g.purged(objectsRate)
	}
	if g.planned.Bytes <= 0 && g.moved <= 0 && g.resumed <= 0 {
		// Deletes, or nothing yet.
		line := objects
		if g.planned.Objects > 0 {
			line += fmt.Sprintf(" %d%% %s/s", percent(g.finished, g.planned.Objects), count(int64(objectsRate)))
		}
		return line + remaining(g.planned.Objects-g.finished, objectsRate)
	}

	moved := max(g.moved, 0) + g.resumed
	line := size(moved)
	if g.planned.Bytes > 0 {
		e := exponent(g.planned.Bytes)
		line = fmt.Sprintf("%s/%s%s %s %d%%", scaled(moved, e), scaled(g.planned.Bytes, e), plus, unit(e),
			percent(moved+g.lost, g.planned.Bytes))
	}
	line += " " + rate(bytesRate) + " | " + objects
	return line + remaining(g.planned.Bytes-moved-g.lost, bytesRate)
}

// percent rounds, but is 100 only where n is all.
func percent(n, of int64) int {
	if n >= of {
		return 100
	}
	return int(min(max(math.Round(float64(n)/float64(of)*100), 0), 99))
}

// remaining is " | 2m09s left", or nothing where that cannot be known.
func remaining(n int64, perSecond float64) string {
	const tooFar = 100 * 24 * 3600 // a stall, not an estimate
	if n <= 0 || perSecond <= 0 {
		return ""
	}
	s := float64(n) / perSecond
	if s > tooFar {
		return ""
	}
	return " | " + left(time.Duration(s*float64(time.Second))) + " left"
}

// meter finds rates over the last ten seconds. Only the goroutine of a Bar
// uses it.
type meter struct{ samples []sample }

type sample struct {
	at             time.Time
	bytes, objects int64
}

// add takes a sample and returns bytes and objects a second.
func (m *meter) add(now time.Time, g gauge) (bytes, objects float64) {
	const window = 10 * time.Second
	m.samples = append(m.samples, sample{at: now, bytes: g.moved, objects: g.finished})
	old := 0
	for old < len(m.samples)-2 && now.Sub(m.samples[old+1].at) >= window {
		old++
	}
	m.samples = append(m.samples[:0], m.samples[old:]...)
	first := m.samples[0]
	dt := now.Sub(first.at).Seconds()
	if dt <= 0 {
		return 0, 0
	}
	return max(float64(g.moved-first.bytes)/dt, 0), max(float64(g.finished-first.objects)/dt, 0)
}
