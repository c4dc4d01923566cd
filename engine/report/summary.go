package report

import (
	"errors"
	"fmt"
	"time"
)

// MaxFailures is the number of failures that a Summary keeps; the rest are
// counted. A run of millions of objects may fail on each of them.
const MaxFailures = 1000

// MaxNotices is the number of notices that a Summary keeps.
const MaxNotices = 100

// OpCount is what was done of one kind.
type OpCount struct {
	// Objects is the number of objects, or of buckets.
	Objects int64
	// Bytes is the sum of their sizes.
	Bytes int64
}

// Left is what a purge could not remove for one reason.
type Left struct {
	// Reason is as a person reads it: "compliance lock", "AccessDenied".
	Reason string
	// Advice is what would remove it, or empty.
	Advice string
	// Count is how many entries.
	Count int64
	// Until is when the last of them may be removed; zero where none says.
	Until time.Time
	// Examples are some of them, three at most: s3://bucket/key.
	Examples []string
}

// Failure is one object that failed. It is an error itself, with Err in its
// chain.
type Failure struct {
	Op       Op
	Src, Dst string
	// Key is relative to the locations of the run.
	Key string
	Err error
}

// Error names the operation and the object, without credentials.
func (f Failure) Error() string {
	text := "unknown error"
	if f.Err != nil {
		text = Redact(f.Err.Error())
	}
	return string(f.Op) + " " + location(f.Src, f.Dst, f.Key) + ": " + text
}

// Unwrap returns Err.
func (f Failure) Unwrap() error { return f.Err }

// Summary is what a run came to. It is plain data.
type Summary struct {
	// Ops counts what was done, or in a dry run what would have been.
	Ops map[Op]OpCount
	// Unchanged is the number of objects that needed nothing.
	Unchanged int64
	// Skipped is the number of warnings.
	Skipped int64
	// Failed is the number of failures.
	Failed int64
	// Failures holds the first MaxFailures of them.
	Failures []Failure
	// Moved is the number of bytes that went over the wire and counted: what a
	// failed attempt had moved is not in it.
	Moved int64
	// Planned is what the run expected to do.
	Planned OpCount
	// Listed says that Planned is final.
	Listed bool
	// Held is the number of deletes that were due and were not run.
	Held int64
	// Retries is the number of requests that were sent once more.
	Retries int64
	// Throttled is how many of the retries the store had asked for: SlowDown
	// and its like.
	Throttled int64
	// Verified is the number of objects whose bytes were found to be the same on
	// both sides, by the kind of checksum.
	Verified []SumCount
	// Unverified is the number of those that were moved, or compared, and of which
	// nothing is known but the size: the store has no checksum that says anything.
	Unverified int64
	// Resumed is the number of bytes that an interrupted run had moved already.
	Resumed int64
	// Outcomes is what the comparisons of a Verify came to; nil of any other run.
	Outcomes []OutcomeCount
	// NoticeCount is the number of notices.
	NoticeCount int64
	// Notices holds the first MaxNotices of them.
	Notices []error
	// Purged says that the run was a purge, or the like: it was to remove what
	// Ops has as RemoveVersion, RemoveMarker and AbortUpload.
	Purged bool
	// Found is what a purge listed, and Bytes their sizes.
	Found OpCount
	// Left is what was asked for and is there still, by reason, the most first.
	Left []Left
	// Checked says that a purge listed again at its end, and Rechecked is how many
	// entries it found then that its rules would still remove. Where it is not
	// Checked, what is left is not known but for Left.
	Checked   bool
	Rechecked int64
	// Elapsed is the time since NewTally.
	Elapsed time.Duration
	// DryRun says that nothing was changed.
	DryRun bool
	// CutShort is the bound that ended the run while there was more to do,
	// "max-transfer" or "max-duration"; empty where none did.
	CutShort string
	// Ceilings are what a configuration file bounds the run by, as
	// "max_concurrent_requests 20".
	Ceilings []string
}

// SumCount is the number of objects that were verified by one kind of checksum.
type SumCount struct {
	By      string
	Objects int64
}

// OutcomeCount is the number of comparisons with one outcome.
type OutcomeCount struct {
	Outcome Outcome
	Objects int64
}

// Err joins the failures, each of them a [Failure]; it is nil where nothing
// failed. Failures that were only counted are one more error, with their number.
func (s Summary) Err() error {
	if s.Failed == 0 && len(s.Failures) == 0 {
		return nil
	}
	errs := make([]error, 0, len(s.Failures)+1)
	for _, f := range s.Failures {
		errs = append(errs, f)
	}
	if more := s.Failed - int64(len(s.Failures)); more > 0 {
		errs = append(errs, fmt.Errorf("%s not listed", plural(more, "more failure")))
	}
	return errors.Join(errs...)
}

// Exit is the exit code of `aws s3`: 1 where something failed, 2 where
// something was skipped with a warning, 0 otherwise. Of a verify it is 1 where an
// object is not the same on both sides, and 2 where that is not known of one.
func (s Summary) Exit() int {
	switch {
	case s.Failed > 0, len(s.Left) > 0, s.Rechecked > 0,
		s.outcome(Missing)+s.outcome(Extra)+s.outcome(Differs)+s.outcome(Unreadable) > 0:
		return 1
	case s.Skipped > 0, s.outcome(SameSize) > 0:
		return 2
	default:
		return 0
	}
}

// Idle says that nothing happened: all was as it should be.
func (s Summary) Idle() bool {
	return len(s.Ops) == 0 && s.Skipped == 0 && s.Failed == 0 && s.Held == 0 && !s.Purged && s.Outcomes == nil
}

// location is an object, or a pair of them, in a line.
func location(src, dst, key string) string {
	switch {
	case src != "" && dst != "":
		return src + " to " + dst
	case src != "":
		return src
	case dst != "":
		return dst
	default:
		return key
	}
}
