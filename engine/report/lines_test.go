package report

import (
	"strings"
	"testing"
	"time"
)

const gib = 1 << 30

func TestSummaryLines(t *testing.T) {
	tests := []struct {
		name string
		s    Summary
		want string
	}{
		{
			"a sync with a failure",
			Summary{
				Ops:    map[Op]OpCount{Upload: {9869, 118 * gib}},
				Failed: 1, Held: 12, Unchanged: 50_112_004, Elapsed: 198 * time.Second, Retries: 41, Throttled: 3, Verified: []SumCount{{"CRC64NVME", 9869}},
			},
			"FAILED 1 object; 12 due deletes were not run\n" +
				"uploaded 9,869 (118.0 GiB, 3m18s, 610 MiB/s)  unchanged 50,112,004  skipped 0\n" +
				"verified 9,869 by CRC64NVME  retries 41  SlowDown 3",
		},
		{
			"both ways",
			Summary{
				Ops:     map[Op]OpCount{Delete: {1200, 0}, Copy: {2, 3 << 20}, Download: {1, 512}},
				Elapsed: 1500 * time.Millisecond, Skipped: 2,
			},
			"downloaded 1 (512 B, 1.5s, 341 B/s)  copied 2 (3.0 MiB, 1.5s, 2.0 MiB/s)  deleted 1,200  skipped 2",
		},
		{
			"a move of an empty file",
			Summary{Ops: map[Op]OpCount{Move: {1, 0}}, Elapsed: 400 * time.Millisecond},
			"moved 1 (0 B, 0.4s)",
		},
		{
			"a dry run",
			Summary{
				Ops:    map[Op]OpCount{Upload: {3, 5000}, Delete: {2, 0}, MakeBucket: {1, 0}},
				DryRun: true, Elapsed: time.Second, Unchanged: 7,
			},
			"would upload 3 (4.9 KiB)  would delete 2  would make 1 bucket  unchanged 7  skipped 0",
		},
		{
			"several sums, a store without, and what was there already",
			Summary{
				Ops: map[Op]OpCount{Download: {15, 3 * gib}}, Elapsed: 2 * time.Second, Resumed: gib, Unverified: 3, Retries: 1,
				Verified: []SumCount{{"CRC64NVME", 9869}, {"MD5", 12}},
			},
			"downloaded 15 (3.0 GiB, 2.0s, 1.0 GiB/s)\n" +
				"verified 9,869 by CRC64NVME, 12 by MD5  not verifiable 3  resumed 1.0 GiB of an interrupted run  retries 1",
		},
		{
			"all was there already",
			Summary{Ops: map[Op]OpCount{Upload: {1, gib}}, Elapsed: time.Second, Resumed: gib},
			"uploaded 1 (1.0 GiB, 1.0s)\nresumed 1.0 GiB of an interrupted run",
		},
		{
			"a verify",
			Summary{
				Outcomes:   []OutcomeCount{{Equal, 1200}, {SameSize, 2}, {Missing, 1}, {Extra, 4}, {Differs, 3}, {Unreadable, 5}},
				Unverified: 2, Verified: []SumCount{{"CRC64NVME", 1200}}, Skipped: 1,
			},
			"compared 1,215: 1,200 equal, 2 by size alone, 1 missing, 4 extra, 3 differ, 5 unreadable  skipped 1\n" +
				"verified 1,200 by CRC64NVME",
		},
		{"a verify of one", Summary{Outcomes: []OutcomeCount{{Differs, 1}}}, "compared 1: 1 differs"},
		{"a verify of nothing", Summary{Outcomes: []OutcomeCount{}}, "compared 0"},
		{"held alone", Summary{Held: 1}, "1 due delete was not run"},
		{"failures alone", Summary{Failed: 2000}, "FAILED 2,000 objects"},
		{"nothing", Summary{}, "unchanged 0  skipped 0"},
		{
			"buckets and others",
			Summary{Ops: map[Op]OpCount{"restore": {1, 1024}, MakeBucket: {1, 0}, RemoveBucket: {2, 0}, "archive": {1, 0}}},
			"made 1 bucket  removed 2 buckets  archive 1 (0 B)  restore 1 (1.0 KiB)",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { same(t, "lines", strings.Join(tt.s.Lines(), "\n"), tt.want) })
	}
}

func TestNumbers(t *testing.T) {
	for b, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB",
		1<<20 - 1: "1.0 MiB", 1023 << 10: "1023.0 KiB", 118 * gib: "118.0 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		same(t, "size", size(b), want)
	}
	for d, want := range map[time.Duration]string{
		0: "0ms", 27600 * time.Microsecond: "28ms", 440 * time.Millisecond: "0.4s", 9960 * time.Millisecond: "10s", 45 * time.Second: "45s",
		59*time.Second + 700*time.Millisecond: "1m00s", 198 * time.Second: "3m18s", 62 * time.Minute: "1h02m", 51 * time.Hour: "2d03h",
	} {
		same(t, "took", took(d), want)
	}
	same(t, "rate", rate(612<<20), "612 MiB/s")
	same(t, "rate", rate(-1), "0 B/s")
}
