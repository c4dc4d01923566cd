package report

import (
	"strings"
	"testing"
)

func everyOutcome() []Event {
	return []Event{
		{Kind: Compared, Op: Verify, Src: "./a", Dst: "s3://b/a", Key: "a", Outcome: Equal},
		{Kind: Compared, Op: Verify, Src: "./b", Dst: "s3://b/b", Key: "b", Outcome: SameSize},
		{Kind: Compared, Op: Verify, Src: "./c", Dst: "s3://b/c", Key: "c", Outcome: Missing},
		{Kind: Compared, Op: Verify, Src: "./d", Dst: "s3://b/d", Key: "d", Outcome: Extra},
		{Kind: Compared, Op: Verify, Src: "./e", Dst: "s3://b/e", Key: "e", Outcome: Differs},
		{Kind: Compared, Op: Verify, Src: "./f", Dst: "s3://b/f", Key: "f", Outcome: Unreadable, Err: deniedWithID("HeadObject", "4Z9K")},
		{Kind: Compared, Op: Verify, Src: "./x\n* y", Dst: "s3://b/x\n* y", Key: "x\n* y", Outcome: Missing},
		{Kind: Done, Op: Upload, Src: "./g", Dst: "s3://b/g", Key: "g"},
	}
}

func TestComparedText(t *testing.T) {
	for _, o := range []Options{{}, {OnlyErrors: true}, {Quiet: true}} {
		c, s := plainConsole(t)
		text := NewText(c, o)
		for _, e := range everyOutcome()[:6] {
			text.Report(e)
		}
		closeConsole(t, c)
		out := "missing: s3://b/c\nextra: s3://b/d\ndiffers: ./e and s3://b/e\n"
		errs := "unreadable: ./f and s3://b/f An error occurred (403) when calling the HeadObject operation: Forbidden\n  request 4Z9K\n"
		if o.Quiet {
			out, errs = "", ""
		}
		same(t, "stdout", s.out.String(), out)
		same(t, "stderr", s.err.String(), errs)
	}
}

// One side may be all that is known of an object.
func TestComparedNames(t *testing.T) {
	for want, e := range map[string]Event{
		"missing ./a":    {Outcome: Missing, Src: "./a"},
		"extra k":        {Outcome: Extra, Key: "k"},
		"differs s3://b": {Outcome: Differs, Dst: "s3://b"},
		" ":              {Outcome: Equal, Src: "./a"},
	} {
		verb, names := comparedLine(e)
		same(t, "line", verb+" "+names, want)
	}
}

func TestCombined(t *testing.T) {
	c, s := plainConsole(t)
	m := NewCombined(c)
	for _, e := range everyOutcome() {
		m.Report(e)
	}
	closeConsole(t, c)
	same(t, "stdout", s.out.String(), "= a\n= b\n+ c\n- d\n* e\n! f\n"+`+ x\n* y`+"\n")
	for line := range strings.Lines(s.out.String()) {
		if !IsCombined([]byte(line)) {
			t.Errorf("%q", line)
		}
	}
	for _, line := range []string{"", "\n", "=\n", "=a", "#! /bin/sh", "{}", "* a\r\n", "- a\tb\n"} {
		if IsCombined([]byte(line)) {
			t.Errorf("%q", line)
		}
	}
	if err := m.Err(); err != nil {
		t.Error(err)
	}
}
