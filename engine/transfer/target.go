package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"sync"
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
	name       string // in root
	dir        *dir
	base, temp string      // names in dir
	nameless   bool        // it has no temporary name: see dir.anonymous
	mode       fs.FileMode // of the file that is replaced; 0 where there is none
	preserved  fs.FileMode // what the object says its file had; 0 where that is not known
	marks      marked
	writing    sync.Mutex
}

// WriteAt writes one range at a time. The kernel has a lock on each file for
// that, and threads that wait for it burn the processor; goroutines sleep.
func (t *target) WriteAt(p []byte, off int64) (int, error) {
	if err := t.dir.of.may("write", t.name); err != nil {
		return 0, err
	}
	t.writing.Lock()
	defer t.writing.Unlock()
	return t.File.WriteAt(p, off)
}

// Write is WriteAt where the file is.
func (t *target) Write(p []byte) (int, error) {
	if err := t.dir.of.may("write", t.name); err != nil {
		return 0, err
	}
	return t.File.Write(p)
}

// create makes the temporary file and the directories above it.
func (d *dirs) create(ctx context.Context, root *os.Root, name string, size int64) (*target, error) {
	return d.in(root, name, func(t *target) error { return t.make(ctx, size) })
}

// in has a target made in its directory, which is opened, or made.
func (d *dirs) in(root *os.Root, name string, make func(*target) error) (*target, error) {
	parent, base := path.Dir(name), path.Base(name)
	if name == "" || name[len(name)-1] == '/' {
		return nil, fmt.Errorf("%q is not the name of a file", name)
	}
	for try := 0; ; try++ {
		dir, err := d.get(root, parent)
		if err != nil {
			return nil, inTheWay(name, err)
		}
		t := &target{root: root, name: name, dir: dir, base: base}
		if err = d.may("create", name); err == nil {
			err = make(t)
		}
		if err == nil {
			return t, nil
		}
		if try == 3 || !errors.Is(err, fs.ErrNotExist) {
			dir.release()
			return nil, err
		}
		dir.forget() // somebody has removed it
		dir.release()
	}
}

// make makes the temporary file. Of a large one it looks first at what has the
// name already; a small one finds out in the end.
func (t *target) make(ctx context.Context, size int64) error {
	if t.dir.of.noOverwrite { // asked now, and once more in the end
		if err := t.look(); err != nil {
			return err
		}
	}
	if size == 0 {
		if t.File, t.nameless = t.dir.anonymous(t.name); t.nameless {
			return nil
		}
	}
	if err := t.look(); err != nil {
		return err
	}
	if err := t.dir.temporary(ctx); err != nil {
		return err
	}
	t.temp = local.TempName(rand.Uint64())
	return t.open(size)
}

// open makes the temporary file under the name that it has, or another one where
// that is taken, and locks it.
func (t *target) open(size int64) error {
	for try := 0; ; try++ {
		// O_RDWR: what was written may be read again.
		f, err := t.dir.OpenFile(t.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NONBLOCK, 0o666) // see open
		if err == nil {
			if t.File = f; t.locked() {
				break
			}
			_ = f.Close() // who tidies up has taken it for one that is left
			err = fs.ErrExist
		}
		if try == 3 || !errors.Is(err, fs.ErrExist) {
			return inTheWay(t.name, t.named(err))
		}
		t.temp = local.TempName(rand.Uint64())
	}
	if err := preallocate(t.File, size); err != nil {
		t.remove()
		return t.named(err)
	}
	return nil
}

// locked takes the lock of the temporary file, and says whether it still has its
// name. A file system that knows no locks has none to take.
func (t *target) locked() bool {
	if ok, err := lock(t.File); err == nil && !ok {
		return false
	}
	here, err := t.Stat()
	if err != nil {
		return false
	}
	there, err := t.dir.Lstat(t.temp)
	return err == nil && os.SameFile(here, there)
}

// look finds out what has the final name.
func (t *target) look() error {
	switch fi, err := t.dir.Lstat(t.base); {
	case err == nil && fi.IsDir():
		return fmt.Errorf("%s: %w", t.name, ErrDirectory)
	case err == nil && t.dir.of.noOverwrite:
		return fmt.Errorf("%s: %w", t.name, ErrExists)
	case err == nil && fi.Mode().IsRegular():
		t.mode = fi.Mode().Perm()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return t.named(err)
	}
	return nil
}

// errNameless says that a file that was made without a name cannot have one.
var errNameless = errors.New("a file without a name stays without one")

// appear gives a file without a name its final one, or where that is taken a
// temporary one: then it is left to commit.
func (t *target) appear(ctx context.Context, mtime time.Time) error {
	err := t.dir.appear(t.File, t.base, mtime)
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	if t.dir.of.noOverwrite {
		return fmt.Errorf("%s: %w", t.name, ErrExists)
	}
	if err := t.look(); err != nil {
		return err
	}
	if err := t.dir.temporary(ctx); err != nil {
		return err
	}
	_, _ = lock(t.File) // before it has a name
	for try := 0; errors.Is(err, fs.ErrExist) && try < 3; try++ {
		t.temp = local.TempName(rand.Uint64())
		err = t.dir.appear(t.File, t.temp, time.Time{}) // commit sets its time
	}
	t.nameless = err != nil
	return err
}

// inTheWay recognises the errors of a name that is taken by the other kind.
func inTheWay(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s: a file where a directory is needed %w", name, ErrInTheWay)
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%s: a file or directory of a name on its way %w: %w", name, ErrInTheWay, err)
	}
	return err
}

// named gives errors about the temporary file the name that people know.
func (t *target) named(err error) error {
	p, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	if base := path.Base(filepath.ToSlash(p.Path)); base != t.temp && base != t.base {
		return err
	}
	return &fs.PathError{Op: p.Op, Path: filepath.Join(t.root.Name(), filepath.FromSlash(t.name)), Err: p.Err}
}

// commit gives the file its mode, its times and its final name.
func (t *target) commit(ctx context.Context, mtime time.Time) error {
	defer t.dir.release()
	err := t.dir.of.may("rename", t.name)
	if err == nil && t.nameless {
		err = t.appear(ctx, mtime)
	}
	t.mode = cmp.Or(t.preserved, t.mode)
	if err == nil && t.mode != 0 {
		if err = t.dir.of.may("chmod", t.name); err == nil {
			err = t.Chmod(t.mode)
		}
	}
	err = errors.Join(err, t.Close())
	switch {
	case err != nil || t.temp == "":
	case t.dir.of.noOverwrite:
		err = t.dir.add(t.temp, t.base, mtime)
	default:
		err = t.dir.finish(t.temp, t.base, mtime)
	}
	if err != nil {
		if t.temp != "" {
			_ = t.dir.Remove(t.temp)
		}
		return inTheWay(t.name, t.named(err))
	}
	return nil
}

// discard removes what there is of the file.
func (t *target) discard() {
	t.remove()
	t.dir.release()
}

func (t *target) remove() {
	_ = t.Close()
	if t.temp != "" {
		_ = t.dir.Remove(t.temp)
	}
}
