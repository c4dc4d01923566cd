package main

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) cpCmd() *cobra.Command {
	var (
		t         transferFlags
		recursive bool
	)
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy a file or a directory to S3 or back",
		Long: `Copy one file or object, or with --recursive all of a directory or prefix. What
is there already is replaced.

  cp f s3://b/d     makes the key d;    cp f s3://b/d/  makes d/f
  cp s3://b/d/f new makes the file new; where new is a directory, new/f`,
		Example: `  s3haul cp report.pdf s3://archive/2026/
  s3haul cp s3://archive/2026 here --recursive`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to, err := places(args[0], args[1])
			if err != nil {
				return err
			}
			src, dst := from.tree(), to.tree()
			if !recursive {
				if src, dst, err = single(from, to); err != nil {
					return err
				}
			}
			return a.transfer(cmd, &t, slices.Concat(from.local(), to.local()),
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.Copy(ctx, src, dst, engine.CopyOptions{
						RunOptions: o, NoFollowSymlinks: t.skipLinks(), MakeBucket: t.makeBucket,
					})
				})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "copy all that is below the source")
	t.registerCopy(f)
	return cmd
}

// single finds the names of one source and its one destination.
func single(from, to place) (src, dst engine.Location, err error) {
	if from.s3 {
		if from.key == "" {
			return src, dst, usagef("%s is a bucket: give --recursive to copy all that is in it", from.text)
		}
		if strings.HasSuffix(from.key, "/") {
			return src, dst, usagef("%s is a prefix: give --recursive to copy all that is below it", from.text)
		}
		name := to.text
		if isDir(name) {
			base := path.Base(from.key)
			if base == "." || !filepath.IsLocal(base) { // ".." climbs out of the directory
				return src, dst, usagef("%s: no file can be called %q: give the file a name", from.text, base)
			}
			name = filepath.Join(name, base)
		}
		return engine.Object(from.bucket, from.key), engine.File(name), nil
	}
	key := to.key
	if key == "" || strings.HasSuffix(key, "/") {
		key += filepath.Base(from.text)
	}
	return engine.File(from.text), engine.Object(to.bucket, key), nil
}
