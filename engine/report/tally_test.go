package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTallyAdds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := NewTally()
		for _, e := range []Event{
			{Kind: Planned, Count: 4, Bytes: 100},
			{Kind: Planned, Count: 1, Bytes: 10},
			{Kind: Progress, Bytes: 50},
			{Kind: Progress, Bytes: -20},
			{Kind: Done, Op: Upload, Bytes: 7},
			{Kind: Done, Op: Upload, Bytes: 8},
			{Kind: Done, Op: Delete},
			{Kind: Done, Op: "restore", Bytes: 3},
			{Kind: Unchanged, Count: 9},
			{Kind: Warning, Err: errPlain},
			{Kind: Notice, Err: errPlain},
			{Kind: Held, Count: 12},
			{Kind: Retried, Err: &apiError{"SlowDown", "slow"}},
			{Kind: Retried, Err: fmt.Errorf("x: %w", &codeOnly{"ServiceUnavailable"})},
			{Kind: Retried, Err: &responseError{wrapper{errPlain}, "", 503}},
			{Kind: Retried, Err: &responseError{wrapper{&apiError{"InternalError", "x"}}, "", 500}},
			{Kind: Retried, Err: context.DeadlineExceeded},
			{Kind: Retried},
			{Kind: Failed, Op: Copy, Src: "s", Dst: "d", Key: "k", Err: errPlain},
		} {
			tally.Report(e)
		}
		if tally.Summary().Listed {
			t.Error("Listed before the event")
		}
		tally.Report(Event{Kind: Listed})
		time.Sleep(3 * time.Second) // virtual
		s := tally.Summary()
		want := "map[delete:{1 0} restore:{1 3} upload:{2 15}] u9 s1 f1 m30 p{5 110} true h12 r6 t3 n1 3s false"
		got := fmt.Sprintf("%v u%d s%d f%d m%d p%v %v h%d r%d t%d n%d %v %v", s.Ops, s.Unchanged, s.Skipped, s.Failed,
			s.Moved, s.Planned, s.Listed, s.Held, s.Retries, s.Throttled, s.NoticeCount, s.Elapsed, s.DryRun)
		same(t, "summary", got, want)
		if len(s.Notices) != 1 || !errors.Is(s.Notices[0], errPlain) {
			t.Errorf("notices: %v", s.Notices)
		}
		if len(s.Failures) != 1 || s.Failures[0] != (Failure{Op: Copy, Src: "s", Dst: "d", Key: "k", Err: errPlain}) {
			t.Errorf("failures: %+v", s.Failures)
		}
		tally.Report(Event{Kind: DryRun, Op: Delete})
		if s := tally.Summary(); !s.DryRun || s.Ops[Delete].Objects != 2 {
			t.Errorf("dry run: %+v", s)
		}
	})
}

func TestTallyKnowsItsSlots(t *testing.T) {
	if got, want := len(new(Tally).done), len(known()); got != want {
		t.Fatalf("%d slots for %d verbs", got, want)
	}
	for i, op := range known() {
		if slot(op) != i {
			t.Errorf("slot(%s) = %d, want %d", op, slot(op), i)
		}
	}
}

func TestTallyZero(t *testing.T) {
	var tally Tally
	tally.Report(Event{Kind: Done, Op: Upload, Bytes: 1})
	if s := tally.Summary(); s.Elapsed != 0 || s.Ops[Upload] != (OpCount{1, 1}) {
		t.Errorf("%+v", s)
	}
}

func TestTallyKeepsTheFirstFailures(t *testing.T) {
	tally := NewTally()
	for i := range MaxFailures + 5 {
		tally.Report(Event{Kind: Failed, Op: Upload, Key: fmt.Sprint(i), Err: errPlain})
		tally.Report(Event{Kind: Notice, Err: errPlain})
	}
	s := tally.Summary()
	if s.Failed != MaxFailures+5 || len(s.Failures) != MaxFailures || s.Failures[MaxFailures-1].Key != fmt.Sprint(MaxFailures-1) {
		t.Errorf("%d failures, %d kept", s.Failed, len(s.Failures))
	}
	if s.NoticeCount != MaxFailures+5 || len(s.Notices) != MaxNotices {
		t.Errorf("%d notices, %d kept", s.NoticeCount, len(s.Notices))
	}
	lines := strings.Split(s.Err().Error(), "\n")
	if len(lines) != MaxFailures+1 {
		t.Fatalf("%d lines", len(lines))
	}
	same(t, "last", lines[MaxFailures], "5 more failures not listed")
	// The Summary is a copy.
	s.Failures[0].Key = "changed"
	same(t, "first", tally.Summary().Failures[0].Key, "0")
}

// The bar must move though an engine reports no progress on what it does in one
// step; what is deleted is not moved.
func TestGaugeCountsWhatIsDone(t *testing.T) {
	tally := NewTally()
	tally.Report(Event{Kind: Done, Op: Copy, Bytes: 10})
	tally.Report(Event{Kind: Done, Op: Delete, Bytes: 100})
	tally.Report(Event{Kind: Failed, Op: Copy, Bytes: 3, Err: errPlain})
	tally.Report(Event{Kind: Failed, Op: Delete, Bytes: 100, Err: errPlain})
	if g, want := tally.gauge(), (gauge{moved: 10, lost: 3, finished: 4}); g != want {
		t.Errorf("%+v, want %+v", g, want)
	}
	tally.Report(Event{Kind: Progress, Bytes: 25})
	if g := tally.gauge(); g.moved != 25 {
		t.Errorf("moved %d, want 25", g.moved)
	}
}

// What an interrupted run had moved is there, and no part of the rate.
func TestResumedIsNotInTheRate(t *testing.T) {
	tally := NewTally()
	tally.Report(Event{Kind: Planned, Count: 1, Bytes: 1000})
	tally.Report(Event{Kind: Listed})
	tally.Report(Event{Kind: Resumed, Bytes: 600})
	if g := tally.gauge(); g.moved != 0 || g.resumed != 600 {
		t.Errorf("%+v", g)
	}
	same(t, "line", tally.gauge().line(0, 0), "600/1000 B 60% 0 B/s | 0/1 objects")
	tally.Report(Event{Kind: Progress, Bytes: 100})
	same(t, "line", tally.gauge().line(100, 0), "700/1000 B 70% 100 B/s | 0/1 objects | 3s left")
	tally.Report(Event{Kind: Progress, Bytes: 300})
	tally.Report(Event{Kind: Done, Op: Upload, Bytes: 1000, By: "SHA256"})
	if g := tally.gauge(); g.moved != 400 {
		t.Errorf("%+v", g)
	}
	same(t, "line", tally.gauge().line(100, 0), "1000/1000 B 100% 100 B/s | 1/1 objects")
	if s := tally.Summary(); s.Resumed != 600 || len(s.Verified) != 1 || s.Verified[0] != (SumCount{"SHA256", 1}) {
		t.Errorf("%+v", s)
	}
}

func TestTallyCountsComparisons(t *testing.T) {
	tally := NewTally()
	if s := tally.Summary(); s.Outcomes != nil {
		t.Errorf("%v before there is any", s.Outcomes)
	}
	for i, o := range outcomes() {
		for range i + 1 {
			tally.Report(Event{Kind: Compared, Op: Verify, Outcome: o, By: map[Outcome]string{Equal: "MD5"}[o]})
		}
	}
	// What differs is not verified, by whatever it was found out.
	tally.Report(Event{Kind: Compared, Op: Verify, Outcome: Differs, By: "SHA1"})
	tally.Report(Event{Kind: Done, Op: Upload}) // there is nothing in it
	s := tally.Summary()
	same(t, "outcomes", fmt.Sprint(s.Outcomes), "[{= 1} {~ 2} {+ 3} {- 4} {* 6} {! 6}]")
	same(t, "the rest", fmt.Sprint(s.Verified, s.Unverified, s.Exit(), s.Idle()), "[{MD5 1}] 2 1 false")
	for o, want := range map[Outcome]int{Equal: 0, SameSize: 2, Missing: 1, Extra: 1, Differs: 1, Unreadable: 1} {
		if got := (Summary{Outcomes: []OutcomeCount{{Equal, 3}, {o, 1}}}).Exit(); got != want {
			t.Errorf("Exit with %q is %d, want %d", o, got, want)
		}
	}
	if !(Summary{}).Idle() || (Summary{Outcomes: []OutcomeCount{}}).Idle() {
		t.Error("a verify of nothing is to be told, a run of nothing is not")
	}
}

func TestTallyFromManyGoroutines(t *testing.T) {
	const workers, each = 16, 500
	tally := NewTally()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				tally.Report(Event{Kind: Planned, Count: 1, Bytes: 2})
				tally.Report(Event{Kind: Progress, Bytes: 2})
				tally.Report(Event{Kind: Unchanged, Count: 3})
				tally.Report(Event{Kind: Done, Op: known()[i%7], Bytes: 2})
				tally.Report(Event{Kind: Done, Op: Op(fmt.Sprint("own", w%3))})
				tally.Report(Event{Kind: Failed, Err: errPlain})
				tally.Report(Event{Kind: Notice, Err: errPlain})
				tally.Report(Event{Kind: Retried, Err: &codeOnly{"SlowDown"}})
				if i%100 == 0 {
					_ = tally.Summary()
					_ = tally.gauge()
				}
			}
		})
	}
	wg.Wait()
	const n = workers * each
	s := tally.Summary()
	var done OpCount
	for _, c := range s.Ops {
		done.Objects += c.Objects
		done.Bytes += c.Bytes
	}
	if s.Planned != (OpCount{n, 2 * n}) || s.Moved != 2*n || s.Unchanged != 3*n || done != (OpCount{2 * n, 2 * n}) ||
		s.Failed != n || len(s.Failures) != MaxFailures || s.NoticeCount != n || s.Retries != n || s.Throttled != n {
		t.Errorf("%+v %+v", done, s.Planned)
	}
	if g := tally.gauge(); g.finished != 3*n {
		t.Errorf("finished %d, want %d", g.finished, 3*n)
	}
}

func TestSummaryErrAndExit(t *testing.T) {
	if err := (Summary{Skipped: 1}).Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
	s := Summary{Failed: 2, Skipped: 1, Failures: []Failure{
		{Op: Upload, Src: "./a", Dst: "s3://b/a", Err: denied("PutObject")},
		{Op: Delete, Key: "k", Err: errors.New("GET https://h/?X-Amz-Signature=abc123: EOF")},
	}}
	err := s.Err()
	var f Failure
	if !errors.As(err, &f) || f.Op != Upload {
		t.Errorf("no Failure in %v", err)
	}
	if e := new(apiError); !errors.As(err, &e) {
		t.Errorf("no cause in %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	same(t, "second", lines[1], "delete k: GET https://h/?X-Amz-Signature=REDACTED: EOF")
	if len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
	if err := (Summary{Failed: 3}).Err(); err == nil {
		t.Error("failures without their list are no error")
	}
	for _, tt := range []struct {
		s    Summary
		want int
	}{{Summary{}, 0}, {Summary{Unchanged: 1, Held: 1, Retries: 2, NoticeCount: 1}, 0}, {Summary{Skipped: 1}, 2}, {s, 1}} {
		if got := tt.s.Exit(); got != tt.want {
			t.Errorf("Exit of %+v = %d, want %d", tt.s, got, tt.want)
		}
	}
}
