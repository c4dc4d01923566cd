package report

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPurgeLines(t *testing.T) {
	until := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	removed := map[Op]OpCount{
		RemoveVersion: {198_400_112, 45_301_000_000_000}, RemoveCurrent: {12, 1}, RemoveMarker: {1_200_400, 0}, AbortUpload: {17, 0},
	}
	for _, c := range []struct {
		s    Summary
		want []string
	}{
		{
			Summary{
				Purged: true, Ops: removed, Elapsed: 62 * time.Minute, Checked: true, Rechecked: 3104, Failed: 3104,
				Left: []Left{{Reason: "compliance lock", Count: 2900, Until: until}, {Reason: "AccessDenied", Count: 204}},
			},
			[]string{
				"removed 198,400,112 versions (41.2 TiB), 1,200,400 markers, 17 uploads in 1h02m",
				"left    3,104 versions: 2,900 compliance lock (last until 2027-03-01), 204 AccessDenied",
				"listed again: 3,104 left, all explained",
			},
		},
		{
			Summary{Purged: true, DryRun: true, Ops: map[Op]OpCount{RemoveVersion: {5, 2048}, RemoveCurrent: {2, 1024}, RemoveMarker: {1, 0}}},
			[]string{"would remove 5 versions (2.0 KiB), 2 of them current, 1 marker"},
		},
		{
			Summary{Purged: true, Checked: true, Elapsed: time.Second, Throttled: 3, Retries: 4},
			[]string{"removed nothing in 1.0s", "listed again: nothing is left of what was to go", "retries 4  SlowDown 3"},
		},
		{
			Summary{
				Purged: true, Checked: true, Rechecked: 5, Elapsed: time.Second,
				Left: []Left{{Reason: "governance lock", Advice: "pass it", Count: 1, Until: until}},
			},
			[]string{
				"removed nothing in 1.0s", "left    1 version: 1 governance lock (last until 2027-03-01; pass it)",
				"listed again: 5 left, 4 of them nobody knows why",
			},
		},
		{
			Summary{Purged: true, Ops: map[Op]OpCount{RemoveVersion: {1, 0}}, Elapsed: time.Second},
			[]string{"removed 1 version (0 B) in 1.0s", "not listed again: what is left is not known"},
		},
	} {
		if got := c.s.Lines(); !slices.Equal(got, c.want) {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
		if c.s.Idle() {
			t.Error("the summary of a purge is not printed")
		}
	}
	if (Summary{Left: []Left{{Count: 1}}}).Exit() != 1 || (Summary{Rechecked: 1}).Exit() != 1 || (Summary{Purged: true, Checked: true}).Exit() != 0 {
		t.Error("exit codes")
	}
}

func TestPurgeIsCounted(t *testing.T) {
	tally := NewTally()
	for _, e := range []Event{
		{Kind: Found, Count: 61_900_000, Bytes: 7},
		{Kind: Removed, Op: RemoveVersion, Count: 61_000_000, Bytes: 5},
		{Kind: Removed, Op: RemoveCurrent, Count: 40, Bytes: 5},
		{Kind: Removed, Op: RemoveMarker, Count: 203_999},
		{Kind: Removed, Op: AbortUpload, Count: 1},
		{Kind: Failed, Op: Delete, Key: "k", Err: errPlain},
		{Kind: Failed, Op: Delete, Count: 9},
	} {
		tally.Report(e)
	}
	s := tally.Summary()
	if s.Failed != 10 || len(s.Failures) != 1 || s.Found != (OpCount{61_900_000, 7}) || s.Ops[RemoveVersion] != (OpCount{61_000_000, 5}) {
		t.Errorf("%+v", s)
	}
	same(t, "progress", tally.gauge().line(0, 54_900), "61,204,000 removed | 54,900 keys/s | 61.9 M listed, continuing")
	tally.Report(Event{Kind: Listed})
	same(t, "progress", tally.gauge().line(0, 0), "61,204,000 removed | 0 keys/s | 61.9 M listed")
	if got := millions(9_999_999); got != "9,999,999" {
		t.Error(got)
	}
}

// Of failures that are only counted no line is printed.
func TestCountedFailuresHaveNoLine(t *testing.T) {
	var out, err strings.Builder
	c := NewConsole(ConsoleOptions{Out: &out, Err: &err})
	NewText(c, Options{}).Report(Event{Kind: Failed, Op: Delete, Count: 9})
	j := NewJSON(c, JSONOptions{})
	j.Report(Event{Kind: Failed, Op: Delete, Count: 9})
	j.Report(Event{Kind: Removed, Op: RemoveVersion, Count: 9})
	j.Close()
	if cerr := c.Close(); cerr != nil || out.Len()+err.Len() > 0 {
		t.Errorf("%v: %q, %q", cerr, &out, &err)
	}
}

func TestPurgeInJSON(t *testing.T) {
	var out strings.Builder
	c := NewConsole(ConsoleOptions{Out: &out, Err: &out})
	j := NewJSON(c, JSONOptions{})
	j.Summary(Summary{
		Purged: true, Checked: true, Rechecked: 2, Found: OpCount{5, 50}, Ops: map[Op]OpCount{RemoveVersion: {3, 30}},
		Left: []Left{{Reason: "legal hold", Count: 2, Examples: []string{"s3://b/k"}}},
	}, 1)
	j.Summary(Summary{}, 0)
	j.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var got struct {
		Found     opRecord
		Ops       map[Op]opRecord
		Left      []leftRecord
		Checked   bool
		Rechecked int64
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Checked || got.Rechecked != 2 || got.Found != (opRecord{5, 50}) || got.Ops[RemoveVersion] != (opRecord{3, 30}) ||
		len(got.Left) != 1 || got.Left[0].Reason != "legal hold" || got.Left[0].Until != nil {
		t.Errorf("%s", lines[0])
	}
	if strings.Contains(lines[1], "checked") || strings.Contains(lines[1], "found") {
		t.Errorf("of another run: %s", lines[1])
	}
}
