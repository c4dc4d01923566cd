package local

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// kind is what a name of a directory stands for.
type kind uint8

const (
	kindFile kind = iota
	// kindDir is a directory, kindLinked a link that is followed to one.
	kindDir
	kindLinked
	// kindSpecial is a device, a pipe or a socket.
	kindSpecial
	// kindBroken could not be examined: it may be a file or a directory.
	kindBroken
	// kindBelow is a broken name once more, as the directory that it may be.
	kindBelow

	// kindLink and kindUnknown are answers of the system that are looked into
	// before the name is kept.
	kindLink
	kindUnknown
)

// slash says whether the name sorts, and is written in a key, with a '/'.
func (k kind) slash() bool { return k == kindDir || k == kindLinked || k == kindBelow }

// names are the names of one directory, or of a stretch of it. A name takes
// its own bytes (and the '/' of a directory) in one text, and 8 bytes; with the
// slack of what grows that is 31 bytes for a name of 20 (TestNamesMemory).
// Sorting takes 16 more for a while.
type names struct {
	text strings.Builder
	refs []ref
}

// ref finds a name: from the lowest bit 4 of kind, 16 of length, 44 of offset.
type ref uint64

func (n *names) len() int { return len(n.refs) }

// add adds a name as the system gives it.
func (n *names) add(name []byte, k kind) {
	off := n.text.Len()
	n.text.Write(name)
	if k.slash() {
		n.text.WriteByte('/')
	}
	n.refer(off, k)
}

// addText adds a name as at returns it.
func (n *names) addText(name string, k kind) {
	off := n.text.Len()
	n.text.WriteString(name)
	n.refer(off, k)
}

func (n *names) refer(off int, k kind) {
	n.refs = append(n.refs, ref(off)<<20|ref(n.text.Len()-off)<<4|ref(k))
}

// at returns name i, with its '/' where it has one. The string shares the
// text, so who keeps it copies it.
func (n *names) at(i int) (string, kind) {
	r := n.refs[i]
	return r.in(n.text.String()), kind(r & 15)
}

func (r ref) in(text string) string {
	off := int(r >> 20)
	return text[off : off+int(r>>4&0xffff)]
}

// sort puts the names in byte order, which is the order of their keys: the '/'
// of the directories is part of the text.
func (n *names) sort() {
	text := n.text.String()
	common := n.common(text)
	// Eight bytes beside each reference decide nearly every comparison
	// without going to the text: 12 ms for 100,000 names instead of 22.
	type entry struct {
		head uint64
		ref  ref
	}
	entries := make([]entry, len(n.refs))
	for i, r := range n.refs {
		entries[i] = entry{head(r.in(text)[common:]), r}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(a.ref.in(text), b.ref.in(text))
	})
	for i := range entries {
		n.refs[i] = entries[i].ref
	}
}

// common returns the length of what all names begin with.
func (n *names) common(text string) int {
	if len(n.refs) == 0 {
		return 0
	}
	first := n.refs[0].in(text)
	for _, r := range n.refs[1:] {
		s := r.in(text)
		first = first[:min(len(first), len(s))]
		for i := range len(first) {
			if first[i] != s[i] {
				first = first[:i]
				break
			}
		}
	}
	return len(first)
}

// head is the first eight bytes of s as a number that sorts as they do. Zeros
// fill it up; that is right because no name has a NUL.
func head(s string) uint64 {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64([]byte(s[:8]))
	}
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}
