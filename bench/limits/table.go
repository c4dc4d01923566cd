package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// figure is one result. What it is held against is kept where ratio is at most
// the bound, or at least, as atLeast says.
type figure struct {
	scenario string
	what     string  // with its unit
	ours     float64 // s3haul's
	against  string  // what it is held against; "" is the bound alone
	theirs   float64
	bound    *float64 // nil: nothing is asked
	atLeast  bool
	ourCPU   float64 // seconds; 0: not told
	theirCPU float64
	note     string
}

// ratio is s3haul's figure by the other, or itself where there is none.
func (f figure) ratio() float64 {
	if f.against == "" {
		return f.ours
	}
	return f.ours / f.theirs
}

func (f figure) kept() bool {
	switch {
	case f.bound == nil:
		return true
	case f.atLeast:
		return f.ratio() >= *f.bound
	}
	return f.ratio() <= *f.bound
}

// cells are the columns of the table.
func (f figure) cells() []string {
	against, theirs, bound, holds := f.against, number(f.theirs), "-", "-"
	if against == "" {
		against, theirs = "-", "-"
	}
	if f.bound != nil {
		bound, holds = "at most "+number(*f.bound), "yes"
		if f.atLeast {
			bound = "at least " + number(*f.bound)
		}
		if !f.kept() {
			holds = "NO"
		}
	}
	cpu := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return number(v)
	}
	return []string{f.scenario, f.what, number(f.ours), against, theirs, number(f.ratio()), bound, holds, cpu(f.ourCPU), cpu(f.theirCPU), f.note}
}

func (f figure) line() string {
	c := f.cells()
	return fmt.Sprintf("%s: %s: %s, %s %s: %s (%s): %s %s", c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], f.note)
}

func columns() []string {
	return []string{"scenario", "figure", "s3haul", "against", "of it", "ratio", "bound", "kept", "CPU s", "its CPU s", "note"}
}

// table is all figures.
type table struct {
	machine    lab.Machine
	filesystem string
	rounds     int
	scale      float64
	figures    []figure
}

func (t *table) kept() bool {
	for _, f := range t.figures {
		if !f.kept() {
			return false
		}
	}
	return true
}

func (t *table) heading() string {
	text := fmt.Sprintf("%s, %d cores, kernel %s, %s; data on %s; s3sim over http; medians of %d alternating runs",
		t.machine.System, t.machine.Cores, t.machine.Kernel, t.machine.Go, t.filesystem, t.rounds)
	if t.scale != 1 {
		text += fmt.Sprintf("; %g of the work", t.scale)
	}
	return text
}

func (t *table) text() string {
	var out strings.Builder
	fmt.Fprintln(&out, t.heading())
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns(), "\t"))
	for _, f := range t.figures {
		fmt.Fprintln(w, strings.Join(f.cells(), "\t"))
	}
	_ = w.Flush() // into a strings.Builder
	return out.String()
}

func (t *table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s.\n\n| %s |\n|%s\n", t.heading(), strings.Join(columns(), " | "), strings.Repeat("---|", len(columns())))
	for _, f := range t.figures {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(f.cells(), " | "))
	}
	return out.String()
}

// number has three digits that count.
func number(v float64) string {
	switch {
	case v != 0 && v < 0.1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
