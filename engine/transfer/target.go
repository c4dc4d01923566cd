package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/s3haul/s3haul/walker/local"
)

// target is a file in the making: a temporary file beside the final name, which
// it takes only when it is complete. All names are relative to a root that no
// name and no link leads out of (CVE-2026-71313).
type target struct {
	*os.File
	root       *os.Root
	name, temp string
	mode       fs.FileMode // of the file that is replaced; 0 where there is none
}

// create makes the temporary file and the directories above it.
func create(root *os.Root, name string, size int64) (*target, error) {
	t := &target{root: root, name: name}
	switch fi, err := root.Lstat(name); {
	case err == nil && fi.IsDir():
		return nil, fmt.Errorf("%s: %w", name, ErrDirectory)
	case err == nil && fi.Mode().IsRegular():
		t.mode = fi.Mode().Perm()
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s: a file where a directory is needed %w", name, ErrInTheWay)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	dir := path.Dir(name)
	for try := 0; ; try++ {
		t.temp = path.Join(dir, local.TempName(rand.Uint64()))
		f, err := root.OpenFile(t.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			t.File = f
			break
		}
		if try == 3 || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return nil, inTheWay(name, err)
		}
		if errors.Is(err, fs.ErrNotExist) {
			if err := root.MkdirAll(dir, 0o777); err != nil {
				return nil, inTheWay(name, err)
			}
		}
	}
	if err := preallocate(t.File, size); err != nil {
		t.discard()
		return nil, t.named(err)
	}
	return t, nil
}

// inTheWay recognises the errors of a name that is taken by the other kind.
func inTheWay(name string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("%s: a file or directory of a name on its way %w: %w", name, ErrInTheWay, err)
	}
	return err
}

// named gives errors about the temporary file the name that people know.
func (t *target) named(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && path.Base(filepath.ToSlash(p.Path)) == path.Base(t.temp) {
		return &fs.PathError{Op: p.Op, Path: filepath.Join(t.root.Name(), filepath.FromSlash(t.name)), Err: p.Err}
	}
	return err
}

// commit gives the file its times, its mode and its final name.
func (t *target) commit(mtime time.Time) error {
	err := t.Close()
	if err == nil && t.mode != 0 {
		err = t.root.Chmod(t.temp, t.mode)
	}
	if err == nil && !mtime.IsZero() {
		err = t.root.Chtimes(t.temp, mtime, mtime)
	}
	if err == nil {
		err = t.root.Rename(t.temp, t.name)
	}
	if err != nil {
		_ = t.root.Remove(t.temp)
		return inTheWay(t.name, err)
	}
	return nil
}

// discard removes what there is of the file.
func (t *target) discard() {
	_ = t.Close()
	_ = t.root.Remove(t.temp)
}
