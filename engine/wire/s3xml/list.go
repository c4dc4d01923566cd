package s3xml

import (
	"slices"
	"strings"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// ListObjects parses b, the whole answer to a ListObjectsV2, into page, which
// is reset first and stays empty where there is an error. Of each object come
// Key, Size, ModTime (zero where the store does not say), ETag without its
// quotes, StorageClass, and Latest, which is true; keys and prefixes are
// decoded where the answer says that they are URL-encoded. page.Next is set
// where the listing is truncated.
//
// b is not kept. All strings of a page but the storage classes share one piece
// of memory: one key that is kept keeps the text of its page.
//
// An answer that is an error instead comes back as an [*InsteadError]; one that
// was cut off has [io.ErrUnexpectedEOF] in its chain. It is an error as well
// where the store says that there is more and not where to go on, and where an
// object has no key or no size.
func ListObjects(b []byte, page *bucket.Page) error { return list(b, page, false) }

// ListVersions parses b, the whole answer to a ListObjectVersions, into page,
// as [ListObjects] does. Versions and delete markers are in the order in which
// they stand in the answer (some stores put all markers last); of each come
// VersionID, Latest and DeleteMarker as well. page.Next and page.NextVersion
// are the two markers where the listing is truncated; the second may be empty.
//
// An entry without a VersionId or an IsLatest is an error: to delete without
// an id means to add a marker, and who keeps the latest must know it.
func ListVersions(b []byte, page *bucket.Page) error { return list(b, page, true) }

// A record is where the texts of one entry of a page are in the arena.
type record struct{ key, etag, version span }

// A field is an element that may stand once in its parent.
type field uint16

const (
	fieldKey field = 1 << iota
	fieldSize
	fieldModified
	fieldETag
	fieldClass
	fieldVersion
	fieldLatest
	fieldEncoding
	fieldTruncated
	fieldToken
	fieldVersionMarker
)

// once refuses the second of what must not come twice: whichever were taken
// might be the wrong one.
func (p *parser) once(seen *field, f field) {
	if *seen&f != 0 {
		p.fail("more than one <%s> in one element", p.tag())
	}
	*seen |= f
}

// A listing is what a page says of itself.
type listing struct {
	seen          field
	truncated     bool
	encoded       bool
	next, version span
}

func list(b []byte, page *bucket.Page, versions bool) error {
	page.Reset()
	p := newParser(b)
	defer p.free()
	root := "ListBucketResult"
	if versions {
		root = "ListVersionsResult"
	}
	if !p.instead(root) {
		return p.err
	}
	// A new page grows once.
	page.Entries = slices.Grow(page.Entries, min(len(b)/200, bucket.MaxKeys))
	l := p.list(page, versions)
	p.finish()
	p.complete(&l, versions)
	if p.err != nil {
		page.Reset()
		return p.err
	}
	p.fill(page, &l)
	return nil
}

// list reads the children of the root of either listing.
func (p *parser) list(page *bucket.Page, versions bool) listing {
	var l listing
	for {
		if !versions && p.opened("<Contents>") {
			p.entry(page, false, false)
			continue
		}
		if versions && p.opened("<Version>") {
			p.entry(page, true, false)
			continue
		}
		if !p.child() {
			return l
		}
		switch string(p.tag()) {
		case "Contents":
			if versions {
				p.fail("<Contents> in a listing of versions")
			}
			p.entry(page, false, false)
		case "Version", "DeleteMarker":
			if !versions {
				p.fail("<%s> in a listing of objects", p.tag())
			}
			p.entry(page, true, string(p.tag()) == "DeleteMarker")
		case "CommonPrefixes":
			p.commonPrefixes()
		case "EncodingType":
			p.once(&l.seen, fieldEncoding)
			switch b := p.take(); string(b) {
			case "url":
				l.encoded = true
			case "":
			default:
				p.fail("an <EncodingType> that S3 does not have: %q", short(b))
			}
		case "IsTruncated":
			p.once(&l.seen, fieldTruncated)
			l.truncated = p.bool()
		case "NextContinuationToken", "NextKeyMarker":
			if versions != (string(p.tag()) == "NextKeyMarker") {
				p.skip()
				continue
			}
			p.once(&l.seen, fieldToken)
			l.next = p.text()
		case "NextVersionIdMarker":
			if !versions {
				p.skip()
				continue
			}
			p.once(&l.seen, fieldVersionMarker)
			l.version = p.text()
		default:
			p.skip()
		}
	}
}

// entry reads an object, a version or a delete marker.
func (p *parser) entry(page *bucket.Page, version, marker bool) {
	page.Entries = append(page.Entries, walker.Entry{Latest: !version, DeleteMarker: marker})
	e, inside := &page.Entries[len(page.Entries)-1], p.depth
	p.records = append(p.records, record{})
	r := &p.records[len(p.records)-1]
	var seen field
	for p.shortcut(e, r, &seen, version) || p.child() {
		if p.depth == inside {
			continue // it has been read
		}
		switch string(p.tag()) {
		case "Key":
			p.once(&seen, fieldKey)
			r.key = p.text()
		case "LastModified":
			p.once(&seen, fieldModified)
			e.ModTime = p.time()
		case "ETag":
			p.once(&seen, fieldETag)
			r.etag = p.unquoted(p.text())
		case "Size":
			p.once(&seen, fieldSize)
			e.Size = p.number()
		case "StorageClass":
			p.once(&seen, fieldClass)
			e.StorageClass = class(p.take())
		case "VersionId":
			if !version {
				p.skip()
				continue
			}
			p.once(&seen, fieldVersion)
			r.version = p.text()
		case "IsLatest":
			if !version {
				p.skip()
				continue
			}
			p.once(&seen, fieldLatest)
			e.Latest = p.bool()
		default:
			p.skip()
		}
	}
	if p.err != nil {
		return
	}
	switch key := p.of(r.key); {
	case len(key) == 0:
		p.fail("an entry without a <Key>")
	case !marker && seen&fieldSize == 0:
		p.fail("%q has no <Size>", short(key))
	case version && r.version.from == r.version.to:
		p.fail("%q has no <VersionId>", short(key))
	case version && seen&fieldLatest == 0:
		p.fail("%q has no <IsLatest>", short(key))
	}
}

// commonPrefixes reads what a delimiter rolled up: one prefix in each element
// as S3 sends it, more than one as its older documents had it.
func (p *parser) commonPrefixes() {
	before := len(p.prefixes)
	for p.child() {
		if string(p.tag()) != "Prefix" {
			p.skip()
			continue
		}
		s := p.text()
		if s.from == s.to {
			p.fail("an empty <Prefix> in <CommonPrefixes>")
		}
		p.prefixes = append(p.prefixes, s)
	}
	if len(p.prefixes) == before {
		p.fail("<CommonPrefixes> without a <Prefix>")
	}
}

// complete decodes the keys, and checks what the page says about the next one.
// Where the encoding is announced is up to the store: it may be behind the
// keys.
func (p *parser) complete(l *listing, versions bool) {
	if p.err != nil {
		return
	}
	if l.encoded {
		for i := range p.records {
			p.unescape(&p.records[i].key)
		}
		for i := range p.prefixes {
			p.unescape(&p.prefixes[i])
		}
		if versions {
			p.unescape(&l.next)
		}
	}
	switch token := l.next.from < l.next.to; {
	case l.truncated && !token:
		p.fail("the store says that there is more, and not where to go on")
	case token && l.seen&fieldTruncated == 0:
		p.fail("the store says where to go on, and not whether there is more")
	}
}

// fill gives the entries of page their strings.
func (p *parser) fill(page *bucket.Page, l *listing) {
	all := string(p.arena)
	for i := range p.records {
		e, r := &page.Entries[i], &p.records[i]
		e.Key = all[r.key.from:r.key.to]
		e.ETag = all[r.etag.from:r.etag.to]
		e.VersionID = all[r.version.from:r.version.to]
	}
	page.Prefixes = slices.Grow(page.Prefixes, len(p.prefixes))
	for _, s := range p.prefixes {
		page.Prefixes = append(page.Prefixes, all[s.from:s.to])
	}
	if l.truncated {
		// They may be kept for long, in a journal or by a walk that waits.
		page.Next = strings.Clone(all[l.next.from:l.next.to])
		page.NextVersion = strings.Clone(all[l.version.from:l.version.to])
	}
}
