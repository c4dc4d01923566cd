package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ListUploads implements Configurations.
func (c *sdk) ListUploads(ctx context.Context, req UploadsRequest) (*UploadsPage, error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &req.Bucket, EncodingType: types.EncodingTypeUrl}
	for field, value := range map[**string]string{
		&in.Prefix: req.Prefix, &in.KeyMarker: req.KeyMarker, &in.UploadIdMarker: req.UploadIDMarker,
	} {
		if value != "" {
			*field = &value
		}
	}
	out, err := inRegion(ctx, c, in.Bucket, nil, in, nil, c.ListMultipartUploads)
	if err != nil {
		return nil, err
	}
	page, err := uploadsPage(out, req)
	if err != nil {
		return nil, fmt.Errorf("listing the uploads of s3://%s/%s: %w", req.Bucket, req.Prefix, err)
	}
	return page, nil
}

func uploadsPage(out *s3.ListMultipartUploadsOutput, req UploadsRequest) (*UploadsPage, error) {
	if out.Bucket == nil && out.IsTruncated == nil && out.EncodingType == "" && len(out.Uploads) == 0 {
		return nil, errNoListing
	}
	unescape := unescaper(out.EncodingType)
	page := &UploadsPage{More: aws.ToBool(out.IsTruncated)}
	for i := range out.Uploads {
		u := &out.Uploads[i]
		key, err := unescape(aws.ToString(u.Key))
		if err != nil {
			return nil, err
		}
		page.Uploads = append(page.Uploads, UploadInfo{
			Key: key, UploadID: aws.ToString(u.UploadId), Initiated: aws.ToTime(u.Initiated), StorageClass: string(u.StorageClass),
			Initiator: initiator(u.Initiator),
		})
	}
	if !page.More {
		return page, nil
	}
	var err error
	if page.NextKey, err = unescape(aws.ToString(out.NextKeyMarker)); err != nil {
		return nil, err
	}
	page.NextUploadID = aws.ToString(out.NextUploadIdMarker)
	switch {
	case page.NextKey == "":
		return nil, errNoWayOn
	case page.NextKey == req.KeyMarker && page.NextUploadID == req.UploadIDMarker:
		return nil, errSamePage
	}
	return page, nil
}

// Region implements Configurations.
func (c *sdk) Region(ctx context.Context, bucket string) (string, error) {
	out, err := inRegion(ctx, c, &bucket, nil, &s3.GetBucketLocationInput{Bucket: &bucket}, nil, c.GetBucketLocation)
	if err != nil {
		return "", err
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
	switch region := string(out.LocationConstraint); region {
	case "":
		return "us-east-1", nil
	case "EU":
		return "eu-west-1", nil
	default:
		return region, nil
	}
}

// Versioning implements Configurations.
func (c *sdk) Versioning(ctx context.Context, bucket string) (VersioningState, error) {
	out, err := inRegion(ctx, c, &bucket, nil, &s3.GetBucketVersioningInput{Bucket: &bucket}, nil, c.GetBucketVersioning)
	if err != nil {
		return VersioningState{}, err
	}
	return VersioningState{Status: string(out.Status), MFADelete: out.MFADelete == types.MFADeleteStatusEnabled}, nil
}

// ObjectLock implements Configurations.
func (c *sdk) ObjectLock(ctx context.Context, bucket string) (bool, error) {
	out, err := inRegion(ctx, c, &bucket, nil, &s3.GetObjectLockConfigurationInput{Bucket: &bucket}, nil, c.GetObjectLockConfiguration)
	switch {
	case err == nil:
		return out.ObjectLockConfiguration != nil && out.ObjectLockConfiguration.ObjectLockEnabled == types.ObjectLockEnabledEnabled, nil
	case Code(err) == "ObjectLockConfigurationNotFoundError", Unsupported(err):
		return false, nil
	}
	return false, err
}

// Lifecycle implements Configurations.
func (c *sdk) Lifecycle(ctx context.Context, bucket string) (*Lifecycle, error) {
	out, err := inRegion(ctx, c, &bucket, nil, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket}, nil, c.GetBucketLifecycleConfiguration)
	switch {
	case err == nil && len(out.Rules) == 0:
		// S3 has no configuration without rules. The SDK reads a foreign answer as
		// one, and who writes that back with a rule more deletes all others.
		return nil, fmt.Errorf("reading the lifecycle configuration of s3://%s: %w", bucket, errNoLifecycle)
	case err == nil:
		return &Lifecycle{Rules: out.Rules, MinimumSize: out.TransitionDefaultMinimumObjectSize}, nil
	case Code(err) == "NoSuchLifecycleConfiguration":
		return &Lifecycle{}, nil
	}
	return nil, err
}

// PutLifecycle implements Configurations.
func (c *sdk) PutLifecycle(ctx context.Context, bucket string, l *Lifecycle) error {
	_, err := inRegion(ctx, c, &bucket, nil, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: l.Rules},
		TransitionDefaultMinimumObjectSize: l.MinimumSize,
	}, withMD5(bucket), c.PutBucketLifecycleConfiguration)
	return err
}

var errNoLifecycle = errors.New("the answer is no lifecycle configuration")

func (a *attempts) ListUploads(ctx context.Context, req UploadsRequest) (page *UploadsPage, err error) {
	c := &call{op: "ListMultipartUploads", paced: pacedAny, ask: at(&req.Bucket, aws.String(max(req.Prefix, req.KeyMarker)), false)}
	_, err = a.do(ctx, c, func(ctx context.Context) (err error) {
		page, err = a.next.ListUploads(ctx, req)
		return err
	})
	return page, err
}

func (a *attempts) Region(ctx context.Context, bucket string) (region string, err error) {
	err = a.setting(ctx, "GetBucketLocation", bucket, false, func(ctx context.Context) (err error) {
		region, err = a.next.Region(ctx, bucket)
		return err
	})
	return region, err
}

func (a *attempts) Versioning(ctx context.Context, bucket string) (state VersioningState, err error) {
	err = a.setting(ctx, "GetBucketVersioning", bucket, false, func(ctx context.Context) (err error) {
		state, err = a.next.Versioning(ctx, bucket)
		return err
	})
	return state, err
}

func (a *attempts) ObjectLock(ctx context.Context, bucket string) (on bool, err error) {
	err = a.setting(ctx, "GetObjectLockConfiguration", bucket, false, func(ctx context.Context) (err error) {
		on, err = a.next.ObjectLock(ctx, bucket)
		return err
	})
	return on, err
}

func (a *attempts) Lifecycle(ctx context.Context, bucket string) (l *Lifecycle, err error) {
	err = a.setting(ctx, "GetBucketLifecycleConfiguration", bucket, false, func(ctx context.Context) (err error) {
		l, err = a.next.Lifecycle(ctx, bucket)
		return err
	})
	return l, err
}

func (a *attempts) PutLifecycle(ctx context.Context, bucket string, l *Lifecycle) error {
	return a.setting(ctx, "PutBucketLifecycleConfiguration", bucket, true, func(ctx context.Context) error {
		return a.next.PutLifecycle(ctx, bucket, l)
	})
}

func (a *attempts) setting(ctx context.Context, op, bucket string, write bool, send func(context.Context) error) error {
	_, err := a.do(ctx, &call{op: op, ask: at(&bucket, nil, write), paced: pacedBucket}, send)
	return err
}

func initiator(i *types.Initiator) string {
	if i == nil {
		return ""
	}
	return aws.ToString(i.ID)
}
