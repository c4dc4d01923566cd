package plan

import "github.com/s3haul/s3haul/walker"

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

// SizeOnly is the rule of --size-only.
func SizeOnly(src, dst walker.Entry) (Op, Reason) {
	if src.Size != dst.Size {
		return Transfer, Size
	}
	return Keep, Same
}
