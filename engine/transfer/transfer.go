// Package transfer moves one object: a file up, an object down. Small ones go
// with one PutObject or GetObject, large ones in parts on feature/s3/manager.
// Every request takes a slot of the pool, by way of the client it is given, and
// every buffer comes from the pool's byte budget: bytes first, then the slot.
package transfer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// DefaultPartSize is aws's multipart_threshold and multipart_chunksize.
	DefaultPartSize = 8 << 20
	// MinPartSize is S3's least part, but for the last one
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
	MinPartSize = 5 << 20
	// MaxPartSize is S3's largest part, and the largest PutObject.
	MaxPartSize = 5 << 30
	// MaxParts is the most parts of one upload.
	MaxParts = 10_000
	// MaxObject is the largest object: MaxParts parts of MaxPartSize, 48.8 TiB.
	MaxObject = MaxParts * MaxPartSize
)

// Options of a Transfer.
type Options struct {
	// Client is what objects are moved with: retries and slots are part of it.
	Client wire.Objects
	// Pool gives the buffers.
	Pool *pool.Pool
	// Threshold is the size from which on an object goes in parts, in bytes;
	// 0 means PartSize.
	Threshold int64
	// PartSize is the size of a part in bytes, 5 MiB to 5 GiB; it grows where
	// an object would need more than MaxParts. 0 means DefaultPartSize.
	PartSize int64
	// PartsAtOnce is the most parts of one object that are under way; 0 means 64.
	PartsAtOnce int
	// Progress is told of bytes as they move, of fewer than none where they
	// have to be moved again; nil tells nobody. It is called concurrently.
	Progress func(n int64)
	// Policy is that of Client: a body that broke is asked for again as often,
	// and as late, as a request that failed. Its OnRetry is Retry, below.
	Policy wire.Policy
	// Retry is told of each object or range that is asked for again because its
	// body broke, or was not what its checksum says; nil tells nobody.
	Retry func(op string, err error)
	// Verified is told once of each object that has been moved, whether its
	// CRC64NVME was held against that of the store: up, against the one that the
	// store answered with; down, against the stored one of the whole object. A
	// store need not have one. nil tells nobody. It is called concurrently.
	Verified func(ok bool)
}

// Transfer moves objects. It may be used concurrently.
type Transfer struct {
	Options
	// crowd bounds the goroutines that manager starts for all large objects
	// together, most of which only wait for a slot.
	crowd *semaphore.Weighted
	parts *manager
	dirs  dirs
}

// New checks o and returns a Transfer.
func New(o Options) (*Transfer, error) {
	if o.PartSize == 0 {
		o.PartSize = DefaultPartSize
	}
	if o.PartSize < MinPartSize || o.PartSize > MaxPartSize {
		return nil, fmt.Errorf("the part size is %d bytes; S3 takes 5 MiB to 5 GiB", o.PartSize)
	}
	if o.Threshold == 0 {
		o.Threshold = o.PartSize
	}
	if o.Threshold > MaxPartSize {
		return nil, fmt.Errorf("the multipart threshold is %d bytes; one request carries 5 GiB at most", o.Threshold)
	}
	if o.PartsAtOnce <= 0 {
		o.PartsAtOnce = 64
	}
	if o.Progress == nil {
		o.Progress = func(int64) {}
	}
	if o.Retry == nil {
		o.Retry = func(string, error) {}
	}
	o.Policy.OnRetry = o.Retry
	if o.Policy.Host == nil {
		o.Policy.Host = wire.NewHost()
	}
	if o.Verified == nil {
		o.Verified = func(bool) {}
	}
	t := &Transfer{Options: o, crowd: semaphore.NewWeighted(4 * int64(o.PartsAtOnce))}
	t.parts = newManager(o.PartsAtOnce)
	return t, nil
}

// Object names an object and what is known of it.
type Object struct {
	Bucket, Key string
	// Size, ETag and ModTime are those of a listing or of HeadObject; only
	// downloads use them. Without an ETag a large object is that which is there
	// when its first byte is asked for.
	Size    int64
	ETag    string
	ModTime time.Time
}

// Errors that say something about the object and not about the way.
var (
	// ErrChanged: the file changed while it was read, or the object was
	// replaced while it was downloaded. Nothing of it was kept.
	ErrChanged = errors.New("it changed while it was read")
	// ErrChecksum: what was sent or has come does not have the CRC64NVME that the
	// store says, and not for once only. Of a download nothing was kept.
	ErrChecksum = errors.New("the CRC64NVME differs")
	// ErrInTheWay: a directory stands where a file is to be written, or a file
	// where a directory is needed.
	ErrInTheWay = errors.New("is in the way")
	// ErrDirectory is an ErrInTheWay: it is a directory.
	ErrDirectory = fmt.Errorf("a directory of that name %w", ErrInTheWay)
	// ErrTooLarge: no S3 object can be so large.
	ErrTooLarge = errors.New("an S3 object holds 48.8 TiB at most")
)

// PartSize returns the size of the parts of an object of size bytes: at least
// least, and large enough for MaxParts, in whole MiB where it has to grow.
func PartSize(size, least int64) (int64, error) {
	if size > MaxObject {
		return 0, fmt.Errorf("%d bytes: %w", size, ErrTooLarge)
	}
	if need := (size + MaxParts - 1) / MaxParts; need > least {
		const mib = 1 << 20
		return (need + mib - 1) / mib * mib, nil
	}
	return least, nil
}

// stamp is what tells that a file has changed.
type stamp struct {
	size  int64
	mtime time.Time
}

func stampOf(fi os.FileInfo) stamp { return stamp{fi.Size(), fi.ModTime()} }

// unchanged compares f with what it was.
func (s stamp) unchanged(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if now := stampOf(fi); now.size != s.size || !now.mtime.Equal(s.mtime) {
		return fmt.Errorf("%s: %w", f.Name(), ErrChanged)
	}
	return nil
}
