package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is what came of all spots of one operation.
type row struct {
	name                 string
	spots, early         int
	resumed              int
	took                 time.Duration // of all of them
	counted              bool
	twice, may           int64 // the worst
	unit                 string
	violations, violated int
}

// table is what there is to say in the end.
type table struct {
	rows       []*row
	violations []string
	notes      []string
	// unknown is what was left by processes that were killed while another had
	// the journal.
	unknown int
}

func (t *table) add(name string, took time.Duration, o outcome, again string) {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.name == name })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{name: name})
	}
	r := t.rows[i]
	r.spots++
	r.took += took
	if o.early {
		r.early++
	}
	if o.resumed {
		r.resumed++
	}
	if o.twice >= 0 {
		if !r.counted || o.twice-o.may > r.twice-r.may {
			r.twice, r.may, r.unit = o.twice, o.may, o.unit
		}
		r.counted = true
	}
	if len(o.problems) > 0 {
		r.violated++
	}
	for _, err := range o.problems {
		r.violations++
		t.violations = append(t.violations, fmt.Sprintf("%s: %v\n  again: %s", name, err, again))
	}
}

// kept says that nothing is wrong.
func (t *table) kept() bool { return len(t.violations) == 0 }

func (t *table) text() string {
	var s strings.Builder
	if len(t.rows) > 0 {
		w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "operation\tkills\tdone before\tresumed\tworst sent twice\tmay be\tseconds each\twrong")
		for _, r := range t.rows {
			twice, may := "-", "-"
			if r.counted {
				twice, may = amount(r.twice, r.unit), amount(r.may, r.unit)
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\t%.2f\t%d\n", r.name, r.spots, r.early, r.resumed, twice, may,
				r.took.Seconds()/float64(r.spots), r.violated)
		}
		_ = w.Flush() // into memory
	}
	for _, note := range t.notes {
		fmt.Fprintln(&s, note)
	}
	if t.unknown > 0 {
		fmt.Fprintf(&s, "%d uploads and temporary files are left of processes that were killed while another had the journal, as they said\n", t.unknown)
	}
	if len(t.violations) > 0 {
		fmt.Fprintf(&s, "\n%d violations:\n%s\n", len(t.violations), strings.Join(t.violations, "\n"))
	}
	return s.String()
}

func amount(n int64, unit string) string {
	if unit == "bytes" {
		return fmt.Sprintf("%.1f MiB", float64(n)/mib)
	}
	return fmt.Sprintf("%d %s", n, unit)
}
