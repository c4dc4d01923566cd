package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// files are some files below a directory.
type files struct {
	dir   string // ends with a slash
	bytes int64
	sums  map[string]checksum.CRC64NVME // by the path below dir, with slashes
}

// add counts a file in.
func (f *files) add(name string, sum checksum.CRC64NVME) {
	f.sums[name] = sum
	f.bytes += sum.Size
}

// one is the name of the largest file, the first of several.
func (f *files) one() string {
	var name string
	for other, sum := range f.sums {
		if size := f.sums[name].Size; name == "" || sum.Size > size || sum.Size == size && other < name {
			name = other
		}
	}
	return name
}

// contentFrom is the size from which a file has the simulator's own content:
// bodies above it are not kept, but served again from the seed.
const contentFrom = 64 << 10

// source makes the data, each set when it is first asked for.
type source struct {
	dir   string
	scale float64
	large int64
	// content is the simulator's own.
	content *s3sim.Pattern
	sets    map[string]*files
}

func (s *source) scaled(n int) int { return max(1, int(math.Round(float64(n)*s.scale))) }

// smallFiles are 10,000 files of 4 KiB in ten directories.
func (s *source) smallFiles(ctx context.Context) (*files, error) {
	return s.set("small", func(f *files) error {
		for i := range s.scaled(10_000) {
			if err := s.write(ctx, f, fmt.Sprintf("%02d/file-%05d", i%10, i), 4<<10); err != nil {
				return err
			}
		}
		return nil
	})
}

// largeFile is one file.
func (s *source) largeFile(ctx context.Context) (*files, error) {
	return s.set("large", func(f *files) error {
		return s.write(ctx, f, "large.bin", max(1, int64(float64(s.large)*s.scale)))
	})
}

// mixedFiles are about 1 GiB in sizes from 1 KiB to 64 MiB, as many between 1
// and 2 KiB as between 32 and 64 MiB.
func (s *source) mixedFiles(ctx context.Context) (*files, error) {
	return s.set("mixed", func(f *files) error {
		total := max(64<<10, int64((1<<30)*s.scale))
		least, most := 1<<10, min(64<<20, total/8)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := 0; f.bytes < total; i++ {
			size := float64(least) * math.Pow(float64(most)/float64(least), rng.Float64())
			if err := s.write(ctx, f, fmt.Sprintf("%02d/mixed-%04d", i%10, i), int64(size)); err != nil {
				return err
			}
		}
		return nil
	})
}

// noopTree is what the bucket of keys has: the same names and sizes, and older.
// The files are holes, nobody is to read them.
func (s *source) noopTree(ctx context.Context) (*files, error) {
	return s.set("noop", func(f *files) error {
		old := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		keys := noopKeys(s.scaled(noopCount))
		for i := range keys.Len() {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			path := filepath.Join(f.dir, filepath.FromSlash(keys.Key(i)))
			if err := create(path, func(file *os.File) error { return file.Truncate(noopSize) }); err != nil {
				return err
			}
			if err := os.Chtimes(path, old, old); err != nil {
				return err
			}
			f.add(keys.Key(i), checksum.CRC64NVME{Size: noopSize})
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

func (s *source) set(name string, fill func(*files) error) (*files, error) {
	if f := s.sets[name]; f != nil {
		return f, nil
	}
	f := &files{dir: filepath.Join(s.dir, "data", name) + "/", sums: map[string]checksum.CRC64NVME{}}
	err := os.MkdirAll(f.dir, 0o777)
	if err == nil {
		err = fill(f)
	}
	if err != nil {
		return nil, fmt.Errorf("making the %s files: %w", name, err)
	}
	s.sets[name] = f
	return f, nil
}

func (s *source) write(ctx context.Context, f *files, name string, size int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var content io.Reader
	if size > contentFrom {
		content = s.content.Reader(size)
	} else {
		rng := rand.NewChaCha8([32]byte{byte(len(f.sums)), byte(len(f.sums) >> 8), byte(len(f.sums) >> 16)})
		content = io.LimitReader(rng, size)
	}
	var sum checksum.CRC64NVME
	err := create(filepath.Join(f.dir, filepath.FromSlash(name)), func(file *os.File) error {
		out := bufio.NewWriterSize(io.MultiWriter(file, &sum), 1<<20)
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
		return out.Flush()
	})
	f.add(name, sum)
	return err
}

// create makes a file and the directories that it is in.
func create(path string, fill func(*os.File) error) error {
	file, err := os.Create(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		file, err = os.Create(path)
	}
	if err != nil {
		return err
	}
	return errors.Join(fill(file), file.Close())
}

// same says how what is below dir differs from f, reading every byte of it.
func (f *files) same(dir string) error {
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		want, ok := f.sums[name]
		if !ok {
			return fmt.Errorf("%s was not to be downloaded", name)
		}
		got, err := sumOf(path)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s: %d bytes with CRC64NVME %s came, not %d with %s", name, got.Size, got, want.Size, want)
		}
		seen++
		return nil
	})
	if err == nil && seen != len(f.sums) {
		err = fmt.Errorf("%d files of %d came", seen, len(f.sums))
	}
	return err
}

func sumOf(path string) (checksum.CRC64NVME, error) {
	var sum checksum.CRC64NVME
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{&sum}, struct{ io.Reader }{file}, make([]byte, 1<<20))
	return sum, err
}
