package checksum

import (
	"crypto/md5"  //nolint:gosec // a plain ETag is one; nothing is kept secret by it
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm is the name that S3 has for a way to sum up bytes; empty for none.
type Algorithm string

// The algorithms. MD5 is no checksum of S3's, but what Content-MD5 carries, and
// what the ETag of an object is that was sent with one request and without KMS.
const (
	ByCRC64NVME Algorithm = "CRC64NVME"
	ByCRC32     Algorithm = "CRC32"
	ByCRC32C    Algorithm = "CRC32C"
	BySHA1      Algorithm = "SHA1"
	BySHA256    Algorithm = "SHA256"
	ByMD5       Algorithm = "MD5"
)

// Algorithms are those that S3 stores, the preferred one first.
func Algorithms() []Algorithm {
	return []Algorithm{ByCRC64NVME, ByCRC32C, ByCRC32, BySHA256, BySHA1}
}

// FullObject says that S3 can have one sum of the whole of an object that was
// sent in parts; else it has one of the sums of the parts
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
func (a Algorithm) FullObject() bool {
	return a == ByCRC64NVME || a == ByCRC32 || a == ByCRC32C
}

// Size is the length of a sum in bytes, 0 of what is no algorithm.
func (a Algorithm) Size() int {
	switch a {
	case ByCRC64NVME:
		return 8
	case ByCRC32, ByCRC32C:
		return 4
	case BySHA1:
		return sha1.Size
	case BySHA256:
		return sha256.Size
	case ByMD5:
		return md5.Size
	}
	return 0
}

// Hash sums bytes up as they come. The CRCs need no memory of their own.
type Hash struct {
	alg  Algorithm
	size int64
	crc  uint64
	hash hash.Hash
}

// New returns a Hash of no bytes. It panics where a is none of the algorithms.
func New(a Algorithm) Hash {
	h := Hash{alg: a}
	switch a {
	case ByCRC64NVME, ByCRC32, ByCRC32C:
	case BySHA1:
		h.hash = sha1.New() //nolint:gosec // see above
	case BySHA256:
		h.hash = sha256.New()
	case ByMD5:
		h.hash = md5.New() //nolint:gosec // see above
	default:
		panic("checksum: no algorithm " + string(a))
	}
	return h
}

// Add takes p in, as the bytes that follow. It keeps nothing of p.
func (h *Hash) Add(p []byte) {
	h.size += int64(len(p))
	switch h.alg {
	case ByCRC64NVME:
		h.crc = crc64nvme.Update(h.crc, p)
	case ByCRC32:
		h.crc = uint64(crc32.Update(uint32(h.crc), crc32.IEEETable, p))
	case ByCRC32C:
		h.crc = uint64(crc32.Update(uint32(h.crc), castagnoli(), p))
	default:
		_, _ = h.hash.Write(p) // never fails: hash.Hash
	}
}

// castagnoli is the table of CRC32C; the standard library makes it once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// Write is Add, for io.Copy; it never fails.
func (h *Hash) Write(p []byte) (int, error) {
	h.Add(p)
	return len(p), nil
}

// Algorithm is what the bytes are summed up by; empty of the zero value.
func (h *Hash) Algorithm() Algorithm { return h.alg }

// Size is how many bytes have been taken in.
func (h *Hash) Size() int64 { return h.size }

// Reset forgets what has been taken in.
func (h *Hash) Reset() {
	h.size, h.crc = 0, 0
	if h.hash != nil {
		h.hash.Reset()
	}
}

// Sum returns the sum so far.
func (h *Hash) Sum() Sum {
	s := Sum{Algorithm: h.alg, Size: h.size}
	switch h.alg {
	case ByCRC64NVME:
		binary.BigEndian.PutUint64(s.raw[:], h.crc)
	case ByCRC32, ByCRC32C:
		binary.BigEndian.PutUint32(s.raw[:], uint32(h.crc))
	default:
		var raw [sha256.Size]byte // here, so that the sum of a CRC takes no memory
		copy(s.raw[:], h.hash.Sum(raw[:0]))
	}
	return s
}
