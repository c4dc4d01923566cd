package main

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
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
Without --recursive, what lies behind the next / is one line with PRE.`,
		Example: `  s3haul ls
  s3haul ls s3://holiday/2026/ --recursive --human-readable --summarize`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("unknown argument: %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if pageSize < 1 || pageSize > 1000 {
				return usagef("--page-size %d: S3 takes 1 to 1000", pageSize)
			}
			ctx := cmd.Context()
			eng, end, err := a.open(ctx)
			if err != nil {
				return err
			}
			l.out = bufio.NewWriterSize(a.stdout, 64<<10)
			l.visible = terminal(a.stdout)
			if len(args) == 0 || args[0] == scheme {
				err = l.buckets(ctx, eng)
			} else {
				err = l.objects(ctx, eng, args[0], pageSize)
			}
			if ferr := l.out.Flush(); ferr != nil {
				err = &outputError{fmt.Errorf("writing the list: %w", ferr)}
			}
			if cerr := end(); err == nil {
				err = cerr
			}
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&l.recursive, "recursive", "r", false, "list all that is below the prefix")
	f.BoolVar(&l.human, "human-readable", false, "sizes as 1.2 MiB")
	f.BoolVar(&l.summarize, "summarize", false, "add the number of objects and their size")
	f.IntVar(&pageSize, "page-size", 1000, "keys asked for with one request: `N` from 1 to 1000")
	return cmd
}

// listing prints what ls finds, in the columns of aws s3.
type listing struct {
	recursive, human, summarize bool
	visible                     bool // control characters as escapes: it is a terminal
	out                         *bufio.Writer
	objectCount, bytes          int64
	line                        []byte
}

const stamp = "2006-01-02 15:04:05"

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

func (l *listing) objects(ctx context.Context, eng *engine.Engine, arg string, pageSize int) error {
	at, err := parsePlace(scheme + strings.TrimPrefix(arg, scheme)) // ls b/p works too
	if err != nil {
		return err
	}
	seq := eng.List(ctx, engine.Bucket(at.bucket, at.key), engine.ListOptions{ByLevel: !l.recursive, PageSize: pageSize})
	found := false
	for e, err := range seq {
		if err != nil {
			return err
		}
		found = true
		name := e.Key
		if l.visible {
			name = report.Visible(name)
		}
		if e.CommonPrefix {
			name = name[strings.LastIndexByte(name[:len(name)-1], '/')+1:]
			fmt.Fprintf(l.out, "%30s %s\n", "PRE", name)
			continue
		}
		l.objectCount++
		l.bytes += e.Size
		if !l.recursive {
			name = name[strings.LastIndexByte(name, '/')+1:]
		}
		l.line = e.ModTime.Local().AppendFormat(l.line[:0], stamp)
		l.line = fmt.Appendf(l.line, " %10s %s\n", l.size(e.Size), name)
		if _, err := l.out.Write(l.line); err != nil {
			return err
		}
	}
	if l.summarize {
		fmt.Fprintf(l.out, "\nTotal Objects: %d\n   Total Size: %s\n", l.objectCount, l.size(l.bytes))
	}
	if !found && at.key != "" {
		return &exitError{exitFailed} // as aws: no such key or prefix
	}
	return nil
}

func (l *listing) size(n int64) string {
	if !l.human {
		return strconv.FormatInt(n, 10)
	}
	return humanSize(n)
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
