package main

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

func (a *app) lsCmd() *cobra.Command {
	var (
		l        listing
		pageSize int
	)
	cmd := &cobra.Command{
		Use:   "ls [s3://BUCKET[/PREFIX]]",
		Short: "List buckets, or objects",
		Long: `List the buckets, or the objects whose keys begin with a prefix: time, size, name.
Without --recursive, what lies behind the next / is one line with PRE.

With --versions each version and each delete marker has a line, the newest of a
key first: time, size, state, version id, name. The state is one word: latest
and noncurrent for versions, latest-marker and marker for delete markers, which
have "-" for a size. A key whose newest line says latest-marker is deleted for
who does not ask for versions.`,
		Example: `  s3haul ls
  s3haul ls s3://holiday/2026/ --recursive --human-readable --summarize
  s3haul ls s3://holiday --recursive --versions | awk '$4 == "latest-marker"'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("unknown argument: %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkPageSize(pageSize); err != nil {
				return err
			}
			buckets := len(args) == 0 || args[0] == scheme
			if buckets && l.versions {
				return usagef("--versions goes with a bucket: write s3://BUCKET")
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				l.out, l.visible, l.stamp = out, terminal(a.stdout), newStamper(time.Local)
				if buckets {
					return l.buckets(ctx, eng)
				}
				return l.objects(ctx, eng, args[0], engine.ListOptions{
					ByLevel: !l.recursive, Versions: l.versions, PageSize: pageSize, Notice: a.noticed,
				})
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&l.recursive, "recursive", "r", false, "list all that is below the prefix")
	f.BoolVar(&l.versions, "versions", false, "list all versions and delete markers, with their ids")
	f.BoolVar(&l.human, "human-readable", false, "sizes as 1.2 MiB")
	f.BoolVar(&l.summarize, "summarize", false, "add the number of objects and their size")
	f.IntVar(&pageSize, "page-size", 1000, "keys asked for with one request: `N` from 1 to 1000")
	return cmd
}

func checkPageSize(n int) error {
	if n < 1 || n > 1000 {
		return usagef("--page-size %d: S3 takes 1 to 1000", n)
	}
	return nil
}

// reading runs a command that changes nothing and whose results are lines.
func (a *app) reading(ctx context.Context, do func(context.Context, *engine.Engine, *bufio.Writer) error) error {
	eng, end, err := a.open(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	err = do(ctx, eng, out)
	if ferr := out.Flush(); ferr != nil {
		err = &outputError{fmt.Errorf("writing the list: %w", ferr)}
	}
	if cerr := end(); err == nil {
		err = cerr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return err
}

// noticed tells of what is worth knowing and changes no exit code.
func (a *app) noticed(err error) { a.fail("notice: ", err) }

// listing prints what ls finds, in the columns of aws s3.
type listing struct {
	recursive, versions   bool
	human, summarize      bool
	visible               bool // control characters as escapes: it is a terminal
	out                   *bufio.Writer
	stamp                 *stamper
	count, markers, bytes int64
}

func (l *listing) buckets(ctx context.Context, eng *engine.Engine) error {
	all, err := eng.Buckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range all {
		fmt.Fprintf(l.out, "%s %s\n", b.Created.Local().Format(stamp), b.Name)
	}
	return nil
}

func (l *listing) objects(ctx context.Context, eng *engine.Engine, arg string, o engine.ListOptions) error {
	at, err := parsePlace(scheme + strings.TrimPrefix(arg, scheme)) // ls b/p works too
	if err != nil {
		return err
	}
	found := false
	for e, err := range eng.List(ctx, engine.Bucket(at.bucket, at.key), o) {
		if err != nil {
			return err
		}
		found = true
		if _, err := l.out.Write(l.line(l.out.AvailableBuffer(), &e)); err != nil {
			return err
		}
	}
	if l.summarize {
		l.sum()
	}
	if !found && at.key != "" {
		return &exitError{exitFailed} // as aws: no such key or prefix
	}
	return nil
}

// line appends the line of an entry, and counts it.
func (l *listing) line(b []byte, e *walker.Entry) []byte {
	name := e.Key
	if e.CommonPrefix {
		name = name[strings.LastIndexByte(name[:len(name)-1], '/')+1:]
		b = append(b, "                           PRE "...)
		return append(l.name(b, name), '\n')
	}
	if !l.recursive {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	l.bytes += e.Size
	if e.DeleteMarker {
		l.markers++
	} else {
		l.count++
	}
	b = append(l.stamp.append(b, e.ModTime), ' ')
	start := len(b)
	switch {
	case e.DeleteMarker:
		b = append(b, '-')
	case l.human:
		b = append(b, humanSize(e.Size)...)
	default:
		b = strconv.AppendInt(b, e.Size, 10)
	}
	b = append(right(b, start, 10), ' ')
	if l.versions {
		start = len(b)
		b = left(append(b, state(e)...), start, len("latest-marker"))
		b = append(b, ' ')
		// Version ids of S3 have 32 characters: with these, names stand in a column.
		start = len(b)
		b = append(left(l.name(b, e.VersionID), start, 32), ' ')
	}
	return append(l.name(b, name), '\n')
}

// state is one word without spaces, so that awk finds the column behind it.
func state(e *walker.Entry) string {
	switch {
	case e.DeleteMarker && e.Latest:
		return "latest-marker"
	case e.DeleteMarker:
		return "marker"
	case e.Latest:
		return "latest"
	}
	return "noncurrent"
}

func (l *listing) name(b []byte, s string) []byte {
	if l.visible {
		s = report.Visible(s)
	}
	return append(b, s...)
}

// right pads b[start:] with spaces before it, to a width.
func right(b []byte, start, width int) []byte {
	n := width - (len(b) - start)
	if n <= 0 {
		return b
	}
	end := len(b)
	b = left(b, start, width)
	copy(b[start+n:], b[start:end])
	for i := range n {
		b[start+i] = ' '
	}
	return b
}

// left pads b[start:] with spaces behind it, to a width.
func left(b []byte, start, width int) []byte {
	for len(b) < start+width {
		b = append(b, ' ')
	}
	return b
}

func (l *listing) sum() {
	size := strconv.FormatInt(l.bytes, 10)
	if l.human {
		size = humanSize(l.bytes)
	}
	if l.versions {
		fmt.Fprintf(l.out, "\nTotal Versions: %d\n Total Markers: %d\n    Total Size: %s\n", l.count, l.markers, size)
		return
	}
	fmt.Fprintf(l.out, "\nTotal Objects: %d\n   Total Size: %s\n", l.count, size)
}

// humanSize writes a size as aws s3 ls --human-readable does.
func humanSize(n int64) string {
	if n == 1 {
		return "1 Byte"
	}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " Bytes"
	}
	v := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		v /= 1024
		// What rounds to 1024.0 belongs to the next unit.
		if v < 1023.95 {
			return strconv.FormatFloat(v, 'f', 1, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(v/1024, 'f', 1, 64) + " EiB"
}
