package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

func count(n int64) string { return humanize.Comma(n) }

// plural is "1 object", "2,000 objects".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// size is "512 B", "118.0 GiB". It is not humanize.IBytes, which drops the
// decimal from 10 up and cannot write two amounts in one unit.
func size(b int64) string {
	e := exponent(b)
	return scaled(b, e) + " " + unit(e)
}

// exponent is the power of 1024 that b is written in. What would be rounded to
// 1024.0 of one unit is 1.0 of the next.
func exponent(b int64) int {
	e, v := 0, float64(b)
	for v >= 1023.95 && e < 6 {
		v /= 1024
		e++
	}
	return e
}

func scaled(b int64, e int) string {
	if e == 0 {
		return strconv.FormatInt(b, 10)
	}
	return strconv.FormatFloat(float64(b)/math.Pow(1024, float64(e)), 'f', 1, 64)
}

func unit(e int) string {
	if e == 0 {
		return "B"
	}
	return "KMGTPE"[e-1:e] + "iB"
}

// rate is "612 MiB/s", "9.4 KiB/s".
func rate(perSecond float64) string {
	return humanize.IBytes(uint64(max(perSecond, 0))) + "/s"
}

// took is a duration as one reads it: "28ms", "0.4s", "45s", "3m18s", "1h02m", "2d03h".
func took(d time.Duration) string {
	if d < 95*time.Millisecond {
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + "ms"
	}
	if r := d.Round(100 * time.Millisecond); r < 10*time.Second {
		return strconv.FormatFloat(r.Seconds(), 'f', 1, 64) + "s"
	}
	return left(d)
}

// left is took in whole seconds: an estimate has no tenths.
func left(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	default:
		return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
	}
}
