package checksum

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func all() []Algorithm { return append(Algorithms(), ByMD5) }

func of(a Algorithm, p []byte) Sum {
	h := New(a)
	h.Add(p)
	return h.Sum()
}

// The sums of "123456789", by the catalogue of CRCs and by sha1sum and its like.
func TestCheckValues(t *testing.T) {
	for a, want := range map[Algorithm]string{
		ByCRC64NVME: "ae8b14860a799888",
		ByCRC32:     "cbf43926",
		ByCRC32C:    "e3069283",
		BySHA1:      "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
		BySHA256:    "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
		ByMD5:       "25f9e794323b453885f5181f1b624d0b",
	} {
		s := of(a, []byte("123456789"))
		if s.Hex() != want || hex.EncodeToString(s.Raw()) != want || s.Size != 9 || len(s.Raw()) != a.Size() {
			t.Errorf("%s: %s of %d bytes", a, s.Hex(), s.Size)
		}
		back, err := Parse(a, s.String(), 9)
		if err != nil || back != s || !s.Is(s.String()) {
			t.Errorf("%s: read back %v, %v", a, back, err)
		}
		h := New(a)
		for _, p := range []string{"12345", "", "6789"} {
			if n, err := h.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%s: wrote %d, %v", a, n, err)
			}
		}
		if first := h.Sum(); first != s || h.Sum() != s || h.Size() != 9 || h.Algorithm() != a {
			t.Errorf("%s in pieces: %v of %d bytes", a, h.Sum(), h.Size())
		}
		h.Reset()
		if h.Sum() != of(a, nil) || h.Size() != 0 {
			t.Errorf("%s of nothing, after a reset: %v", a, h.Sum())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, a := range all() {
		good := of(a, []byte("x")).String()
		for _, bad := range []string{"", "x", good[1:], good + "=", good + "A", good + "-1", good + "\n", "\n" + good, " " + good, strings.TrimRight(good, "="), "\x00"} {
			if bad == good {
				continue // without padding
			}
			s, err := Parse(a, bad, 1)
			if err == nil || s != (Sum{}) || !strings.Contains(err.Error(), string(a)) || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
				t.Errorf("%s: %q was taken as %v, %v", a, bad, s, err)
			}
		}
	}
	if _, err := Parse("", "", 0); err == nil {
		t.Error("no algorithm has a sum")
	}
	// The last bits of the last letter are of no byte: one sum has one text.
	if _, err := Parse(ByCRC32, "AAAAAB==", 1); err == nil {
		t.Error("AAAAAB== was taken")
	}
}

// Whatever the pieces, together they have the sum of the whole.
func TestSumThen(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{2})
	whole := make([]byte, 1<<18+7)
	_, _ = rng.Read(whole)
	r := rand.New(rng)
	for _, a := range all() {
		if !a.FullObject() {
			continue
		}
		want := of(a, whole)
		for range 50 {
			var got Sum
			for rest := whole; len(rest) > 0; {
				n := min(r.IntN(1<<r.IntN(19)), len(rest))
				got = got.Then(of(a, rest[:n]))
				rest = rest[n:]
			}
			if got != want {
				t.Fatalf("%s: pieces give %v, the whole gives %v", a, got, want)
			}
		}
		if want.Then(Sum{}) != want || (Sum{}).Then(want) != want || want.Then(of(a, nil)) != want || of(a, nil).Then(want) != want {
			t.Errorf("%s: nothing changes it", a)
		}
	}
	if s := of(ByCRC64NVME, whole); s != Of(whole).As() || s.String() != Of(whole).String() {
		t.Error("the two ways to CRC64NVME differ")
	}
}

func TestThenPanics(t *testing.T) {
	for name, pair := range map[string][2]Sum{
		"two algorithms": {of(ByCRC32, nil), of(ByCRC32C, nil)},
		"no CRC":         {of(BySHA256, []byte("a")), of(BySHA256, []byte("b"))},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: put together", name)
				}
			}()
			pair[0].Then(pair[1])
		}()
	}
}

func TestComposite(t *testing.T) {
	parts := [][]byte{bytes.Repeat([]byte("a"), 1000), []byte("b")}
	for _, a := range all() {
		var raw []byte
		var sums []Sum
		for _, p := range parts {
			sums = append(sums, of(a, p))
			raw = append(raw, of(a, p).Raw()...)
		}
		want := of(a, raw).String() + "-2"
		got := Composite(sums)
		if got != want {
			t.Errorf("%s: %s instead of %s", a, got, want)
		}
		back, n, err := ParseComposite(a, got, 1001)
		if err != nil || n != 2 || back.Size != 1001 || !back.Is(strings.TrimSuffix(got, "-2")) {
			t.Errorf("%s: read back %v of %d, %v", a, back, n, err)
		}
	}
	sum := sha256.Sum256(nil)
	text := base64.StdEncoding.EncodeToString(sum[:])
	for _, bad := range []string{text, text + "-", text + "-0", text + "-01", text + "-+1", text + "--1", text + "-10001", "-1", "x-1", text + "-1-1", text + "-99999999999999999999"} {
		if _, _, err := ParseComposite(BySHA256, bad, 1); err == nil || !strings.Contains(err.Error(), "SHA256") {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
	if Composite(nil) != "" || MultipartETag(nil) != "" {
		t.Error("no part has a sum")
	}
}

func TestETags(t *testing.T) {
	a, b := md5.Sum([]byte("a")), md5.Sum([]byte("b"))
	both := md5.Sum(append(a[:], b[:]...))
	tag := hex.EncodeToString(both[:]) + "-2"
	if got := MultipartETag([]Sum{of(ByMD5, []byte("a")), of(ByMD5, []byte("b"))}); got != tag {
		t.Errorf("%s instead of %s", got, tag)
	}
	for etag, want := range map[string]struct {
		hex   string
		parts int
		ok    bool
	}{
		tag:                                {hex.EncodeToString(both[:]), 2, true},
		`"` + tag + `"`:                    {hex.EncodeToString(both[:]), 2, true},
		"0CC175B9C0F1B6A831C399E269772661": {hex.EncodeToString(a[:]), 0, true},
		hex.EncodeToString(a[:]):           {hex.EncodeToString(a[:]), 0, true},
		"":                                 {},
		"-1":                               {},
		"cafe":                             {},
		tag + "-2":                         {},
		"zz" + tag[2:]:                     {},
		tag[:32] + "-x":                    {},
		tag[:32] + "-0":                    {},
		tag[:32] + "-10001":                {},
		"CJjX9p7h4oUDEAE=":                 {}, // of GCS
	} {
		sum, parts, ok := ParseETag(etag, 2)
		if ok != want.ok || parts != want.parts || ok && (sum.Hex() != want.hex || sum.Size != 2) || !ok && sum != (Sum{}) {
			t.Errorf("%q: %s of %d, %v", etag, sum.Hex(), parts, ok)
		}
	}
}

// CRCs take no memory, so that they are for nothing with each small object.
func TestNoMemory(t *testing.T) {
	p := bytes.Repeat([]byte("x"), 4096)
	for _, a := range Algorithms() {
		text := of(a, p).String()
		h := New(a)
		if n := testing.AllocsPerRun(100, func() {
			h.Reset()
			h.Add(p)
			if s := h.Sum(); !s.Is(text) {
				t.Error(a, "differs")
			}
		}); n > 0 && a.FullObject() {
			t.Errorf("%s: %v pieces of memory", a, n)
		}
	}
}

// What is read from a header is written as it was, and nothing else is read.
func FuzzParse(f *testing.F) {
	for _, a := range all() {
		f.Add(of(a, []byte("x")).String())
		f.Add(Composite([]Sum{of(a, []byte("x"))}))
	}
	f.Add(MultipartETag([]Sum{of(ByMD5, []byte("x"))}))
	f.Add(`"` + of(ByMD5, []byte("x")).Hex() + `"`)
	f.Fuzz(func(t *testing.T, header string) {
		for _, a := range all() {
			if s, err := Parse(a, header, 1); err == nil && s.String() != header {
				t.Errorf("%s: %q was read as %v", a, header, s)
			}
			if s, n, err := ParseComposite(a, header, 1); err == nil && fmt.Sprint(s.String(), "-", n) != header {
				t.Errorf("%s: %q was read as %v of %d parts", a, header, s, n)
			}
		}
		if s, n, ok := ParseETag(header, 1); ok {
			want := s.Hex()
			if n > 0 {
				want += fmt.Sprint("-", n)
			}
			if !strings.EqualFold(strings.Trim(header, `"`), want) {
				t.Errorf("%q was read as %v of %d parts", header, s, n)
			}
		}
	})
}

func FuzzSumThen(f *testing.F) {
	f.Add([]byte("abc"), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		n := int(cut) % (len(b) + 1)
		for _, a := range []Algorithm{ByCRC64NVME, ByCRC32, ByCRC32C} {
			if got := of(a, b[:n]).Then(of(a, b[n:])); got != of(a, b) {
				t.Errorf("%s: %v", a, got)
			}
		}
	})
}
