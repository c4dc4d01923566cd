package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/s3haul/s3haul/walker/local"
)

// IsTemporary says whether name, one segment of a path, is that of a file that a
// download is written to until it is complete.
func IsTemporary(name string) bool { return local.IsTemp(name) }

// unlocked is how old a temporary file has to be that is taken for left where the
// file system knows no locks.
const unlocked = time.Hour

// RemoveTemporary removes a temporary file that its process did not live to
// complete, and says whether it has. One that a living process has open stays,
// and so does what is no regular file of such a name; neither is an error.
func RemoveTemporary(path string) (bool, error) {
	if !IsTemporary(filepath.Base(path)) {
		return false, nil
	}
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at a temporary file: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return false, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK|nofollow, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		ours, lerr := lock(f)
		if lerr == nil && !ours || lerr != nil && time.Since(fi.ModTime()) < unlocked {
			return false, f.Close()
		}
		if runtime.GOOS == "windows" {
			_ = f.Close() // what is open cannot be removed there
		} else {
			defer f.Close()
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("removing a temporary file: %w", err)
	}
	return true, nil
}
