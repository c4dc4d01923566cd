package transfer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/crc64nvme"
)

// Upload sends the file at path to dst and returns the bytes it has. A file
// below the threshold, or of one part, is one PutObject; its content is read once, into a buffer
// of the budget, and its CRC64NVME goes with it, so that S3 refuses what was
// damaged on the way. A file that changes meanwhile fails with [ErrChanged] and
// leaves no object. Cancelling ctx cuts a small file off; of a large one, what
// was sent is removed as well.
func (t *Transfer) Upload(ctx context.Context, path string, dst Object) (int64, error) {
	f, err := os.Open(path)
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
	// One part alone is better sent as one request.
	if was.size >= t.Threshold && was.size > t.PartSize {
		return was.size, t.uploadParts(ctx, f, was, dst)
	}
	return was.size, t.put(ctx, f, was, dst)
}

// put sends a file with one PutObject.
func (t *Transfer) put(ctx context.Context, f *os.File, was stamp, dst Object) error {
	in := &s3.PutObjectInput{
		Bucket:        aws.String(dst.Bucket),
		Key:           aws.String(dst.Key),
		ContentLength: aws.Int64(was.size),
	}
	content, sum, release, err := t.load(ctx, io.NewSectionReader(f, 0, was.size), was.size)
	if err != nil {
		return err
	}
	defer release()
	if err := was.unchanged(f); err != nil {
		return err
	}
	in.ChecksumCRC64NVME = aws.String(sum)
	in.Body = content
	if _, err = t.Client.PutObject(ctx, in); err != nil {
		t.Progress(-content.at)
	}
	return err
}

// load reads size bytes of r for sending, and sums them up. They go into a
// buffer where the budget has one for them; what is larger than that is read
// from r a second time when it is sent, and a change in between is refused by
// S3, whose sum will differ.
func (t *Transfer) load(ctx context.Context, r io.ReadSeeker, size int64) (*body, string, func(), error) {
	if !t.Pool.Fits(size) {
		h := crc64nvme.New()
		n, err := io.Copy(h, r)
		if err == nil && n != size {
			err = ErrChanged
		}
		if err == nil {
			_, err = r.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, "", nil, err
		}
		return &body{r: r, progress: t.Progress}, checksum(h.Sum64()), func() {}, nil
	}
	buf, err := t.Pool.Buffer(ctx, size)
	if err != nil {
		return nil, "", nil, err
	}
	b := buf.Bytes()
	if _, err := io.ReadFull(r, b); err != nil {
		buf.Release()
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = ErrChanged // it is shorter than it was
		}
		return nil, "", nil, err
	}
	return &body{r: bytes.NewReader(b), progress: t.Progress}, checksum(crc64nvme.Checksum(b)), buf.Release, nil
}

// checksum writes a CRC as S3's headers do: base64 of the big-endian bytes.
func checksum(crc uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc))
}
