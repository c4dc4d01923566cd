//go:build !windows

package engine

import (
	"errors"
	"io"
	"syscall"
)

// pipeClosed says that a write failed because the other end of the pipe is closed.
func pipeClosed(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}
