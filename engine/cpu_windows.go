package engine

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of the processors, for itself and
// in the system; 0 where that cannot be known.
func processorTime() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if syscall.GetProcessTimes(self, &created, &exited, &kernel, &user) != nil {
		return 0
	}
	const tick = 100 // nanoseconds
	ticks := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
	return time.Duration(tick * (ticks(kernel) + ticks(user)))
}
