package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

func (a *app) runCmd() *cobra.Command {
	t := transferFlags{pageSize: mostKeys} // the lines have numbers of their own
	noResume := false
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Carry out many cp, mv and rm commands at once, from a file",
		Long: `Carry out the commands that FILE has, one a line, or that come from stdin where
FILE is -: cp, mv and rm, with their flags, with or without s3haul before them.
Many of them are under way at a time, in no order, with one set of connections and
one limit; what has to come after something else does not belong into one FILE.

Words are separated by spaces, and 'single quotes', "double quotes" and \ keep them
together as in a shell, but there is no shell: no variable, no wildcard and no
command is replaced. Empty lines, and what is behind a # that begins a word, mean
nothing. All lines are read, and looked at, before the first is carried out: where
one makes no sense, nothing is done. Together they may have 64 MiB.

The flags of the connection, as --endpoint-url and --concurrency, and those of the
output are given to run, and not in lines; - for a stream, --report, --retry-failed
and --source-... are for commands by themselves.

A line that fails does not stop the others, unless it is for what all would fail:
credentials that have ended, or a disk that is full. The exit code is the worst of
all lines.`,
		Example: `  s3haul run jobs.txt
  s3haul run jobs.txt --dryrun
  generate | s3haul run - --profile archive`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b := &batch{main: a, t: &t, name: args[0], common: cmd.InheritedFlags()}
			if err := b.read(cmd.Context(), a.stdin); err != nil {
				return err
			}
			if dir, err := stateDir(); err == nil && !noResume {
				a.stateDir = dir
			}
			t.worst = b.worst
			return a.transfer(cmd, &t, nil, b.run)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&t.dryRun, "dryrun", false, "only say what would be done")
	t.registerOutput(f)
	f.BoolVar(&noResume, "no-resume", false, "keep no journal: large objects begin anew where a run was interrupted")
	return cmd
}

const (
	// mostText bounds what a batch holds, in bytes.
	mostText = 64 << 20
	// Of lines about one object each so many are under way: more than the requests
	// that a store mostly takes at a time. Trees have lists, which take memory.
	objectsAtOnce = 256
	treesAtOnce   = 4
)

// batch is the lines of a run command.
type batch struct {
	main  *app
	t     *transferFlags
	name  string // of the file
	lines []line
	// common are the flags that are not for lines.
	common *pflag.FlagSet

	mu   sync.Mutex
	code int // the worst so far
	// ended is why all of it ends, where an error of one line is one that all would
	// have, and end has it do so.
	ended error
	end   context.CancelCauseFunc
}

// line is one command. Its text is read again when its turn has come: what it is
// read to takes a hundred times as much memory.
type line struct {
	number int
	text   string
}

// read reads all lines, and checks them.
func (b *batch) read(ctx context.Context, stdin io.Reader) error {
	text, err := b.all(ctx, stdin)
	if err != nil {
		return err
	}
	if len(text) > mostText {
		return usagef("%s has more than 64 MiB: run it in parts", b.name)
	}
	n := 0
	for row := range strings.Lines(string(text)) {
		n++
		row = strings.TrimSuffix(row, "\n")
		words, err := splitWords(row)
		if err == nil && len(words) > 0 {
			b.lines = append(b.lines, line{n, row})
			_, err = b.parse(ctx, b.lines[len(b.lines)-1])
		}
		if err != nil {
			return usagef("%s: line %d: %v", b.name, n, err)
		}
	}
	return nil
}

// all is the text of the file, or more than it may be.
func (b *batch) all(ctx context.Context, stdin io.Reader) ([]byte, error) {
	from := stdin
	if b.name == "-" {
		b.name = "stdin"
	} else {
		file, err := os.Open(b.name)
		if err != nil {
			return nil, usagef("%v", err)
		}
		defer file.Close()
		from = file
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() { // a pipe may have nothing for ever
		text, err := io.ReadAll(io.LimitReader(from, mostText+1))
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("reading %s: %w", b.name, r.err)
		}
		return r.text, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// job is a line that can be carried out.
type job struct {
	t     *transferFlags
	paths []string
	work  work
	tree  bool
}

// parse reads one line as a command line, and does nothing else.
func (b *batch) parse(ctx context.Context, l line) (*job, error) {
	words, err := splitWords(l.text)
	if err != nil {
		return nil, err
	}
	if words[0] == "s3haul" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil, usagef("there is no command in it")
	}
	var got *job
	sub := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, embedded: b.main.embedded}
	sub.instead = func(cmd *cobra.Command, t *transferFlags, paths []string, ask question, w work) error {
		if err := b.allowed(cmd, t, paths, ask); err != nil {
			return err
		}
		recursive := cmd.Flags().Lookup("recursive")
		got = &job{t: t, paths: paths, work: w, tree: recursive.Changed || t.choosing.glob}
		return nil
	}
	root := &cobra.Command{
		Use: "s3haul", SilenceErrors: true, SilenceUsage: true, Args: noCommand,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	switch words[0] {
	case "cp":
		root.AddCommand(sub.cpCmd()) //nolint:contextcheck // cobra hands it to the command
	case "mv":
		root.AddCommand(sub.mvCmd()) //nolint:contextcheck // cobra hands it to the command
	case "rm":
		root.AddCommand(sub.rmCmd()) //nolint:contextcheck // cobra hands it to the command
	default:
		return nil, usagef("%q is not one of cp, mv and rm", words[0])
	}
	if err := b.ofRun(words); err != nil {
		return nil, err
	}
	args, _, err := argparse(root, words)
	if err != nil {
		return nil, err
	}
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return nil, err
	}
	if got == nil {
		return nil, usagef("it asks for help, which is not for a line")
	}
	return got, nil
}

// ofRun refuses the flags that all lines have in common.
func (b *batch) ofRun(words []string) error {
	for _, word := range words {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && name != "" && b.common.Lookup(name) != nil {
			return usagef("--%s is the same for all lines: give it to run", name)
		}
	}
	return nil
}

// allowed refuses what a line cannot have beside others.
func (b *batch) allowed(cmd *cobra.Command, t *transferFlags, paths []string, ask question) error {
	for _, name := range []string{
		"quiet", "only-show-errors", "no-progress", "progress-frequency", "progress-multiline", "json", "no-resume",
	} {
		if changed(cmd.Flags(), name) {
			return usagef("--%s is the same for all lines: give it to run", name)
		}
	}
	for _, name := range []string{"source-endpoint-url", "source-profile", "source-region", "report", "retry-failed"} {
		if changed(cmd.Flags(), name) {
			return usagef("--%s is for a command by itself", name)
		}
	}
	switch {
	case t.stream:
		return usagef("- is for a command by itself")
	case t.choosing.filesFrom == "-":
		return usagef("--files-from - is for a command by itself: name a file")
	case ask != nil || changed(cmd.Flags(), "all-versions"):
		return usagef("--all-versions asks before it removes anything, and is for a command by itself")
	}
	for _, arg := range cmd.Flags().Args() {
		at, err := parsePlace(arg)
		if err == nil && at.s3 {
			err = at.tree().Check()
		}
		if err != nil {
			return err
		}
	}
	if b.main.embedded == "" {
		return nil
	}
	for _, path := range paths {
		if err := apart(b.main.embedded, path); err != nil {
			return err
		}
	}
	return nil
}

// run carries out all lines. Errors of lines are told, and are not its own.
func (b *batch) run(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
	tally := report.NewTally()
	sink := report.Multi{tally, o.Report}
	ctx, b.end = context.WithCancelCause(ctx)
	defer b.end(context.Canceled)
	begun, cut := 0, atomic.Int64{}
	trees, objects := make(chan struct{}, treesAtOnce), make(chan struct{}, objectsAtOnce)
	var all sync.WaitGroup
	for _, l := range b.lines {
		j, err := b.parse(ctx, l)
		if err != nil { // it was one: a file on which it depends has changed
			begun++
			b.failed(sink, l, err, exitUsage)
			continue
		}
		turn := objects
		if j.tree {
			turn = trees
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		begun++
		all.Go(func() {
			defer func() { <-turn }()
			if !b.carryOut(ctx, eng, l, j, sink) {
				cut.Add(1)
			}
		})
	}
	all.Wait()
	why := context.Cause(ctx)
	if why != nil {
		why = b.left(why, len(b.lines)-begun, int(cut.Load()), sink)
	}
	sink.Report(report.Event{Kind: report.Listed})
	sum := tally.Summary()
	sum.DryRun = sum.DryRun || b.t.dryRun
	return sum, why
}

// left is why the run ends before its end, with what is left to do.
func (b *batch) left(why error, unbegun, cut int, sink report.Sink) error {
	_, signal := errors.AsType[*errInterrupted](why)
	if unbegun+cut == 0 {
		if signal {
			return why
		}
		return nil // it was the last one
	}
	text := fmt.Sprintf("%d of %d lines were not begun", unbegun, len(b.lines))
	if cut > 0 {
		text += fmt.Sprintf(", and %d were not brought to their end", cut)
	}
	if signal { // which has a line of its own
		sink.Report(report.Event{Kind: report.Notice, Err: errors.New(text)})
		return why
	}
	return &lineError{advise(why), text}
}

// ends says that err is one that all lines would have, and ends them. Only the
// first of them is told.
func (b *batch) ends(err error) (told bool) {
	stopped, signal := errors.AsType[*errInterrupted](err) // at a question
	if !signal && !engine.Stops(err) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	told = signal || b.ended != nil
	if b.ended == nil {
		if b.ended = err; signal {
			b.ended = stopped
		}
		b.end(b.ended)
	}
	return told
}

// carryOut carries out one line, and says that it has come to its end, well or not.
func (b *batch) carryOut(ctx context.Context, eng *engine.Engine, l line, j *job, sink report.Sink) bool {
	var failed atomic.Bool
	err := j.t.choosing.open(nil)
	if err == nil {
		(&app{}).journal(j.t, j.paths) // for what it leaves out of a tree
		o := j.t.options(ofLine{sink, b, l, &failed})
		o.DryRun = o.DryRun || b.t.dryRun
		var sum engine.Summary
		sum, err = j.work(ctx, eng, o)
		err = errors.Join(err, j.t.choosing.end())
		b.took(j.t.code(sum, err))
	}
	if err == nil || ctx.Err() != nil {
		return err == nil || failed.Load()
	}
	if b.ends(err) {
		return false
	}
	b.failed(sink, l, err, codeOf(err, asTransfer))
	return true
}

// failed tells of a line that was ended by an error.
func (b *batch) failed(sink report.Sink, l line, err error, code int) {
	b.took(code)
	sink.Report(report.Event{Kind: report.Failed, Src: fmt.Sprintf("line %d of %s:", l.number, b.name), Err: err})
}

// took is told of the exit code of a line.
func (b *batch) took(code int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.code = worse(b.code, code)
}

// worst is the exit code of all, where that of what came of them is code.
func (b *batch) worst(code int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return worse(b.code, code)
}

// worse is the exit code that says more of what went wrong: a warning says less
// than a failure, and that less than the others.
func worse(a, b int) int {
	rank := func(code int) int {
		if code == exitSkipped {
			return 0
		}
		return code
	}
	if a == 0 || b != 0 && rank(b) > rank(a) {
		return b
	}
	return a
}

// ofLine is a Sink that adds to failures which line they are of.
type ofLine struct {
	report.Sink
	b *batch
	l line
	// failed is set where an object has.
	failed *atomic.Bool
}

// Report implements report.Sink.
func (o ofLine) Report(e report.Event) {
	switch {
	case e.Kind == report.Listed:
		return // when all lines have been
	case e.Kind == report.Failed && e.Err != nil:
		if o.b.ends(e.Err) {
			return
		}
		o.failed.Store(true)
		e.Err = &lineError{advise(e.Err), fmt.Sprintf("line %d of %s", o.l.number, o.b.name)}
	}
	o.Sink.Report(e)
}

// lineError is a failure with the line that it is of.
type lineError struct {
	error
	line string
}

func (e *lineError) Unwrap() error { return e.error }

// Advice says which line it was, beside what else there is to say.
func (e *lineError) Advice() string {
	if text := report.Explain(e.error).Advice; text != "" {
		return e.line + "; " + text
	}
	return e.line
}
