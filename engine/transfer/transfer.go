// Package transfer moves one object: a file up, an object down. Small ones go
// with one PutObject or GetObject, large ones in parts on feature/s3/manager.
// Every request takes a slot of the pool, by way of the client it is given, and
// every buffer comes from the pool's byte budget: bytes first, then the slot.
package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// DefaultPartSize is aws's multipart_threshold and multipart_chunksize.
	DefaultPartSize = 8 << 20
	// defaultCopyPartSize is larger: the store copies within itself, some hundred
	// megabytes a second, and each part is a request to it and to us.
	defaultCopyPartSize = 64 << 20
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
	// Source is what the objects of the source are read with, where that is another
	// store or account; nil: Client.
	Source wire.Objects
	// Attributes are what objects are given beside their content.
	Attributes Attributes
	// Pool gives the buffers.
	Pool *pool.Pool
	// Threshold is the size from which on an object goes in parts, in bytes;
	// 0 means PartSize.
	Threshold int64
	// PartSize is the size of a part in bytes, 5 MiB to 5 GiB; it grows where
	// an object would need more than MaxParts. 0 means DefaultPartSize.
	PartSize int64
	// CopyPartSize is the same for copies inside the store, whose parts cost no
	// memory here; up to it, one CopyObject copies. 0 means PartSize where that is
	// given, else 64 MiB.
	CopyPartSize int64
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
	// Algorithm is what uploads are summed with, and the store is asked to keep;
	// empty means CRC64NVME.
	Algorithm checksum.Algorithm
	// NoOverwrite leaves alone what is there: such an object fails with [ErrExists].
	NoOverwrite bool
	// Preserve keeps the time of modification and the mode of files in the
	// metadata of objects, mtime as rclone writes it, and takes them from there.
	Preserve bool
	// Notice is told what concerns all objects of a run: that the store takes no
	// checksum of some kind. nil tells nobody. It is called concurrently.
	Notice func(msg string)
	// Journal is what interrupted transfers of large objects go on by; nil has
	// them begin again, and leave nothing behind.
	Journal *journal.Journal
	// Uploads lists the open uploads of a bucket, to find one again whose id was
	// never learnt; nil has none found.
	Uploads interface {
		ListUploads(ctx context.Context, req wire.UploadsRequest) (*wire.UploadsPage, error)
	}
	// Clock is the time of the store, by which it dates uploads, and zero where
	// that is not known; nil has it never known.
	Clock func(context.Context) time.Time
	// Resumed is told of the bytes of an object that an interrupted run had moved
	// already; nil tells nobody. It is called concurrently.
	Resumed func(n int64)
	// Fault is for tests alone: it is asked before each operation on the local
	// file system, as "open", "read", "create", "write", "rename", with the name
	// that people know, and its error takes the operation's place. nil asks nobody.
	Fault func(op, name string) error
}

// Result is what the transfer of one object came to.
type Result struct {
	// Size is its bytes.
	Size int64
	// By says by which kind of sum the bytes on both sides were found to be the
	// same; empty where the store has none that says anything about them.
	By checksum.Algorithm
	// Sum is that sum as the store has it, "-N" behind one of N parts.
	Sum string
}

// Verified says that both sides have the same bytes for certain.
func (r Result) Verified() bool { return r.By != "" }

// Transfer moves objects. It may be used concurrently.
type Transfer struct {
	Options
	// crowd bounds the goroutines that manager starts for all large objects
	// together, most of which only wait for a slot.
	crowd *semaphore.Weighted
	parts *manager
	dirs  dirs
	// copies is Client for what is copied, inside the store or through here: what
	// describes its content comes from described and not from it.
	copies wire.Objects
	// own is what Attributes say of the content, and like tells apart what uploads
	// were begun with.
	own  description
	like string
	// weaker is what is known of buckets that take no checksum.
	weaker weaker
	// oddExpires says that it was told of an Expires that cannot be copied.
	oddExpires atomic.Bool
}

// New checks o and returns a Transfer.
func New(o Options) (*Transfer, error) {
	if o.CopyPartSize == 0 {
		o.CopyPartSize = cmp.Or(o.PartSize, defaultCopyPartSize)
	}
	if o.PartSize == 0 {
		o.PartSize = DefaultPartSize
	}
	if o.PartSize < MinPartSize || o.PartSize > MaxPartSize {
		return nil, fmt.Errorf("the part size is %d bytes; S3 takes 5 MiB to 5 GiB", o.PartSize)
	}
	if o.CopyPartSize < MinPartSize || o.CopyPartSize > MaxPartSize {
		return nil, fmt.Errorf("the part size of copies is %d bytes; S3 takes 5 MiB to 5 GiB", o.CopyPartSize)
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
	if o.Algorithm == "" {
		o.Algorithm = checksum.ByCRC64NVME
	}
	if !slices.Contains(checksum.Algorithms(), o.Algorithm) {
		return nil, fmt.Errorf("the checksum algorithm is %q; S3 keeps %v", o.Algorithm, checksum.Algorithms())
	}
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	if o.Source == nil {
		o.Source = o.Client
	}
	if o.Clock == nil {
		o.Clock = func(context.Context) time.Time { return time.Time{} }
	}
	if o.Resumed == nil {
		o.Resumed = func(int64) {}
	}
	if o.Fault == nil {
		o.Fault = func(string, string) error { return nil }
	}
	if err := o.Attributes.Check(); err != nil {
		return nil, err
	}
	worn := o.Attributes.wear()
	copies := dressed(o.Client, o.Attributes.wearCopy())
	o.Client, o.Source = dressed(o.Client, worn), dressed(o.Source, o.Attributes.wearSource())
	t := &Transfer{Options: o, crowd: semaphore.NewWeighted(4 * int64(o.PartsAtOnce))}
	t.copies, t.own, t.like = copies, worn.description, o.Attributes.fingerprint(o.Preserve)
	t.parts = newManager(o.PartsAtOnce)
	t.dirs.journal, t.dirs.noOverwrite, t.dirs.fault = o.Journal, o.NoOverwrite, o.Fault
	return t, nil
}

// client is what obj is read with.
func (t *Transfer) client(obj *Object) wire.Objects {
	if obj.Source {
		return t.Source
	}
	return t.Client
}

// Object names an object and what is known of it.
type Object struct {
	Bucket, Key string
	// Source says that it is an object of the source: it is read by Options.Source.
	Source bool
	// Size, ETag and ModTime are those of a listing or of HeadObject; of
	// what is written they mean nothing. Without an ETag a large object is that which is there
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
	// ErrChecksum: what was sent or has come does not have the sum that the store
	// says, and not for once only. Of a download nothing was kept. The error that
	// wraps it names the algorithm and both sums.
	ErrChecksum = errors.New("the checksum differs")
	// ErrExists: something of that name is there, and is to be left alone.
	ErrExists = errors.New("it exists already and is not to be replaced")
	// ErrInTheWay: a directory stands where a file is to be written, or a file
	// where a directory is needed.
	ErrInTheWay = errors.New("is in the way")
	// ErrDirectory is an ErrInTheWay: it is a directory.
	ErrDirectory = fmt.Errorf("a directory of that name %w", ErrInTheWay)
	// errNoAnswer: every store tells the ETag of what it has kept; a page of a portal
	// on the way has none, and nothing was kept.
	errNoAnswer = errors.New("the answer is not one of S3's: it has no ETag")
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

// stamp is what tells that a file has changed. A name that another file has taken
// changes the ctime of the one that was opened: it has a name less.
type stamp struct {
	size         int64
	mtime, ctime time.Time // ctime is zero where the system has none
	inode        uint64
	device       uint64
	mode         fs.FileMode
}

func stampOf(fi os.FileInfo) stamp {
	s := stamp{size: fi.Size(), mtime: fi.ModTime(), mode: fi.Mode()}
	s.system(fi)
	return s
}

// same says that the file has not been written to, as far as that can be told.
func (s stamp) same(now stamp) bool {
	return now.size == s.size && now.mtime.Equal(s.mtime) && now.ctime.Equal(s.ctime) && now.inode == s.inode && now.device == s.device
}

// unchanged compares f with what it was.
func (t *Transfer) unchanged(f *os.File, was stamp) error {
	fi, err := t.statSource(f)
	if err != nil {
		return err
	}
	if !was.same(stampOf(fi)) {
		return fmt.Errorf("%s: %w", f.Name(), ErrChanged)
	}
	return nil
}
