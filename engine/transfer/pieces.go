package transfer

import (
	"errors"

	"github.com/s3haul/s3haul/engine/checksum"
)

// pieceSize is the size of the pieces in which a range of step bytes is marked as
// it comes: small enough that little is lost of the many ranges that are under
// way at a time, and sixteen a range at most, however large the object is.
func pieceSize(step int64) int64 {
	const mib = 1 << 20
	return max(mib, (step/16+mib-1)/mib*mib)
}

// piecesIn is how many pieces a range of step bytes has.
func piecesIn(step int64) int64 {
	size := pieceSize(step)
	return (step + size - 1) / size
}

// pieces sums up the bytes of one range in their order: by what the store has a
// sum of, and by CRC64NVME piece by piece.
type pieces struct {
	from, to int64 // the range, in the object
	at       int64 // what comes next
	size     int64 // of a piece
	number   int   // of the present piece, among all of the object
	by       checksum.Algorithm
	// hash sums up by, where that is not CRC64NVME.
	hash checksum.Hash
	// before is the sum of the pieces that are complete, piece of the present one.
	before, piece checksum.CRC64NVME
	// complete is told the sum of each piece; nil where nobody wants to know.
	complete func(number int, crc uint64) error
}

// newPieces begins range i of an object, in which all ranges have step bytes but
// for the last.
func newPieces(i int, from, to, step int64, by checksum.Algorithm) *pieces {
	p := &pieces{from: from, to: to, at: from, size: pieceSize(step), number: i * int(piecesIn(step)), by: by}
	if by != checksum.ByCRC64NVME {
		p.hash = checksum.New(by)
	}
	return p
}

var errBeyond = errors.New("bytes behind the end of a range")

// Write takes b in, as the bytes that follow. The error is that of complete.
func (p *pieces) Write(b []byte) (int, error) {
	if int64(len(b)) > p.to-p.at {
		return 0, errBeyond
	}
	for rest := b; len(rest) > 0; {
		n := min(int64(len(rest)), p.size-p.piece.Size)
		p.piece.Add(rest[:n])
		if p.by != checksum.ByCRC64NVME {
			p.hash.Add(rest[:n])
		}
		p.at += n
		rest = rest[n:]
		if p.piece.Size < p.size && p.at < p.to {
			continue
		}
		if p.complete != nil {
			if err := p.complete(p.number, p.piece.Sum); err != nil {
				return len(b) - len(rest), err
			}
		}
		p.pass(p.piece)
	}
	return len(b), nil
}

// pass goes on to the next piece.
func (p *pieces) pass(piece checksum.CRC64NVME) {
	p.before = p.before.Then(piece)
	p.piece = checksum.CRC64NVME{}
	p.number++
}

// sum is that of what came, as the store would have it.
func (p *pieces) sum() checksum.Sum {
	if p.by == checksum.ByCRC64NVME {
		return p.before.Then(p.piece).As()
	}
	return p.hash.Sum()
}

// end is where the present piece ends.
func (p *pieces) end() int64 { return min(p.at+p.size-p.piece.Size, p.to) }
