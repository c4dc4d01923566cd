package s3sim

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// current finds the version that the request names, or the current one, and
// returns a copy. A delete marker is an error.
func (c *call) current(b *bucket) (version, error) {
	return c.lookup(b, c.key, c.get("versionId"), c.has("versionId"))
}

func (c *call) lookup(b *bucket, key, id string, named bool) (version, error) {
	if named && !validVersionID(id) {
		return version{}, invalidArgument("versionId", id, "Invalid version id specified")
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	v := b.at(key, id)
	switch {
	case v == nil && named:
		return version{}, noSuchVersion(key, id)
	case v == nil:
		return version{}, noSuchKey(key)
	case v.marker && named:
		return version{}, failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.").
			with("Method", c.r.Method).with("ResourceType", "DeleteMarker").
			header("Allow", "DELETE").header(hDeleteMarker, "true").header(hVersionID, v.id()).
			header("Last-Modified", httpTime(v.modified))
	case v.marker:
		return version{}, noSuchKey(key).header(hDeleteMarker, "true").header(hVersionID, v.id())
	}
	return *v, nil
}

// change changes the version that the request names, or the current one, under
// the bucket's lock.
func (c *call) change(b *bucket, do func(*version) error) error {
	return c.changeThen(b, http.StatusOK, do)
}

// changeThen is change with another status for its answer.
func (c *call) changeThen(b *bucket, status int, do func(*version) error) error {
	v, err := c.current(b)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own(c.key)
	id := ""
	if c.has("versionId") {
		id = v.id()
	}
	now := b.at(c.key, id)
	if now == nil || now.marker {
		return noSuchKey(c.key)
	}
	if err := do(now); err != nil {
		return err
	}
	c.setVersion(b, now)
	return c.answer(status)
}

// setVersion answers the version's id, where the bucket has such. It is called
// under the bucket's lock.
func (c *call) setVersion(b *bucket, v *version) {
	if b.versioning != unversioned && !c.s.options.Deviations.NoVersioning {
		c.set(hVersionID, v.id())
	}
}

// newVersion makes a version of a body that came.
func (s *Server) newVersion(rec received, a *attributes, tags []element) *version {
	v := &version{
		kept: rec.kept, data: rec.data, size: rec.size, etag: rec.etag, crc: rec.crc,
		alg: rec.alg, sum: rec.value, attrs: a, tags: tags,
	}
	s.settle(v)
	return v
}

// settle says what is served of v, whose sum so far is of what came.
func (s *Server) settle(v *version) {
	v.seq = s.sequence.Add(1)
	v.modified = s.now().Truncate(time.Second).UnixNano()
	if v.alg == algNone {
		v.alg = algCRC64NVME
	}
	if v.alg == algCRC64NVME {
		v.sum = "" // crc is it
	}
	if v.kept {
		return
	}
	if served := s.content.Sum(v.size); served.Sum != v.crc.Sum {
		v.replaced, v.crc, v.alg, v.sum, v.compound = true, served, algCRC64NVME, "", false
		for i := range v.parts {
			v.parts[i].sum = ""
		}
	}
}

// checksum is the value of v's checksum in a header; "" where it has none.
func (s *Server) checksum(v *version) string {
	switch {
	case v.marker || s.options.Deviations.NoChecksums || v.alg == algNone:
		return ""
	case v.alg != algCRC64NVME:
		return v.sum
	case v.crc.Size == v.size:
		return v.crc.String()
	}
	return s.content.Sum(v.size).String() // of synthetic keys
}

func (v *version) checksumType() string {
	if v.compound {
		return "COMPOSITE"
	}
	return "FULL_OBJECT"
}

// setSum answers the checksum of a body that just came.
func (c *call) setSum(rec sums) {
	if c.s.options.Deviations.NoChecksums {
		return
	}
	if rec.alg == algNone || rec.alg == algCRC64NVME {
		c.set(algCRC64NVME.header(), rec.crc.String())
	} else {
		c.set(rec.alg.header(), rec.value)
	}
}

// precondition checks If-Match and If-None-Match of a write. It is called
// under the bucket's lock.
func (c *call) precondition(b *bucket) error {
	match, none := c.header("If-Match"), c.header("If-None-Match")
	if match == "" && none == "" || c.s.options.Deviations.NoConditionalWrites {
		return nil
	}
	v := b.at(c.key, "")
	there := v != nil && !v.marker
	switch {
	case match != "" && none != "", none != "" && none != "*":
		return failure(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented").with("Header", "If-None-Match")
	case none != "" && there:
		return preconditionFailed("If-None-Match")
	case match != "" && !there:
		return noSuchKey(c.key)
	case match != "" && !matches(match, v.etag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// matches says whether a list of ETags, or "*", has this one.
func matches(list, etag string) bool {
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
		if item == "*" || strings.Trim(item, `"`) == etag {
			return true
		}
	}
	return false
}

func (c *call) putObject(b *bucket) error {
	if !validKey(c.key) {
		return badRequest("InvalidURI", "Couldn't parse the specified URI.")
	}
	a, err := c.readAttributes()
	if err != nil {
		return err
	}
	tags, err := c.readTags()
	if err != nil {
		return err
	}
	rec, err := c.receive()
	if err != nil {
		return err
	}
	a.sse.seal(&rec)
	v := c.s.newVersion(rec, c.s.share(a), tags)
	if err := c.store(b, v); err != nil {
		return err
	}
	c.setETag(rec.etag)
	c.setSSE(a.sse)
	c.setSum(rec.sums)
	if !c.s.options.Deviations.NoChecksums {
		c.set(hChecksumType, "FULL_OBJECT")
	}
	return c.answer(http.StatusOK)
}

// store makes v the current version of the key, where the request's conditions
// allow it.
func (c *call) store(b *bucket, v *version) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := c.precondition(b); err != nil {
		return err
	}
	var err error
	if v.lock, err = c.readLock(b); err != nil {
		return err
	}
	b.insert(c.key, v)
	c.setVersion(b, v)
	return nil
}

func (c *call) setETag(etag string) { c.set(hETag, `"`+etag+`"`) }

// getObject answers GetObject and HeadObject.
func (c *call) getObject(b *bucket) error {
	v, err := c.current(b)
	if err != nil {
		return err
	}
	if v.attrs != nil && v.attrs.sse.customerMD5 != "" || c.header(hSSECustomer+"Algorithm") != "" {
		var e sse
		if v.attrs != nil {
			e = v.attrs.sse
		}
		if err := c.unlock(e, hSSECustomer); err != nil {
			return err
		}
	}
	if err := c.readConditions(&v); err != nil {
		return err
	}
	if c.op == opGetObject {
		if err := v.archived(); err != nil {
			return err
		}
	}
	from, to, status := int64(0), v.size, http.StatusOK
	switch {
	case c.has("partNumber"):
		if c.header("Range") != "" {
			return badRequest("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
		}
		if from, to, err = c.partRange(&v); err != nil {
			return err
		}
		status = http.StatusPartialContent
	case c.s.options.Deviations.IgnoreRange:
	default:
		var ok bool
		if from, to, ok, err = parseRange(c.header("Range"), v.size); err != nil {
			return err
		}
		if ok {
			status = http.StatusPartialContent
		}
	}

	h := c.w.Header()
	c.setETag(v.etag)
	h["Accept-Ranges"] = c.s.sharedVals.bytes
	c.set("Last-Modified", httpTime(v.modified))
	c.set("Content-Length", formatSize(to-from))
	c.setAttributes(&v)
	b.mu.RLock()
	c.setVersion(b, &v)
	b.mu.RUnlock()
	if v.replaced {
		c.set(hReplaced, "true")
	}
	if status == http.StatusPartialContent {
		c.set("Content-Range", contentRange(from, to, v.size))
	}
	if c.has("partNumber") && len(v.parts) > 0 {
		c.set("X-Amz-Mp-Parts-Count", itoa(len(v.parts)))
	}
	if from == 0 && to == v.size && c.header("Range") == "" && strings.EqualFold(c.header("X-Amz-Checksum-Mode"), "ENABLED") {
		if sum := c.s.checksum(&v); sum != "" {
			c.set(v.alg.header(), sum)
			c.set(hChecksumType, v.checksumType())
		}
	}
	c.overrideHeaders()
	c.w.WriteHeader(status)
	if c.op == opHeadObject {
		return nil
	}
	n := c.s.serveBody(c.w, &v, from, to)
	c.s.counters.bytesOut.Add(n)
	return nil
}

// archived is the error of reading what is in an archive.
func (v *version) archived() error {
	if class := v.storageClass(); class == "GLACIER" || class == "DEEP_ARCHIVE" {
		return failure(http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class").with("StorageClass", class)
	}
	return nil
}

// serveBody writes a range of an object and returns how much of it went.
func (s *Server) serveBody(w http.ResponseWriter, v *version, from, to int64) int64 {
	timed := &timedWriter{w: w, timeline: &s.counters.timeline}
	if v.kept {
		n, _ := timed.Write(v.data[from:to]) // a client that went away needs no answer
		return int64(n)
	}
	n, _ := s.content.WriteRange(timed, from, to)
	return n
}

// timedWriter records what it writes as it goes, in pieces small enough that a
// slow client shows as one.
type timedWriter struct {
	w        io.Writer
	timeline *timeline
}

func (t *timedWriter) Write(p []byte) (int, error) {
	const piece = 128 << 10
	written := 0
	for len(p) > 0 {
		n, err := t.w.Write(p[:min(len(p), piece)])
		t.timeline.add(Moment{BytesOut: int64(n)})
		written += n
		p = p[n:]
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// overrideHeaders answers with the headers that the query asks for.
func (c *call) overrideHeaders() {
	for _, p := range c.query {
		if !strings.HasPrefix(p.name, "response-") {
			continue
		}
		switch p.name {
		case "response-content-type", "response-content-language", "response-expires", "response-cache-control",
			"response-content-disposition", "response-content-encoding":
			c.set(http.CanonicalHeaderKey(strings.TrimPrefix(p.name, "response-")), p.value)
		}
	}
}

// readConditions checks the conditions of a read, as RFC 9110, 13.2.2, orders
// them.
func (c *call) readConditions(v *version) error {
	unmodified := c.header("If-Unmodified-Since")
	if match := c.header("If-Match"); match != "" {
		if !matches(match, v.etag) {
			return preconditionFailed("If-Match")
		}
	} else if t, err := http.ParseTime(unmodified); err == nil && v.modified > t.UnixNano() {
		return preconditionFailed("If-Unmodified-Since")
	}
	modified := c.header("If-Modified-Since")
	if none := c.header("If-None-Match"); none != "" {
		if matches(none, v.etag) {
			return c.notModified(v)
		}
	} else if t, err := http.ParseTime(modified); err == nil && v.modified <= t.UnixNano() {
		return c.notModified(v)
	}
	return nil
}

func (c *call) notModified(v *version) error {
	return failure(http.StatusNotModified, "NotModified", "Not Modified").
		header(hETag, `"`+v.etag+`"`).header("Last-Modified", httpTime(v.modified))
}

// partRange finds the bytes of a part.
func (c *call) partRange(v *version) (from, to int64, err error) {
	n, err := c.number("partNumber", 1<<30, 0)
	if err != nil {
		return 0, 0, err
	}
	if n < 1 || n > maxParts {
		return 0, 0, invalidArgument("partNumber", c.get("partNumber"), "Part number must be an integer between 1 and 10000, inclusive")
	}
	if len(v.parts) == 0 && n == 1 {
		return 0, v.size, nil
	}
	i := slices.IndexFunc(v.parts, func(p partInfo) bool { return p.number == n })
	if i < 0 {
		return 0, 0, failure(http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable").
			with("PartNumberRequested", itoa(n)).with("ActualPartCount", itoa(max(1, len(v.parts))))
	}
	for _, p := range v.parts[:i] {
		from += p.size
	}
	return from, from + v.parts[i].size, nil
}

// parseRange reads a Range header: the bytes from from up to, but not with, to.
// ok is false, and the range the whole, where there is none, or one that S3
// passes over: several ranges, and what is no range at all.
func parseRange(text string, size int64) (from, to int64, ok bool, err error) {
	spec, found := strings.CutPrefix(text, "bytes=")
	if !found || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	first, last, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !found {
		return 0, size, false, nil
	}
	unsatisfiable := failure(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable").
		with("RangeRequested", text).with("ActualObjectSize", formatSize(size)).
		header("Content-Range", "bytes */"+formatSize(size))
	if first == "" {
		n, err := parseSize(last)
		switch {
		case err != nil:
			return 0, size, false, nil // what is no range is passed over
		case n == 0 || size == 0:
			return 0, 0, false, unsatisfiable
		}
		return max(0, size-n), size, true, nil
	}
	if from, err = parseSize(first); err != nil {
		return 0, size, false, nil // what is no range is passed over
	}
	to = size
	if last != "" {
		if to, err = parseSize(last); err != nil || to < from {
			return 0, size, false, nil // what is no range is passed over
		}
		to = min(to, size-1) + 1
	}
	if from >= size {
		return 0, 0, false, unsatisfiable
	}
	return from, to, true, nil
}

func contentRange(from, to, size int64) string {
	var b [80]byte
	out := strconv.AppendInt(append(b[:0], "bytes "...), from, 10)
	out = strconv.AppendInt(append(out, '-'), to-1, 10)
	return string(strconv.AppendInt(append(out, '/'), size, 10))
}

func formatSize(n int64) string { return strconv.FormatInt(n, 10) }

// parseSize reads a number that has digits alone.
func parseSize(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

// parseHexSize reads the size of a chunk.
func parseHexSize(text string) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 16, 62)
	return int64(n), err
}
