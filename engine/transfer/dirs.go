package transfer

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
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
}

// get opens the directory of that name below root, and makes it where it is not
// there. It must be released.
func (d *dirs) get(root *os.Root, name string) (*dir, error) {
	key := dirName{root, name}
	if shared := d.share(key, nil); shared != nil {
		return shared, nil
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
