package transfer

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// anonymous opens a file that has no name yet (O_TMPFILE, open(2)): it costs one
// change of the directory instead of three, and nothing is left of it where the
// process is killed. ok is false where the file system has no such files.
func (d *dir) anonymous(name string) (f *os.File, ok bool) {
	if d.of.named.Load() {
		return nil, false
	}
	var fd int
	err := retried(func() (err error) {
		fd, err = unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
		return err
	})
	if err != nil { // whatever it is, the usual way says it better
		d.of.named.Store(true)
		return nil, false
	}
	return os.NewFile(uintptr(fd), name), true
}

// appear gives a file of anonymous its time and the name base, which must be
// free: the error is else syscall.EEXIST. Where it cannot have a name at all (no
// /proc, or a file system that has thought better of it), that is errNameless,
// and no other file is made so.
func (d *dir) appear(f *os.File, base string, mtime time.Time) error {
	fd := int(f.Fd())
	if !mtime.IsZero() {
		t, err := unix.TimeToTimespec(mtime)
		if err == nil {
			ts := [2]unix.Timespec{t, t}
			err = retried(func() error {
				// futimens(3): the file itself, by a path that is none.
				if _, _, no := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts[0])), 0, 0, 0); no != 0 {
					return no
				}
				return nil
			})
		}
		if err != nil {
			return &os.PathError{Op: "utimensat", Path: base, Err: err}
		}
	}
	err := retried(func() error {
		return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), d.fd, base, unix.AT_SYMLINK_FOLLOW)
	})
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, syscall.EEXIST):
		d.of.named.Store(true)
		err = errors.Join(errNameless, err)
	}
	return &os.PathError{Op: "linkat", Path: base, Err: err}
}
