package main

import (
	"bufio"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) websiteCmd() *cobra.Command {
	var w wire.Website
	cmd := &cobra.Command{
		Use:   "website s3://BUCKET --index-document NAME",
		Short: "Have a bucket answer as a website",
		Long: `Have a bucket answer as a website, at its website endpoint: with --index-document
for what ends with a /, and with --error-document for what is not there. It
replaces the bucket's whole website configuration. It makes nothing public: that
is for the bucket's policy, or for the ACL of each object.` + settingCodes,
		Example: `  s3haul website s3://holiday --index-document index.html --error-document error.html`,
		Args:    exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return usagef("a path is empty")
			}
			// As aws: the name may stand there alone.
			name, err := bucketName(scheme + strings.TrimPrefix(args[0], scheme))
			switch {
			case err != nil:
				return err
			case w.Index == "":
				return usagef("the following arguments are required: --index-document NAME")
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, _ *bufio.Writer) error {
				return eng.SetWebsite(ctx, name, w)
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&w.Index, "index-document", "", "`NAME` that is put behind a path which ends with a /, as index.html")
	f.StringVar(&w.ErrorKey, "error-document", "", "`KEY` of the page for errors")
	return cmd
}
