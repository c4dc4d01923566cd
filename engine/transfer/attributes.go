package transfer

import "time"

// Attributes are what objects are given beside their content, and what it takes
// to read those of the source. The zero value gives nothing but the content type
// that the name of the file says. It is plain data.
type Attributes struct {
	// ACL is a canned ACL (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl);
	// empty sends none.
	ACL string
	// Grants are by permission, as the x-amz-grant headers have them:
	// "read", "full", "readacl", "writeacl", each with its grantees.
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
	// Metadata is that of the user, without x-amz-meta-.
	Metadata map[string]string
	// Tags are those of the object, at most 10; nil says nothing.
	Tags map[string]string
	// Redirect is the x-amz-website-redirect-location.
	Redirect string

	// MetadataDirective of copies is COPY or REPLACE; empty is what CopyProps says, and
	// REPLACE where one of the headers above is set, as aws s3 has it.
	MetadataDirective string
	// CopyProps says what a copy takes along of its source: "none",
	// "metadata-directive" (what that can) or "default" (the tags too), which is
	// what empty means.
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

// String and GoString keep the key out of what is printed.
func (CustomerKey) String() string   { return "(a secret key)" }
func (CustomerKey) GoString() string { return "(a secret key)" }
