package transfer

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// finish gives the closed file temp its time and the name base. The calls of
// os.Root look at the file once more before each: two calls to the system where
// one will do, for names that have no way to lead.
func (d *dir) finish(temp, base string, mtime time.Time) error {
	fd := d.fd
	if !mtime.IsZero() {
		ts, err := unix.TimeToTimespec(mtime)
		if err == nil {
			err = retried(func() error {
				return unix.UtimesNanoAt(fd, temp, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
			})
		}
		if err != nil {
			return &os.PathError{Op: "utimensat", Path: temp, Err: err}
		}
	}
	if err := retried(func() error { return unix.Renameat(fd, temp, fd, base) }); err != nil {
		return &os.PathError{Op: "renameat", Path: base, Err: err}
	}
	return nil
}

// retried repeats what a signal has interrupted.
func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
