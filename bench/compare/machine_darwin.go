package main

import "golang.org/x/sys/unix"

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// filesystem names the kind of file system that dir is on.
func filesystem(dir string) string {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return ""
	}
	return unix.ByteSliceToString(stat.Fstypename[:])
}
