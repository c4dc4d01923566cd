// Package wire is the one place where s3haul's S3 client is made. It has the
// signatures of *s3.Client for whatever carries bodies, so that
// feature/s3/manager accepts it, and calls of its own where the SDK's types
// cost too much for each key: listings and batched deletes.
//
// [New] makes the plain client; [Attempts] puts retries and the slots of a
// pool around it. Nothing else in s3haul talks to S3.
package wire

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/walker/bucket"
)

// Objects are the calls on single objects, with the signatures of *s3.Client.
// All of them may be called concurrently. A Body that is an io.Seeker is sent
// again from where it stood when an attempt has to be repeated.
type Objects interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput, ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPart(context.Context, *s3.UploadPartInput, ...func(*s3.Options)) (*s3.UploadPartOutput, error)
	CompleteMultipartUpload(context.Context, *s3.CompleteMultipartUploadInput, ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput, ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
	ListParts(context.Context, *s3.ListPartsInput, ...func(*s3.Options)) (*s3.ListPartsOutput, error)
	CopyObject(context.Context, *s3.CopyObjectInput, ...func(*s3.Options)) (*s3.CopyObjectOutput, error)
	UploadPartCopy(context.Context, *s3.UploadPartCopyInput, ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error)
	GetObjectAttributes(context.Context, *s3.GetObjectAttributesInput, ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error)
	GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error)
	PutObjectTagging(context.Context, *s3.PutObjectTaggingInput, ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error)
	GetObjectAcl(context.Context, *s3.GetObjectAclInput, ...func(*s3.Options)) (*s3.GetObjectAclOutput, error)
	PutObjectAcl(context.Context, *s3.PutObjectAclInput, ...func(*s3.Options)) (*s3.PutObjectAclOutput, error)
}

// MaxDelete is the most keys that one DeleteObjects takes; more is MalformedXML
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html).
const MaxDelete = 1000

// ObjectID names an object, or one version of it.
type ObjectID struct {
	Key string
	// VersionID is empty for the object itself: on a versioned bucket its
	// deletion adds a delete marker. "null" is a real version.
	VersionID string
	// ETag, without quotes, has it deleted only where it still is that object: else
	// the store says PreconditionFailed. So it may where the answer to an attempt
	// was lost that has deleted it. Stores that do not know of it delete all the same
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html).
	ETag string
}

// DeleteFailure is one key of a batch that S3 did not delete.
type DeleteFailure struct {
	ObjectID
	Err *APIError
}

// DeleteOptions go with a deletion.
type DeleteOptions struct {
	// BypassGovernance removes versions that a governance retention protects; it
	// needs s3:BypassGovernanceRetention
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
	BypassGovernance bool
	// MFA is the serial number of a device, a space, and its present code, for
	// buckets with MFA delete. S3 takes it over TLS alone.
	MFA string
	// RequestPayer says that the requester pays.
	RequestPayer bool
}

// Deleter deletes objects. To delete what is not there is a success, as on S3.
type Deleter interface {
	// DeleteObjects deletes at most MaxDelete objects with one request. The
	// failures come inside an answer that is a success as a whole; the error
	// means that nothing is known of any of the keys. XML cannot carry
	// control characters: such keys are for DeleteObject.
	DeleteObjects(ctx context.Context, bucket string, ids []ObjectID, o DeleteOptions) ([]DeleteFailure, error)
	DeleteObject(ctx context.Context, bucket string, id ObjectID, o DeleteOptions) error
}

// UploadInfo is a multipart upload that was neither completed nor aborted.
type UploadInfo struct {
	Key, UploadID string
	// Initiated is by the clock of the store.
	Initiated time.Time
	// Initiator is the id of who began it; empty where the store does not say.
	Initiator    string
	StorageClass string
}

// UploadsRequest asks for one page of a bucket's uploads, a ListMultipartUploads.
type UploadsRequest struct {
	Bucket string
	// Prefix limits the listing; it stays part of the keys that come back.
	Prefix string
	// KeyMarker and UploadIDMarker are where the page before ended.
	KeyMarker, UploadIDMarker string
}

// UploadsPage is one page of uploads, in the order of their keys.
type UploadsPage struct {
	Uploads []UploadInfo
	// More says that there is another page, behind these markers.
	More                  bool
	NextKey, NextUploadID string
}

// VersioningState is what GetBucketVersioning says of a bucket.
type VersioningState struct {
	// Status is "Enabled", "Suspended", or empty where it never was on.
	Status    string
	MFADelete bool
}

// Lifecycle is the lifecycle configuration of a bucket, all of it.
type Lifecycle struct {
	Rules []types.LifecycleRule
	// MinimumSize is the TransitionDefaultMinimumObjectSize, kept as it came.
	MinimumSize types.TransitionDefaultMinimumObjectSize
}

// Configurations are the calls on what a bucket is told to do.
type Configurations interface {
	// ListUploads fetches one page.
	ListUploads(ctx context.Context, req UploadsRequest) (*UploadsPage, error)
	// Region is where the bucket is, "us-east-1" where S3 says nothing.
	Region(ctx context.Context, bucket string) (string, error)
	Versioning(ctx context.Context, bucket string) (VersioningState, error)
	// ObjectLock says whether the bucket has Object Lock. A store that has not
	// heard of it has none.
	ObjectLock(ctx context.Context, bucket string) (bool, error)
	// Lifecycle is empty where the bucket has no configuration.
	Lifecycle(ctx context.Context, bucket string) (*Lifecycle, error)
	// PutLifecycle replaces the whole configuration.
	PutLifecycle(ctx context.Context, bucket string, l *Lifecycle) error
	// SetVersioning turns versioning on, or suspends it. mfa is as in DeleteOptions.
	SetVersioning(ctx context.Context, bucket string, on bool, mfa string) error
	// PutWebsite has the bucket answer as a website.
	PutWebsite(ctx context.Context, bucket string, w Website) error
}

// Website is how a bucket answers as a website.
type Website struct {
	// Index is what is put behind the '/' at the end of a path; ErrorKey the key of
	// the page for errors, empty for S3's own.
	Index, ErrorKey string
}

// BucketInfo is one bucket of ListBuckets.
type BucketInfo struct {
	Name    string
	Created time.Time
	// Region is empty where the store does not tell.
	Region string
}

// BucketsRequest says which buckets ListBuckets is to list; the zero value all.
type BucketsRequest struct {
	// Prefix is what their names begin with, Region where they are.
	Prefix, Region string
	// PageSize is how many are asked for at once, 1 to 10,000; 0 leaves it to the
	// store.
	PageSize int
}

// CreateOptions go with a new bucket.
type CreateOptions struct {
	// Tags are those of the bucket, 50 at most.
	Tags map[string]string
}

// PresignRequest says what a presigned URL is to allow.
type PresignRequest struct {
	// Put has the URL take a PUT of an object, instead of a GET.
	Put bool
	// VersionID is that of the version to get; empty is the object itself.
	Bucket, Key, VersionID string
	// Expires is how long the URL is good for, in whole seconds, 1 s to 7 days.
	Expires time.Duration
}

// Presigned is a URL that needs no credentials.
type Presigned struct {
	// URL is a secret for as long as it is good.
	URL string
	// CredentialsEnd is when those end that it was made with, and the URL with
	// them; zero where they do not.
	CredentialsEnd time.Time
}

// Buckets are the calls on buckets.
type Buckets interface {
	// HeadBucket returns nil where the bucket is there and may be used.
	HeadBucket(ctx context.Context, bucket string) error
	// CreateBucket makes the bucket in the region of the client.
	CreateBucket(ctx context.Context, bucket string, o CreateOptions) error
	DeleteBucket(ctx context.Context, bucket string) error
	ListBuckets(ctx context.Context, req BucketsRequest) ([]BucketInfo, error)
}

// Client is all that s3haul asks of S3.
type Client interface {
	Objects
	bucket.Lister
	bucket.VersionLister
	Deleter
	Buckets
	Configurations
	// Presign makes a URL; nothing is sent, but to who gives the credentials.
	Presign(ctx context.Context, req PresignRequest) (Presigned, error)
	// CloseIdle closes the connections that nothing is under way on.
	CloseIdle()
}
