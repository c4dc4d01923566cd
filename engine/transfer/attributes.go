package transfer

import "time"

// Attributes are what objects are given beside their content, and what it takes
// to read those of the source. The zero value gives nothing but the content type
// that the name of the file says. It is plain data; New refuses what
// [Attributes.Check] does.
type Attributes struct {
	// ACL is a canned ACL (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl);
	// empty sends none.
	ACL string
	// Grants are by permission, as the x-amz-grant headers have them:
	// "read", "full", "readacl", "writeacl", each with its grantees; those of one
	// permission add up. S3 takes them or an ACL.
	Grants []Grant
	// StorageClass is one of S3's; empty is the store's default.
	StorageClass string
	// Encryption is AES256, aws:kms or aws:kms:dsse; empty is the bucket's own.
	// KMSKeyID is for the latter two.
	Encryption, KMSKeyID string
	// CustomerKey encrypts what is written with a key that the store does not keep
	// (SSE-C), and SourceKey is the one that what is read was written with.
	CustomerKey, SourceKey *CustomerKey

	// ContentType and the others are the headers of these names. Where ContentType is
	// empty an upload has the type of its file's name, unless NoGuess is set.
	ContentType, ContentDisposition, ContentEncoding, ContentLanguage, CacheControl string
	NoGuess                                                                         bool
	// Expires is when caches may forget the object; zero says nothing.
	Expires time.Time
	// Metadata is that of the user, without x-amz-meta-: 2 KiB of US-ASCII at most. S3
	// keeps the names in small letters. It is put over what Preserve says of a file.
	Metadata map[string]string
	// Tags are those of the object, at most 10; nil says nothing.
	Tags map[string]string
	// Redirect is the x-amz-website-redirect-location.
	Redirect string

	// MetadataDirective of copies is COPY or REPLACE. With COPY the headers above are
	// passed over, as S3 does; with REPLACE nothing is taken over but the tags, and
	// CopyProps means nothing with either. Empty is what CopyProps says. Copies in
	// parts keep to it as well, which those of aws s3 do not.
	MetadataDirective string
	// CopyProps says what a copy takes along of its source: "none",
	// "metadata-directive" (the headers above and the metadata, each unless it is set
	// here) or "default" (the tags too, unless Tags is set), which is what empty
	// means.
	CopyProps string
	// RequestPayer says that the requester pays for requests.
	RequestPayer bool
}

// Grant is one x-amz-grant header.
type Grant struct {
	// Permission is read, full, readacl or writeacl, as aws s3 calls them.
	Permission string
	// Grantees are as S3 has them: id=…, uri=…, emailaddress=…, with commas between.
	Grantees string
}

// CustomerKey is a key of SSE-C: 32 bytes for AES256. It is a secret: it is in no
// error, no event and no journal.
type CustomerKey struct{ Key [32]byte }

// String keeps the key out of what is printed.
func (CustomerKey) String() string { return "(a secret key)" }

// GoString keeps the key out of what %#v prints.
func (CustomerKey) GoString() string { return "(a secret key)" }
