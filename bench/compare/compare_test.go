package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/internal/lab/labtest"
)

// TestWhole runs everything, s3haul and the plain loop, at a given endpoint.
func TestWhole(t *testing.T) {
	s := labtest.Endpoint(t, 16<<20)
	t.Setenv("AWS_ACCESS_KEY_ID", s.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.Secret)
	out := t.TempDir()
	table := whole(t, out, "--endpoint", s.Endpoint, "--bucket", s.Bucket)
	there := 0
	for _, w := range workloads() {
		if w.made == nil {
			there++
		}
		if (w.made == nil) != strings.Contains(table, "\n"+w.name+"\n") {
			t.Errorf("%s: in the table:\n%s", w.name, table)
		}
	}
	rec := read(t, out)
	if len(rec.Cells) != 2*there {
		t.Errorf("%d cells", len(rec.Cells))
	}
	for _, c := range rec.Cells {
		if floor := c.Tool == "floor" && (c.Workload == "noop-sync" || c.Workload == "startup"); floor != (c.Cannot != "") {
			t.Errorf("%s, %s: %q", c.Workload, c.Tool, c.Cannot)
		}
		if c.Cannot != "" {
			continue
		}
		if c.Error != "" || len(c.Runs) != 2 {
			t.Errorf("%s, %s: %d runs, %s", c.Workload, c.Tool, len(c.Runs), c.Error)
			continue
		}
		r := c.Runs[1]
		if r.Wall <= 0 || r.cpu() <= 0 || (c.Workload == "startup") != (r.requests() == 0) {
			t.Errorf("%s, %s: %+v", c.Workload, c.Tool, r)
		}
		if c.Workload == "small-up" && (r.Requests["PutObject"] != 20 || r.Sent != 20*4096) {
			t.Errorf("%s: %+v", c.Tool, r)
		}
	}
	page, err := s.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &s.Bucket})
	if err != nil || len(page.Contents) > 0 {
		t.Errorf("%d objects were left: %v", len(page.Contents), err)
	}
}

// TestSimulator runs some of it with simulators that it starts itself, over TLS:
// also what needs keys that these make up.
func TestSimulator(t *testing.T) {
	out := t.TempDir()
	table := whole(t, out, "--tls", "--latency", "0,1ms", "--workload", "small-up,noop-sync,list,versions,purge", "--markdown")
	rec := read(t, out)
	if len(rec.Cells) != 2*2*(1+1+3+1+1) || rec.Endpoint != "s3sim" || !rec.TLS {
		t.Errorf("%+v", rec)
	}
	for _, c := range rec.Cells {
		if cannot := c.Tool == "floor" && (c.Workload == "noop-sync" || c.Workload == "purge"); cannot != (c.Cannot != "") {
			t.Errorf("%s, %s: %q", c.Workload, c.Tool, c.Cannot)
		}
		if c.Cannot != "" {
			continue
		}
		if c.Error != "" || len(c.Runs) != 2 {
			t.Errorf("%s, %s: %d runs, %s", c.Workload, c.Tool, len(c.Runs), c.Error)
			continue
		}
		r := c.Runs[1]
		if listed := !strings.HasPrefix(c.Workload, "small"); listed && r.lists() < 1 || (c.Workload == "purge") != (r.deletes() > 0) {
			t.Errorf("%s, %s: %+v", c.Workload, c.Tool, r)
		}
	}
	for _, row := range []string{"| small-up, 1ms |", "| list-hex |", "| purge, 1ms |"} {
		if !strings.Contains(table, row) {
			t.Errorf("%s is not in the table:\n%s", row, table)
		}
	}
}

// whole runs the program at a tiny scale with s3haul and the plain loop, and
// returns what it prints.
func whole(t *testing.T, out string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	var stdout, stderr strings.Builder
	args = append(args, "--tool", "s3haul,floor", "--rounds", "2", "--scale", "0.002", "--dir", dir,
		"--json", filepath.Join(out, "out.json"), "--svg", filepath.Join(out, "out.svg"))
	if code := run(args, &stdout, &stderr); code != 0 {
		t.Fatalf("%d:\n%s", code, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if svg, err := os.ReadFile(filepath.Join(out, "out.svg")); err != nil || !strings.Contains(string(svg), "<svg") {
		t.Errorf("the plot: %v", err)
	}
	return stdout.String()
}

func read(t *testing.T, out string) *Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	rec := &Record{}
	if err := json.Unmarshal(text, rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

// newComparison is one whose tools are built, and s3haul the only one of them.
func newComparison(t *testing.T) *comparison {
	t.Helper()
	dir := t.TempDir()
	c := &comparison{
		options: &options{rounds: 1, scale: 0.001, large: 1 << 30, endpoint: "given", tools: []string{"s3haul"}, timeout: time.Minute},
		dir:     dir, progress: io.Discard, record: &Record{},
		source: &source{Source: lab.NewSource(dir), scale: 0.001, large: 1 << 30},
	}
	c.options.paths = map[string]*string{}
	for _, other := range others() {
		c.options.paths[other.name] = new(string)
	}
	if err := c.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// One comparison for all of these: it has to be built.
func TestComparison(t *testing.T) {
	c := newComparison(t)
	t.Run("find", func(t *testing.T) { testFind(t, c) })
	t.Run("lazy", func(t *testing.T) { testLazyTool(t, c) })
	t.Run("timeout", func(t *testing.T) { testTimeout(t, c) })
}

// A tool that ends well and did nothing has no figure, whatever the work.
func testLazyTool(t *testing.T, c *comparison) {
	given := labtest.Endpoint(t, 16<<20)
	lazy := &tool{name: "lazy", path: c.s3haul.path, args: func(job, *lab.Store) []string { return []string{"version", "--help"} }}
	failing := &tool{name: "failing", path: c.s3haul.path, args: func(job, *lab.Store) []string { return []string{"--no-such-flag"} }}
	for _, w := range workloads() {
		s := given
		if w.made != nil {
			s = labtest.MadeUp(t, *w.made(c))
		}
		s.Prefix = w.name + "/"
		f, err := w.files(t.Context(), c.source)
		if err != nil {
			t.Fatal(err)
		}
		if w.prepare != nil {
			if err := w.prepare(t.Context(), c, s, f); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.figure(t.Context(), failing, w, s, f); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
			t.Errorf("%s: a failing tool: %v", w.name, err)
		}
		_, err = c.figure(t.Context(), lazy, w, s, f)
		if did := w.name == "startup" || w.name == "noop-sync" && len(f.Sums) < 1000; did != (err == nil) {
			t.Errorf("%s: a lazy tool: %v", w.name, err)
		}
	}
	// One that works where there is nothing to do.
	for _, w := range workloads() {
		if w.name != "noop-sync" {
			continue
		}
		s := given
		f, _ := w.files(t.Context(), c.source)
		busy := &tool{name: "busy", path: c.s3haul.path, args: func(j job, s *lab.Store) []string {
			return c.s3haul.args(job{kind: upTree, local: j.local, bucket: j.bucket, key: j.key}, s)
		}}
		if _, err := c.figure(t.Context(), busy, w, s, f); err == nil || !strings.Contains(err.Error(), "PutObject") {
			t.Errorf("a busy tool: %v", err)
		}
	}
}

// A run that takes too long is ended, and says so.
func testTimeout(t *testing.T, c *comparison) {
	c.options.timeout = 100 * time.Millisecond
	// The measurer measures a server, which ends when it is told to.
	forever := &tool{name: "forever", path: c.s3haul.path, args: func(job, *lab.Store) []string {
		return []string{"serve", filepath.Join(t.TempDir(), "served"), "--listen", "127.0.0.1:0"}
	}}
	if _, err := c.measure(t.Context(), forever, &lab.Store{}, job{}); err == nil || !strings.Contains(err.Error(), "not done within") {
		t.Errorf("%v", err)
	}
}

func testFind(t *testing.T, c *comparison) {
	if len(c.tools) != 1 || c.tools[0].name != "s3haul" || c.record.Tools[0].Version == "" {
		t.Errorf("%v", c.record.Tools)
	}
	c.options.tools = []string{"s3hual"}
	if err := c.find(t.Context()); err == nil || !strings.Contains(err.Error(), "s3hual") {
		t.Errorf("%v", err)
	}
	// A program with mc's name that is another one.
	c.options.tools = []string{"mc"}
	*c.options.paths["mc"] = c.s3haul.path
	before := len(c.tools)
	if err := c.find(t.Context()); err != nil || len(c.tools) != before {
		t.Errorf("%v, %v", c.record.Tools, err)
	}
	*c.options.paths["mc"] = filepath.Join(c.dir, "nothing")
	if err := c.find(t.Context()); err == nil {
		t.Error("a tool that is not there was taken")
	}
}

// Nothing of whoever runs this reaches the tools.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "mine")
	t.Setenv("GOGC", "off")
	t.Setenv("RCLONE_TRANSFERS", "99")
	for _, v := range s3haul("x").environment(&lab.Store{}) {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains([]string{"AWS_PROFILE", "GOGC", "RCLONE_TRANSFERS"}, name) {
			t.Errorf("%s", v)
		}
	}
}

// The tree of the no-op sync has the names and sizes that the simulator makes up.
func TestNoopTree(t *testing.T) {
	src := &source{Source: lab.NewSource(t.TempDir()), scale: 0.01}
	f, err := src.noopTree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := os.ReadDir(f.Dir)
	if err != nil || len(dirs) != 2 || len(f.Sums) != 2000 {
		t.Errorf("%d files in %d directories: %v", len(f.Sums), len(dirs), err)
	}
	keys := noopKeys(2000)
	info, err := os.Stat(filepath.Join(f.Dir, keys.Key(1999)))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != noopSize || !info.ModTime().Before(keys.ModTime(1999)) {
		t.Errorf("%d bytes of %v, the key is of %v", info.Size(), info.ModTime(), keys.ModTime(1999))
	}
}
