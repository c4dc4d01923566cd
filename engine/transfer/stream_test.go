package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// Whatever the length of a stream, nobody has to say it, and the object is the
// stream: one request where it is no more than a part, also where little memory
// allows one part at a time.
func TestUploadStream(t *testing.T) {
	for _, size := range []int{0, 1, MinPartSize, MinPartSize + 1, large} {
		for _, memory := range []int64{64 << 20, 8 << 20} {
			for _, c := range []struct {
				name     string
				r        func(io.Reader) io.Reader
				expected int64
			}{
				{"whole", func(r io.Reader) io.Reader { return r }, 0},
				{"in bits", iotest.HalfReader, int64(size)},
				{"the end with the last byte", iotest.DataErrReader, 1},
			} {
				inTime(t, fmt.Sprint(size, "/", memory, "/", c.name), func(t *testing.T) {
					r := newRig(t, memory)
					b := content(size)
					res, err := r.UploadStream(t.Context(), c.r(bytes.NewReader(b)), c.expected, Object{Bucket: "b", Key: "k"})
					want := Result{Size: int64(size), By: checksum.ByCRC64NVME, Sum: checksum.Of(b).String()}
					if err != nil || res != want || !bytes.Equal(r.objects["k"], b) {
						t.Errorf("%+v, %v; want %+v", res, err, want)
					}
					parts := (size + MinPartSize - 1) / MinPartSize
					if parts < 2 {
						parts = 0
					}
					if r.count("UploadPart") != parts || r.progress.Load() != int64(size) {
						t.Errorf("%d parts, want %d; progress %d", r.count("UploadPart"), parts, r.progress.Load())
					}
					r.clean(t)
				})
			}
		}
	}
}

// Whichever request fails, the error surfaces, and nothing stays.
func TestUploadStreamFaultAtEachRequest(t *testing.T) {
	b := content(large)
	for i, hit := 0, true; hit; i++ {
		hit = false
		inTime(t, fmt.Sprint(i), func(t *testing.T) {
			r := newRig(t, 64<<20)
			r.before = func(op string, n int) error {
				if n != i || op == "AbortMultipartUpload" || op == "ListParts" {
					return nil
				}
				hit = true
				return errFault
			}
			_, err := r.UploadStream(t.Context(), bytes.NewReader(b), 0, Object{Bucket: "b", Key: "k"})
			if hit != (err != nil) || hit && !errors.Is(err, errFault) {
				t.Errorf("hit %v: %v", hit, err)
			}
			if hit && (r.objects["k"] != nil || r.progress.Load() != 0) {
				t.Errorf("an object is there: %v; progress %d", r.objects["k"] != nil, r.progress.Load())
			}
			r.clean(t)
		})
	}
}

// A stream that breaks off is no object, however far it had come.
func TestUploadStreamThatBreaks(t *testing.T) {
	b := content(large)
	for _, at := range []int{0, 100, MinPartSize, MinPartSize + 1, 3 * MinPartSize} {
		// Of these the reader alone knows what they mean: only a bare io.EOF is the end.
		for _, broke := range []error{errFault, io.ErrUnexpectedEOF, fmt.Errorf("the connection: %w", io.EOF)} {
			inTime(t, fmt.Sprint(at, " ", broke), func(t *testing.T) {
				r := newRig(t, 16<<20)
				broken := io.MultiReader(bytes.NewReader(b[:at]), iotest.ErrReader(broke))
				_, err := r.UploadStream(t.Context(), broken, 0, Object{Bucket: "b", Key: "k"})
				if !errors.Is(err, broke) || !strings.Contains(err.Error(), "reading the stream") || r.objects["k"] != nil || r.progress.Load() != 0 {
					t.Errorf("%v; progress %d", err, r.progress.Load())
				}
				r.clean(t)
			})
		}
	}
}

// The bytes that come with the error do not hide it, and a reader that never has
// any is no endless loop.
func TestUploadStreamOddReaders(t *testing.T) {
	for _, at := range []int{1, MinPartSize, MinPartSize + 1} {
		r := newRig(t, 16<<20)
		_, err := r.UploadStream(t.Context(), &breaking{b: content(at)}, 0, Object{Bucket: "b", Key: "k"})
		if !errors.Is(err, io.ErrUnexpectedEOF) || r.objects["k"] != nil {
			t.Errorf("at %d: %v", at, err)
		}
		r.clean(t)
	}
	r := newRig(t, 16<<20)
	_, err := r.UploadStream(t.Context(), idle{}, 0, Object{Bucket: "b", Key: "k"})
	if !errors.Is(err, io.ErrNoProgress) || r.objects["k"] != nil {
		t.Errorf("idle: %v", err)
	}
	r.clean(t)
}

// breaking has an error along with its last bytes.
type breaking struct{ b []byte }

func (r *breaking) Read(p []byte) (int, error) {
	n := copy(p, r.b)
	r.b = r.b[n:]
	if len(r.b) == 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// idle reads nothing, and says nothing.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// A stream that says nothing is not waited for when it is to end; its memory
// comes back with its last word.
func TestUploadStreamEnded(t *testing.T) {
	for _, sent := range []int{0, 100, 2*MinPartSize + 5} {
		inTime(t, fmt.Sprint(sent), func(t *testing.T) {
			r := newRig(t, 64<<20)
			in, out := io.Pipe()
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				_, _ = out.Write(content(sent))
				cancel(errFault)
			}()
			_, err := r.UploadStream(ctx, in, 0, Object{Bucket: "b", Key: "k"})
			if !errors.Is(err, errFault) || r.objects["k"] != nil || r.progress.Load() != 0 {
				t.Errorf("%v; progress %d", err, r.progress.Load())
			}
			if open := r.open(); len(open) > 0 {
				t.Errorf("open: %v", open)
			}
			_ = out.Close()
			synctest.Wait()
			r.clean(t)
		})
	}
}

// What is there is left alone, where it is to be; and where nobody can say yet,
// it is asked once more.
func TestUploadStreamNoOverwrite(t *testing.T) {
	for _, size := range []int{100, large} {
		inTime(t, fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			r.NoOverwrite = true
			r.objects["k"] = []byte("theirs")
			_, err := r.UploadStream(t.Context(), bytes.NewReader(content(size)), 0, Object{Bucket: "b", Key: "k"})
			if !errors.Is(err, ErrExists) || string(r.objects["k"]) != "theirs" || r.progress.Load() != 0 {
				t.Errorf("%v; progress %d", err, r.progress.Load())
			}
			r.clean(t)
		})
	}
	inTime(t, "conflict", func(t *testing.T) {
		r := newRig(t, 64<<20)
		r.NoOverwrite = true
		r.before = func(_ string, n int) error {
			if n == 0 {
				return apiError("PutObject", "ConditionalRequestConflict")
			}
			return nil
		}
		_, err := r.UploadStream(t.Context(), strings.NewReader("ours"), 0, Object{Bucket: "b", Key: "k"})
		if err != nil || string(r.objects["k"]) != "ours" || r.progress.Load() != 4 {
			t.Errorf("%v; %q, progress %d", err, r.objects["k"], r.progress.Load())
		}
	})
	inTime(t, "conflict in parts", func(t *testing.T) { // which cannot be read again
		r := newRig(t, 64<<20)
		r.NoOverwrite = true
		r.before = func(op string, _ int) error {
			if op == "CompleteMultipartUpload" {
				return apiError(op, "ConditionalRequestConflict")
			}
			return nil
		}
		_, err := r.UploadStream(t.Context(), bytes.NewReader(content(large)), 0, Object{Bucket: "b", Key: "k"})
		if wire.Code(err) != "ConditionalRequestConflict" || !strings.Contains(err.Error(), "s3://b/k") || !strings.Contains(err.Error(), "give it once more") ||
			r.objects["k"] != nil || r.progress.Load() != 0 {
			t.Errorf("%v; progress %d", err, r.progress.Load())
		}
		r.clean(t)
	})
}

// The answer to Complete may be lost: the object that is there is the stream, or
// it is another one.
func TestUploadStreamLostComplete(t *testing.T) {
	b := content(large)
	for _, theirs := range []bool{false, true} {
		inTime(t, fmt.Sprint(theirs), func(t *testing.T) {
			r := newRig(t, 64<<20)
			r.before = func(op string, _ int) error {
				if op != "CompleteMultipartUpload" {
					return nil
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				clear(r.uploads)
				r.objects["k"] = b
				if theirs {
					r.objects["k"] = content(large + 1)[:large]
				}
				return &smithy.GenericAPIError{Code: "NoSuchUpload"}
			}
			res, err := r.UploadStream(t.Context(), bytes.NewReader(b), 0, Object{Bucket: "b", Key: "k"})
			if theirs != (err != nil) || !theirs && !res.Verified() {
				t.Errorf("%+v, %v", res, err)
			}
			r.clean(t)
		})
	}
}

// The parts of a stream are of one size for 39 GiB, then they grow as far as there
// is memory, and never fewer than 10,000 of them are enough.
func TestStreamSizes(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		memory, partSize, expected int64
		first, last                int64 // in MiB
		room                       int64 // in GiB, of all parts
		need                       int64 // in MiB: what --memory is to be
	}{
		{memory: 8 << 20, first: 5, last: 8, room: 63},
		{memory: 64 << 20, first: 8, last: 64, room: 273},
		{memory: 128 << 20, first: 8, last: 128, room: 398},
		{memory: 64 << 20, expected: 100 * gib, first: 11, last: 64, room: 305},
		{memory: 64 << 20, expected: 600 * gib, first: 62, last: 64, room: 615},
		{memory: 64 << 20, expected: 700 * gib, need: 144},
		{memory: 64 << 20, expected: 5_000_000_000_000, need: 954},
		{memory: 1 << 30, expected: 5_000_000_000_000, first: 477, last: 1024, room: 7260},
		{memory: 64 << 20, partSize: 64 << 20, first: 32, last: 64, room: 468},
	} {
		p, err := pool.New(pool.Options{Memory: c.memory})
		must(t, err)
		tr, err := New(Options{Pool: p, PartSize: c.partSize})
		must(t, err)
		s, err := tr.streamSizes(c.expected)
		if short, ok := errors.AsType[*MemoryError](err); ok {
			if ceilMiB(short.Memory()) != c.need || !strings.Contains(err.Error(), fmt.Sprintf("--memory %dMiB", c.need)) {
				t.Errorf("%+v: %v", c, err)
			}
			if q, _ := pool.New(pool.Options{Memory: short.Memory(), Slots: 128, SlotMemory: short.Memory() / 256}); q.Budget() < short.Part {
				t.Errorf("%+v: with so much there are %d for parts of %d", c, q.Budget(), short.Part)
			}
			continue
		}
		must(t, err)
		sum := int64(0)
		for n := 1; n <= MaxParts; n++ {
			if n > 1 && s.at(n) < s.at(n-1) || n <= evenParts && s.at(n) != s.first {
				t.Fatalf("%+v: part %d has %d bytes", c, n, s.at(n))
			}
			sum += s.at(n)
		}
		if c.need != 0 || s.first != c.first<<20 || s.at(MaxParts) != c.last<<20 || sum/gib != c.room || sum < c.expected {
			t.Errorf("%+v: from %d to %d, %d GiB", c, s.first>>20, s.at(MaxParts)>>20, sum/gib)
		}
	}
	p, err := pool.New(pool.Options{})
	must(t, err)
	tr, err := New(Options{Pool: p})
	must(t, err)
	if err := tr.CheckStream(MaxObject + 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("larger than any object: %v", err)
	}
}

// A stream that fills all parts there can be and goes on fails, and says what
// would have helped.
func TestUploadStreamTooLong(t *testing.T) {
	r := newRig(t, 16<<20)
	s := &stream{t: r.Transfer, in: source{r: bytes.NewReader(content(MaxParts + 1))}, sums: r.newPartSums(Object{Bucket: "b", Key: "k"}, 0, 0)}
	s.sums.open = true
	sizes := partSizes{first: 1, most: 1}
	first, err := s.read(t.Context(), 1)
	must(t, err)
	if _, err = s.parts(t.Context(), first, sizes, Object{Bucket: "b", Key: "k"}); err == nil || !strings.Contains(err.Error(), "--expected-size") {
		t.Errorf("got %v", err)
	}
	if r.count("UploadPart") != MaxParts || r.progress.Load() != 0 {
		t.Errorf("%d parts, progress %d", r.count("UploadPart"), r.progress.Load())
	}
	r.clean(t)
}

// By either client, with answers lost, refused and cut: what arrives is right.
func TestUploadStreamOverHTTP(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, faults := range [][]s3sim.Fault{
			nil,
			{{Op: "UploadPart", N: 2, Kind: s3sim.KindReset}, {Op: "UploadPart", N: 3, Kind: s3sim.KindSlowDown}, {Op: "CompleteMultipartUpload", Kind: s3sim.KindErrorIn200}},
			{{Op: "UploadPart", N: 1, Kind: s3sim.KindLost}, {Op: "CreateMultipartUpload", Kind: s3sim.KindLost}, {Op: "CompleteMultipartUpload", Kind: s3sim.KindLost}},
		} {
			r := newCopyRig(t, s3sim.Options{Conditions: s3sim.Conditions{Faults: faults}}, nil)
			r.through(t, sdk)
			res, err := r.UploadStream(t.Context(), s3sim.Content(0).Reader(large), 0, Object{Bucket: "dst", Key: "k"})
			want := Result{Size: large, By: checksum.ByCRC64NVME, Sum: s3sim.Content(0).Sum(large).String()}
			if err != nil || res != want {
				t.Errorf("SDK %v, %v: %+v, %v", sdk, faults, res, err)
			}
			head, there := r.head(t, "dst", "k")
			if !there || *head.ContentLength != large || *head.ChecksumCRC64NVME != want.Sum {
				t.Errorf("SDK %v: %+v", sdk, head)
			}
			if n := r.open(t); n > 1 { // one whose id was lost may be somebody else's
				t.Errorf("SDK %v: %d uploads are open", sdk, n)
			}
		}
	}
}

// Sums of other kinds, of the whole or of the parts, are as good.
func TestUploadStreamSums(t *testing.T) {
	for _, by := range []checksum.Algorithm{checksum.ByCRC32C, checksum.BySHA256} {
		for _, size := range []int{1000, large} {
			r, told := sumRig(t, by, checks{})
			b := content(size)
			res, err := r.UploadStream(t.Context(), bytes.NewReader(b), 0, Object{Bucket: "b", Key: "k"})
			if want := (Result{Size: int64(size), By: by, Sum: wantSum(by, b)}); err != nil || res != want || len(told.said) > 0 {
				t.Errorf("%s: %+v, %v, %q; want %+v", by, res, err, told.said, want)
			}
			r.clean(t)
		}
	}
}

// A store that takes no checksum gets MD5s.
func TestUploadStreamWeaker(t *testing.T) {
	for _, size := range []int{100, large} {
		r := newCopyRig(t, s3sim.Options{Deviations: s3sim.Deviations{RefuseChecksums: true}}, nil)
		res, err := r.UploadStream(t.Context(), s3sim.Content(0).Reader(int64(size)), 0, Object{Bucket: "dst", Key: "k"})
		if err != nil || res.By != checksum.ByMD5 || res.Size != int64(size) || len(r.notices) != 1 {
			t.Errorf("%+v, %v, %q", res, err, r.notices)
		}
	}
}

// through has r go by one client over http, with the attempts that a run has.
func (r *copyRig) through(t *testing.T, sdk bool) {
	t.Helper()
	client := retrying(t, *r.plain.Options().BaseEndpoint, r.Pool, sdk)
	r.Client, r.Source, r.copies = client, client, client
}

// retrying is a client over http with the attempts that a run has.
func retrying(t *testing.T, url string, p *pool.Pool, sdk bool) wire.Objects {
	t.Helper()
	c, err := wire.New(t.Context(), wire.Options{EndpointURL: url, Region: "us-east-1", AccessKeyID: "id", SecretAccessKey: "secret", SDK: sdk})
	must(t, err)
	t.Cleanup(c.CloseIdle)
	return wire.Attempts(c, slots{p}, wire.Policy{Base: time.Millisecond, Cap: time.Millisecond})
}

// slots are those of a pool.
type slots struct{ *pool.Pool }

func (g slots) Acquire(ctx context.Context, a pool.Ask) (wire.Slot, error) {
	s, err := g.Pool.Acquire(ctx, a)
	if err != nil {
		return nil, err
	}
	return s, nil
}
