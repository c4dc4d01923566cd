package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
)

// notices collects what a run is told.
type notices struct {
	mu   sync.Mutex
	said []string
}

func (n *notices) add(msg string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = append(n.said, msg)
}

// sumRig is a rig whose uploads are summed up by one algorithm.
func sumRig(t *testing.T, by checksum.Algorithm, c checks) (*rig, *notices) {
	t.Helper()
	r := newRig(t, 64<<20)
	n := &notices{}
	r.Algorithm, r.checks, r.Notice = by, c, n.add
	return r, n
}

// wantSum is what S3 has of b when it was sent in parts of MinPartSize, or whole.
func wantSum(by checksum.Algorithm, b []byte) string {
	if by == checksum.ByMD5 && len(b) < MinPartSize {
		return etag(b)
	}
	if len(b) < MinPartSize || by.FullObject() {
		return sumOf(by, b).String()
	}
	var sizes []int
	for left := len(b); left > 0; left -= MinPartSize {
		sizes = append(sizes, min(left, MinPartSize))
	}
	if by == checksum.ByMD5 {
		return checksum.MultipartETag(sumsOf(by, b, sizes))
	}
	return checksum.Composite(sumsOf(by, b, sizes))
}

// Every algorithm, whole and in parts, with stores that take it, refuse it, have
// never heard of it, and answer nonsense.
func TestUploadAlgorithms(t *testing.T) {
	type want struct {
		by     checksum.Algorithm // "own": the one that was asked for
		fails  bool
		notice string
	}
	const own checksum.Algorithm = "own"
	bodies := map[int][]byte{1000: content(1000), large: content(large)}
	for name, c := range map[string]struct {
		checks
		want
	}{
		"takes":                     {checks{}, want{by: own}},
		"takes, KMS":                {checks{opaque: true}, want{by: own}},
		"InvalidRequest":            {checks{refuses: "InvalidRequest"}, want{by: checksum.ByMD5, notice: "refuses"}},
		"InvalidArgument":           {checks{refuses: "InvalidArgument"}, want{by: checksum.ByMD5, notice: "refuses"}},
		"NotImplemented":            {checks{refuses: "NotImplemented"}, want{by: checksum.ByMD5, notice: "refuses"}},
		"NotImplemented, KMS":       {checks{refuses: "NotImplemented", opaque: true}, want{notice: "refuses"}},
		"another error":             {checks{refuses: "AccessDenied"}, want{fails: true}},
		"never heard of it":         {checks{ignores: true}, want{by: checksum.ByMD5, notice: "keeps no"}},
		"never heard of it, no MD5": {checks{ignores: true, opaque: true}, want{notice: "keeps no"}},
		"answers another":           {checks{answers: "wrong"}, want{fails: true}},
		"answers garbage":           {checks{answers: "\x00"}, want{fails: true}},
	} {
		for _, by := range checksum.Algorithms() {
			for _, size := range []int{1000, large} {
				if size == large && by != checksum.ByCRC64NVME && by != checksum.BySHA256 {
					continue // one of the whole and one of parts; the others are sent to a real server
				}
				t.Run(fmt.Sprint(name, "/", by, "/", size), func(t *testing.T) {
					if c.answers == "wrong" {
						c.answers = sumOf(by, []byte("something else")).String()
					}
					r, told := sumRig(t, by, c.checks)
					b := bodies[size]
					path := r.file(t, b)
					for i := range 2 { // the second shows what is remembered
						r.progress.Store(0)
						res, err := r.Transfer.Upload(t.Context(), path, Object{Bucket: "b", Key: fmt.Sprint("k", i)})
						if c.fails {
							if err == nil || c.answers != "" && (!errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "the checksum differs: "+string(by)+" is ") ||
								!strings.Contains(err.Error(), fmt.Sprintf("%q", c.answers))) {
								t.Errorf("got %v", err)
							}
							if size == 1000 && r.progress.Load() != 0 {
								t.Errorf("%d bytes of progress", r.progress.Load())
							}
							continue
						}
						want := Result{Size: int64(size), By: c.by}
						if c.by == own {
							want.By = by
						}
						if want.By != "" {
							want.Sum = wantSum(want.By, b)
						}
						if err != nil || res != want || r.progress.Load() != int64(size) {
							t.Errorf("%d: got %+v, %v, and %d bytes of progress; want %+v", i, res, err, r.progress.Load(), want)
						}
						if got := r.objects[fmt.Sprint("k", i)]; !bytes.Equal(got, b) {
							t.Errorf("%d: the object is not the file", i)
						}
					}
					switch {
					case c.notice == "" && len(told.said) == 0:
					case c.notice != "" && len(told.said) == 1 && strings.Contains(told.said[0], c.notice+" "+string(by)) && strings.Contains(told.said[0], "s3://b "):
					default:
						t.Errorf("told: %q", told.said)
					}
					// What is known is not tried again.
					puts, heads := r.count("PutObject"), r.count("HeadObject")
					switch {
					case size == large || c.fails:
					case c.refuses != "" && puts != 3, c.refuses == "" && puts != 2:
						t.Errorf("%d PutObjects", puts)
					case c.ignores && c.opaque && heads != 1, !c.ignores && heads != 0, !c.opaque && heads != 0:
						t.Errorf("%d HeadObjects", heads)
					}
					r.clean(t)
				})
			}
		}
	}
}

// An upload in parts may be refused at each of its steps.
func TestPartsRefused(t *testing.T) {
	for _, by := range []checksum.Algorithm{checksum.ByCRC32C, checksum.BySHA256} {
		for _, op := range []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"} {
			r, told := sumRig(t, by, checks{refuses: "InvalidArgument", refusesOp: op, ignores: op == "CompleteMultipartUpload"})
			b := content(large)
			for i := range 2 {
				r.calls = nil
				res, err := r.Transfer.Upload(t.Context(), r.file(t, b), Object{Bucket: "b", Key: "k"})
				if err != nil || res.By != checksum.ByMD5 || res.Sum != wantSum(checksum.ByMD5, b) {
					t.Errorf("%s, %s: %+v, %v", by, op, res, err)
				}
				if i == 1 && (r.count("CreateMultipartUpload") != 1 || r.count("UploadPart") != 4 || r.count("CompleteMultipartUpload") != 1) {
					t.Errorf("%s, %s: the second was tried with %s again: %v", by, op, by, r.calls)
				}
			}
			if len(told.said) != 1 {
				t.Errorf("%s, %s: told %q", by, op, told.said)
			}
			r.clean(t)
		}
	}
}

// A request that fails for another reason than its checksum does not weaken what
// follows, whatever its code, and what took a checksum once is not tried without.
func TestNotWeakened(t *testing.T) {
	for _, size := range []int{1000, large} {
		r, told := sumRig(t, checksum.ByCRC64NVME, checks{})
		path := r.file(t, content(size))
		fail := true
		r.before = func(op string, _ int) error {
			if fail && (op == "PutObject" || op == "CreateMultipartUpload") {
				return apiError(op, "InvalidRequest")
			}
			return nil
		}
		for i, want := range []int{2, 1, 1} {
			r.calls = nil
			fail = i != 1
			res, err := r.Transfer.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
			if fail && (err == nil || !strings.Contains(err.Error(), "InvalidRequest")) || !fail && (err != nil || res.By != checksum.ByCRC64NVME) {
				t.Errorf("%d bytes, %d: %+v, %v", size, i, res, err)
			}
			if got := r.count("PutObject") + r.count("CreateMultipartUpload"); got != want {
				t.Errorf("%d bytes, %d: begun %d times, want %d", size, i, got, want)
			}
		}
		if len(told.said) > 0 {
			t.Errorf("told %q", told.said)
		}
		// Another bucket is asked for itself.
		r.before, r.refuses = nil, "NotImplemented"
		if res, err := r.Transfer.Upload(t.Context(), path, Object{Bucket: "other", Key: "k"}); err != nil || res.By != checksum.ByMD5 {
			t.Errorf("%d bytes, another bucket: %+v, %v", size, res, err)
		}
		r.clean(t)
	}
}

// A store that takes checksums and does not answer with them has them all the
// same, as HEAD tells.
func TestSilentAnswers(t *testing.T) {
	for _, by := range checksum.Algorithms() {
		for _, size := range []int{1000, large} {
			r, _ := sumRig(t, by, checks{opaque: true})
			r.answered = func(out any) {
				switch out := out.(type) {
				case *s3.PutObjectOutput:
					clearSums(out)
				case *s3.UploadPartOutput:
					clearSums(out)
				case *s3.CompleteMultipartUploadOutput:
					clearSums(out)
				}
			}
			b := content(size)
			res, err := r.Transfer.Upload(t.Context(), r.file(t, b), Object{Bucket: "b", Key: "k"})
			if err != nil || res.By != by || res.Sum != wantSum(by, b) {
				t.Errorf("%s, %d bytes: %+v, %v", by, size, res, err)
			}
			r.clean(t)
		}
	}
}

// What the store found damaged, however often it was sent, is named.
func TestBadDigest(t *testing.T) {
	for _, size := range []int{1000, large} {
		for _, code := range []string{"BadDigest", "XAmzContentChecksumMismatch"} {
			r, _ := sumRig(t, checksum.ByCRC32C, checks{})
			r.before = func(op string, _ int) error {
				if op == "PutObject" || op == "UploadPart" {
					return apiError(op, code)
				}
				return nil
			}
			_, err := r.Transfer.Upload(t.Context(), r.file(t, content(size)), Object{Bucket: "b", Key: "k"})
			if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), "s3://b/k: the checksum differs: CRC32C") {
				t.Errorf("%d bytes: got %v", size, err)
			}
			r.clean(t)
		}
	}
}

// A file that is too large for the budget is read once more for its MD5.
func TestWeakerWithoutBuffer(t *testing.T) {
	p, told := sumRig(t, checksum.ByCRC64NVME, checks{refuses: "NotImplemented"})
	r := newRig(t, 8<<20)
	r.checks, r.Notice = p.checks, told.add
	b := content(MinPartSize)
	res, err := r.Transfer.Upload(t.Context(), r.file(t, b), Object{Bucket: "b", Key: "k"})
	if err != nil || res.By != checksum.ByMD5 || r.progress.Load() != MinPartSize || !bytes.Equal(r.objects["k"], b) {
		t.Errorf("%+v, %v, %d bytes of progress", res, err, r.progress.Load())
	}
	r.clean(t)
}

func TestNoOverwriteUp(t *testing.T) {
	for _, size := range []int{1000, large} {
		inTime(t, fmt.Sprint(size), func(t *testing.T) {
			r := newRig(t, 64<<20)
			r.NoOverwrite = true
			path := r.file(t, content(size))
			if _, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"}); err != nil {
				t.Fatal(err)
			}
			r.objects["k"] = []byte("mine")
			_, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
			if !errors.Is(err, ErrExists) || string(r.objects["k"]) != "mine" || !strings.Contains(err.Error(), "s3://b/k") {
				t.Errorf("got %v", err)
			}
			// Another write is under way: what comes of it is known when it has ended.
			delete(r.objects, "k")
			conflicts := 0
			r.before = func(op string, _ int) error {
				if (op == "PutObject" || op == "CompleteMultipartUpload") && conflicts < 2 {
					conflicts++
					return apiError(op, "ConditionalRequestConflict")
				}
				return nil
			}
			if _, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"}); err != nil || conflicts != 2 || len(r.objects["k"]) != size {
				t.Errorf("after %d conflicts: %v", conflicts, err)
			}
			r.clean(t)
		})
	}
}

// Whatever changes about a file while it is read fails it; nothing is left of it.
func TestSourceChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"its size":    func(path string) error { return os.Truncate(path, 10) },
		"its content": func(path string) error { return writeAt(path, "changed") },
		"another has taken its name": func(path string) error {
			if err := os.WriteFile(path+"2", content(1000), 0o600); err != nil {
				return err
			}
			return os.Rename(path+"2", path)
		},
	} {
		for _, size := range []int{1000, large} {
			r := newRig(t, 64<<20)
			path := r.file(t, content(size))
			old, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			reads := 0
			r.Fault = func(op, _ string) error {
				if op != "read" {
					return nil
				}
				if reads++; reads != 1 {
					return nil
				}
				err := change(path)
				if name == "its content" { // and with its time as it was: the ctime tells
					err = errors.Join(err, os.Chtimes(path, old.ModTime(), old.ModTime()))
				}
				return err
			}
			r.PartsAtOnce = 1
			if name == "its content" && stampOf(old).ctime.IsZero() {
				continue
			}
			_, err = r.Transfer.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
			if !errors.Is(err, ErrChanged) || len(r.objects) > 0 || r.progress.Load() != 0 && size == 1000 {
				t.Errorf("%s, %d bytes: %v, %d objects", name, size, err, len(r.objects))
			}
			r.clean(t)
		}
	}
}

func writeAt(path, s string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(s), 3)
	return errors.Join(err, f.Close())
}

// Each operation on a source can fail, and then says so.
func TestSourceFaults(t *testing.T) {
	for _, size := range []int{1000, large} {
		for _, memory := range []int64{64 << 20, 8 << 20} {
			step := 1
			if size == large && memory < 64<<20 { // read piece by piece, and each abort takes its time
				step = 17
			}
			for at := 0; ; at += step {
				r := newRig(t, memory)
				r.PartsAtOnce = 1
				var n int
				var failed string
				var mu sync.Mutex
				r.Fault = func(op, name string) error {
					mu.Lock()
					defer mu.Unlock()
					if n++; n-1 != at {
						return nil
					}
					failed = op
					return &os.PathError{Op: op, Path: name, Err: errFault}
				}
				path := r.file(t, content(size))
				_, err := r.Transfer.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
				if failed == "" {
					if err != nil || at < 4 {
						t.Errorf("%d operations, %v", at, err)
					}
					break
				}
				if !errors.Is(err, errFault) || !strings.Contains(err.Error(), filepath.Base(path)) {
					t.Errorf("%s (%d) failed: %v", failed, at, err)
				}
				if len(r.objects) > 0 && size != 1000 && failed != "stat" {
					t.Errorf("%s (%d) failed, and there is an object", failed, at)
				}
				r.clean(t)
			}
		}
	}
}
