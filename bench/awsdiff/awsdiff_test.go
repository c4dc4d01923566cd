package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

func TestWords(t *testing.T) {
	got := words(`cp 'a b' s3://bkt/ --metadata '{"k":"v w"}' ''`)
	want := []string{"cp", "a b", "s3://bkt/", "--metadata", `{"k":"v w"}`, ""}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// The issue asks for 400 cases; each has another name, and a command.
func TestMatrix(t *testing.T) {
	all := allCases()
	if len(all) < 900 {
		t.Errorf("%d cases", len(all))
	}
	for _, c := range all {
		if c.name == "" || len(c.args) == 0 {
			t.Errorf("%q: %q", c.name, c.args)
		}
	}
}

func TestOnlyHere(t *testing.T) {
	a, b := onlyHere([]string{"x", "y", "y"}, []string{"y", "z"})
	if !slices.Equal(a, []string{"x", "y"}) || !slices.Equal(b, []string{"z"}) {
		t.Errorf("%q %q", a, b)
	}
}

func TestNormal(t *testing.T) {
	s := &side{dir: "/d", work: "/d/work", store: &lab.Store{Endpoint: "http://127.0.0.1:4711"}}
	text := "Completed 5 Bytes/9 Bytes (1.0 KiB/s) with 1 file(s) remaining\rupload: ./b to s3://bkt/b      \nupload: ./a to /d/work/a\n" +
		"\nhttp://127.0.0.1:4711/k?X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=ab\n2026-01-01 00:00:00 x\n2024-03-01 12:00:00 y\n"
	want := []string{
		"2024-03-01 12:00:00 y", "NOW x", "http://STORE/k?X-Amz-Date=…&X-Amz-Expires=60&X-Amz-Signature=…", "upload: ./a to /WORK/a", "upload: ./b to s3://bkt/b",
	}
	if got := s.normal(text, false); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	stderr := []string{"uploaded 1 (5 B, 1ms)", "  request 12", "warning: Skipping file x. Uploaded.", "fatal error: no"}
	if got := ourNormal(stderr); !slices.Equal(got, stderr[2:]) {
		t.Errorf("%q", got)
	}
}

// A reason holds for all lines of a difference, or not at all.
func TestReasons(t *testing.T) {
	m := match{cases: "^sync/", kinds: "stdout local", ours: "^download"}
	for _, c := range []struct {
		name, kind string
		ours       []string
		want       bool
	}{
		{"sync/x", "stdout", []string{"download: a"}, true},
		{"sync/x", "stdout", []string{"download: a", "delete: b"}, false},
		{"sync/x", "stderr", []string{"download: a"}, false},
		{"cp/x", "stdout", []string{"download: a"}, false},
	} {
		if got := m.holds(c.name, &difference{kind: c.kind, ours: c.ours}); got != c.want {
			t.Errorf("%+v", c)
		}
	}
	names := map[string]bool{}
	for _, r := range reasons() {
		if names[r.name] || r.says == "" || len(r.matches) == 0 {
			t.Errorf("%+v", r)
		}
		names[r.name] = true
		for _, m := range r.matches { // those of no case are of no use
			re := regexp.MustCompile(m.cases)
			if !slices.ContainsFunc(allCases(), func(c testcase) bool { return re.MatchString(c.name) }) {
				t.Errorf("%s: no case has a name like %s", r.name, m.cases)
			}
		}
	}
}

// Two programs that differ, on trees and buckets as cases have them: what one did
// and the other did not is found, in each place.
func TestBoth(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	dir := t.TempDir()
	program := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o777); err != nil {
			t.Fatal(err)
		}
		return path
	}
	theirs := program("aws", "cat d/f; echo same; echo gone >&2; rm d/f; exit 3\n")
	ours := program("s3haul", "cat d/f; echo same; echo more; echo uploaded 1 >&2\n")
	c := &testcase{
		name: "x", args: []string{"cp"}, files: []string{"d/f|text|age=9|mode=600", "l -> d", "p|fifo", "e/"},
		objects: []string{"bkt/k|body|age=60|class=GLACIER|type=text/css|meta.k=v|tag.t=1|acl=public-read", "bkt/c|x|ssec=k", "bkt/m||size=6M|parts"},
		buckets: []string{"bkt:versioned"},
	}
	o, err := parse([]string{"--aws", theirs}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := newOracle(o.aws)
	if err != nil {
		t.Fatal(err)
	}
	got, err := both(t.Context(), filepath.Join(dir, "case"), o, c, oracle, process{ours})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	show(&out, &result{c, got}, false)
	want := `x: cp
  exit (no reason)
    aws    3
    s3haul 0
  stdout (no reason)
    s3haul more
  stderr (no reason)
    aws    gone
  local (no reason)
    s3haul d/f -rw------- 2024-03-01T11:59:51Z "text"
`
	if out.String() != want {
		t.Errorf("%s", &out)
	}

	s, err := newSide(t.Context(), filepath.Join(dir, "state"), c)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := s.remote(t.Context())
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(remote, "\n")
	for _, part := range []string{
		`s3://bkt/k latest=true 2024-03-01T11:59:00Z`, `class="GLACIER"`, `tag.t="1"`, `meta.k="v"`, `READ:AllUsers`, `type="text/css"`, `customer="`, "s3://bkt/m latest=true 2024-03-01T12:00:00Z 6291456 bytes, ",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in\n%s", part, text)
		}
	}
}

func TestList(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"--list", "--run", "^mb/mb s3://fresh$"}, &out, &errs); code != 0 || out.String() != "mb/mb s3://fresh: mb s3://fresh\n1 cases\n" {
		t.Errorf("%d %s %s", code, &out, &errs)
	}
	for _, args := range [][]string{{"x"}, {"--run", "("}, {"--jobs", "0"}, {"--write", "f", "--run", "x"}} {
		if code := run(args, &out, &errs); code != 2 {
			t.Errorf("%q: %d", args, code)
		}
	}
	if code := run([]string{"--aws", filepath.Join(t.TempDir(), "aws"), "--s3haul", "x", "--run", "^mb/mb s3://fresh$"}, &out, &errs); code != 1 {
		t.Errorf("without aws: %d", code)
	}
}

func TestPage(t *testing.T) {
	c := &testcase{name: "sync/x", args: []string{"sync", "a|b"}}
	r := &reasons()[0]
	text := page([]result{{c, nil}, {c, []difference{{kind: "exit", reason: r}}}}, []int{1, 1, 0, 0})
	for _, part := range []string{"| equal | 1 |", " | 1 | 1 | 0 |", "| " + r.name + " | ", "| `sync a\\|b` | 1 |", "## Not yet\n\nNothing."} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

// The page is of this program: its text, and no reason that is gone.
func TestPageWritten(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../cmd/s3haul/docs/aws.md"))
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(string(text), intro)
	if !ok {
		t.Error("it does not begin as this program would have it: write it again, with --write")
	}
	says := map[string]string{}
	for _, r := range reasons() {
		says[r.name] = cell(r.says)
	}
	_, rest, _ = strings.Cut(rest, "\n## Different on purpose\n")
	rows := 0
	for line := range strings.Lines(rest) {
		name, text, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !ok || name == "What" {
			continue
		}
		rows++
		if says[name] == "" || !strings.HasPrefix(text, says[name]+" | ") {
			t.Errorf("this program has no such reason: %s", line)
		}
	}
	if rows < 10 {
		t.Errorf("%d reasons", rows)
	}
	if strings.Contains(string(text), "| different without a reason |") {
		t.Error("something differs without a reason")
	}
}

// What one run leaves out is taken from an earlier one, and judged anew.
func TestKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	c := &testcase{name: "rb/rb s3://missing --force", args: []string{"rb"}}
	o := &options{results: path}
	var out bytes.Buffer
	if _, err := judged([]result{{c, []difference{{kind: "exit", aws: []string{"255"}, ours: []string{"1"}}}}}, o, &out); err != nil {
		t.Fatal(err)
	}
	all, err := readKnown(path)
	if err != nil {
		t.Fatal(err)
	}
	results, err := all.judge([]testcase{*c})
	if err != nil || results[0].is() != better {
		t.Errorf("%v %+v", err, results)
	}
	if _, err := all.judge([]testcase{{name: "x"}}); err == nil {
		t.Error("a case that was never run has a result")
	}
	o.write = path + ".md"
	if _, err := judged(nil, o, &out); err == nil {
		t.Error("a page was written of one case")
	}
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := judged(nil, o, &out); err == nil {
		t.Error("half a file was read")
	}
}

// A fork server that is none is no oracle; the program itself is run then.
func TestOracle(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the program is a shell script")
	}
	dir := t.TempDir()
	python := filepath.Join(dir, "python")
	aws := filepath.Join(dir, "aws")
	for path, text := range map[string]string{python: "#!/bin/sh\nexit 1\n", aws: "#!" + python + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	got, err := newOracle(aws)
	if _, ok := got.(process); err != nil || !ok {
		t.Errorf("%T %v", got, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&forks{}).run(cancelled, command{}); err == nil {
		t.Error("a cancelled run ran")
	}
}
