package report

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// flushEvery is how long a line may wait: nobody sees the delay, and a
	// million lines a minute cost few writes.
	flushEvery = 200 * time.Millisecond
	outBuffer  = 64 << 10
	// keepScratch is the largest scratch line that is kept for the next one.
	keepScratch = 64 << 10
)

// ConsoleOptions says where a Console prints.
type ConsoleOptions struct {
	// Out takes results, Err progress, notices and errors.
	Out, Err io.Writer
	// OutTerminal and ErrTerminal say which of them is a terminal. On one,
	// control characters in names are shown as escapes, and a [Bar] is drawn.
	OutTerminal, ErrTerminal bool
	// Width is the number of columns of the terminal behind Err, asked before
	// each drawing. Nil, or an answer below 1, means 80.
	Width func() int
}

// Console is the two streams of a command, shared by whatever prints: results
// on stdout, buffered for at most 200 ms; the rest on stderr at once, after
// what waits for stdout. Lines and a [Bar] do not break one another. Its
// methods may be called concurrently. Close it: it owns a goroutine.
type Console struct {
	out, err       io.Writer
	outTTY, errTTY bool
	width          func() int
	flusher        *beat

	mu     sync.Mutex
	buf    *bufio.Writer // holds whole lines only
	line   []byte        // the line that is being made
	bar    *painter      // nil where none is drawn
	outErr error         // the first error of out
	closed bool
}

// NewConsole starts a Console.
func NewConsole(o ConsoleOptions) *Console {
	c := &Console{out: o.Out, err: o.Err, outTTY: o.OutTerminal, errTTY: o.ErrTerminal, width: o.Width}
	c.buf = bufio.NewWriterSize(outGate{c}, outBuffer)
	c.flusher = every(flushEvery, func() { _ = c.Flush() })
	return c
}

// Flush writes out what waits for stdout. It returns the first error that
// stdout ever gave.
func (c *Console) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
	return c.outErr
}

// Err returns the first error that stdout gave: a reader that went away, a
// full disk. After it, results are dropped.
func (c *Console) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outErr
}

// Close writes out what waits, ends the goroutine and returns Err. What is
// printed later goes out at once.
func (c *Console) Close() error {
	c.flusher.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.flush()
	return c.outErr
}

// Errln prints one line to stderr: redacted, and on a terminal escaped.
func (c *Console) Errln(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = append(c.appendErr(c.line[:0], Redact(line)), '\n')
	c.writeErr()
}

// appendOut and appendErr append text as the stream wants it. Off a terminal
// that is as it is, which is what `aws s3` prints and what scripts expect.
func (c *Console) appendOut(dst []byte, s string) []byte {
	if c.outTTY {
		return appendVisible(dst, s)
	}
	return append(dst, s...)
}

func (c *Console) appendErr(dst []byte, s string) []byte {
	if c.errTTY {
		return appendVisible(dst, s)
	}
	return append(dst, s...)
}

// writeOut sends c.line to stdout. The buffer is emptied first where the line
// does not fit, so that it never ends within a line: a bar may be drawn there.
func (c *Console) writeOut() {
	if len(c.line) > c.buf.Available() {
		c.flush()
	}
	if c.outErr == nil {
		// The gate keeps the error.
		_, _ = c.buf.Write(c.line)
	}
	if c.closed {
		c.flush()
	}
	c.release()
}

// writeErr sends c.line, which may be several whole lines, to stderr. There is
// nobody to tell where that fails.
func (c *Console) writeErr() {
	hidden := c.hide()
	c.flush()
	if hidden {
		c.line = append(c.line, c.bar.again()...)
	}
	_, _ = c.err.Write(c.line)
	c.release()
}

func (c *Console) release() {
	if cap(c.line) > keepScratch {
		c.line = nil
	}
}

func (c *Console) flush() {
	if c.buf.Buffered() > 0 {
		// The gate keeps the error.
		_ = c.buf.Flush()
	}
}

// hide takes the bar off the screen, and says whether there was one.
func (c *Console) hide() bool {
	if c.bar == nil || !c.bar.shown() {
		return false
	}
	_, _ = c.err.Write(c.bar.clear())
	return true
}

// attach makes p the bar; detach takes it away.
func (c *Console) attach(p *painter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hide()
	c.bar = p
}

func (c *Console) detach(p *painter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar == p {
		c.hide()
		c.bar = nil
	}
}

// draw shows line in the bar p.
func (c *Console) draw(p *painter, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar == p {
		_, _ = c.err.Write(p.paint(line))
	}
}

// outGate is what the buffer of stdout writes to. It is called with the lock.
type outGate struct{ c *Console }

func (g outGate) Write(p []byte) (int, error) {
	c := g.c
	// Only a stdout that is a terminal shares the screen with the bar.
	hidden := c.outTTY && c.hide()
	n, err := c.out.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		c.outErr = fmt.Errorf("write to stdout: %w", err)
	}
	if hidden {
		_, _ = c.err.Write(c.bar.again())
	}
	return n, err
}
