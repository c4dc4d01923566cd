package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) rmCmd() *cobra.Command {
	r := rmFlags{}
	cmd := &cobra.Command{
		Use:   "rm s3://BUCKET/KEY",
		Short: "Delete an object, or all below a prefix",
		Long: `Delete one object, or with --recursive all objects below a prefix, a thousand
with one request. Where the bucket has versioning, delete markers are added and
the versions stay: undelete takes that back.

--version-id removes one version, or one delete marker, for good. --all-versions
removes all of them of one key, or with --recursive of all keys below the prefix,
as purge does, and asks as purge does; unfinished uploads stay.

Exit codes: 0 all is done; 1 an object, the service or the credentials failed,
the question was answered with something else, or Ctrl-C (130 at the question);
252 usage.`,
		Example: `  s3haul rm s3://holiday/2025/blurred.jpg
  s3haul rm s3://holiday/2025 --recursive --exclude '*.raw'
  s3haul rm s3://holiday/2025/blurred.jpg --all-versions`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parsePlace(args[0])
			switch {
			case err != nil:
				return err
			case !at.s3:
				return usagef("%q is local: rm deletes from S3, write s3://bucket/key", args[0])
			}
			if err := r.check(cmd.Flags(), at); err != nil {
				return err
			}
			if r.allVersions {
				return a.removeVersions(cmd, &r, at)
			}
			where, pattern := r.t.choosing.wild(at)
			switch {
			case pattern:
			case r.recursive:
				where = at.tree()
			default:
				where = engine.Object(at.bucket, at.key)
			}
			return a.transfer(cmd, &r.t, nil,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					o.Attributes.RequestPayer = r.payer.set()
					return eng.Remove(ctx, where, engine.RemoveOptions{
						RunOptions: o, VersionID: r.versionID, Delete: r.passing.options(),
					})
				})
		},
	}
	r.register(cmd.Flags())
	return cmd
}

type rmFlags struct {
	t           transferFlags
	recursive   bool
	allVersions bool
	versionID   string
	passing     passing
	consent     consent
	payer       choice
}

func (r *rmFlags) register(f *pflag.FlagSet) {
	f.BoolVarP(&r.recursive, "recursive", "r", false, "delete all that is below the prefix")
	f.StringVar(&r.versionID, "version-id", "", "remove this version of the key, `ID` or null")
	f.BoolVar(&r.allVersions, "all-versions", false, "remove every version and delete marker")
	r.t.register(f)
	r.t.choosing.register(f, "")
	r.t.choosing.registerGlob(f)
	registerPayer(f, &r.payer)
	r.passing.register(f)
	r.consent.register(f)
}

func (r *rmFlags) check(f *pflag.FlagSet, at place) error {
	if err := notEmpty(f, "version-id"); err != nil {
		return err
	}
	for _, other := range []string{"recursive", "all-versions"} {
		if f.Changed("version-id") && f.Changed(other) {
			return usagef("--version-id is for one version of one key: leave --%s out", other)
		}
	}
	_, pattern := r.t.choosing.wild(at)
	if err := r.t.choosing.check(f, r.recursive || pattern); err != nil {
		return err
	}
	if r.allVersions || r.versionID != "" {
		for _, flag := range []string{"glob", "older-than", "newer-than", "min-size", "max-size"} {
			if f.Changed(flag) {
				return usagef("--%s is for objects, and not for their versions: leave it out; purge has --older-than for versions", flag)
			}
		}
	}
	if !r.recursive && !pattern {
		if at.key == "" {
			return usagef("%s is a bucket: give --recursive to delete all that is in it", at.text)
		}
		for _, flag := range []string{"older-than", "newer-than", "min-size", "max-size"} {
			if f.Changed(flag) {
				return usagef("--%s goes with --recursive or --glob", flag)
			}
		}
	}
	if !r.allVersions {
		for _, flag := range []string{"yes", "whole-bucket"} {
			if f.Changed(flag) {
				return usagef("--%s goes with --all-versions; nothing else is asked about", flag)
			}
		}
		for _, flag := range []string{"bypass-governance-retention", "mfa"} {
			if f.Changed(flag) && r.versionID == "" {
				return usagef("--%s goes with --version-id or --all-versions: without them versions stay", flag)
			}
		}
	}
	return r.passing.check(f)
}

// removeVersions is rm --all-versions.
func (a *app) removeVersions(cmd *cobra.Command, r *rmFlags, at place) error {
	s := keyScope(at)
	if r.recursive {
		var err error
		if s, err = scopeOf(cmd.Flags(), "rm", at.text, ""); err != nil {
			return err
		}
	}
	p := purgeFlags{t: r.t}
	ask, err := a.asking(&r.consent, &s, r.t.dryRun, p.what(), "nothing was deleted")
	if err != nil {
		return err
	}
	return a.asked(cmd, &r.t, nil, ask,
		func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			return eng.Purge(ctx, s.at, engine.PurgeOptions{RunOptions: o, NoUploads: true, Delete: r.passing.options()})
		})
}
