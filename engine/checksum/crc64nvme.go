// Package checksum has the sums that S3 keeps of an object, CRC64NVME first: it
// is the one that S3 makes of every object by itself, that a multipart upload
// has for the whole object, and that costs next to nothing.
package checksum

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/minio/crc64nvme"
)

// CRC64NVME is the sum of some bytes, and of how many: sums of neighbours can
// be put together. The zero value is the sum of nothing. It has the
// parameters of CRC-64/NVME in the catalogue of Greg Cook
// (https://reveng.sourceforge.io/crc-catalogue/all.htm#crc.cat.crc-64-nvme),
// which S3 took over.
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
		Sum:  multiply(power(uint64(next.Size)*8), c.Sum) ^ next.Sum,
		Size: c.Size + next.Size,
	}
}

// String writes the sum as S3's headers do: base64 of its big-endian bytes.
func (c CRC64NVME) String() string {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], c.Sum)
	return base64.StdEncoding.EncodeToString(raw[:])
}

// Parse reads the sum of size bytes as it stands in a header of S3.
func Parse(header string, size int64) (CRC64NVME, error) {
	raw, err := base64.StdEncoding.DecodeString(header)
	if err != nil || len(raw) != 8 {
		return CRC64NVME{}, fmt.Errorf("%q is no CRC64NVME: 8 bytes in base64 are", header)
	}
	return CRC64NVME{Sum: binary.BigEndian.Uint64(raw), Size: size}, nil
}

// A sum is a polynomial over GF(2) with its bits reversed: bit 63 is x^0. Bytes
// that follow multiply it by x^8 for each of them, modulo the polynomial of the
// CRC; that the register starts with ones and is inverted at the end cancels out
// (zlib's crc32_combine has the same for 32 bits).
const (
	polynomial = 0x9a6c9329ac4bc9b5
	one        = uint64(1) << 63
)

// multiply returns a*b modulo the polynomial.
func multiply(a, b uint64) uint64 {
	var product uint64
	for m := one; a != 0; m >>= 1 {
		if a&m != 0 {
			product ^= b
			a &^= m
		}
		b = b>>1 ^ polynomial*(b&1)
	}
	return product
}

// power returns x^n modulo the polynomial.
func power(n uint64) uint64 {
	result := one
	for square := one >> 1; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = multiply(square, result)
		}
		square = multiply(square, square)
	}
	return result
}
