package report

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestJSONLines(t *testing.T) {
	c, s := plainConsole(t)
	j := NewJSON(c, JSONOptions{})
	for _, e := range []Event{
		{Kind: Done, Op: Upload, Src: "./a&b", Dst: "s3://b/a", Bytes: 5},
		{Kind: DryRun, Op: Delete, Src: "s3://b/\u2028\n\u009b"},
		{Kind: Done, Op: Download, Src: "s3://b/\xff", Dst: "./\xfe", Key: "\xfe", By: "CRC64NVME", Sum: "rosUhgp5mIg="},
		{Kind: Compared, Op: Verify, Src: "./a", Dst: "s3://b/a", Key: "a", Outcome: Equal, Bytes: 2, By: "MD5", Sum: "d4"},
		{Kind: Compared, Op: Verify, Src: "./b", Dst: "s3://b/b", Key: "b", Outcome: SameSize},
		{Kind: Compared, Op: Verify, Src: "./c", Dst: "s3://b/c", Key: "c", Outcome: Unreadable, Err: denied("HeadObject")},
		{
			Kind: Failed, Op: Upload, Src: "./a", Dst: "s3://b/a", Bytes: 7,
			Err: &advisedError{wrapper{deniedWithID("PutObject", "4Z9K")}, "ask"},
		},
		{Kind: Failed, Op: Upload, Src: "./a", Err: errPlain},
		{Kind: Warning, Err: errors.New("Skipping file x. Gone.")},
		{Kind: Notice, Err: errors.New("no checksums")},
		{Kind: Progress, Bytes: 3},
	} {
		j.Report(e)
	}
	j.Fatal(denied("ListObjectsV2"))
	j.Summary(Summary{
		Ops: map[Op]OpCount{Upload: {2, 10}}, Failed: 1, Unchanged: 3, Skipped: 4, Held: 5,
		Retries: 6, Throttled: 7, Verified: []SumCount{{"CRC64NVME", 9}}, NoticeCount: 8, Elapsed: 1500 * time.Millisecond,
	}, 1)
	j.Close()
	closeConsole(t, c)
	same(t, "stdout", s.out.String(), strings.Join([]string{
		`{"v":1,"event":"object","op":"upload","src":"./a&b","dst":"s3://b/a","bytes":5}`,
		`{"v":1,"event":"object","op":"delete","src":"s3://b/\u2028\n\u009b","bytes":0,"dryrun":true}`,
		`{"v":1,"event":"object","op":"download","src":"s3://b/\ufffd","src_base64":"czM6Ly9iL/8=","dst":"./\ufffd","dst_base64":"Li/+","key":"\ufffd","key_base64":"/g==","bytes":0,"checksum":"CRC64NVME","checksum_value":"rosUhgp5mIg="}`,
		`{"v":1,"event":"compared","op":"verify","src":"./a","dst":"s3://b/a","key":"a","bytes":2,"outcome":"equal","checksum":"MD5","checksum_value":"d4"}`,
		`{"v":1,"event":"compared","op":"verify","src":"./b","dst":"s3://b/b","key":"b","bytes":0,"outcome":"same_size"}`,
		`{"v":1,"event":"compared","op":"verify","src":"./c","dst":"s3://b/c","key":"c","bytes":0,"outcome":"unreadable","api":"HeadObject","code":"AccessDenied","message":"Access Denied"}`,
		`{"v":1,"event":"error","op":"upload","src":"./a","dst":"s3://b/a","bytes":7,"api":"PutObject","code":"AccessDenied","request_id":"4Z9K","message":"Access Denied","advice":"ask"}`,
		`{"v":1,"event":"error","op":"upload","src":"./a","message":"disk full"}`,
		`{"v":1,"event":"warning","message":"Skipping file x. Gone."}`,
		`{"v":1,"event":"notice","message":"no checksums"}`,
		`{"v":1,"event":"error","api":"ListObjectsV2","code":"AccessDenied","message":"Access Denied","fatal":true}`,
		`{"v":1,"event":"summary","exit":1,"dryrun":false,"ops":{"upload":{"objects":2,"bytes":10}},"unchanged":3,"skipped":4,"failed":1,"held":5,"retries":6,"throttled":7,"verified":9,"verified_by":{"CRC64NVME":9},"notices":8,"seconds":1.5}`,
	}, "\n")+"\n")
	same(t, "stderr", s.err.String(), "")
	if err := j.Err(); err != nil {
		t.Error(err)
	}
}

func TestJSONLevels(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{OnlyErrors: true}, "warning error error"},
		{Options{Quiet: true}, ""},
		{Options{}, "object notice warning error error summary"},
	} {
		c, s := plainConsole(t)
		j := NewJSON(c, JSONOptions{Options: tt.opts})
		for _, k := range []Kind{Done, Notice, Warning, Failed} {
			j.Report(Event{Kind: k, Err: errPlain})
		}
		j.Fatal(errPlain)
		j.Summary(Summary{}, 0)
		closeConsole(t, c)
		var events []string
		for l := range strings.Lines(s.out.String()) {
			var h header
			if err := json.Unmarshal([]byte(l), &h); err != nil {
				t.Fatal(err)
			}
			events = append(events, h.Event)
		}
		same(t, "events", strings.Join(events, " "), tt.want)
	}
}

func TestJSONProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := plainConsole(t)
		tally := NewTally()
		j := NewJSON(c, JSONOptions{Tally: tally, Interval: 10 * time.Second})
		tally.Report(Event{Kind: Planned, Count: 2, Bytes: 20})
		tally.Report(Event{Kind: Progress, Bytes: 5})
		time.Sleep(11 * time.Second) // virtual
		synctest.Wait()
		same(t, "stdout", s.out.String(),
			`{"v":1,"event":"progress","bytes_done":5,"bytes_total":20,"objects_done":0,"objects_total":2,"listed":false}`+"\n")
		j.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		closeConsole(t, c)
		if n := strings.Count(s.out.String(), "\n"); n != 1 {
			t.Errorf("%d lines after Close", n)
		}
	})
}

func TestJSONLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := plainConsole(t)
		load := Load{InFlight: 64, Limit: 96, Throttled: 3, Paced: 340.5}
		j := NewJSON(c, JSONOptions{Tally: NewTally(), Interval: 10 * time.Second, Load: func() Load { return load }})
		time.Sleep(11 * time.Second) // virtual
		synctest.Wait()
		j.Close()
		closeConsole(t, c)
		same(t, "stdout", s.out.String(), `{"v":1,"event":"progress","bytes_done":0,"bytes_total":0,"objects_done":0,"objects_total":0,"listed":false,`+
			`"in_flight":64,"limit":96,"throttled":3,"paced":340.5}`+"\n")
	})
}

func TestLoadText(t *testing.T) {
	for want, l := range map[string]Load{
		"":                       {},
		"0 in flight, limit 96":  {Limit: 96, Throttled: 3},
		"64 in flight, limit 96": {InFlight: 64, Limit: 96},
		"1 in flight, limit 2, throttled to 3,500/s": {InFlight: 1, Limit: 2, Paced: 3499.7},
		"1 in flight, limit 2, throttled to 1/s":     {InFlight: 1, Limit: 2, Paced: 0.1},
	} {
		same(t, "the load", l.String(), want)
	}
}

// What ended a run before its end is said, but not to those who asked for
// nothing; the summary has it for programs, and what a config file bounds.
func TestStopped(t *testing.T) {
	for _, o := range []Options{{}, {OnlyErrors: true}, {Quiet: true}} {
		c, s := plainConsole(t)
		NewText(c, o).Stopped(errors.New("enough"))
		closeConsole(t, c)
		want := "stopped: enough\n"
		if o.Quiet {
			want = ""
		}
		same(t, "stderr", s.err.String(), want)
	}
	c, s := plainConsole(t)
	sum := Summary{CutShort: "max-transfer", Ceilings: []string{"x 1", "y 2"}, Retries: 2, Throttled: 1}
	j := NewJSON(c, JSONOptions{})
	j.Summary(sum, 1)
	j.Close()
	closeConsole(t, c)
	if got := s.out.String(); !strings.Contains(got, `"cut_short":"max-transfer","ceilings":["x 1","y 2"]}`) {
		t.Errorf("%s", got)
	}
	same(t, "how", sum.how(), "retries 2  SlowDown 1  AWS config file: x 1, y 2")
}

// Without this a stdout of JSON that broke would go unnoticed.
func TestJSONKeepsTheError(t *testing.T) {
	c := NewConsole(ConsoleOptions{Out: shortWriter{}, Err: new(lockedBuffer)})
	j := NewJSON(c, JSONOptions{})
	j.Report(Event{Kind: Done})
	closeErr := c.Close()
	if closeErr == nil || !errors.Is(j.Err(), closeErr) {
		t.Errorf("Close = %v, Err = %v", closeErr, j.Err())
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("./a", "s3://b/a\u2028\n", "AccessDenied", "no", int64(3))
	f.Add("\xff\x00", "\u0085\u202e\x7f\"\\", "", "\r\n", int64(-1))
	f.Fuzz(func(t *testing.T, src, dst, code, message string, n int64) {
		var s streams
		c := NewConsole(ConsoleOptions{Out: &s.out, Err: &s.err})
		j := NewJSON(c, JSONOptions{})
		var err error = &apiError{code, message}
		events := []Event{
			{Kind: Done, Op: Upload, Src: src, Dst: dst, Bytes: n},
			{Kind: Failed, Op: Copy, Src: src, Dst: dst, Err: err},
			{Kind: Warning, Err: err},
			{Kind: Notice, Err: &operationError{wrapper{err}, code}},
		}
		for _, e := range events {
			j.Report(e)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		out := s.out.String()
		if !utf8.ValidString(out) || strings.IndexFunc(strings.ReplaceAll(out, "\n", ""), hostile) >= 0 {
			t.Errorf("not fit to print: %q", out)
		}
		lines := strings.Split(out, "\n")
		if len(lines) != len(events)+1 || lines[len(events)] != "" {
			t.Fatalf("%d lines for %d events: %q", len(lines)-1, len(events), out)
		}
		for i, l := range lines[:len(events)] {
			var got struct {
				V         int
				Event     string
				Src, Dst  string
				SrcBase64 string `json:"src_base64"`
				DstBase64 string `json:"dst_base64"`
				Bytes     int64
			}
			if err := json.Unmarshal([]byte(l), &got); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			if got.V != 1 || got.Event == "" {
				t.Errorf("%q", l)
			}
			if i > 1 {
				continue
			}
			roundTrip(t, src, got.Src, got.SrcBase64)
			roundTrip(t, dst, got.Dst, got.DstBase64)
			if i == 0 && got.Bytes != n {
				t.Errorf("bytes %d, want %d", got.Bytes, n)
			}
		}
	})
}

func roundTrip(t *testing.T, name, plain, encoded string) {
	t.Helper()
	if encoded != "" {
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		plain = string(raw)
	}
	if plain != name {
		t.Errorf("%q came back as %q", name, plain)
	}
}
