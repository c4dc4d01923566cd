// Package bucket walks the objects of an S3 bucket in key order.
package bucket

import (
	"context"

	"github.com/s3haul/s3haul/walker"
)

// MaxKeys is the most keys that S3 puts on one page of a listing
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
const MaxKeys = 1000

// ListRequest asks for one page of a bucket's objects, a ListObjectsV2.
type ListRequest struct {
	Bucket string
	// Prefix limits the listing; it stays part of the keys that come back.
	Prefix string
	// Delimiter rolls up what lies behind its first occurrence after Prefix
	// into Page.Prefixes; empty lists every object.
	Delimiter string
	// StartAfter is exclusive. It is not sent together with a Token.
	StartAfter string
	// Token goes on where the Page that had it as Next ended.
	Token string
	// MaxKeys is 1 to 1000; 0 means 1000.
	MaxKeys int
	// RequestPayer says that the requester pays.
	RequestPayer bool
}

// Page is one page of a listing. Its slices are reused by the next call that
// is given the same Page.
type Page struct {
	// Entries are the objects in the order in which the store sent them. Keys
	// are whole: Prefix is part of them.
	Entries []walker.Entry
	// Prefixes are the common prefixes that Delimiter rolled up.
	Prefixes []string
	// Next is the token of the next page, of versions its KeyMarker; empty on
	// the last one.
	Next string
	// NextVersion is the VersionIDMarker that belongs to Next.
	NextVersion string
}

// Reset empties the page and keeps its memory.
func (p *Page) Reset() {
	p.Entries, p.Prefixes, p.Next, p.NextVersion = p.Entries[:0], p.Prefixes[:0], "", ""
}

// Lister fetches pages. An error names the operation and the bucket, and has
// S3's code and request id in its chain. Calls may run concurrently, each with
// a Page of its own.
type Lister interface {
	ListObjects(ctx context.Context, req ListRequest, into *Page) error
}

// VersionsRequest asks for one page of a bucket's versions and delete markers,
// a ListObjectVersions.
type VersionsRequest struct {
	Bucket string
	// Prefix limits the listing; it stays part of the keys that come back.
	Prefix string
	// Delimiter rolls up what lies behind its first occurrence after Prefix
	// into Page.Prefixes; empty lists every version.
	Delimiter string
	// KeyMarker is the key to go on behind: behind all of its versions, or
	// behind the one of VersionIDMarker. Some stores send that entry again.
	KeyMarker, VersionIDMarker string
	// MaxKeys is 1 to 1000; 0 means 1000.
	MaxKeys int
	// RequestPayer says that the requester pays.
	RequestPayer bool
}

// VersionLister fetches pages of versions, as Lister does of objects. The
// entries of a page come in the order of their keys, the newest of a key first;
// delete markers are among them.
type VersionLister interface {
	ListVersions(ctx context.Context, req VersionsRequest, into *Page) error
}
