package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// publish prints the table and writes the files that were asked for.
func (c *comparison) publish(stdout io.Writer) error {
	var text string
	if c.options.markdown {
		text = c.record.markdown()
	} else {
		text = c.record.table()
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if c.options.json != "" {
		if err := c.record.save(c.options.json); err != nil {
			return err
		}
	}
	if c.options.svg != "" {
		return c.record.plot(c.options.svg)
	}
	return nil
}

// heading says where the figures come from.
func (rec *Record) heading() string {
	transport := "http"
	if rec.TLS || strings.HasPrefix(rec.Endpoint, "https:") {
		transport = "TLS"
	}
	m := rec.Machine
	text := fmt.Sprintf("%s, %d cores, %s %s, %s; data on %s; %s over %s; medians of %d alternating runs",
		m.System, m.Cores, "kernel", or(m.Kernel, "unknown"), m.Go, or(rec.Filesystem, "an unknown file system"),
		rec.Endpoint, transport, rec.Rounds)
	if rec.Scale != 1 {
		text += fmt.Sprintf("; %g of the work", rec.Scale)
	}
	return text
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// table is for a terminal: a block for each workload, a line for each tool. The
// ratios are s3haul's figure by the tool's.
func (rec *Record) table() string {
	var out strings.Builder
	fmt.Fprintln(&out, rec.heading())
	versions := map[string]string{}
	for _, t := range rec.Tools {
		versions[t.Name] = t.Version
	}
	for _, r := range rec.rows() {
		fmt.Fprintf(&out, "\n%s\n", r.title())
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "  tool\tversion\twall s\t(min-max)\tCPU s\t(min-max)\tpeak RSS\trequests\tlists\tdeletes\tsent\treceived\ts3haul: CPU\twall")
		ours := r.cell("s3haul")
		var failed []string
		for _, c := range r.cells {
			if c.Cannot != "" {
				failed = append(failed, fmt.Sprintf("  %s takes no part: %s\n", c.Tool, c.Cannot))
			}
			if c.Error != "" {
				failed = append(failed, fmt.Sprintf("  %s failed after %d rounds: %s\n", c.Tool, len(c.Runs), firstLine(c.Error)))
			}
			if len(c.Runs) == 0 {
				continue
			}
			fmt.Fprintf(w, "  %s\t%s\t", c.Tool, shorten(versions[c.Tool]))
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t", number(c.wall().Median), ends(c.wall()), number(c.cpu().Median), ends(c.cpu()), size(c.rss().Median))
			if last := c.Runs[len(c.Runs)-1]; last.Requests != nil {
				for _, count := range []func(Run) int64{Run.requests, Run.lists, Run.deletes} {
					fmt.Fprintf(w, "%s\t", humanize.Comma(c.median(count)))
				}
				fmt.Fprintf(w, "%s\t%s\t", size(float64(last.Sent)), size(float64(last.Received)))
			} else {
				fmt.Fprint(w, "-\t-\t-\t-\t-\t")
			}
			fmt.Fprintf(w, "%s\t%s\n", ratio(ours, c, (*Cell).cpu), ratio(ours, c, (*Cell).wall))
		}
		_ = w.Flush() // into a strings.Builder
		fmt.Fprint(&out, strings.Join(failed, ""))
	}
	return out.String()
}

// markdown is the README's table: what s3haul takes, and for each other tool
// what it takes and s3haul's processor time as a ratio to its.
func (rec *Record) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s. CPU is user and system, in seconds; in brackets s3haul's by that tool's.\n\n| Work |", rec.heading())
	for _, t := range rec.Tools {
		name := t.Name
		switch name {
		case "floor":
			name = "the plain loop"
		case "s3haul":
		default:
			name += " " + shorten(t.Version)
		}
		fmt.Fprintf(&out, " %s |", name)
	}
	fmt.Fprint(&out, "\n|---|"+strings.Repeat("---|", len(rec.Tools))+"\n")
	for _, r := range rec.rows() {
		fmt.Fprintf(&out, "| %s |", r.title())
		ours := r.cell("s3haul")
		for _, t := range rec.Tools {
			c := r.cell(t.Name)
			switch {
			case c == nil || c.Cannot != "":
				fmt.Fprint(&out, " - |")
			case len(c.Runs) == 0:
				fmt.Fprint(&out, " failed |")
			case c == ours || ours == nil || len(ours.Runs) == 0:
				fmt.Fprintf(&out, " %s CPU, %s wall, %s |", number(c.cpu().Median), number(c.wall().Median), size(c.rss().Median))
			default:
				fmt.Fprintf(&out, " %s CPU (%s), %s wall, %s |", number(c.cpu().Median), ratio(ours, c, (*Cell).cpu), number(c.wall().Median), size(c.rss().Median))
			}
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}

// ratio is ours by theirs; "-" where one is not there.
func ratio(ours, theirs *Cell, figure func(*Cell) lab.Spread) string {
	if ours == nil || len(ours.Runs) == 0 || ours == theirs || figure(theirs).Median == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", figure(ours).Median/figure(theirs).Median)
}

// number has three digits that count.
func number(seconds float64) string {
	switch {
	case seconds < 0.1:
		return fmt.Sprintf("%.4f", seconds)
	case seconds < 10:
		return fmt.Sprintf("%.2f", seconds)
	}
	return fmt.Sprintf("%.1f", seconds)
}

func ends(s lab.Spread) string { return "(" + number(s.Least) + "-" + number(s.Most) + ")" }

func size(bytes float64) string {
	if bytes == 0 {
		return "-"
	}
	return humanize.IBytes(uint64(bytes))
}

// shorten leaves the number of a version: of aws-cli/2.9.19 Python/3.11.2 and of
// v2.3.0-991c9fb.
func shorten(version string) string {
	first, _, _ := strings.Cut(version, " ")
	first = first[strings.LastIndexByte(first, '/')+1:]
	if number, commit, found := strings.Cut(first, "-"); found && !strings.Contains(commit, "-") {
		return number
	}
	if strings.HasPrefix(first, "RELEASE.") { // mc's are times
		first, _, _ = strings.Cut(first, "T")
	}
	return first
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
