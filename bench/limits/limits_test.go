package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// TestWhole measures next to nothing: bounds may be kept or not, but each of the
// scenarios has its figures, and nothing is left.
func TestWhole(t *testing.T) {
	dir, plots := t.TempDir(), t.TempDir()
	var stdout, stderr strings.Builder
	code := run([]string{
		"--scenario", "small-20ms,throttled-one,throttled-down,throttled-split,hot-cold,faults-0ms-up,stall-large,list,purge", "--rounds", "2", "--scale", "0.004",
		"--dir", dir, "--plots", plots,
	}, &stdout, &stderr)
	table := stdout.String()
	kept := !strings.Contains(table, " NO ")
	if kept != (code == 0) || strings.Contains(stderr.String(), "scenarios failed") {
		t.Fatalf("%d:\n%s\n%s", code, table, stderr.String())
	}
	for _, want := range []string{
		"small-20ms-up", "small-20ms-down", "throttled-one", "throttled-down", "hot-cold", "faults-0ms-up", "stall-large-down",
		"plain loop of 256", "350 a second", "2200 a second", "the faultless run", "at least 0.90", "at most 0.050", "0.004 of the work",
		"list-dates", "list-hex", "list-10m", "purge-10m", "purge-partitions", "plain loop of 64", "at most 1.15", "16 partitions of 350",
		"--concurrency 1 of 800 keys", "at least 8.00", "at most 150",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in the table:\n%s", want, table)
		}
	}
	for _, name := range []string{"throttled-one", "throttled-down", "throttled-split"} {
		if svg, err := os.ReadFile(filepath.Join(plots, name+".svg")); err != nil || !strings.Contains(string(svg), "in flight") {
			t.Errorf("the plot of %s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is not done is an error, or told, and never passed over.
func TestLoss(t *testing.T) {
	dir := t.TempDir()
	programs, err := lab.Prepare(t.Context(), dir, t.Logf, "cmd/s3haul", "bench/compare/measure", "bench/s3sim/cmd/s3sim")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		options: &options{rounds: 1}, dir: dir, source: lab.NewSource(dir), content: s3sim.Content(0), progress: io.Discard,
		s3haul: programs["s3haul"], simulator: programs["s3sim"],
		runner: lab.Runner{Dir: dir, Measurer: programs["measure"], Timeout: time.Minute},
	}
	for op, up := range map[string]bool{"PutObject": true, "GetObject": false} {
		one := trial{name: "s3haul", set: dirs(7, 100), up: up, sim: []string{"--fault", op + ":error:n=3,status=403,code=AccessDenied"}}
		if _, err := b.try(t.Context(), one); err == nil || !strings.Contains(err.Error(), "exit code 1") {
			t.Errorf("%s: %v", op, err)
		}
		one.mayLose = true
		out, err := b.try(t.Context(), one)
		if err != nil || out.lost == nil || !strings.Contains(out.lost.Error(), "6 ") || out.Wall <= 0 || out.stats.Faults != 1 {
			t.Errorf("%s: %v, lost %v, %+v", op, err, out.lost, out.stats)
		}
		if f := lost([]outcome{out, {}}); f.ours != 1 || f.kept() || !strings.Contains(f.note, "6 ") {
			t.Errorf("%+v", f)
		}
		one.sim = nil
		if out, err = b.try(t.Context(), one); err != nil || out.lost != nil || out.stats.Ops[op] != 7 {
			t.Errorf("%s: %v, lost %v, %+v", op, err, out.lost, out.stats)
		}
	}
}

// A list that is not of the keys, and a purge that leaves some, have no figure.
func TestErrands(t *testing.T) {
	dir := t.TempDir()
	programs, err := lab.Prepare(t.Context(), dir, t.Logf, "cmd/s3haul", "bench/compare/measure", "bench/s3sim/cmd/s3sim")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		options: &options{rounds: 1}, dir: dir, progress: io.Discard, s3haul: programs["s3haul"], simulator: programs["s3sim"],
		runner: lab.Runner{Dir: dir, Measurer: programs["measure"], Timeout: time.Minute},
	}
	keys := s3sim.Synthetic{Bucket: madeUp, Layout: s3sim.LayoutHex, Count: 300, Versions: 2}
	list := listErrand(keys)
	list.latency = ""
	out, err := list.do(t.Context(), b)
	if err != nil || out.lists() < 1 || out.deletes() > 0 || out.simulator <= 0 || out.mebibytes() <= 0 {
		t.Errorf("%+v, %v", out, err)
	}
	list.args = append(list.args, "--human-readable", "--summarize") // two lines more
	if _, err := list.do(t.Context(), b); err == nil || !strings.Contains(err.Error(), "lines came for 300") {
		t.Errorf("%v", err)
	}
	purge := errand{name: "s3haul", keys: keys, purge: true, args: []string{"purge", "s3://" + madeUp, "--yes", "--whole-bucket"}}
	if out, err := purge.do(t.Context(), b); err != nil || out.deletes() < 1 {
		t.Errorf("%+v, %v", out, err)
	}
	purge.args = append(purge.args, "--keep-versions", "1")
	if _, err := purge.do(t.Context(), b); err == nil || !strings.Contains(err.Error(), "300 versions") {
		t.Errorf("%v", err)
	}
	purge.args = []string{"ls", "s3://" + madeUp}
	if _, err := purge.do(t.Context(), b); err == nil || !strings.Contains(err.Error(), "cannot have removed") {
		t.Errorf("%v", err)
	}
}

func TestBusy(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(bucket string, from, to int, n int64) s3sim.PartitionStats {
		return s3sim.PartitionStats{Bucket: bucket, Accepted: n, First: start.Add(time.Duration(from) * time.Second), Last: start.Add(time.Duration(to) * time.Second)}
	}
	took, err := busy([]s3sim.PartitionStats{at(madeUp, 3, 9, 5), at(madeUp, 2, 4, 1), at("other", 0, 99, 7), {Bucket: madeUp}})
	if err != nil || took != 7*time.Second {
		t.Errorf("%v, %v", took, err)
	}
	if _, err := busy([]s3sim.PartitionStats{{Bucket: madeUp}, at("other", 0, 1, 1)}); err == nil {
		t.Error("nothing was taken for something")
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"--scenario", "small-0ms,stall,hot-cold", "--rounds", "1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	some, err := chosen(o.scenarios, o.scale)
	var names []string
	for _, s := range some {
		names = append(names, s.name)
	}
	want := []string{
		"small-0ms-up", "small-0ms-down", "hot-cold", "stall-0ms-up", "stall-0ms-down",
		"stall-20ms-up", "stall-20ms-down", "stall-large-up", "stall-large-down",
	}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v", names, err)
	}
	for args, want := range map[string]string{
		"--rounds 0": "--rounds", "--scale 0": "--scale", "--scale 2": "--scale", "--timeout 0s": "--timeout",
		"x": "only flags", "--scenario smal": `no scenario "smal"`, "--nonsense": "nonsense",
	} {
		var stderr strings.Builder
		if code := run(strings.Fields(args), io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: %d, %s", args, code, stderr.String())
		}
	}
	var help strings.Builder
	if code := run([]string{"--help"}, io.Discard, &help); code != 0 || !strings.Contains(help.String(), "throttled-split") || !strings.Contains(help.String(), "--plots") {
		t.Errorf("%d, %s", code, help.String())
	}
}

func TestTable(t *testing.T) {
	tab := table{machine: lab.Machine{System: "plan9/mips", Kernel: "4", Cores: 3, Go: "go1.99"}, filesystem: "tmpfs", rounds: 3, scale: 1}
	tab.figures = []figure{
		{scenario: "a", what: "wall s", ours: 3, against: "loop", theirs: 2, bound: new(1.5), ourCPU: 0.5, theirCPU: 0.25, note: "so"},
		{scenario: "b", what: "rate", ours: 90, against: "alone", theirs: 100, bound: new(0.9), atLeast: true},
		{scenario: "c", what: "share", ours: 0.05, bound: new(0.05)},
		{scenario: "d", what: "wall s", ours: 1234},
	}
	if !tab.kept() {
		t.Error("a bound that is just kept is not")
	}
	want := `plan9/mips, 3 cores, kernel 4, go1.99; data on tmpfs; s3sim over http; medians of 3 alternating runs.

| scenario | figure | s3haul | against | of it | ratio | bound | kept | CPU s | its CPU s | note |
|---|---|---|---|---|---|---|---|---|---|---|
| a | wall s | 3.00 | loop | 2.00 | 1.50 | at most 1.50 | yes | 0.50 | 0.25 | so |
| b | rate | 90.0 | alone | 100 | 0.90 | at least 0.90 | yes | - | - |  |
| c | share | 0.050 | - | - | 0.050 | at most 0.050 | yes | - | - |  |
| d | wall s | 1234 | - | - | 1234 | - | - | - | - |  |
`
	if got := tab.markdown(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	for i, change := range []func(f *figure){
		func(f *figure) { f.ours = 3.01 }, func(f *figure) { f.ours = 89 }, func(f *figure) { f.ours = 0.051 },
		func(f *figure) { f.ours, f.theirs, f.against, f.bound = 0, 0, "nothing", new(1.0) }, // not a number
	} {
		was := tab.figures[i]
		change(&tab.figures[i])
		if tab.kept() || !strings.Contains(tab.text(), " NO ") || !strings.Contains(tab.figures[i].line(), "NO") {
			t.Errorf("%+v is kept", tab.figures[i])
		}
		tab.figures[i] = was
	}
}

func TestRatesOfWindows(t *testing.T) {
	const each = limitedTo / 10 // bytes in a moment, at the rate
	moments := make([]s3sim.Moment, 5)
	add := func(n int, share float64) {
		for range n {
			moments = append(moments, s3sim.Moment{BytesIn: int64(share * each), BytesOut: 1})
		}
	}
	add(10, 7) // the first second is not looked at
	add(60, 1)
	add(10, 2)
	add(60, 1)
	add(1, 0.1) // nor is the last moment
	moments = append(moments, make([]s3sim.Moment, 100)...)
	least, most, err := rates(moments, true)
	if err != nil || math.Abs(least-1) > 1e-3 || math.Abs(most-1.2) > 1e-3 {
		t.Errorf("%v to %v, %v; want 1 to 1.2", least, most, err)
	}
	if _, _, err := rates(moments[:40], true); err == nil {
		t.Error("less than a window was taken")
	}
	if _, _, err := rates(nil, false); err == nil {
		t.Error("nothing was taken")
	}
}

func TestLimits(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := outcome{start: start, timeline: s3sim.Timeline{Start: start.Add(-50 * time.Millisecond), Moments: make([]s3sim.Moment, 6)}}
	for _, line := range []struct {
		after time.Duration
		text  string
	}{
		{0, "upload: a"},
		{60 * time.Millisecond, "debug: limit 64 -> 128: slow start"},
		{100 * time.Millisecond, "debug: rate of s3://b/hot/ 0 -> 350/s: SlowDown"},
		{260 * time.Millisecond, "debug: limit 128 -> 64: 30 % throttled"},
		{270 * time.Millisecond, "debug: limit 64 -> 65: more"},
	} {
		o.stderr = append(o.stderr, stamped{start.Add(line.after), line.text})
	}
	if got, want := o.limits(6), []float64{64, 128, 128, 65, 65, 65}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	o.timeline.Moments[2] = s3sim.Moment{Accepted: 100, Refused: 20, InFlight: 77}
	path := filepath.Join(t.TempDir(), "out.svg")
	if err := plot(path, "some", o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	for _, want := range []string{"<svg", "some", "limit", "SlowDown a second"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the plot: %v", want, err)
		}
	}
	o.stderr = o.stderr[:1]
	if got := o.limits(6); got != nil {
		t.Errorf("without moves: %v", got)
	}
	if err := plot(path, "none", outcome{}); err == nil {
		t.Error("nothing was plotted")
	}
	for _, bad := range []string{"debug: limit", "debug: limit 1: x", "debug: limit a -> 2: x", "debug: limit 1 -> b: x"} {
		if _, _, ok := limitMove(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestStamper(t *testing.T) {
	var s stamper
	before := time.Now()
	for _, p := range []string{"one\r\ntw", "o\n", "", "rest"} {
		if n, err := s.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if len(s.lines) != 2 || s.lines[0].text != "one" || s.lines[1].text != "two" || s.lines[1].at.Before(before) {
		t.Errorf("%v", s.lines)
	}
}
