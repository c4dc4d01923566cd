package local

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/walker"
)

type keys []walker.Entry

func (keys) Ordered() bool { return true }

func (s keys) Walk(context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for _, e := range s {
			var err error
			if e.ETag == "skipped" {
				err = &walker.Skipped{Key: e.Key, Err: errors.New("before.")}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	const linux, windows = "linux", "windows"
	for _, c := range []struct {
		goos, key string
		want      string // part of the reason; empty where the key can be a file
	}{
		{linux, "a", ""},
		{linux, "a/b/c", ""},
		{linux, "..a", ""},
		{linux, "a..", ""},
		{linux, "...", ""},
		{linux, ".../x", ""},
		{linux, " ", ""},
		{linux, "-rf", ""},
		{linux, `a\b`, ""},
		{linux, `..\x`, ""},
		{linux, "a:b", ""},
		{linux, "NUL", ""},
		{linux, strings.Repeat("n", 300), ""},
		{linux, "..", "parent directory."},
		{linux, "../a", "parent directory."},
		{linux, "a/../../b", "parent directory."},
		{linux, "a/..", "parent directory."},
		{linux, ".", "directory itself."},
		{linux, "a/./b", "directory itself."},
		{linux, "/a", "begins with a slash."},
		{linux, "//a", "begins with a slash."},
		{linux, "/../x", "begins with a slash."},
		{linux, "a//b", "empty segment."},
		{linux, "", "no name."},
		{linux, "a\x00b", "NUL"},
		{linux, "d/", "content."},
		{linux, TempName(7), "unfinished downloads."},
		{linux, "d/" + TempName(7), "unfinished downloads."},
		{linux, TempName(7) + "/a", ""},
		{windows, "a/b.txt", ""},
		{windows, "console", ""},
		{windows, "com", ""},
		{windows, "com10", ""},
		{windows, "é/ü", ""},
		{windows, `a\b`, "does not allow."},
		{windows, `..\b`, "does not allow."},
		{windows, "c:/x", "does not allow."},
		{windows, "a:stream", "does not allow."},
		{windows, "a\nb", "does not allow."},
		{windows, "what?", "does not allow."},
		{windows, "a/NUL", "device"},
		{windows, "nul.txt", "device"},
		{windows, "con .tar.gz", "device"},
		{windows, "COM1/x", "device"},
		{windows, "lpt³", "device"},
		{windows, "conin$", "device"},
		{windows, "a.", "dot or a space"},
		{windows, "a /b", "dot or a space"},
		{windows, "..", "parent directory."},
	} {
		size := int64(1)
		s := &down{source: keys{{Key: c.key, Size: size}}, goos: c.goos}
		n := 0
		for e, err := range s.Walk(t.Context()) {
			n++
			skipped := walker.AsSkipped(err)
			switch {
			case c.want == "" && (err != nil || e.Size != size):
				t.Errorf("%s: %q: %v", c.goos, c.key, err)
			case c.want != "" && (skipped == nil || skipped.Key != c.key || !strings.Contains(skipped.Err.Error(), c.want)):
				t.Errorf("%s: %q: got %v, want %q", c.goos, c.key, err, c.want)
			}
			if e.Key != c.key {
				t.Errorf("%s: %q came as %q", c.goos, c.key, e.Key)
			}
		}
		if n != 1 {
			t.Errorf("%s: %q came %d times", c.goos, c.key, n)
		}
	}
}

func TestNamesFileAndDirectory(t *testing.T) {
	t.Parallel()
	in := keys{
		{Key: "a", Size: 1},
		{Key: "a-b", Size: 1},
		{Key: "a/"}, // a folder marker says nothing
		{Key: "a/c", Size: 1},
		{Key: "a/c/d", Size: 1},
		{Key: "b/"},
		{Key: "b/c", Size: 1},
		{Key: "c", ETag: "skipped"}, // was not taken, so it is in nobody's way
		{Key: "c/d", Size: 1},
		{Key: "e/../f", Size: 1},
		{Key: "e/../f/g", Size: 1},
	}
	var got []string
	for e, err := range Names(in).Walk(t.Context()) {
		if s := walker.AsSkipped(err); s != nil {
			got = append(got, e.Key+": "+s.Err.Error())
			continue
		}
		got = append(got, e.Key)
	}
	want := []string{
		"a",
		"a-b",
		"a/c: a is a file here, so a/c cannot be one.",
		"a/c/d: a is a file here, so a/c/d cannot be one.",
		"b/c",
		"c: before.",
		"c/d",
		"e/../f: File references a parent directory.",
		"e/../f/g: File references a parent directory.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !Names(in).Ordered() {
		t.Error("the order is lost")
	}
	for range Names(in).Walk(t.Context()) {
		break // going on after this would panic
	}
}

func TestTempName(t *testing.T) {
	t.Parallel()
	for _, r := range []uint64{0, 1, 0xabcdef, 1<<64 - 1} {
		if n := TempName(r); !IsTemp(n) || len(n) != len(TempPattern) {
			t.Errorf("%q is not a temporary name of its own", n)
		}
	}
	good := TempName(0xabc)
	for _, n := range []string{
		"", ".s3haul-", good + "x", "x" + good, good[:len(good)-1], strings.ToUpper(good),
		strings.Replace(good, "abc", "aBc", 1), strings.Replace(good, "abc", "abg", 1),
		strings.Replace(good, "abc", "ab/", 1), strings.Replace(good, ".part", ".parx", 1),
		strings.Replace(good, ".s3", "_s3", 1),
	} {
		if IsTemp(n) {
			t.Errorf("%q is taken for a temporary name", n)
		}
	}
}
