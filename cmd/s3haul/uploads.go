package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

func (a *app) uploadsCmd() *cobra.Command {
	var (
		t      = transferFlags{exits: asOther}
		c      consent
		abort  bool
		older  age
		prefix string
	)
	cmd := &cobra.Command{
		Use:   "uploads s3://BUCKET[/PREFIX]",
		Short: "List or abort unfinished multipart uploads",
		Long: `List the multipart uploads below a prefix that were neither completed nor
aborted: when each began, its key, its upload id. Their parts are stored and
paid for, and no listing of objects shows them. s3://holiday/2026 means what is
below 2026/; --prefix is for what only begins so.

With --abort they are aborted, and their parts are gone; what still uploads
them fails, so give --older-than. A terminal asks, and wants the bucket and
prefix typed; elsewhere --yes is needed. It never touches an object.

Exit codes: 0 all is done; 1 an upload could not be aborted, or the question was
answered with something else; 130 Ctrl-C; 252 usage; 253 credentials or region;
254 the service said no; 255 no connection.`,
		Example: `  s3haul uploads s3://holiday
  s3haul uploads s3://holiday --abort --older-than 7d`,
		Args: exactly("s3://BUCKET[/PREFIX]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := cmd.Flags()
			arg := args[0]
			if at, err := parsePlace(arg); err == nil && at.unset() && !abort {
				arg = scheme + at.bucket // to list too much does no harm
			}
			s, err := scopeOf(f, "uploads", arg, prefix)
			if err != nil {
				return err
			}
			if !abort {
				for _, flag := range []string{"dryrun", "yes", "max-duration"} {
					if f.Changed(flag) {
						return usagef("--%s goes with --abort", flag)
					}
				}
				l := uploadList{
					scope: s, older: time.Duration(older), json: t.json, quiet: t.quiet || t.onlyErrors,
					filter: walker.NewFilter(s.bucket+"/"+s.prefix, t.rules...),
				}
				return a.listUploads(cmd.Context(), &t, &l)
			}
			what := "Unfinished uploads are aborted: their parts go. Irreversible. List first: --dryrun"
			if older != 0 {
				what = "Unfinished uploads that began more than " + older.String() + " ago are aborted: their parts go. Irreversible. List first: --dryrun"
			}
			c.wholeBucket = s.whole // no object goes: --yes is enough
			ask, err := a.asking(&c, &s, t.dryRun, what, "nothing was aborted")
			if err != nil {
				return err
			}
			return a.asked(cmd, &t, nil, ask,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.AbortUploads(ctx, s.at, engine.AbortOptions{RunOptions: o, OlderThan: time.Duration(older)})
				})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&abort, "abort", false, "abort them")
	f.Var(&older, "older-than", "only those that began more than `DURATION` (30d, 12h, 2w) ago")
	f.StringVar(&prefix, "prefix", "", "all keys that begin with `TEXT`, which need not end at a /")
	t.register(f)
	c.registerYes(f)
	return cmd
}

// uploadList prints uploads.
type uploadList struct {
	scope       scope
	older       time.Duration
	json, quiet bool
	visible     bool // control characters as escapes: it is a terminal
	filter      *walker.Filter
	out         *bufio.Writer
}

func (a *app) listUploads(ctx context.Context, t *transferFlags, l *uploadList) error {
	if err := t.check(); err != nil {
		return err
	}
	eng, end, err := a.open(ctx)
	if err != nil {
		return err
	}
	l.out = bufio.NewWriterSize(a.stdout, 64<<10)
	l.visible = terminal(a.stdout)
	began := time.Now()
	for u, uerr := range eng.Uploads(ctx, l.scope.at) {
		if err = uerr; err == nil && l.wants(&u, began) {
			err = l.print(&u)
		}
		if err != nil {
			break
		}
	}
	if ferr := l.out.Flush(); ferr != nil {
		err = &outputError{fmt.Errorf("writing the list: %w", ferr)}
	}
	if cerr := end(); err == nil {
		err = cerr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return err
}

func (l *uploadList) wants(u *wire.UploadInfo, now time.Time) bool {
	if l.quiet || l.older > 0 && now.Sub(u.Initiated) < l.older {
		return false
	}
	return l.filter.Match(strings.TrimPrefix(u.Key, l.scope.prefix))
}

// uploadRecord is an upload as --json prints it.
type uploadRecord struct {
	V            int       `json:"v"`
	Event        string    `json:"event"`
	Src          string    `json:"src"`
	UploadID     string    `json:"upload_id"`
	Initiated    time.Time `json:"initiated"`
	StorageClass string    `json:"storage_class,omitempty"`
}

func (l *uploadList) print(u *wire.UploadInfo) error {
	if l.json {
		enc := json.NewEncoder(l.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(uploadRecord{
			V: 1, Event: "object", Src: scheme + l.scope.bucket + "/" + u.Key,
			UploadID: u.UploadID, Initiated: u.Initiated.UTC(), StorageClass: u.StorageClass,
		})
	}
	key := u.Key
	if l.visible {
		key = report.Visible(key)
	}
	_, err := fmt.Fprintf(l.out, "%s %s %s\n", u.Initiated.Local().Format(stamp), key, u.UploadID)
	return err
}
