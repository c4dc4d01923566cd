package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// attributes are what the headers of a request say of an object. They never
// change once they are made.
type attributes struct {
	headers []keptHeader // given back as they came
	class   string       // "" is STANDARD
	sse     sse
	acl     acl
}

type keptHeader struct {
	name   string // canonical
	values []string
}

// sse is how an object says it is encrypted.
type sse struct {
	algorithm   string // "" is AES256, as S3 does it when nobody asks
	kmsKey      string
	bucketKey   bool
	customerMD5 string // of the customer's key; "" where S3 has the key
}

const metaPrefix = "X-Amz-Meta-"

// readAttributes takes from the request what is to be kept of the object.
func (c *call) readAttributes() (*attributes, error) {
	a := &attributes{}
	metaSize := 0
	for name, values := range c.r.Header {
		switch name {
		case "Content-Type", "Cache-Control", "Content-Disposition", "Content-Language", "Expires",
			"X-Amz-Website-Redirect-Location":
			a.keep(name, values[0])
		case "Content-Encoding":
			if rest := withoutChunked(strings.Join(values, ",")); rest != "" {
				a.keep(name, rest)
			}
		default:
			if strings.HasPrefix(name, metaPrefix) {
				value := strings.Join(values, ",")
				metaSize += len(name) - len(metaPrefix) + len(value)
				a.keep(name, value)
			}
		}
	}
	if metaSize > 2048 {
		return nil, badRequest("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size").
			with("Size", itoa(metaSize)).with("MaxSizeAllowed", "2048")
	}
	if len(a.headers) > 1 {
		slices.SortFunc(a.headers, func(x, y keptHeader) int { return strings.Compare(x.name, y.name) })
	}
	if class := c.header("X-Amz-Storage-Class"); class != "" && class != "STANDARD" {
		if !validClass(class) {
			return nil, badRequest("InvalidStorageClass", "The storage class you specified is not valid").with("StorageClassRequested", class)
		}
		a.class = class
	}
	var err error
	if a.sse, err = c.readSSE(); err != nil {
		return nil, err
	}
	a.acl, err = c.readACL()
	return a, err
}

func (a *attributes) keep(name, value string) {
	a.headers = append(a.headers, keptHeader{name, []string{value}})
}

// withoutChunked takes aws-chunked, which belongs to the request and not to the
// object, out of a Content-Encoding.
func withoutChunked(value string) string {
	if !strings.Contains(value, "aws-chunked") {
		return value
	}
	var rest []string
	for coding := range strings.SplitSeq(value, ",") {
		if coding = strings.TrimSpace(coding); coding != "" && coding != "aws-chunked" {
			rest = append(rest, coding)
		}
	}
	return strings.Join(rest, ",")
}

func validClass(class string) bool {
	switch class {
	case "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
		"DEEP_ARCHIVE", "OUTPOSTS", "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP":
		return true
	}
	return false
}

const (
	hSSE         = "X-Amz-Server-Side-Encryption"
	hSSEKMSKey   = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	hSSEBucket   = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	hSSECustomer = "X-Amz-Server-Side-Encryption-Customer-"
	hCopySSE     = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
)

func (c *call) readSSE() (sse, error) {
	var e sse
	var err error
	if e.customerMD5, err = c.customerKey(hSSECustomer); err != nil {
		return e, err
	}
	asked, kmsKey := c.header(hSSE), c.header(hSSEKMSKey)
	switch {
	case e.customerMD5 != "" && asked != "":
		return e, invalidArgument(strings.ToLower(hSSE), asked, "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
	case kmsKey != "" && !strings.HasPrefix(asked, "aws:kms"):
		return e, invalidArgument(strings.ToLower(hSSE), asked, "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms")
	case e.customerMD5 != "":
		return e, nil
	}
	switch e.algorithm = asked; e.algorithm {
	case "", "AES256":
		e.algorithm = ""
	case "aws:kms", "aws:kms:dsse":
		if e.kmsKey = kmsKey; e.kmsKey == "" {
			e.kmsKey = "arn:aws:kms:" + c.s.options.Region + ":000000000000:alias/aws/s3"
		}
		e.bucketKey = strings.EqualFold(c.header(hSSEBucket), "true")
	default:
		return e, invalidArgument(strings.ToLower(hSSE), e.algorithm, "The encryption method specified is not supported")
	}
	return e, nil
}

// customerKey reads the headers of a customer's key and returns its MD5, ""
// where there are none.
func (c *call) customerKey(prefix string) (string, error) {
	alg, key, sum := c.header(prefix+"Algorithm"), c.header(prefix+"Key"), c.header(prefix+"Key-Md5")
	if alg == "" && key == "" && sum == "" {
		return "", nil
	}
	if alg != "AES256" {
		return "", badRequest("InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256.")
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 32 {
		return "", invalidArgument(strings.ToLower(prefix)+"key", "null", "The secret key was invalid for the specified algorithm.")
	}
	have := md5.Sum(raw)
	if base64.StdEncoding.EncodeToString(have[:]) != sum {
		return "", invalidArgument(strings.ToLower(prefix)+"key-MD5", sum, "The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	return sum, nil
}

// unlock checks that the request brings the key of an object that a customer's
// key encrypts.
func (c *call) unlock(e sse, prefix string) error {
	sum, err := c.customerKey(prefix)
	switch {
	case err != nil:
		return err
	case sum == e.customerMD5:
		return nil
	case e.customerMD5 == "":
		return badRequest("InvalidRequest", "The encryption parameters are not applicable to this object.")
	case sum == "":
		return badRequest("InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	}
	return accessDenied("Access Denied")
}

// opaque says that the ETags of what e encrypts are no MD5s
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html).
func (e sse) opaque() bool { return e.customerMD5 != "" || e.algorithm != "" }

// seal gives what came an ETag that is no MD5, where e asks for that.
func (e sse) seal(rec *received) {
	if e.opaque() {
		sum := md5.Sum([]byte(rec.etag + " " + e.algorithm + e.customerMD5))
		rec.etag = hex.EncodeToString(sum[:])
	}
}

// unlockUpload checks that a request about an upload brings the key that it was
// begun with.
func (c *call) unlockUpload(u *upload) error {
	e := u.attrs.sse
	if sum, err := c.customerKey(hSSECustomer); err == nil && sum == "" && e.customerMD5 != "" {
		return badRequest("InvalidRequest", "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	}
	return c.unlock(e, hSSECustomer)
}

// setSSE answers how an object is encrypted.
func (c *call) setSSE(e sse) {
	if e.customerMD5 != "" {
		c.set(hSSECustomer+"Algorithm", "AES256")
		c.set(hSSECustomer+"Key-Md5", e.customerMD5)
		return
	}
	if e.algorithm == "" {
		c.w.Header()[hSSE] = c.s.sharedVals.aes256
		return
	}
	c.set(hSSE, e.algorithm)
	c.set(hSSEKMSKey, e.kmsKey)
	if e.bucketKey {
		c.set(hSSEBucket, "true")
	}
}

// setAttributes answers what was kept of an object.
func (c *call) setAttributes(v *version) {
	h := c.w.Header()
	h["Content-Type"] = c.s.sharedVals.octets
	if v.attrs != nil {
		for _, k := range v.attrs.headers {
			h[k.name] = k.values
		}
		if v.attrs.class != "" {
			c.set("X-Amz-Storage-Class", v.attrs.class)
		}
		c.setSSE(v.attrs.sse)
	} else {
		c.setSSE(sse{})
	}
	if len(v.tags) > 0 {
		c.set("X-Amz-Tagging-Count", strconv.Itoa(len(v.tags)))
	}
	if v.lock.mode != "" {
		c.set(hLockMode, v.lock.mode)
		c.set(hLockUntil, v.lock.untilText())
	}
	if v.lock.hold != "" {
		c.set(hLockHold, v.lock.hold)
	}
}

// storageClass is the class as listings have it.
func (v *version) storageClass() string {
	if v.attrs == nil || v.attrs.class == "" {
		return "STANDARD"
	}
	return v.attrs.class
}

// share shares the attributes of objects that have nothing but a
// Content-Type, or not even that: most have.
func (s *Server) share(a *attributes) *attributes {
	if a.class != "" || a.sse != (sse{}) || !a.acl.private() || len(a.headers) > 1 {
		return a
	}
	kind := ""
	if len(a.headers) == 1 {
		if a.headers[0].name != "Content-Type" {
			return a
		}
		kind = a.headers[0].values[0]
	}
	if known, ok := s.kinds.Load(kind); ok {
		return known.(*attributes)
	}
	known, _ := s.kinds.LoadOrStore(kind, a)
	return known.(*attributes)
}

// readTags reads the header that has an object's tags.
func (c *call) readTags() ([]element, error) {
	text := c.header("X-Amz-Tagging")
	if text == "" {
		return nil, nil
	}
	var tags []element
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, invalidArgument("x-amz-tagging", text, "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
		}
		tags = append(tags, element{name, value})
	}
	return tags, checkTags(tags)
}

func checkTags(tags []element) error {
	if len(tags) > 10 {
		return badRequest("BadRequest", "Object tags cannot be greater than 10")
	}
	for i, t := range tags {
		switch {
		case t.name == "" || len(t.name) > 512:
			return failure(http.StatusBadRequest, "InvalidTag", "The TagKey you have provided is invalid")
		case len(t.value) > 1024:
			return badRequest("InvalidTag", "The TagValue you have provided is invalid")
		case slices.ContainsFunc(tags[:i], func(other element) bool { return other.name == t.name }):
			return badRequest("InvalidTag", "Cannot provide multiple Tags with the same key")
		}
	}
	return nil
}
