package report

import (
	"bytes"
	"strings"
)

// Combined is a Sink that prints a line for each object that was compared: what
// it came to, a space, and its key, as `rclone check --combined` does:
//
//	= the same on both sides, or of one size where no more is known
//	* different
//	+ the destination lacks it
//	- the destination alone has it
//	! it could not be read
//
// A key with a control character in it is written with escapes, so that it stays
// one line.
type Combined struct{ console *Console }

// NewCombined returns a Combined that prints to the results of c.
func NewCombined(c *Console) *Combined { return &Combined{console: c} }

// Err returns the first error of c's stdout, as [Console.Err].
func (m *Combined) Err() error { return m.console.Err() }

// Report implements Sink.
func (m *Combined) Report(e Event) {
	if e.Kind != Compared {
		return
	}
	mark := e.Outcome
	if mark == SameSize {
		mark = Equal
	}
	c := m.console
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = append(append(c.line[:0], mark...), ' ')
	if key := e.Key; strings.ContainsFunc(key, control) {
		c.line = appendVisible(c.line, key)
	} else {
		c.line = c.appendOut(c.line, key)
	}
	c.line = append(c.line, '\n')
	c.writeOut()
}

// IsCombined says whether line could be one of a Combined: also one that was cut
// off, where it does not end in a newline.
func IsCombined(line []byte) bool {
	text, whole := bytes.CutSuffix(line, []byte("\n"))
	if len(text) == 0 || strings.IndexByte("=*+-!", text[0]) < 0 || bytes.ContainsFunc(text, control) {
		return false
	}
	return len(text) > 1 && text[1] == ' ' || len(text) == 1 && !whole
}

func control(r rune) bool { return r < ' ' || r == 0x7f }
