package engine

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// check says what cannot be asked for.
func (o *RunOptions) check(op report.Op) error {
	if o.MaxTransfer < 0 {
		return usagef("at most %d bytes: give at least 1, or 0 for any number", o.MaxTransfer)
	}
	if o.MaxDuration < 0 {
		return usagef("at most %v: give a positive duration, or 0 for any", o.MaxDuration)
	}
	if a := checksum.Algorithm(o.ChecksumAlgorithm); a != "" && !slices.Contains(checksum.Algorithms(), a) {
		return usagef("no checksum algorithm of S3's is called %q: give one of %v", o.ChecksumAlgorithm, checksum.Algorithms())
	}
	if o.NoOverwrite && o.Immutable {
		return usagef("NoOverwrite leaves alone what is there, and Immutable fails where it differs: give one of them")
	}
	if o.listed() && op != report.Upload && op != report.Download && op != report.Copy && op != report.Move {
		return usagef("single keys can be copied, moved and synced, nothing else")
	}
	if o.Only != nil && o.FilesFrom != nil {
		return usagef("Only and FilesFrom both say which keys alone count: give one of them")
	}
	if o.MinSize < 0 || o.MaxSize < 0 {
		return usagef("a size below 0 is none: give the least and the largest size in bytes, or 0 for any")
	}
	if o.MaxSize > 0 && o.MinSize > o.MaxSize {
		return usagef("nothing has at least %d bytes and at most %d", o.MinSize, o.MaxSize)
	}
	if !o.OlderThan.IsZero() && !o.NewerThan.IsZero() && o.OlderThan.Before(o.NewerThan) {
		return usagef("nothing is older than %s and newer than %s", o.OlderThan.Format(time.RFC3339), o.NewerThan.Format(time.RFC3339))
	}
	switch o.CaseConflict {
	case "", caseIgnore, caseWarn, caseSkip, caseError:
	default:
		return usagef("a case conflict can be met with ignore, warn, skip or error, not with %q", o.CaseConflict)
	}
	return nil
}

// apart refuses two locations of which one would be written while it is read:
// for a move, which would remove what it has made, any that overlap; else a tree
// and itself, unless its objects are to be given something by that.
func (o *RunOptions) apart(src, dst Location, moving bool) error {
	if src.local() || dst.local() || src.bucket != dst.bucket {
		return nil
	}
	switch {
	case src.path == dst.path && moving:
		return usagef("Cannot mv a file onto itself: %s - %s", src, dst)
	case src.path == dst.path && !src.one && !o.dresses():
		return usagef("%s is the source and the destination", src)
	case moving && !src.one && o.again(src, dst):
		return usagef("%s and %s: one is inside the other, and what has been moved would be moved again", src, dst)
	}
	return nil
}

// again says that a tree that is moved may come upon what it has moved.
func (o *RunOptions) again(src, dst Location) bool {
	if rel, ok := strings.CutPrefix(dst.path, src.path); ok && (src.glob == "" || o.filter(src).Below(rel)) {
		return true
	}
	return strings.HasPrefix(src.path, dst.path) && src.path != dst.path
}

// dresses says that objects are given anything beside their content, so that it
// makes sense to copy them onto themselves.
func (o *RunOptions) dresses() bool {
	a := &o.Attributes
	return a.ACL+a.StorageClass+a.Encryption+a.KMSKeyID+a.ContentType+a.ContentDisposition+a.ContentEncoding+a.ContentLanguage+
		a.CacheControl+a.Redirect+a.MetadataDirective != "" || a.CustomerKey != nil || !a.Expires.IsZero() ||
		len(a.Grants) > 0 || a.Metadata != nil || a.Tags != nil || o.ChecksumAlgorithm != ""
}

// outside refuses to copy a tree into a place inside of itself, and to delete where
// the source itself is, unless the filters leave that place out.
func (o *RunOptions) outside(src, dst Location, deletes bool) error {
	if src.local() || dst.local() || src.bucket != dst.bucket || src.one || o.listed() {
		return nil
	}
	if src.path == dst.path && src.glob == "" {
		return nil // each object onto itself, as apart allows it
	}
	if rel, ok := strings.CutPrefix(dst.path, src.path); ok && o.filter(src).Below(rel) {
		return usagef("%s is inside of %s, and what has been copied would be copied again: leave it out with --exclude '%s*'", dst, src, rel)
	}
	if rel, ok := strings.CutPrefix(src.path, dst.path); ok && deletes && o.filter(dst).Below(rel) {
		return usagef("%s is inside of %s, where --delete would delete it: leave it out with --exclude '%s*'", src, dst, rel)
	}
	return nil
}

// doubtful refuses what could not end well if src and dst were in one bucket, of
// which nobody can tell whether they are: where one of them is an access point, or
// where two endpoints have a bucket of the same name. Between trees of one path,
// each object meets itself alone, which Move looks at.
func (o *RunOptions) doubtful(src, dst Location, moving, deletes bool) error {
	if src.local() || dst.local() || src.one || o.listed() || src.path == dst.path {
		return nil
	}
	alias := src.bucket == dst.bucket
	why := "two endpoints may be those of one store"
	if !alias {
		if !src.accessPoint() && !dst.accessPoint() {
			return nil
		}
		why = "an access point may lead to the same bucket"
	}
	// Of an access point, a copy alone is let through: to copy all that it has into a
	// folder of another bucket is common, and the worst of it are copies of copies.
	if rel, ok := strings.CutPrefix(dst.path, src.path); ok && (moving || alias) && o.filter(src).Below(rel) {
		return usagef("%s may be inside of %s, since %s, and what has been copied would be copied again: leave it out with --exclude '%s*'", dst, src, why, rel)
	}
	rel, ok := strings.CutPrefix(src.path, dst.path)
	switch {
	case ok && moving && o.filter(src).Below(rel):
		return usagef("%s may be inside of %s, since %s, and what has been moved would be moved again: leave it out with --exclude '%s*'", src, dst, why, rel)
	case ok && deletes && o.filter(dst).Below(rel):
		return usagef("%s may be inside of %s, since %s, and --delete would delete it: leave it out with --exclude '%s*'", src, dst, why, rel)
	}
	return nil
}

// filter is that of the keys at one of the ends of a run.
func (o *RunOptions) filter(l Location) *walker.Filter {
	root := l.bucket + "/" + l.path
	if l.local() {
		root = l.path
		if abs, err := filepath.Abs(root); err == nil {
			root = abs
		}
	}
	f := walker.NewFilter(root, o.Filters...)
	if l.glob != "" {
		f = f.Within(l.glob)
	}
	return f
}
