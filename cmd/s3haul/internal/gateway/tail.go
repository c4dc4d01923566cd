package gateway

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailSize bounds what is kept of the server's output, in bytes.
const tailSize = 4 << 10

// readyLine is what the child prints on its standard output once it listens.
const readyLine = "s3haul-server-ready\n"

// tail keeps the last bytes of what the server prints and passes all of it on.
type tail struct {
	to io.Writer // may be nil

	mu  sync.Mutex
	buf []byte
}

// Write never fails: a log that cannot be written must not stop the server,
// which would block on a full pipe.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(p)
	}
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

// text returns the last lines on one line, without the colours of a terminal
// and without secret.
func (t *tail) text(secret string) string {
	t.mu.Lock()
	s := string(t.buf)
	t.mu.Unlock()
	if secret != "" {
		s = strings.ReplaceAll(s, secret, "[secret]")
	}
	for {
		start := strings.Index(s, "\x1b[")
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], 'm')
		if end < 0 {
			s = s[:start]
			break
		}
		s = s[:start] + s[start+end+1:]
	}
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	if n := len(lines) - 10; n > 0 {
		lines = lines[n:]
	}
	return strings.Join(lines, "; ")
}

// readyWatch is the child's standard output. It closes ready at [readyLine],
// and hands what comes after on.
type readyWatch struct {
	rest  io.Writer
	ready chan struct{}
	seen  []byte
	open  bool
}

func (w *readyWatch) Write(p []byte) (int, error) {
	if w.open {
		return w.rest.Write(p)
	}
	w.seen = append(w.seen, p...)
	_, rest, ok := bytes.Cut(w.seen, []byte(readyLine))
	if !ok {
		return len(p), nil
	}
	w.open = true
	close(w.ready)
	if len(rest) > 0 {
		_, _ = w.rest.Write(rest)
	}
	return len(p), nil
}
