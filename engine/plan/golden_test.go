package plan_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// TestGolden shows plans as text: two listings in, a plan out.
//
// A line of a listing is `key size time`, `key ! reason` (a skip), `key !quiet
// reason`, `key !at:other reason` (a skip of another name in key's place) or
// `error text`, which ends the walk. Keys may be quoted.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, f := range a.Files {
				part[f.Name] = strings.ReplaceAll(string(f.Data), "\r\n", "\n")
			}
			src := parseListing(t, part["src"])
			dst := parseListing(t, part["dst"])
			var got strings.Builder
			for a, err := range plan.Join(t.Context(), src, dst, parseOptions(t, part["options"])) {
				got.WriteString(formatStep(a, err))
			}
			if got.String() != part["plan"] {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", a.Comment, got.String(), part["plan"])
			}
		})
	}
}

func parseOptions(t *testing.T, text string) plan.Options {
	t.Helper()
	var o plan.Options
	for word := range strings.FieldsSeq(text) {
		switch word {
		case "delete":
			o.Delete = true
		case "downward":
			o.Compare = plan.Downward
		case "sizeonly":
			o.Compare = plan.SizeOnly
		default:
			t.Fatalf("option %q", word)
		}
	}
	return o
}

func parseListing(t *testing.T, text string) script {
	t.Helper()
	var s script
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if msg, ok := strings.CutPrefix(line, "error "); ok {
			s = append(s, step{err: errors.New(msg)})
			continue
		}
		key, rest := parseKey(t, line)
		verb, rest, _ := strings.Cut(rest, " ")
		if mark, ok := strings.CutPrefix(verb, "!"); ok {
			skip := &walker.Skipped{Key: key, Path: key, Err: errors.New(rest), Quiet: mark == "quiet"}
			if other, ok := strings.CutPrefix(mark, "at:"); ok {
				skip.Key = other
			}
			s = append(s, step{entry: walker.Entry{Key: key}, err: skip})
			continue
		}
		size, err := strconv.ParseInt(verb, 10, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		mtime, err := time.Parse("15:04:05", rest)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		s = append(s, step{entry: walker.Entry{Key: key, Size: size, ModTime: mtime}})
	}
	return s
}

func parseKey(t *testing.T, line string) (key, rest string) {
	t.Helper()
	if !strings.HasPrefix(line, `"`) {
		key, rest, _ = strings.Cut(line, " ")
		return key, rest
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	key, err = strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return key, strings.TrimPrefix(line[len(quoted):], " ")
}

func formatStep(a plan.Action, err error) string {
	key := a.Key
	if q := strconv.Quote(key); key == "" || q != `"`+key+`"` || strings.ContainsAny(key, " /") || !isASCII(key) {
		key = q
	}
	if skip := walker.AsSkipped(err); skip != nil {
		quiet := ""
		if skip.Quiet {
			quiet = "quiet "
		}
		return fmt.Sprintf("skip %s%s %v\n", quiet, key, skip.Err)
	}
	if err != nil {
		return fmt.Sprintf("error %v\n", err)
	}
	return fmt.Sprintf("%v %v %s\n", a.Op, a.Reason, key)
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}
