package report

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// The errors below have the methods of smithy's and the SDK's.

type apiError struct{ code, message string }

func (e *apiError) Error() string        { return "api error " + e.code + ": " + e.message }
func (e *apiError) ErrorCode() string    { return e.code }
func (e *apiError) ErrorMessage() string { return e.message }

type codeOnly struct{ code string }

func (e *codeOnly) Error() string     { return "code " + e.code }
func (e *codeOnly) ErrorCode() string { return e.code }

type wrapper struct{ err error }

func (e *wrapper) Error() string { return "wrapped: " + e.err.Error() }
func (e *wrapper) Unwrap() error { return e.err }

type operationError struct {
	wrapper
	op string
}

func (e *operationError) Operation() string { return e.op }

type responseError struct {
	wrapper
	id     string
	status int
}

func (e *responseError) ServiceRequestID() string { return e.id }
func (e *responseError) HTTPStatusCode() int      { return e.status }

type advisedError struct {
	wrapper
	advice string
}

func (e *advisedError) Advice() string { return e.advice }

func denied(op string) error {
	return fmt.Errorf("send: %w", &operationError{wrapper{&apiError{"AccessDenied", "Access Denied"}}, op})
}

func deniedWithID(op, id string) error { return &responseError{wrapper{denied(op)}, id, 403} }

// lockedBuffer may be read while a Console writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// streams are the two ends of a Console off a terminal.
type streams struct{ out, err lockedBuffer }

func plainConsole(t testing.TB) (*Console, *streams) {
	t.Helper()
	s := new(streams)
	c := NewConsole(ConsoleOptions{Out: &s.out, Err: &s.err})
	t.Cleanup(func() { _ = c.Close() })
	return c, s
}

// closeConsole must find nothing wrong with stdout.
func closeConsole(t testing.TB, c *Console) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// screen is a terminal that knows printable characters, \r and \n, and takes
// anything else for an attack.
type screen struct {
	mu     sync.Mutex
	rows   [][]rune
	col    int
	bad    []string
	writes int
}

func newScreen() *screen { return &screen{rows: [][]rune{nil}} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	for _, r := range string(p) {
		last := len(s.rows) - 1
		switch {
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.rows = append(s.rows, nil)
			s.col = 0
		case hostile(r) || r == '\ufffd':
			s.bad = append(s.bad, fmt.Sprintf("%q", r))
		default:
			for len(s.rows[last]) <= s.col {
				s.rows[last] = append(s.rows[last], ' ')
			}
			s.rows[last][s.col] = r
			s.col++
		}
	}
	return len(p), nil
}

// lines are the finished lines; bottom is the one with the cursor.
func (s *screen) lines() (lines []string, bottom string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rows {
		lines = append(lines, strings.TrimRight(string(r), " "))
	}
	return lines[:len(lines)-1], lines[len(lines)-1]
}

func (s *screen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

func (s *screen) text() string {
	lines, bottom := s.lines()
	return strings.Join(append(lines, bottom), "\n")
}

func terminal(t testing.TB, s *screen, width int) *Console {
	t.Helper()
	c := NewConsole(ConsoleOptions{
		Out: s, Err: s, OutTerminal: true, ErrTerminal: true,
		Width: func() int { return width },
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var errPlain = errors.New("disk full")

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
