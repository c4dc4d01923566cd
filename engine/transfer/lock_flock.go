//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nofollow keeps open from following a link.
const nofollow = unix.O_NOFOLLOW

// lock takes the lock of a temporary file, which says that a living process
// writes to it; the system takes it back with the last descriptor. ok is false
// where another has it. A file system without locks is an error.
func lock(f *os.File) (ok bool, err error) {
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
