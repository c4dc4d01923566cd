package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strconv"
	"strings"
)

// named is a part as CompleteMultipartUpload names it.
type named struct {
	number int
	*part
}

func (c *call) completeMultipartUpload(b *bucket) error {
	// The checksum headers are the object's, not of the document.
	alg, value, _, err := c.declaredSum()
	if err != nil {
		return err
	}
	doc, err := c.plainDocument()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "CompleteMultipartUpload")
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	u, err := c.findUpload(b)
	if err != nil {
		return err
	}
	if u.alg != algNone { // S3 wants the key where the upload was begun with a checksum
		if err := c.unlockUpload(u); err != nil {
			return err
		}
	}
	parts, err := c.namedParts(u, root)
	if err != nil {
		return err
	}
	v, err := c.assemble(u, parts, alg, value)
	if err != nil {
		return err
	}
	if err := c.precondition(b); err != nil {
		return err
	}
	sum := c.s.checksum(v) // of what came
	kind, sumAlg := v.checksumType(), v.alg
	c.s.settle(v)
	b.insert(u.key, v)
	delete(b.uploads, u.id)
	c.setVersion(b, v)
	c.setSSE(u.attrs.sse)
	out := append(c.beginXML(), "<CompleteMultipartUploadResult"+namespace+">"...)
	out = appendElement(out, "Location", "http://"+c.r.Host+c.rawPath)
	out = appendElement(out, "Bucket", b.name)
	out = appendElement(out, "Key", u.key)
	out = appendElement(out, "ETag", `"`+v.etag+`"`)
	if sum != "" {
		out = appendElement(out, sumAlg.element(), sum)
		out = appendElement(out, "ChecksumType", kind)
	}
	return c.replyXML(append(out, "</CompleteMultipartUploadResult>"...))
}

// namedParts finds the parts that the document names, and checks that they are
// those that came.
func (c *call) namedParts(u *upload, root *node) ([]named, error) {
	parts := make([]named, 0, len(root.kids))
	for i := range root.kids {
		kid := &root.kids[i]
		if kid.name != "Part" {
			continue
		}
		number, err := parseSize(strings.TrimSpace(kid.child("PartNumber").text))
		if err != nil {
			return nil, malformedXML()
		}
		if n := len(parts); n > 0 && parts[n-1].number >= int(number) {
			return nil, badRequest("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.").with("UploadId", u.id)
		}
		p := u.parts[int(number)]
		etag := quoteTrim(kid.child("ETag").text)
		if p == nil || p.etag != etag || !c.sumFits(p, kid) {
			return nil, badRequest("InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.").
				with("UploadId", u.id).with("PartNumber", formatSize(number)).with("ETag", etag)
		}
		parts = append(parts, named{int(number), p})
	}
	if len(parts) == 0 || len(parts) > maxParts {
		return nil, malformedXML()
	}
	for _, p := range parts[:len(parts)-1] {
		if p.size < minPart {
			return nil, badRequest("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size").
				with("ProposedSize", formatSize(p.size)).with("MinSizeAllowed", formatSize(minPart)).
				with("PartNumber", itoa(p.number)).with("ETag", p.etag)
		}
	}
	return parts, nil
}

// sumFits says whether the checksum that the document has of a part is the
// part's.
func (c *call) sumFits(p *part, kid *node) bool {
	if c.s.options.Deviations.NoChecksums {
		return true
	}
	for i := range kid.kids {
		name, ok := strings.CutPrefix(kid.kids[i].name, "Checksum")
		if !ok {
			continue
		}
		have := p.value
		switch alg := algorithmOf(name); {
		case alg == algCRC64NVME:
			have = p.crc.String()
		case alg != p.alg:
			return false
		}
		if strings.TrimSpace(kid.kids[i].text) != have {
			return false
		}
	}
	return true
}

// assemble makes the object of its parts.
func (c *call) assemble(u *upload, parts []named, alg algorithm, value string) (*version, error) {
	v := &version{kept: true, attrs: u.attrs, tags: u.tags, lock: u.lock, parts: make([]partInfo, len(parts))}
	etags := md5.New()
	for i, p := range parts {
		v.size += p.size
		v.crc = v.crc.Then(p.crc)
		v.kept = v.kept && p.kept
		raw, err := hex.DecodeString(p.etag)
		if err != nil {
			return nil, err
		}
		etags.Write(raw)
		v.parts[i] = partInfo{number: p.number, size: p.size}
	}
	v.etag = hex.EncodeToString(etags.Sum(nil)) + "-" + strconv.Itoa(len(parts))
	if v.kept {
		v.data = make([]byte, 0, v.size)
		for _, p := range parts {
			v.data = append(v.data, p.data...)
		}
	}
	if size := c.header("X-Amz-Mp-Object-Size"); size != "" && size != formatSize(v.size) {
		return nil, badRequest("InvalidRequest", "The provided 'x-amz-mp-object-size' header value "+size+" does not match what was computed: "+formatSize(v.size))
	}
	if kind := c.header(hChecksumType); kind != "" && kind != u.checksumType() && !c.s.options.Deviations.NoChecksums {
		return nil, badRequest("InvalidRequest", "The upload was created using the "+u.checksumType()+" checksum mode. The complete request must use the same checksum mode.")
	}
	switch {
	case u.alg == algNone || u.alg == algCRC64NVME:
		v.alg = algCRC64NVME
	case u.full:
		v.alg, v.sum = u.alg, fullSum(u.alg, parts)
	default:
		v.alg, v.sum, v.compound = u.alg, compositeSum(u.alg, parts), true
	}
	for i, p := range parts {
		if p.alg == v.alg && v.alg != algCRC64NVME {
			v.parts[i].sum = p.value
		} else if v.alg == algCRC64NVME {
			v.parts[i].sum = p.crc.String()
		}
	}
	have := v.sum
	if alg == algCRC64NVME {
		have = v.crc.String()
	}
	composite, _, _ := strings.Cut(have, "-")
	if alg != algNone && value != have && value != composite {
		return nil, badRequest("BadDigest", "The "+strings.ToLower(alg.String())+" you specified did not match the calculated checksum.").
			with("ExpectedDigest", value).with("CalculatedDigest", have)
	}
	if v.compound && v.sum == "" || c.s.options.Deviations.NoFullObject && u.alg == algNone {
		v.alg = algNone
	}
	return v, nil
}

// compositeSum is the sum of the parts' sums; "" where it is not made here.
func compositeSum(alg algorithm, parts []named) string {
	h := alg.hash()
	if h == nil {
		return ""
	}
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.value)
		if err != nil {
			return ""
		}
		h.Write(raw)
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil)) + "-" + strconv.Itoa(len(parts))
}

// fullSum is the CRC of the whole object, made of the parts' CRCs.
func fullSum(alg algorithm, parts []named) string {
	polynomial := uint32(crc32.IEEE)
	if alg == algCRC32C {
		polynomial = crc32.Castagnoli
	}
	var sum uint32
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(p.value)
		if err != nil || len(raw) != 4 {
			return ""
		}
		sum = shift32(polynomial, sum, p.size) ^ binary.BigEndian.Uint32(raw)
	}
	var out [4]byte
	binary.BigEndian.PutUint32(out[:], sum)
	return base64.StdEncoding.EncodeToString(out[:])
}

// shift32 is what a CRC becomes when so many bytes follow, before theirs is
// added: as in engine/checksum, with 32 bits.
func shift32(polynomial, sum uint32, bytes int64) uint32 {
	multiply := func(a, b uint32) uint32 {
		var product uint32
		for m := uint32(1) << 31; m != 0; m >>= 1 {
			if a&m != 0 {
				product ^= b
			}
			b = b>>1 ^ polynomial*(b&1)
		}
		return product
	}
	power, square := uint32(1)<<31, uint32(1)<<30
	for n := uint64(bytes) * 8; n > 0; n >>= 1 {
		if n&1 == 1 {
			power = multiply(power, square)
		}
		square = multiply(square, square)
	}
	return multiply(power, sum)
}
