package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) mvCmd() *cobra.Command {
	var (
		t         transferFlags
		recursive bool
	)
	cmd := &cobra.Command{
		Use:   "mv SOURCE DESTINATION",
		Short: "Move a file or a directory to S3, back, or inside S3",
		Long: `Move one file or object, or with --recursive all of a directory or prefix: copy it
as cp does, and remove it from the source. Each object is removed when its copy
is there and is verified, and while it still is what was copied; else it stays,
and is a failure. Directories stay.

` + safely,
		Example: `  s3haul mv report.pdf s3://archive/2026/
  s3haul mv s3://inbox/2026 s3://archive/2026 --recursive --exclude '*.part'`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copies(cmd, &t, args, recursive, 0, func(ctx context.Context, eng *engine.Engine, s sides, o engine.CopyOptions) (engine.Summary, error) {
				return eng.Move(ctx, s.src, s.dst, engine.MoveOptions{
					RunOptions: o.RunOptions, NoFollowSymlinks: o.NoFollowSymlinks, MakeBucket: o.MakeBucket,
				})
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "move all that is below the source")
	t.registerCopy(f)
	t.choosing.registerGlob(f)
	f.Bool("validate-same-s3-paths", false, "without effect: that an object is moved onto itself by another name of its bucket\nis always looked for")
	return cmd
}
