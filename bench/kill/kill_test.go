//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/walker/local"
)

// Each operation is killed once, and nothing of it is left but the table.
func TestWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute, and .ci/run has a longer one")
	}
	dir := t.TempDir()
	var stdout, stderr strings.Builder
	code := run([]string{"--kills", "7", "--server-kills", "1", "--pairs", "1", "--half", "--half-size", "64", "--large", "40", "--dir", dir}, &stdout, &stderr)
	table := stdout.String()
	if code != 0 {
		t.Errorf("%d:\n%s\n%s", code, table, stderr.String())
	}
	for _, s := range scenarios() {
		if !strings.Contains(table, "\n"+s.name+" ") {
			t.Errorf("%q is not in the table:\n%s", s.name, table)
		}
	}
	for _, want := range []string{"upload-sync, server", "half, upload of 64.0 MiB", "half, download of 64.0 MiB", "may be"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in the table:\n%s", want, table)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// newBench is one with the simulator in a process of its own, and a program in the
// place of s3haul.
func newBench(t *testing.T, script string) *bench {
	t.Helper()
	dir := t.TempDir()
	programs, err := lab.Prepare(t.Context(), dir, t.Logf, "bench/s3sim/cmd/s3sim")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		options: &options{timeout: time.Minute, large: 30 * mib}, dir: dir, source: lab.NewSource(dir), progress: io.Discard,
		simulators: map[string]*lab.Store{}, stocked: map[string]bool{}, took: map[string]time.Duration{}, orders: map[string]int64{},
		simulator: programs["s3sim"], s3haul: filepath.Join(dir, "bin", "s3haul"), runner: lab.Runner{Dir: dir},
	}
	if err := os.WriteFile(b.s3haul, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// A program that does nothing, or fails, or tears what it finds, is found out.
func TestFoundOut(t *testing.T) {
	summary := `echo '{"event":"summary"}'` + "\n"
	for _, c := range []struct {
		name, script string
		wants        []string
	}{
		{"nothing", summary, []string{"upload-sync: in the end: \"large\" has", "\"many/00/file 000\" is not there"}},
		{"failure", "echo why >&2; exit 3", []string{"exit status 3", "why", "it ended by itself"}},
		{"no summary", "", []string{"without a summary"}},
		{"journal", `mkdir -p "$XDG_STATE_HOME/s3haul"; touch "$XDG_STATE_HOME/s3haul/x.journal"` + "\n" + summary, []string{"x.journal is left"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, c.script)
			sc, err := chosen([]string{"upload-sync"})
			if err != nil {
				t.Fatal(err)
			}
			b.took["upload-sync"] = time.Minute // it is not killed, but has ended before
			if err := b.killed(t.Context(), sc[0], 5); err != nil {
				t.Fatal(err)
			}
			text := b.table.text()
			for _, want := range c.wants {
				if !strings.Contains(text, want) {
					t.Errorf("the table does not say %q:\n%s", want, text)
				}
			}
			if b.table.kept() || !strings.Contains(text, "again: --ops upload-sync --kills 1 --seed 5") {
				t.Errorf("it is content:\n%s", text)
			}
		})
	}
}

// What is killed is dead, with its children, and what was sent twice is told.
func TestKilled(t *testing.T) {
	b := newBench(t, `sleep 600 & echo $! > "$XDG_STATE_HOME.pid"; wait`)
	p, err := b.start(t.Context(), b.dir, []string{"XDG_STATE_HOME=" + filepath.Join(b.dir, "child")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(b.dir, "child.pid"))
		if err == nil && len(text) > 0 {
			break
		}
		if !p.running() {
			t.Fatal(p.err, p.said())
		}
	}
	if !p.killAfter(0) || p.running() {
		t.Error("it was not killed")
	}
	if killed := p.killAfter(0); killed {
		t.Error("it was killed twice")
	}

	b.note("upload-sync", "kills", 9, time.Second, outcome{twice: 41 * mib, may: 40 * mib, unit: "bytes", problems: []error{errors.New("too much")}})
	b.note("upload-sync", "kills", 10, time.Second, outcome{twice: 1 * mib, may: 80 * mib, unit: "bytes", resumed: true})
	b.note("purge, server", "server-kills", 11, time.Second, outcome{twice: -1, early: true})
	text := b.table.text()
	for _, want := range []string{"upload-sync    2      0            1        41.0 MiB", "--ops upload-sync --kills 1 --seed 9", "purge, server  1      1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q:\n%s", want, text)
		}
	}
}

// Files and objects that are not what they may be are found.
func TestLook(t *testing.T) {
	b := newBench(t, "")
	store, err := b.simulated(t.Context(), "1ms")
	if err != nil {
		t.Fatal(err)
	}
	content := s3sim.Content(0)
	whole, old := content.Sum(100_000), content.Sum(70_000)
	may := states{"a": {whole, old}, "b": {checksum.Of([]byte("b"))}, "c": {checksum.Of([]byte("new")), checksum.Of([]byte("old"))}}
	dir := t.TempDir()
	write := func(name string, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &store.Bucket, Key: sdk.String("p/" + name), Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	pattern := func(n int64) string {
		var s strings.Builder
		_, _ = content.WriteRange(&s, 0, n)
		return s.String()
	}
	for _, q := range []struct {
		name, text string
		last       bool
		want       string // "" is nothing wrong
	}{
		{"a", pattern(100_000), true, ""},
		{"a", pattern(70_000), false, ""},
		{"a", pattern(70_000), true, `"a" has 70000 bytes`},
		{"a", pattern(99_999), false, `"a" is torn`},
		{"a", pattern(99_999) + "x", false, `"a" is torn`},
		{"b", "b", true, ""},
		{"b", "c", false, `"b" is torn`},
		{"c", "old", false, ""},
		{"c", "nld", false, `"c" is torn`},
		{"d", "d", false, `"d" is there`},
	} {
		write(q.name, q.text)
		_, here := may.inDir(dir, q.last)
		_, there := may.inBucket(t.Context(), store, "p/", q.last)
		for where, problems := range map[string][]error{"file": here, "object": there} {
			if got := errors.Join(problems...); (got == nil) != (q.want == "") || got != nil && !strings.Contains(got.Error(), q.want) {
				t.Errorf("%s %q of %d bytes, last %v: %v", where, q.name, len(q.text), q.last, got)
			}
		}
		if err := os.Remove(filepath.Join(dir, q.name)); err != nil {
			t.Fatal(err)
		}
		if err := store.Clear(t.Context(), "p/"); err != nil {
			t.Fatal(err)
		}
	}
	write(local.TempName(1), "half")
	if _, problems := may.inDir(dir, false); len(problems) > 0 {
		t.Errorf("a temporary file in the middle: %v", problems)
	}
	if _, problems := may.inDir(dir, true); len(problems) != 1 {
		t.Errorf("a temporary file in the end: %v", problems)
	}
	if _, err := store.S3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &store.Bucket, Key: sdk.String("p/large")}); err != nil {
		t.Fatal(err)
	}
	if open := openUploads(t.Context(), store, store.Bucket, "p/"); len(open) != 1 {
		t.Errorf("an upload: %v", open)
	}
	if open := openUploads(t.Context(), store, store.Bucket, "q/"); len(open) != 0 {
		t.Errorf("no upload: %v", open)
	}
	if gone := may.lost(map[string]bool{"a": true}, map[string]bool{"b": true}); len(gone) != 1 || !strings.Contains(gone[0].Error(), `"c" is lost`) {
		t.Errorf("%v", gone)
	}
}

// A key that comes back while a bucket is purged is seen, and so is what is left.
func TestPurgeIsLookedAt(t *testing.T) {
	b := newBench(t, "")
	s := &spot{dir: t.TempDir()}
	if err := b.purge(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.closing(); err != nil {
			t.Error(err)
		}
	}()
	if _, problems := s.whole(t.Context()); len(problems) > 0 {
		t.Errorf("before anything: %v", problems)
	}
	if problems := s.done(t.Context()); len(problems) < 3 {
		t.Errorf("a purge that did nothing is right: %v", problems)
	}
	version := func(key string) *string {
		page, err := s.store.S3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: sdk.String(purged), Prefix: &key})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.DeleteMarkers) > 0 {
			return page.DeleteMarkers[0].VersionId
		}
		return page.Versions[0].VersionId
	}
	// The newest goes first: a marker of one key, a version of the other.
	for key, want := range map[string]string{"dir-000000/file-000000.bin": "can be seen again", "dir-000000/file-000001.bin": "an older version"} {
		if _, err := s.store.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: sdk.String(purged), Key: &key, VersionId: version(key)}); err != nil {
			t.Fatal(err)
		}
		_, problems := s.whole(t.Context())
		if err := errors.Join(problems...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]string{
		"x":                              "only flags",
		"--kills -1":                     "none is the least",
		"--ops nothing":                  `no operation "nothing"`,
		"--large 1":                      "30 MiB",
		"--timeout 0s":                   "more than nothing",
		"--kills 0 --server-kills 0":     "nothing to do",
		"--nonsense":                     "nonsense",
		"--ops uploa --kills 1":          "uploa",
		"--half-size 1 --half --kills 0": "30 MiB",
	} {
		var stderr strings.Builder
		if code := run(strings.Fields(args), io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: code %d, %s", args, code, stderr.String())
		}
	}
	var stderr strings.Builder
	if code := run([]string{"--help"}, io.Discard, &stderr); code != 0 || !strings.Contains(stderr.String(), "upload-sync") {
		t.Errorf("--help: code %d, %s", code, stderr.String())
	}
	if o, err := parse([]string{"--ops", "upload,purge", "--large", "31"}, io.Discard); err != nil || o.large != 31*mib || o.kills != 300 || o.serverKills != 100 {
		t.Errorf("%+v, %v", o, err)
	}
	if some, err := chosen([]string{"upload", "purge"}); err != nil || len(some) != 3 {
		t.Errorf("%v, %v", some, err)
	}
}

// A run that is cut short ends what it has started.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	var stdout strings.Builder
	o := &options{kills: 1, dir: dir, timeout: time.Minute, large: 30 * mib}
	if kept, err := kill(ctx, o, &stdout, io.Discard); kept || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", kept, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
