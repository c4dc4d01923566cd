//go:build !linux

package transfer

import "os"

// preallocate gives a large file its length before its first byte comes.
func preallocate(f *os.File, size int64) error {
	if size < DefaultPartSize {
		return nil
	}
	return f.Truncate(size)
}
