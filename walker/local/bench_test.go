package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// BenchmarkWalk walks empty files on the disk of the temporary directory, with
// a warm cache.
func BenchmarkWalk(b *testing.B) {
	for _, c := range []struct {
		name        string
		dirs, files int
	}{{"100x1000", 100, 1000}, {"1x100000", 1, 100_000}, {"20000x5", 20_000, 5}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			for d := range c.dirs {
				sub := filepath.Join(dir, fmt.Sprintf("directory-%05d", d))
				must(b, os.Mkdir(sub, 0o755))
				for f := range c.files {
					must(b, os.WriteFile(filepath.Join(sub, fmt.Sprintf("file-%06d.jpeg", f)), nil, 0o644))
				}
			}
			for name, sys := range systems() {
				b.Run(name, func(b *testing.B) { benchmarkWalk(b, with(sys, dir, Options{}), c.dirs*c.files) })
			}
			b.Run("spilled", func(b *testing.B) {
				benchmarkWalk(b, New(dir, Options{SpillNames: 500, SpillDir: b.TempDir()}), c.dirs*c.files)
			})
		})
	}
}

func benchmarkWalk(b *testing.B, s *Source, want int) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	entries := 0
	for b.Loop() {
		n := 0
		for _, err := range s.Walk(b.Context()) {
			must(b, err)
			n++
		}
		if n != want {
			b.Fatalf("%d entries, want %d", n, want)
		}
		entries += n
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(entries), "allocs/entry")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(entries), "B/entry")
}

func BenchmarkNamesSort(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	n := &names{}
	for _, i := range rnd.Perm(100_000) {
		n.add(fmt.Appendf(nil, "file-%06d.jpeg", i), kindFile)
	}
	shuffled := append([]ref(nil), n.refs...)
	for b.Loop() {
		copy(n.refs, shuffled)
		n.sort()
	}
}
