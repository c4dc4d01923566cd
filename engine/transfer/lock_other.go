//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package transfer

import "os"

const nofollow = 0

// lock says that nobody else has the file: what is open cannot be removed here.
func lock(*os.File) (bool, error) { return true, nil }
