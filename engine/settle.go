package engine

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
)

// settleEach waits until each of some files below root would outlast the loss of
// power, and their names.
func settleEach(root *os.Root, names []string) error {
	windows := runtime.GOOS == "windows"
	flag := os.O_RDONLY
	if windows { // which flushes only what could be written
		flag = os.O_RDWR
	}
	dirs := map[string]bool{}
	for _, name := range names {
		if err := settleOne(root, name, flag); err != nil {
			return err
		}
		dirs[path.Dir(name)] = true
	}
	if windows { // which has no such call for directories
		return nil
	}
	for dir := range dirs {
		if err := settleOne(root, dir, flag); err != nil {
			return err
		}
	}
	return nil
}

func settleOne(root *os.Root, name string, flag int) error {
	f, err := root.OpenFile(name, flag, 0)
	if flag == os.O_RDWR && errors.Is(err, fs.ErrPermission) {
		return nil // it may be read only: then there is no way
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
