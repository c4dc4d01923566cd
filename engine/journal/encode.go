package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
	"unicode/utf8"
)

// format is the version of what is in the buckets. The sealed header with a
// "format" in it stays as it is in all of them.
const format = 1

// exact is a string that is kept byte for byte: names need not be UTF-8, and JSON
// has to be. One that is not, or begins with a quotation mark, is quoted as in Go.
type exact string

// MarshalText implements encoding.TextMarshaler.
func (e exact) MarshalText() ([]byte, error) {
	if utf8.ValidString(string(e)) && (e == "" || e[0] != '"') {
		return []byte(e), nil
	}
	return strconv.AppendQuote(nil, string(e)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *exact) UnmarshalText(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		*e = exact(b)
		return nil
	}
	s, err := strconv.Unquote(string(b))
	*e = exact(s)
	return err
}

// instant is a time as seconds since 1970 and nanoseconds: JSON's own form has no
// years beyond 9999, and file systems have.
type instant [2]int64

func toInstant(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	return &instant{t.Unix(), int64(t.Nanosecond())}
}

func (i *instant) time() time.Time {
	if i == nil {
		return time.Time{}
	}
	return time.Unix(i[0], i[1]).UTC()
}

type recordJSON struct {
	Kind       exact    `json:"kind"`
	Bucket     exact    `json:"bucket"`
	Key        exact    `json:"key"`
	Source     exact    `json:"source,omitempty"`
	Target     exact    `json:"target,omitempty"`
	Size       int64    `json:"size"`
	ModTime    *instant `json:"mtime,omitempty"`
	ChangeTime *instant `json:"ctime,omitempty"`
	Inode      uint64   `json:"inode,omitempty"`
	ETag       exact    `json:"etag,omitempty"`
	PartSize   int64    `json:"part_size,omitempty"`
	Algorithm  exact    `json:"algorithm,omitempty"`
	Intended   *instant `json:"intended,omitempty"`
	UploadID   exact    `json:"upload_id,omitempty"`
	Temp       exact    `json:"temp,omitempty"`
	Tries      int      `json:"tries,omitempty"`
	Attributes exact    `json:"attributes,omitempty"`
}

type headerJSON struct {
	Format   int      `json:"format"`
	Created  *instant `json:"created,omitempty"`
	Endpoint exact    `json:"endpoint"`
	Account  exact    `json:"account"`
	Op       exact    `json:"op"`
	Src      exact    `json:"src"`
	Dst      exact    `json:"dst"`
}

func (h headerJSON) job() Job {
	return Job{Endpoint: string(h.Endpoint), Account: string(h.Account), Op: string(h.Op), Src: string(h.Src), Dst: string(h.Dst)}
}

// key is the key of a record in its bucket. Neither a kind nor the name of a
// bucket has a NUL.
func (id ID) key() []byte {
	b := make([]byte, 0, len(id.Kind)+len(id.Bucket)+len(id.Key)+2)
	b = append(append(b, id.Kind...), 0)
	b = append(append(b, id.Bucket...), 0)
	return append(b, id.Key...)
}

// seal is what is stored of v under a key: a sum of both before it, since
// bbolt's pages have none.
func seal(key []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, sumOf(key, text)), text...), nil
}

func sumOf(key, text []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, text)
}

func unseal(key, value []byte, v any) error {
	if len(value) < 4 || binary.LittleEndian.Uint32(value) != sumOf(key, value[4:]) {
		return damaged("the checksum of %q is wrong", key)
	}
	if err := json.Unmarshal(value[4:], v); err != nil {
		return fmt.Errorf("%w: %q: %w", ErrDamaged, key, err)
	}
	return nil
}

func encodeRecord(r Record) (key, value []byte, err error) {
	key = r.key()
	value, err = seal(key, recordJSON{
		Kind: exact(r.Kind), Bucket: exact(r.Bucket), Key: exact(r.Key),
		Source: exact(r.Source), Target: exact(r.Target),
		Size: r.Size, ModTime: toInstant(r.ModTime), ChangeTime: toInstant(r.ChangeTime),
		Inode: r.Inode, ETag: exact(r.ETag), PartSize: r.PartSize, Algorithm: exact(r.Algorithm),
		Intended: toInstant(r.Intended), UploadID: exact(r.UploadID), Temp: exact(r.Temp),
		Tries: r.Tries, Attributes: exact(r.Attributes),
	})
	return key, value, err
}

func decodeRecord(key, value []byte) (Record, error) {
	var v recordJSON
	if err := unseal(key, value, &v); err != nil {
		return Record{}, err
	}
	r := Record{
		ID:     ID{Kind: Kind(v.Kind), Bucket: string(v.Bucket), Key: string(v.Key)},
		Source: string(v.Source), Target: string(v.Target),
		Size: v.Size, ModTime: v.ModTime.time(), ChangeTime: v.ChangeTime.time(),
		Inode: v.Inode, ETag: string(v.ETag), PartSize: v.PartSize, Algorithm: string(v.Algorithm),
		Intended: v.Intended.time(), UploadID: string(v.UploadID), Temp: string(v.Temp),
		Tries: v.Tries, Attributes: string(v.Attributes),
	}
	if !bytes.Equal(r.key(), key) {
		return Record{}, damaged("the record of %q is under %q", r.key(), key)
	}
	return r, nil
}

// content is all that the file of a journal says.
type content struct {
	made    bool // it has a header
	job     Job
	records []Record
}

// decode reads the bytes of a file: ErrDamaged, or ErrVersion. It keeps no
// reference to them.
func decode(raw []byte) (content, error) {
	var c content
	im := image{raw: raw}
	m, err := im.newest()
	if err != nil {
		return c, err
	}
	buckets := map[string][]byte{}
	err = im.walk(m.root, 0, nil, nil, func(flags uint32, key, value []byte) error {
		if flags != bucketLeaf {
			return damaged("a value where a bucket should be")
		}
		buckets[string(key)] = value
		return nil
	})
	if err != nil {
		return c, err
	}
	if len(buckets) == 0 { // killed between its making and the first record
		return c, im.free(m.freelist)
	}
	if err := c.header(&im, buckets[metaBucket]); err != nil {
		return c, err
	}
	err = im.bucket(buckets[recordBucket], func(_ uint32, key, value []byte) error {
		r, err := decodeRecord(key, value)
		if err != nil {
			return err
		}
		c.records = append(c.records, r)
		return nil
	})
	if err != nil {
		return c, err
	}
	if len(buckets) != 2 {
		return c, damaged("%d buckets", len(buckets))
	}
	return c, im.free(m.freelist)
}

// header reads the header, and that alone where it is of another format.
func (c *content) header(im *image, bucket []byte) error {
	var h headerJSON
	headers, others := 0, 0
	err := im.bucket(bucket, func(_ uint32, key, value []byte) error {
		if string(key) != headerKey {
			others++
			return nil
		}
		headers++
		return unseal(key, value, &h)
	})
	switch {
	case err != nil:
		return err
	case headers != 1:
		return damaged("it has no header")
	case h.Format > format:
		return fmt.Errorf("%w: format %d", errNewer, h.Format)
	case h.Format != format:
		return fmt.Errorf("%w: an older one: format %d", ErrVersion, h.Format)
	case others != 0:
		return damaged("unknown values in its header")
	}
	c.made, c.job = true, h.job()
	return nil
}
