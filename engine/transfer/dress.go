package transfer

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// dress has requests carry what Attributes say, each what concerns it: no other
// file needs to know of ACLs, classes and keys. It writes into the inputs that it
// is given, and is not there at all where there is nothing to say.
//
// None of it takes a request off wire's fast path, which has a header for each of
// these fields: PutObject, UploadPart, GetObject, HeadObject and CopyObject stay
// on it. CreateMultipartUpload, UploadPartCopy, CompleteMultipartUpload, ListParts,
// AbortMultipartUpload, GetObjectAttributes and the two of tags are the SDK's, with
// attributes and without.
type dress struct {
	wire.Objects
	worn
}

// dressed puts w on c.
func dressed(c wire.Objects, w *worn) wire.Objects {
	if w.nothing() {
		return c
	}
	return &dress{Objects: c, worn: *w}
}

func (d *dress) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	d.onPut(in)
	set(&in.Tagging, filled(aws.ToString(d.tags)))
	set(&in.ACL, d.acl)
	set(&in.GrantFullControl, d.grantFull)
	set(&in.GrantRead, d.grantRead)
	set(&in.GrantReadACP, d.grantReadACP)
	set(&in.GrantWriteACP, d.grantW)
	set(&in.StorageClass, d.class)
	set(&in.WebsiteRedirectLocation, d.redirect)
	set(&in.ServerSideEncryption, d.sse)
	set(&in.SSEKMSKeyId, d.kmsKey)
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.PutObject(ctx, in, opts...)
}

func (d *dress) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	d.onUpload(in)
	set(&in.Tagging, filled(aws.ToString(d.tags)))
	set(&in.ACL, d.acl)
	set(&in.GrantFullControl, d.grantFull)
	set(&in.GrantRead, d.grantRead)
	set(&in.GrantReadACP, d.grantReadACP)
	set(&in.GrantWriteACP, d.grantW)
	set(&in.StorageClass, d.class)
	set(&in.WebsiteRedirectLocation, d.redirect)
	set(&in.ServerSideEncryption, d.sse)
	set(&in.SSEKMSKeyId, d.kmsKey)
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.CreateMultipartUpload(ctx, in, opts...)
}

// CopyObject has its content's description and tags from who makes it.
func (d *dress) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	set(&in.ACL, d.acl)
	set(&in.GrantFullControl, d.grantFull)
	set(&in.GrantRead, d.grantRead)
	set(&in.GrantReadACP, d.grantReadACP)
	set(&in.GrantWriteACP, d.grantW)
	set(&in.StorageClass, d.class)
	set(&in.WebsiteRedirectLocation, d.redirect)
	set(&in.ServerSideEncryption, d.sse)
	set(&in.SSEKMSKeyId, d.kmsKey)
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	d.source.on(&in.CopySourceSSECustomerAlgorithm, &in.CopySourceSSECustomerKey, &in.CopySourceSSECustomerKeyMD5)
	return d.Objects.CopyObject(ctx, in, opts...)
}

func (d *dress) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.UploadPart(ctx, in, opts...)
}

func (d *dress) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, opts ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	d.source.on(&in.CopySourceSSECustomerAlgorithm, &in.CopySourceSSECustomerKey, &in.CopySourceSSECustomerKeyMD5)
	return d.Objects.UploadPartCopy(ctx, in, opts...)
}

// CompleteMultipartUpload needs the key where the upload was begun with a checksum
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html),
// and so does ListParts.
func (d *dress) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.CompleteMultipartUpload(ctx, in, opts...)
}

func (d *dress) ListParts(ctx context.Context, in *s3.ListPartsInput, opts ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.ListParts(ctx, in, opts...)
}

func (d *dress) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, opts ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	set(&in.RequestPayer, d.payer)
	return d.Objects.AbortMultipartUpload(ctx, in, opts...)
}

func (d *dress) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	out, err := d.Objects.GetObject(ctx, in, opts...)
	return out, d.key.withKey(err)
}

func (d *dress) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	out, err := d.Objects.HeadObject(ctx, in, opts...)
	return out, d.key.withKey(err)
}

func (d *dress) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, opts ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	set(&in.RequestPayer, d.payer)
	d.key.on(&in.SSECustomerAlgorithm, &in.SSECustomerKey, &in.SSECustomerKeyMD5)
	return d.Objects.GetObjectAttributes(ctx, in, opts...)
}

func (d *dress) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, opts ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	set(&in.RequestPayer, d.payer)
	return d.Objects.GetObjectTagging(ctx, in, opts...)
}

func (d *dress) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput, opts ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	set(&in.RequestPayer, d.payer)
	return d.Objects.PutObjectTagging(ctx, in, opts...)
}
