package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker/local"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	os.Exit(wiretest.Main(m))
}

type rig struct {
	*Transfer
	*store
	dir                  string
	root                 *os.Root
	progress             atomic.Int64
	retries              atomic.Int64
	verified, unverified atomic.Int64
}

// newRig has parts of 5 MiB, the least, and memory bytes of budget.
func newRig(t testing.TB, memory int64) *rig {
	t.Helper()
	p, err := pool.New(pool.Options{Slots: 4, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{store: newStore(), dir: t.TempDir()}
	r.Transfer, err = New(Options{
		Client: r.store, Pool: p, PartSize: MinPartSize, PartsAtOnce: 4,
		Progress: func(n int64) { r.progress.Add(n) },
		Retry:    func(string, error) { r.retries.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.root, err = os.OpenRoot(r.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.root.Close() })
	return r
}

// told counts what a transfer says of its object, and returns its size.
func (r *rig) told(res Result, err error) (int64, error) {
	switch {
	case err != nil:
	case res.Verified():
		r.verified.Add(1)
	default:
		r.unverified.Add(1)
	}
	return res.Size, err
}

func (r *rig) Upload(ctx context.Context, path string, dst Object) (int64, error) {
	return r.told(r.Transfer.Upload(ctx, path, dst))
}

func (r *rig) Download(ctx context.Context, src Object, root *os.Root, name string) (int64, error) {
	return r.told(r.Transfer.Download(ctx, src, root, name))
}

func (r *rig) Stream(ctx context.Context, src Object, w io.Writer) (int64, error) {
	return r.told(r.Transfer.Stream(ctx, src, w))
}

func content(n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = src.Read(b)
	return b
}

func (r *rig) file(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// clean fails where anything half done is left behind.
func (r *rig) clean(t testing.TB) {
	t.Helper()
	if s := r.Pool.Stats(); s.Reserved != 0 || s.MostReserved > s.Memory {
		t.Errorf("memory: %+v", s)
	}
	if open := r.open(); len(open) > 0 {
		t.Errorf("uploads left open: %v", open)
	}
	if n := len(r.dirs.open); n != 0 {
		t.Errorf("%d directories are still open", n)
	}
	_ = filepath.WalkDir(r.dir, func(path string, _ os.DirEntry, _ error) error {
		if local.IsTemp(filepath.Base(path)) {
			t.Errorf("temporary file left: %s", path)
		}
		return nil
	})
}

const large = 3*MinPartSize + 12345

func TestUpload(t *testing.T) {
	for _, size := range []int{0, 1, 4096, MinPartSize - 1, MinPartSize, MinPartSize + 1, large} {
		for _, memory := range []int64{64 << 20, 8 << 20} { // a part fits a quarter of the first
			t.Run(fmt.Sprint(size, "/", memory), func(t *testing.T) {
				r := newRig(t, memory)
				b := content(size)
				n, err := r.Upload(t.Context(), r.file(t, b), Object{Bucket: "b", Key: "k"})
				if err != nil || n != int64(size) {
					t.Fatal(n, err)
				}
				if !bytes.Equal(r.objects["k"], b) {
					t.Error("the object is not the file")
				}
				if got := r.progress.Load(); got != int64(size) {
					t.Errorf("progress says %d bytes of %d", got, size)
				}
				wantParts := 0
				if size > MinPartSize {
					wantParts = (size + MinPartSize - 1) / MinPartSize
				}
				if got := r.count("UploadPart"); got != wantParts {
					t.Errorf("%d parts, want %d", got, wantParts)
				}
				r.clean(t)
			})
		}
	}
}

// Whichever request fails, the error surfaces, and no upload stays open.
func TestUploadFaultAtEachRequest(t *testing.T) {
	b := content(large)
	for i := 0; ; i++ {
		r := newRig(t, 64<<20)
		hit := false
		r.before = func(_ string, n int) error {
			if n == i {
				hit = true
				return errFault
			}
			return nil
		}
		_, err := r.Upload(t.Context(), r.file(t, b), Object{Bucket: "b", Key: "k"})
		if !hit {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, errFault) {
			t.Errorf("request %d failed: Upload returned %v", i, err)
		}
		if r.objects["k"] != nil {
			t.Errorf("request %d failed: there is an object", i)
		}
		if got := r.progress.Load(); got != 0 {
			// What was sent of other parts is not taken back: only that nothing
			// is counted twice.
			if got < 0 || got > large {
				t.Errorf("request %d failed: progress is %d", i, got)
			}
		}
		r.clean(t)
	}
}

func TestCancelledUploadIsAborted(t *testing.T) {
	for _, op := range []string{"CreateMultipartUpload", "UploadPart"} {
		r := newRig(t, 64<<20)
		ctx, cancel := context.WithCancel(t.Context())
		r.before = func(o string, _ int) error {
			if o == op {
				cancel()
			}
			return nil
		}
		_, err := r.Upload(ctx, r.file(t, content(large)), Object{Bucket: "b", Key: "k"})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at %s: %v", op, err)
		}
		if r.objects["k"] != nil {
			t.Errorf("cancelled at %s: there is an object", op)
		}
		r.clean(t)
	}
}

func TestFileChangesWhileItIsRead(t *testing.T) {
	for _, size := range []int{MinPartSize - 1, large} {
		r := newRig(t, 8<<20) // nothing fits the budget: each is read twice
		path := r.file(t, content(size))
		r.before = func(op string, _ int) error {
			if op == "PutObject" || op == "UploadPart" {
				return os.WriteFile(path, content(size+1), 0o644)
			}
			return nil
		}
		_, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
		if err == nil {
			t.Errorf("%d bytes: no error", size)
		}
		if r.objects["k"] != nil {
			t.Errorf("%d bytes: an object was made of two states of the file", size)
		}
		r.clean(t)
	}
	// Only the time shows it: the bytes that were read are right, and yet of
	// an earlier state than those that will be read next time.
	r := newRig(t, 64<<20)
	path := r.file(t, content(large))
	r.before = func(op string, _ int) error {
		if op == "UploadPart" {
			return os.Chtimes(path, time.Now(), time.Unix(1, 0))
		}
		return nil
	}
	if _, err := r.Upload(t.Context(), path, Object{Key: "k"}); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	r.clean(t)
}

func (r *rig) object(b []byte) Object {
	r.objects["k"] = b
	delete(r.facts, "k")
	return Object{Bucket: "b", Key: "k", Size: int64(len(b)), ETag: r.etag(b), ModTime: time.Unix(1_700_000_000, 0)}
}

func TestDownload(t *testing.T) {
	for _, size := range []int{0, 1, MinPartSize - 1, MinPartSize, large} {
		r := newRig(t, 16<<20)
		b := content(size)
		n, err := r.Download(t.Context(), r.object(b), r.root, "x/y/z")
		if err != nil || n != int64(size) {
			t.Fatal(n, err)
		}
		path := filepath.Join(r.dir, "x/y/z")
		if got, _ := os.ReadFile(path); !bytes.Equal(got, b) {
			t.Errorf("%d bytes: the file is not the object", size)
		}
		if fi, _ := os.Stat(path); !fi.ModTime().Equal(time.Unix(1_700_000_000, 0)) {
			t.Errorf("%d bytes: mtime is %v", size, fi.ModTime())
		}
		if got := r.progress.Load(); got != int64(size) {
			t.Errorf("progress says %d bytes of %d", got, size)
		}
		r.clean(t)
	}
}

func TestDownloadFaultAtEachRequest(t *testing.T) {
	for _, size := range []int{100, large} {
		for i := 0; ; i++ {
			r := newRig(t, 16<<20)
			hit := false
			r.before = func(_ string, n int) error {
				if n == i {
					hit = true
					return errFault
				}
				return nil
			}
			_, err := r.Download(t.Context(), r.object(content(size)), r.root, "f")
			r.clean(t)
			if !hit {
				break
			}
			if !errors.Is(err, errFault) {
				t.Errorf("request %d failed: Download returned %v", i, err)
			}
			if _, err := os.Stat(filepath.Join(r.dir, "f")); err == nil {
				t.Errorf("request %d failed: the file has its final name", i)
			}
		}
	}
}

// A body that breaks is asked for again, and leaves no byte of its own.
func TestBrokenBody(t *testing.T) {
	for _, size := range []int{100_000, large} {
		inTime(t, strconv.Itoa(size), func(t *testing.T) {
			r := newRig(t, 16<<20)
			b := content(size)
			var breaks atomic.Int64
			r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
				if breaks.Add(1) <= 2 {
					out.Body = &cut{out.Body, 5_000}
				}
			}
			if _, err := r.Download(t.Context(), r.object(b), r.root, "f"); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); !bytes.Equal(got, b) {
				t.Error("the file is not the object")
			}
			if r.retries.Load() != 2 || r.progress.Load() != int64(size) {
				t.Errorf("%d retries, %d bytes of progress", r.retries.Load(), r.progress.Load())
			}
			r.clean(t)
		})
	}
}

// An answer that is not the range asked for would be written over others.
func TestWrongRangeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*s3.GetObjectOutput){
		"none":          func(out *s3.GetObjectOutput) { out.ContentRange = nil },
		"another":       func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("bytes 0-9/20000000") },
		"another total": func(out *s3.GetObjectOutput) { *out.ContentRange += "0" },
		"garbage":       func(out *s3.GetObjectOutput) { out.ContentRange = aws.String("\x00") },
		"short body":    func(out *s3.GetObjectOutput) { out.Body = io.NopCloser(bytes.NewReader([]byte("short"))) },
	} {
		inTime(t, name, func(t *testing.T) {
			r := newRig(t, 16<<20)
			r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { change(out) }
			if _, err := r.Download(t.Context(), r.object(content(large)), r.root, "f"); err == nil {
				t.Error("no error")
			}
			r.kept(t)
			r.clean(t)
		})
	}
}

func TestObjectReplacedMeanwhile(t *testing.T) {
	r := newRig(t, 16<<20)
	obj := r.object(content(large))
	r.answer = func(*s3.GetObjectInput, *s3.GetObjectOutput) { r.objects["k"] = content(large + 1)[:large] }
	if _, err := r.Download(t.Context(), obj, r.root, "f"); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	r.clean(t)
}

func TestCancelledDownload(t *testing.T) {
	r := newRig(t, 16<<20)
	ctx, cancel := context.WithCancel(t.Context())
	r.answer = func(*s3.GetObjectInput, *s3.GetObjectOutput) { cancel() }
	if _, err := r.Download(ctx, r.object(content(large)), r.root, "f"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.clean(t)
}

func TestNothingIsWrittenOutside(t *testing.T) {
	outside := t.TempDir()
	r := newRig(t, 16<<20)
	if err := os.Symlink(outside, filepath.Join(r.dir, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	obj := r.object(content(10))
	for _, name := range []string{"../f", "link/f", "a/../../f", "/f"} {
		if _, err := r.Download(t.Context(), obj, r.root, name); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	for _, dir := range []string{outside, filepath.Dir(r.dir)} {
		if _, err := os.Stat(filepath.Join(dir, "f")); err == nil {
			t.Errorf("there is a file in %s", dir)
		}
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	r := newRig(t, 16<<20)
	obj := r.object(content(10))
	if err := os.MkdirAll(filepath.Join(r.dir, "dir/sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "file"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dir", "file/x", "file/x/y"} {
		if _, err := r.Download(t.Context(), obj, r.root, name); !errors.Is(err, ErrInTheWay) {
			t.Errorf("%s: got %v, want ErrInTheWay", name, err)
		}
	}
	r.clean(t)
	if b, _ := os.ReadFile(filepath.Join(r.dir, "file")); string(b) != "old" {
		t.Errorf("the file in the way is %q now", b)
	}
}

func TestReplacedFileKeepsItsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	r := newRig(t, 16<<20)
	path := filepath.Join(r.dir, "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Download(t.Context(), r.object(content(10)), r.root, "f"); err != nil {
		t.Fatal(err)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", fi.Mode())
	}
}

func TestSame(t *testing.T) {
	r := newRig(t, 16<<20)
	b := content(1000)
	same, other := r.file(t, b), r.file(t, content(1001)[:1000])
	obj := r.object(b)
	multipart := obj
	multipart.ETag += "-2"
	for _, c := range []struct {
		obj  Object
		path string
		ask  bool
		want bool
	}{
		{obj, same, false, true},
		{obj, other, false, false},
		{obj, other, true, false},
		{multipart, same, false, false},
		{multipart, same, true, true},
		{multipart, other, true, false},
	} {
		got, err := r.Compare(t.Context(), c.obj, c.path, c.ask)
		if err != nil || got.Equal != c.want {
			t.Errorf("Compare(%s, ask %v) = %v, %v; want %v", c.obj.ETag, c.ask, got, err, c.want)
		}
	}
}

func TestPartSize(t *testing.T) {
	for _, c := range []struct{ size, least, want int64 }{
		{0, 8 << 20, 8 << 20},
		{8 << 20 * MaxParts, 8 << 20, 8 << 20},
		{8<<20*MaxParts + 1, 8 << 20, 9 << 20},
		{5 << 40, 8 << 20, 525 << 20},
		{MaxObject, 8 << 20, MaxPartSize},
	} {
		got, err := PartSize(c.size, c.least)
		if err != nil || got != c.want {
			t.Errorf("PartSize(%d) = %d, %v; want %d", c.size, got, err, c.want)
		}
		if got > MaxPartSize || c.size > 0 && (c.size+got-1)/got > MaxParts {
			t.Errorf("PartSize(%d) = %d: %d parts", c.size, got, (c.size+got-1)/got)
		}
	}
	if _, err := PartSize(MaxObject+1, 8<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}
