package s3sim

import (
	"net/http"
	"strings"
)

// findBucket finds the request's bucket, and refuses requests that are signed
// for another region than the bucket's.
func (c *call) findBucket() (*bucket, error) {
	c.s.mu.RLock()
	b := c.s.buckets[c.bucket]
	c.s.mu.RUnlock()
	if b == nil {
		return nil, failure(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", c.bucket)
	}
	signed := c.signedRegion()
	if signed == "" || signed == b.region || c.op == opGetBucketLocation {
		return b, nil
	}
	if c.op.list() {
		return nil, failure(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.").
			with("Bucket", b.name).with("Endpoint", c.r.Host).header(hBucketRegion, b.region)
	}
	return nil, badRequest("AuthorizationHeaderMalformed", "The authorization header is malformed; the region '"+signed+"' is wrong; expecting '"+b.region+"'").
		with("Region", b.region).header(hBucketRegion, b.region)
}

func (c *call) listBuckets() error {
	out := append(c.beginXML(), "<ListAllMyBucketsResult"+namespace+">"...)
	out = appendOwner(out, "Owner")
	out = append(out, "<Buckets>"...)
	prefix, region := c.get("prefix"), c.get("bucket-region")
	most, err := c.number("max-buckets", 10000, 10000)
	if err != nil {
		return err
	}
	after, next, n := c.get("continuation-token"), "", 0
	for _, name := range c.s.bucketNames() {
		c.s.mu.RLock()
		b := c.s.buckets[name]
		c.s.mu.RUnlock()
		if b == nil || name <= after || !strings.HasPrefix(name, prefix) || region != "" && b.region != region {
			continue
		}
		if n == most {
			next = after
			break
		}
		n, after = n+1, name
		out = append(out, "<Bucket>"...)
		out = appendElement(out, "Name", name)
		out = appendTime(out, "CreationDate", b.created)
		out = appendElement(out, "BucketRegion", b.region)
		out = append(out, "</Bucket>"...)
	}
	out = append(out, "</Buckets>"...)
	if next != "" {
		out = appendElement(out, "ContinuationToken", next)
	}
	if prefix != "" {
		out = appendElement(out, "Prefix", prefix)
	}
	return c.replyXML(append(out, "</ListAllMyBucketsResult>"...))
}

func (c *call) createBucket() error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	region := c.s.options.Region
	var tags []byte
	if len(doc) > 0 {
		root, err := parseXML(doc, "CreateBucketConfiguration")
		if err != nil {
			return err
		}
		if where := root.child("LocationConstraint").text; where != "" {
			region = where
		}
		if tags, err = bucketTags(root.child("Tags")); err != nil {
			return err
		}
	}
	if region == "EU" {
		region = "eu-west-1"
	}
	if !validBucketName(c.bucket) {
		return badRequest("InvalidBucketName", "The specified bucket is not valid.").with("BucketName", c.bucket)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.buckets[c.bucket] != nil {
		return failure(http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.").with("BucketName", c.bucket)
	}
	b := newBucket(c.bucket, region, c.s.now(), &c.s.options.Conditions)
	if strings.EqualFold(c.header("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
		b.objectLock, b.versioning = true, versioningEnabled
	}
	if tags != nil {
		b.documents = map[string][]byte{"tagging": tags}
	}
	c.s.buckets[c.bucket] = b
	c.set("Location", "/"+c.bucket)
	return c.answer(http.StatusOK)
}

// bucketTags is what GetBucketTagging answers of a bucket that was made with tags;
// nil without.
func bucketTags(set *node) ([]byte, error) {
	if len(set.kids) == 0 {
		return nil, nil
	}
	if len(set.kids) > 50 {
		return nil, badRequest("BadRequest", "Bucket tag count cannot be greater than 50")
	}
	doc := []byte("<Tagging" + namespace + "><TagSet>")
	for i := range set.kids {
		key, value := set.kids[i].child("Key").text, set.kids[i].child("Value").text
		if key == "" || len(key) > 512 || len(value) > 1024 {
			return nil, badRequest("InvalidTag", "The TagKey or the TagValue you have provided is invalid")
		}
		doc = append(doc, "<Tag>"...)
		doc = appendElement(doc, "Key", key)
		doc = appendElement(doc, "Value", value)
		doc = append(doc, "</Tag>"...)
	}
	return append(doc, "</TagSet></Tagging>"...), nil
}

func (c *call) headBucket(b *bucket) error {
	c.set(hBucketRegion, b.region)
	c.set("X-Amz-Access-Point-Alias", "false")
	return c.answer(http.StatusOK)
}

func (c *call) deleteBucket(b *bucket) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	b.mu.RLock()
	empty := b.empty()
	b.mu.RUnlock()
	if !empty {
		return failure(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty").with("BucketName", b.name)
	}
	delete(c.s.buckets, b.name)
	return c.answer(http.StatusNoContent)
}

func (c *call) getBucketLocation(b *bucket) error {
	region := b.region
	if region == "us-east-1" {
		region = "" // for historical reasons, as the API's page has it
	}
	return c.replyXML(appendNamespaced(c.beginXML(), "LocationConstraint", region))
}

func appendNamespaced(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '<'), name...), namespace+">"...)
	dst = appendText(dst, value)
	return append(append(append(dst, "</"...), name...), '>')
}

func (c *call) getBucketVersioning(b *bucket) error {
	b.mu.RLock()
	state := b.versioning.String()
	b.mu.RUnlock()
	out := append(c.beginXML(), "<VersioningConfiguration"+namespace+">"...)
	if state != "" {
		out = appendElement(out, "Status", state)
	}
	return c.replyXML(append(out, "</VersioningConfiguration>"...))
}

func (c *call) putBucketVersioning(b *bucket) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "VersioningConfiguration")
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch root.child("Status").text {
	case "Enabled":
		b.versioning = versioningEnabled
	case "Suspended":
		if b.objectLock {
			return failure(http.StatusConflict, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
		}
		b.versioning = versioningSuspended
	default:
		return badRequest("IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	return c.answer(http.StatusOK)
}
