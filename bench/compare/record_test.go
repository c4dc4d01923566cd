package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// example has two tools and a loop; one of them fails at the second workload.
func example() *Record {
	puts := map[string]int64{"PutObject": 10_000, "ListObjectsV2": 1}
	run := func(wall, user, system float64, mib int64) Run {
		return Run{Wall: wall, User: user, System: system, PeakRSS: mib << 20, Requests: puts, Sent: 40 << 20}
	}
	return &Record{
		Machine: lab.Machine{System: "plan9/mips", Kernel: "4", Cores: 3, Go: "go1.99"},
		Rounds:  3, Scale: 1, Endpoint: "s3sim", Filesystem: "tmpfs",
		Tools: []Tool{{"s3haul", "1.0"}, {"floor", "go1.99"}, {"s5cmd", "v2.3.0-991c9fb"}},
		Cells: []*Cell{
			{Workload: "small-up", Latency: "0", Tool: "s3haul", Runs: []Run{run(0.5, 0.6, 0.2, 40), run(0.7, 0.5, 0.2, 44), run(0.6, 0.7, 0.2, 42)}},
			{Workload: "small-up", Latency: "0", Tool: "floor", Runs: []Run{run(0.4, 0.3, 0.2, 20), run(0.4, 0.3, 0.2, 20), run(0.3, 0.2, 0.2, 21)}},
			{Workload: "small-up", Latency: "0", Tool: "s5cmd", Runs: []Run{run(2, 3, 1, 80), run(2, 3, 1, 80), run(2, 3, 1, 80)}},
			{Workload: "small-up", Latency: "20ms", Tool: "s3haul", Runs: []Run{run(6, 0.6, 0.2, 40)}},
			{Workload: "small-up", Latency: "20ms", Tool: "s5cmd", Error: "s5cmd: exit code 1\nand why"},
			{Workload: "small-up", Latency: "20ms", Tool: "floor", Cannot: "it is tired"},
			{Workload: "startup", Tool: "s3haul", Runs: []Run{{Wall: 0.01234, User: 0.008, System: 0.002}}},
		},
	}
}

func TestTable(t *testing.T) {
	want := `plan9/mips, 3 cores, kernel 4, go1.99; data on tmpfs; s3sim over http; medians of 3 alternating runs

small-up
  tool    version  wall s  (min-max)    CPU s   (min-max)    peak RSS  requests  lists  deletes  sent    received  s3haul: CPU  wall
  s3haul  1.0      0.60    (0.50-0.70)  0.80    (0.70-0.90)  42 MiB    10,001    1    0    40 MiB  -         -            -
  floor   go1.99   0.40    (0.30-0.40)  0.50    (0.40-0.50)  20 MiB    10,001    1    0    40 MiB  -         1.60         1.50
  s5cmd   v2.3.0   2.00    (2.00-2.00)  4.00    (4.00-4.00)  80 MiB    10,001    1    0    40 MiB  -         0.20         0.30

small-up, 20ms
  tool    version  wall s  (min-max)    CPU s  (min-max)    peak RSS  requests  lists  deletes  sent    received  s3haul: CPU  wall
  s3haul  1.0      6.00    (6.00-6.00)  0.80   (0.80-0.80)  40 MiB    10,001    1    0    40 MiB  -         -            -
  s5cmd failed after 0 rounds: s5cmd: exit code 1
  floor takes no part: it is tired

startup
  tool    version  wall s  (min-max)        CPU s   (min-max)        peak RSS  requests  lists  deletes  sent  received  s3haul: CPU  wall
  s3haul  1.0      0.0123  (0.0123-0.0123)  0.0100  (0.0100-0.0100)  -         -         -    -    -     -         -            -
`
	if got := example().table(); squeeze(got) != squeeze(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// squeeze leaves one space of several: how wide a column is says nothing.
func squeeze(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}

func TestMarkdown(t *testing.T) {
	want := `
| Work | s3haul | the plain loop | s5cmd v2.3.0 |
|---|---|---|---|
| small-up | 0.80 CPU, 0.60 wall, 42 MiB | 0.50 CPU (1.60), 0.40 wall, 20 MiB | 4.00 CPU (0.20), 2.00 wall, 80 MiB |
| small-up, 20ms | 0.80 CPU, 6.00 wall, 40 MiB | - | failed |
| startup | 0.0100 CPU, 0.0123 wall, - | - | - |
`
	heading, got, _ := strings.Cut(example().markdown(), "\n")
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if !strings.Contains(heading, "tmpfs") || !strings.Contains(heading, "3 cores") {
		t.Errorf("%s", heading)
	}
}

func TestHeading(t *testing.T) {
	rec := example()
	rec.TLS, rec.Scale = true, 0.1
	if got := rec.heading(); !strings.Contains(got, "over TLS") || !strings.Contains(got, "0.1 of the work") {
		t.Errorf("%s", got)
	}
}

func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.json")
	rec := example()
	if err := rec.save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back Record
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, rec) {
		t.Errorf("read back: %+v", back)
	}
	if err := rec.save(t.TempDir()); err == nil {
		t.Error("a directory was written to")
	}
}

func TestPlot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.svg")
	if err := example().plot(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "small-up", "20ms", "startup", "floor", "s5cmd", "0.01 s", "0.1 s", "10 s", ">0.8 s<", ">4 s<"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the plot", want)
		}
	}
	if err := (&Record{}).plot(path); err == nil {
		t.Error("nothing was plotted")
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.01234: "0.0123", 0.5: "0.50", 9.994: "9.99", 28.96: "29.0", 600: "600.0"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, not %s", v, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for version, want := range map[string]string{
		"v2.3.0-991c9fb": "v2.3.0", "v1.76.0": "v1.76.0", "2.3.0": "2.3.0",
		"DEVELOPMENT.GOGET (x)":        "DEVELOPMENT.GOGET",
		"aws-cli/2.9.19 Python/3.11.2": "2.9.19", "RELEASE.2025-08-13T08-35-41Z (commit-id=x)": "RELEASE.2025-08-13",
	} {
		if got := shorten(version); got != want {
			t.Errorf("%s: %s, not %s", version, got, want)
		}
	}
}
