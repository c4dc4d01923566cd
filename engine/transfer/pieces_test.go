package transfer

import (
	"math/rand/v2"
	"testing"

	"github.com/s3haul/s3haul/engine/checksum"
)

// The sum of a range is that of its bytes, however they come, and each piece is
// told once, with its sum.
func TestPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, by := range []checksum.Algorithm{checksum.ByCRC64NVME, checksum.ByCRC32C, checksum.BySHA256} {
		for _, step := range []int64{1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 5<<20 + 3, 40 << 20} {
			for _, short := range []int64{0, 1, step / 2} {
				b := content(int(step - short))
				const i = 3
				p := newPieces(i, 100, 100+int64(len(b)), step, by)
				told := map[int]uint64{}
				p.complete = func(number int, crc uint64) error {
					if _, twice := told[number]; twice {
						t.Errorf("piece %d was told twice", number)
					}
					told[number] = crc
					return nil
				}
				for rest := b; len(rest) > 0; {
					n := min(1+rng.IntN(300_000), len(rest))
					if m, err := p.Write(rest[:n]); m != n || err != nil {
						t.Fatal(m, err)
					}
					rest = rest[n:]
				}
				if p.sum() != sumOf(by, b) || p.at != p.to {
					t.Errorf("%s, %d of %d bytes: %v at %d", by, len(b), step, p.sum(), p.at)
				}
				if _, err := p.Write([]byte("x")); err == nil {
					t.Error("a byte too many was taken")
				}
				size, first := pieceSize(step), i*int(piecesIn(step))
				want := (int64(len(b)) + size - 1) / size
				if int64(len(told)) != want || piecesIn(step) > 16 {
					t.Errorf("%s, %d of %d bytes: %d pieces were told, want %d", by, len(b), step, len(told), want)
				}
				for n, crc := range told {
					at := int64(n-first) * size
					if at < 0 || at >= int64(len(b)) || checksum.Of(b[at:min(at+size, int64(len(b)))]).Sum != crc {
						t.Errorf("piece %d has another sum", n)
					}
				}
			}
		}
	}
}
