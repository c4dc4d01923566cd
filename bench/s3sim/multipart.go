package s3sim

import (
	"net/http"
	"sort"
	"strings"
	"time"
)

const (
	maxParts = 10000
	minPart  = 5 << 20 // bytes, of all parts but the last
)

// upload is a multipart upload under way. It is changed under its bucket's
// lock.
type upload struct {
	id        string
	key       string
	initiated int64
	attrs     *attributes
	tags      []element
	lock      lockState
	alg       algorithm // algNone where the client named none
	full      bool      // the checksum is of the whole object
	parts     map[int]*part
}

// part of an upload.
type part struct {
	received
	modified int64
}

func (c *call) createMultipartUpload(b *bucket) error {
	if !validKey(c.key) {
		return badRequest("InvalidURI", "Couldn't parse the specified URI.")
	}
	a, err := c.readAttributes()
	if err != nil {
		return err
	}
	u := &upload{key: c.key, attrs: c.s.share(a), parts: map[int]*part{}}
	if u.tags, err = c.readTags(); err != nil {
		return err
	}
	if err := c.readUploadChecksum(u); err != nil {
		return err
	}
	u.initiated = c.s.now().Truncate(time.Second).UnixNano()
	n := c.s.uploadID.Add(1)
	var id [48]byte
	u.id = string(appendHex(appendHex(appendHex(id[:0], mix(n), 16), mix(n^1<<63), 16), n, 16))
	b.mu.Lock()
	u.lock, err = c.readLock(b)
	if err == nil {
		b.uploads[u.id] = u
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	c.setSSE(a.sse)
	if u.alg != algNone {
		c.set("X-Amz-Checksum-Algorithm", u.alg.String())
		c.set(hChecksumType, u.checksumType())
	}
	out := append(c.beginXML(), "<InitiateMultipartUploadResult"+namespace+">"...)
	out = appendElement(out, "Bucket", b.name)
	out = appendElement(out, "Key", u.key)
	out = appendElement(out, "UploadId", u.id)
	return c.replyXML(append(out, "</InitiateMultipartUploadResult>"...))
}

func (u *upload) checksumType() string {
	if u.full || u.alg == algNone {
		return "FULL_OBJECT"
	}
	return "COMPOSITE"
}

// readUploadChecksum reads which checksum the object is to have.
func (c *call) readUploadChecksum(u *upload) error {
	dev := &c.s.options.Deviations
	if dev.NoChecksums {
		return nil
	}
	name, kind := c.header("X-Amz-Checksum-Algorithm"), c.header(hChecksumType)
	if name == "" {
		if kind != "" {
			return badRequest("InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return nil
	}
	if u.alg = algorithmOf(name); u.alg == algNone {
		return badRequest("InvalidRequest", "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	switch kind {
	case "FULL_OBJECT":
		u.full = true
	case "COMPOSITE":
	case "":
		u.full = !u.alg.composite()
	default:
		return badRequest("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
	}
	if u.full && !u.alg.fullObject() || !u.full && !u.alg.composite() || u.full && dev.NoFullObject {
		return badRequest("InvalidRequest", "The "+u.checksumType()+" checksum type cannot be used with the "+strings.ToLower(u.alg.String())+" checksum algorithm.")
	}
	return nil
}

// findUpload finds the request's upload. It is called under the bucket's lock.
func (c *call) findUpload(b *bucket) (*upload, error) {
	u := b.uploads[c.get("uploadId")]
	if u == nil || u.key != c.key {
		return nil, noSuchUpload(c.get("uploadId"))
	}
	return u, nil
}

// partNumber reads the number of the part that the request has.
func (c *call) partNumber() (int, error) {
	n, err := c.number("partNumber", 1<<30, 0)
	if err != nil || n < 1 || n > maxParts {
		return 0, invalidArgument("partNumber", c.get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	return n, nil
}

// partOf says which part of which upload a request is about.
func (c *call) partOf(b *bucket) (int, *upload, error) {
	number, err := c.partNumber()
	if err != nil {
		return 0, nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, err := c.findUpload(b)
	return number, u, err
}

func (c *call) uploadPart(b *bucket) error {
	number, u, err := c.partOf(b)
	if err != nil {
		return err
	}
	if err := c.unlockUpload(u); err != nil {
		return err
	}
	rec, err := c.receive()
	if err != nil {
		return err
	}
	u.attrs.sse.seal(&rec)
	if err := u.accepts(rec.alg); err != nil {
		return err
	}
	if err := c.putPart(b, u, number, rec); err != nil {
		return err
	}
	c.setETag(rec.etag)
	c.setSSE(u.attrs.sse)
	c.setSum(rec.sums)
	return c.answer(http.StatusOK)
}

// accepts says whether a part may have a checksum of alg.
func (u *upload) accepts(alg algorithm) error {
	if u.alg == algNone || alg == u.alg || alg == algNone && u.alg == algCRC64NVME {
		return nil
	}
	actual := "null"
	if alg != algNone {
		actual = strings.ToLower(alg.String())
	}
	return badRequest("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: "+strings.ToLower(u.alg.String())+", actual checksum Type: "+actual)
}

// putPart makes a part the upload's, where that was not ended meanwhile.
func (c *call) putPart(b *bucket, u *upload, number int, rec received) error {
	p := &part{received: rec, modified: c.s.now().Truncate(time.Second).UnixNano()}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.uploads[u.id] != u {
		return noSuchUpload(u.id)
	}
	u.parts[number] = p
	return nil
}

func (c *call) abortMultipartUpload(b *bucket) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := c.findUpload(b)
	if err != nil {
		return err
	}
	delete(b.uploads, u.id)
	return c.answer(http.StatusNoContent)
}

func (u *upload) numbers() []int {
	numbers := make([]int, 0, len(u.parts))
	for n := range u.parts {
		numbers = append(numbers, n)
	}
	sort.Ints(numbers)
	return numbers
}

func (c *call) listParts(b *bucket) error {
	most, err := c.number("max-parts", maxPage, maxPage)
	if err != nil {
		return err
	}
	marker, err := c.number("part-number-marker", 1<<30, 0)
	if err != nil {
		return err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	u, err := c.findUpload(b)
	if err != nil {
		return err
	}
	if u.alg != algNone { // S3 wants the key where it is to tell of checksums
		if err := c.unlockUpload(u); err != nil {
			return err
		}
	}
	out := append(c.beginXML(), "<ListPartsResult"+namespace+">"...)
	out = appendElement(out, "Bucket", b.name)
	out = appendElement(out, "Key", u.key)
	out = appendElement(out, "UploadId", u.id)
	out = appendOwner(appendOwner(out, "Initiator"), "Owner")
	out = appendElement(out, "StorageClass", u.storageClass())
	if u.alg != algNone {
		out = appendElement(out, "ChecksumAlgorithm", u.alg.String())
		out = appendElement(out, "ChecksumType", u.checksumType())
	}
	out = appendNumber(out, "PartNumberMarker", int64(marker))
	out = appendNumber(out, "MaxParts", int64(most))
	n, last, truncated := 0, marker, false
	for _, number := range u.numbers() {
		if number <= marker {
			continue
		}
		if n == most {
			truncated = true
			break
		}
		n, last = n+1, number
		p := u.parts[number]
		out = append(out, "<Part>"...)
		out = appendNumber(out, "PartNumber", int64(number))
		out = appendTime(out, "LastModified", p.modified)
		out = appendElement(out, "ETag", `"`+p.etag+`"`)
		out = appendNumber(out, "Size", p.size)
		out = c.appendSum(out, p.sums)
		out = append(out, "</Part>"...)
	}
	out = appendBool(out, "IsTruncated", truncated)
	if truncated {
		out = appendNumber(out, "NextPartNumberMarker", int64(last))
	}
	return c.replyXML(append(out, "</ListPartsResult>"...))
}

// appendSum writes the checksum of a body that came as an element.
func (c *call) appendSum(out []byte, rec sums) []byte {
	switch {
	case c.s.options.Deviations.NoChecksums:
		return out
	case rec.alg == algNone || rec.alg == algCRC64NVME:
		return appendElement(out, algCRC64NVME.element(), rec.crc.String())
	}
	return appendElement(out, rec.alg.element(), rec.value)
}

func (u *upload) storageClass() string {
	if u.attrs.class == "" {
		return "STANDARD"
	}
	return u.attrs.class
}

func (c *call) listMultipartUploads(b *bucket) error {
	l, err := c.readListing(b, "max-uploads")
	if err != nil {
		return err
	}
	keyMarker, idMarker := c.get("key-marker"), c.get("upload-id-marker")
	prefix, delimiter := string(l.prefix), string(l.delimiter)
	b.mu.RLock()
	defer b.mu.RUnlock()
	uploads := make([]*upload, 0, len(b.uploads))
	for _, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			uploads = append(uploads, u)
		}
	}
	// By key, then by age: the last 16 digits of an id count them.
	order := func(u *upload) string { return u.id[32:] }
	sort.Slice(uploads, func(i, j int) bool {
		x, y := uploads[i], uploads[j]
		return x.key < y.key || x.key == y.key && order(x) < order(y)
	})
	var entries, prefixes []byte
	nextKey, nextID, common := "", "", ""
	for _, u := range uploads {
		sameKey := u.key == keyMarker && len(idMarker) == len(u.id) && order(u) > idMarker[32:]
		if keyMarker != "" && u.key <= keyMarker && !sameKey {
			continue
		}
		if i := strings.Index(u.key[len(prefix):], delimiter); delimiter != "" && i >= 0 {
			this := u.key[:len(prefix)+i+len(delimiter)]
			if this == common || this == keyMarker {
				continue
			}
			if l.count == l.most {
				l.truncated = true
				break
			}
			l.count++
			common, nextKey, nextID = this, this, ""
			prefixes = append(prefixes, "<CommonPrefixes>"...)
			prefixes = l.appendName(prefixes, "Prefix", []byte(this))
			prefixes = append(prefixes, "</CommonPrefixes>"...)
			continue
		}
		if l.count == l.most {
			l.truncated = true
			break
		}
		l.count++
		nextKey, nextID = u.key, u.id
		entries = append(entries, "<Upload>"...)
		entries = l.appendName(entries, "Key", []byte(u.key))
		entries = appendElement(entries, "UploadId", u.id)
		entries = appendOwner(appendOwner(entries, "Initiator"), "Owner")
		entries = appendElement(entries, "StorageClass", u.storageClass())
		if u.alg != algNone {
			entries = appendElement(entries, "ChecksumAlgorithm", u.alg.String())
			entries = appendElement(entries, "ChecksumType", u.checksumType())
		}
		entries = appendTime(entries, "Initiated", u.initiated)
		entries = append(entries, "</Upload>"...)
	}
	const root = "ListMultipartUploadsResult"
	out := append(c.beginXML(), "<"+root+namespace+">"...)
	out = appendElement(out, "Bucket", b.name)
	out = l.appendName(out, "KeyMarker", []byte(keyMarker))
	out = appendElement(out, "UploadIdMarker", idMarker)
	if l.truncated {
		out = l.appendName(out, "NextKeyMarker", []byte(nextKey))
		out = appendElement(out, "NextUploadIdMarker", nextID)
	}
	out = l.appendName(out, "Prefix", l.prefix)
	if delimiter != "" {
		out = l.appendName(out, "Delimiter", l.delimiter)
	}
	out = appendNumber(out, "MaxUploads", int64(l.most))
	if l.encode {
		out = append(out, "<EncodingType>url</EncodingType>"...)
	}
	out = appendBool(out, "IsTruncated", l.truncated)
	out = append(append(out, entries...), prefixes...)
	return c.replyXML(append(out, "</"+root+">"...))
}
