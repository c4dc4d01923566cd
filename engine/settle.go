package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sync"
	"syscall"
)

// settlers are how many files of a batch are written to the disk at a time: file
// systems with a journal commit for all that wait.
const settlers = 16

// settle waits until files below root would outlast the loss of power, and their
// names. Each is asked for by itself: one call for all of a file system is told
// of errors once only, or never, and does not reach what is mounted below. It
// returns an error for each name that may not be there, or nil. What is under way
// when ctx ends is not cut off. fault is asked before each file; it may be nil.
func settle(ctx context.Context, root *os.Root, names []string, fault func(op, name string) error) []error {
	errs := eachOf(ctx, len(names), func(i int) error {
		if fault != nil {
			if err := fault("sync", names[i]); err != nil {
				return err
			}
		}
		return settleFile(root, names[i])
	})
	if runtime.GOOS != "windows" { // which has no such call for directories
		settleDirs(ctx, root, names, errs)
	}
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}

// settleDirs does it for the directories that names are in, up to root: some may
// be new. The error of one is that of all that is below.
func settleDirs(ctx context.Context, root *os.Root, names []string, errs []error) {
	at := map[string]int{}
	var dirs []string
	for _, name := range names {
		for name != "." {
			name = path.Dir(name)
			if _, ok := at[name]; ok {
				break
			}
			at[name] = len(dirs)
			dirs = append(dirs, name)
		}
	}
	bad := eachOf(ctx, len(dirs), func(i int) error {
		err := settleOne(root, dirs[i], os.O_RDONLY)
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
			return nil // a file system that does not do it for directories
		}
		return err
	})
	for i, name := range names {
		for errs[i] == nil && name != "." {
			name = path.Dir(name)
			errs[i] = bad[at[name]]
		}
	}
}

// eachOf calls do for 0 to n-1, several at a time, and returns their errors.
func eachOf(ctx context.Context, n int, do func(i int) error) []error {
	errs := make([]error, n)
	next := make(chan int)
	var all sync.WaitGroup
	for range min(settlers, n) {
		all.Go(func() {
			for i := range next {
				if errs[i] = context.Cause(ctx); errs[i] == nil {
					errs[i] = do(i)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errs
}

// settleFile opens a file in whatever way its mode allows.
func settleFile(root *os.Root, name string) error {
	if runtime.GOOS == "windows" { // which flushes only what could be written
		err := settleOne(root, name, os.O_RDWR)
		if errors.Is(err, fs.ErrPermission) {
			return nil // it may be read only: then there is no way
		}
		return err
	}
	err := settleOne(root, name, os.O_RDONLY)
	if errors.Is(err, fs.ErrPermission) {
		err = settleOne(root, name, os.O_WRONLY)
	}
	return err
}

func settleOne(root *os.Root, name string, flag int) error {
	f, err := root.OpenFile(name, flag, 0)
	if err != nil {
		return fmt.Errorf("opening what was written, to have it on the disk: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("having %s on the disk: %w", name, err)
	}
	return nil
}
