package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/report"
)

func (a *app) resumeCmd() *cobra.Command {
	var (
		t     = transferFlags{exits: asOther}
		c     consent
		list  bool
		clean bool
	)
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "List or remove what interrupted runs have left",
		Long: `List what interrupted runs have left here, by their journals: when, what was to be
copied, how many large objects were under way and how many bytes they have, how
many uploads of them are open, how many temporary files there are. It asks no
store.

Nothing needs this command: cp, sync or mv with the same source and destination
goes on with what is listed, and removes what it has no use for. It begins a large
object anew where that has changed.

--clean gives them up: the uploads are aborted, the temporary files and the
journals removed. Give the --endpoint-url, --profile or --embedded of the run, too:
what is at another store stays, and so does what a run that goes on works at. It
never touches an object or a file that is complete.

The journals are in $XDG_STATE_HOME/s3haul, or ~/.local/state/s3haul; on Windows in
%LocalAppData%\s3haul\state. There is no secret in them. Where they are inside of a
tree that is copied, they are left out.

Exit codes: 0 all is done; 1 something could not be removed, or the answer was no
consent; 130 Ctrl-C; 252 usage; 253 credentials or region; 254 the service said
no; 255 no connection.`,
		Example: `  s3haul resume
  s3haul resume --clean`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := cmd.Flags()
			if list && clean {
				return usagef("--list and --clean are two things: give one")
			}
			dir, err := stateDir()
			if err != nil {
				return usagef("there is no home directory, where the journals would be: set HOME or XDG_STATE_HOME")
			}
			jobs, err := engine.Interrupted(cmd.Context(), dir)
			if err != nil {
				return err
			}
			if !clean {
				for _, flag := range []string{"yes", "dryrun"} {
					if f.Changed(flag) {
						return usagef("--%s goes with --clean", flag)
					}
				}
				l := jobList{json: t.json, visible: terminal(a.stdout), out: bufio.NewWriter(a.stdout)}
				return l.print(jobs)
			}
			return a.cleanJobs(cmd, &t, &c, jobs)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&list, "list", false, "list what is left, which is what it does without flags, too")
	f.BoolVar(&clean, "clean", false, "remove what is left: it cannot be gone on with then")
	f.BoolVar(&t.dryRun, "dryrun", false, "with --clean: only say what would be removed")
	f.BoolVar(&t.quiet, "quiet", false, "print nothing")
	f.BoolVar(&t.onlyErrors, "only-show-errors", false, "print errors and warnings alone")
	f.BoolVar(&t.json, "json", false, "print one JSON object a line instead of text")
	t.pageSize, t.noProgress = 1000, true // it has no such flags
	c.registerYes(f)
	return cmd
}

// cleanJobs is resume --clean.
func (a *app) cleanJobs(cmd *cobra.Command, t *transferFlags, c *consent, jobs []journal.Info) error {
	var ask question
	switch tty := terminal(a.stdin) && terminal(a.stderr); {
	case len(jobs) == 0 || t.dryRun || c.yes:
	case !tty:
		return usagef("this cannot be undone, and there is no terminal to ask on: give --yes")
	default:
		ask = a.askClean(jobs)
	}
	if len(jobs) == 0 {
		return nil
	}
	return a.asked(cmd, t, nil, ask,
		func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			var all engine.Summary
			for _, job := range jobs {
				sum, err := eng.Clean(ctx, job, engine.CleanOptions{RunOptions: o})
				add(&all, &sum)
				if cause := context.Cause(ctx); cause != nil {
					return all, cause
				}
				if err != nil {
					// The others can be removed all the same.
					all.Failed++
					o.Report.Report(report.Event{Kind: report.Failed, Op: cleaning, Src: jobName(&job), Err: jobAdvice(err)})
				}
			}
			return all, nil
		})
}

// cleaning is the verb of what resume --clean could not do.
const cleaning report.Op = "clean"

// add adds what one job came to.
func add(all, sum *engine.Summary) {
	if all.Ops == nil {
		all.Ops = map[report.Op]report.OpCount{}
	}
	for op, n := range sum.Ops {
		c := all.Ops[op]
		all.Ops[op] = report.OpCount{Objects: c.Objects + n.Objects, Bytes: c.Bytes + n.Bytes}
	}
	all.Failed += sum.Failed
	all.Skipped += sum.Skipped
	all.Retries += sum.Retries
	all.Throttled += sum.Throttled
	all.NoticeCount += sum.NoticeCount
	all.Elapsed += sum.Elapsed
	all.DryRun = all.DryRun || sum.DryRun
}

func (a *app) askClean(jobs []journal.Info) question {
	return func(ctx context.Context, _ *engine.Engine) error {
		var b strings.Builder
		l := jobList{visible: true, out: bufio.NewWriter(&b)}
		if err := l.print(jobs); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%sTheir uploads are aborted, and their temporary files removed: they begin anew. Irreversible.\nType clean to go on: ", b.String())
		answer, err := a.answer(ctx)
		if cause := context.Cause(ctx); cause != nil {
			fmt.Fprintln(a.stderr)
			a.fail("", cause)
			return &exitError{codeOf(cause, asOther)}
		}
		if err == nil && answer == "clean" {
			return nil
		}
		if err != nil {
			fmt.Fprintln(a.stderr)
		}
		fmt.Fprintln(a.stderr, "resume: nothing was removed")
		return &exitError{exitFailed}
	}
}

// jobList prints journals.
type jobList struct {
	json    bool
	visible bool // control characters as escapes: a terminal shows it
	out     *bufio.Writer
}

// jobRecord is a journal as --json prints it.
type jobRecord struct {
	V         int       `json:"v"`
	Event     string    `json:"event"`
	Op        string    `json:"op,omitempty"`
	Src       string    `json:"src,omitempty"`
	Dst       string    `json:"dst,omitempty"`
	Endpoint  string    `json:"endpoint,omitempty"`
	Changed   time.Time `json:"changed"`
	Objects   int       `json:"objects"`
	Bytes     int64     `json:"bytes"`
	Uploads   int       `json:"uploads"`
	Temporary int       `json:"temporary"`
	Running   bool      `json:"running,omitempty"`
	Message   string    `json:"message,omitempty"`
	Path      string    `json:"path"`
	damaged   bool
}

func jobRecordOf(j *journal.Info) jobRecord {
	r := jobRecord{
		V: 1, Event: "job", Op: j.Job.Op, Src: j.Job.Src, Dst: j.Job.Dst, Endpoint: report.Redact(j.Job.Endpoint),
		Changed: j.Changed.UTC(), Objects: len(j.Records), Path: j.Path,
	}
	for i := range j.Records {
		rec := &j.Records[i]
		r.Bytes += rec.Size
		if rec.UploadID != "" {
			r.Uploads++
		}
		if rec.Temp != "" {
			r.Temporary++
		}
	}
	switch {
	case errors.Is(j.Err, journal.ErrLocked):
		r.Running = true
	case j.Err != nil:
		r.Message = report.Redact(j.Err.Error())
		r.damaged = errors.Is(j.Err, journal.ErrDamaged)
	}
	return r
}

// jobName says what a job was to do.
func jobName(j *journal.Info) string {
	if j.Job.Op == "" {
		return filepath.Base(j.Path)
	}
	return j.Job.Op + " " + j.Job.Src + " to " + j.Job.Dst
}

func (l *jobList) print(jobs []journal.Info) error {
	for i := range jobs {
		if err := l.job(&jobs[i]); err != nil {
			return &outputError{fmt.Errorf("writing the list: %w", err)}
		}
	}
	if err := l.out.Flush(); err != nil {
		return &outputError{fmt.Errorf("writing the list: %w", err)}
	}
	return nil
}

func (l *jobList) job(j *journal.Info) error {
	r := jobRecordOf(j)
	if l.json {
		enc := json.NewEncoder(l.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	name := jobName(j)
	if r.Endpoint != "" {
		name += " at " + r.Endpoint
	}
	if l.visible {
		name = report.Visible(name)
	}
	_, err := fmt.Fprintf(l.out, "%s %s\n  %s\n", j.Changed.Local().Format(stamp), name, r.state())
	return err
}

// state is what a person is told of a job.
func (r *jobRecord) state() string {
	switch {
	case r.Running:
		return "it is running"
	case r.Message != "" && !r.damaged:
		return r.Message + "; resume --clean leaves it: remove the file if it is not needed, and uploads lists what may be open"
	case r.Message != "":
		return r.Message + "; the same command begins anew, resume --clean removes it, and uploads lists what may be open"
	}
	parts := []string{some(r.Objects, "object") + " (" + humanize.IBytes(uint64(max(r.Bytes, 0))) + ")"}
	if r.Uploads > 0 {
		parts = append(parts, some(r.Uploads, "open upload"))
	}
	if r.Temporary > 0 {
		parts = append(parts, some(r.Temporary, "temporary file"))
	}
	return strings.Join(parts, ", ") + "; the same command goes on with it"
}

func some(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(int64(n)) + " " + noun + "s"
}

// jobAdvice says what to do about a job that could not be removed.
func jobAdvice(err error) error {
	switch {
	case errors.Is(err, journal.ErrLocked):
		return &advised{err, "wait for it, or end it: what it works at is not touched"}
	case errors.Is(err, engine.ErrElsewhere):
		return &advised{err, "give the --endpoint-url, --profile or --embedded of the run that has left it"}
	}
	return err
}
