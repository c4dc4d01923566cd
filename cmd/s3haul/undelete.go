package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) undeleteCmd() *cobra.Command {
	var (
		t      = transferFlags{exits: asOther}
		since  moment
		prefix string
	)
	cmd := &cobra.Command{
		Use:   "undelete s3://BUCKET[/PREFIX] --since TIME",
		Short: "Take back deletions since a moment",
		Long: `Take back the deletions below a prefix since a moment, in a bucket with
versioning: the delete markers that hide an object and came since then are
removed, and the version beneath is current again. s3://holiday/2026 means what
is below 2026/; --prefix is for what only begins so.

It never touches a version, nor a marker that is older or that hides nothing. It
does not ask: what comes back can be deleted again.

Exit codes: 0 all is done; 1 an object failed; 130 Ctrl-C; 252 usage; 253
credentials or region; 254 the service said no; 255 no connection.`,
		Example: `  s3haul undelete s3://holiday/2026 --since 2h --dryrun
  s3haul undelete s3://holiday --since '2026-11-22 20:00'`,
		Args: exactly("s3://BUCKET[/PREFIX]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := cmd.Flags()
			s, err := scopeOf(f, "undelete", args[0], prefix)
			if err != nil {
				return err
			}
			if since.time.IsZero() {
				return usagef("the following arguments are required: --since TIME")
			}
			return a.transfer(cmd, &t, nil,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.Undelete(ctx, s.at, engine.UndeleteOptions{RunOptions: o, Since: since.time})
				})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(&since, "since", "`TIME` from which on: 2026-11-22, '2026-11-22 20:00', 2026-11-22T20:00:00Z,\n"+
		"or how long ago, 2h or 3d; local where it names no zone")
	f.StringVar(&prefix, "prefix", "", "all keys that begin with `TEXT`, which need not end at a /")
	t.register(f)
	return cmd
}
