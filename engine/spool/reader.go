package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/s3haul/s3haul/engine/plan"
)

// reader reads what a Spool held at one moment.
type reader struct {
	f         file
	end       int64
	blocks    uint32
	count     int64
	tail      []byte
	tailCount uint32

	buf []byte
}

// run yields all actions. It returns nil where the consumer stopped.
func (r *reader) run(ctx context.Context, yield func(plan.Action, error) bool) error {
	var off, seen int64
	for number := range r.blocks {
		payload, count, err := r.block(off, number)
		if err != nil {
			return fmt.Errorf("reading the spool file %s at byte %d: %w", r.f.Name(), off, err)
		}
		more, err := yieldBlock(ctx, payload, count, yield)
		if err != nil {
			return fmt.Errorf("reading the spool file %s at byte %d: %w", r.f.Name(), off, err)
		}
		if !more {
			return nil
		}
		off += headerSize + int64(len(payload))
		seen += int64(count)
	}
	if off != r.end || seen != r.count {
		return fmt.Errorf("reading the spool file: %w: %d actions in %d bytes, %d in %d were written", ErrCorrupt, seen, off, r.count, r.end)
	}
	if _, err := yieldBlock(ctx, r.tail, r.tailCount, yield); err != nil {
		return fmt.Errorf("reading spooled actions: %w", err)
	}
	return nil
}

// block reads the block at off and checks it; what it returns is valid until
// the next call.
func (r *reader) block(off int64, number uint32) (payload []byte, count uint32, err error) {
	var header [headerSize]byte
	if err := r.read(header[:], off); err != nil {
		return nil, 0, err
	}
	// The length is believed only as far as the file goes, and no further than
	// the checksum, which covers it.
	size := int64(binary.LittleEndian.Uint32(header[0:])) + headerSize
	if size > r.end-off {
		return nil, 0, fmt.Errorf("%w: a block of %d bytes where %d are left", ErrCorrupt, size, r.end-off)
	}
	if int64(cap(r.buf)) < size {
		r.buf = make([]byte, size)
	}
	b := r.buf[:size]
	if err := r.read(b, off); err != nil {
		return nil, 0, err
	}
	if sum := binary.LittleEndian.Uint32(b[12:]); sum != checksum(b) {
		return nil, 0, fmt.Errorf("%w: checksum %08x, computed %08x", ErrCorrupt, sum, checksum(b))
	}
	if n := binary.LittleEndian.Uint32(b[8:]); n != number {
		return nil, 0, fmt.Errorf("%w: block %d in the place of block %d", ErrCorrupt, n, number)
	}
	return b[headerSize:], binary.LittleEndian.Uint32(b[4:]), nil
}

// read fills b. A file that became shorter is damaged.
func (r *reader) read(b []byte, off int64) error {
	n, err := r.f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends after %d of %d bytes", ErrCorrupt, n, len(b))
	}
	return err
}

// yieldBlock yields the actions of a block whose checksum is right; false says
// that the consumer stopped.
func yieldBlock(ctx context.Context, payload []byte, count uint32, yield func(plan.Action, error) bool) (bool, error) {
	d := decoder{b: payload}
	for range count {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		a, err := d.next()
		if err != nil {
			return false, err
		}
		if !yield(a, nil) {
			return false, nil
		}
	}
	if len(d.b) > 0 {
		return false, fmt.Errorf("%w: %d bytes after the last action of a block", ErrCorrupt, len(d.b))
	}
	return true, nil
}
