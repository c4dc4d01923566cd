package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/s3haul/s3haul/engine/journal"
)

// dirs are the directories that files are being made in. All that are made in
// one of them at a time share it: to open a directory costs each of its files as
// much as half of the rest does, and from the root each step opens it anew. It
// is closed with the last of them, so that nothing has to be closed in the end.
// The zero value is ready.
type dirs struct {
	mu   sync.Mutex
	open map[dirName]*dir
	// named says that every file has to have a name from the beginning.
	named atomic.Bool

	journal     *journal.Journal // nil: temporary names are not written down
	noOverwrite bool
	fault       func(op, name string) error // see Options.Fault; nil asks nobody
}

// may is Options.Fault.
func (d *dirs) may(op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

type dirName struct {
	root *os.Root
	name string
}

// dir is one of them.
type dir struct {
	*os.Root
	file *os.File // the same directory
	fd   int      // of file; File.Fd is not for each name, it may ask the system
	name dirName
	of   *dirs
	refs int
	// noted says that the journal knows of it.
	noted atomic.Bool
}

// get opens the directory of that name below root, and makes it where it is not
// there. It must be released.
func (d *dirs) get(root *os.Root, name string) (*dir, error) {
	key := dirName{root, name}
	if shared := d.share(key, nil); shared != nil {
		return shared, nil
	}
	if err := d.may("mkdir", name); err != nil {
		return nil, err
	}
	opened, err := openDir(root, name)
	if err != nil {
		return nil, err
	}
	file, err := opened.OpenFile(".", os.O_RDONLY|syscall.O_NONBLOCK, 0) // see open
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	shared := d.share(key, &dir{Root: opened, file: file, fd: int(file.Fd()), name: key, of: d})
	if shared.Root != opened { // somebody else has opened it, too
		_ = file.Close()
		_ = opened.Close()
	}
	return shared, nil
}

// share returns the directory if it is open; if not, and there is one to begin
// with, it is that.
func (d *dirs) share(key dirName, opened *dir) *dir {
	d.mu.Lock()
	defer d.mu.Unlock()
	shared := d.open[key]
	if shared == nil {
		if opened == nil {
			return nil
		}
		if d.open == nil {
			d.open = map[dirName]*dir{}
		}
		shared = opened
		d.open[key] = shared
	}
	shared.refs++
	return shared
}

// path is the absolute path of the directory.
func (d *dir) path() (string, error) {
	return filepath.Abs(filepath.Join(d.name.root.Name(), filepath.FromSlash(d.name.name)))
}

// temporary has the journal know that there may be temporary files in the
// directory, before the first is made.
func (d *dir) temporary(ctx context.Context) error {
	if d.of.journal == nil || d.noted.Load() {
		return nil
	}
	path, err := d.path()
	if err != nil {
		return err
	}
	if _, err = d.of.journal.Temporary(ctx, path); err == nil {
		d.noted.Store(true)
	}
	return err
}

// add gives the closed file temp its time and the name base, which must be free:
// the error is else ErrExists.
func (d *dir) add(temp, base string, mtime time.Time) error {
	if !mtime.IsZero() {
		if err := d.Chtimes(temp, mtime, mtime); err != nil {
			return err
		}
	}
	err := d.Link(temp, base)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", base, ErrExists)
	}
	if err == nil {
		return d.Remove(temp)
	}
	// A file system without links: a name that was free is taken first.
	f, oerr := d.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(oerr, fs.ErrExist) {
		return fmt.Errorf("%s: %w", base, ErrExists)
	}
	if oerr != nil {
		return errors.Join(err, oerr)
	}
	if err := errors.Join(f.Close(), d.Rename(temp, base)); err != nil {
		return errors.Join(err, d.Remove(base))
	}
	return nil
}

// forget has the directory opened anew the next time: it is not there any more.
func (d *dir) forget() {
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	if d.of.open[d.name] == d {
		delete(d.of.open, d.name)
	}
}

// release gives the directory back.
func (d *dir) release() {
	d.of.mu.Lock()
	d.refs--
	last := d.refs == 0
	if last && d.of.open[d.name] == d {
		delete(d.of.open, d.name)
	}
	d.of.mu.Unlock()
	if last {
		_ = d.file.Close()
		_ = d.Close()
	}
}

// openDir opens a directory below root, and makes it where it is not there.
func openDir(root *os.Root, name string) (*os.Root, error) {
	for try := 0; ; try++ {
		opened, err := root.OpenRoot(name)
		if err != nil {
			if fi, serr := root.Stat(name); serr == nil && !fi.IsDir() {
				err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR} // os says so in words alone
			}
		}
		if try == 3 || !errors.Is(err, fs.ErrNotExist) {
			return opened, err
		}
		if err := root.MkdirAll(name, 0o777); err != nil {
			return nil, err
		}
	}
}
