package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/s3haul/s3haul/engine/checksum"
)

// copySource is the object that a copy is made of.
type copySource struct {
	version
	bucket *bucket
	key    string
	id     string // of the version that was named
}

// source finds the source of a copy, and checks the conditions on it.
func (c *call) source() (*copySource, error) {
	text := c.header(hCopySource)
	path, query, _ := strings.Cut(text, "?")
	path, err := url.PathUnescape(path)
	name, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if err != nil || !ok || key == "" {
		return nil, invalidArgument(strings.ToLower(hCopySource), text, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	src := &copySource{key: key}
	id, named := strings.CutPrefix(query, "versionId=")
	if named {
		if src.id, err = url.QueryUnescape(id); err != nil {
			return nil, invalidArgument("versionId", id, "Invalid version id specified")
		}
	}
	c.s.mu.RLock()
	src.bucket = c.s.buckets[name]
	c.s.mu.RUnlock()
	if src.bucket == nil {
		return nil, failure(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
	}
	if src.version, err = c.lookup(src.bucket, key, src.id, named); err != nil {
		if e, ok := errors.AsType[*apiError](err); ok && e.code == "MethodNotAllowed" {
			return nil, badRequest("InvalidRequest", "The source of a copy request may not specifically refer to a delete marker by version id.")
		}
		return nil, err
	}
	if err := c.unlock(src.attributes().sse, hCopySSE); err != nil {
		return nil, err
	}
	if err := src.archived(); err != nil {
		return nil, err
	}
	return src, c.sourceConditions(src)
}

// attributes are what was kept of v; empty where nothing was.
func (v *version) attributes() *attributes {
	if v.attrs == nil {
		return &attributes{}
	}
	return v.attrs
}

func (c *call) sourceConditions(src *copySource) error {
	match, none := c.header("X-Amz-Copy-Source-If-Match"), c.header("X-Amz-Copy-Source-If-None-Match")
	switch {
	case match != "" && !matches(match, src.etag):
		return preconditionFailed("x-amz-copy-source-If-Match")
	case none != "" && matches(none, src.etag):
		return preconditionFailed("x-amz-copy-source-If-None-Match")
	}
	if t, err := http.ParseTime(c.header("X-Amz-Copy-Source-If-Unmodified-Since")); err == nil && match == "" && src.modified > t.UnixNano() {
		return preconditionFailed("x-amz-copy-source-If-Unmodified-Since")
	}
	if t, err := http.ParseTime(c.header("X-Amz-Copy-Source-If-Modified-Since")); err == nil && none == "" && src.modified <= t.UnixNano() {
		return preconditionFailed("x-amz-copy-source-If-Modified-Since")
	}
	return nil
}

// directive reads whether something is copied or replaced.
func (c *call) directive(name string) (replace bool, err error) {
	switch value := c.header(name); value {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalidArgument(strings.ToLower(name), value, "Unknown directive.")
	}
}

func (c *call) copyObject(b *bucket) error {
	src, err := c.source()
	if err != nil {
		return err
	}
	if src.size > 5<<30 {
		return badRequest("InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	replace, err := c.directive("X-Amz-Metadata-Directive")
	if err != nil {
		return err
	}
	replaceTags, err := c.directive("X-Amz-Tagging-Directive")
	if err != nil {
		return err
	}
	a, err := c.readAttributes()
	if err != nil {
		return err
	}
	redirect := c.header("X-Amz-Website-Redirect-Location")
	if src.bucket == b && src.key == c.key && src.id == "" && !replace && redirect == "" &&
		c.header("X-Amz-Storage-Class") == "" && c.header(hSSE) == "" && a.sse.customerMD5 == "" {
		return badRequest("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	if !replace {
		a.headers = nil
		for _, k := range src.attributes().headers {
			if k.name != "X-Amz-Website-Redirect-Location" {
				a.headers = append(a.headers, k)
			}
		}
		if redirect != "" {
			a.keep("X-Amz-Website-Redirect-Location", redirect)
		}
	}
	tags := src.tags
	if replaceTags {
		if tags, err = c.readTags(); err != nil {
			return err
		}
	}
	alg, err := c.copyAlgorithm(src)
	if err != nil {
		return err
	}
	rec := c.s.copied(&src.version, 0, src.size, alg)
	a.sse.seal(&rec)
	v := c.s.newVersion(rec, c.s.share(a), tags)
	if err := c.store(b, v); err != nil {
		return err
	}
	c.setSource(src)
	c.setSSE(a.sse)
	out := append(c.beginXML(), "<CopyObjectResult"+namespace+">"...)
	out = appendTime(out, "LastModified", v.modified)
	out = appendElement(out, "ETag", `"`+v.etag+`"`)
	out = c.appendSum(out, rec.sums)
	if !c.s.options.Deviations.NoChecksums {
		out = appendElement(out, "ChecksumType", "FULL_OBJECT")
	}
	return c.replyXML(append(out, "</CopyObjectResult>"...))
}

func (c *call) setSource(src *copySource) {
	src.bucket.mu.RLock()
	defer src.bucket.mu.RUnlock()
	if src.bucket.versioning != unversioned {
		c.set("X-Amz-Copy-Source-Version-Id", src.version.id())
	}
}

// copyAlgorithm is the algorithm of the copy's checksum: the one that is asked
// for, or the source's.
func (c *call) copyAlgorithm(src *copySource) (algorithm, error) {
	name := c.header("X-Amz-Checksum-Algorithm")
	if name == "" || c.s.options.Deviations.NoChecksums {
		return src.alg, nil
	}
	alg := algorithmOf(name)
	if alg != algCRC64NVME && alg.hash() == nil {
		return 0, badRequest("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return alg, nil
}

// copied is a range of an object, as if its bytes had been sent.
func (s *Server) copied(v *version, from, to int64, alg algorithm) received {
	rec := received{size: to - from, kept: v.kept}
	rec.alg = alg
	h := alg.hash()
	if v.kept {
		rec.data = v.data[from:to:to]
		rec.crc = checksum.Of(rec.data)
		sum := md5.Sum(rec.data)
		rec.etag = hex.EncodeToString(sum[:])
		if h != nil {
			h.Write(rec.data)
		}
	} else {
		rec.crc = s.content.SumRange(from, to)
		rec.etag = sumETag(rec.crc)
		if h != nil {
			_, _ = s.content.WriteRange(h, from, to) // a hash takes all
		}
	}
	switch {
	case h != nil:
		rec.value = base64.StdEncoding.EncodeToString(h.Sum(nil))
	case alg != algNone:
		rec.alg, rec.value = algCRC64NVME, rec.crc.String()
	}
	return rec
}

func (c *call) uploadPartCopy(b *bucket) error {
	number, u, err := c.partOf(b)
	if err != nil {
		return err
	}
	if err := c.unlockUpload(u); err != nil {
		return err
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	from, to := int64(0), src.size
	if text := c.header("X-Amz-Copy-Source-Range"); text != "" {
		if from, to, err = sourceRange(text, src.size); err != nil {
			return err
		}
	}
	if to-from > 5<<30 {
		return badRequest("InvalidRequest", "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120")
	}
	rec := c.s.copied(&src.version, from, to, u.alg)
	u.attrs.sse.seal(&rec)
	if err := c.putPart(b, u, number, rec); err != nil {
		return err
	}
	c.setSource(src)
	c.setSSE(u.attrs.sse)
	out := append(c.beginXML(), "<CopyPartResult"+namespace+">"...)
	out = appendTime(out, "LastModified", c.s.now().UnixNano())
	out = appendElement(out, "ETag", `"`+rec.etag+`"`)
	out = c.appendSum(out, rec.sums)
	return c.replyXML(append(out, "</CopyPartResult>"...))
}

// sourceRange reads the range of a copied part: both ends, inside the object.
func sourceRange(text string, size int64) (from, to int64, err error) {
	invalid := invalidArgument("x-amz-copy-source-range", text, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, two := strings.Cut(spec, "-")
	if !ok || !two {
		return 0, 0, invalid
	}
	from, err = parseSize(first)
	if err != nil {
		return 0, 0, invalid
	}
	to, err = parseSize(last)
	if err != nil || to < from {
		return 0, 0, invalid
	}
	if to >= size {
		return 0, 0, invalidArgument("x-amz-copy-source-range", text, "Range specified is not valid for source object of size: "+formatSize(size))
	}
	return from, to + 1, nil
}
