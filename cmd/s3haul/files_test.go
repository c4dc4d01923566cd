package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3haul/s3haul/walker/local"
)

// stream is what a file of n bytes has in it: the same for the same size.
func stream(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}), n)
}

func fillFile(name string, n int64) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, stream(n))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// complete says what is wrong with a file that fillFile should have made.
func complete(name string, n int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	got, want := bufio.NewReaderSize(f, 1<<20), bufio.NewReaderSize(stream(n), 1<<20)
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); ; {
		i, errA := io.ReadFull(got, a)
		j, errB := io.ReadFull(want, b)
		if !bytes.Equal(a[:i], b[:j]) {
			return fmt.Errorf("%s differs from what it was within 64 KiB of byte %d, or ends there", name, at)
		}
		if errA != nil || errB != nil {
			return nil
		}
		at += int64(i)
	}
}

// makeFiles makes a directory of n files of size bytes each, no two the same:
// each ends with its name.
func makeFiles(t *testing.T, n int, size int) string {
	t.Helper()
	dir := t.TempDir()
	content := named(t, size)
	for i := range n {
		name := filepath.Join(dir, fmt.Sprintf("d%02d", i%30), fmt.Sprintf("file-%05d", i))
		if i < 30 {
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, content(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// named gives what makeFiles puts into the file of a name. The bytes are good
// until the next call.
func named(t *testing.T, size int) func(name string) []byte {
	t.Helper()
	content, err := io.ReadAll(stream(int64(size)))
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) []byte {
		base := filepath.Base(name)
		copy(content[max(0, size-len(base)):], base)
		return content
	}
}

// checkFiles requires that every file below dir is as makeFiles made it, and
// that n of them are there, or with -1 any number, which it returns. unfinished
// says whether temporary files may be there; they do not count.
func checkFiles(t *testing.T, dir string, n, size int, unfinished bool) (seen int) {
	t.Helper()
	content := named(t, size)
	eachFile(t, dir, unfinished, func(path string) error {
		seen++
		got, err := os.ReadFile(path)
		if err == nil && !bytes.Equal(got, content(path)) {
			err = fmt.Errorf("%s is not what it was: %d bytes of %d", path, len(got), size)
		}
		return err
	})
	if n >= 0 && seen != n {
		t.Errorf("%s has %d files, want %d", dir, seen, n)
	}
	return seen
}

// eachFile calls do for the files below dir.
func eachFile(t *testing.T, dir string, unfinished bool, do func(path string) error) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if local.IsTemp(d.Name()) {
			if !unfinished {
				t.Errorf("a temporary file is left: %s", path)
			}
			return nil
		}
		return do(path)
	})
	if err != nil {
		t.Error(err)
	}
}
