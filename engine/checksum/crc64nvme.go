// Package checksum has the sums that S3 keeps of an object, CRC64NVME first: it
// is the one that S3 makes of every object by itself, that a multipart upload
// has for the whole object, and that costs next to nothing.
package checksum

import (
	"encoding/binary"

	"github.com/minio/crc64nvme"
)

// CRC64NVME is the sum of some bytes, and of how many: sums of neighbours can
// be put together. The zero value is the sum of nothing. It has the
// parameters of CRC-64/NVME in the catalogue of Greg Cook
// (https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme),
// which S3 took over. It is what [Sum] and [Hash] are for that algorithm, in 16
// bytes.
type CRC64NVME struct {
	Sum  uint64
	Size int64 // bytes
}

// Of returns the sum of p.
func Of(p []byte) CRC64NVME {
	return CRC64NVME{Sum: crc64nvme.Checksum(p), Size: int64(len(p))}
}

// Add takes p in, as the bytes that follow. It keeps nothing of p.
func (c *CRC64NVME) Add(p []byte) {
	c.Sum = crc64nvme.Update(c.Sum, p)
	c.Size += int64(len(p))
}

// Write is Add, for io.Copy; it never fails.
func (c *CRC64NVME) Write(p []byte) (int, error) {
	c.Add(p)
	return len(p), nil
}

// Then returns the sum of c's bytes with next's behind them. It costs some
// microseconds, whatever the sizes.
func (c CRC64NVME) Then(next CRC64NVME) CRC64NVME {
	return CRC64NVME{
		Sum:  crcOf(ByCRC64NVME).combine(c.Sum, next.Sum, next.Size),
		Size: c.Size + next.Size,
	}
}

// As returns the same as a [Sum].
func (c CRC64NVME) As() Sum {
	s := Sum{Algorithm: ByCRC64NVME, Size: c.Size}
	binary.BigEndian.PutUint64(s.raw[:], c.Sum)
	return s
}

// String writes the sum as S3's headers do: base64 of its big-endian bytes.
func (c CRC64NVME) String() string { return c.As().String() }
