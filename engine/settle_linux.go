package engine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fewFiles is how many files are written to the disk one by one.
const fewFiles = 32

// settle waits until files below root would outlast the loss of power. For many of
// them, one call does it for all of the file system. (A file system that is
// mounted further below is not reached by it.)
func settle(root *os.Root, names []string) error {
	if len(names) <= fewFiles {
		return settleEach(root, names)
	}
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("writing %s to the disk: %w", root.Name(), err)
	}
	return nil
}
