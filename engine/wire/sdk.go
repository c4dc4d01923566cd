package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// sdk answers Client with the SDK's *s3.Client: as it is for single objects,
// by adapters for the rest.
type sdk struct {
	*s3.Client
	region string
	http   *http.Client
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
	out, err := c.ListObjectsV2(ctx, in)
	if err != nil {
		return err
	}
	into.Reset()
	unescape := func(s string) (string, error) { return s, nil }
	if out.EncodingType == types.EncodingTypeUrl {
		unescape = url.QueryUnescape // '+' is a space, as aws s3 takes it
	}
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
		if into.Next == "" {
			return fmt.Errorf("listing s3://%s/%s: the store says that there is more, and not where to go on", req.Bucket, req.Prefix)
		}
		if into.Next == req.Token {
			return fmt.Errorf("listing s3://%s/%s: the store sends the same page again and again", req.Bucket, req.Prefix)
		}
	}
	return nil
}

// DeleteObjects implements Deleter.
func (c *sdk) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID) ([]DeleteFailure, error) {
	if len(ids) > MaxDelete {
		return nil, fmt.Errorf("DeleteObjects: %d keys in one batch, %d at most", len(ids), MaxDelete)
	}
	objects := make([]types.ObjectIdentifier, len(ids))
	for i := range ids {
		objects[i].Key = &ids[i].Key
		if ids[i].VersionID != "" {
			objects[i].VersionId = &ids[i].VersionID
		}
	}
	out, err := c.Client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: aws.String(bucket),
		Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
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

// DeleteObject implements Deleter.
func (c *sdk) DeleteObject(ctx context.Context, bucket string, id ObjectID) error {
	in := &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(id.Key)}
	if id.VersionID != "" {
		in.VersionId = aws.String(id.VersionID)
	}
	_, err := c.Client.DeleteObject(ctx, in)
	return err
}

// HeadBucket implements Buckets.
func (c *sdk) HeadBucket(ctx context.Context, bucket string) error {
	_, err := c.Client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(bucket)})
	return err
}

// CreateBucket implements Buckets.
func (c *sdk) CreateBucket(ctx context.Context, bucket string) error {
	in := &s3.CreateBucketInput{Bucket: aws.String(bucket)}
	// us-east-1 is the one region that must not be named
	// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
	if c.region != "" && c.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(c.region),
		}
	}
	_, err := c.Client.CreateBucket(ctx, in)
	return err
}

// DeleteBucket implements Buckets.
func (c *sdk) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := c.Client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	return err
}

// ListBuckets implements Buckets.
func (c *sdk) ListBuckets(ctx context.Context) ([]BucketInfo, error) {
	var all []BucketInfo
	pages := s3.NewListBucketsPaginator(c.Client, &s3.ListBucketsInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for i := range out.Buckets {
			all = append(all, BucketInfo{Name: aws.ToString(out.Buckets[i].Name), Created: aws.ToTime(out.Buckets[i].CreationDate)})
		}
	}
	return all, nil
}

// errNotSeekable keeps a body that was partly sent from being sent again.
var errNotSeekable = errors.New("the body cannot be sent twice")
