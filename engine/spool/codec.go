package spool

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// The encoding of an action within a block:
//
//	op, reason          a byte each
//	shared, rest        the key: bytes in common with the key before, the others
//	entry, entry        source and destination
//
// and of an entry: a byte of what it has (the constants below), its size, and
// then those things in the order of the constants. Numbers are varints, a
// string is its length and its bytes. It is never read by another process, so
// it has no version.
const (
	hasKey      = 1 << iota // a key of its own; otherwise see sameKey
	sameKey                 // the key of the action; with neither, an empty key
	hasModTime              // seconds since 1970, nanoseconds
	hasETag                 // string
	hasClass                // string
	hasVersion              // string
	isLatest                //
	isDelMarker             //
)

// encoder appends the actions of one block.
type encoder struct {
	count uint32
	last  string
}

func (e *encoder) reset() { e.count, e.last = 0, "" }

func (e *encoder) append(b []byte, a plan.Action) []byte {
	shared := commonPrefix(e.last, a.Key)
	b = append(b, byte(a.Op), byte(a.Reason))
	b = binary.AppendUvarint(b, uint64(shared))
	b = appendString(b, a.Key[shared:])
	b = appendEntry(b, a.Key, &a.Src)
	b = appendEntry(b, a.Key, &a.Dst)
	e.last = a.Key
	e.count++
	return b
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendEntry(b []byte, key string, e *walker.Entry) []byte {
	at := len(b)
	b = binary.AppendVarint(append(b, 0), e.Size)
	var has byte
	switch e.Key {
	case "":
	case key:
		has |= sameKey
	default:
		has |= hasKey
		b = appendString(b, e.Key)
	}
	if !e.ModTime.IsZero() {
		has |= hasModTime
		b = binary.AppendVarint(b, e.ModTime.Unix())
		b = binary.AppendUvarint(b, uint64(e.ModTime.Nanosecond()))
	}
	for _, f := range [...]struct {
		bit byte
		s   string
	}{{hasETag, e.ETag}, {hasClass, e.StorageClass}, {hasVersion, e.VersionID}} {
		if f.s != "" {
			has |= f.bit
			b = appendString(b, f.s)
		}
	}
	if e.Latest {
		has |= isLatest
	}
	if e.DeleteMarker {
		has |= isDelMarker
	}
	b[at] = has
	return b
}

// decoder takes the actions of one block from the front of b. Once something
// does not fit, bad is set and all that follows is empty.
type decoder struct {
	b   []byte
	bad bool

	key   []byte // of the action before
	class string // of the entry before: mostly that of the next one too
}

func (d *decoder) next() (plan.Action, error) {
	var a plan.Action
	a.Op, a.Reason = plan.Op(d.byte()), plan.Reason(d.byte())
	shared := d.uvarint()
	if shared > uint64(len(d.key)) {
		d.bad, shared = true, 0
	}
	d.key = append(d.key[:shared], d.bytes()...)
	a.Key = string(d.key)
	d.entry(&a.Src, a.Key)
	d.entry(&a.Dst, a.Key)
	if d.bad {
		return plan.Action{}, fmt.Errorf("%w: an action cannot be decoded", ErrCorrupt)
	}
	return a, nil
}

func (d *decoder) entry(e *walker.Entry, key string) {
	has := d.byte()
	e.Size = d.varint()
	if has&hasKey != 0 {
		e.Key = string(d.bytes())
	} else if has&sameKey != 0 {
		e.Key = key
	}
	if has&hasModTime != 0 {
		sec, nsec := d.varint(), d.uvarint()
		e.ModTime = time.Unix(sec, int64(nsec)).UTC()
	}
	if has&hasETag != 0 {
		e.ETag = string(d.bytes())
	}
	if has&hasClass != 0 {
		if b := d.bytes(); string(b) != d.class {
			d.class = string(b)
		}
		e.StorageClass = d.class
	}
	if has&hasVersion != 0 {
		e.VersionID = string(d.bytes())
	}
	e.Latest = has&isLatest != 0
	e.DeleteMarker = has&isDelMarker != 0
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return advance(d, v, n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return advance(d, v, n)
}

func advance[T int64 | uint64](d *decoder, v T, n int) T {
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes returns a part of the block, not a copy.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}
