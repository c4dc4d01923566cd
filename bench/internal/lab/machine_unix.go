//go:build linux || darwin

package lab

import "golang.org/x/sys/unix"

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}
