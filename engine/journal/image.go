package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// bbolt maps its file into memory and believes what it finds there: a wrong page
// number or length ends the process with a fault that cannot be recovered from.
// So a file is read as plain bytes first, here, and only what is right in all its
// pages is given to bbolt. The layout is that of bbolt's internal/common: pages
// of a header of 16 bytes (id, flags, count, overflow), numbers in the order of
// the machine.
const (
	pageSize = 4096 // on every machine, so that a journal can be read on each
	maxImage = 256 << 20

	headerSize  = 16
	elementSize = 16
	metaSize    = 64

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketLeaf   = 0x01

	maxDepth = 64
)

// image is the file of a journal as one slice of bytes.
type image struct {
	raw  []byte
	used []bool // by page, below the high-water mark
}

// meta is the root of one transaction.
type meta struct {
	size                        uint32 // of a page
	root, freelist, pages, txid uint64
}

// errNewer is an ErrVersion of what an older s3haul has to leave alone.
var errNewer = fmt.Errorf("%w, a newer one", ErrVersion)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// readMeta reads the meta page at off. One that is torn has a wrong checksum, and
// is no error: the other one is there for that.
func readMeta(raw []byte, off int) (m meta, version uint32, ok bool) {
	if off+headerSize+metaSize > len(raw) {
		return meta{}, 0, false
	}
	b := raw[off+headerSize : off+headerSize+metaSize]
	ne := binary.NativeEndian
	h := fnv.New64a()
	h.Write(b[:metaSize-8])
	if ne.Uint32(b) != boltMagic || h.Sum64() != ne.Uint64(b[metaSize-8:]) {
		return meta{}, 0, false
	}
	m = meta{size: ne.Uint32(b[8:]), root: ne.Uint64(b[16:]), freelist: ne.Uint64(b[32:]), pages: ne.Uint64(b[40:]), txid: ne.Uint64(b[48:])}
	return m, ne.Uint32(b[4:]), true
}

// newest returns the meta page that bbolt will take.
func (im *image) newest() (meta, error) {
	if len(im.raw) < 4*pageSize {
		return meta{}, damaged("it has %d bytes only", len(im.raw))
	}
	var best meta
	found := false
	for slot := range 2 {
		m, version, ok := readMeta(im.raw, slot*pageSize)
		switch {
		case !ok:
		case version > boltVersion:
			return meta{}, fmt.Errorf("%w: that of bbolt is %d", errNewer, version)
		case m.size != pageSize: // bbolt goes by that of the first
			return meta{}, damaged("its pages have %d bytes", m.size)
		case version != boltVersion || m.txid%2 != uint64(slot):
			return meta{}, damaged("meta page %d is not in its place", slot)
		case !found || m.txid > best.txid:
			best, found = m, true
		}
	}
	if !found {
		return meta{}, damaged("no meta page is whole")
	}
	if _, _, first := readMeta(im.raw, 0); !first {
		// bbolt looks for the other one at each power of two.
		for off := 1024; off < pageSize; off *= 2 {
			if _, _, ok := readMeta(im.raw, off); ok {
				return meta{}, damaged("a meta page at byte %d", off)
			}
		}
	}
	if best.pages < 4 || best.pages > uint64(len(im.raw)/pageSize) {
		return meta{}, damaged("it is cut off: %d bytes of %d pages", len(im.raw), best.pages)
	}
	im.used = make([]bool, best.pages)
	return best, nil
}

// page returns a page with those that it flows over to. Each is asked for once
// in a file that is right, so there is no cycle.
func (im *image) page(id uint64) (pg []byte, flags uint16, err error) {
	if id < 2 || id >= uint64(len(im.used)) {
		return nil, 0, damaged("page %d is out of bounds", id)
	}
	h := im.raw[id*pageSize:]
	over := uint64(binary.NativeEndian.Uint32(h[12:]))
	if binary.NativeEndian.Uint64(h) != id || over >= uint64(len(im.used))-id {
		return nil, 0, damaged("page %d has a wrong header", id)
	}
	for i := id; i <= id+over; i++ {
		if im.used[i] {
			return nil, 0, damaged("page %d is used twice", i)
		}
		im.used[i] = true
	}
	return h[:(over+1)*pageSize], binary.NativeEndian.Uint16(h[8:]), nil
}

func count(pg []byte) int { return int(binary.NativeEndian.Uint16(pg[10:])) }

// part returns n bytes at pos from element i of a page.
func part(pg []byte, i int, pos, n uint32) ([]byte, error) {
	from := uint64(headerSize+elementSize*i) + uint64(pos)
	if from < uint64(headerSize+elementSize*count(pg)) || from+uint64(n) > uint64(len(pg)) {
		return nil, damaged("an element ends outside of its page")
	}
	return pg[from : from+uint64(n)], nil
}

// visit is called for each pair of a bucket.
type visit func(flags uint32, key, value []byte) error

// walk goes through the tree below page id, whose keys are at least low and,
// unless high is nil, below high.
func (im *image) walk(id uint64, depth int, low, high []byte, fn visit) error {
	pg, flags, err := im.page(id)
	switch {
	case err != nil:
		return err
	case depth > maxDepth:
		return damaged("page %d is too deep", id)
	case flags == leafPage:
		return leaves(pg, low, high, fn)
	case flags == branchPage:
		return im.branches(pg, depth, low, high, fn)
	}
	return damaged("page %d is of no known kind", id)
}

func (im *image) branches(pg []byte, depth int, low, high []byte, fn visit) error {
	n := count(pg)
	if n == 0 || headerSize+elementSize*n > len(pg) {
		return damaged("a branch of %d elements", n)
	}
	keys := make([][]byte, n, n+1)
	for i := range keys {
		e := pg[headerSize+elementSize*i:]
		k, err := part(pg, i, binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:]))
		if err != nil {
			return err
		}
		if bytes.Compare(k, low) < 0 || i > 0 && bytes.Equal(k, low) || high != nil && bytes.Compare(k, high) >= 0 {
			return damaged("the keys of a branch are out of order")
		}
		keys[i], low = k, k
	}
	keys = append(keys, high)
	for i := range n {
		child := binary.NativeEndian.Uint64(pg[headerSize+elementSize*i+8:])
		if err := im.walk(child, depth+1, keys[i], keys[i+1], fn); err != nil {
			return err
		}
	}
	return nil
}

func leaves(pg []byte, low, high []byte, fn visit) error {
	n := count(pg)
	if headerSize+elementSize*n > len(pg) {
		return damaged("a leaf of %d elements", n)
	}
	for i := range n {
		e := pg[headerSize+elementSize*i:]
		ne := binary.NativeEndian
		pos, klen, vlen := ne.Uint32(e[4:]), ne.Uint32(e[8:]), ne.Uint32(e[12:])
		if klen > uint32(len(pg)) || vlen > uint32(len(pg)) {
			return damaged("an element is longer than its page")
		}
		kv, err := part(pg, i, pos, klen+vlen)
		if err != nil {
			return err
		}
		k := kv[:klen]
		if klen == 0 || bytes.Compare(k, low) < 0 || i > 0 && bytes.Equal(k, low) || high != nil && bytes.Compare(k, high) >= 0 {
			return damaged("the keys of a leaf are out of order")
		}
		if err := fn(ne.Uint32(e), k, kv[klen:]); err != nil {
			return err
		}
		low = k
	}
	return nil
}

// bucket goes through a bucket within the root, given its value there: the
// number of its root page, or 0 and a page of its own within the value.
func (im *image) bucket(value []byte, fn visit) error {
	if len(value) < headerSize {
		return damaged("a bucket of %d bytes", len(value))
	}
	flat := func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return damaged("a bucket where a value should be")
		}
		return fn(flags, key, value)
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return im.walk(root, 1, nil, nil, flat)
	}
	pg := value[headerSize:]
	if len(pg) < headerSize || binary.NativeEndian.Uint16(pg[8:]) != leafPage {
		return damaged("a bucket without its page")
	}
	return leaves(pg, nil, nil, flat)
}

// free checks the list of free pages: bbolt writes over them.
func (im *image) free(id uint64) error {
	pg, flags, err := im.page(id)
	if err != nil {
		return err
	}
	ids, n := pg[headerSize:], uint64(count(pg))
	if n == 0xFFFF {
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if flags != freelistPage || n > uint64(len(ids)/8) {
		return damaged("the list of free pages is not one")
	}
	for i := range n {
		p := binary.NativeEndian.Uint64(ids[8*i:])
		if p < 2 || p >= uint64(len(im.used)) || im.used[p] {
			return damaged("page %d is free and is not", p)
		}
		im.used[p] = true
	}
	return nil
}
