// Package s3calls has the calls of a purge whose parameters are types of the
// SDK, which the engine itself does not know.
package s3calls

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// Hold is what of Object Lock keeps a version
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
type Hold struct {
	// Compliance and Governance are retentions that have not run out.
	Compliance, Governance bool
	// Until is when the retention runs out.
	Until time.Time
	// Legal is a legal hold, which has no end.
	Legal bool
}

// HoldOf asks what keeps a version at the moment now.
func HoldOf(ctx context.Context, c wire.Objects, bucket string, id wire.ObjectID, now time.Time) (Hold, error) {
	in := &s3.HeadObjectInput{Bucket: &bucket, Key: &id.Key}
	if id.VersionID != "" {
		in.VersionId = &id.VersionID
	}
	out, err := c.HeadObject(ctx, in)
	if err != nil {
		return Hold{}, fmt.Errorf("asking for the retention of s3://%s/%s: %w", bucket, id.Key, err)
	}
	h := Hold{Legal: out.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn}
	if until := aws.ToTime(out.ObjectLockRetainUntilDate); until.After(now) {
		h.Until = until
		h.Compliance = out.ObjectLockMode == types.ObjectLockModeCompliance
		h.Governance = out.ObjectLockMode == types.ObjectLockModeGovernance
	}
	return h, nil
}

// Abort aborts a multipart upload. One that is not there any more is aborted.
func Abort(ctx context.Context, c wire.Objects, bucket string, u wire.UploadInfo) error {
	_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &u.Key, UploadId: &u.UploadID})
	if wire.Code(err) == "NoSuchUpload" {
		return nil
	}
	return err
}
