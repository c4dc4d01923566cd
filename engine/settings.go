package engine

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/s3haul/s3haul/engine/wire"
)

// Versioning says whether a bucket keeps the versions of its objects.
func (e *Engine) Versioning(ctx context.Context, bucket string) (wire.VersioningState, error) {
	if err := (Location{bucket: bucket}).check(); err != nil {
		return wire.VersioningState{}, err
	}
	return e.attempts().Versioning(ctx, bucket)
}

// SetVersioning has a bucket keep versions from now on, or no more: those that are
// there stay in either case. Once on it is never off, only suspended. mfa is the
// serial number of a device, a space and its present code, for buckets with MFA
// delete; empty otherwise. On S3 it may take 15 minutes until all writes see it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html).
func (e *Engine) SetVersioning(ctx context.Context, bucket string, on bool, mfa string) error {
	if err := (Location{bucket: bucket}).check(); err != nil {
		return err
	}
	return e.attempts().SetVersioning(ctx, bucket, on, mfa)
}

// SetWebsite has a bucket answer as a website at its website endpoint. It replaces
// the whole configuration, routing rules too, and makes nothing public.
func (e *Engine) SetWebsite(ctx context.Context, bucket string, w wire.Website) error {
	if err := (Location{bucket: bucket}).check(); err != nil {
		return err
	}
	switch {
	case w.Index == "":
		return usagef("a website has an index document, as index.html: S3 takes no other")
	case strings.Contains(w.Index, "/"):
		return usagef("the index document %q has a '/': it is put behind the one at the end of each path", w.Index)
	}
	return e.attempts().PutWebsite(ctx, bucket, w)
}

// maxPresign is the longest that S3 takes
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
const maxPresign = 7 * 24 * time.Hour

// PresignOptions of Presign.
type PresignOptions struct {
	// Put has the URL take an upload; else it gives the object.
	Put bool
	// VersionID is that of the version to give; empty is what is current then.
	VersionID string
	// Expires is how long the URL is good for, 1 s to 7 days in whole seconds; 0
	// means an hour.
	Expires time.Duration
}

// Presign makes a URL by which whoever has it may get one object, or put it, with
// the rights of the engine's credentials, and no longer than these are good for. No
// request is made: that the object is there, or that the credentials may, nobody
// has looked at.
func (e *Engine) Presign(ctx context.Context, at Location, o PresignOptions) (wire.Presigned, error) {
	if err := needObject(at); err != nil {
		return wire.Presigned{}, err
	}
	o.Expires = cmp.Or(o.Expires, time.Hour)
	switch {
	case o.Expires < time.Second || o.Expires > maxPresign || o.Expires%time.Second != 0:
		return wire.Presigned{}, usagef("a presigned URL is good for 1 s to %d s (7 days), not for %v", maxPresign/time.Second, o.Expires)
	case o.Put && o.VersionID != "":
		return wire.Presigned{}, usagef("%s: no version can be written, a PUT makes a new one", at)
	case e.o.NoSign:
		return wire.Presigned{}, usagef("a presigned URL is signed, and without credentials there is nothing to sign with")
	}
	return e.attempts().Presign(ctx, wire.PresignRequest{
		Put: o.Put, Bucket: at.bucket, Key: at.path, VersionID: o.VersionID, Expires: o.Expires,
	})
}

// needObject wants one object in S3.
func needObject(at Location) error {
	switch err := needBucket(at); {
	case err != nil:
		return err
	case at.path == "":
		return usagef("s3://%s names a bucket where a key is needed", at.bucket)
	case !at.one:
		return usagef("%s is a prefix where one object is needed", at)
	}
	return nil
}
