package difftest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/s3haul/s3haul/engine/checksum"
)

func crc64(s string) string { return checksum.Of([]byte(s)).String() }

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func crc32Of(s string) string {
	return b64(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))))
}

func crc32cOf(s string) string {
	return b64(binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(s), crc32.MakeTable(crc32.Castagnoli))))
}

func sha1Of(s string) string   { h := sha1.Sum([]byte(s)); return b64(h[:]) }
func sha256Of(s string) string { h := sha256.Sum256([]byte(s)); return b64(h[:]) }
func sha512Of(s string) string { h := sha512.Sum512([]byte(s)); return b64(h[:]) }
func md5Of(s string) string    { h := md5.Sum([]byte(s)); return b64(h[:]) }

func hexMD5(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
