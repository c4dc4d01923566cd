package plan

import (
	"time"

	"github.com/s3haul/s3haul/walker"
)

// Compare says what to do with a key that both sides have: Keep, Transfer or
// Check, and why. It must not block: it is called between two keys of a plan.
type Compare func(src, dst walker.Entry) (Op, Reason)

// Upward is the rule of `aws s3 sync` for uploads and for copies between
// buckets: what differs in size or is newer at the source is transferred.
// Times are compared in whole seconds, since S3 keeps no more.
func Upward(src, dst walker.Entry) (Op, Reason) {
	switch {
	case src.Size != dst.Size:
		return Transfer, Size
	case src.ModTime.Unix() > dst.ModTime.Unix():
		return Transfer, Newer
	default:
		return Keep, Same
	}
}

// Downward is the rule for downloads. A downloaded file bears the object's
// time, so the same size and the same whole second mean that it is that
// object. Any other time proves nothing, older or newer: it is a Check.
func Downward(src, dst walker.Entry) (Op, Reason) {
	switch {
	case src.Size != dst.Size:
		return Transfer, Size
	case src.ModTime.Unix() != dst.ModTime.Unix():
		return Check, Time
	default:
		return Keep, Same
	}
}

// Exact is the rule of --exact-timestamps for downloads: a file that has another
// time than its object is brought again, older or newer. The object's time counts
// as it was told or in whole seconds, as stores do not tell it alike everywhere.
func Exact(src, dst walker.Entry) (Op, Reason) {
	switch t := src.ModTime; {
	case src.Size != dst.Size:
		return Transfer, Size
	case !dst.ModTime.Equal(t) && !dst.ModTime.Equal(t.Truncate(time.Second)):
		return Transfer, Time
	}
	return Keep, Same
}

// Update is the rule of --update: what is newer at the destination, in whole
// seconds, stays as it is, whatever it holds. For the rest rule counts.
func Update(rule Compare) Compare {
	return func(src, dst walker.Entry) (Op, Reason) {
		if dst.ModTime.Unix() > src.ModTime.Unix() {
			return Keep, Same
		}
		return rule(src, dst)
	}
}

// SizeOnly is the rule of --size-only.
func SizeOnly(src, dst walker.Entry) (Op, Reason) {
	if src.Size != dst.Size {
		return Transfer, Size
	}
	return Keep, Same
}

// Contents is the rule of --checksum: what is of one size is a Check, whatever
// the times. Its Reason is Same where times would keep it, so that they decide
// where the contents cannot be known.
func Contents(times Compare) Compare {
	return func(src, dst walker.Entry) (Op, Reason) {
		op, reason := times(src, dst)
		if src.Size == dst.Size {
			op = Check
		}
		return op, reason
	}
}

// Existing is the rule of --no-overwrite: what is there stays as it is.
func Existing(walker.Entry, walker.Entry) (Op, Reason) { return Keep, Same }

// Unlike is the rule of --immutable: what would be transferred because its time
// is another has to prove that it differs, which is a failure then.
func Unlike(rule Compare) Compare {
	return func(src, dst walker.Entry) (Op, Reason) {
		op, reason := rule(src, dst)
		if op == Transfer && src.Size == dst.Size {
			op = Check
		}
		return op, reason
	}
}

// Always is the rule of a copy: everything is transferred.
func Always(src, dst walker.Entry) (Op, Reason) {
	if src.Size != dst.Size {
		return Transfer, Size
	}
	return Transfer, Time
}
