package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// transferFlags are the flags of what works through many objects.
type transferFlags struct {
	// exits says which exit codes the command has.
	exits exits

	rules      rules
	dryRun     bool
	quiet      bool
	onlyErrors bool
	noProgress bool
	frequency  int
	multiline  bool
	json       bool
	pageSize   int
	makeBucket bool
	follow     bool

	maxTransfer size
	maxDuration period
	maxDelete   atLeast1

	choosing choosing
	copying  copyFlags
	// stream says that stdout or stdin is one of the sides.
	stream   bool
	combined string // FILE of --combined
	// worst is the exit code of what has parts with codes of their own; nil without.
	worst func(code int) int
}

func (t *transferFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.BoolVar(&t.dryRun, "dryrun", false, "only say what would be done")
	t.rules.register(f)
	t.registerOutput(f)
	registerPageSize(f, &t.pageSize)
	f.Var(&t.maxDuration, "max-duration", "begin nothing more after `DURATION` (30m, 8h): what is under way ends, exit code 1")
}

// registerOutput registers what says how it goes and what comes of it.
func (t *transferFlags) registerOutput(f *pflag.FlagSet) {
	f.BoolVar(&t.quiet, "quiet", false, "print nothing")
	f.BoolVar(&t.onlyErrors, "only-show-errors", false, "print errors and warnings alone")
	f.BoolVar(&t.noProgress, "no-progress", false, "draw no progress line")
	f.IntVar(&t.frequency, "progress-frequency", 0, "a line of progress every `SECONDS`, also off a terminal")
	f.BoolVar(&t.multiline, "progress-multiline", false, "a new line for each progress report")
	f.BoolVar(&t.json, "json", false, "print one JSON object a line instead of text")
}

// mostKeys is how many keys a request lists at the most, and without --page-size.
const mostKeys = 1000

func registerPageSize(f *pflag.FlagSet, n *int) {
	f.IntVar(n, "page-size", mostKeys, "keys asked for with one request: `N` from 1 to 1000")
}

func (t *transferFlags) registerCopy(f *pflag.FlagSet) {
	t.register(f)
	f.Var(&t.maxTransfer, "max-transfer", "begin nothing more when `SIZE` has been begun: what is under way ends, exit code 1")
	f.BoolVar(&t.makeBucket, "make-bucket", false, "make the destination's bucket where it is not there")
	t.registerLinks(f)
	t.choosing.register(f, ", on both sides")
	t.choosing.registerNames(f)
	t.copying.register(f)
}

func (t *transferFlags) registerLinks(f *pflag.FlagSet) {
	f.BoolVar(&t.follow, "follow-symlinks", true, "follow symbolic links in the local tree")
	pair(f, &t.follow, "no-follow-symlinks", "leave symbolic links out")
}

func (t *transferFlags) check() error {
	if t.pageSize < 1 || t.pageSize > 1000 {
		return usagef("--page-size %d: S3 takes 1 to 1000", t.pageSize)
	}
	if t.frequency < 0 {
		return usagef("--progress-frequency %d: give seconds, or 0", t.frequency)
	}
	return nil
}

func (t *transferFlags) skipLinks() bool { return !t.follow }

func (t *transferFlags) options(sink report.Sink) engine.RunOptions {
	o := engine.RunOptions{
		Report: sink, Filters: t.rules, DryRun: t.dryRun, PageSize: t.pageSize,
		MaxTransfer: int64(t.maxTransfer), MaxDuration: time.Duration(t.maxDuration),
	}
	t.choosing.into(&o)
	t.copying.into(&o)
	return o
}

// work is what a transfer command does with an engine.
type work func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error)

// question stops a command before it begins, where its answer is an error.
type question func(ctx context.Context, eng *engine.Engine) error

// transfer runs w with an engine and with sinks for what happens, and gives the
// exit code of what came of it.
func (a *app) transfer(cmd *cobra.Command, t *transferFlags, paths []string, w work) error {
	return a.asked(cmd, t, paths, nil, w)
}

// asked is transfer behind a question, which may be nil.
func (a *app) asked(cmd *cobra.Command, t *transferFlags, paths []string, ask question, w work) (err error) {
	if err := t.check(); err != nil {
		return err
	}
	if a.instead != nil {
		return a.instead(cmd, t, paths, ask, w)
	}
	if t.copying.nothing() {
		return a.nothing(t)
	}
	if err := t.choosing.open(a.stdin); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.choosing.end()) }()
	files, err := t.files() // before anything is sent
	if err != nil {
		return err
	}
	notices := append(a.journal(t, paths), t.copying.notices...)
	ctx := cmd.Context()
	eng, end, err := a.open(ctx, paths...)
	if err == nil && ask != nil {
		// Before there is any output: a bar would be drawn over the question.
		if err = ask(ctx, eng); err != nil {
			if cerr := end(); cerr != nil {
				a.fail("fatal error: ", cerr)
			}
		}
	}
	if err != nil {
		files.drop()
		if isUsage(err) || isExit(err) {
			return err
		}
		code := codeOf(err, t.exits)
		_ = a.output(t, nil).close(engine.Summary{}, err, code)
		return &exitError{code}
	}
	out := a.output(t, files)
	out.load.Store(eng)
	out.notice(notices)
	if t.stream {
		defer pipesMayClose()()
		out.sink = unlessClosed{out.sink}
	}
	sum, err := w(ctx, eng, t.options(out.sink))
	if bound, ok := errors.AsType[*engine.BoundError](err); ok {
		out.cut = t.stopped(a.name, bound)
	}
	code := t.code(sum, err)
	if isUsage(err) || t.stream && errors.Is(sum.Err(), engine.ErrPipeClosed) {
		out.drop()
		files.drop()
	} else {
		if werr := out.close(sum, err, code); werr != nil && (code == 0 || code == exitSkipped) {
			code = exitFailed // who reads the results has not got them all
			a.fail("", &outputError{werr})
		}
		if werr := files.close(sum, err, code); werr != nil {
			a.fail("", werr)
			if code == 0 || code == exitSkipped {
				code = exitFailed
			}
		}
	}
	if cerr := end(); cerr != nil && code == 0 {
		a.fail("fatal error: ", cerr)
		return &exitError{codeOf(cerr, t.exits)}
	}
	if err != nil && (isUsage(err) || isMissing(err) && !t.json) {
		return a.ended("", err)
	}
	if code != 0 {
		return &exitError{code}
	}
	return nil
}

// pipesMayClose has a write to a pipe that nobody reads end with an error, where
// else a signal would end the process. The function that comes back undoes it.
func pipesMayClose() func() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGPIPE)
	return func() { signal.Stop(signals) }
}

// unlessClosed is a Sink that is not told of a stream to which nobody listens.
type unlessClosed struct{ report.Sink }

// Report implements report.Sink.
func (u unlessClosed) Report(e report.Event) {
	if e.Kind != report.Failed || !errors.Is(e.Err, engine.ErrPipeClosed) {
		u.Sink.Report(e)
	}
}

// code is the exit code of a run that ended with err.
func (t *transferFlags) code(sum engine.Summary, err error) int {
	if err == nil {
		code := t.copying.atLeast(sum.Exit())
		if t.worst != nil {
			code = t.worst(code)
		}
		return code
	}
	code := codeOf(err, t.exits)
	if t.exits == asPurge && !t.dryRun && len(sum.Ops) > 0 && code >= exitConfig {
		return exitFailed // it had begun, and something is left
	}
	return code
}

// ended prints what ended a transfer and gives its exit code.
func (a *app) ended(prefix string, err error) error {
	a.fail(prefix, err)
	return &exitError{codeOf(err, asTransfer)}
}

func isExit(err error) bool {
	_, ok := errors.AsType[*exitError](err)
	return ok
}

func isMissing(err error) bool {
	var m *engine.MissingError
	return errors.As(err, &m)
}

// output is where a transfer's events go.
type output struct {
	sink    report.Sink
	console *report.Console
	text    *report.Text
	json    *report.JSON
	bar     *report.Bar
	// load is the engine whose requests the progress tells of: it is made when
	// the output is there already.
	load atomic.Pointer[engine.Engine]
	cut  error // the bound that ended the run
}

// now is what the engine has under way.
func (o *output) now() report.Load {
	eng := o.load.Load()
	if eng == nil {
		return report.Load{}
	}
	return report.Load(eng.Load())
}

// notice tells what is to be known beforehand.
func (o *output) notice(texts []string) {
	for _, text := range texts {
		o.sink.Report(report.Event{Kind: report.Notice, Err: errors.New(text)})
	}
}

// nothing ends a command that has nothing to do.
func (a *app) nothing(t *transferFlags) error {
	out := a.output(t, nil)
	out.notice(t.copying.notices)
	code := t.copying.atLeast(0)
	if err := out.close(engine.Summary{}, nil, code); err != nil {
		return &outputError{err}
	}
	if code != 0 {
		return &exitError{code}
	}
	return nil
}

// output makes the sinks of a run; files may be nil.
func (a *app) output(t *transferFlags, files outFiles) *output {
	o := &output{console: report.NewConsole(report.ConsoleOptions{
		Out: a.stdout, Err: a.stderr,
		OutTerminal: terminal(a.stdout), ErrTerminal: terminal(a.stderr), Width: a.width,
	})}
	tally := report.NewTally()
	opts := report.Options{Quiet: t.quiet, OnlyErrors: t.onlyErrors}
	interval := time.Duration(t.frequency) * time.Second
	silent := t.quiet || t.onlyErrors || t.noProgress
	if t.json {
		if silent {
			interval = 0
		}
		o.json = report.NewJSON(o.console, report.JSONOptions{Options: opts, Tally: tally, Interval: interval, Load: o.now})
		o.sink = advising{append(report.Multi{tally, o.json}, files.sinks()...)}
		return o
	}
	o.text = report.NewText(o.console, opts)
	var lines report.Sink = o.text
	if t.combined == "-" && !t.quiet { // in the place of what a person reads
		lines = report.Multi{uncompared{o.text}, report.NewCombined(o.console)}
	}
	o.sink = advising{append(report.Multi{tally, lines}, files.sinks()...)}
	if !silent {
		o.bar = report.NewBar(o.console, tally, report.BarOptions{
			Interval: interval, Multiline: t.multiline, Extra: func() string { return o.now().String() },
		})
	}
	return o
}

// close prints how the run ended. Objects that failed have had their lines. The
// error is that of writing to stdout.
func (o *output) close(sum engine.Summary, err error, code int) error {
	if o.bar != nil {
		o.bar.Close()
	}
	var stopped *errInterrupted
	missing := isMissing(err)
	if o.cut != nil {
		err = o.cut
	}
	switch {
	case o.json != nil:
		if err != nil {
			o.json.Fatal(advise(err))
		}
		o.json.Close()
		o.json.Summary(sum, code)
	case errors.As(err, &stopped):
		o.console.Errln(stopped.Error())
		o.text.Summary(sum)
	case o.cut != nil:
		o.text.Stopped(err)
		o.text.Summary(sum)
	default:
		if err != nil && !missing {
			o.text.Fatal(advise(err))
			if sum.Elapsed == 0 || sum.Purged && sum.Found.Objects == 0 {
				break // it has not begun: there is nothing to sum up
			}
		}
		o.text.Summary(sum)
	}
	return o.console.Close()
}

// drop ends the sinks of a run that never began.
func (o *output) drop() {
	if o.bar != nil {
		o.bar.Close()
	}
	if o.json != nil {
		o.json.Close()
	}
	_ = o.console.Close()
}
