// Package manifest reads names from a list, as files and pipes have them: one a
// line.
package manifest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/s3haul/s3haul/walker"
)

// maxLine is longer than the name of any object, and than the path of any file.
const maxLine = 64 << 10

// Options of a Source.
type Options struct {
	// Files says that the names are those of files, and are made as a walk has them:
	// "./b//c/" is b/c, and "." means nothing. The separator of this system is one, and
	// a name that is not UTF-8 is a [*walker.Skipped].
	Files bool
}

// Source yields the names of a list, in its order. Lines end with LF or CRLF, and
// the last one may end with the list; empty ones mean nothing, and neither does a
// byte order mark. The entries have a Key alone.
type Source struct {
	open func() (io.ReadCloser, error)
	o    Options
}

var _ walker.Source = (*Source)(nil)

// New returns a Source of what open opens, which is called for each walk.
func New(open func() (io.ReadCloser, error), o Options) *Source { return &Source{open: open, o: o} }

// LineError is a line that is no name, and ends the walk: a list with such a line
// is not what it was meant to be.
type LineError struct {
	Line int // from 1
	Text string
	Why  string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d, %q: %s", e.Line, e.Text, e.Why) }

// Ordered implements walker.Source: a list is in whatever order.
func (*Source) Ordered() bool { return false }

// Walk implements walker.Source. A name may come twice.
func (s *Source) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		r, err := s.open()
		if err != nil {
			yield(walker.Entry{}, fmt.Errorf("opening the list of names: %w", err))
			return
		}
		stopped := false
		err = s.read(ctx, r, func(name string) bool {
			var skip error
			if s.o.Files && !utf8.ValidString(name) {
				skip = &walker.Skipped{Key: name, Path: name, Err: errUTF8}
			}
			stopped = !yield(walker.Entry{Key: name}, skip)
			return !stopped
		})
		if cerr := r.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("closing the list of names: %w", cerr)
		}
		if err != nil && !stopped {
			yield(walker.Entry{}, err)
		}
	}
}

func (s *Source) read(ctx context.Context, from io.Reader, yield func(string) bool) error {
	r := bufio.NewReaderSize(from, maxLine)
	for line := 1; ; line++ {
		if line%64 == 1 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		text, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return &LineError{line, string(text[:40]) + "…", "it is longer than the name of any file or object"}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the list of names: %w", err)
		}
		last := err != nil
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		if line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff")) // as editors on Windows begin a file
		}
		if len(text) > 0 {
			name, why := s.name(string(text))
			if why != "" {
				return &LineError{line, string(text), why}
			}
			if name != "" && !yield(name) {
				return nil
			}
		}
		if last {
			return context.Cause(ctx)
		}
	}
}

// errUTF8 is a sentence, in the words of a walk.
var errUTF8 = errors.New("File name is not valid UTF-8.")

// name is the name that a line has, empty where it means nothing, and why it is none.
func (s *Source) name(text string) (name, why string) {
	if s.o.Files {
		text = filepath.ToSlash(text)
	}
	switch {
	case strings.HasPrefix(text, "/"), s.o.Files && filepath.VolumeName(text) != "":
		return "", "names are relative to the source, and this one is absolute"
	case strings.IndexByte(text, 0) >= 0:
		return "", "a name has no NUL; names end with a line, not with NUL"
	case hasDotDot(text):
		return "", "a name with .. in it leads out of the source"
	case !s.o.Files:
		return text, ""
	}
	if text = path.Clean(text); text == "." {
		return "", ""
	}
	return text, ""
}

func hasDotDot(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}
