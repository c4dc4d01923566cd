package s3sim

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/s3haul/s3haul/engine/checksum"
)

const (
	// blockSize is no multiple of a power of two, so that no two parts that
	// begin at multiples of a MiB have the same bytes.
	blockSize = 1<<20 + 7
	// sumStep is how far apart the sums are that are kept of a block.
	sumStep = 4096
)

// Pattern is an endless sequence of pseudo-random bytes that a seed gives, a
// block of 1 MiB and 7 bytes over and over. Its sums cost microseconds, whatever
// the size. It may be used by several goroutines.
type Pattern struct {
	bytes   []byte                 // the block twice: from any place in the first, a whole one can be written
	begins  []checksum.CRC64NVME   // of the first i*sumStep bytes
	doubles [64]checksum.CRC64NVME // of 2^i blocks
}

// Content returns the pattern of a seed. It holds 2 MiB.
func Content(seed uint64) *Pattern {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	copy(key[8:], "s3sim content")
	p := &Pattern{bytes: make([]byte, 2*blockSize)}
	block := p.bytes[:blockSize]
	_, _ = rand.NewChaCha8(key).Read(block) // never fails
	copy(p.bytes[blockSize:], block)

	var sum checksum.CRC64NVME
	for from := 0; from < blockSize; from += sumStep {
		p.begins = append(p.begins, sum)
		sum.Add(block[from:min(from+sumStep, blockSize)])
	}
	for i := 0; i < len(p.doubles) && sum.Size > 0; i++ {
		p.doubles[i] = sum
		if sum.Size > 1<<60 {
			break
		}
		sum = sum.Then(sum)
	}
	return p
}

// ReadAt fills b with the bytes from offset on; there is no end.
func (p *Pattern) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("read content at %d: there is nothing before 0", offset)
	}
	for done := 0; done < len(b); {
		done += copy(b[done:], p.from(offset+int64(done)))
	}
	return len(b), nil
}

// Reader reads the first size bytes.
func (p *Pattern) Reader(size int64) *io.SectionReader {
	return io.NewSectionReader(p, 0, size)
}

// from returns a block's length of bytes or more from offset on.
func (p *Pattern) from(offset int64) []byte {
	return p.bytes[offset%blockSize:]
}

// WriteRange writes the bytes from from up to, but not with, to. Nothing is
// copied on the way. It returns how many were written, and w's error.
func (p *Pattern) WriteRange(w io.Writer, from, to int64) (int64, error) {
	var written int64
	for from < to {
		piece := p.from(from)
		if int64(len(piece)) > to-from {
			piece = piece[:to-from]
		}
		n, err := w.Write(piece)
		written += int64(n)
		from += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Sum is the checksum of the first size bytes.
func (p *Pattern) Sum(size int64) checksum.CRC64NVME {
	var sum checksum.CRC64NVME
	blocks, rest := size/blockSize, size%blockSize
	for i := 0; blocks>>i > 0; i++ {
		if blocks>>i&1 == 1 {
			sum = sum.Then(p.doubles[i])
		}
	}
	last := p.begins[rest/sumStep]
	last.Add(p.bytes[rest/sumStep*sumStep : rest])
	if sum.Size == 0 {
		return last
	}
	return sum.Then(last)
}

// SumRange is the checksum of the bytes from from up to, but not with, to.
func (p *Pattern) SumRange(from, to int64) checksum.CRC64NVME {
	if to-from <= sumStep {
		return checksum.Of(p.from(from)[:to-from])
	}
	// What follows the first bytes in a sum is the sum without them, and what
	// they become when so many others follow.
	begin := p.Sum(from).Then(checksum.CRC64NVME{Size: to - from})
	return checksum.CRC64NVME{Sum: p.Sum(to).Sum ^ begin.Sum, Size: to - from}
}
