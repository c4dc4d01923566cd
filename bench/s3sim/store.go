package s3sim

import (
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/btree"

	"github.com/s3haul/s3haul/engine/checksum"
)

// versioning of a bucket.
type versioning uint8

const (
	unversioned versioning = iota
	versioningEnabled
	versioningSuspended
)

func (v versioning) String() string {
	return [...]string{"", "Enabled", "Suspended"}[v]
}

// bucket holds objects in the order of their keys, over the synthetic ones of
// its layout. What is real of a key is newer than what is synthetic.
type bucket struct {
	name    string
	region  string
	created int64     // Unix nanoseconds, as all times here
	space   *keySpace // nil where there are no partitions

	mu         sync.RWMutex
	versioning versioning
	objectLock bool
	lockRule   lockRule
	objects    *btree.BTreeG[*object]
	uploads    map[string]*upload
	documents  map[string][]byte // by the name of the parameter

	synthetic *Synthetic
	gone      []uint64 // a bit for each synthetic version that was deleted; nil: none was
	goneCount int
	expected  atomic.Int64 // the synthetic key that is likely to be asked for next
}

// object is a key with its versions, the newest first. It has one at least.
type object struct {
	key      string
	versions []*version
}

// version of an object, or a delete marker. It is read under the bucket's lock
// and then copied; what is behind its pointers never changes.
type version struct {
	seq      uint64 // ascends with time: its id is made of it
	null     bool   // its id is "null"
	marker   bool
	kept     bool // data is the body; otherwise it is the pattern's
	replaced bool // what is served is not what came
	data     []byte
	size     int64
	modified int64
	etag     string             // without quotes
	crc      checksum.CRC64NVME // of what is served
	alg      algorithm          // of the checksum that answers have
	sum      string             // its value; with "-N" behind it where it is composite
	compound bool               // the sum is composite
	attrs    *attributes
	tags     []element
	lock     lockState
	parts    []partInfo // of a multipart upload
}

// partInfo is what is left of a part when its upload is complete.
type partInfo struct {
	number int
	size   int64
	sum    string // of the object's algorithm; "" where the client gave none
}

func newBucket(name, region string, now time.Time, c *Conditions) *bucket {
	return &bucket{
		name:    name,
		region:  region,
		created: now.UnixNano(),
		objects: btree.NewG(32, func(a, b *object) bool { return a.key < b.key }),
		uploads: map[string]*upload{},
		space:   newKeySpace(c),
	}
}

func (b *bucket) setSynthetic(syn *Synthetic) {
	b.synthetic = syn
	if syn.Versions > 1 {
		b.versioning = versioningEnabled
	}
}

// find returns the object of a key, nil where nothing real is there.
func (b *bucket) find(key string) *object {
	if b.objects.Len() == 0 {
		return nil
	}
	o, ok := b.objects.Get(&object{key: key})
	if !ok {
		return nil
	}
	return o
}

// at looks up a version of a key; "" is the current one, which may be a
// marker. Nil: there is none.
func (b *bucket) at(key, id string) *version {
	o := b.find(key)
	if o != nil {
		if id == "" {
			return o.versions[0]
		}
		for _, v := range o.versions {
			if v.hasID(id) {
				return v
			}
		}
	}
	if id != "" {
		if i, n := b.syntheticAt(key, id); i >= 0 {
			return b.syntheticVersion(i, n)
		}
		return nil
	}
	if i := b.syntheticIndex(key); i >= 0 {
		if n := b.firstSynthetic(i); n >= 0 {
			return b.syntheticVersion(i, n)
		}
	}
	return nil
}

// own makes a key's synthetic versions real, so that they can be changed. Nil:
// there is nothing of the key.
func (b *bucket) own(key string) *object {
	o := b.find(key)
	i := b.syntheticIndex(key)
	if i < 0 {
		return o
	}
	var made []*version
	for n := range b.syntheticVersions() {
		if v := b.syntheticVersion(i, n); v != nil {
			made = append(made, v)
			b.dropSynthetic(i, n)
		}
	}
	if len(made) == 0 {
		return o
	}
	if o == nil {
		o = &object{key: key}
		b.objects.ReplaceOrInsert(o)
	}
	o.versions = append(o.versions, made...)
	return o
}

// insert makes v the current version of a key, as the bucket's versioning has
// it: what it replaces is gone.
func (b *bucket) insert(key string, v *version) {
	o := b.own(key)
	if o == nil {
		v.null = b.versioning != versioningEnabled
		b.objects.ReplaceOrInsert(&object{key: key, versions: []*version{v}})
		return
	}
	if b.versioning != versioningEnabled {
		v.null = true
		o.dropNull()
	}
	o.versions = append(o.versions, nil)
	copy(o.versions[1:], o.versions)
	o.versions[0] = v
}

func (o *object) dropNull() {
	for i, v := range o.versions {
		if v.null {
			o.versions = append(o.versions[:i], o.versions[i+1:]...)
			return
		}
	}
}

// remove takes a version away for good, and says whether it was a marker. That
// there is none is no error.
func (b *bucket) remove(key, id string) (marker bool) {
	o := b.find(key)
	if o != nil {
		for i, v := range o.versions {
			if !v.hasID(id) {
				continue
			}
			o.versions = append(o.versions[:i], o.versions[i+1:]...)
			if len(o.versions) == 0 {
				b.objects.Delete(o)
			}
			return v.marker
		}
	}
	if i, n := b.syntheticAt(key, id); i >= 0 && !b.dropped(i, n) {
		b.dropSynthetic(i, n)
	}
	return false
}

// empty says whether the bucket can be deleted.
func (b *bucket) empty() bool {
	return b.objects.Len() == 0 && (b.synthetic == nil || b.goneCount == b.synthetic.Len()*b.syntheticVersions()) && len(b.uploads) == 0
}

// Ids of versions are opaque, and say where in time they belong: a listing goes
// on behind one that was deleted meanwhile.
const (
	// firstSequence leaves the numbers below it to synthetic versions.
	firstSequence = 1 << 48
	idFactor      = 0x9e3779b97f4a7c15 // odd: it has an inverse
	idInverse     = 0xf1de83e19937733d // idFactor*idInverse == 1 modulo 2^64
	idLength      = 32
)

func appendVersionID(dst []byte, v *version) []byte {
	if v.null {
		return append(dst, "null"...)
	}
	x := v.seq * idFactor
	return appendHex(appendHex(dst, x, 16), mix(x), 16)
}

func (v *version) id() string {
	if v.null {
		return "null"
	}
	var buf [idLength]byte
	return string(appendVersionID(buf[:0], v))
}

// sequenceOf reads an id; false where it is none.
func sequenceOf(id string) (uint64, bool) {
	if len(id) != idLength {
		return 0, false
	}
	var x, check uint64
	for i := range idLength {
		digit := id[i] - '0'
		if digit > 9 {
			if digit = id[i] - 'a' + 10; digit < 10 || digit > 15 {
				return 0, false
			}
		}
		if i < 16 {
			x = x<<4 | uint64(digit)
		} else {
			check = check<<4 | uint64(digit)
		}
	}
	return x * idInverse, check == mix(x)
}

func (v *version) hasID(id string) bool {
	if id == "null" {
		return v.null
	}
	seq, ok := sequenceOf(id)
	return ok && !v.null && v.seq == seq
}

func validVersionID(id string) bool {
	_, ok := sequenceOf(id)
	return ok || id == "null"
}

// validBucketName knows the rules that matter here: it is one segment of a path
// and of a host.
func validBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 || strings.Contains(name, "..") {
		return false
	}
	for i := range len(name) {
		ch := name[i]
		edge := i == 0 || i == len(name)-1
		if (ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && (edge || ch != '-' && ch != '.') {
			return false
		}
	}
	return true
}

func (s *Server) bucketNames() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.buckets))
	for name := range s.buckets {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
