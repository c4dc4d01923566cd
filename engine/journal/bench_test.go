package journal

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkIntend writes records down durably, by so many goroutines at a time,
// and forgets them: as many as there are large objects under way are kept.
func BenchmarkIntend(b *testing.B) {
	for _, goroutines := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			dir := b.TempDir()
			var commits, next atomic.Int64
			j := Open(Options{Dir: dir, Job: job(), hooks: hooks{committed: func() { commits.Add(1) }}})
			b.ResetTimer()
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						r := record(fmt.Sprintf("photos/2026/%08d.raw", i))
						if ok, err := j.Intend(b.Context(), r); !ok || err != nil {
							b.Errorf("Intend = %v, %v", ok, err)
							return
						}
						j.Forget(r.ID)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/float64(commits.Load()), "records/commit")
			if st, err := os.Stat(fileOf(dir)); err == nil {
				b.ReportMetric(float64(st.Size()), "bytes")
			}
			if err := j.Close(true); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkTemporary is what a directory costs, the first file in it and the others.
func BenchmarkTemporary(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			j := Open(Options{Dir: b.TempDir(), Job: job()})
			dir := "/data/photos/2026"
			if _, err := j.Temporary(b.Context(), dir); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !known {
					dir = fmt.Sprintf("/data/photos/2026/%08d", i)
				}
				if ok, err := j.Temporary(b.Context(), dir); !ok || err != nil {
					b.Fatalf("Temporary = %v, %v", ok, err)
				}
			}
			if err := j.Close(true); err != nil {
				b.Error(err)
			}
		})
	}
}

// BenchmarkOpen is what each run pays: none of the job, and one of 1,000 records.
func BenchmarkOpen(b *testing.B) {
	for _, records := range []int{0, 1000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			dir := b.TempDir()
			j := Open(Options{Dir: dir, Job: job()})
			var wg sync.WaitGroup
			for i := range records {
				wg.Go(func() { j.Intend(b.Context(), record(fmt.Sprintf("photos/2026/%08d.raw", i))) })
			}
			wg.Wait()
			if err := j.Close(false); err != nil {
				b.Fatal(err)
			}
			if st, err := os.Stat(fileOf(dir)); err == nil {
				b.ReportMetric(float64(st.Size()), "bytes")
			}
			for b.Loop() {
				j := Open(Options{Dir: dir, Job: job()})
				if n := len(j.Unclaimed()); n != records {
					b.Fatalf("%d records", n)
				}
				if err := j.Close(false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
