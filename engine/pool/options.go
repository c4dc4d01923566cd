package pool

import (
	"errors"
	"fmt"
)

// Options bound what a Pool has under way at one time. A field that is zero
// takes its default.
type Options struct {
	// Slots is the number of request attempts that are in flight at one time.
	// The default is 64: at 20 ms a request that is 3200 requests a second,
	// about what one partition of S3 takes in writes, and 64 streams fill a 10
	// Gbit/s link at the 20 MB/s that one connection to S3 commonly gives.
	Slots int
	// Memory is the number of bytes that buffers may hold. The default is
	// 128 MiB: 16 parts of 8 MiB, beside the small machine's own work.
	Memory int64
	// Files is the number of objects that are under way at one time, from the
	// moment the plan hands them over. The default is 2×Slots: while one half
	// waits for an answer, the other half opens files and reads them, so that
	// no slot is idle for want of something to send.
	Files int
}

// The defaults of Options, and their bounds.
const (
	defaultSlots  = 64
	defaultMemory = 128 << 20
	// maxSlots is the number of ports from one address to another.
	maxSlots = 1 << 16
	// maxFiles keeps the goroutines of objects below a few GiB.
	maxFiles = 1 << 20
	// minMemory lets a quarter (the most for one request) hold a small file.
	minMemory = 1 << 20
)

func (o Options) withDefaults() Options {
	if o.Slots == 0 {
		o.Slots = defaultSlots
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Files == 0 {
		o.Files = 2 * o.Slots
	}
	return o
}

// Validate returns all that is wrong with o, joined into one error, or nil.
func (o Options) Validate() error {
	o = o.withDefaults()
	var errs []error
	if o.Slots < 1 || o.Slots > maxSlots {
		errs = append(errs, fmt.Errorf("pool: Slots is %d, not in 1 to %d", o.Slots, maxSlots))
	}
	if o.Memory < minMemory {
		errs = append(errs, fmt.Errorf("pool: Memory is %d bytes, less than %d", o.Memory, minMemory))
	}
	if o.Files < 1 || o.Files > maxFiles {
		errs = append(errs, fmt.Errorf("pool: Files is %d, not in 1 to %d", o.Files, maxFiles))
	}
	return errors.Join(errs...)
}
