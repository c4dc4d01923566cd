package wiretest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"
)

// bucketPrefix begins the name of every bucket that a test makes.
const bucketPrefix = "s3haul-test-"

// cleanWithin bounds the removal of a bucket.
const cleanWithin = 2 * time.Minute

type bucketOptions struct {
	versioned    bool
	lock         bool
	allowUploads bool
}

// BucketOption changes what [Bucket] makes, or what it expects at the end.
type BucketOption func(*bucketOptions)

// Versioned turns versioning on.
func Versioned() BucketOption { return func(o *bucketOptions) { o.versioned = true } }

// ObjectLock makes a bucket with Object Lock, and so with versioning. At the
// end legal holds are lifted and governance is bypassed; compliance cannot be.
func ObjectLock() BucketOption { return func(o *bucketOptions) { o.lock = true } }

// AllowUploads says that the test may leave multipart uploads open. Without
// it, one that is open at the end fails the test.
func AllowUploads() BucketOption { return func(o *bucketOptions) { o.allowUploads = true } }

// Bucket makes a bucket at [Endpoint] and returns its name, which is unique. At
// the end of the test it is removed, with all its versions, delete markers and
// open multipart uploads.
func Bucket(t testing.TB, opts ...BucketOption) string {
	t.Helper()
	return makeBucket(t, Endpoint(t), opts...)
}

func makeBucket(t testing.TB, target Target, opts ...BucketOption) string {
	t.Helper()
	var o bucketOptions
	for _, opt := range opts {
		opt(&o)
	}
	client := target.Client(t)
	name := bucketPrefix + uuid.NewString()
	in := &s3.CreateBucketInput{Bucket: &name}
	if o.lock {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if target.Region != defaultRegion {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(target.Region),
		}
	}
	if _, err := client.CreateBucket(t.Context(), in); err != nil {
		t.Fatalf("create bucket %s: %v", name, err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), cleanWithin)
		defer cancel()
		c := cleaner{client: client, bucket: name, lock: o.lock}
		open, err := c.abortUploads(ctx)
		if len(open) > 0 && !o.allowUploads {
			t.Errorf("bucket %s: the test left multipart uploads open: %q", name, open)
		}
		// A part of a process that was killed may still be on its way: it
		// spoils the first abort, or opens the upload again.
		for len(open) > 0 && ctx.Err() == nil {
			<-time.After(50 * time.Millisecond)
			open, err = c.abortUploads(ctx)
		}
		if err == nil {
			err = c.removeVersions(ctx)
		}
		if errors.Is(err, errLossy) && !target.external {
			t.Logf("bucket %s stays until the server ends: %v", name, err)
			return
		}
		if err == nil {
			_, err = client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
		}
		if err != nil {
			t.Errorf("remove bucket %s: %v", name, err)
		}
	})
	if o.versioned {
		if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket:                  &name,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			t.Fatalf("turn on versioning of bucket %s: %v", name, err)
		}
	}
	return name
}

// cleaner empties a bucket.
type cleaner struct {
	client *s3.Client
	bucket string
	lock   bool
}

// abortUploads aborts all multipart uploads and returns their keys.
func (c cleaner) abortUploads(ctx context.Context) (keys []string, err error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &c.bucket}
	var open []types.MultipartUpload
	for {
		page, err := c.client.ListMultipartUploads(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list multipart uploads: %w", err)
		}
		open = append(open, page.Uploads...)
		if !aws.ToBool(page.IsTruncated) {
			break
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
	var errs []error
	for _, u := range open {
		keys = append(keys, aws.ToString(u.Key))
		if _, err := c.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &c.bucket, Key: u.Key, UploadId: u.UploadId,
		}); err != nil {
			errs = append(errs, fmt.Errorf("abort the upload of %q: %w", aws.ToString(u.Key), err))
		}
	}
	return keys, errors.Join(errs...)
}

// version is one version or delete marker.
type version struct{ key, id string }

// errLossy says that a listing has a name that no object has. versitygw 1.8.0
// does not know encoding-type, and writes U+FFFD for what XML has no way to say.
var errLossy = errors.New("the listing does not give the true key")

// removeVersions removes all versions and delete markers. It lists from the
// beginning until nothing is left, and gives up where a page comes twice.
func (c cleaner) removeVersions(ctx context.Context) error {
	var last version
	for {
		page, err := c.firstPage(ctx)
		if err != nil || len(page) == 0 {
			return err
		}
		if page[0] == last && strings.ContainsRune(last.key, utf8.RuneError) {
			return fmt.Errorf("%w of %q", errLossy, last.key)
		}
		if page[0] == last {
			return fmt.Errorf("version %s of %q was deleted and is still there", last.id, last.key)
		}
		last = page[0]
		if err := c.remove(ctx, page); err != nil {
			return err
		}
	}
}

func (c cleaner) firstPage(ctx context.Context) ([]version, error) {
	page, err := c.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket:       &c.bucket,
		EncodingType: types.EncodingTypeUrl, // XML has no control characters
	})
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	var all []version
	for _, v := range page.Versions {
		all = append(all, version{aws.ToString(v.Key), aws.ToString(v.VersionId)})
	}
	for _, m := range page.DeleteMarkers {
		all = append(all, version{aws.ToString(m.Key), aws.ToString(m.VersionId)})
	}
	if page.EncodingType == types.EncodingTypeUrl {
		for i := range all {
			if all[i].key, err = url.QueryUnescape(all[i].key); err != nil {
				return nil, fmt.Errorf("decode a key of the listing: %w", err)
			}
		}
	}
	return all, nil
}

// remove deletes the versions of one page.
func (c cleaner) remove(ctx context.Context, page []version) error {
	if !c.lock {
		var batch []types.ObjectIdentifier
		for _, v := range page {
			if !hasControl(v.key) {
				batch = append(batch, types.ObjectIdentifier{Key: aws.String(v.key), VersionId: aws.String(v.id)})
			}
		}
		if err := c.removeBatch(ctx, batch); err != nil {
			return err
		}
	}
	for _, v := range page {
		if !c.lock && !hasControl(v.key) {
			continue
		}
		if err := c.removeOne(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (c cleaner) removeBatch(ctx context.Context, batch []types.ObjectIdentifier) error {
	if len(batch) == 0 {
		return nil
	}
	out, err := c.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &c.bucket,
		Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("delete %d versions: %w", len(batch), err)
	}
	if len(out.Errors) > 0 {
		e := out.Errors[0]
		return fmt.Errorf("delete %d versions: %d failed, the first is %q: %s: %s",
			len(batch), len(out.Errors), aws.ToString(e.Key), aws.ToString(e.Code), aws.ToString(e.Message))
	}
	return nil
}

// removeOne deletes one version, past what of Object Lock can be passed.
func (c cleaner) removeOne(ctx context.Context, v version) error {
	in := &s3.DeleteObjectInput{Bucket: &c.bucket, Key: &v.key, VersionId: &v.id}
	if c.lock {
		in.BypassGovernanceRetention = aws.Bool(true)
		// It fails on a delete marker, which can have no hold.
		_, _ = c.client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{
			Bucket: &c.bucket, Key: &v.key, VersionId: &v.id,
			LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOff},
		})
	}
	if _, err := c.client.DeleteObject(ctx, in); err != nil {
		return fmt.Errorf("delete version %s of %q: %w", v.id, v.key, err)
	}
	return nil
}

// hasControl says whether key cannot be written in XML.
func hasControl(key string) bool {
	return strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0xfffe || r == 0xffff })
}
