package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
)

// Upload sends the file at path to dst and returns the bytes it has. A file
// below the threshold, or of one part, is one PutObject; its content is read once, into a buffer
// of the budget, and its CRC64NVME goes with it, so that S3 refuses what was
// damaged on the way. A file that changes meanwhile fails with [ErrChanged] and
// leaves no object; a store that answers with another sum fails it with
// [ErrChecksum]. Cancelling ctx cuts a small file off; of a large one, what
// was sent is removed as well.
func (t *Transfer) Upload(ctx context.Context, path string, dst Object) (int64, error) {
	f, err := open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !fi.Mode().IsRegular() {
		return 0, fmt.Errorf("%s: is not a regular file", path)
	}
	was := stampOf(fi)
	var verified bool
	// One part alone is better sent as one request.
	if was.size >= t.Threshold && was.size > t.PartSize {
		verified, err = t.uploadParts(ctx, f, was, dst)
	} else {
		verified, err = t.put(ctx, f, was, dst)
	}
	if err == nil {
		t.Verified(verified)
	}
	return was.size, err
}

// open opens a file to read. That a file does not block means nothing to the
// system where it is a regular one, and spares os four calls to find that out; a
// pipe that has come in its place would be waited for without it.
func open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EAGAIN) { // another process has a lease, which it is now asked to give up
		return os.Open(path)
	}
	return f, err
}

// put sends a file with one PutObject. What the request needs is one piece of
// memory: the pointers of its input go into it.
func (t *Transfer) put(ctx context.Context, f *os.File, was stamp, dst Object) (bool, error) {
	var p struct {
		in   s3.PutObjectInput
		dst  Object
		sum  string
		size int64
		payload
	}
	if err := t.load(ctx, &p.payload, io.NewSectionReader(f, 0, was.size)); err != nil {
		return false, err
	}
	defer p.release()
	if err := was.unchanged(f); err != nil {
		return false, err
	}
	p.dst, p.size, p.sum = dst, was.size, p.crc.String()
	p.in.Bucket, p.in.Key = &p.dst.Bucket, &p.dst.Key
	p.in.ContentLength, p.in.ChecksumCRC64NVME = &p.size, &p.sum
	p.in.Body = &p.body
	out, err := t.Client.PutObject(ctx, &p.in)
	var verified bool
	if err == nil {
		verified, err = compare("PutObject", dst.Bucket, dst.Key, p.crc, out.ChecksumCRC64NVME, out.ChecksumType)
	}
	if err != nil {
		p.takeBack()
	}
	return verified, err
}

// payload is a body with its sum, and the buffer that it may be in.
type payload struct {
	body
	crc checksum.CRC64NVME
	buf *pool.Buffer
}

// release gives the buffer back.
func (p *payload) release() {
	if p.buf != nil {
		p.buf.Release()
	}
}

// load reads r for sending, and sums it up. It goes into a buffer where the
// budget has one for it; what is larger than that is read from r a second time
// when it is sent, and a change in between is refused by S3, whose sum will
// differ. Where it succeeds, p must be released.
func (t *Transfer) load(ctx context.Context, p *payload, r *io.SectionReader) error {
	p.progress = t.Progress
	size := r.Size()
	whole := t.Pool.Fits(size)
	take := size
	if !whole {
		take = copyBuffer
	}
	buf, err := t.Pool.Buffer(ctx, take)
	if err != nil {
		return err
	}
	mem := buf.Bytes()
	for from := int64(0); from < size && err == nil; {
		chunk := mem[:min(take, size-from)]
		var n int
		switch n, err = r.ReadAt(chunk, from); {
		case n == len(chunk):
			err = nil
		case errors.Is(err, io.EOF):
			err = ErrChanged // it is shorter than it was
		}
		p.crc.Add(chunk[:n])
		from += int64(n)
	}
	if err != nil || !whole {
		buf.Release()
		p.file = r
		return err
	}
	p.mem, p.buf = mem, buf
	return nil
}
