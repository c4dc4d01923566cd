package s3sim

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxKey = 1024 // bytes
	// bodyBuffer is what bodies are read with: large, so that the kernel is
	// asked seldom.
	bodyBuffer = 512 << 10
	// maxDocument is the most bytes of XML that a request may have.
	maxDocument = 8 << 20
	hostID      = "s3sim"
	ownerID     = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
	ownerName   = "s3sim"
)

// Names of headers in canonical form, as http.Header has them.
const (
	hAmzDate       = "X-Amz-Date"
	hBucketRegion  = "X-Amz-Bucket-Region"
	hContentSHA256 = "X-Amz-Content-Sha256"
	hCopySource    = "X-Amz-Copy-Source"
	hVersionID     = "X-Amz-Version-Id"
	hDeleteMarker  = "X-Amz-Delete-Marker"
	hChecksumType  = "X-Amz-Checksum-Type"
	hTrailer       = "X-Amz-Trailer"
	hReplaced      = "X-S3sim-Replaced"
	hETag          = "Etag"
)

// param is one parameter of a query, decoded.
type param struct{ name, value string }

// call is one request on its way. Calls are used again.
type call struct {
	s          *Server
	w          http.ResponseWriter
	r          *http.Request
	op         operation
	bucket     string
	key        string
	rawPath    string // as it came, escaped
	rawQuery   string
	query      []param
	queryArray [12]param
	requestID  string
	values     []string // backs the slices of values of the answer's headers
	verified   bool     // the signature is right
	refused    bool     // by a partition
}

// sharedValues are values of headers that every answer has; http.Header takes
// slices, and nothing writes to these.
type sharedValues struct {
	server, hostID, xml, bytes, octets, aes256 []string
}

func newSharedValues() sharedValues {
	return sharedValues{
		server: []string{"s3sim"},
		hostID: []string{hostID},
		xml:    []string{"application/xml"},
		bytes:  []string{"bytes"},
		octets: []string{"binary/octet-stream"},
		aes256: []string{"AES256"},
	}
}

func (c *call) begin(s *Server, w http.ResponseWriter, r *http.Request) {
	c.s, c.w, c.r = s, w, r
	c.op, c.bucket, c.key, c.rawPath, c.rawQuery, c.verified, c.refused = opUnknown, "", "", "", "", false, false
	c.query = c.queryArray[:0]
	// The headers are read after the handler has returned: these cannot be
	// used again.
	c.values = make([]string, 0, 12)
	var id [16]byte
	c.requestID = string(appendUpperHex(id[:0], mix(s.requestID.Add(1))))
	h := w.Header()
	h["Server"] = s.sharedVals.server
	h["X-Amz-Id-2"] = s.sharedVals.hostID
	c.set("X-Amz-Request-Id", c.requestID)
	if s.options.Now != nil {
		c.set("Date", s.now().UTC().Format(http.TimeFormat))
	}
}

func (c *call) end() {
	clear(c.queryArray[:])
	c.s, c.w, c.r, c.query, c.values = nil, nil, nil, nil, nil
	c.bucket, c.key, c.rawPath, c.rawQuery, c.requestID = "", "", "", "", ""
}

// set sets a header of the answer; name is in canonical form.
func (c *call) set(name, value string) {
	c.values = append(c.values, value)
	n := len(c.values)
	c.w.Header()[name] = c.values[n-1 : n : n]
}

// header returns a header of the request; name is in canonical form.
func (c *call) header(name string) string {
	if v := c.r.Header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// get returns a parameter of the query, "" where it is not there.
func (c *call) get(name string) string {
	for i := range c.query {
		if c.query[i].name == name {
			return c.query[i].value
		}
	}
	return ""
}

func (c *call) has(name string) bool {
	for i := range c.query {
		if c.query[i].name == name {
			return true
		}
	}
	return false
}

// number reads a parameter between 0 and the most; absent is otherwise.
func (c *call) number(name string, most, otherwise int) (int, error) {
	if !c.has(name) {
		return otherwise, nil
	}
	value := c.get(name)
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, invalidArgument(name, value, "Provided "+name+" not an integer or within integer range")
	}
	return min(n, most), nil
}

// parse finds bucket, key and query. The key is taken from the path as it was
// sent: net/http's is cleaned, and does not tell %2F from a slash that was one.
func (c *call) parse() error {
	uri := c.r.RequestURI
	if uri == "" {
		uri = c.r.URL.RequestURI()
	}
	if !strings.HasPrefix(uri, "/") { // the absolute form, as a proxy gets it
		if _, rest, ok := strings.Cut(uri, "://"); ok {
			slash := strings.IndexByte(rest, '/')
			if slash < 0 {
				rest, slash = "/", 0
			}
			uri = rest[slash:]
		}
	}
	c.rawPath, c.rawQuery, _ = strings.Cut(uri, "?")
	path := strings.TrimPrefix(c.rawPath, "/")
	if bucket := virtualBucket(c.r.Host, c.s.options.Domain); bucket != "" {
		c.bucket = bucket
	} else {
		c.bucket, path, _ = strings.Cut(path, "/")
	}
	var err error
	if c.key, err = url.PathUnescape(path); err != nil {
		return badRequest("InvalidURI", "Couldn't parse the specified URI.").with("URI", c.rawPath)
	}
	if c.bucket, err = url.PathUnescape(c.bucket); err != nil {
		return badRequest("InvalidURI", "Couldn't parse the specified URI.").with("URI", c.rawPath)
	}
	return c.parseQuery()
}

func (c *call) parseQuery() error {
	for rest := c.rawQuery; rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return badRequest("InvalidURI", "Couldn't parse the specified URI.").with("URI", c.rawQuery)
		}
		c.query = append(c.query, param{name, value})
	}
	return nil
}

// virtualBucket returns what stands before ".domain" in a host, "" where
// nothing does.
func virtualBucket(host, domain string) string {
	if strings.HasPrefix(host, "[") {
		return ""
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	n := len(host) - len(domain) - 1
	if n <= 0 || host[n] != '.' || !strings.EqualFold(host[n+1:], domain) || net.ParseIP(host) != nil {
		return ""
	}
	return host[:n]
}

// resource is what errors name.
func (c *call) resource() string {
	if c.key == "" {
		return "/" + c.bucket
	}
	return "/" + c.bucket + "/" + c.key
}

// drain reads what is left of a body that nobody wanted, so that the client can
// finish sending and read the answer. One that asked before it sends is told
// by the answer.
func (c *call) drain() {
	if c.r.Body == nil || c.r.ContentLength == 0 {
		return
	}
	buf := c.s.buffers.Get().(*[]byte)
	defer c.s.buffers.Put(buf)
	for left := int64(64 << 20); left > 0; {
		n, err := c.r.Body.Read(*buf)
		left -= int64(n)
		if err != nil {
			return
		}
	}
}

// document reads a body of XML, and checks its sums.
func (c *call) document() ([]byte, error) {
	body, err := c.openBody()
	if err != nil {
		return nil, err
	}
	return readDocument(body)
}

// plainDocument is document where the checksum headers are not of the body.
func (c *call) plainDocument() ([]byte, error) {
	body, err := c.openBody()
	if err != nil {
		return nil, err
	}
	body.alg, body.sum, body.trailer = algNone, nil, false
	return readDocument(body)
}

func readDocument(body *body) ([]byte, error) {
	defer body.close()
	var buf bytes.Buffer
	buf.Grow(int(min(body.length, maxDocument)) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(body, maxDocument+1)); err != nil {
		return nil, body.readError(err)
	}
	b := buf.Bytes()
	if len(b) > maxDocument {
		return nil, badRequest("MaxMessageLengthExceeded", "Your request was too big.")
	}
	body.add(b)
	if _, err := body.check(); err != nil {
		return nil, err
	}
	return b, nil
}

// answer sends a status without a body.
func (c *call) answer(status int) error {
	c.w.WriteHeader(status)
	return nil
}

// httpTime writes a moment as headers have it.
func httpTime(nanos int64) string {
	return time.Unix(0, nanos).UTC().Format(http.TimeFormat)
}

func itoa(n int) string { return strconv.Itoa(n) }

func appendUpperHex(dst []byte, x uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789ABCDEF"[x>>shift&15])
	}
	return dst
}
