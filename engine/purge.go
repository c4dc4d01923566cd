package engine

import (
	"context"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// PurgeOptions of Purge. A version is deleted where all of them allow it.
type PurgeOptions struct {
	RunOptions
	// KeepVersions is how many data versions of each key stay, the current one
	// included; 0 keeps none. A delete marker above a kept version stays.
	KeepVersions int
	// NoncurrentOnly leaves what is current: a key's newest version or marker.
	NoncurrentOnly bool
	// MarkersOnly removes only delete markers with no version beneath.
	MarkersOnly bool
	// OlderThan leaves what is younger: a current version's age runs from its
	// LastModified, a noncurrent one's from when its successor came, as lifecycle
	// rules count. 0 leaves nothing.
	OlderThan time.Duration
	// MaxDelete ends the run when so many are removed; 0 means no bound. Where
	// more were to go, the error is a [*BoundError].
	MaxDelete int64
	// NoUploads leaves unfinished multipart uploads alone. They are left, too,
	// with KeepVersions, NoncurrentOnly and MarkersOnly.
	NoUploads bool
	// Delete goes with each request.
	Delete wire.DeleteOptions
}

func (o *PurgeOptions) check() error {
	switch {
	case o.KeepVersions < 0:
		return usagef("%d versions to keep: give 0 or more", o.KeepVersions)
	case o.OlderThan < 0:
		return usagef("older than %v: give a positive duration, or 0 for any age", o.OlderThan)
	case o.MaxDelete < 0:
		return usagef("at most %d deletes: give at least 1, or 0 for any number", o.MaxDelete)
	}
	return nil
}

// keepsUploads says that unfinished uploads stay.
func (o *PurgeOptions) keepsUploads() bool {
	return o.NoUploads || o.KeepVersions > 0 || o.NoncurrentOnly || o.MarkersOnly
}

// needBucket says that at must be in a bucket, and without wildcards.
func needBucket(at Location) error {
	if at.glob != "" {
		return usagef("%s has wildcards, which are for cp, mv, rm, ls, du, class and acl set alone", at)
	}
	return needBucketOrGlob(at)
}

func needBucketOrGlob(at Location) error {
	if err := at.check(); err != nil {
		return err
	}
	if at.local() {
		return usagef("%s is not in a bucket: name it s3://bucket/prefix", at)
	}
	return nil
}

// Purge removes every version, delete marker and unfinished upload of a prefix
// (Bucket) or of one key (Object), as far as the options allow. At no moment is
// a version current that was not before: the newest entry of a key goes when all
// others of it are gone, and stays where one of them cannot be removed. At the end
// the location is listed again; what is left is in the Summary, with the reasons.
// The error is what stopped the run. A store without versions has its objects
// removed.
func (e *Engine) Purge(ctx context.Context, at Location, o PurgeOptions) (Summary, error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	if err := needBucket(at); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, report.Delete, at, at, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	s := newSweep(r, at, o)
	rules := purge.Rules{
		Match: s.match(), Now: time.Now(), OlderThan: o.OlderThan, KeepVersions: int64(o.KeepVersions),
		NoncurrentOnly: o.NoncurrentOnly, MarkersOnly: o.MarkersOnly,
	}
	s.plan = func() *purge.Planner { return purge.New(rules, s) }
	s.object = rules.Object
	s.uploads = !o.keepsUploads()
	s.uploadsBefore = rules.Now.Add(-o.OlderThan)
	sum, err := r.end(s.rounds(ctx))
	s.sum(&sum)
	return sum, err
}
