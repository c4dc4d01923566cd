package report

import "strings"

// Options says how much a sink prints.
type Options struct {
	// Quiet prints nothing at all.
	Quiet bool
	// OnlyErrors prints failures and warnings alone, and what a dry run would do.
	OnlyErrors bool
}

// Text is a Sink that prints the lines of `aws s3`: results on stdout,
// failures, warnings and notices on stderr.
//
//	upload: ./a to s3://b/a
//	upload failed: ./a to s3://b/a An error occurred (AccessDenied) when calling the PutObject operation: Access Denied
//	  request 4Z9K: needs kms:GenerateDataKey on alias/photos
//	differs: ./a and s3://b/a
//	warning: Skipping file ./fifo. File is character special device, block special device, FIFO, or socket.
type Text struct {
	console *Console
	opts    Options
}

// NewText returns a Text that prints to c.
func NewText(c *Console, o Options) *Text { return &Text{console: c, opts: o} }

// Err returns the first error of stdout, as [Console.Err].
func (t *Text) Err() error { return t.console.Err() }

// Report implements Sink.
func (t *Text) Report(e Event) {
	if t.opts.Quiet {
		return
	}
	switch e.Kind {
	case DryRun: // aws s3 prints them with OnlyErrors too
		t.result(e)
	case Done:
		if !t.opts.OnlyErrors {
			t.result(e)
		}
	case Compared:
		t.compared(e)
	case Failed:
		if e.Count > 0 {
			return
		}
		prefix := string(e.Op) + " failed: "
		if e.Op == "" {
			prefix = "failed: "
		}
		t.problem(prefix+location(e.Src, e.Dst, e.Key)+" ", e.Err)
	case Warning:
		t.problem("warning: ", e.Err)
	case Notice:
		if !t.opts.OnlyErrors {
			t.problem("notice: ", e.Err)
		}
	}
}

// Fatal prints what ended the run, as "fatal error: …".
func (t *Text) Fatal(err error) {
	if !t.opts.Quiet {
		t.problem("fatal error: ", err)
	}
}

// Stopped prints which bound ended the run before its end, as "stopped: …".
func (t *Text) Stopped(why error) {
	if !t.opts.Quiet {
		t.problem("stopped: ", why)
	}
}

// Summary prints s to stderr, as [Summary.Lines] has it. It prints nothing
// with Quiet and OnlyErrors, nor off a terminal where nothing happened.
func (t *Text) Summary(s Summary) {
	c := t.console
	if t.opts.Quiet || t.opts.OnlyErrors || !c.errTTY && s.Idle() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = c.line[:0]
	for _, l := range s.Lines() {
		c.line = append(c.appendErr(c.line, l), '\n')
	}
	c.writeErr()
}

func (t *Text) result(e Event) {
	c := t.console
	src := e.Src
	if e.Op == MakeBucket || e.Op == RemoveBucket {
		// As aws: the bare name where it went well, a URL where it failed.
		src = strings.TrimPrefix(src, "s3://")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	line := c.line[:0]
	if e.Kind == DryRun {
		line = append(line, "(dryrun) "...)
	}
	line = append(line, e.Op...)
	line = append(line, ": "...)
	if src != "" && e.Dst != "" {
		line = c.appendOut(line, src)
		line = append(line, " to "...)
		line = c.appendOut(line, e.Dst)
	} else {
		line = c.appendOut(line, location(src, e.Dst, e.Key))
	}
	c.line = append(line, '\n')
	c.writeOut()
}

// compared prints what a verify has found; what could not be read goes to
// stderr, with its error.
func (t *Text) compared(e Event) {
	verb, names := comparedLine(e)
	switch {
	case verb == "":
	case e.Outcome == Unreadable:
		t.problem(verb+": "+names+" ", e.Err)
	default:
		c := t.console
		c.mu.Lock()
		defer c.mu.Unlock()
		c.line = append(append(c.line[:0], verb...), ": "...)
		c.line = append(c.appendOut(c.line, names), '\n')
		c.writeOut()
	}
}

func (t *Text) problem(prefix string, err error) {
	c := t.console
	p := Explain(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = c.appendErr(c.line[:0], prefix)
	c.line = append(c.appendErr(c.line, p.String()), '\n')
	if d := p.Detail(); d != "" {
		for l := range strings.Lines(d) {
			c.line = append(c.line, "  "...)
			c.line = append(c.appendErr(c.line, strings.TrimRight(l, "\r\n")), '\n')
		}
	}
	c.writeErr()
}
