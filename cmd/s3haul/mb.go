package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

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

// bucketName reads an argument that has to be a bucket and nothing more.
func bucketName(arg string) (string, error) {
	if !strings.HasPrefix(arg, scheme) {
		return "", usagef("%q is no bucket: write s3://%s", arg, arg)
	}
	at, err := parsePlace(arg)
	if err == nil && at.key != "" {
		err = usagef("%q has a key: write s3://%s", arg, at.bucket)
	}
	return at.bucket, err
}

// bucket does one thing with one bucket, with the lines of aws s3.
func (a *app) bucket(cmd *cobra.Command, verb, arg string, do func(*engine.Engine, context.Context, string) error) error {
	name, err := bucketName(arg)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	eng, end, err := a.open(ctx)
	if err == nil {
		err = do(eng, ctx, name)
		if cerr := end(); err == nil {
			err = cerr
		}
	}
	if err == nil {
		_, err = cmd.OutOrStdout().Write([]byte(verb + ": " + name + "\n"))
		return err
	}
	if context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return a.ended(verb+" failed: "+scheme+name+" ", err)
}
