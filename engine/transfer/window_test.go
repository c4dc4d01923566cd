package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// What comes is written in its order, whichever range is the first to come, and
// is verified.
func TestStream(t *testing.T) {
	for _, size := range []int{0, 1, 4096, MinPartSize, MinPartSize + 1, large} {
		for _, memory := range []int64{64 << 20, 8 << 20} {
			inTime(t, fmt.Sprint(size, "/", memory), func(t *testing.T) {
				r := newRig(t, memory)
				b := content(size)
				obj := r.object(b)
				r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
					out.Body = &late{ReadCloser: out.Body, by: rand.N(time.Second)}
				}
				var to bytes.Buffer
				n, err := r.Stream(t.Context(), obj, &to)
				if err != nil || n != int64(size) || !bytes.Equal(to.Bytes(), b) || r.verified.Load() != 1 || r.progress.Load() != n {
					t.Errorf("%d bytes, %v, %d verified, progress %d", n, err, r.verified.Load(), r.progress.Load())
				}
				r.clean(t)
			})
		}
	}
}

// late is a body that comes late.
type late struct {
	io.ReadCloser
	by time.Duration
}

func (l *late) Read(p []byte) (int, error) {
	time.Sleep(l.by)
	l.by = 0
	return l.ReadCloser.Read(p)
}

// A body that breaks is asked for again, and nothing of it is written twice.
func TestStreamBroken(t *testing.T) {
	for _, size := range []int{1, 4096, large} {
		inTime(t, fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			b := content(size)
			var n atomic.Int64
			r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
				if n.Add(1)%2 == 1 {
					out.Body = &cut{out.Body, *out.ContentLength / 2}
				}
			}
			var to bytes.Buffer
			got, err := r.Stream(t.Context(), r.object(b), &to)
			if err != nil || !bytes.Equal(to.Bytes(), b) || r.retries.Load() == 0 || r.progress.Load() != got {
				t.Errorf("%d bytes, %v, %d retries, progress %d", got, err, r.retries.Load(), r.progress.Load())
			}
			r.clean(t)
		})
	}
}

// Of a small object that is damaged nothing is written, and of a large one the
// error says that it was.
func TestStreamDamaged(t *testing.T) {
	for _, size := range []int{4096, large} {
		inTime(t, fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { damage(out) }
			var to bytes.Buffer
			_, err := r.Stream(t.Context(), r.object(content(size)), &to)
			if !errors.Is(err, ErrChecksum) || r.verified.Load() != 0 || r.progress.Load() != 0 {
				t.Errorf("got %v, progress %d", err, r.progress.Load())
			}
			if written := size == large; written != (to.Len() == size) || written != strings.Contains(err.Error(), "written already") {
				t.Errorf("%d bytes were written: %v", to.Len(), err)
			}
			r.clean(t)
		})
	}
}

// Sums of other kinds and of parts of any size are held against what comes, too.
func TestStreamSums(t *testing.T) {
	for _, by := range []checksum.Algorithm{checksum.ByCRC64NVME, checksum.ByCRC32, checksum.BySHA256} {
		for _, part := range []int64{MinPartSize, MinPartSize + 77} {
			r, _ := sumRig(t, by, checks{})
			r.PartSize = part
			b, obj := content(large), Object{Bucket: "b", Key: "k", Size: large}
			must(t, second(r.Transfer.Upload(t.Context(), r.file(t, b), obj)))
			r.PartSize = MinPartSize
			var to bytes.Buffer
			res, err := r.Transfer.Stream(t.Context(), obj, &to)
			if err != nil || res.By != by || !bytes.Equal(to.Bytes(), b) {
				t.Errorf("%s of %d: %+v, %v", by, part, res, err)
			}
			r.clean(t)
		}
	}
}

func second(_ Result, err error) error { return err }

// An object that is replaced between two of its ranges is not sewn together.
func TestStreamReplaced(t *testing.T) {
	for _, forgetful := range []bool{false, true} {
		inTime(t, fmt.Sprint(forgetful), func(t *testing.T) {
			r := newRig(t, 8<<20)
			r.forgetful = forgetful
			b := content(large)
			obj := r.object(b)
			obj.ETag = etag(b)
			r.before = func(op string, n int) error {
				if n == 3 {
					r.mu.Lock()
					defer r.mu.Unlock()
					r.objects["k"] = content(large + 1)[:large]
				}
				return nil
			}
			var to bytes.Buffer
			if _, err := r.Stream(t.Context(), obj, &to); !errors.Is(err, ErrChanged) || !bytes.HasPrefix(b, to.Bytes()) {
				t.Errorf("%v, %d bytes written", err, to.Len())
			}
			if r.progress.Load() != 0 {
				t.Errorf("progress %d", r.progress.Load())
			}
			r.clean(t)
		})
	}
}

// Who reads may stop, or stand still until the run ends: no range is waited for,
// and no memory kept.
func TestStreamUnread(t *testing.T) {
	for _, size := range []int{4096, large} {
		inTime(t, fmt.Sprint("closed ", size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			in, out := io.Pipe()
			go func() {
				_, _ = io.CopyN(io.Discard, in, 1000)
				_ = in.CloseWithError(errFault)
			}()
			_, err := r.Stream(t.Context(), r.object(content(size)), out)
			if !errors.Is(err, errFault) || r.progress.Load() != 0 {
				t.Errorf("%v, progress %d", err, r.progress.Load())
			}
			r.clean(t)
		})
		inTime(t, fmt.Sprint("still ", size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			in, out := io.Pipe()
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				_, _ = io.CopyN(io.Discard, in, 1000)
				cancel(errFault)
			}()
			_, err := r.Stream(ctx, r.object(content(size)), out)
			if !errors.Is(err, errFault) || r.progress.Load() != 0 {
				t.Errorf("%v, progress %d", err, r.progress.Load())
			}
			_ = in.Close()
			synctest.Wait()
			r.clean(t)
		})
	}
}

// Who stands still has half of the memory at the most: there are others.
func TestStreamLeavesMemory(t *testing.T) {
	for _, memory := range []int64{16 << 20, 40 << 20, 64 << 20, 128 << 20} {
		inTime(t, fmt.Sprint(memory), func(t *testing.T) {
			r := newRig(t, memory)
			o := r.Options
			o.PartsAtOnce = 64
			var err error
			r.Transfer, err = New(o)
			must(t, err)
			const size = 30 * MinPartSize
			obj := r.object(content(size))
			in, out := io.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := r.Stream(ctx, obj, out)
				done <- err
			}()
			_, err = io.CopyN(io.Discard, in, 1000)
			must(t, err)
			synctest.Wait()
			if held := r.Pool.Stats().Reserved; held == 0 || held > r.Pool.Budget()/2 {
				t.Errorf("%d bytes of %d are held", held, r.Pool.Budget())
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			_ = in.Close()
			synctest.Wait()
			r.clean(t)
		})
	}
}

// Why a range has failed is what is said, and not that others were cut off for it.
func TestWindowFails(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8)) // with few, those that are cut off seldom come first
	r := newRig(t, 64<<20)
	obj := r.object(content(1000))
	var n atomic.Int64
	r.before = func(op string, _ int) error {
		if op == "GetObject" && n.Add(1) == 2 {
			return errFault
		}
		return nil
	}
	w := &window{t: r.Transfer, src: obj, to: obj.Size, step: 10, by: checksum.ByCRC64NVME, progress: func(int64) {}}
	for i := range 5000 {
		n.Store(0)
		err := w.run(t.Context(), func(_ context.Context, p *piece) error {
			p.release()
			return nil
		})
		if !errors.Is(err, errFault) {
			t.Fatalf("run %d: %v", i, err)
		}
	}
	r.clean(t)
}

// Some bytes of an object, in whatever ranges they come.
func TestStreamRange(t *testing.T) {
	b := content(large)
	for _, c := range [][2]int64{{0, 1}, {0, large}, {5, MinPartSize + 5}, {large - 1, large}, {MinPartSize, MinPartSize}} {
		inTime(t, fmt.Sprint(c), func(t *testing.T) {
			r := newRig(t, 8<<20)
			var to bytes.Buffer
			err := r.StreamRange(t.Context(), r.object(b), c[0], c[1], &to)
			if err != nil || !bytes.Equal(to.Bytes(), b[c[0]:c[1]]) {
				t.Errorf("%v, %d bytes", err, to.Len())
			}
			r.clean(t)
		})
	}
}

// By either client, with bodies cut and answers refused, one request at a time
// and in little memory.
func TestStreamOverHTTP(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, size := range []int{4096, large} {
			faults := []s3sim.Fault{
				{Op: "GetObject", N: 1, Every: 4, Kind: s3sim.KindCut},
				{Op: "GetObject", N: 2, Every: 5, Kind: s3sim.KindSlowDown},
				{Op: "GetObject", N: 3, Kind: s3sim.KindReset},
			}
			r := newCopyRig(t, s3sim.Options{Conditions: s3sim.Conditions{Faults: faults}}, nil)
			src := r.put(t, "k", size, 0)
			r.through(t, sdk)
			sum := checksum.New(checksum.ByCRC64NVME)
			res, err := r.Stream(t.Context(), src, &sum)
			want := Result{Size: int64(size), By: checksum.ByCRC64NVME, Sum: s3sim.Content(0).Sum(int64(size)).String()}
			if err != nil || res != want || sum.Sum().String() != want.Sum {
				t.Errorf("SDK %v: %+v, %v; want %+v", sdk, res, err, want)
			}
			if s := r.Pool.Stats(); s.Reserved != 0 || s.InFlight != 0 {
				t.Errorf("left: %+v", s)
			}
		}
	}
}

// What is not there fails, and says so.
func TestStreamOfNothing(t *testing.T) {
	r := newRig(t, 64<<20)
	for _, size := range []int64{10, large} {
		if _, err := r.Stream(t.Context(), Object{Bucket: "b", Key: "gone", Size: size}, io.Discard); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("got %v", err)
		}
	}
}
