//nolint:staticcheck // deprecated for transfermanager, which buffers every part and cannot resume
package transfer

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3manager "github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// manager is feature/s3/manager; no other file knows it. It drives the parts of
// one upload, and reads one range of one download. Which parts and ranges, with
// what buffers and checksums, and what happens when they fail, is decided in
// the clients that it is given.
type manager struct {
	up   *s3manager.Uploader
	down *s3manager.Downloader
}

func newManager(partsAtOnce int) *manager {
	return &manager{
		up: s3manager.NewUploader(nil, func(u *s3manager.Uploader) {
			u.Concurrency = partsAtOnce
			u.BufferProvider = nil // partClient reads each part once, into the budget
			u.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		}),
		down: s3manager.NewDownloader(nil, func(d *s3manager.Downloader) {
			d.Concurrency = 1
			// What is sent again is decided in one place; manager reads this
			// here and not from the options of a call.
			d.PartBodyMaxRetries = 0
		}),
	}
}

// upload sends size bytes of f in parts.
func (m *manager) upload(ctx context.Context, c wire.Objects, f *os.File, size, partSize int64, atOnce int, dst Object) error {
	_, err := m.up.Upload(ctx, &s3.PutObjectInput{
		Bucket: aws.String(dst.Bucket),
		Key:    aws.String(dst.Key),
		Body:   io.NewSectionReader(f, 0, size),
	}, func(u *s3manager.Uploader) {
		u.S3 = c
		u.PartSize = partSize
		u.Concurrency = atOnce
	})
	return err
}

// fetch writes the bytes [from, to) of src to w in their order, through buf. c
// must have checked that the answer is that range.
func (m *manager) fetch(ctx context.Context, c wire.Objects, src Object, from, to int64, w io.WriterAt, buf []byte) error {
	in := &s3.GetObjectInput{
		Bucket:  aws.String(src.Bucket),
		Key:     aws.String(src.Key),
		Range:   aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1)),
		IfMatch: ifMatch(src),
	}
	n, err := m.down.Download(ctx, w, in, func(d *s3manager.Downloader) {
		d.S3 = c
		d.BufferProvider = through{buf: buf}
	})
	if err == nil && n != to-from {
		err = fmt.Errorf("GetObject: %d bytes came of the %d from %d on: %w", n, to-from, from, io.ErrUnexpectedEOF)
	}
	return err
}

// through is manager's buffer for one range: memory of the budget, and not of a
// pool of manager's own that nobody counts.
type through struct {
	io.Writer
	buf []byte
}

// GetReadFrom implements manager's WriterReadFromProvider.
func (p through) GetReadFrom(w io.Writer) (s3manager.WriterReadFrom, func()) {
	return through{Writer: w, buf: p.buf}, func() {}
}

// ReadFrom implements io.ReaderFrom.
func (p through) ReadFrom(r io.Reader) (int64, error) { return copyBuffered(p.Writer, r, p.buf) }
