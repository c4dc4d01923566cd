//go:build unix

package engine

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of the processors, for itself and
// in the system; 0 where that cannot be known.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
