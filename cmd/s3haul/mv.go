package main

import (
	"context"
	"slices"

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
			from, to, err := places(args[0], args[1])
			if err != nil {
				return err
			}
			s, err := t.sides(cmd, from, to, recursive)
			if err != nil {
				return err
			}
			if s.src == s.dst {
				return usagef("Cannot mv a file onto itself: %s - %s", from.text, to.text)
			}
			return a.transfer(cmd, &t, slices.Concat(from.local(), to.local()),
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.Move(ctx, s.src, s.dst, engine.MoveOptions{
						RunOptions: o, NoFollowSymlinks: t.skipLinks(), MakeBucket: t.makeBucket,
					})
				})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "move all that is below the source")
	t.registerCopy(f)
	return cmd
}
