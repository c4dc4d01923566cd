package sorted

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// What a record has, in the byte that it begins with. Its key, its size and
// what is said there follow in this order: numbers as varints, a string as its
// length and its bytes. No other process reads it, so it has no version.
const (
	hasTime = 1 << iota
	hasObject
	isLatest
	isMarker
	isPrefix
	isRestored
	isSkip
)

// The byte behind hasSkip.
const (
	skipQuiet = 1 << iota
	skipUnlisted
)

func appendRecord(b []byte, r *record) []byte {
	e := &r.entry
	var has byte
	for _, f := range [...]struct {
		bit byte
		set bool
	}{
		{hasTime, !e.ModTime.IsZero()},
		{hasObject, e.ETag != "" || e.StorageClass != "" || e.VersionID != ""},
		{isLatest, e.Latest},
		{isMarker, e.DeleteMarker},
		{isPrefix, e.CommonPrefix},
		{isRestored, e.Restored},
		{isSkip, r.skip != nil},
	} {
		if f.set {
			has |= f.bit
		}
	}
	b = appendString(append(b, has), e.Key)
	b = binary.AppendVarint(b, e.Size)
	if has&hasTime != 0 {
		b = binary.AppendVarint(b, e.ModTime.Unix())
		b = binary.AppendVarint(b, int64(e.ModTime.Nanosecond()))
	}
	if has&hasObject != 0 {
		b = appendString(appendString(appendString(b, e.ETag), e.StorageClass), e.VersionID)
	}
	if r.skip != nil {
		var how byte
		if r.skip.Quiet {
			how |= skipQuiet
		}
		if r.skip.Unlisted {
			how |= skipUnlisted
		}
		b = appendString(appendString(append(b, how), r.skip.Path), fmt.Sprint(r.skip.Err))
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readRecord reads the next record; io.EOF says that there is none. Of the reason
// of a Skipped, the text is what is left.
func readRecord(r *bufio.Reader, into *record) error {
	has, err := r.ReadByte()
	if err != nil {
		return err
	}
	d := decoder{r: r}
	*into = record{entry: walker.Entry{
		Key: d.string(), Size: d.varint(),
		Latest: has&isLatest != 0, DeleteMarker: has&isMarker != 0, CommonPrefix: has&isPrefix != 0, Restored: has&isRestored != 0,
	}}
	if has&hasTime != 0 {
		sec := d.varint()
		into.entry.ModTime = time.Unix(sec, d.varint()).UTC()
	}
	if has&hasObject != 0 {
		into.entry.ETag, into.entry.StorageClass, into.entry.VersionID = d.string(), d.string(), d.string()
	}
	if has&isSkip != 0 {
		how := d.byte()
		into.skip = &walker.Skipped{
			Key: into.entry.Key, Quiet: how&skipQuiet != 0, Unlisted: how&skipUnlisted != 0,
			Path: d.string(), Err: errors.New(d.string()),
		}
	}
	if errors.Is(d.err, io.EOF) {
		d.err = io.ErrUnexpectedEOF
	}
	if d.err != nil {
		return fmt.Errorf("reading the names that were sorted: %w", d.err)
	}
	return nil
}

// decoder reads what a record is made of, until something goes wrong.
type decoder struct {
	r   *bufio.Reader
	err error
}

func (d *decoder) byte() byte {
	if d.err != nil {
		return 0
	}
	var c byte
	c, d.err = d.r.ReadByte()
	return c
}

func (d *decoder) varint() int64 {
	if d.err != nil {
		return 0
	}
	var v int64
	v, d.err = binary.ReadVarint(d.r)
	return v
}

func (d *decoder) string() string {
	if d.err != nil {
		return ""
	}
	n, err := binary.ReadUvarint(d.r)
	if err == nil && n > maxString {
		err = fmt.Errorf("a name of %d bytes", n)
	}
	if d.err = err; err != nil {
		return ""
	}
	b := make([]byte, n)
	_, d.err = io.ReadFull(d.r, b)
	return string(b)
}

// maxString is longer than any string that was written: it keeps a file that was
// damaged from taking the memory.
const maxString = 1 << 24
