package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
)

// inTime runs a test in virtual time: the waits between attempts take none.
func inTime(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// kept fails where there is anything at all in the target directory.
func (r *rig) kept(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// damage turns one bit of a body over.
func damage(out *s3.GetObjectOutput) {
	b, _ := io.ReadAll(out.Body)
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	out.Body = io.NopCloser(bytes.NewReader(b))
}

// complaining is a body as the SDK makes it: it sums up by itself, and where the
// sum differs it ends with an error of its own.
type complaining struct{ io.ReadCloser }

func (c complaining) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("checksum did not match")
	}
	return n, err
}

// A download whose bytes are not those of the object is fetched again, and
// never gets its name while they are not.
func TestDownloadDamaged(t *testing.T) {
	for _, size := range []int{1, 100_000, large} {
		for _, sdk := range []bool{false, true} {
			ranges := (size + MinPartSize - 1) / MinPartSize
			if sdk && ranges > 1 {
				continue // there is no sum in the answer to a range
			}
			name := fmt.Sprintf("%d bytes, by the SDK %v, ", size, sdk)
			hurt := func(out *s3.GetObjectOutput) {
				damage(out)
				if sdk {
					out.Body = complaining{out.Body}
				}
			}
			inTime(t, name+"once", func(t *testing.T) {
				r := newRig(t, 16<<20)
				var n atomic.Int64
				r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
					if n.Add(1) == 1 {
						hurt(out)
					}
				}
				b := content(size)
				got, err := r.Download(t.Context(), r.object(b), r.root, "f")
				if err != nil || got != int64(size) {
					t.Fatal(got, err)
				}
				if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); !bytes.Equal(got, b) {
					t.Error("the file is not the object")
				}
				if r.retries.Load() != 1 || r.progress.Load() != int64(size) || r.verified.Load() != 1 || r.unverified.Load() != 0 {
					t.Errorf("%d retries, %d bytes of progress, %d verified, %d not",
						r.retries.Load(), r.progress.Load(), r.verified.Load(), r.unverified.Load())
				}
				r.clean(t)
			})
			inTime(t, name+"always", func(t *testing.T) {
				r := newRig(t, 16<<20)
				r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { hurt(out) }
				b := content(size)
				_, err := r.Download(t.Context(), r.object(b), r.root, "f")
				if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "s3://b/k") || !strings.Contains(err.Error(), checksum.Of(b).String()) {
					t.Errorf("got %v", err)
				}
				want := 5 // the attempts of a request
				if ranges > 1 {
					want = 2 * ranges
				}
				if got := r.count("GetObject"); got != want {
					t.Errorf("asked %d times, want %d", got, want)
				}
				if r.progress.Load() != 0 || r.verified.Load()+r.unverified.Load() != 0 {
					t.Errorf("%d bytes of progress, %d verified", r.progress.Load(), r.verified.Load())
				}
				r.kept(t)
				r.clean(t)
			})
		}
	}
}

// A store need not have a CRC64NVME of the whole. What it has of another kind
// counts as well, and last the MD5 that its ETag is; what it calls a sum must be
// one.
func TestWhatStoresHave(t *testing.T) {
	for _, c := range []struct {
		name  string
		sum   *string
		kind  types.ChecksumType
		crc32 *string
		fails bool // up and down
		down  bool // fails on the way down alone: nobody asked for such a sum
	}{
		{name: "nothing"},
		{name: "an empty header", sum: aws.String("")},
		{name: "another algorithm", crc32: aws.String("AAAAAA=="), down: true},
		{name: "composite by its type", sum: aws.String("AAAAAAAAAAA="), kind: types.ChecksumTypeComposite},
		{name: "composite by its value", sum: aws.String("AAAAAAAAAAA=-3")},
		{name: "another sum", sum: aws.String("AAAAAAAAAAA="), fails: true},
		{name: "garbage", sum: aws.String("\x00"), kind: types.ChecksumTypeFullObject, fails: true},
		{name: "too short", sum: aws.String("AAAAAA=="), fails: true},
	} {
		for _, size := range []int{1000, large} {
			inTime(t, fmt.Sprintf("%s, %d bytes", c.name, size), func(t *testing.T) {
				r := newRig(t, 64<<20)
				r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
					out.ChecksumCRC64NVME, out.ChecksumType, out.ChecksumCRC32 = c.sum, c.kind, c.crc32
				}
				r.answered = func(out any) {
					switch out := out.(type) {
					case *s3.HeadObjectOutput:
						out.ChecksumCRC64NVME, out.ChecksumType, out.ChecksumCRC32 = c.sum, c.kind, c.crc32
					case *s3.PutObjectOutput:
						out.ChecksumCRC64NVME, out.ChecksumType, out.ChecksumCRC32 = c.sum, c.kind, c.crc32
					case *s3.CompleteMultipartUploadOutput:
						out.ChecksumCRC64NVME, out.ChecksumType, out.ChecksumCRC32 = c.sum, c.kind, c.crc32
					}
				}
				_, down := r.Download(t.Context(), r.object(content(size)), r.root, "f")
				if fails := c.fails || c.down; errors.Is(down, ErrChecksum) != fails || !fails && down != nil {
					t.Errorf("down: %v", down)
				}
				wantV, wantU := int64(1), int64(0)
				if down != nil {
					wantV = 0
				}
				_, up := r.Upload(t.Context(), r.file(t, content(size)), Object{Bucket: "b", Key: "k"})
				switch {
				case errors.Is(up, ErrChecksum) != c.fails || !c.fails && up != nil:
					t.Errorf("up: %v", up)
				case c.fails:
				case size == large: // the parts were answered, and nobody has summed up MD5s
					wantU++
				default:
					wantV++
				}
				if r.verified.Load() != wantV || r.unverified.Load() != wantU {
					t.Errorf("%d told to be unverified, %d verified", r.unverified.Load(), r.verified.Load())
				}
				if c.fails {
					r.kept(t)
				}
				r.clean(t)
			})
		}
	}
}

// Where the store says that it has something else than what was sent, the
// upload has failed, at whichever request.
func TestUploadAnswers(t *testing.T) {
	wrong := aws.String(checksum.Of([]byte("something else")).String())
	for name, change := range map[string]func(out any) bool{
		"": func(any) bool { return false },
		"PutObject": func(out any) bool {
			o, ok := out.(*s3.PutObjectOutput)
			if ok {
				o.ChecksumCRC64NVME = wrong
			}
			return ok
		},
		"UploadPart": func(out any) bool {
			o, ok := out.(*s3.UploadPartOutput)
			if ok {
				o.ChecksumCRC64NVME = wrong
			}
			return ok
		},
		"CompleteMultipartUpload": func(out any) bool {
			o, ok := out.(*s3.CompleteMultipartUploadOutput)
			if ok {
				o.ChecksumCRC64NVME = wrong
			}
			return ok
		},
	} {
		for _, size := range []int{1000, large} {
			r := newRig(t, 64<<20)
			var changed atomic.Bool
			r.answered = func(out any) {
				if change(out) {
					changed.Store(true)
				}
			}
			_, err := r.Upload(t.Context(), r.file(t, content(size)), Object{Bucket: "b", Key: "k"})
			switch {
			case changed.Load():
				if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), *wrong) || !strings.Contains(err.Error(), name) ||
					!strings.Contains(err.Error(), "s3://b/k") {
					t.Errorf("%s, %d bytes: got %v", name, size, err)
				}
				if r.verified.Load()+r.unverified.Load() != 0 || size == 1000 && r.progress.Load() != 0 {
					t.Errorf("%s, %d bytes: told to be done, %d bytes of progress", name, size, r.progress.Load())
				}
			case err != nil || r.verified.Load() != 1 || r.unverified.Load() != 0:
				t.Errorf("%s, %d bytes: %v, %d verified", name, size, err, r.verified.Load())
			}
			r.clean(t)
		}
	}
}

// The store holds the sum of the whole against the parts that it has.
func TestPartDamagedInTheStore(t *testing.T) {
	r := newRig(t, 64<<20)
	r.before = func(op string, _ int) error {
		if op == "CompleteMultipartUpload" {
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, parts := range r.uploads {
				parts[2][77] ^= 1
			}
		}
		return nil
	}
	_, err := r.Upload(t.Context(), r.file(t, content(large)), Object{Bucket: "b", Key: "k"})
	if err == nil || !strings.Contains(err.Error(), "BadDigest") || r.objects["k"] != nil {
		t.Errorf("got %v", err)
	}
	r.clean(t)
}

// No object is made of fewer parts, or others, than the file has.
func TestPartsAreCounted(t *testing.T) {
	part := func(n int32) types.CompletedPart { return types.CompletedPart{PartNumber: aws.Int32(n)} }
	sum := checksum.Of(content(MinPartSize)).As()
	for _, c := range []struct {
		name  string
		sums  []checksum.Sum
		parts []types.CompletedPart
		ok    bool
	}{
		{"all", []checksum.Sum{sum, sum}, []types.CompletedPart{part(1), part(2)}, true},
		{"one less", []checksum.Sum{sum, sum}, []types.CompletedPart{part(1)}, false},
		{"one more", []checksum.Sum{sum, sum}, []types.CompletedPart{part(1), part(2), part(3)}, false},
		{"one twice", []checksum.Sum{sum, sum}, []types.CompletedPart{part(1), part(1)}, false},
		{"one that was not sent", []checksum.Sum{sum, {}}, []types.CompletedPart{part(1), part(2)}, false},
		{"a short one", []checksum.Sum{sum, checksum.Of([]byte("x")).As()}, []types.CompletedPart{part(1), part(2)}, false},
		{"none", nil, nil, false},
	} {
		r := newRig(t, 16<<20)
		path := r.file(t, content(2*MinPartSize))
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		sums := r.newPartSums(Object{Bucket: "b", Key: "k"}, 2*MinPartSize, int64(len(c.sums)))
		for i, sum := range c.sums {
			sums.parts[i].sum = sum
		}
		pc := &partClient{Objects: r.store, t: r.Transfer, file: f, was: stampOf(fi), dst: Object{Bucket: "b", Key: "k"}, sums: sums}
		_, err = pc.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: aws.String("u"),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: c.parts},
		})
		if sent := r.count("CompleteMultipartUpload") == 1; sent != c.ok || err == nil {
			t.Errorf("%s: sent %v, %v", c.name, sent, err)
		}
		_ = f.Close()
	}
}

// What the answer to the HEAD of a large object may be.
func TestHeadBeforeRanges(t *testing.T) {
	var obj Object
	for name, c := range map[string]struct {
		prepare func(*rig)
		changed bool // want ErrChanged
		text    string
	}{
		"another size":         {func(r *rig) { r.objects["k"] = content(large + 1); r.forgetful = true }, true, "bytes instead of"},
		"another ETag":         {func(r *rig) { r.objects["k"] = content(large + 1)[:large]; r.forgetful = true }, true, "its ETag is"},
		"a condition is false": {func(r *rig) { r.objects["k"] = content(large + 1) }, true, "PreconditionFailed"},
		"nothing":              {func(r *rig) { delete(r.objects, "k") }, false, "does not exist"},
		"no size": {func(r *rig) {
			r.answered = func(out any) { out.(*s3.HeadObjectOutput).ContentLength = nil }
		}, true, "0 bytes instead of"},
		"replaced after it": {func(r *rig) {
			r.answered = func(any) { r.objects["k"] = content(large + 1)[:large] }
		}, true, "PreconditionFailed"},
		"replaced after it, no conditions": {func(r *rig) {
			r.forgetful = true
			r.answered = func(any) { r.objects["k"] = content(large + 1)[:large] }
		}, true, "its ETag is"},
		"replaced after it, nothing known": {func(r *rig) {
			obj.ETag = ""
			r.answered = func(any) { r.objects["k"] = content(large + 1)[:large] }
		}, true, "PreconditionFailed"},
	} {
		r := newRig(t, 16<<20)
		obj = r.object(content(large))
		c.prepare(r)
		_, err := r.Download(t.Context(), obj, r.root, "f")
		if err == nil || errors.Is(err, ErrChanged) != c.changed || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v", name, err)
		}
		if r.progress.Load() != 0 || r.verified.Load()+r.unverified.Load() != 0 {
			t.Errorf("%s: %d bytes of progress", name, r.progress.Load())
		}
		if n := r.count("GetObject"); n > 0 && !strings.HasPrefix(name, "replaced after it") {
			t.Errorf("%s: %d ranges were asked for", name, n)
		}
		r.kept(t)
		r.clean(t)
	}
	r := newRig(t, 16<<20)
	obj = r.object(content(large))
	obj.ETag = ""
	if _, err := r.Download(t.Context(), obj, r.root, "f"); err != nil || r.verified.Load() != 1 {
		t.Errorf("without an ETag: %v", err)
	}
}

// Answers that are no part of what was asked for. Nothing is kept of them, and
// none is written over what is beside it.
func TestBadAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		size   int
		change func(*s3.GetObjectInput, *s3.GetObjectOutput)
	}{
		"small, short": {1000, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body = io.NopCloser(io.LimitReader(out.Body, 999))
		}},
		"small, short, no checksum": {1000, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body, out.ChecksumCRC64NVME = io.NopCloser(io.LimitReader(out.Body, 999)), nil
		}},
		"small, long, no checksum": {1000, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body, out.ChecksumCRC64NVME = io.NopCloser(io.MultiReader(out.Body, strings.NewReader("x"))), nil
		}},
		"small, a range": {1000, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.ContentRange = aws.String("bytes 0-999/1000")
		}},
		"small, breaks": {1000, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { out.Body = &cut{out.Body, 10} }},
		"range, short, no length": {large, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body, out.ContentLength = io.NopCloser(io.LimitReader(out.Body, 999)), nil
		}},
		"range, long, no length": {large, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body, out.ContentLength = io.NopCloser(io.MultiReader(out.Body, strings.NewReader("x"))), nil
		}},
		"range, another length": {large, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { *out.ContentLength++ }},
		"range, the whole": {large, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
			out.Body, out.ContentLength, out.ContentRange = io.NopCloser(bytes.NewReader(content(large))), aws.Int64(large), nil
		}},
		"range, breaks": {large, func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { out.Body = &cut{out.Body, 10} }},
	} {
		inTime(t, name, func(t *testing.T) {
			r := newRig(t, 16<<20)
			r.answer = c.change
			if _, err := r.Download(t.Context(), r.object(content(c.size)), r.root, "f"); err == nil {
				t.Error("no error")
			}
			if r.progress.Load() != 0 || r.verified.Load()+r.unverified.Load() != 0 {
				t.Errorf("%d bytes of progress", r.progress.Load())
			}
			r.kept(t)
			r.clean(t)
		})
	}
}

func TestRangeWriter(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := newPieces(2, 10, 15, 5, checksum.ByCRC32C)
	var marked uint64
	p.complete = func(number int, crc uint64) error {
		if number != 2 {
			t.Errorf("piece %d is complete", number)
		}
		marked = crc
		return nil
	}
	w := &rangeWriter{w: f, from: 10, pieces: p, progress: func(int64) {}}
	if n, err := w.WriteAt([]byte("123"), 0); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for _, c := range []struct {
		p   string
		off int64
	}{{"456", 3}, {"4", 4}, {"4", 2}, {"4", -7}} {
		if n, err := w.WriteAt([]byte(c.p), c.off); n != 0 || err == nil {
			t.Errorf("%q at %d: %d, %v", c.p, c.off, n, err)
		}
	}
	if n, err := w.WriteAt([]byte("45"), 3); n != 2 || err != nil || p.sum() != sumOf(checksum.ByCRC32C, []byte("12345")) ||
		marked != checksum.Of([]byte("12345")).Sum {
		t.Errorf("%d, %v, %v", n, err, p.sum())
	}
	if b, _ := os.ReadFile(f.Name()); string(b) != strings.Repeat("\x00", 10)+"12345" {
		t.Errorf("the file has %q", b)
	}
}
