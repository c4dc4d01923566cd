package main

import (
	"fmt"
	"os"
	"syscall"
)

// mountTmpfs mounts an empty file system in memory, and returns how to end it.
func mountTmpfs(dir, size string) (unmount func() error, err error) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		return nil, fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return func() error { return syscall.Unmount(dir, 0) }, nil
}

// canMount says why this user cannot mount a file system; nil where he can.
func canMount() error {
	dir, err := os.MkdirTemp("", "s3haul-mount-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	unmount, err := mountTmpfs(dir, "64k")
	if err != nil {
		return err
	}
	return unmount()
}
