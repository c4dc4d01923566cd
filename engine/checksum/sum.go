package checksum

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Sum is the sum of Size bytes. It can be compared with ==. The zero value is
// none.
type Sum struct {
	Algorithm Algorithm
	Size      int64
	raw       [sha256.Size]byte
}

// String writes the sum as S3's headers do: in base64.
func (s Sum) String() string {
	return base64.StdEncoding.EncodeToString(s.raw[:s.Algorithm.Size()])
}

// Hex writes the sum as ETags do, in small letters.
func (s Sum) Hex() string { return hex.EncodeToString(s.raw[:s.Algorithm.Size()]) }

// Raw returns the bytes of the sum.
func (s Sum) Raw() []byte { return append([]byte(nil), s.raw[:s.Algorithm.Size()]...) }

// Parse reads the sum of size bytes as it stands in a header of S3. The error
// names the header's value and the algorithm.
func Parse(a Algorithm, header string, size int64) (Sum, error) {
	s := Sum{Algorithm: a, Size: size}
	n := a.Size()
	raw, err := base64.StdEncoding.DecodeString(header)
	copy(s.raw[:], raw)
	if err != nil || n == 0 || len(raw) != n || !s.Is(header) { // the decoder passes over line breaks
		return Sum{}, fmt.Errorf("%q is no %s: %d bytes in base64 are", header, a, n)
	}
	return s, nil
}

// Is says that text is the sum as String writes it. It takes no memory.
func (s *Sum) Is(text string) bool {
	var buf [44]byte // 32 bytes in base64
	n := base64.StdEncoding.EncodedLen(s.Algorithm.Size())
	base64.StdEncoding.Encode(buf[:n], s.raw[:s.Algorithm.Size()])
	return text == string(buf[:n])
}

// Then returns the sum of s's bytes with next's behind them, in some
// microseconds. The sum of no bytes, and the zero value, change nothing. It
// panics where both are not of one algorithm, or that is no CRC.
func (s Sum) Then(next Sum) Sum {
	switch {
	case s.Algorithm == "":
		return next
	case next.Algorithm == "":
		return s
	case s.Algorithm != next.Algorithm:
		panic("checksum: " + string(next.Algorithm) + " behind " + string(s.Algorithm))
	}
	both := Sum{Algorithm: s.Algorithm, Size: s.Size + next.Size}
	both.setCRC(crcOf(s.Algorithm).combine(s.crc(), next.crc(), next.Size))
	return both
}

// crc is the sum as a number.
func (s *Sum) crc() uint64 {
	if s.Algorithm.Size() == 4 {
		return uint64(binary.BigEndian.Uint32(s.raw[:]))
	}
	return binary.BigEndian.Uint64(s.raw[:])
}

func (s *Sum) setCRC(n uint64) {
	if s.Algorithm.Size() == 4 {
		binary.BigEndian.PutUint32(s.raw[:], uint32(n))
		return
	}
	binary.BigEndian.PutUint64(s.raw[:], n)
}

// ofSums is the sum of the sums of parts, one behind the other.
func ofSums(parts []Sum) Sum {
	if len(parts) == 0 {
		return Sum{}
	}
	h := New(parts[0].Algorithm)
	size := int64(0)
	for i := range parts {
		h.Add(parts[i].raw[:parts[i].Algorithm.Size()])
		size += parts[i].Size
	}
	sum := h.Sum()
	sum.Size = size
	return sum
}

// Composite is what S3 has of an object in parts where it has no sum of the
// whole: the sum of the sums of its parts, and their number behind it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
// All parts must be of one algorithm; of none it is empty.
func Composite(parts []Sum) string {
	if len(parts) == 0 {
		return ""
	}
	return ofSums(parts).String() + "-" + strconv.Itoa(len(parts))
}

// ParseComposite reads a Composite of an object of size bytes, and says of how
// many parts it is. The sum it returns is that of their sums.
func ParseComposite(a Algorithm, header string, size int64) (Sum, int, error) {
	text, count, ok := strings.Cut(header, "-")
	parts, valid := partCount(count)
	if !ok || !valid {
		return Sum{}, 0, fmt.Errorf("%q is no %s of parts: base64 with their number behind it is", header, a)
	}
	sum, err := Parse(a, text, size)
	return sum, parts, err
}

// MultipartETag is the ETag of an object in parts that have these MD5s, without
// quotes; of none it is empty. That of objects under a key of KMS, or the
// customer's, is another.
func MultipartETag(parts []Sum) string {
	if len(parts) == 0 {
		return ""
	}
	return ofSums(parts).Hex() + "-" + strconv.Itoa(len(parts))
}

// ParseETag reads an ETag, with its quotes or without, of an object of size
// bytes: an MD5, or with parts > 0 the MD5 of the MD5s of so many parts. It
// says false where it is neither. Whether one that looks like an MD5 is one
// depends on the encryption of the object.
func ParseETag(etag string, size int64) (sum Sum, parts int, ok bool) {
	etag = strings.Trim(etag, `"`)
	text, count, composite := strings.Cut(etag, "-")
	if composite {
		if parts, ok = partCount(count); !ok {
			return Sum{}, 0, false
		}
	}
	if len(text) != 2*ByMD5.Size() {
		return Sum{}, 0, false
	}
	s := Sum{Algorithm: ByMD5, Size: size}
	if _, err := hex.Decode(s.raw[:], []byte(text)); err != nil {
		return Sum{}, 0, false
	}
	return s, parts, true
}

// mostParts is the most parts of an S3 object.
const mostParts = 10_000

// partCount reads the number of parts: 1 to 10,000, as S3 writes it.
func partCount(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= mostParts && strconv.Itoa(n) == s
}
