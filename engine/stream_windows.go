package engine

import (
	"errors"
	"io"
	"syscall"
)

// errNoData is ERROR_NO_DATA: "The pipe is being closed."
const errNoData = syscall.Errno(232)

// pipeClosed says that a write failed because the other end of the pipe is closed.
func pipeClosed(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData) || errors.Is(err, io.ErrClosedPipe)
}
