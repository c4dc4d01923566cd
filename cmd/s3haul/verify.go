package main

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

func (a *app) verifyCmd() *cobra.Command {
	var (
		t        = transferFlags{exits: asPurge}
		oneWay   bool
		download bool
	)
	cmd := &cobra.Command{
		Use:   "verify SOURCE DESTINATION",
		Short: "Compare two sides and change nothing",
		Long: `Compare all below two places, at least one of them in S3, and change nothing;
where one of them is a file, that with one object, which is named as for cp, and two
objects where nothing is below either. A file
is held against the checksum that the store has of the object, or against an ETag
that is an MD5; two objects by what the store has of both. Where nothing of the
kind is known the sizes are compared, and that is told apart: --download reads the
bytes instead.

There is a line for each object that is not the same:

  differs: photos/a.jpg and s3://holiday/a.jpg
  missing: s3://holiday/b.jpg
  extra: s3://holiday/c.jpg

--combined writes a line for every object, as rclone check does: what it came to,
a space, its name. = is the same (or of one size, and no more is known), * differs,
+ is missing at the destination, - is there alone, ! could not be read.

Exit codes: 0 both sides are the same; 1 an object differs, is missing or could
not be read, or Ctrl-C or --max-duration ended it; 2 all that could be compared
is the same, and of some the size alone is known, or something was skipped with a
warning; 252 usage; 253 credentials or region; 254 the service said no; 255 no
connection, no such directory.`,
		Example: `  s3haul verify photos s3://holiday/2026
  s3haul verify s3://holiday/2026 s3://backup/2026 --one-way --combined result.txt`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := cmd.Flags()
			from, to, err := places(args[0], args[1])
			if err == nil {
				err = cmp.Or(streams(from, to), notEmpty(f, "combined"))
			}
			if err != nil {
				return err
			}
			if t.combined == "-" && t.json {
				return usagef("--combined - and --json both print the results: name a file, or leave --json out")
			}
			for _, dir := range slices.Concat(from.local(), to.local()) {
				if t.combined != "" && t.combined != "-" && inside(dir, t.combined) {
					return usagef("--combined %s is inside of %s, which is compared: name a file elsewhere", t.combined, dir)
				}
			}
			src, dst := from.tree(), to.tree()
			if from.file() || to.file() {
				if src, dst, err = single(from, to); err != nil {
					return err
				}
				s := sides{src: src, dst: dst, from: from, to: to}
				for _, file := range s.files() {
					if t.combined != "" && onto(t.combined, file) {
						return usagef("--combined %s would be in the place of %s, which is compared: name another file", t.combined, file)
					}
				}
			}
			return a.transfer(cmd, &t, slices.Concat(from.local(), to.local()),
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					vo := engine.VerifyOptions{RunOptions: o, OneWay: oneWay, Download: download, NoFollowSymlinks: t.skipLinks()}
					sum, err := eng.Verify(ctx, src, dst, vo)
					if err == nil && sum.Idle() && len(t.rules) == 0 && (objectAt(ctx, eng, from) || objectAt(ctx, eng, to)) {
						if src, dst, err := single(from, to); err == nil { // no prefixes, but two objects
							return eng.Verify(ctx, src, dst, vo)
						}
					}
					if err == nil && sum.Outcomes == nil {
						// That nothing was there to be compared is to be said.
						sum.Outcomes = []report.OutcomeCount{}
					}
					return sum, err
				})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&oneWay, "one-way", false, "do not look for what the destination alone has")
	f.BoolVar(&download, "download", false, "read the bytes of both sides, and rely on no stored checksum")
	f.StringVar(&t.combined, "combined", "", "write a line for each object to `FILE`, or - for stdout")
	t.rules.register(f)
	t.registerOutput(f)
	registerPageSize(f, &t.pageSize)
	f.Var(&t.maxDuration, "max-duration", "compare nothing more after `DURATION` (30m, 8h), exit code 1")
	t.registerLinks(f)
	return cmd
}

// objectAt says that a place is an object in S3, and no prefix.
func objectAt(ctx context.Context, eng *engine.Engine, p place) bool {
	if !p.s3 || p.key == "" || strings.HasSuffix(p.key, "/") {
		return false
	}
	for e, err := range eng.List(ctx, engine.Bucket(p.bucket, p.key), engine.ListOptions{ByLevel: true, PageSize: 1}) {
		return err == nil && !e.CommonPrefix && e.Key == p.key // it comes before all that begins with it
	}
	return false
}

// file says that a place is a local file, and no directory.
func (p place) file() bool {
	if p.s3 {
		return false
	}
	fi, err := os.Stat(p.text)
	return err == nil && !fi.IsDir()
}

// uncompared is a Sink that is not told of comparisons.
type uncompared struct{ report.Sink }

// Report implements report.Sink.
func (u uncompared) Report(e report.Event) {
	if e.Kind != report.Compared || e.Outcome == report.Unreadable {
		u.Sink.Report(e)
	}
}
