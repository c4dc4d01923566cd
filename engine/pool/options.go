package pool

import (
	"errors"
	"fmt"
	"time"
)

// Options bound what a Pool has under way at one time. A field that is zero
// takes its default.
type Options struct {
	// Slots is the most request attempts that are in flight at one time; how
	// many there are is found while it runs. The default is 1024: at 200 ms a
	// request that is 5120 requests a second, more than a partition of S3 takes
	// in writes, and about what two cores send.
	Slots int
	// Memory is the number of bytes that buffers may hold, SlotMemory those that
	// come out of it for each slot there is. The default of Memory is 128 MiB:
	// 16 parts of 8 MiB, beside the small machine's own work.
	Memory, SlotMemory int64
	// Files is the number of objects that are under way at one time, from the
	// moment the plan hands them over. 0 means twice the present slots, or 64
	// where Slots allow that: while
	// one half waits for an answer, the other half opens files and reads them,
	// so that no slot is idle for want of something to send.
	Files int
	// CPU is the processors' time that the process has used so far, and
	// Processors how many it has. With them, slots are not added where this
	// machine is the limit. nil and 0: it is not known.
	CPU        func() time.Duration
	Processors int
	// OnMove is told of each Move; it may be called concurrently, and must
	// return soon. nil tells nobody.
	OnMove func(Move)
}

// DefaultSlots is the default of Options.Slots.
const DefaultSlots = 1024

// The other defaults of Options, and their bounds.
const (
	defaultMemory = 128 << 20
	// filesPerSlot and leastFiles bound the objects under way. An object whose
	// request has to be sent again waits for that in its place; where a few slots
	// do all the work, some such objects must not keep the rest from it.
	filesPerSlot = 2
	leastFiles   = 64
	// maxSlots is the number of ports from one address to another.
	maxSlots = 1 << 16
	// maxFiles keeps the goroutines of objects below a few GiB.
	maxFiles = 1 << 20
	// minMemory lets a quarter (the most for one request) hold a small file.
	minMemory = 1 << 20
)

func (o Options) withDefaults() Options {
	if o.Slots == 0 {
		o.Slots = DefaultSlots
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
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
	if o.SlotMemory < 0 || o.Memory-int64(o.Slots)*o.SlotMemory < minMemory {
		errs = append(errs, fmt.Errorf("pool: SlotMemory is %d bytes for each of %d slots, which leaves less than %d of %d",
			o.SlotMemory, o.Slots, minMemory, o.Memory))
	}
	if o.Files < 0 || o.Files > maxFiles {
		errs = append(errs, fmt.Errorf("pool: Files is %d, not in 0 to %d", o.Files, maxFiles))
	}
	return errors.Join(errs...)
}
