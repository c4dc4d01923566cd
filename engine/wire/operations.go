package wire

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/walker/bucket"
)

// PutObject is not raced: a versioned bucket would have two versions. One that
// has a condition is not cut off early either: the first attempt may have met it.
func (a *attempts) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	c := &call{op: "PutObject", ask: at(in.Bucket, in.Key, true), body: in.Body, paced: pacedPut}
	var known bool
	if c.size, known = sized(in.Body, in.ContentLength); !known || in.IfMatch != nil || in.IfNoneMatch != nil {
		c.paced = notPaced
	}
	return result(ctx, a, c, func(ctx context.Context) (*s3.PutObjectOutput, error) { return a.next.PutObject(ctx, in, opts...) })
}

func (a *attempts) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	c := &call{op: "UploadPart", ask: at(in.Bucket, in.Key, true), body: in.Body, paced: pacedPart}
	var known bool
	if c.size, known = sized(in.Body, in.ContentLength); !known {
		c.paced = notPaced
	}
	var out *s3.UploadPartOutput
	// Of two uploads of a part the store may keep the one that was cut off. Their
	// ETags are the same but for some encryptions, which is seen in an answer: so
	// the first parts of a bucket are neither raced nor cut off early.
	plain := in.SSECustomerAlgorithm == nil && a.Host.plain(in.Bucket)
	if !plain {
		c.paced = notPaced
	}
	c.again = func() rival { return a.partRival(in, c.size, &out, opts) }
	_, err := a.do(ctx, c, func(ctx context.Context) (err error) {
		out, err = a.next.UploadPart(ctx, in, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	kms := out.ServerSideEncryption == types.ServerSideEncryptionAwsKms || out.ServerSideEncryption == types.ServerSideEncryptionAwsKmsDsse
	if encrypted := kms || out.SSECustomerAlgorithm != nil; encrypted == plain && in.SSECustomerAlgorithm == nil {
		a.Host.learn(in.Bucket, !encrypted)
	}
	return out, nil
}

// partRival sends a part a second time, from a reader of its own.
func (a *attempts) partRival(in *s3.UploadPartInput, size int64, out **s3.UploadPartOutput, opts []func(*s3.Options)) rival {
	seeker, ok := in.Body.(io.Seeker)
	if !ok {
		return nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	body := twin(in.Body, start, size)
	if body == nil {
		return nil
	}
	again := *in
	again.Body = body
	return func(ctx context.Context) (answer, error) {
		theirs, err := a.next.UploadPart(ctx, &again, opts...)
		return answer{drop: func() {}, take: func() {
			*out = theirs
			// Who counts what was read of the body counts all of it now.
			if _, err := seeker.Seek(start+size, io.SeekStart); err == nil {
				_, _ = seeker.Seek(0, io.SeekCurrent)
			}
		}}, err
	}
}

func (a *attempts) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	var out *s3.HeadObjectOutput
	send := func(ctx context.Context) (*s3.HeadObjectOutput, error) { return a.next.HeadObject(ctx, in, opts...) }
	c := &call{op: "HeadObject", ask: at(in.Bucket, in.Key, false), paced: pacedHead}
	c.rival = twice(&out, send)
	_, err := a.do(ctx, c, func(ctx context.Context) (err error) {
		out, err = send(ctx)
		return err
	})
	return out, err
}

// CreateMultipartUpload is not cut off early: an upload whose id nobody has
// learnt stays, and is paid for.
func (a *attempts) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	c := &call{op: "CreateMultipartUpload", ask: at(in.Bucket, in.Key, true)}
	return result(ctx, a, c, func(ctx context.Context) (*s3.CreateMultipartUploadOutput, error) {
		return a.next.CreateMultipartUpload(ctx, in, opts...)
	})
}

// CompleteMultipartUpload may take minutes
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html),
// so that only the connection's own time-out ends it.
func (a *attempts) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	c := &call{op: "CompleteMultipartUpload", ask: at(in.Bucket, in.Key, true)}
	return result(ctx, a, c, func(ctx context.Context) (*s3.CompleteMultipartUploadOutput, error) {
		return a.next.CompleteMultipartUpload(ctx, in, opts...)
	})
}

func (a *attempts) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	c := &call{op: "AbortMultipartUpload", ask: at(in.Bucket, in.Key, true), paced: pacedAbort}
	return result(ctx, a, c, func(ctx context.Context) (*s3.AbortMultipartUploadOutput, error) {
		return a.next.AbortMultipartUpload(ctx, in, opts...)
	})
}

func (a *attempts) ListParts(ctx context.Context, in *s3.ListPartsInput, opts ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	c := &call{op: "ListParts", ask: at(in.Bucket, in.Key, false), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.ListPartsOutput, error) { return a.next.ListParts(ctx, in, opts...) })
}

// CopyObject is not raced: a versioned bucket would have two versions. The store
// does the work and may be silent for as long as it takes.
func (a *attempts) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	c := &call{op: "CopyObject", ask: at(in.Bucket, in.Key, true)}
	return result(ctx, a, c, func(ctx context.Context) (*s3.CopyObjectOutput, error) { return a.next.CopyObject(ctx, in, opts...) })
}

func (a *attempts) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, opts ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	c := &call{op: "UploadPartCopy", ask: at(in.Bucket, in.Key, true)}
	return result(ctx, a, c, func(ctx context.Context) (*s3.UploadPartCopyOutput, error) {
		return a.next.UploadPartCopy(ctx, in, opts...)
	})
}

func (a *attempts) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, opts ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	c := &call{op: "GetObjectAttributes", ask: at(in.Bucket, in.Key, false), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.GetObjectAttributesOutput, error) {
		return a.next.GetObjectAttributes(ctx, in, opts...)
	})
}

func (a *attempts) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, opts ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	c := &call{op: "GetObjectTagging", ask: at(in.Bucket, in.Key, false), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.GetObjectTaggingOutput, error) {
		return a.next.GetObjectTagging(ctx, in, opts...)
	})
}

// PutObjectTagging replaces all tags: to do it twice changes nothing.
func (a *attempts) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput, opts ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	c := &call{op: "PutObjectTagging", ask: at(in.Bucket, in.Key, true), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.PutObjectTaggingOutput, error) {
		return a.next.PutObjectTagging(ctx, in, opts...)
	})
}

func (a *attempts) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput, opts ...func(*s3.Options)) (*s3.GetObjectAclOutput, error) { //nolint:revive // the SDK's name
	c := &call{op: "GetObjectAcl", ask: at(in.Bucket, in.Key, false), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.GetObjectAclOutput, error) {
		return a.next.GetObjectAcl(ctx, in, opts...)
	})
}

func (a *attempts) PutObjectAcl(ctx context.Context, in *s3.PutObjectAclInput, opts ...func(*s3.Options)) (*s3.PutObjectAclOutput, error) { //nolint:revive // the SDK's name
	c := &call{op: "PutObjectAcl", ask: at(in.Bucket, in.Key, true), paced: pacedParts}
	return result(ctx, a, c, func(ctx context.Context) (*s3.PutObjectAclOutput, error) {
		return a.next.PutObjectAcl(ctx, in, opts...)
	})
}

func (a *attempts) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	c := &call{
		op: "ListObjectsV2", paced: pacedList,
		ask: pool.Ask{Space: req.Bucket, Key: max(req.Prefix, req.StartAfter), First: true, Cost: 1},
	}
	c.rival = func(ctx context.Context) (answer, error) {
		var page bucket.Page
		err := a.next.ListObjects(ctx, req, &page)
		return answer{take: func() { *into = page }, drop: func() {}}, err
	}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.ListObjects(ctx, req, into) })
	return err
}

func (a *attempts) ListVersions(ctx context.Context, req bucket.VersionsRequest, into *bucket.Page) error {
	c := &call{
		op: "ListObjectVersions", paced: pacedVersions,
		ask: pool.Ask{Space: req.Bucket, Key: max(req.Prefix, req.KeyMarker), First: true, Cost: 1},
	}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.ListVersions(ctx, req, into) })
	return err
}

func (a *attempts) DeleteObject(ctx context.Context, bucket string, id ObjectID, o DeleteOptions) error {
	c := &call{op: "DeleteObject", ask: at(&bucket, &id.Key, true), paced: pacedDelete}
	if id.ETag != "" { // the first attempt may have met the condition, and then no other does
		c.paced = notPaced
	}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.DeleteObject(ctx, bucket, id, o) })
	return err
}

func (a *attempts) HeadBucket(ctx context.Context, bucket string) error {
	c := &call{op: "HeadBucket", ask: at(&bucket, nil, false), paced: pacedBucket}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.HeadBucket(ctx, bucket) })
	return err
}

func (a *attempts) CreateBucket(ctx context.Context, bucket string, o CreateOptions) error {
	c := &call{op: "CreateBucket", ask: at(&bucket, nil, true)}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.CreateBucket(ctx, bucket, o) })
	return err
}

func (a *attempts) DeleteBucket(ctx context.Context, bucket string) error {
	c := &call{op: "DeleteBucket", ask: at(&bucket, nil, true)}
	_, err := a.do(ctx, c, func(ctx context.Context) error { return a.next.DeleteBucket(ctx, bucket) })
	return err
}

func (a *attempts) ListBuckets(ctx context.Context, req BucketsRequest) ([]BucketInfo, error) {
	var out []BucketInfo
	c := &call{op: "ListBuckets", ask: pool.Ask{Cost: 1}}
	_, err := a.do(ctx, c, func(ctx context.Context) (err error) {
		out, err = a.next.ListBuckets(ctx, req)
		return err
	})
	return out, err
}

func (a *attempts) CloseIdle() { a.next.CloseIdle() }
