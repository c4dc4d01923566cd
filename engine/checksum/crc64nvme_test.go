package checksum

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/minio/crc64nvme"
)

// The check value of the catalogue: the sum of "123456789".
func TestCheckValue(t *testing.T) {
	c := Of([]byte("123456789"))
	if c.Sum != 0xae8b14860a799888 || c.Size != 9 {
		t.Errorf("%x of %d bytes", c.Sum, c.Size)
	}
	if c.String() != "rosUhgp5mIg=" {
		t.Errorf("in a header: %s", c)
	}
	if back, err := Parse(ByCRC64NVME, c.String(), 9); err != nil || back != c.As() {
		t.Errorf("read back: %v, %v", back, err)
	}
	for _, bad := range []string{"", "x", "rosUhgp5mIg", "rosUhgp5mA==", "rosUhgp5mIgA", "AAAAAAAAAAAAAAAA", "rosUhgp5mIg=\x00"} {
		if _, err := Parse(ByCRC64NVME, bad, 1); err == nil || !strings.Contains(err.Error(), "CRC64NVME") {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
}

// Whatever the pieces, together they have the sum of the whole.
func TestThen(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{1})
	whole := make([]byte, 1<<20+11)
	_, _ = rng.Read(whole)
	r := rand.New(rng)
	want := Of(whole)
	for range 200 {
		var got, written CRC64NVME
		for rest := whole; len(rest) > 0; {
			n := 1 + r.IntN(1<<r.IntN(21))
			if r.IntN(5) == 0 {
				n = 0
			}
			n = min(n, len(rest))
			got = got.Then(Of(rest[:n]))
			if _, err := io.Copy(&written, strings.NewReader(string(rest[:n]))); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got != want || written != want {
			t.Fatalf("pieces give %v, written they give %v, the whole gives %v", got, written, want)
		}
	}
}

// Zeros let sizes be tried that no memory holds: 5 TiB of them, by doubling.
func TestThenLarge(t *testing.T) {
	zeros := Of(make([]byte, 5<<20))
	for range 20 {
		zeros = zeros.Then(zeros)
	}
	byParts := CRC64NVME{}
	part := Of(make([]byte, 1<<20))
	for range 12 {
		part = part.Then(part) // 4 GiB
	}
	for range 1280 {
		byParts = byParts.Then(part)
	}
	if zeros.Size != 5<<40 || zeros != byParts {
		t.Errorf("%v and %v", zeros, byParts)
	}
}

func FuzzThen(f *testing.F) {
	f.Add([]byte("abc"), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		n := int(cut) % (len(b) + 1)
		if got := Of(b[:n]).Then(Of(b[n:])); got.Sum != crc64nvme.Checksum(b) || got.Size != int64(len(b)) {
			t.Errorf("%v", got)
		}
	})
}

func BenchmarkThen(b *testing.B) {
	part := CRC64NVME{Sum: 12345, Size: 8 << 20}
	whole := part
	b.ReportAllocs()
	for b.Loop() {
		whole = whole.Then(part)
	}
}
