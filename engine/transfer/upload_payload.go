package transfer

import (
	"context"
	"errors"
	"io"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
)

// payload is a body with its sum, and the buffer that it may be in.
type payload struct {
	body
	hash checksum.Hash
	name string // of the file, as people know it
	buf  *pool.Buffer
}

// release gives the buffer back.
func (p *payload) release() {
	if p.buf != nil {
		p.buf.Release()
	}
}

// load reads r, which is of the file of that name, for sending, and sums it up. It
// goes into a buffer where the budget has one for it; what is larger than that is
// read from r a second time when it is sent, and a change in between is refused by
// S3, whose sum will differ. Where it succeeds, p must be released.
func (t *Transfer) load(ctx context.Context, p *payload, r *io.SectionReader, name string, by checksum.Algorithm) error {
	p.progress, p.name, p.hash = t.Progress, name, checksum.New(by)
	size := r.Size()
	whole := t.Pool.Fits(size)
	take := size
	if !whole {
		take = copyBuffer
		p.may = func() error { return t.Fault("read", name) }
	}
	buf, err := t.Pool.Buffer(ctx, take)
	if err != nil {
		return err
	}
	err = t.readInto(r, buf.Bytes(), name, &p.hash)
	if err != nil || !whole {
		buf.Release()
		p.file = r
		return err
	}
	p.mem, p.buf = buf.Bytes(), buf
	return nil
}

// readInto reads all of r through mem, and sums it up.
func (t *Transfer) readInto(r *io.SectionReader, mem []byte, name string, sum *checksum.Hash) error {
	size := r.Size()
	whole := int64(len(mem)) >= size
	for from := int64(0); from < size; {
		if from == 0 || !whole {
			if err := t.Fault("read", name); err != nil {
				return err
			}
		}
		// Summed up while it is in the processor's cache.
		chunk := mem[:min(int64(len(mem)), size-from, copyBuffer)]
		if whole {
			chunk = mem[from : from+int64(len(chunk))]
		}
		n, err := r.ReadAt(chunk, from)
		sum.Add(chunk[:n])
		switch {
		case n == len(chunk):
		case errors.Is(err, io.EOF):
			return ErrChanged // it is shorter than it was
		default:
			return err
		}
		from += int64(n)
	}
	return nil
}

// md5 is the MD5 of the payload, which is summed up a second time for it where
// it was another sum.
func (p *payload) md5(ctx context.Context, t *Transfer) (checksum.Sum, error) {
	if p.hash.Algorithm() == checksum.ByMD5 {
		return p.hash.Sum(), nil
	}
	sum := checksum.New(checksum.ByMD5)
	if p.mem != nil {
		sum.Add(p.mem)
		return sum.Sum(), nil
	}
	buf, err := t.Pool.Buffer(ctx, copyBuffer)
	if err != nil {
		return checksum.Sum{}, err
	}
	defer buf.Release()
	err = t.readInto(p.file, buf.Bytes(), p.name, &sum)
	return sum.Sum(), err
}
