//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// renameOpen: a file can be renamed and removed while it is open, and so while
// it is locked.
const renameOpen = true

// syncDir makes the names in a directory durable, where its file system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
