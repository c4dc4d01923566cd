package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// sdk answers Client with the SDK's *s3.Client: as it is for single objects,
// by adapters for the rest.
type sdk struct {
	*s3.Client
	region  string
	http    *http.Client
	regions *regions
	renewal *renewal
}

var _ Client = (*sdk)(nil)

// CloseIdle implements Client.
func (c *sdk) CloseIdle() { c.http.CloseIdleConnections() }

// ListObjects implements bucket.Lister.
func (c *sdk) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	in := &s3.ListObjectsV2Input{
		Bucket: aws.String(req.Bucket),
		// Keys may hold characters that XML cannot carry.
		EncodingType: types.EncodingTypeUrl,
	}
	if req.Prefix != "" {
		in.Prefix = aws.String(req.Prefix)
	}
	if req.Delimiter != "" {
		in.Delimiter = aws.String(req.Delimiter)
	}
	if req.MaxKeys > 0 {
		in.MaxKeys = aws.Int32(int32(min(req.MaxKeys, bucket.MaxKeys)))
	}
	if req.RequestPayer {
		in.RequestPayer = types.RequestPayerRequester
	}
	switch {
	case req.Token != "":
		in.ContinuationToken = aws.String(req.Token)
	case req.StartAfter != "":
		in.StartAfter = aws.String(req.StartAfter)
	}
	out, err := inRegion(ctx, c, in.Bucket, nil, in, nil, c.ListObjectsV2)
	if err != nil {
		return err
	}
	into.Reset()
	if out.Name == nil && out.IsTruncated == nil && out.EncodingType == "" && len(out.Contents)+len(out.CommonPrefixes) == 0 {
		return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, errNoListing)
	}
	unescape := unescaper(out.EncodingType)
	for i := range out.Contents {
		o := &out.Contents[i]
		key, err := unescape(aws.ToString(o.Key))
		if err != nil {
			return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, err)
		}
		into.Entries = append(into.Entries, walker.Entry{
			Key:          key,
			Size:         aws.ToInt64(o.Size),
			ModTime:      aws.ToTime(o.LastModified),
			ETag:         strings.Trim(aws.ToString(o.ETag), `"`),
			StorageClass: string(o.StorageClass),
			Latest:       true,
		})
	}
	for i := range out.CommonPrefixes {
		p, err := unescape(aws.ToString(out.CommonPrefixes[i].Prefix))
		if err != nil {
			return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, err)
		}
		into.Prefixes = append(into.Prefixes, p)
	}
	if aws.ToBool(out.IsTruncated) {
		into.Next = aws.ToString(out.NextContinuationToken)
	}
	return checkObjects(req, aws.ToBool(out.IsTruncated), into)
}

// checkObjects refuses a page that does not say how to go on: what would be
// read as the end is not the end.
func checkObjects(req bucket.ListRequest, truncated bool, page *bucket.Page) error {
	if truncated && page.Next == "" {
		return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, errNoWayOn)
	}
	if page.Next != "" && page.Next == req.Token {
		return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, errSamePage)
	}
	return nil
}

// checkVersions is checkObjects for versions.
func checkVersions(req bucket.VersionsRequest, truncated bool, page *bucket.Page) error {
	if truncated && page.Next == "" {
		return fmt.Errorf("listing the versions of s3://%s/%s: %w", req.Bucket, req.Prefix, errNoWayOn)
	}
	if page.Next != "" && page.Next == req.KeyMarker && page.NextVersion == req.VersionIDMarker {
		return fmt.Errorf("listing the versions of s3://%s/%s: %w", req.Bucket, req.Prefix, errSamePage)
	}
	return nil
}

var (
	// The SDK reads an empty or foreign answer as one that has nothing in it,
	// and who syncs with that deletes everything.
	errNoListing = errors.New("the answer is no listing")
	errNoWayOn   = errors.New("the store says that there is more, and not where to go on")
	errSamePage  = errors.New("the store sends the same page again and again")
)

// unescaper decodes the keys of a listing.
func unescaper(encoding types.EncodingType) func(string) (string, error) {
	if encoding == types.EncodingTypeUrl {
		return url.QueryUnescape // '+' is a space, as aws s3 takes it
	}
	return func(s string) (string, error) { return s, nil }
}

// ListVersions implements bucket.VersionLister.
func (c *sdk) ListVersions(ctx context.Context, req bucket.VersionsRequest, into *bucket.Page) error {
	in := &s3.ListObjectVersionsInput{Bucket: aws.String(req.Bucket), EncodingType: types.EncodingTypeUrl}
	if req.Prefix != "" {
		in.Prefix = aws.String(req.Prefix)
	}
	if req.Delimiter != "" {
		in.Delimiter = aws.String(req.Delimiter)
	}
	if req.MaxKeys > 0 {
		in.MaxKeys = aws.Int32(int32(min(req.MaxKeys, bucket.MaxKeys)))
	}
	if req.RequestPayer {
		in.RequestPayer = types.RequestPayerRequester
	}
	if req.KeyMarker != "" {
		in.KeyMarker = aws.String(req.KeyMarker)
	}
	if req.VersionIDMarker != "" {
		in.VersionIdMarker = aws.String(req.VersionIDMarker)
	}
	out, err := inRegion(ctx, c, in.Bucket, nil, in, nil, c.ListObjectVersions)
	if err != nil {
		return err
	}
	return versionPage(out, req, into)
}

// versionPage puts the two lists of the SDK into one.
func versionPage(out *s3.ListObjectVersionsOutput, req bucket.VersionsRequest, into *bucket.Page) error {
	into.Reset()
	if out.Name == nil && out.IsTruncated == nil && out.EncodingType == "" && len(out.Versions)+len(out.DeleteMarkers)+len(out.CommonPrefixes) == 0 {
		return fmt.Errorf("listing the versions of s3://%s/%s: %w", req.Bucket, req.Prefix, errNoListing)
	}
	unescape := unescaper(out.EncodingType)
	for i := range out.Versions {
		v := &out.Versions[i]
		into.Entries = append(into.Entries, walker.Entry{
			Key: aws.ToString(v.Key), Size: aws.ToInt64(v.Size), ModTime: aws.ToTime(v.LastModified),
			ETag: strings.Trim(aws.ToString(v.ETag), `"`), StorageClass: string(v.StorageClass),
			VersionID: aws.ToString(v.VersionId), Latest: aws.ToBool(v.IsLatest),
		})
	}
	for i := range out.DeleteMarkers {
		m := &out.DeleteMarkers[i]
		into.Entries = append(into.Entries, walker.Entry{
			Key: aws.ToString(m.Key), ModTime: aws.ToTime(m.LastModified),
			VersionID: aws.ToString(m.VersionId), Latest: aws.ToBool(m.IsLatest), DeleteMarker: true,
		})
	}
	var err error
	decode := func(s string) string {
		d, derr := unescape(s)
		if derr != nil {
			err = fmt.Errorf("listing the versions of s3://%s/%s: %w", req.Bucket, req.Prefix, derr)
		}
		return d
	}
	for i := range into.Entries {
		into.Entries[i].Key = decode(into.Entries[i].Key)
	}
	orderVersions(into.Entries)
	for i := range out.CommonPrefixes {
		into.Prefixes = append(into.Prefixes, decode(aws.ToString(out.CommonPrefixes[i].Prefix)))
	}
	if aws.ToBool(out.IsTruncated) {
		into.Next, into.NextVersion = decode(aws.ToString(out.NextKeyMarker)), aws.ToString(out.NextVersionIdMarker)
	}
	if err != nil {
		return err
	}
	return checkVersions(req, aws.ToBool(out.IsTruncated), into)
}

// orderVersions merges the versions of a page and the delete markers behind
// them into the order of S3's answers: by key, newest first. The SDK has them
// apart, and so have the answers of versitygw. Where a version and a marker have
// the same second, only Latest tells. A page that has them mixed is as S3 sent
// it, and stays: times alone do not give the order, since an object that was
// uploaded in parts has the time at which its upload began.
func orderVersions(page []walker.Entry) {
	if len(page) == 0 {
		return
	}
	other := func(e walker.Entry) bool { return e.DeleteMarker != page[0].DeleteMarker }
	first := slices.IndexFunc(page, other)
	if first < 0 || slices.ContainsFunc(page[first:], func(e walker.Entry) bool { return !other(e) }) {
		return
	}
	// Markers in front of the versions are S3's too, where the keys go on: only
	// what cannot be in order is merged.
	a, b := page[first-1], page[first]
	if a.DeleteMarker && (a.Key < b.Key || a.Key == b.Key && !b.Latest) || !a.DeleteMarker && newestFirst(a, b) < 0 {
		return
	}
	versions, markers := slices.Clone(page[:first]), slices.Clone(page[first:])
	if a.DeleteMarker {
		versions, markers = markers, versions
	}
	for i := range page {
		if len(markers) == 0 || len(versions) > 0 && newestFirst(versions[0], markers[0]) <= 0 {
			page[i], versions = versions[0], versions[1:]
		} else {
			page[i], markers = markers[0], markers[1:]
		}
	}
}

func newestFirst(a, b walker.Entry) int {
	switch c := cmp.Compare(a.Key, b.Key); {
	case c != 0:
		return c
	case a.Latest != b.Latest && a.Latest:
		return -1
	case a.Latest != b.Latest:
		return 1
	}
	return b.ModTime.Compare(a.ModTime)
}

// DeleteObjects implements Deleter.
func (c *sdk) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID, o DeleteOptions) ([]DeleteFailure, error) {
	if len(ids) > MaxDelete {
		return nil, tooMany(len(ids))
	}
	objects := make([]types.ObjectIdentifier, len(ids))
	for i := range ids {
		objects[i].Key = &ids[i].Key
		if ids[i].VersionID != "" {
			objects[i].VersionId = &ids[i].VersionID
		}
		objects[i].ETag = ids[i].condition()
	}
	in := &s3.DeleteObjectsInput{
		Bucket: aws.String(bucket),
		Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	}
	o.set(&in.BypassGovernanceRetention, &in.MFA, &in.RequestPayer)
	out, err := inRegion(ctx, c, &bucket, nil, in, withMD5(bucket), c.Client.DeleteObjects)
	if err != nil {
		return nil, err
	}
	var failed []DeleteFailure
	requestID, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
	for i := range out.Errors {
		e := &out.Errors[i]
		failed = append(failed, DeleteFailure{
			ObjectID: ObjectID{Key: aws.ToString(e.Key), VersionID: aws.ToString(e.VersionId)},
			Err:      &APIError{Op: "DeleteObjects", Code: aws.ToString(e.Code), Message: aws.ToString(e.Message), RequestID: requestID},
		})
	}
	return failed, nil
}

// withMD5 sums a document in the one way that every store takes, and not as the
// SDK does of late (aws-sdk-go-v2 #3258). Directory buckets are S3's alone, and
// go without MD5.
func withMD5(bucket string) []func(*s3.Options) {
	if strings.HasSuffix(bucket, "--x-s3") {
		return nil
	}
	return []func(*s3.Options){func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			// Where the SDK does not know one of them it is a newer SDK, and its sum
			// goes along.
			_, _ = stack.Initialize.Remove("AWSChecksum:SetupInputContext")
			_, _ = stack.Finalize.Remove("AWSChecksum:ComputeInputPayloadChecksum")
			return smithyhttp.AddContentChecksumMiddleware(stack)
		})
	}}
}

// DeleteObject implements Deleter.
func (c *sdk) DeleteObject(ctx context.Context, bucket string, id ObjectID, o DeleteOptions) error {
	in := &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(id.Key)}
	if id.VersionID != "" {
		in.VersionId = aws.String(id.VersionID)
	}
	in.IfMatch = id.condition()
	o.set(&in.BypassGovernanceRetention, &in.MFA, &in.RequestPayer)
	_, err := inRegion(ctx, c, in.Bucket, nil, in, nil, c.Client.DeleteObject)
	return err
}

// condition is the ETag as S3 wants it; nil where there is none.
func (id *ObjectID) condition() *string {
	if id.ETag == "" {
		return nil
	}
	return aws.String(`"` + id.ETag + `"`)
}

func (o DeleteOptions) set(bypass **bool, mfa **string, payer *types.RequestPayer) {
	if o.BypassGovernance {
		*bypass = aws.Bool(true)
	}
	if o.MFA != "" {
		*mfa = aws.String(o.MFA)
	}
	if o.RequestPayer {
		*payer = types.RequestPayerRequester
	}
}

// HeadBucket implements Buckets.
func (c *sdk) HeadBucket(ctx context.Context, bucket string) error {
	_, err := inRegion(ctx, c, &bucket, nil, &s3.HeadBucketInput{Bucket: aws.String(bucket)}, nil, c.Client.HeadBucket)
	return err
}

// CreateBucket implements Buckets.
func (c *sdk) CreateBucket(ctx context.Context, bucket string, o CreateOptions) error {
	in := &s3.CreateBucketInput{Bucket: aws.String(bucket)}
	var how types.CreateBucketConfiguration
	for _, key := range slices.Sorted(maps.Keys(o.Tags)) {
		how.Tags = append(how.Tags, types.Tag{Key: aws.String(key), Value: aws.String(o.Tags[key])})
	}
	// us-east-1 is the one region that must not be named
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
	if c.region != "" && c.region != "us-east-1" {
		how.LocationConstraint = types.BucketLocationConstraint(c.region)
	}
	if how.LocationConstraint != "" || len(how.Tags) > 0 {
		in.CreateBucketConfiguration = &how
	}
	_, err := inRegion(ctx, c, nil, nil, in, nil, c.Client.CreateBucket)
	return err
}

// DeleteBucket implements Buckets.
func (c *sdk) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := inRegion(ctx, c, &bucket, nil, &s3.DeleteBucketInput{Bucket: aws.String(bucket)}, nil, c.Client.DeleteBucket)
	return err
}

// errNotSeekable keeps a body that was partly sent from being sent again.
var errNotSeekable = errors.New("the body cannot be sent twice")
