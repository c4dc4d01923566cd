package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// rows are n entries in the order of their keys, per of them in a directory.
func rows(n, per int) []walker.Entry {
	all := make([]walker.Entry, n)
	for i := range all {
		all[i] = walker.Entry{
			Key: fmt.Sprintf("2026/%05d/%06d", i/per, i), Size: int64(i), Latest: i%3 == 0,
			ModTime: time.Unix(int64(i), 0), StorageClass: []string{"STANDARD", "GLACIER"}[i/per%2],
		}
	}
	return all
}

func newCounter(depth int) *counter {
	return &counter{depth: depth, versions: true, prefixes: map[string]*Amount{}, classes: map[string]*Amount{}}
}

// A hundred million entries are counted: none of them may cost an allocation.
func TestCountAllocatesNothing(t *testing.T) {
	all := rows(1000, 7)
	c := newCounter(2)
	for i := range all {
		c.count(&all[i])
	}
	if n := testing.AllocsPerRun(10, func() {
		for i := range all {
			c.count(&all[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations for 1000 entries of prefixes that are known", n)
	}
}

func BenchmarkCount(b *testing.B) {
	for _, per := range []int{1000, 1} {
		b.Run(fmt.Sprintf("%d a prefix", per), func(b *testing.B) {
			all := rows(10_000, per)
			c := newCounter(2)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.count(&all[i%len(all)])
			}
		})
	}
}
