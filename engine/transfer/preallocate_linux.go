package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// preallocate takes the disk space of a large file before its first byte comes,
// so that a full disk is known at once and the parts do not scatter.
func preallocate(f *os.File, size int64) error {
	if size < DefaultPartSize {
		return nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return f.Truncate(size)
		}
		return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	}
}
