package s3sim

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strings"
)

// algorithm of a checksum.
type algorithm uint8

const (
	algNone algorithm = iota
	algCRC64NVME
	algCRC32
	algCRC32C
	algSHA1
	algSHA256
	algSHA512
	algMD5
	algXXHash64 // the sums of this and the next two are kept, and not verified
	algXXHash3
	algXXHash128
	algorithms
)

// String is the algorithm's name in x-amz-checksum-algorithm and in XML.
func (a algorithm) String() string {
	names := [algorithms]string{
		"", "CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256", "SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128",
	}
	return names[a]
}

// header is the canonical name of the header that has the sum.
func (a algorithm) header() string {
	names := [algorithms]string{
		"", "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Crc32", "X-Amz-Checksum-Crc32c", "X-Amz-Checksum-Sha1",
		"X-Amz-Checksum-Sha256", "X-Amz-Checksum-Sha512", "X-Amz-Checksum-Md5",
		"X-Amz-Checksum-Xxhash64", "X-Amz-Checksum-Xxhash3", "X-Amz-Checksum-Xxhash128",
	}
	return names[a]
}

// element is the name of the XML element that has the sum.
func (a algorithm) element() string { return "Checksum" + a.String() }

// size is the length of the sum in bytes; 0 is not known.
func (a algorithm) size() int {
	sizes := [algorithms]int{0, 8, 4, 4, 20, 32, 64, 16, 8, 8, 16}
	return sizes[a]
}

// hash makes the algorithm's sum; nil where it is not made here, or made
// anyway.
func (a algorithm) hash() hash.Hash {
	switch a {
	case algCRC32:
		return crc32.NewIEEE()
	case algCRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case algSHA1:
		return sha1.New()
	case algSHA256:
		return sha256.New()
	case algSHA512:
		return sha512.New()
	case algMD5:
		return md5.New()
	}
	return nil
}

// fullObject says whether a multipart upload may have the sum of all of its
// bytes; composite, whether it may have a sum of its parts' sums.
func (a algorithm) fullObject() bool { return a == algCRC64NVME || a == algCRC32 || a == algCRC32C }
func (a algorithm) composite() bool  { return a != algCRC64NVME && a != algNone }

func (a algorithm) valid(value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	return err == nil && len(raw) == a.size()
}

// algorithmOf finds an algorithm by its name, in whatever case.
func algorithmOf(name string) algorithm {
	for a := algCRC64NVME; a < algorithms; a++ {
		if strings.EqualFold(name, a.String()) {
			return a
		}
	}
	return algNone
}

// hasChecksumHeaders says whether the request wants anything of checksums.
func (c *call) hasChecksumHeaders() bool {
	for name := range c.r.Header {
		if name == "X-Amz-Sdk-Checksum-Algorithm" || strings.HasPrefix(name, "X-Amz-Checksum-") && name != "X-Amz-Checksum-Mode" {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(c.header(hTrailer)), "x-amz-checksum-")
}

// declaredSum finds the checksum that the request's headers name, or the
// algorithm of the one that its trailer will.
func (c *call) declaredSum() (alg algorithm, value string, trailer bool, err error) {
	if c.s.options.Deviations.NoChecksums {
		return algNone, "", false, nil
	}
	for a := algCRC64NVME; a < algorithms; a++ {
		v, ok := c.r.Header[a.header()]
		if !ok {
			continue
		}
		if alg != algNone {
			return 0, "", false, badRequest("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
		}
		alg, value = a, v[0]
	}
	if alg != algNone {
		if !alg.valid(value) {
			return 0, "", false, badRequest("InvalidRequest", "Value for "+strings.ToLower(alg.header())+" header is invalid.")
		}
		return alg, value, false, nil
	}
	if name, ok := strings.CutPrefix(strings.ToLower(c.header(hTrailer)), "x-amz-checksum-"); ok {
		if alg = algorithmOf(name); alg == algNone {
			return 0, "", false, badRequest("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
		}
		return alg, "", true, nil
	}
	return algNone, "", false, nil
}
