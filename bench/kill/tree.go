package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/walker/local"
)

// trees are the files that are moved, as they are to be, and what some of them
// were before.
type trees struct {
	now *lab.Files
	// objects are of the simulator's own content, which it can serve again; files
	// are of another, and most have the size of what replaces them.
	objects, files *lab.Files
}

// sizes are the files that are moved: by number, name and bytes.
func sizes(large int64) (names []string, bytes []int64) {
	add := func(name string, size int64) {
		names, bytes = append(names, name), append(bytes, size)
	}
	add("empty", 0)
	add("one byte", 1)
	add("4 KiB", 4<<10)
	add("a/b/c/d/e/f/g/h/i/j/deep", 777)
	add("a/b/c/d/e/f/g/h/i/j/empty, too", 0)
	add("  blanks in  /the name .txt", 12_345)
	add("Ångström/日本語/ключ.txt", 54_321)
	add("percent%20+plus&and=.txt", 99)
	for i := range 100 {
		add(fmt.Sprintf("many/%02d/file %03d", i%7, i), int64(1+i*311))
	}
	add("mid/one part", partSize)
	add("mid/one part and a byte", partSize+1)
	add("mid/08 MiB", 8*mib)
	add("mid/12 MiB", 12*mib)
	add("mid/20 MiB", 20*mib+17)
	add("large", large)
	return names, bytes
}

// trees makes the files where they are not there yet.
func (b *bench) trees(ctx context.Context, large int64) (t trees, err error) {
	name := fmt.Sprintf("tree-%d", large>>20)
	names, bytes := sizes(large)
	if t.now, err = b.source.Set(name, func(f *lab.Files) error {
		for i := range names {
			if err := b.source.Write(ctx, f, names[i], bytes[i]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return t, err
	}
	if t.objects, err = b.source.Set(name+"-objects", func(f *lab.Files) error {
		for i := range names {
			if i%9 == 3 || bytes[i] == 12*mib || bytes[i] == large {
				if err := b.source.Write(ctx, f, names[i], min(bytes[i]/2+1, 6*mib+1)); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		return t, err
	}
	t.files, err = b.source.Set(name+"-files", func(f *lab.Files) error {
		other := s3sim.Content(1)
		for i := range names {
			size := bytes[i]
			switch {
			case size == large:
				size = 3 * mib
			case i%9 == 3, size == 12*mib:
			default:
				continue
			}
			err := lab.Create(filepath.Join(f.Dir, filepath.FromSlash(names[i])), func(file *os.File) error {
				_, err := other.WriteRange(file, 0, size)
				return err
			})
			if err != nil {
				return err
			}
			f.Add(names[i], other.Sum(size))
		}
		return nil
	})
	return t, err
}

// states are what each file or object may be, by name: at any time one of these,
// and the first of them in the end.
type states map[string][]checksum.CRC64NVME

func statesOf(now *lab.Files, before ...*lab.Files) states {
	s := states{}
	for _, f := range append([]*lab.Files{now}, before...) {
		for name, sum := range f.Sums {
			s[name] = append(s[name], sum)
		}
	}
	return s
}

// look says how what is called name differs from what it may be; arrived, that
// it is what it has to become.
func (s states) look(name string, sum checksum.CRC64NVME, last bool) (arrived bool, err error) {
	may, known := s[name]
	if !known {
		return false, fmt.Errorf("%q is there, and nobody made it", name)
	}
	for i, want := range may {
		if sum == want && (i == 0 || !last) {
			return i == 0, nil
		}
	}
	if last {
		return false, fmt.Errorf("%q has %d bytes with CRC64NVME %s, not %d with %s", name, sum.Size, sum, may[0].Size, may[0])
	}
	return false, fmt.Errorf("%q is torn: %d bytes with CRC64NVME %s, neither what it was nor what it becomes", name, sum.Size, sum)
}

// missing are the names that arrived does not have.
func (s states) missing(arrived map[string]bool) (problems []error) {
	for name := range s {
		if !arrived[name] {
			problems = append(problems, fmt.Errorf("%q is not there", name))
		}
	}
	return problems
}

// inDir looks at all files below dir. In the end no temporary one may be there.
func (s states) inDir(dir string, last bool) (arrived map[string]bool, problems []error) {
	arrived = map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if local.IsTemp(d.Name()) {
			if last {
				problems = append(problems, fmt.Errorf("the temporary file %s %w", path, errLeft))
			}
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		sum, err := sumOf(path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		there, err := s.look(name, sum, last)
		if err != nil {
			problems = append(problems, err)
		}
		if there {
			arrived[name] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problems = append(problems, err)
	}
	return arrived, problems
}

func sumOf(path string) (sum checksum.CRC64NVME, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{&sum}, struct{ io.Reader }{file}, make([]byte, mib))
	return sum, err
}

// errLeft is of what only costs room: a temporary file, an open upload.
var errLeft = errors.New("is left")

// leftIn says what files are below a directory that has to have none.
func leftIn(what, dir string) (problems []error) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		problems = append(problems, fmt.Errorf("%s %s is left", what, path))
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		problems = append(problems, err)
	}
	return problems
}

// replicate gives dir the files of f, older than any object: by links where they
// are only read or removed, else by copies.
func replicate(f *lab.Files, dir string, link bool) error {
	long := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	for name := range f.Sums {
		from, to := filepath.Join(f.Dir, filepath.FromSlash(name)), filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if link {
			if err := os.Link(from, to); err != nil {
				return err
			}
			continue
		}
		err := lab.Create(to, func(file *os.File) error {
			in, err := os.Open(from)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = io.Copy(file, in)
			return err
		})
		if err == nil {
			err = os.Chtimes(to, long, long)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bytesOf are those of some names.
func (s states) bytesOf(names map[string]bool) (n int64) {
	for name := range names {
		n += s[name][0].Size
	}
	return n
}
