package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func place1(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is there is replaced at the end only, and only where it is ours.
func TestOutFile(t *testing.T) {
	dir := t.TempDir()
	path := place1(t, filepath.Join(dir, "r"), "= old\n")
	place1(t, path+".partial", "! of a crash\n")
	o, err := newOutFile("--combined", path, oursCombined)
	if err != nil {
		t.Fatal(err)
	}
	report.NewCombined(o.console).Report(report.Event{Kind: report.Compared, Outcome: report.Differs, Key: "new"})
	if err := o.console.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "= old\n" {
		t.Errorf("replaced before the end, by %q", got)
	}
	if got := contents(t, path+".partial"); got != "* new\n" {
		t.Errorf("a crash would leave %q", got)
	}
	if err := o.keep(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "* new\n" {
		t.Errorf("it is %q", got)
	}
	left, err := filepath.Glob(path + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v, left over: %q", err, left)
	}
	o, err = newOutFile("--combined", path, oursCombined)
	if err != nil {
		t.Fatal(err)
	}
	o.drop()
	if got := contents(t, path); got != "* new\n" {
		t.Errorf("dropped, it is %q", got)
	}
}

func TestOutFileOfAnother(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{
		"a text":               place1(t, filepath.Join(dir, "text"), "precious\n"),
		"a list":               place1(t, filepath.Join(dir, "list"), "* milk\n\n- eggs\n"),
		"a line at the end":    place1(t, filepath.Join(dir, "end"), "= a\nb"),
		"empty lines":          place1(t, filepath.Join(dir, "empty"), "\n\n"),
		"a long line":          place1(t, filepath.Join(dir, "long"), strings.Repeat("x", 100<<10)),
		"a directory":          dir,
		"what a crash may not": strings.TrimSuffix(place1(t, filepath.Join(dir, "x.partial"), "precious\n"), ".partial"),
	} {
		if o, err := newOutFile("--combined", path, oursCombined); !isUsage(err) || o != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := contents(t, filepath.Join(dir, "text")); got != "precious\n" {
		t.Errorf("it is %q", got)
	}
	_, err := newOutFile("--report", filepath.Join(dir, "no", "such"), oursSaved)
	if !errors.Is(err, os.ErrNotExist) || isUsage(err) || codeOf(err, asOther) != exitOther {
		t.Errorf("no directory: %v", err)
	}
}

// Two runs with one FILE: the later one's is kept, and the other fails.
func TestOutFileOfTwoRuns(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open cannot be removed there: the second run fails")
	}
	path := filepath.Join(t.TempDir(), "r")
	first, err := newOutFile("--report", path, oursSaved)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newOutFile("--report", path, oursSaved)
	if err != nil {
		t.Fatal(err)
	}
	report.NewJSON(second.console, report.JSONOptions{}).Header("cp", "a", "b", nil)
	if err := first.keep(); !isOutput(err) || !strings.Contains(err.Error(), "another run") {
		t.Errorf("the first: %v", err)
	}
	if err := second.keep(); err != nil {
		t.Errorf("the second: %v", err)
	}
	if got := contents(t, path); !strings.Contains(got, `"report"`) {
		t.Errorf("it is %q", got)
	}
}

// A link to a report stays a link.
func TestOutFileBehindALink(t *testing.T) {
	dir := t.TempDir()
	real := place1(t, filepath.Join(dir, "real"), "= a\n")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	o, err := newOutFile("--combined", link, oursCombined)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.keep(); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Lstat(link); err != nil || fi.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", fi, err)
	}
	if got := contents(t, real); got != "" {
		t.Errorf("it is %q", got)
	}
}

func treeOf(t *testing.T, dir string) *sides {
	t.Helper()
	from, to, err := places(dir, "s3://b/p")
	if err != nil {
		t.Fatal(err)
	}
	return &sides{command: "sync", src: from.tree(), dst: to.tree(), from: from, to: to, tree: true}
}

func failedKey(key string) report.Event {
	return report.Event{Kind: report.Failed, Op: report.Upload, Src: "x/" + key, Dst: "s3://b/p/" + key, Key: key, Err: os.ErrPermission}
}

// keepRun writes the report of a run of c with these events.
func keepRun(t *testing.T, c *copyFlags, err error, dry bool, events ...report.Event) {
	t.Helper()
	r, nerr := newRecord(c, dry)
	if nerr != nil {
		t.Fatal(nerr)
	}
	for _, e := range events {
		r.Report(e)
	}
	if cerr := r.close(engine.Summary{DryRun: dry}, err, 1); cerr != nil {
		t.Fatal(cerr)
	}
}

// A report that takes the place of the one that was retried has what that had,
// but for what is done.
func TestRecordOfARetry(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r")
	c := &copyFlags{report: file, retry: file, sides: treeOf(t, dir)}
	keepRun(t, c, nil, false, failedKey("a"), failedKey("b"), failedKey("c"))
	retry := func(want string) {
		t.Helper()
		notices, err := c.retrying(c.sides)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.only, " "); got != want {
			t.Errorf("to be retried: %q, want %q (%q)", got, want, notices)
		}
	}
	done := func(key string) report.Event { return report.Event{Kind: report.Done, Op: report.Upload, Key: key} }
	retry("a b c")
	keepRun(t, c, os.ErrClosed, false, done("b"))
	retry("a c")
	if r, err := newRecord(c, true); !isUsage(err) {
		t.Errorf("a dry run takes its place: %v, %v", r, err)
	}
	dry := *c
	dry.report = filepath.Join(dir, "dry")
	for range 2 { // its own it replaces
		keepRun(t, &dry, nil, true, report.Event{Kind: report.DryRun, Op: report.Upload, Key: "a"})
	}
	dry.retry = dry.report
	if _, err := dry.retrying(dry.sides); err != nil || strings.Join(dry.only, " ") != "a c" || !dry.partial() {
		t.Errorf("of a dry run: %v, %q, %v", err, dry.only, dry.partial())
	}
	retry("a c")
	keepRun(t, c, nil, false, done("c")) // a sync found a as it should be
	retry("")
	if !c.nothing() || !c.partial() {
		t.Error("there is nothing to do, and the first run was ended before its end")
	}
}

// What a retry does not do, its report says as well as the one before.
func TestRecordOfARetryOfMore(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r")
	unlisted := report.Event{Kind: report.Failed, Op: report.Upload, Key: "d/", Unlisted: true, Err: os.ErrPermission}
	noDelete := report.Event{Kind: report.Failed, Op: report.Delete, Key: "k", Err: os.ErrPermission}
	for name, c := range map[string]struct {
		err   error
		event report.Event
		code  int
		says  [2]string // of the first run, and of that which tried again
	}{
		"ended":    {os.ErrClosed, failedKey("a"), exitFailed, [2]string{"ended before its end", "tried again"}},
		"unlisted": {nil, unlisted, exitFailed, [2]string{"could not list", "tried again"}},
		"a delete": {nil, noDelete, 0, [2]string{"deletes have failed", "deletes have failed"}},
		"whole":    {nil, failedKey("a"), 0, [2]string{"", "no object has failed"}},
	} {
		flags := &copyFlags{report: file, retry: file, sides: treeOf(t, dir)}
		keepRun(t, flags, c.err, false, c.event, failedKey("b"))
		for _, says := range c.says {
			notices, err := flags.retrying(flags.sides)
			if code := flags.atLeast(0); err != nil || code != c.code {
				t.Errorf("%s: %v, exit code %d", name, err, code)
			}
			if told := strings.Join(notices, "\n"); !strings.Contains(told, says) || says == "" && told != "" {
				t.Errorf("%s: it says %q, want %q", name, told, says)
			}
			keepRun(t, flags, nil, false, report.Event{Kind: report.Done, Op: report.Upload, Key: "b"})
		}
	}
}

// Of a single object there is no more to do than what is tried again.
func TestRecordOfOneObject(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r")
	s := treeOf(t, dir)
	s.tree, s.dst = false, engine.Object("b", "k")
	c := &copyFlags{report: file, retry: file, sides: s}
	keepRun(t, c, os.ErrClosed, false, report.Event{Kind: report.Failed, Op: report.Upload, Dst: "s3://b/k", Err: os.ErrPermission})
	if notices, err := c.retrying(s); err != nil || len(notices) > 0 || len(c.only) != 1 || c.partial() {
		t.Errorf("%v, %q, %q", err, notices, c.only)
	}
}

// One file is not to be in the place of another.
func TestOnto(t *testing.T) {
	dir := t.TempDir()
	real := place1(t, filepath.Join(dir, "real"), "x")
	for other, want := range map[string]bool{
		"r": true, "./x/../r": true, "R": true, "r.partial": true, "r.other": false, "real": false, "x/r": false,
	} {
		if onto(filepath.Join(dir, "r"), dir+"/"+other) != want {
			t.Errorf("%s is not %v", other, want)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	if !onto(link, real) || !onto(real, link) {
		t.Error("a link")
	}
}

// The run itself may make the file that its FILE is to be.
func TestOutFileInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	o, err := newOutFile("--combined", path, oursCombined)
	if err != nil {
		t.Fatal(err)
	}
	place1(t, path, "precious\n")
	if err := o.keep(); !isOutput(err) || isUsage(err) || !strings.Contains(err.Error(), path+".partial") {
		t.Errorf("%v", err)
	}
	if got := contents(t, path); got != "precious\n" {
		t.Errorf("it is %q", got)
	}
}

func TestRetryOfAnotherRun(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "r")
	c := &copyFlags{report: file, retry: file, sides: treeOf(t, dir)}
	keepRun(t, c, nil, false, failedKey("a"))
	for name, change := range map[string]func(*sides){
		"another command":     func(s *sides) { s.command = "cp" },
		"another source":      func(s *sides) { s.src = engine.Dir("elsewhere") },
		"another destination": func(s *sides) { s.dst = engine.Bucket("b", "q/") },
	} {
		s := *c.sides
		change(&s)
		if _, err := c.retrying(&s); !isUsage(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Lines of --json have no header: the keys have to fit.
	_, headless, _ := strings.Cut(contents(t, file), "\n")
	place1(t, file, headless)
	if _, err := c.retrying(c.sides); err != nil || strings.Join(c.only, " ") != "a" {
		t.Errorf("%v, %q", err, c.only)
	}
	s := *c.sides
	s.dst = engine.Bucket("b", "q/")
	if _, err := c.retrying(&s); !isUsage(err) {
		t.Errorf("lines of another prefix: %v", err)
	}
	s = *c.sides
	s.tree = false
	if _, err := c.retrying(&s); !isUsage(err) {
		t.Errorf("lines of a tree for one object: %v", err)
	}
	place1(t, file, "upload failed: ./a to s3://b/a\n")
	if _, err := c.retrying(c.sides); !isUsage(err) {
		t.Errorf("no report: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.retrying(c.sides); !errors.Is(err, os.ErrNotExist) || codeOf(err, asTransfer) == 0 {
		t.Errorf("no file: %v", err)
	}
}

func TestInside(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	for file, want := range map[string]bool{
		filepath.Join(sub, "r"):              true,
		filepath.Join(sub, "deep", "r"):      true,
		filepath.Join(dir, "r"):              false,
		filepath.Join(dir, "subr"):           false,
		filepath.Join(sub, "..", "r"):        false,
		filepath.Join(dir, "x", "..", "sub"): true,
	} {
		if inside(sub, file) != want {
			t.Errorf("inside(%q) is not %v", file, want)
		}
	}
}

func TestStateDir(t *testing.T) {
	abs := t.TempDir()
	t.Setenv("XDG_STATE_HOME", abs)
	if dir, err := stateDir(); err != nil || dir != filepath.Join(abs, "s3haul") {
		t.Errorf("%q, %v", dir, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	for _, name := range []string{"HOME", "LocalAppData"} {
		t.Setenv(name, abs)
	}
	if dir, err := stateDir(); err != nil || !inside(abs, dir) {
		t.Errorf("%q, %v", dir, err)
	}
	for _, name := range []string{"HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	if dir, err := stateDir(); !errors.Is(err, errNoHome) {
		t.Errorf("%q, %v", dir, err)
	}
}

// So it is of a run that keeps none, and of verify.
func TestJournalsStayOutAlways(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	for name, c := range map[string]*copyFlags{
		"verify": {}, "sync": {sides: treeOf(t, home)}, "no journal": {sides: treeOf(t, home), noResume: true},
	} {
		flags, a := &transferFlags{copying: *c}, &app{}
		if told := a.journal(flags, []string{home}); len(told) > 0 {
			t.Errorf("%s: %q", name, told)
		}
		if len(flags.rules) != 1 || flags.rules[0].Pattern != "state/s3haul/*" {
			t.Errorf("%s: %+v", name, flags.rules)
		}
		if kept := a.stateDir != ""; kept != (name == "sync") {
			t.Errorf("%s: journals are kept: %v", name, kept)
		}
	}
}

// A home that is copied has the journals in it, which change meanwhile.
func TestJournalsStayOut(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "a[b]*", "state", "s3haul")
	got := without(home, dir)
	if len(got) != 1 || got[0].Include {
		t.Fatalf("%+v", got)
	}
	f := walker.NewFilter(home, got...)
	for key, want := range map[string]bool{
		"a[b]*/state/s3haul/x.journal": false,
		"a[b]*/state/other":            true,
		"ab/state/s3haul/x":            true,
	} {
		if f.Match(key) != want {
			t.Errorf("Match(%q) is not %v", key, want)
		}
	}
	for _, tree := range []string{filepath.Join(home, "other"), filepath.Join(dir, "deeper")} {
		if got := without(tree, dir); got != nil {
			t.Errorf("%s: %+v", tree, got)
		}
	}
}
