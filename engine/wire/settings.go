package wire

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ListBuckets implements Buckets.
func (c *sdk) ListBuckets(ctx context.Context, req BucketsRequest) ([]BucketInfo, error) {
	in := &s3.ListBucketsInput{}
	if req.PageSize > 0 {
		in.MaxBuckets = aws.Int32(int32(min(req.PageSize, 10_000)))
	}
	if req.Prefix != "" {
		in.Prefix = aws.String(req.Prefix)
	}
	if req.Region != "" {
		in.BucketRegion = aws.String(req.Region)
	}
	var all []BucketInfo
	pages := s3.NewListBucketsPaginator(bucketPages{c, req.Region}, in)
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if out.Buckets == nil && out.Owner == nil { // any document: the SDK does not look at its name
			return nil, fmt.Errorf("listing the buckets: %w", errNoListing)
		}
		for i := range out.Buckets {
			b := &out.Buckets[i]
			all = append(all, BucketInfo{Name: aws.ToString(b.Name), Created: aws.ToTime(b.CreationDate), Region: aws.ToString(b.BucketRegion)})
		}
	}
	return all, nil
}

// bucketPages asks for one page of buckets.
type bucketPages struct {
	c      *sdk
	region string
}

// ListBuckets implements s3.ListBucketsAPIClient. The buckets of a region are
// asked for at S3's endpoint there: no other takes that parameter
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html).
func (p bucketPages) ListBuckets(ctx context.Context, in *s3.ListBucketsInput, opts ...func(*s3.Options)) (*s3.ListBucketsOutput, error) {
	if p.region != "" && p.c.Options().BaseEndpoint == nil {
		opts = append(opts, func(o *s3.Options) { o.Region = p.region })
	}
	return inRegion(ctx, p.c, nil, nil, in, opts, p.c.Client.ListBuckets)
}

// SetVersioning implements Configurations.
func (c *sdk) SetVersioning(ctx context.Context, bucket string, on bool, mfa string) error {
	in := &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
	}
	if on {
		in.VersioningConfiguration.Status = types.BucketVersioningStatusEnabled
	}
	if mfa != "" {
		in.MFA = &mfa
	}
	_, err := inRegion(ctx, c, &bucket, nil, in, withMD5(bucket), c.PutBucketVersioning)
	return err
}

// PutWebsite implements Configurations.
func (c *sdk) PutWebsite(ctx context.Context, bucket string, w Website) error {
	in := &s3.PutBucketWebsiteInput{Bucket: &bucket, WebsiteConfiguration: &types.WebsiteConfiguration{}}
	if w.Index != "" {
		in.WebsiteConfiguration.IndexDocument = &types.IndexDocument{Suffix: &w.Index}
	}
	if w.ErrorKey != "" {
		in.WebsiteConfiguration.ErrorDocument = &types.ErrorDocument{Key: &w.ErrorKey}
	}
	_, err := inRegion(ctx, c, &bucket, nil, in, withMD5(bucket), c.PutBucketWebsite)
	return err
}

func (a *attempts) SetVersioning(ctx context.Context, bucket string, on bool, mfa string) error {
	// The code of a device is good once: an attempt that was cut off has used it.
	c := &call{op: "PutBucketVersioning", ask: at(&bucket, nil, true), paced: pacedBucket}
	if mfa != "" {
		c.paced = notPaced
	}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.SetVersioning(ctx, bucket, on, mfa) })
	return err
}

func (a *attempts) PutWebsite(ctx context.Context, bucket string, w Website) error {
	return a.setting(ctx, "PutBucketWebsite", bucket, true, func(ctx context.Context) error {
		return a.next.PutWebsite(ctx, bucket, w)
	})
}
