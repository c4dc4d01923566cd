package s3sim

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// listing is what a listing asks for, and what has been found.
type listing struct {
	c         *call
	b         *bucket
	prefix    []byte
	delimiter []byte
	marker    []byte // the key or common prefix to go on behind
	most      int
	encode    bool
	owner     bool

	entries   []byte
	starts    []int  // of the entries, where they are to be turned round
	prefixes  []byte // as XML
	count     int
	truncated bool
	last      []byte // the last key or common prefix
	rolledUp  bool   // last is a common prefix
	lastID    string // of versions
}

// readListing reads the parameters that all listings have.
func (c *call) readListing(b *bucket, most string) (*listing, error) {
	l := &listing{
		c: c, b: b,
		prefix:    []byte(c.get("prefix")),
		delimiter: []byte(c.get("delimiter")),
	}
	switch encoding := c.get("encoding-type"); encoding {
	case "":
	case "url":
		l.encode = !c.s.options.Deviations.NoEncodingType
	default:
		return nil, invalidArgument("encoding-type", encoding, "Invalid Encoding Method specified in Request")
	}
	var err error
	l.most, err = c.number(most, maxPage, maxPage)
	return l, err
}

func (c *call) listObjects(b *bucket) error {
	l, err := c.readListing(b, "max-keys")
	if err != nil {
		return err
	}
	v2 := c.op == opListObjectsV2
	if v2 {
		l.owner = c.get("fetch-owner") == "true"
		l.marker = []byte(c.get("start-after"))
		if c.has("continuation-token") {
			if err := l.resume(c.get("continuation-token")); err != nil {
				return err
			}
		}
	} else {
		l.owner = true
		l.marker = []byte(c.get("marker"))
	}
	entries, prefixes := c.s.answers.Get().(*[]byte), c.s.answers.Get().(*[]byte)
	l.entries, l.prefixes = (*entries)[:0], (*prefixes)[:0]
	b.mu.RLock()
	l.walk(l.object)
	b.mu.RUnlock()
	out := l.head(c.beginXML(), "ListBucketResult", "MaxKeys")
	if v2 {
		out = appendNumber(out, "KeyCount", int64(l.count))
		if c.has("start-after") {
			out = l.appendName(out, "StartAfter", []byte(c.get("start-after")))
		}
		if c.has("continuation-token") {
			out = appendElement(out, "ContinuationToken", c.get("continuation-token"))
		}
		if l.truncated {
			out = appendElement(out, "NextContinuationToken", l.token())
		}
	} else {
		out = l.appendName(out, "Marker", l.marker)
		if l.truncated && len(l.delimiter) > 0 {
			out = l.appendName(out, "NextMarker", l.last)
		}
	}
	err = l.reply(out, "ListBucketResult")
	*entries, *prefixes = l.entries, l.prefixes
	c.s.answers.Put(entries)
	c.s.answers.Put(prefixes)
	return err
}

// token says where a ListObjectsV2 goes on.
func (l *listing) token() string {
	kind := "k"
	if l.rolledUp {
		kind = "p"
	}
	return base64.URLEncoding.EncodeToString(append([]byte(kind), l.last...))
}

func (l *listing) resume(token string) error {
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(raw) < 2 || raw[0] != 'k' && raw[0] != 'p' {
		return invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
	}
	l.marker = raw[1:]
	l.rolledUp = raw[0] == 'p'
	return nil
}

// head writes what all listings begin with.
func (l *listing) head(out []byte, root, most string) []byte {
	out = append(append(append(out, '<'), root...), namespace+">"...)
	out = appendElement(out, "Name", l.b.name)
	out = l.appendName(out, "Prefix", l.prefix)
	if len(l.delimiter) > 0 {
		out = l.appendName(out, "Delimiter", l.delimiter)
	}
	out = appendNumber(out, most, int64(l.most))
	if l.encode {
		out = append(out, "<EncodingType>url</EncodingType>"...)
	}
	return appendBool(out, "IsTruncated", l.truncated)
}

// reply sends the document: head, entries, common prefixes.
func (l *listing) reply(out []byte, root string) error {
	if l.c.s.options.Deviations.UnorderedLists {
		end := len(l.entries)
		for _, from := range slices.Backward(l.starts) {
			out = append(out, l.entries[from:end]...)
			end = from
		}
	} else {
		out = append(out, l.entries...)
	}
	out = append(out, l.prefixes...)
	return l.c.replyXML(append(append(append(out, "</"...), root...), '>'))
}

// appendName writes an element with a key, or a part of one.
func (l *listing) appendName(dst []byte, name string, value []byte) []byte {
	dst = append(append(append(dst, '<'), name...), '>')
	dst = l.appendKey(dst, value)
	return append(append(append(dst, "</"...), name...), '>')
}

func (l *listing) appendKey(dst, key []byte) []byte {
	if l.encode {
		return appendURL(dst, key)
	}
	return appendText(dst, key)
}

// walk goes over the keys from the marker on. Visit writes what is to be
// listed of a key, up to the page's end, and says how much that is, and whether
// all of it is; nothing is of what is not visible. Dry asks for no writing.
func (l *listing) walk(visit func(key []byte, o *object, syn int, dry bool) (n int, all bool)) {
	if l.most == 0 {
		return
	}
	from := l.prefix
	if bytes.Compare(l.marker, from) >= 0 {
		from = l.marker
		if l.rolledUp {
			if from = behind(l.marker); from == nil {
				return
			}
		}
	}
	for k := newCursor(l.b, from); ; {
		key, o, ok := k.item()
		if !ok || !bytes.HasPrefix(key, l.prefix) {
			return
		}
		if common := l.common(key); common != nil {
			if string(common) == string(l.marker) {
				k.seek(behind(common))
				continue
			}
			if n, _ := visit(key, o, k.syn, true); n == 0 {
				k.next()
				continue
			}
			if l.count == l.most {
				l.truncated = true
				return
			}
			l.count++
			l.last, l.rolledUp, l.lastID = append(l.last[:0], common...), true, ""
			l.prefixes = append(l.prefixes, "<CommonPrefixes>"...)
			l.prefixes = l.appendName(l.prefixes, "Prefix", common)
			l.prefixes = append(l.prefixes, "</CommonPrefixes>"...)
			k.seek(behind(common))
			continue
		}
		n, all := visit(key, o, k.syn, false)
		if n > 0 {
			l.last, l.rolledUp = append(l.last[:0], key...), false
		}
		if !all {
			l.truncated = true
			return
		}
		k.next()
	}
}

// common returns the common prefix that a key is rolled up into; nil where it
// stands for itself.
func (l *listing) common(key []byte) []byte {
	if len(l.delimiter) == 0 {
		return nil
	}
	i := bytes.Index(key[len(l.prefix):], l.delimiter)
	if i < 0 {
		return nil
	}
	return key[:len(l.prefix)+i+len(l.delimiter)]
}

// begin opens an entry.
func (l *listing) begin(name string) {
	if l.c.s.options.Deviations.UnorderedLists {
		l.starts = append(l.starts, len(l.entries))
	}
	l.entries = append(append(append(l.entries, '<'), name...), '>')
}

// object lists the current version of a key.
func (l *listing) object(key []byte, o *object, syn int, dry bool) (int, bool) {
	if o != nil && o.versions[0].marker || string(key) == string(l.marker) {
		return 0, true
	}
	if dry {
		return 1, true
	}
	if l.count == l.most {
		return 0, false
	}
	l.count++
	l.begin("Contents")
	out := l.appendName(l.entries, "Key", key)
	if o != nil {
		out = l.appendVersion(out, o.versions[0])
	} else {
		out = l.appendSynthetic(out, syn, l.b.firstSynthetic(syn))
	}
	if l.owner {
		out = appendOwner(out, "Owner")
	}
	l.entries = append(out, "</Contents>"...)
	return 1, true
}

// appendVersion writes what listings tell of an object.
func (l *listing) appendVersion(out []byte, v *version) []byte {
	out = appendTime(out, "LastModified", v.modified)
	out = append(out, "<ETag>&quot;"...)
	out = append(out, v.etag...)
	out = append(out, "&quot;</ETag>"...)
	if !l.c.s.options.Deviations.NoChecksums && v.alg != algNone {
		out = appendElement(out, "ChecksumAlgorithm", v.alg.String())
		out = appendElement(out, "ChecksumType", v.checksumType())
	}
	out = appendNumber(out, "Size", v.size)
	return appendElement(out, "StorageClass", v.storageClass())
}

// appendSynthetic is appendVersion of version n of synthetic key i, without
// making one.
func (l *listing) appendSynthetic(out []byte, i, n int) []byte {
	syn := l.b.synthetic
	out = appendTime(out, "LastModified", l.b.syntheticTime(i, n))
	out = append(out, "<ETag>&quot;"...)
	out = syn.AppendETag(out, i)
	out = append(out, "&quot;</ETag>"...)
	if !l.c.s.options.Deviations.NoChecksums {
		out = append(out, "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"...)
	}
	out = append(out, "<Size>"...)
	out = strconv.AppendInt(out, syn.SizeOf(i), 10)
	return append(out, "</Size><StorageClass>STANDARD</StorageClass>"...)
}

// versionsListing is a listing of versions and markers.
type versionsListing struct {
	listing
	idMarker string
	made     version // a synthetic one, used again
	markers  []byte  // entries that come last, where they do
}

func (c *call) listObjectVersions(b *bucket) error {
	base, err := c.readListing(b, "max-keys")
	if err != nil {
		return err
	}
	l := &versionsListing{listing: *base, idMarker: c.get("version-id-marker")}
	l.marker = []byte(c.get("key-marker"))
	if l.idMarker != "" {
		if len(l.marker) == 0 {
			return invalidArgument("version-id-marker", l.idMarker, "A version-id marker cannot be specified without a key marker.")
		}
		if !validVersionID(l.idMarker) {
			return invalidArgument("version-id-marker", l.idMarker, "Invalid version id specified")
		}
	}
	entries, prefixes := c.s.answers.Get().(*[]byte), c.s.answers.Get().(*[]byte)
	l.entries, l.prefixes = (*entries)[:0], (*prefixes)[:0]
	b.mu.RLock()
	l.walk(l.key)
	b.mu.RUnlock()
	out := l.head(c.beginXML(), "ListVersionsResult", "MaxKeys")
	out = l.appendName(out, "KeyMarker", l.marker)
	out = appendElement(out, "VersionIdMarker", l.idMarker)
	if l.truncated {
		out = l.appendName(out, "NextKeyMarker", l.last)
		if l.lastID != "" {
			out = appendElement(out, "NextVersionIdMarker", l.lastID)
		}
	}
	l.entries = append(l.entries, l.markers...)
	err = l.reply(out, "ListVersionsResult")
	*entries, *prefixes = l.entries, l.prefixes
	c.s.answers.Put(entries)
	c.s.answers.Put(prefixes)
	return err
}

// key lists the versions of a key.
func (l *versionsListing) key(key []byte, o *object, syn int, dry bool) (int, bool) {
	skip := l.skipped(key, o)
	if skip == nil {
		return 0, true
	}
	listed := 0
	if o != nil {
		for i, v := range o.versions {
			if skip(v) {
				continue
			}
			if dry {
				return 1, true
			}
			if l.count == l.most {
				return listed, false
			}
			l.version(key, v, i == 0, -1, 0)
			listed++
		}
		return listed, true
	}
	first := l.b.firstSynthetic(syn)
	for n := range l.b.syntheticVersions() {
		if l.b.dropped(syn, n) {
			continue
		}
		v := &l.made
		v.seq, v.null = l.b.syntheticSeq(syn, n), l.b.synthetic.Versions <= 1
		if skip(v) {
			continue
		}
		if dry {
			return 1, true
		}
		if l.count == l.most {
			return listed, false
		}
		l.version(key, v, n == first, syn, n)
		listed++
	}
	return listed, true
}

// skipped tells which versions of a key lie before the markers; nil: all do.
func (l *versionsListing) skipped(key []byte, o *object) func(*version) bool {
	if string(key) != string(l.marker) || len(l.marker) == 0 {
		return func(*version) bool { return false }
	}
	inclusive := l.c.s.options.Deviations.InclusiveKeyMarker
	if l.idMarker == "" {
		if inclusive {
			return func(*version) bool { return false }
		}
		return nil
	}
	var seq uint64
	if l.idMarker == "null" {
		v := l.nullOf(o)
		if v == nil {
			if o == nil { // a synthetic null version is the only one of its key
				if inclusive {
					return func(*version) bool { return false }
				}
				return nil
			}
			// It was deleted: nothing tells where it was. Twice is better
			// than never.
			return func(*version) bool { return false }
		}
		seq = v.seq
	} else {
		seq, _ = sequenceOf(l.idMarker)
	}
	return func(v *version) bool { return v.seq > seq || v.seq == seq && !inclusive }
}

func (l *versionsListing) nullOf(o *object) *version {
	if o == nil {
		return nil
	}
	for _, v := range o.versions {
		if v.null {
			return v
		}
	}
	return nil
}

// version writes one entry: a real version or marker, or version n of synthetic
// key syn.
func (l *versionsListing) version(key []byte, v *version, latest bool, syn, n int) {
	l.count++
	name := "Version"
	if v.marker {
		name = "DeleteMarker"
		if dev := &l.c.s.options.Deviations; dev.MarkersLast && !dev.UnorderedLists {
			l.entries, l.markers = l.markers, l.entries
			defer func() { l.entries, l.markers = l.markers, l.entries }()
		}
	}
	l.begin(name)
	out := l.appendName(l.entries, "Key", key)
	out = append(out, "<VersionId>"...)
	from := len(out)
	out = appendVersionID(out, v)
	if l.count == l.most {
		l.lastID = string(out[from:])
	}
	out = append(out, "</VersionId>"...)
	out = appendBool(out, "IsLatest", latest)
	switch {
	case v.marker:
		out = appendTime(out, "LastModified", v.modified)
	case syn >= 0:
		out = l.appendSynthetic(out, syn, n)
	default:
		out = l.appendVersion(out, v)
	}
	out = appendOwner(out, "Owner")
	l.entries = append(append(append(out, "</"...), name...), '>')
}

// quoteTrim takes the quotes off an ETag.
func quoteTrim(etag string) string { return strings.Trim(strings.TrimSpace(etag), `"`) }
