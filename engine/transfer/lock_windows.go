package transfer

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const nofollow = 0

// lock takes the lock of a temporary file, as elsewhere. Locks keep others from
// reading and writing here, so it is one on a byte that no file has.
func lock(f *os.File) (ok bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{Offset: 1<<32 - 2, OffsetHigh: 1<<31 - 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
