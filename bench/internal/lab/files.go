package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// Directory makes a directory for all that a program does, in parent. Others of
// that program may be of runs that go on; progress is told of them, for one that
// was killed leaves its own behind.
func Directory(parent, program string, progress io.Writer) (string, error) {
	dir, err := os.MkdirTemp(parent, "s3haul-"+program+"-")
	if err != nil {
		return "", err
	}
	others, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "s3haul-"+program+"-*"))
	for _, other := range others {
		if other != dir {
			fmt.Fprintf(progress, "%s is of another run; remove it where that was killed\n", other)
		}
	}
	return dir, err
}

// Files are some files below a directory.
type Files struct {
	Dir   string // ends with a slash
	Bytes int64
	Sums  map[string]checksum.CRC64NVME // by the path below dir, with slashes
}

// Add counts a file in.
func (f *Files) Add(name string, sum checksum.CRC64NVME) {
	f.Sums[name] = sum
	f.Bytes += sum.Size
}

// One is the name of the largest file, the first of several.
func (f *Files) One() string {
	var name string
	for other, sum := range f.Sums {
		if size := f.Sums[name].Size; name == "" || sum.Size > size || sum.Size == size && other < name {
			name = other
		}
	}
	return name
}

// contentFrom is the size from which a file has the simulator's own content:
// bodies above it are not kept, but served again from the seed.
const contentFrom = 64 << 10

// Source makes the data, each set when it is first asked for.
type Source struct {
	dir     string
	content *s3sim.Pattern // the simulator's own
	sets    map[string]*Files
}

// NewSource makes a source of files below dir.
func NewSource(dir string) *Source {
	return &Source{dir: dir, content: s3sim.Content(0), sets: map[string]*Files{}}
}

// Small is n files of 4 KiB in ten directories.
func (s *Source) Small(ctx context.Context, name string, n int) (*Files, error) {
	return s.Set(name, func(f *Files) error {
		for i := range n {
			if err := s.Write(ctx, f, fmt.Sprintf("%02d/file-%05d", i%10, i), 4<<10); err != nil {
				return err
			}
		}
		return nil
	})
}

// One is a set of one file.
func (s *Source) One(ctx context.Context, name string, size int64) (*Files, error) {
	return s.Set(name, func(f *Files) error { return s.Write(ctx, f, name+".bin", size) })
}

// Set is the set of that name, filled when it is first asked for.
func (s *Source) Set(name string, fill func(*Files) error) (*Files, error) {
	if f := s.sets[name]; f != nil {
		return f, nil
	}
	f := &Files{Dir: filepath.Join(s.dir, "data", name) + "/", Sums: map[string]checksum.CRC64NVME{}}
	err := os.MkdirAll(f.Dir, 0o777)
	if err == nil {
		err = fill(f)
	}
	if err != nil {
		return nil, fmt.Errorf("making the %s files: %w", name, err)
	}
	s.sets[name] = f
	return f, nil
}

// Write makes one file of the set.
func (s *Source) Write(ctx context.Context, f *Files, name string, size int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var content io.Reader
	if size > contentFrom {
		content = s.content.Reader(size)
	} else {
		rng := rand.NewChaCha8([32]byte{byte(len(f.Sums)), byte(len(f.Sums) >> 8), byte(len(f.Sums) >> 16)})
		content = io.LimitReader(rng, size)
	}
	var sum checksum.CRC64NVME
	err := Create(filepath.Join(f.Dir, filepath.FromSlash(name)), func(file *os.File) error {
		out := bufio.NewWriterSize(io.MultiWriter(file, &sum), 1<<20)
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
		return out.Flush()
	})
	f.Add(name, sum)
	return err
}

// Create makes a file and the directories that it is in.
func Create(path string, fill func(*os.File) error) error {
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

// Same says how what is below dir differs from f, reading every byte of it.
func (f *Files) Same(dir string) error {
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
		want, ok := f.Sums[name]
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
	if err == nil && seen != len(f.Sums) {
		err = fmt.Errorf("%d files of %d came", seen, len(f.Sums))
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
