package s3sim

import (
	"bytes"
	"sort"
)

// maxPage is the most keys a page of a listing has.
const maxPage = 1000

// cursor goes over the keys of a bucket in order, real and synthetic ones
// together. The bucket's lock is held meanwhile.
type cursor struct {
	b       *bucket
	real    []*object // read ahead
	ended   bool      // nothing is behind what was read ahead
	key     []byte    // of the synthetic key
	syn     int       // its index
	current []byte
}

// cursorChunk is how many objects a cursor reads ahead.
const cursorChunk = 256

func newCursor(b *bucket, from []byte) *cursor {
	k := &cursor{b: b, current: make([]byte, 0, 128)}
	k.seek(from)
	return k
}

// seek goes to the first key that is not before from.
func (k *cursor) seek(from []byte) {
	if n := len(k.real); n == 0 || k.real[n-1].key < string(from) {
		k.fill(string(from))
	} else {
		i := sort.Search(n, func(i int) bool { return k.real[i].key >= string(from) })
		k.real = k.real[i:]
	}
	if k.b.synthetic != nil {
		k.syn = k.b.synthetic.Search(string(from))
		k.settle()
	}
}

// fill reads objects from a key on ahead.
func (k *cursor) fill(from string) {
	k.real, k.ended = k.real[:0], true
	k.b.objects.AscendGreaterOrEqual(&object{key: from}, func(o *object) bool {
		if len(k.real) == cursorChunk {
			k.ended = false
			return false
		}
		k.real = append(k.real, o)
		return true
	})
}

// settle passes over synthetic keys that are deleted, and writes out the first
// that is not.
func (k *cursor) settle() {
	k.key = k.key[:0]
	k.syn = k.b.undeleted(k.syn)
	if k.syn < k.b.synthetic.Len() {
		k.key = k.b.synthetic.AppendKey(k.key, k.syn)
	}
}

// item returns the key that the cursor is at, valid until it moves, and its
// real object; nil where it is synthetic. ok is false at the end.
func (k *cursor) item() (key []byte, o *object, ok bool) {
	if len(k.real) > 0 && (len(k.key) == 0 || k.real[0].key <= string(k.key)) {
		k.current = append(k.current[:0], k.real[0].key...)
		return k.current, k.real[0], true
	}
	return k.key, nil, len(k.key) > 0
}

// next goes behind the key that the cursor is at.
func (k *cursor) next() {
	_, o, ok := k.item()
	if !ok {
		return
	}
	if o == nil {
		k.syn++
		k.settle()
		return
	}
	k.real = k.real[1:]
	if len(k.real) == 0 && !k.ended {
		k.fill(o.key + "\x00")
	}
}

// behind returns the least string that is after all that begin with prefix;
// nil where there is none.
func behind(prefix []byte) []byte {
	for n := len(prefix); n > 0; n-- {
		if prefix[n-1] < 0xff {
			out := bytes.Clone(prefix[:n])
			out[n-1]++
			return out
		}
	}
	return nil
}
