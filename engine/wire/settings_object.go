package wire

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ObjectRequest names an object and says how it is asked for.
type ObjectRequest struct {
	Bucket, Key string
	// VersionID is empty for what is current.
	VersionID string
	// RequestPayer says that the requester pays.
	RequestPayer bool
	// CustomerKey is the key of SSE-C, 32 bytes; nil where the object has none.
	CustomerKey *[32]byte
}

// ObjectInfo is all that a store tells of an object beside its content. The names
// of its JSON are those of `s3haul stat --json`.
type ObjectInfo struct {
	// Size is in bytes.
	Size     int64     `json:"bytes"`
	Modified time.Time `json:"modified"`
	// ETag is without quotes; Parts how many it says the object was uploaded in, 0
	// for one that was not.
	ETag  string `json:"etag"`
	Parts int    `json:"parts,omitempty"`
	// VersionID is empty in a bucket that never had versioning.
	VersionID string `json:"version_id,omitempty"`
	// StorageClass is STANDARD where S3 says nothing.
	StorageClass string `json:"storage_class"`
	// ArchiveStatus, Restore and Expiration are as S3 writes them: that it lies in a
	// tier that has to be restored from, that it is or was, and which rule deletes it.
	ArchiveStatus string `json:"archive_status,omitempty"`
	Restore       string `json:"restore,omitempty"`
	Expiration    string `json:"expiration,omitempty"`

	ContentType        string `json:"content_type,omitempty"`
	ContentEncoding    string `json:"content_encoding,omitempty"`
	ContentDisposition string `json:"content_disposition,omitempty"`
	ContentLanguage    string `json:"content_language,omitempty"`
	CacheControl       string `json:"cache_control,omitempty"`
	Expires            string `json:"expires,omitempty"`
	Redirect           string `json:"website_redirect,omitempty"`

	// Encryption is AES256, aws:kms or aws:kms:dsse. CustomerAlgorithm is AES256 where
	// it is the customer's key (SSE-C), whose MD5 CustomerKeyMD5 is.
	Encryption        string `json:"encryption,omitempty"`
	KMSKeyID          string `json:"kms_key_id,omitempty"`
	BucketKey         bool   `json:"bucket_key,omitempty"`
	CustomerAlgorithm string `json:"customer_algorithm,omitempty"`
	CustomerKeyMD5    string `json:"customer_key_md5,omitempty"`

	// Checksums are by their algorithms, in base64 as S3 writes them.
	Checksums    map[string]string `json:"checksums,omitempty"`
	ChecksumType string            `json:"checksum_type,omitempty"`

	// LockMode, LockUntil and LegalHold are Object Lock's.
	LockMode    string     `json:"lock_mode,omitempty"`
	LockUntil   *time.Time `json:"lock_until,omitempty"`
	LegalHold   string     `json:"legal_hold,omitempty"`
	Replication string     `json:"replication,omitempty"`

	// Metadata is that of the user, without x-amz-meta-; Unreadable how many of its
	// entries no header can carry.
	Metadata   map[string]string `json:"metadata,omitempty"`
	Unreadable int               `json:"metadata_unreadable,omitempty"`
	// TagCount is how many tags it has. Tags are nil where nobody asked for them;
	// NoTags says why they are not known that were asked for.
	TagCount int               `json:"tag_count,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	NoTags   string            `json:"tags_unknown,omitempty"`

	head *s3.HeadObjectOutput // what all of it is from
}

// Info asks for an object with one HeadObject.
func Info(ctx context.Context, c Objects, r ObjectRequest) (*ObjectInfo, error) {
	in := &s3.HeadObjectInput{
		Bucket: &r.Bucket, Key: &r.Key, VersionId: optional(r.VersionID), ChecksumMode: types.ChecksumModeEnabled, RequestPayer: r.payer(),
	}
	if k := r.CustomerKey; k != nil {
		sum := md5.Sum(k[:])
		in.SSECustomerAlgorithm = aws.String("AES256")
		in.SSECustomerKey = aws.String(base64.StdEncoding.EncodeToString(k[:]))
		in.SSECustomerKeyMD5 = aws.String(base64.StdEncoding.EncodeToString(sum[:]))
	}
	h, err := c.HeadObject(ctx, in)
	if err != nil {
		return nil, r.explain(err)
	}
	i := &ObjectInfo{
		head: h,
		Size: aws.ToInt64(h.ContentLength), Modified: aws.ToTime(h.LastModified), ETag: strings.Trim(aws.ToString(h.ETag), `"`),
		VersionID: aws.ToString(h.VersionId), StorageClass: string(h.StorageClass), ArchiveStatus: string(h.ArchiveStatus),
		Restore: aws.ToString(h.Restore), Expiration: aws.ToString(h.Expiration),
		ContentType: aws.ToString(h.ContentType), ContentEncoding: aws.ToString(h.ContentEncoding),
		ContentDisposition: aws.ToString(h.ContentDisposition), ContentLanguage: aws.ToString(h.ContentLanguage),
		CacheControl: aws.ToString(h.CacheControl), Expires: aws.ToString(h.ExpiresString), Redirect: aws.ToString(h.WebsiteRedirectLocation),
		Encryption: string(h.ServerSideEncryption), KMSKeyID: aws.ToString(h.SSEKMSKeyId), BucketKey: aws.ToBool(h.BucketKeyEnabled),
		CustomerAlgorithm: aws.ToString(h.SSECustomerAlgorithm), CustomerKeyMD5: aws.ToString(h.SSECustomerKeyMD5),
		Checksums: map[string]string{}, ChecksumType: string(h.ChecksumType),
		LockMode: string(h.ObjectLockMode), LockUntil: h.ObjectLockRetainUntilDate, LegalHold: string(h.ObjectLockLegalHoldStatus),
		Replication: string(h.ReplicationStatus), Metadata: h.Metadata, Unreadable: int(aws.ToInt32(h.MissingMeta)), TagCount: int(aws.ToInt32(h.TagCount)),
	}
	if i.StorageClass == "" {
		i.StorageClass = string(types.StorageClassStandard)
	}
	if _, parts, ok := strings.Cut(i.ETag, "-"); ok {
		i.Parts, _ = strconv.Atoi(parts) // other stores have ETags of their own
	}
	for by, sum := range map[string]*string{
		"CRC64NVME": h.ChecksumCRC64NVME, "CRC32C": h.ChecksumCRC32C, "CRC32": h.ChecksumCRC32, "SHA256": h.ChecksumSHA256, "SHA1": h.ChecksumSHA1,
	} {
		if sum != nil {
			i.Checksums[by] = *sum
		}
	}
	return i, nil
}

// Restored says that the object was archived, and can be read for now.
func (i *ObjectInfo) Restored() bool { return strings.Contains(i.Restore, `ongoing-request="false"`) }

// explain gives the answer to a HEAD its words: it has no body.
func (r *ObjectRequest) explain(err error) error {
	code, text := Code(err), ""
	if NotFound(err) {
		code = "404" // as aws s3 has it
	}
	switch {
	case NotFound(err) && r.VersionID != "":
		text = fmt.Sprintf("Key %q has no version %q", r.Key, r.VersionID)
	case NotFound(err):
		text = fmt.Sprintf("Key %q does not exist", r.Key)
	case r.VersionID != "" && (code == "MethodNotAllowed" || code == "405"):
		text = fmt.Sprintf("The version %q of %q is a delete marker: it has nothing but its time", r.VersionID, r.Key)
	default:
		return err
	}
	return &APIError{Op: "HeadObject", Code: code, Message: text, RequestID: RequestID(err)}
}

func (r *ObjectRequest) payer() types.RequestPayer {
	if r.RequestPayer {
		return types.RequestPayerRequester
	}
	return ""
}

// AddTags asks for the tags of an object. That one may not, or that the store has
// none, is noted in i and no error.
func (i *ObjectInfo) AddTags(ctx context.Context, c Objects, r ObjectRequest) error {
	out, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: &r.Bucket, Key: &r.Key, VersionId: optional(r.VersionID), RequestPayer: r.payer(),
	})
	switch {
	case err != nil && (Code(err) == "AccessDenied" || Unsupported(err)):
		i.NoTags = Code(err)
		return nil
	case err != nil:
		return err
	}
	i.Tags = make(map[string]string, len(out.TagSet))
	for _, t := range out.TagSet {
		i.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	i.TagCount = len(i.Tags)
	return nil
}

// InPlace is a client for a copy of an object onto itself that succeeds only where
// the object is still the one that Info has told of: what came meanwhile is neither
// copied nor replaced. Stores that know no If-Match of copies look at the source
// alone. Until something has been written it answers HeadObject itself, so that the
// sums that the copy is compared with are those of before. A bucket key is kept.
func InPlace(c Objects, info *ObjectInfo) Objects { return &inPlace{Objects: c, info: info} }

type inPlace struct {
	Objects
	info    *ObjectInfo
	written atomic.Bool
}

func (c *inPlace) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if !c.written.Load() && c.info.head != nil {
		return c.info.head, nil
	}
	return c.Objects.HeadObject(ctx, in, opts...)
}

func (c *inPlace) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	c.written.Store(true)
	with := *in
	with.CopySourceIfMatch, with.IfMatch, with.BucketKeyEnabled = c.condition(), c.condition(), c.bucketKey()
	return c.Objects.CopyObject(ctx, &with, opts...)
}

func (c *inPlace) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	with := *in
	with.BucketKeyEnabled = c.bucketKey()
	return c.Objects.CreateMultipartUpload(ctx, &with, opts...)
}

// bucketKey says that the object's KMS key is used by way of a key of the bucket, as
// it is; where it is not, the bucket's default counts.
func (c *inPlace) bucketKey() *bool {
	if !c.info.BucketKey {
		return nil
	}
	return aws.Bool(true)
}

func (c *inPlace) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	c.written.Store(true)
	with := *in
	with.IfMatch = c.condition()
	return c.Objects.CompleteMultipartUpload(ctx, &with, opts...)
}

func (c *inPlace) condition() *string {
	if c.info.ETag == "" {
		return nil
	}
	return aws.String(`"` + c.info.ETag + `"`)
}

// Grant is one grant of an ACL.
type Grant struct {
	// Grantee is as the x-amz-grant headers write it: id="…", uri="…" or
	// emailAddress="…", here without the quotes. Name is what a canonical user is
	// called, where S3 still says that.
	Grantee string `json:"grantee"`
	Name    string `json:"name,omitempty"`
	// Permission is FULL_CONTROL, READ, READ_ACP, WRITE or WRITE_ACP.
	Permission string `json:"permission"`
}

// Public says that the grant is to everyone on the Internet.
func (g *Grant) Public() bool { return g.Grantee == "uri="+AllUsers }

// The groups of S3 that are grantees: AllUsers is everyone; AuthenticatedUsers
// everyone who has an AWS account, whichever
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html).
const (
	AllUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	AuthenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
)

// ACL is who may do what with an object.
type ACL struct {
	// Owner is the id of a canonical user, OwnerName what it is called; either may be empty.
	Owner     string  `json:"owner,omitempty"`
	OwnerName string  `json:"owner_name,omitempty"`
	Grants    []Grant `json:"grants"`
}

// GetACL asks for the ACL of an object.
func GetACL(ctx context.Context, c Objects, r ObjectRequest) (*ACL, error) {
	out, err := c.GetObjectAcl(ctx, &s3.GetObjectAclInput{
		Bucket: &r.Bucket, Key: &r.Key, VersionId: optional(r.VersionID), RequestPayer: r.payer(),
	})
	if err != nil {
		return nil, err
	}
	a := &ACL{Grants: make([]Grant, 0, len(out.Grants))}
	if out.Owner != nil {
		a.Owner, a.OwnerName = aws.ToString(out.Owner.ID), aws.ToString(out.Owner.DisplayName)
	}
	for _, g := range out.Grants {
		grant := Grant{Permission: string(g.Permission)}
		if who := g.Grantee; who != nil {
			grant.Name = aws.ToString(who.DisplayName)
			switch {
			case who.URI != nil:
				grant.Grantee = "uri=" + *who.URI
			case who.EmailAddress != nil:
				grant.Grantee = "emailAddress=" + *who.EmailAddress
			default:
				grant.Grantee = "id=" + aws.ToString(who.ID)
			}
		}
		a.Grants = append(a.Grants, grant)
	}
	return a, nil
}

// NewACL is what an object's ACL is to be: a canned one, or grants as the headers
// have them, the grantees of a permission with commas between.
type NewACL struct {
	Canned                        string
	Full, Read, ReadACP, WriteACP string
}

// Of is where the grantees of a permission stand, by S3's name or by that of aws s3;
// nil where no header has it.
func (a *NewACL) Of(permission string) *string {
	switch permission {
	case "FULL_CONTROL", "full":
		return &a.Full
	case "READ", "read":
		return &a.Read
	case "READ_ACP", "readacl":
		return &a.ReadACP
	case "WRITE_ACP", "writeacl":
		return &a.WriteACP
	}
	return nil
}

// PutACL replaces the ACL of an object.
func PutACL(ctx context.Context, c Objects, r ObjectRequest, a NewACL) error {
	_, err := c.PutObjectAcl(ctx, &s3.PutObjectAclInput{
		Bucket: &r.Bucket, Key: &r.Key, VersionId: optional(r.VersionID), RequestPayer: r.payer(), ACL: types.ObjectCannedACL(a.Canned),
		GrantFullControl: optional(a.Full), GrantRead: optional(a.Read), GrantReadACP: optional(a.ReadACP), GrantWriteACP: optional(a.WriteACP),
	}, withMD5(r.Bucket)...)
	return err
}

// optional is nil for what is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
