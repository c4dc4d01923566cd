package s3sim

import (
	"math/bits"
	"time"
)

// syntheticVersions is how many versions a synthetic key has.
func (b *bucket) syntheticVersions() int {
	if b.synthetic == nil {
		return 0
	}
	return max(1, b.synthetic.Versions)
}

// syntheticIndex is the number of a synthetic key, less than 0 where it is none.
// Who asks for one key, by a batch or one by one, asks for the next one after it.
func (b *bucket) syntheticIndex(key string) int {
	syn := b.synthetic
	if syn == nil {
		return -1
	}
	if i := int(b.expected.Load()); b.isSynthetic(i, key) {
		b.expected.Store(int64(i + 1))
		return i
	}
	i := syn.Search(key)
	if !b.isSynthetic(i, key) {
		return -1
	}
	b.expected.Store(int64(i + 1))
	return i
}

// isSynthetic says whether synthetic key i is there, and is the key.
func (b *bucket) isSynthetic(i int, key string) bool {
	if i < 0 || i >= b.synthetic.Len() {
		return false
	}
	var array [128]byte
	return string(b.synthetic.AppendKey(array[:0], i)) == key
}

// syntheticAt finds a version of a synthetic key by its id, whether it was
// deleted or not; less than 0 where there never was one.
func (b *bucket) syntheticAt(key, id string) (i, n int) {
	all := b.syntheticVersions()
	if all <= 1 {
		if id != "null" {
			return -1, 0
		}
		return b.syntheticIndex(key), 0
	}
	// The id says which it is: nothing is searched for.
	seq, ok := sequenceOf(id)
	if !ok || seq == 0 || seq >= firstSequence {
		return -1, 0
	}
	i, n = int(seq-1)/all, all-1-int(seq-1)%all
	if !b.isSynthetic(i, key) {
		return -1, 0
	}
	return i, n
}

// firstSynthetic is the newest version of synthetic key i that was not deleted;
// less than 0 where none is left.
func (b *bucket) firstSynthetic(i int) int {
	for n := range b.syntheticVersions() {
		if !b.dropped(i, n) {
			return n
		}
	}
	return -1
}

// undeleted is the first synthetic key from i on of which something is left. A
// purge deletes millions, in many places: they are passed over 64 at a time.
func (b *bucket) undeleted(i int) int {
	if b.goneCount == 0 || i >= b.synthetic.Len() {
		return i
	}
	all := b.syntheticVersions()
	bit := i * all
	word, mask := bit/64, ^uint64(0)<<(bit%64)
	for ; word < len(b.gone); word, mask = word+1, ^uint64(0) {
		if left := ^b.gone[word] & mask; left != 0 {
			return min((word*64+bits.TrailingZeros64(left))/all, b.synthetic.Len())
		}
	}
	return b.synthetic.Len()
}

func (b *bucket) dropped(i, n int) bool {
	bit := i*b.syntheticVersions() + n
	return b.gone != nil && b.gone[bit/64]>>(bit%64)&1 == 1
}

func (b *bucket) dropSynthetic(i, n int) {
	bit := i*b.syntheticVersions() + n
	if b.gone == nil {
		b.gone = make([]uint64, (b.synthetic.Len()*b.syntheticVersions()+63)/64)
	}
	b.gone[bit/64] |= 1 << (bit % 64)
	b.goneCount++
}

// syntheticSeq is the sequence number of version n, 0 the newest, of key i.
func (b *bucket) syntheticSeq(i, n int) uint64 {
	all := b.syntheticVersions()
	return uint64(i*all + all - n)
}

// syntheticTime is when version n of key i was made: an hour before the next.
func (b *bucket) syntheticTime(i, n int) int64 {
	return b.synthetic.ModTime(i).Add(-time.Duration(n) * time.Hour).UnixNano()
}

// syntheticVersion makes version n, 0 the newest, of key i; nil where it was
// deleted. The checksum is not in it, it is the pattern's at that size.
func (b *bucket) syntheticVersion(i, n int) *version {
	if b.dropped(i, n) {
		return nil
	}
	return &version{
		seq:      b.syntheticSeq(i, n),
		null:     b.synthetic.Versions <= 1,
		size:     b.synthetic.SizeOf(i),
		modified: b.syntheticTime(i, n),
		etag:     b.synthetic.ETag(i),
		alg:      algCRC64NVME,
	}
}
