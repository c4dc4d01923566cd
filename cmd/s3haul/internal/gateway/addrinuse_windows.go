//go:build !nogateway

package gateway

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isAddrInUse knows Windows' own number; syscall.EADDRINUSE is an invented one.
func isAddrInUse(err error) bool { return errors.Is(err, windows.WSAEADDRINUSE) }
