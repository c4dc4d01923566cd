package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
)

// Two objects, by what the store has of either.
func TestCompareObjects(t *testing.T) {
	const size = 100_000
	b := content(size)
	other := slices.Clone(b)
	other[77] ^= 1
	yes := func(by checksum.Algorithm) Verdict { return Verdict{Equal: true, Known: true, By: by} }
	no := func(by checksum.Algorithm) Verdict { return Verdict{Known: true, By: by} }
	sha := func(parts []int) facts { return facts{by: checksum.BySHA256, parts: parts} }
	md5 := func(parts []int) facts { return facts{parts: parts} }
	for _, c := range []struct {
		name string
		a, b facts
		checks
		differ bool
		want   Verdict
		asked  int // HEADs
	}{
		{name: "MD5s", want: yes(checksum.ByMD5)},
		{name: "other MD5s", differ: true, want: no(checksum.ByMD5), asked: 2},
		{name: "CRCs", a: facts{by: checksum.ByCRC32}, b: facts{by: checksum.ByCRC32}, differ: true, want: no(checksum.ByCRC32), asked: 2},
		{name: "CRCs, KMS", a: facts{by: checksum.ByCRC32}, b: facts{by: checksum.ByCRC32}, checks: checks{opaque: true}, differ: true, want: no(checksum.ByCRC32), asked: 2},
		{name: "one in parts, by CRC64NVME", a: facts{by: checksum.ByCRC64NVME, parts: even(size, 30_000)}, b: facts{by: checksum.ByCRC64NVME}, want: yes(checksum.ByCRC64NVME), asked: 2},
		{name: "one in parts, by CRC64NVME, another", a: facts{by: checksum.ByCRC64NVME, parts: even(size, 30_000)}, b: facts{by: checksum.ByCRC64NVME}, differ: true, want: no(checksum.ByCRC64NVME), asked: 2},
		{name: "one in parts", a: sha(even(size, 30_000)), b: facts{by: checksum.BySHA256}, asked: 2},
		{name: "two algorithms", a: facts{by: checksum.ByCRC32, parts: even(size, 30_000)}, b: facts{by: checksum.ByCRC32C}, asked: 2},
		{name: "the same parts", a: sha(even(size, 30_000)), b: sha(even(size, 30_000)), want: yes(checksum.ByMD5)},
		{name: "the same parts, another", a: sha(even(size, 30_000)), b: sha(even(size, 30_000)), differ: true, want: no(checksum.BySHA256), asked: -1},
		{name: "the same parts, of no known size", a: sha(even(size, 30_000)), b: sha(even(size, 30_000)), checks: checks{mute: true}, differ: true, asked: -1},
		{name: "other parts", a: sha(even(size, 30_000)), b: sha(even(size, 28_000)), asked: -1},
		{name: "other parts, as many, uneven", a: sha(even(size, 30_000)), b: sha([]int{30_000, 20_000, 30_000, 20_000}), asked: -1},
		{name: "MD5s of parts", a: md5(even(size, 30_000)), b: md5(even(size, 30_000)), want: yes(checksum.ByMD5)},
		{name: "MD5s of parts, another", a: md5(even(size, 30_000)), b: md5(even(size, 30_000)), differ: true, want: no(checksum.ByMD5), asked: -1},
		{name: "MD5s of other parts", a: md5(even(size, 30_000)), b: md5(even(size, 28_000)), asked: -1},
		{name: "nothing", checks: checks{opaque: true}, differ: true, asked: 2},
	} {
		r := newRig(t, 16<<20)
		r.checks = c.checks
		r.objects["one"], r.facts["one"] = b, c.a
		r.objects["two"], r.facts["two"] = b, c.b
		if c.differ {
			r.objects["two"] = other
		}
		obj := func(key string) Object {
			return Object{Bucket: "b", Key: key, Size: size, ETag: r.tag(key)}
		}
		got, err := r.CompareObjects(t.Context(), obj("one"), obj("two"), true)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
		if n := r.count("HeadObject"); c.asked >= 0 && n != c.asked || c.asked < 0 && n <= 2 {
			t.Errorf("%s: %d HEADs, want %d", c.name, n, c.asked)
		}
		r.calls = nil
		got, err = r.CompareObjects(t.Context(), obj("one"), obj("two"), false)
		want := Verdict{}
		if r.tag("one") == r.tag("two") {
			want = yes(checksum.ByMD5)
		}
		if err != nil || got != want || len(r.calls) > 0 {
			t.Errorf("%s, unasked: %+v, %v, %v", c.name, got, err, r.calls)
		}
		short := obj("two")
		short.Size--
		if got, err = r.CompareObjects(t.Context(), obj("one"), short, true); err != nil || got != (Verdict{Known: true}) || len(r.calls) > 0 {
			t.Errorf("%s, of two sizes: %+v, %v", c.name, got, err)
		}
	}
}

// The bytes themselves: whatever the store says of them, and whatever breaks on
// the way.
func TestCompareBytes(t *testing.T) {
	for _, size := range []int{0, 1000, large} {
		b := content(size)
		for _, differ := range []bool{false, true} {
			inTime(t, fmt.Sprint(size, differ), func(t *testing.T) {
				if differ && size == 0 {
					return
				}
				r := newRig(t, 16<<20)
				other := slices.Clone(b)
				if differ {
					other[len(other)-1] ^= 1
				}
				r.objects["one"], r.objects["two"] = b, other
				r.facts["one"] = facts{}
				one := Object{Bucket: "b", Key: "one", Size: int64(size)}
				two := Object{Bucket: "b", Key: "two", Size: int64(size)}
				broken := 0
				r.answer = func(_ *s3.GetObjectInput, out *s3.GetObjectOutput) {
					if broken++; broken == 1 && size > 0 {
						out.Body = &cut{out.Body, int64(size / 2)}
					}
				}
				want := Verdict{Equal: !differ, Known: true, By: checksum.ByCRC64NVME}
				if v, err := r.CompareBytes(t.Context(), one, r.file(t, other)); err != nil || v != want {
					t.Errorf("file: %+v, %v", v, err)
				}
				broken = 0
				if v, err := r.CompareObjectBytes(t.Context(), one, two); err != nil || v != want {
					t.Errorf("object: %+v, %v", v, err)
				}
				if want := int64(2); size > 0 && r.retries.Load() != want {
					t.Errorf("%d retries", r.retries.Load())
				}
				// One that is of another size is not read.
				r.calls = nil
				two.Size++
				v, err := r.CompareObjectBytes(t.Context(), one, two)
				w, werr := r.CompareBytes(t.Context(), two, r.file(t, b))
				if err != nil || werr != nil || v != (Verdict{Known: true}) || w != v || len(r.calls) > 0 {
					t.Errorf("of other sizes: %+v, %v, %+v, %v, %v", v, err, w, werr, r.calls)
				}
				r.clean(t)
			})
		}
	}
}

// A comparison that could not be made is an error and no verdict.
func TestCompareFails(t *testing.T) {
	r := newRig(t, 16<<20)
	obj := r.object(content(1000))
	gone := Object{Bucket: "b", Key: "gone", Size: 1000}
	path := r.file(t, content(1000))
	missing := path + "-not"
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		compare func(ctx context.Context) (Verdict, error)
		ctx     context.Context
		text    string
	}{
		"no object":           {func(ctx context.Context) (Verdict, error) { return r.Compare(ctx, gone, path, true) }, t.Context(), "does not exist"},
		"no object, bytes":    {func(ctx context.Context) (Verdict, error) { return r.CompareBytes(ctx, gone, path) }, t.Context(), "does not exist"},
		"no object, two":      {func(ctx context.Context) (Verdict, error) { return r.CompareObjects(ctx, obj, gone, true) }, t.Context(), "does not exist"},
		"no object, two, 2":   {func(ctx context.Context) (Verdict, error) { return r.CompareObjectBytes(ctx, obj, gone) }, t.Context(), "does not exist"},
		"no file":             {func(ctx context.Context) (Verdict, error) { return r.Compare(ctx, obj, missing, false) }, t.Context(), missing},
		"no file, bytes":      {func(ctx context.Context) (Verdict, error) { return r.CompareBytes(ctx, obj, missing) }, t.Context(), missing},
		"it has ended":        {func(ctx context.Context) (Verdict, error) { return r.Compare(ctx, obj, path, false) }, ended, "context canceled"},
		"it has ended, bytes": {func(ctx context.Context) (Verdict, error) { return r.CompareBytes(ctx, obj, path) }, ended, "context canceled"},
	} {
		if v, err := c.compare(c.ctx); err == nil || v != (Verdict{}) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	// A file that fails to be read, at each of its operations.
	for at := 0; ; at++ {
		n := 0
		r.Fault = func(string, string) error {
			if n++; n-1 == at {
				return errFault
			}
			return nil
		}
		v, err := r.Compare(t.Context(), obj, path, true)
		if n > at {
			if !errors.Is(err, errFault) || v != (Verdict{}) {
				t.Errorf("%d: %+v, %v", at, v, err)
			}
			n = 0
			if w, werr := r.CompareBytes(t.Context(), obj, path); n > at && (!errors.Is(werr, errFault) || w != (Verdict{})) {
				t.Errorf("bytes, %d: %+v, %v", at, w, werr)
			}
			continue
		}
		if at < 3 || err != nil || !v.Equal {
			t.Errorf("%d operations, %+v, %v", at, v, err)
		}
		break
	}
	r.clean(t)
}
