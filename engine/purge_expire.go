package engine

import (
	"context"
	"time"

	"github.com/s3haul/s3haul/engine/purge/s3calls"
)

// Expiration is a lifecycle rule that empties a location.
type Expiration struct {
	// ID of the rule in the configuration.
	ID string
	// Replaced says that a rule of this ID was there.
	Replaced bool
	// Rules is how many other rules the configuration has, which stay.
	Rules int
}

// mostNewer is the most noncurrent versions that a rule can keep
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_NoncurrentVersionExpiration.html).
const mostNewer = 100

// Expire adds a rule to the bucket's lifecycle configuration by which S3 itself
// removes all that is at the location, what comes later included. The other
// rules stay. Days are the unit of such rules: OlderThan is whole days, and less
// than one is one. In a dry run nothing is changed. The error is ErrUsage for
// what no rule can say: filters, one key, MaxDelete.
func (e *Engine) Expire(ctx context.Context, at Location, o PurgeOptions) (Expiration, error) {
	if err := o.check(); err != nil {
		return Expiration{}, err
	}
	if err := needBucket(at); err != nil {
		return Expiration{}, err
	}
	const day = 24 * time.Hour
	switch {
	case at.one:
		return Expiration{}, usagef("%s is one key: a lifecycle rule is for all keys that begin alike", at)
	case len(o.Filters) > 0:
		return Expiration{}, usagef("a lifecycle rule knows no --exclude and --include")
	case o.MaxDelete > 0:
		return Expiration{}, usagef("a lifecycle rule has no --max-delete")
	case o.OlderThan%day != 0:
		return Expiration{}, usagef("older than %v: a lifecycle rule counts whole days", o.OlderThan)
	case o.KeepVersions-1 > mostNewer:
		return Expiration{}, usagef("%d versions to keep: a lifecycle rule keeps at most %d beside the current one", o.KeepVersions, mostNewer)
	case o.MarkersOnly && o.OlderThan > 0:
		return Expiration{}, usagef("a lifecycle rule for delete markers alone knows no age")
	}
	x := s3calls.Expiry{
		ID: s3calls.RuleID(at.path), Prefix: at.path, Days: int(o.OlderThan / day),
		KeepNoncurrent: max(0, o.KeepVersions-1), KeepCurrent: o.NoncurrentOnly || o.KeepVersions > 0,
		MarkersOnly: o.MarkersOnly, NoUploads: o.keepsUploads(),
	}
	c := e.attempts()
	l, err := c.Lifecycle(ctx, at.bucket)
	if err != nil {
		return Expiration{}, err
	}
	replaced := x.Merge(l)
	if !o.DryRun {
		err = c.PutLifecycle(ctx, at.bucket, l)
	}
	return Expiration{ID: x.ID, Replaced: replaced, Rules: len(l.Rules) - 1}, err
}
