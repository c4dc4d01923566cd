package s3sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// What is deleted, found and passed over is what a plain set says.
func TestGone(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, versions := range []int{0, 1, 2, 3, 64, 65} {
		for _, count := range []int{0, 1, 63, 64, 200} {
			b := newBucket("bucket", "", time.Now(), &Conditions{})
			b.setSynthetic(&Synthetic{Bucket: "bucket", Layout: LayoutHex, Count: count, Versions: versions})
			all := b.syntheticVersions()
			gone := map[[2]int]bool{}
			for round := range 8 {
				for range count * all / 20 { // a random one, and a stretch of them
					at := rng.IntN(count * all)
					for end := min(at+rng.IntN(200), count*all); at < end; at++ {
						i, n := at/all, at%all
						if marker := b.remove(b.synthetic.Key(i), idOf(b, i, n)); marker {
							t.Fatal("it is taken for a marker")
						}
						gone[[2]int{i, n}] = true
					}
				}
				if b.goneCount != len(gone) || b.empty() != (len(gone) == count*all) {
					t.Fatalf("%d are gone, want %d of %d", b.goneCount, len(gone), count*all)
				}
				next := count
				for i := count - 1; i >= 0; i-- {
					first := -1
					for n := all - 1; n >= 0; n-- {
						if !gone[[2]int{i, n}] {
							first = n
						}
					}
					if first >= 0 {
						next = i
					}
					if got := b.firstSynthetic(i); got != first {
						t.Fatalf("the first of key %d is %d, want %d", i, got, first)
					}
					if got := b.undeleted(i); got != next {
						t.Fatalf("round %d, %d keys of %d versions: behind %d comes %d, want %d", round, count, all, i, got, next)
					}
				}
				if got := b.undeleted(count); got != count {
					t.Fatalf("behind the last comes %d", got)
				}
			}
		}
	}
}

func idOf(b *bucket, i, n int) string {
	return (&version{seq: b.syntheticSeq(i, n), null: b.syntheticVersions() == 1}).id()
}

// An id belongs to one key, and finds one version there.
func TestSyntheticAt(t *testing.T) {
	for _, layout := range Layouts() {
		for _, versions := range []int{1, 3} {
			b := newBucket("bucket", "", time.Now(), &Conditions{})
			b.setSynthetic(&Synthetic{Bucket: "bucket", Layout: layout, Count: 500, Versions: versions})
			for i := range 500 {
				key := b.synthetic.Key(i)
				for n := range versions {
					id := idOf(b, i, n)
					if gotI, gotN := b.syntheticAt(key, id); gotI != i || gotN != n {
						t.Fatalf("%s of %q is version %d of key %d, want %d of %d", id, key, gotN, gotI, n, i)
					}
					v := b.at(key, id)
					if v == nil || v.id() != id {
						t.Fatalf("%s of %q: %+v", id, key, v)
					}
					for _, other := range []string{key + "x", b.synthetic.Key((i + 1) % 500)} {
						if gotI, _ := b.syntheticAt(other, id); gotI >= 0 && versions > 1 {
							t.Fatalf("%s of %q is there, with key %d", id, other, gotI)
						}
					}
				}
				for _, id := range []string{"", "x", "null", (&version{seq: 0}).id(), (&version{seq: firstSequence}).id(), (&version{seq: uint64(500*versions + 1)}).id()} {
					if got, _ := b.syntheticAt(key, id); got >= 0 && (id != "null" || versions > 1) {
						t.Fatalf("%q of %q is there", id, key)
					}
				}
			}
		}
	}
}

// Keys are found in any order.
func TestSyntheticIndex(t *testing.T) {
	b := newBucket("bucket", "", time.Now(), &Conditions{})
	b.setSynthetic(&Synthetic{Bucket: "bucket", Layout: LayoutUnicode, Count: 1000})
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		at := rng.IntN(1000)
		for i := at; i < min(at+3, 1000); i++ {
			if got := b.syntheticIndex(b.synthetic.Key(i)); got != i {
				t.Fatalf("key %d is %d", i, got)
			}
			if got := b.syntheticIndex(fmt.Sprint(b.synthetic.Key(i), "0")); got >= 0 {
				t.Fatalf("what is no key is %d", got)
			}
		}
	}
}
