package report

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

// repaintEvery is the least time between two drawings of a bar.
const repaintEvery = 100 * time.Millisecond

// painter keeps a line at the foot of a terminal. It makes the bytes and writes
// nothing; the Console does, with its lock held.
//
// progressbar says when to draw and makes the line; it is used as a spinner
// without a spinner, for its bar of a known length always has a percentage of
// its own in front. Its erasing is not used, for on Windows it erases nothing:
// a line is overwritten with blanks, which works without escape sequences.
type painter struct {
	pb    *progressbar.ProgressBar
	frame bytes.Buffer
	width func() int
	cols  int // columns that are on the screen
}

func newPainter(width func() int) *painter {
	p := &painter{width: width}
	p.pb = progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(&p.frame),
		progressbar.OptionSpinnerCustom([]string{""}),
		progressbar.OptionSetSpinnerChangeInterval(0), // else it starts a goroutine
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionThrottle(repaintEvery),
	)
	return p
}

func (p *painter) shown() bool { return p.cols > 0 }

// paint makes what shows line, which has no control characters; nothing where it
// is too soon.
func (p *painter) paint(line string) []byte {
	p.frame.Reset()
	p.pb.Describe(p.cut(line))
	return p.take()
}

// again makes what shows the last line once more, after a clear.
func (p *painter) again() []byte {
	p.frame.Reset()
	// A bytes.Buffer gives no error.
	_ = p.pb.RenderBlank()
	return p.take()
}

func (p *painter) take() []byte {
	if p.frame.Len() == 0 {
		return nil
	}
	line := p.frame.String()
	line = strings.TrimSpace(line[strings.LastIndexByte(line, '\r')+1:])
	cols := utf8.RuneCountInString(line)
	rest := strings.Repeat(" ", max(p.cols-cols, 0))
	p.cols = cols
	return []byte("\r" + line + rest)
}

// clear makes what takes the line away and leaves the cursor at its start.
func (p *painter) clear() []byte {
	blank := strings.Repeat(" ", p.cols)
	p.cols = 0
	return []byte("\r" + blank + "\r")
}

// cut keeps the line off the last column: some terminals go to the next line
// there, and the bar could not be taken back.
func (p *painter) cut(line string) string {
	width := 80
	if p.width != nil {
		if w := p.width(); w > 0 {
			width = w
		}
	}
	cols := 0
	for i := range line {
		if cols == width-1 {
			return line[:i]
		}
		cols++
	}
	return line
}
