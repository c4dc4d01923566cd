package manifest_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/manifest"
	"github.com/s3haul/s3haul/walker/walktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func of(text string, o manifest.Options) *manifest.Source {
	return manifest.New(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }, o)
}

// looked gives the names of a list what a look at each would.
type looked struct {
	walker.Source
	files map[string]int64
}

func (l looked) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for e, err := range l.Source.Walk(ctx) {
			e.Size, e.ModTime = l.files[e.Key], time.Unix(1, 0)
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestContract(t *testing.T) {
	walktest.Suite{
		Make: func(_ *testing.T, files map[string]int64) walker.Source {
			return looked{of(strings.Join(slices.Collect(maps.Keys(files)), "\n"), manifest.Options{}), files}
		},
		Refuses: func(key string) bool { return strings.Contains(key, "\n") },
	}.Run(t)
}

func names(t *testing.T, s *manifest.Source) ([]string, error) {
	t.Helper()
	var all []string
	for e, err := range s.Walk(t.Context()) {
		if err != nil {
			return all, err
		}
		all = append(all, e.Key)
	}
	return all, nil
}

func TestLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		"\n\r\n\n":                nil,
		"a":                       {"a"},
		"a\nb/c\n":                {"a", "b/c"},
		"a\r\nb\r\n":              {"a", "b"},
		"a\r":                     {"a"},
		"b\r\r\n":                 {"b\r"},
		" a \n\tb":                {" a ", "\tb"},
		"#a\n":                    {"#a"},
		"a//b\nc/\n./d\n...\n..e": {"a//b", "c/", "./d", "...", "..e"},
		"b\na\nb\n":               {"b", "a", "b"},
		"\xff\n":                  {"\xff"},
	} {
		if got, err := names(t, of(text, manifest.Options{})); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	if got, err := names(t, of("./a\n.//b\n././c/d\ne\n", manifest.Options{Files: true})); err != nil || !slices.Equal(got, []string{"a", "b", "c/d", "e"}) {
		t.Errorf("files: %q, %v", got, err)
	}
	if got, err := names(t, of("\ufeffa//b\n.\n./\nc/./d\n./e/\n.//\n\ufefff\n", manifest.Options{Files: true})); err != nil || !slices.Equal(got, []string{"a/b", "c/d", "e", "\ufefff"}) {
		t.Errorf("files: %q, %v", got, err)
	}
	if got, err := names(t, of("\ufeffa//b\n./c/\n", manifest.Options{})); err != nil || !slices.Equal(got, []string{"a//b", "./c/"}) {
		t.Errorf("keys: %q, %v", got, err)
	}
	long := strings.Repeat("n", 5000)
	if got, err := names(t, of(long+"\n"+long, manifest.Options{})); err != nil || !slices.Equal(got, []string{long, long}) {
		t.Errorf("long names: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for text, line := range map[string]int{
		"/etc/passwd": 1, "a\n..\n": 2, "a\nb\n../c": 3, "a/../b": 1, "a/..": 1, "a\n\n/b\n": 3,
		"a\x00b\x00": 1, strings.Repeat("x", 70_000): 1, "a\n" + strings.Repeat("x", 70_000): 2,
	} {
		got, err := names(t, of(text, manifest.Options{}))
		bad, ok := errors.AsType[*manifest.LineError](err)
		if !ok || bad.Line != line {
			t.Errorf("%.20q: %q, %v, want an error of line %d", text, got, err, line)
		}
	}
	for _, text := range []string{"/a", "./../a", "a/..", "//a", "a\x00b"} {
		if got, err := names(t, of(text, manifest.Options{Files: true})); err == nil {
			t.Errorf("%q is a file: %q", text, got)
		}
	}
}

// One file whose name no key can have does not keep the others back.
func TestNameThatIsNotUTF8(t *testing.T) {
	var got, skipped []string
	for e, err := range of("a\n./b\xff\nc\n", manifest.Options{Files: true}).Walk(t.Context()) {
		if skip := walker.AsSkipped(err); skip != nil {
			skipped = append(skipped, skip.Key)
		} else if err != nil {
			t.Fatal(err)
		} else {
			got = append(got, e.Key)
		}
	}
	if !slices.Equal(got, []string{"a", "c"}) || !slices.Equal(skipped, []string{"b\xff"}) {
		t.Errorf("%q, skipped %q", got, skipped)
	}
}

// What cannot be read, or closed, is no end.
func TestBroken(t *testing.T) {
	bad := errors.New("bad")
	for name, open := range map[string]func() (io.ReadCloser, error){
		"open": func() (io.ReadCloser, error) { return nil, bad },
		"read": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(bad))), nil
		},
		"close": func() (io.ReadCloser, error) { return closing{strings.NewReader("a\n"), bad}, nil },
	} {
		if got, err := names(t, manifest.New(open, manifest.Options{})); !errors.Is(err, bad) || slices.Contains(got, "b") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

type closing struct {
	io.Reader
	err error
}

func (c closing) Close() error { return c.err }
