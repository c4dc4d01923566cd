package lab

import "golang.org/x/sys/unix"

// Filesystem names the kind of file system that dir is on.
func Filesystem(dir string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return ""
	}
	return unix.ByteSliceToString(stat.Fstypename[:])
}
