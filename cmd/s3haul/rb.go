package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) rbCmd() *cobra.Command {
	r := rbFlags{}
	cmd := &cobra.Command{
		Use:   "rb s3://BUCKET",
		Short: "Remove a bucket",
		Long: `Remove a bucket. It has to be empty; --force deletes all of its objects first.
In a bucket with versioning that adds delete markers, and the bucket stays: with
--all-versions too, every version, marker and unfinished upload is removed for
good, as purge does, and it asks as purge does.

A bucket of which something is left is never removed.

Exit codes: 0 the bucket is gone; 1 something failed or is left, the question was
answered with something else, or Ctrl-C (130 at the question); 252 usage.`,
		Example: `  s3haul rb s3://holiday-2026
  s3haul rb s3://holiday-2026 --force
  s3haul rb s3://scratch --force --all-versions --yes --whole-bucket`,
		Args: exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := bucketName(args[0])
			if err == nil {
				err = r.check(cmd.LocalFlags())
			}
			if err != nil {
				return err
			}
			if !r.force {
				return a.bucket(cmd, "remove_bucket", args[0], func(eng *engine.Engine, ctx context.Context, name string) error {
					return r.whyNotEmpty(ctx, eng, name, eng.RemoveBucket(ctx, name))
				})
			}
			return a.removeWhole(cmd, &r, name)
		},
	}
	r.register(cmd.Flags())
	return cmd
}

type rbFlags struct {
	t           transferFlags
	force       bool
	allVersions bool
	passing     passing
	consent     consent
}

func (r *rbFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.BoolVar(&r.force, "force", false, "delete all objects first")
	f.BoolVar(&r.allVersions, "all-versions", false, "with --force: remove every version, delete marker and unfinished upload")
	f.BoolVar(&r.t.dryRun, "dryrun", false, "with --force: only say what would be done")
	r.t.registerOutput(f)
	registerPageSize(f, &r.t.pageSize)
	r.passing.register(f)
	r.consent.register(f)
}

func (r *rbFlags) check(f *pflag.FlagSet) error {
	if !r.force {
		var err error
		f.VisitAll(func(fl *pflag.Flag) { // Visit would not: cobra's local flags are copies
			if fl.Changed && err == nil {
				err = usagef("--%s goes with --force", fl.Name)
			}
		})
		return err
	}
	for _, flag := range []string{"yes", "whole-bucket", "bypass-governance-retention", "mfa"} {
		if f.Changed(flag) && !r.allVersions {
			return usagef("--%s goes with --all-versions", flag)
		}
	}
	return r.passing.check(f)
}

// removeWhole is rb --force: what is in the bucket goes first.
func (a *app) removeWhole(cmd *cobra.Command, r *rbFlags, name string) error {
	s := treeScope(place{text: scheme + name, s3: true, bucket: name})
	var ask question
	if r.allVersions {
		var err error
		what := "Current objects go too, and then the bucket. Irreversible. Count first: --dryrun"
		if ask, err = a.asking(&r.consent, &s, r.t.dryRun, what, "nothing was deleted"); err != nil {
			return err
		}
	}
	return a.asked(cmd, &r.t, nil, ask,
		func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (sum engine.Summary, err error) {
			if r.allVersions {
				sum, err = eng.Purge(ctx, s.at, engine.PurgeOptions{RunOptions: o, Delete: r.passing.options()})
			} else {
				sum, err = eng.Remove(ctx, s.at, engine.RemoveOptions{RunOptions: o})
			}
			if err != nil || sum.Exit() != 0 {
				return sum, err
			}
			err = r.removeBucket(ctx, eng, name, o, &sum)
			return sum, err
		})
}

// removeBucket removes the bucket that has been emptied, and adds that to sum.
func (r *rbFlags) removeBucket(ctx context.Context, eng *engine.Engine, name string, o engine.RunOptions, sum *engine.Summary) error {
	e := report.Event{Kind: report.Done, Op: report.RemoveBucket, Src: scheme + name}
	if o.DryRun {
		e.Kind = report.DryRun
	} else if err := eng.RemoveBucket(ctx, name); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		err = r.whyNotEmpty(ctx, eng, name, err)
		e.Kind, e.Err = report.Failed, err
		sum.Failed++
		sum.Failures = append(sum.Failures, report.Failure{Op: e.Op, Src: e.Src, Err: err})
	}
	if e.Err == nil {
		if sum.Ops == nil {
			sum.Ops = map[report.Op]report.OpCount{}
		}
		sum.Ops[e.Op] = report.OpCount{Objects: 1}
	}
	o.Report.Report(e)
	return nil
}

// whyNotEmpty says what a bucket still has that could not be removed for it, and how
// it goes.
func (r *rbFlags) whyNotEmpty(ctx context.Context, eng *engine.Engine, name string, err error) error {
	if wire.Code(err) != "BucketNotEmpty" {
		return err
	}
	at := engine.Bucket(name, "")
	again := " came meanwhile: run it again"
	// What may not be asked for is not known, and the refusal says enough.
	for e, lerr := range eng.List(ctx, at, engine.ListOptions{ByLevel: true, PageSize: 1}) {
		switch {
		case lerr == nil && r.force:
			return &advised{err, report.Visible(e.Key) + again}
		case lerr == nil:
			return &advised{err, "there are objects in it, as " + report.Visible(e.Key) + ": --force deletes them first"}
		}
	}
	for e, lerr := range eng.List(ctx, at, engine.ListOptions{ByLevel: true, Versions: true, PageSize: 1}) {
		switch {
		case lerr == nil && r.allVersions:
			return &advised{err, report.Visible(e.Key) + again}
		case lerr == nil:
			return &advised{err, "versions and delete markers are left, as of " + report.Visible(e.Key) + ": --force --all-versions removes them too, for good"}
		}
	}
	for u, lerr := range eng.Uploads(ctx, at) {
		if lerr == nil {
			return &advised{err, "it has unfinished uploads, as of " + report.Visible(u.Key) + ": s3haul uploads s3://" + name + " --abort ends them"}
		}
	}
	return err
}
