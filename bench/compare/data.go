package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// source is the data of the workloads.
type source struct {
	*lab.Source
	scale float64
	large int64
}

func (s *source) scaled(n int) int { return max(1, int(math.Round(float64(n)*s.scale))) }

// smallFiles are 10,000 files of 4 KiB in ten directories.
func (s *source) smallFiles(ctx context.Context) (*lab.Files, error) {
	return s.Small(ctx, "small", s.scaled(10_000))
}

// largeFile is one file.
func (s *source) largeFile(ctx context.Context) (*lab.Files, error) {
	return s.One(ctx, "large", max(1, int64(float64(s.large)*s.scale)))
}

// mixedFiles are about 1 GiB in sizes from 1 KiB to 64 MiB, as many between 1
// and 2 KiB as between 32 and 64 MiB.
func (s *source) mixedFiles(ctx context.Context) (*lab.Files, error) {
	return s.Set("mixed", func(f *lab.Files) error {
		total := max(64<<10, int64((1<<30)*s.scale))
		least, most := 1<<10, min(64<<20, total/8)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := 0; f.Bytes < total; i++ {
			size := float64(least) * math.Pow(float64(most)/float64(least), rng.Float64())
			if err := s.Write(ctx, f, fmt.Sprintf("%02d/mixed-%04d", i%10, i), int64(size)); err != nil {
				return err
			}
		}
		return nil
	})
}

// noopTree is what the bucket of keys has: the same names and sizes, and older.
// The files are holes, nobody is to read them.
func (s *source) noopTree(ctx context.Context) (*lab.Files, error) {
	return s.Set("noop", func(f *lab.Files) error {
		old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		keys := noopKeys(s.scaled(noopCount))
		for i := range keys.Len() {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			path := filepath.Join(f.Dir, filepath.FromSlash(keys.Key(i)))
			if err := lab.Create(path, func(file *os.File) error { return file.Truncate(noopSize) }); err != nil {
				return err
			}
			if err := os.Chtimes(path, old, old); err != nil {
				return err
			}
			f.Add(keys.Key(i), checksum.CRC64NVME{Size: noopSize})
		}
		return nil
	})
}

const (
	noopCount = 200_000 // in directories of 1000
	noopSize  = 128
)

// noopKeys are the keys that the simulator makes up for the no-op sync.
func noopKeys(count int) s3sim.Synthetic {
	return s3sim.Synthetic{Bucket: "noop", Layout: s3sim.LayoutDirs, Count: count, Size: noopSize}
}
