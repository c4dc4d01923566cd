package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) rmCmd() *cobra.Command {
	var (
		t         transferFlags
		recursive bool
	)
	cmd := &cobra.Command{
		Use:   "rm s3://BUCKET/KEY",
		Short: "Delete an object, or all below a prefix",
		Long: `Delete one object, or with --recursive all objects below a prefix, a thousand
with one request. Where the bucket has versioning, delete markers are added and
the versions stay.`,
		Example: `  s3haul rm s3://holiday/2025/blurred.jpg
  s3haul rm s3://holiday/2025 --recursive --exclude '*.raw'`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := parsePlace(args[0])
			switch {
			case err != nil:
				return err
			case !at.s3:
				return usagef("%q is local: rm deletes from S3, write s3://bucket/key", args[0])
			}
			where := at.tree()
			if !recursive {
				if at.key == "" {
					return usagef("%s is a bucket: give --recursive to delete all that is in it", at.text)
				}
				if len(t.rules) > 0 {
					return usagef("--exclude and --include go with --recursive")
				}
				where = engine.Object(at.bucket, at.key)
			}
			return a.transfer(cmd, &t, nil,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.Remove(ctx, where, engine.RemoveOptions{RunOptions: o})
				})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "delete all that is below the prefix")
	t.register(f)
	return cmd
}

func (a *app) mbCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "mb s3://BUCKET",
		Short:   "Make a bucket",
		Long:    "Make a bucket in the configured region.",
		Example: "  s3haul mb s3://holiday-2026 --region eu-west-1",
		Args:    exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bucket(cmd, "make_bucket", args[0], (*engine.Engine).MakeBucket)
		},
	}
}

func (a *app) rbCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "rb s3://BUCKET",
		Short:   "Remove an empty bucket",
		Long:    "Remove a bucket. It has to be empty: `s3haul rm s3://BUCKET --recursive` empties one without versioning.",
		Example: "  s3haul rb s3://holiday-2026",
		Args:    exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.bucket(cmd, "remove_bucket", args[0], (*engine.Engine).RemoveBucket)
		},
	}
}

// bucket does one thing with one bucket, with the lines of aws s3.
func (a *app) bucket(cmd *cobra.Command, verb, arg string, do func(*engine.Engine, context.Context, string) error) error {
	if !strings.HasPrefix(arg, scheme) {
		return usagef("%q is no bucket: write s3://%s", arg, arg)
	}
	at, err := parsePlace(arg)
	if err != nil {
		return err
	}
	if at.key != "" {
		return usagef("%q has a key: write s3://%s", arg, at.bucket)
	}
	ctx := cmd.Context()
	eng, end, err := a.open(ctx)
	if err == nil {
		err = do(eng, ctx, at.bucket)
		if cerr := end(); err == nil {
			err = cerr
		}
	}
	if err == nil {
		_, err = cmd.OutOrStdout().Write([]byte(verb + ": " + at.bucket + "\n"))
		return err
	}
	if context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return a.ended(verb+" failed: "+scheme+at.bucket+" ", err)
}
