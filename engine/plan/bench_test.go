package plan_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// stored is a Source of entries that are in memory already.
type stored []walker.Entry

func (s stored) Ordered() bool { return true }

func (s stored) Walk(context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for _, e := range s {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// synthetic returns n entries, those left out whose number leave divides.
func synthetic(n, leave int) stored {
	s := make(stored, 0, n)
	for i := range n {
		if leave > 0 && i%leave == 0 {
			continue
		}
		s = append(s, walker.Entry{
			Key:     fmt.Sprintf("photos/2026/%03d/%08d.jpg", i/10_000, i),
			Size:    int64(i),
			ModTime: time.Unix(int64(i), 0),
			ETag:    "d41d8cd98f00b204e9800998ecf8427e",
		})
	}
	return s
}

func BenchmarkJoin(b *testing.B) {
	const n = 1_000_000
	for _, c := range []struct {
		name               string
		srcLeave, dstLeave int
	}{
		{"equal", 0, 0},
		{"mixed", 3, 5},
		{"empty destination", 0, 1},
	} {
		src, dst := synthetic(n, c.srcLeave), synthetic(n, c.dstLeave)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var actions int
			for b.Loop() {
				for _, err := range plan.Join(b.Context(), src, dst, plan.Options{Delete: true}) {
					if err != nil {
						b.Fatal(err)
					}
					actions++
				}
			}
			each := float64(b.N) * float64(max(len(src), len(dst)))
			b.ReportMetric(each/b.Elapsed().Seconds()/1e6, "Mentries/s/side")
			if actions < n*b.N/2 {
				b.Fatalf("%d actions in %d runs", actions, b.N)
			}
		})
	}
}
