package lab

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// Where a line of a listing has its key.
const (
	// KeyIsLast is behind the last blank. Other fields are counted from 1.
	KeyIsLast = 0
	// NoKeys is of a program that prints nothing but how many there are.
	NoKeys = -1
)

// Listing is what a program has to print that lists the keys of a simulator.
type Listing struct {
	bucket string
	count  int
	sum    uint64 // of the keys' hashes
	seed   maphash.Seed
}

// ListingOf has a line for each of the keys, or for each version of them.
func ListingOf(keys s3sim.Synthetic, versions bool) *Listing {
	each := 1
	if versions {
		each = max(1, keys.Versions)
	}
	l := &Listing{bucket: "s3://" + keys.Bucket + "/", count: each * keys.Len(), seed: maphash.MakeSeed()}
	var key []byte
	for i := range keys.Len() {
		key = keys.AppendKey(key[:0], i)
		l.sum += uint64(each) * maphash.Bytes(l.seed, key)
	}
	return l
}

// Count is how many lines there have to be.
func (l *Listing) Count() int { return l.count }

// Lines is for the output of a program that has its keys in that field.
func (l *Listing) Lines(field int) *Lines { return &Lines{of: l, field: field} }

// Lines looks at a listing while it comes, and keeps a line of it at most.
type Lines struct {
	of    *Listing
	field int

	count int
	sum   uint64
	// The order of the keys, and lines that come twice one after the other: the
	// entry that a page began with is the one that the last ended with.
	backwards, repeated int
	line, key           []byte // the last
	rest                []byte
}

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	if len(l.rest) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.rest = append(l.rest, p...)
			return n, nil
		}
		l.rest = append(l.rest, p[:i]...)
		l.see(l.rest)
		l.rest, p = l.rest[:0], p[i+1:]
	}
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.rest = append(l.rest, p...)
			return n, nil
		}
		l.see(p[:i])
		p = p[i+1:]
	}
}

func (l *Lines) see(line []byte) {
	l.count++
	if bytes.Equal(line, l.line) {
		l.repeated++
	}
	key := l.keyOf(line)
	if bytes.Compare(key, l.key) < 0 {
		l.backwards++
	}
	l.sum += maphash.Bytes(l.of.seed, key)
	l.line, l.key = append(l.line[:0], line...), append(l.key[:0], key...)
}

// keyOf is without allocation: there are millions, and the processors are those
// that are measured.
func (l *Lines) keyOf(line []byte) []byte {
	if l.field == KeyIsLast {
		for len(line) > 0 && (line[len(line)-1] == ' ' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		line = line[bytes.LastIndexByte(line, ' ')+1:]
	} else {
		for range l.field - 1 {
			line = bytes.TrimLeft(line, " ")
			line = line[max(0, bytes.IndexByte(line, ' ')):]
		}
		line, _, _ = bytes.Cut(bytes.TrimLeft(line, " "), []byte{' '})
	}
	return bytes.TrimPrefix(line, []byte(l.of.bucket))
}

// Err says how what came differs from what had to; ordered wants the keys in
// order too.
func (l *Lines) Err(ordered bool) error {
	if l.field == NoKeys {
		if got := string(bytes.TrimSpace(l.line)); got != strconv.Itoa(l.of.count) {
			return fmt.Errorf("it counted %q of %d", got, l.of.count)
		}
		return nil
	}
	switch {
	case len(l.rest) > 0:
		return fmt.Errorf("the last line has no end: %q", l.rest)
	case l.count != l.of.count:
		return fmt.Errorf("%d lines came for %d entries", l.count, l.of.count)
	case l.repeated > 0:
		return fmt.Errorf("%d lines came twice", l.repeated)
	case l.sum != l.of.sum:
		return errors.New("other keys came than are there")
	case ordered && l.backwards > 0:
		return fmt.Errorf("%d keys came before the one that they follow", l.backwards)
	}
	return nil
}
