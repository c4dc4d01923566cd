package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) presignCmd() *cobra.Command {
	var (
		o       engine.PresignOptions
		seconds int64
		method  = choice{of: []string{"get", "put"}, value: "get"}
	)
	cmd := &cobra.Command{
		Use:   "presign s3://BUCKET/KEY",
		Short: "Make a URL by which others may get an object, or put one",
		Long: `Make a URL by which whoever has it may get one object, with no credentials of
their own, for an hour or as long as --expires-in says. With --method put it takes
an upload instead:

  curl --upload-file photo.jpg "$(s3haul presign s3://holiday/in/photo.jpg --method put)"

The URL is good for no longer than the credentials that it is made with: those of
a role or SSO end within hours, and a warning says when that is before the URL's
own time. Nothing is sent: that the object is there, that the region is right and
that the credentials may, nobody has looked at.

Exit codes: 0 all is done; 252 usage; 253 credentials or region.`,
		Example: `  s3haul presign s3://holiday/2026/a.jpg
  s3haul presign s3://holiday/2026/a.jpg --expires-in 604800
  s3haul presign s3://holiday/in/photo.jpg --method put --expires-in 600`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := objectArg("presign", args[0])
			if err == nil {
				err = notEmpty(cmd.Flags(), "version-id")
			}
			switch {
			case err != nil:
				return err
			case seconds < 1 || seconds > 604800:
				return usagef("--expires-in %d: S3 takes 1 to 604800 seconds (7 days)", seconds)
			case a.embedded != "":
				return usagef("--embedded ends its server when the command ends, and no URL leads there: run s3haul serve %s, and give its --endpoint-url", a.embedded)
			}
			o.Put, o.Expires = method.value == "put", time.Duration(seconds)*time.Second
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				url, err := eng.Presign(ctx, engine.Object(at.bucket, at.key), o)
				if err != nil {
					return err
				}
				if end := url.CredentialsEnd; !end.IsZero() {
					if left := time.Until(end); left < o.Expires {
						a.fail("warning: ", errors.New(shortLived(end, left)))
					}
				}
				fmt.Fprintln(out, url.URL) // bufio keeps the error for Flush
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Int64Var(&seconds, "expires-in", 3600, "how many `SECONDS` the URL is good for, 1 to 604800 (7 days)")
	f.Var(&method, "method", "what the URL is for, `NAME`: get or put")
	f.StringVar(&o.VersionID, "version-id", "", "the version of this `ID`, or null")
	return cmd
}

// shortLived says that credentials end before a URL does.
func shortLived(end time.Time, left time.Duration) string {
	return fmt.Sprintf("the URL is good until %s only, in %d s: the credentials that it is made with end then",
		end.Local().Format(stamp), int64(math.Max(0, left.Seconds())))
}
