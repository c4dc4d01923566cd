package wire

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// inRegion calls the SDK for the region in which the bucket is known to be,
// and once more where S3 says that it is in another, that the token has
// expired, or that the clock is wrong: the SDK does none of it by itself.
func inRegion[I, O any](
	ctx context.Context, c *sdk, bucket *string, body io.Reader, in *I, opts []func(*s3.Options),
	call func(context.Context, *I, ...func(*s3.Options)) (*O, error),
) (*O, error) {
	name := aws.ToString(bucket)
	var start int64
	seeker, _ := body.(io.Seeker)
	if seeker != nil {
		var err error
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			return nil, err
		}
	}
	var moved, clock, token bool
	for {
		began, since := time.Now(), c.renewal.now()
		with := opts
		if region := c.regions.of(name); region != "" {
			with = append(slices.Clip(opts), func(o *s3.Options) { o.Region = region })
		}
		out, err := call(ctx, in, with...)
		switch {
		case err == nil:
			return out, nil
		case body != nil && seeker == nil:
			return nil, err
		case !moved && c.regions.learn(name, c.region, err):
			moved = true
		case !clock && wrongClockOf(time.Since(began), err):
			clock = true
		case !token && c.renewal.expired(since, err):
			token = true
		default:
			return nil, err
		}
		if seeker != nil {
			if _, serr := seeker.Seek(start, io.SeekStart); serr != nil {
				return nil, err
			}
		}
	}
}

// PutObject implements Objects.
func (c *sdk) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return inRegion(ctx, c, in.Bucket, in.Body, in, unlessMD5(in.ContentMD5, opts), c.Client.PutObject)
}

// UploadPart implements Objects.
func (c *sdk) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	return inRegion(ctx, c, in.Bucket, in.Body, in, unlessMD5(in.ContentMD5, opts), c.Client.UploadPart)
}

// unlessMD5 has the SDK add no checksum of its own to a body that has a
// Content-MD5: it is for stores that refuse any other (aws-sdk-go-v2 #3258).
func unlessMD5(md5 *string, opts []func(*s3.Options)) []func(*s3.Options) {
	if md5 == nil {
		return opts
	}
	return append(slices.Clip(opts), func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
}

// GetObject implements Objects.
func (c *sdk) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.GetObject)
}

// HeadObject implements Objects.
func (c *sdk) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.HeadObject)
}

// CreateMultipartUpload implements Objects.
func (c *sdk) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.CreateMultipartUpload)
}

// CompleteMultipartUpload implements Objects.
func (c *sdk) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.CompleteMultipartUpload)
}

// AbortMultipartUpload implements Objects.
func (c *sdk) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.AbortMultipartUpload)
}

// ListParts implements Objects.
func (c *sdk) ListParts(ctx context.Context, in *s3.ListPartsInput, opts ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.ListParts)
}

// CopyObject implements Objects.
func (c *sdk) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.CopyObject)
}

// UploadPartCopy implements Objects.
func (c *sdk) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, opts ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.UploadPartCopy)
}

// GetObjectAttributes implements Objects.
func (c *sdk) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, opts ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.GetObjectAttributes)
}

// GetObjectTagging implements Objects.
func (c *sdk) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, opts ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.GetObjectTagging)
}

// PutObjectTagging implements Objects.
func (c *sdk) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput, opts ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.PutObjectTagging)
}

// GetObjectAcl implements Objects.
func (c *sdk) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput, opts ...func(*s3.Options)) (*s3.GetObjectAclOutput, error) { //nolint:revive // the SDK's name
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.GetObjectAcl)
}

// PutObjectAcl implements Objects.
func (c *sdk) PutObjectAcl(ctx context.Context, in *s3.PutObjectAclInput, opts ...func(*s3.Options)) (*s3.PutObjectAclOutput, error) { //nolint:revive // the SDK's name
	return inRegion(ctx, c, in.Bucket, nil, in, opts, c.Client.PutObjectAcl)
}
