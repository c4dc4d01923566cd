package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

func (a *app) duCmd() *cobra.Command {
	var (
		d        usage
		o        engine.UsageOptions
		pageSize int
	)
	cmd := &cobra.Command{
		Use:   "du s3://BUCKET[/PREFIX]",
		Short: "Count bytes and objects by prefix and storage class",
		Long: `Count what is below a prefix. Each level that the next / makes has a line: bytes,
objects, name; then come the total, with what lies in no level, and the storage
classes. As with ls, the prefix is what keys begin with: s3://b/di takes dir/ too.

With --versions all versions and delete markers are counted, and their states:
current, noncurrent, and markers, which have no bytes. Unfinished uploads are not
counted.`,
		Example: `  s3haul du s3://holiday --human-readable
  s3haul du s3://holiday/2026/ --depth 2 --versions
  s3haul du s3://holiday --depth 0 --json`,
		Args: exactly("s3://BUCKET[/PREFIX]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPageSize(pageSize); err != nil {
				return err
			}
			if o.Depth < 0 {
				return usagef("--depth %d: give 0 for the total alone, or more", o.Depth)
			}
			at, err := parsePlace(scheme + strings.TrimPrefix(args[0], scheme)) // as with ls
			if err != nil {
				return err
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				o.PageSize, o.Notice = pageSize, a.noticed
				start := time.Now()
				u, err := eng.Usage(ctx, engine.Bucket(at.bucket, at.key), o)
				if err != nil {
					return err
				}
				d.out, d.visible, d.at, d.versions = out, terminal(a.stdout), at, o.Versions
				code := 0
				if u.Total.Objects == 0 && at.key != "" {
					code = exitFailed // as ls: no such key or prefix
				}
				if d.json {
					err = d.records(u, time.Since(start), code)
				} else {
					d.lines(u)
				}
				if err == nil && code != 0 {
					err = &exitError{code}
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.Depth, "depth", 1, "tell `N` levels below the prefix apart; 0: the total alone")
	f.BoolVar(&o.Versions, "versions", false, "count all versions and delete markers")
	f.BoolVar(&d.human, "human-readable", false, "sizes as 1.2 MiB")
	f.BoolVar(&d.json, "json", false, "print one JSON object a line instead of text")
	registerPageSize(f, &pageSize)
	return cmd
}

// usage prints what du has counted.
type usage struct {
	human, json, versions bool
	visible               bool // control characters as escapes: it is a terminal
	at                    place
	out                   *bufio.Writer
}

// row is a line of the text: what kind of thing it is, its name, its amount.
type row struct {
	kind, name string
	engine.Amount
}

// The kinds of rows, also those of the JSON.
const (
	kindPrefix = "prefix"
	kindTotal  = "total"
	kindClass  = "class"
	kindState  = "state"
)

// rows are those of u, the prefixes first.
func (d *usage) rows(u engine.Usage) []row {
	rows := make([]row, 0, len(u.Prefixes)+len(u.Classes)+4)
	for _, p := range u.Prefixes {
		rows = append(rows, row{kindPrefix, scheme + d.at.bucket + "/" + p.Name, p.Amount})
	}
	rows = append(rows, row{kindTotal, "", u.Total})
	for _, c := range u.Classes {
		rows = append(rows, row{kindClass, c.Name, c.Amount})
	}
	if d.versions {
		rows = append(
			rows,
			row{kindState, "current", u.Current},
			row{kindState, "noncurrent", u.Noncurrent},
			row{kindState, "marker", engine.Amount{Objects: u.Markers}},
		)
	}
	return rows
}

// lines prints rows in columns, with an empty line before the classes and before
// the states.
func (d *usage) lines(u engine.Usage) {
	rows := d.rows(u)
	var sizes, counts int
	for _, r := range rows {
		sizes, counts = max(sizes, len(d.size(r.Bytes))), max(counts, len(strconv.FormatInt(r.Objects, 10)))
	}
	before := kindPrefix
	for _, r := range rows {
		if r.kind != before && (r.kind == kindClass || r.kind == kindState) {
			_ = d.out.WriteByte('\n') // bufio keeps the error for Flush
		}
		before = r.kind
		text := r.name
		if d.visible {
			text = report.Visible(text)
		}
		switch r.kind {
		case kindTotal:
			text = kindTotal
		case kindClass, kindState:
			text = r.kind + " " + text
		}
		fmt.Fprintf(d.out, "%*s  %*d  %s\n", sizes, d.size(r.Bytes), counts, r.Objects, text)
	}
}

func (d *usage) size(n int64) string {
	if d.human {
		return humanSize(n)
	}
	return strconv.FormatInt(n, 10)
}

// usageRecord is a line of --json: one for each row, and the total as the summary.
type usageRecord struct {
	V     int    `json:"v"`
	Event string `json:"event"`
	Src   string `json:"src,omitempty"`
	// SrcBase64 has the bytes of a name that is no UTF-8.
	SrcBase64 string   `json:"src_base64,omitempty"`
	Class     *string  `json:"class,omitempty"`
	State     string   `json:"state,omitempty"`
	Bytes     int64    `json:"bytes"`
	Objects   int64    `json:"objects"`
	Seconds   *float64 `json:"seconds,omitempty"`
	Exit      *int     `json:"exit,omitempty"`
}

func (d *usage) records(u engine.Usage, took time.Duration, code int) error {
	var total usageRecord
	for _, r := range d.rows(u) {
		rec := usageRecord{V: 1, Event: r.kind, Bytes: r.Bytes, Objects: r.Objects}
		switch r.kind {
		case kindPrefix:
			rec.named(r.name)
		case kindClass:
			rec.Class = &r.name
		case kindState:
			rec.State = r.name
		case kindTotal:
			total = rec
			continue
		}
		if err := d.record(rec); err != nil {
			return err
		}
	}
	seconds := took.Seconds()
	total.Event, total.Seconds, total.Exit = "summary", &seconds, &code
	total.named(scheme + d.at.bucket + "/" + d.at.key)
	return d.record(total)
}

func (r *usageRecord) named(name string) {
	r.Src = name
	if !utf8.ValidString(name) {
		r.SrcBase64 = base64.StdEncoding.EncodeToString([]byte(name))
	}
}

func (d *usage) record(r usageRecord) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("a line of JSON for %s: %w", r.Src, err)
	}
	// JSON escapes most of what a terminal may act on. Of the rest DEL is written
	// here as JSON has it; the others get escapes that are JSON's too.
	line := strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
	_, err := fmt.Fprintln(d.out, report.Visible(line))
	return err
}
