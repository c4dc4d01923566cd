package s3calls

import (
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// Expiry is what a lifecycle rule is to remove.
type Expiry struct {
	// ID of the rule, 255 bytes at most; Prefix limits it.
	ID, Prefix string
	// Days is after how many days, 1 at least.
	Days int
	// KeepNoncurrent is how many noncurrent versions of a key stay, 0 to 100.
	KeepNoncurrent int
	// KeepCurrent leaves current versions, MarkersOnly all but markers with no
	// version beneath, NoUploads unfinished uploads.
	KeepCurrent, MarkersOnly, NoUploads bool
}

// RuleID is the name of the rule for a prefix. Where that is too long, its
// end counts.
func RuleID(prefix string) string {
	const name, most = "s3haul-purge-", 255
	if len(name)+len(prefix) > most {
		prefix = strings.ToValidUTF8(prefix[len(name)+len(prefix)-most:], "")
	}
	return name + prefix
}

// Rule writes it as S3 has it. Current versions expire into markers first, and
// those go when nothing is beneath them any more
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html).
func (e *Expiry) Rule() types.LifecycleRule {
	days := int32(min(max(e.Days, 1), math.MaxInt32))
	r := types.LifecycleRule{
		ID: aws.String(e.ID), Status: types.ExpirationStatusEnabled,
		Filter: &types.LifecycleRuleFilter{Prefix: aws.String(e.Prefix)},
	}
	if e.MarkersOnly {
		r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}
		return r
	}
	r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(days)}
	if e.KeepNoncurrent > 0 {
		r.NoncurrentVersionExpiration.NewerNoncurrentVersions = aws.Int32(int32(min(e.KeepNoncurrent, 100)))
	}
	if !e.KeepCurrent {
		r.Expiration = &types.LifecycleExpiration{Days: aws.Int32(days)}
	}
	if !e.NoUploads {
		r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(days)}
	}
	return r
}

// Merge puts the rule into l, in the place of one of the same ID where there is
// one, and says whether there was.
func (e *Expiry) Merge(l *wire.Lifecycle) (replaced bool) {
	for i := range l.Rules {
		if aws.ToString(l.Rules[i].ID) == e.ID {
			l.Rules[i] = e.Rule()
			return true
		}
	}
	l.Rules = append(l.Rules, e.Rule())
	return false
}
