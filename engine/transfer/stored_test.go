package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
)

// even cuts size bytes into parts of n, but for the last.
func even(size, n int) (parts []int) {
	for ; size > 0; size -= n {
		parts = append(parts, min(size, n))
	}
	return parts
}

// kind is one way in which a store may know the contents of an object.
type kind struct {
	name string
	size int
	facts
	checks
	by  checksum.Algorithm // what it is verified by; empty: by nothing
	sum func(b []byte) string
}

func storedKinds() []kind {
	composite := func(by checksum.Algorithm, parts []int) func([]byte) string {
		return func(b []byte) string { return checksum.Composite(sumsOf(by, b, parts)) }
	}
	tag := func(parts []int) func([]byte) string {
		return func(b []byte) string { return checksum.MultipartETag(sumsOf(checksum.ByMD5, b, parts)) }
	}
	var all []kind
	for _, size := range []int{1000, large} {
		for _, by := range checksum.Algorithms() {
			whole := facts{by: by}
			all = append(all, kind{name: "whole " + string(by), size: size, facts: whole, by: by, sum: func(b []byte) string { return sumOf(by, b).String() }})
		}
		all = append(all,
			kind{name: "an ETag alone", size: size, by: checksum.ByMD5, sum: etag},
			kind{name: "nothing", size: size, checks: checks{opaque: true}},
		)
	}
	const last = 77
	for _, c := range []struct {
		name  string
		by    checksum.Algorithm
		parts []int
		checks
		known bool
	}{
		{name: "parts as ours", by: checksum.BySHA256, parts: even(large, MinPartSize), known: true},
		{name: "parts as ours, SHA1", by: checksum.BySHA1, parts: even(large, MinPartSize), known: true},
		{name: "two parts", by: checksum.BySHA256, parts: []int{large - last, last}, known: true},
		{name: "one part", by: checksum.BySHA256, parts: []int{large}, known: true},
		{name: "one small part", by: checksum.BySHA256, parts: []int{1000}, known: true},
		{name: "parts as of others", by: checksum.BySHA256, parts: even(large, 7<<20), known: true},
		{name: "small parts", by: checksum.BySHA256, parts: even(large, 700_000), known: true},
		{name: "parts by their list", by: checksum.BySHA256, parts: even(large, 6<<20), checks: checks{mute: true, lists: true}, known: true},
		{name: "parts of no known size", by: checksum.BySHA256, parts: even(large, 6<<20), checks: checks{mute: true}},
		{name: "uneven parts", by: checksum.BySHA256, parts: []int{6 << 20, 5 << 20, large - 11<<20}},
		{name: "uneven parts, from the first", by: checksum.BySHA256, parts: []int{5 << 20, 6 << 20, large - 11<<20}},
		{name: "as MD5s", parts: even(large, MinPartSize), known: true},
		{name: "as MD5s of others", parts: even(large, 7<<20), known: true},
		{name: "as MD5s, small", parts: even(large, 700_000), known: true},
		{name: "as MD5s, uneven", parts: []int{5 << 20, 6 << 20, large - 11<<20}},
		{name: "as MD5s, KMS", parts: even(large, MinPartSize), checks: checks{opaque: true}},
	} {
		size := 0
		for _, n := range c.parts {
			size += n
		}
		k := kind{name: c.name, size: size, facts: facts{by: c.by, parts: c.parts}, checks: c.checks}
		if c.known {
			k.by, k.sum = c.by, composite(c.by, c.parts)
			if c.by == "" {
				k.by, k.sum = checksum.ByMD5, tag(c.parts)
			}
		}
		all = append(all, k)
	}
	return all
}

// keep has the store keep b as the kind says.
func (r *rig) keep(b []byte, k kind) Object {
	r.objects["k"], r.facts["k"] = b, k.facts
	r.checks = k.checks
	return Object{Bucket: "b", Key: "k", Size: int64(len(b)), ETag: r.tag("k")}
}

// A download is verified by whatever the store has, and one that is not what the
// store says is refused, whatever that is.
func TestDownloadStored(t *testing.T) {
	bodies := map[int][]byte{1000: content(1000), large: content(large)}
	for _, k := range storedKinds() {
		inTime(t, fmt.Sprint(k.name, ", ", k.size), func(t *testing.T) {
			b := bodies[k.size]
			want := Result{Size: int64(k.size), By: k.by}
			if k.by != "" {
				want.Sum = k.sum(b)
			}
			r := newRig(t, 64<<20)
			res, err := r.Transfer.Download(t.Context(), r.keep(b, k), r.root, "f")
			if err != nil || res != want {
				t.Errorf("got %+v, %v; want %+v", res, err, want)
			}
			if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); !bytes.Equal(got, b) {
				t.Error("the file is not the object")
			}
			if k.size == 1000 && (r.count("HeadObject") != 0 || r.count("GetObject") != 1) {
				t.Errorf("asked for with %v", r.calls)
			}
			r.clean(t)

			r = newRig(t, 64<<20)
			r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { damage(out) }
			_, err = r.Transfer.Download(t.Context(), r.keep(b, k), r.root, "f")
			switch {
			case k.by == "" && err != nil:
				t.Errorf("not to be verified: %v", err)
			case k.by != "" && (!errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), string(k.by)+" is ") || !strings.Contains(err.Error(), want.Sum)):
				t.Errorf("damaged: %v", err)
			case k.by != "":
				r.kept(t)
			}
			r.clean(t)
		})
	}
}

// The parts of an object that comes with one GET are not asked for: their size is
// guessed, and only where the guess is wrong there is a request.
func TestPartsGuessed(t *testing.T) {
	for _, c := range []struct {
		parts []int
		by    checksum.Algorithm
		right bool
	}{
		{[]int{MinPartSize, 100}, checksum.BySHA256, true},
		{[]int{MinPartSize, 100}, "", true},
		{[]int{MinPartSize + 50, 50}, checksum.BySHA256, false},
		{[]int{3 << 20, 3 << 20}, "", false},
	} {
		for _, hurt := range []bool{false, true} {
			inTime(t, fmt.Sprint(c.parts, c.by, hurt), func(t *testing.T) {
				r := newRig(t, 64<<20)
				r.Threshold = 64 << 20
				if hurt {
					r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) { damage(out) }
				}
				b := content(c.parts[0] + c.parts[1])
				res, err := r.Transfer.Download(t.Context(), r.keep(b, kind{facts: facts{by: c.by, parts: c.parts}}), r.root, "f")
				switch {
				case c.right && hurt:
					if !errors.Is(err, ErrChecksum) {
						t.Errorf("damaged: %+v, %v", res, err)
					}
				case err != nil || (res.By != "") != c.right:
					t.Errorf("%+v, %v", res, err)
				case c.right && r.count("HeadObject") > 0:
					t.Errorf("asked for: %v", r.calls)
				}
				r.clean(t)
			})
		}
	}
}

// A file and an object, compared by whatever the store has.
func TestCompareStored(t *testing.T) {
	bodies := map[int][]byte{1000: content(1000), large: content(large)}
	for _, k := range storedKinds() {
		t.Run(fmt.Sprint(k.name, ", ", k.size), func(t *testing.T) {
			b := bodies[k.size]
			r := newRig(t, 64<<20)
			obj := r.keep(b, k)
			other := slices.Clone(b)
			other[k.size/2] ^= 1
			same, differs, shorter := r.file(t, b), r.file(t, other), r.file(t, b[1:])
			ask := func(path string, ask bool) Verdict {
				v, err := r.Compare(t.Context(), obj, path, ask)
				if err != nil {
					t.Error(err)
				}
				return v
			}
			known := k.by != ""
			if v := ask(same, true); v.Known != known || v.Equal != known || known && v.By != k.by && v.By != checksum.ByMD5 || !known && v.By != "" {
				t.Errorf("the same: %+v", v)
			}
			if v := ask(differs, true); v.Known != known || v.Equal || known && v.By != k.by {
				t.Errorf("another: %+v", v)
			}
			if v := ask(shorter, true); !v.Known || v.Equal || v.By != "" {
				t.Errorf("a shorter one: %+v", v)
			}
			r.calls = nil
			if v := ask(same, false); v.Known != v.Equal || v.Known && v.By != checksum.ByMD5 {
				t.Errorf("the same, unasked: %+v", v)
			}
			if v := ask(differs, false); v != (Verdict{}) {
				t.Errorf("another, unasked: %+v", v)
			}
			if len(r.calls) > 0 {
				t.Errorf("asked: %v", r.calls)
			}
			r.clean(t)
		})
	}
}

func TestCompareUnasked(t *testing.T) {
	for _, c := range []struct {
		parts []int
		equal bool
	}{
		{nil, true},
		{even(large, MinPartSize), true},
		{even(large, 8<<20), true},
		{even(large, 7<<20), false}, // a size that nobody guesses
	} {
		r := newRig(t, 64<<20)
		b := content(large)
		v, err := r.Compare(t.Context(), r.keep(b, kind{facts: facts{parts: c.parts}}), r.file(t, b), false)
		if err != nil || v.Equal != c.equal || v.Known != c.equal || len(r.calls) > 0 {
			t.Errorf("%v: %+v, %v", c.parts, v, err)
		}
	}
}
