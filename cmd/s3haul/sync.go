package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) syncCmd() *cobra.Command {
	var (
		t          transferFlags
		del        bool
		max        limit
		allowEmpty bool
		sizeOnly   bool
		sums       bool
		ignore     bool
		exact      bool
		update     bool
	)
	cmd := &cobra.Command{
		Use:   "sync SOURCE DESTINATION",
		Short: "Make a prefix like a directory, or the reverse",
		Long: `Make the destination like the source: copy what is new, what has another size,
and what was changed later than its copy. At least one side is
s3://bucket[/prefix], the other may be a directory.

With --delete, what the source does not have is removed from the destination,
after everything else, and only where both sides could be listed to the end and
no object failed. What was skipped with a warning or left out by --exclude is
never removed.

` + safely,
		Example: `  s3haul sync photos s3://holiday/2026 --delete
  s3haul sync s3://holiday/2026 photos --exclude '*' --include '*.jpg'`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, to, err := places(args[0], args[1])
			if err != nil {
				return err
			}
			switch {
			case max.set && !del:
				return usagef("--max-delete goes with --delete")
			case ignore && !del:
				return usagef("--ignore-errors goes with --delete")
			case sizeOnly && sums:
				return usagef("--size-only looks at no more than sizes, --checksum at the contents: leave one out")
			}
			if err := streams(from, to); err != nil {
				return err
			}
			both := sides{command: cmd.Name(), src: from.tree(), dst: to.tree(), from: from, to: to, tree: true}
			if err := t.prepare(cmd, both); err != nil {
				return err
			}
			a.source = t.copying.attributes.remote(from, to)
			return a.transfer(cmd, &t, slices.Concat(from.local(), to.local()),
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					so := engine.SyncOptions{
						RunOptions: o, Delete: del, AllowEmptySource: allowEmpty, SizeOnly: sizeOnly,
						Checksum: sums, IgnoreErrors: ignore, ExactTimestamps: exact, Update: update,
						NoFollowSymlinks: t.skipLinks(), MakeBucket: t.makeBucket,
					}
					so.MaxDelete, so.MaxDeletePercent = max.options()
					return eng.Sync(ctx, both.src, both.dst, so)
				})
		},
	}
	f := cmd.Flags()
	t.registerCopy(f)
	f.BoolVar(&del, "delete", false, "remove from the destination what the source does not have")
	f.Var(&max, "max-delete", "with --delete: remove nothing where more than `N|P%` would go")
	f.BoolVar(&allowEmpty, "allow-empty-source", false, "with --delete: an empty source empties the destination")
	f.BoolVar(&ignore, "ignore-errors", false, "with --delete: remove though objects have failed, never where a side could not be listed")
	f.BoolVar(&sums, "checksum", false, "compare what has one size by its content, whatever its time: by the checksum that\n"+
		"the store has, or its ETag, and where neither says anything by the time")
	f.BoolVar(&sizeOnly, "size-only", false, "take files of one size for the same, whatever their times")
	f.BoolVar(&exact, "exact-timestamps", false, "down, take files of one size for the same only where their times are the same")
	f.BoolVar(&update, "update", false, "never replace what is newer at the destination, whatever its size")
	return cmd
}
