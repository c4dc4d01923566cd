package s3sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// MaxSynthetic is the most keys that a [Synthetic] makes.
const MaxSynthetic = 100_000_000

// Layout is a way to name synthetic keys. The examples are the first keys of
// each.
type Layout string

// The layouts. Each makes its keys in ascending byte order.
const (
	// LayoutDirs is directories of PerDir files: dir-000000/file-000000.bin.
	LayoutDirs Layout = "dirs"
	// LayoutFlat is one prefix: object-000000000.
	LayoutFlat Layout = "flat"
	// LayoutDates is a prefix for each hour of 1000 days, with 80 % of the keys
	// in the last tenth of the days: 2024/01/01/00/event-00000000.json.
	LayoutDates Layout = "dates"
	// LayoutHex is keys spread evenly over 16 hexadecimal digits, four of them
	// the prefix: 0000/00012f5c3d9b.
	LayoutHex Layout = "hex"
	// LayoutGiants is three prefixes with 60, 30 and 10 % of the keys:
	// huge/object-000000000, large/, small/.
	LayoutGiants Layout = "giants"
	// LayoutUnicode is directories whose names are words of sixteen scripts, each
	// below each: Ångström/Ångström/é-000000000.
	LayoutUnicode Layout = "unicode"
)

// Layouts are all there are.
func Layouts() []Layout {
	return []Layout{LayoutDirs, LayoutFlat, LayoutDates, LayoutHex, LayoutGiants, LayoutUnicode}
}

const (
	defaultPerDir = 1000
	dateDays      = 1000
	dateOldHours  = dateDays * 9 / 10 * 24 // hold a fifth of the keys
	dateNewHours  = dateDays / 10 * 24     // hold the others
)

// Synthetic is a bucket of keys that are computed, not stored: millions of them
// cost nothing. The same values give the same keys.
type Synthetic struct {
	Bucket string
	Layout Layout
	// Count of the keys, at most MaxSynthetic.
	Count int
	// Size of every object in bytes.
	Size int64
	// Versions of every key, all of them with the same content; 0 and 1: the
	// bucket is not versioned.
	Versions int
	// Seed of ETags, times and the digits of LayoutHex.
	Seed uint64
	// Prefix comes before every key.
	Prefix string
	// PerDir is how many files a directory of LayoutDirs has; 0: 1000.
	PerDir int
}

// ParseSynthetic reads "bucket=layout:count[:size[:versions]]", as in
// "logs=dates:1000000:4KiB". The error names what is wrong with it.
func ParseSynthetic(text string) (Synthetic, error) {
	bucket, rest, _ := strings.Cut(text, "=")
	fields := strings.Split(rest, ":")
	if bucket == "" || len(fields) < 2 || len(fields) > 4 {
		return Synthetic{}, fmt.Errorf("synthetic keys %q: write bucket=layout:count[:size[:versions]]", text)
	}
	s := Synthetic{Bucket: bucket, Layout: Layout(fields[0])}
	var err error
	if s.Count, err = strconv.Atoi(strings.ReplaceAll(fields[1], "_", "")); err != nil {
		return Synthetic{}, fmt.Errorf("synthetic keys %q: count: %w", text, err)
	}
	if len(fields) > 2 {
		size, err := humanize.ParseBytes(fields[2])
		if err != nil {
			return Synthetic{}, fmt.Errorf("synthetic keys %q: size: %w", text, err)
		}
		s.Size = int64(min(size, 1<<62))
	}
	if len(fields) > 3 {
		if s.Versions, err = strconv.Atoi(fields[3]); err != nil {
			return Synthetic{}, fmt.Errorf("synthetic keys %q: versions: %w", text, err)
		}
	}
	if err := s.Validate(); err != nil {
		return Synthetic{}, fmt.Errorf("synthetic keys %q: %w", text, err)
	}
	return s, nil
}

// Validate says all that is wrong with s, or nil.
func (s *Synthetic) Validate() error {
	var errs []error
	if !slices.Contains(Layouts(), s.Layout) {
		errs = append(errs, fmt.Errorf("layout %q is none of %q", s.Layout, Layouts()))
	}
	if s.Bucket == "" {
		errs = append(errs, errors.New("no bucket"))
	}
	if s.Count < 0 || s.Count > MaxSynthetic {
		errs = append(errs, fmt.Errorf("%d keys: from 0 to %d can be made", s.Count, MaxSynthetic))
	}
	if s.Size < 0 {
		errs = append(errs, fmt.Errorf("size %d is negative", s.Size))
	}
	if s.Versions < 0 || s.Versions > 1000 {
		errs = append(errs, fmt.Errorf("%d versions of a key: from 0 to 1000 can be made", s.Versions))
	}
	if s.PerDir < 0 || s.PerDir > 1_000_000 {
		errs = append(errs, fmt.Errorf("%d files a directory: from 1 to 1000000 can be made", s.PerDir))
	}
	if len(s.Prefix) > 900 {
		errs = append(errs, errors.New("the prefix has more than 900 bytes"))
	}
	return errors.Join(errs...)
}

// Len is the number of keys.
func (s *Synthetic) Len() int { return s.Count }

// Key returns key i, from 0 to Len()-1; keys ascend with i.
func (s *Synthetic) Key(i int) string {
	var buf [64]byte
	return string(s.AppendKey(buf[:0], i))
}

// AppendKey appends key i to dst.
func (s *Synthetic) AppendKey(dst []byte, i int) []byte {
	dst = append(dst, s.Prefix...)
	switch s.Layout {
	case LayoutDirs:
		per := s.perDir()
		dst = appendDigits(append(dst, "dir-"...), i/per, s.dirDigits())
		dst = appendDigits(append(dst, "/file-"...), i%per, 6)
		return append(dst, ".bin"...)
	case LayoutDates:
		hour, n := s.hour(i)
		t := dateStart().Add(time.Duration(hour) * time.Hour)
		year, month, day := t.Date()
		dst = append(appendDigits(dst, year, 4), '/')
		dst = append(appendDigits(dst, int(month), 2), '/')
		dst = append(appendDigits(dst, day, 2), '/')
		dst = appendDigits(dst, hour%24, 2)
		dst = appendDigits(append(dst, "/event-"...), n, 9)
		return append(dst, ".json"...)
	case LayoutHex:
		x := s.hex(i)
		dst = append(appendHex(dst, x>>48, 4), '/')
		return appendHex(dst, x, 12)
	case LayoutGiants:
		name, first := s.giant(i)
		return appendDigits(append(append(dst, name...), "/object-"...), i-first, 9)
	case LayoutUnicode:
		cell, n := s.cell(i)
		dst = append(append(dst, scriptWord(cell/scriptWords)...), '/')
		dst = append(append(dst, scriptWord(cell%scriptWords)...), '/')
		return appendDigits(append(dst, "\u00e9-"...), n, 9)
	default:
		return appendDigits(append(dst, "object-"...), i, 9)
	}
}

// Search returns the least i with Key(i) >= key; Len() where there is none.
func (s *Synthetic) Search(key string) int {
	var array [64]byte
	buf, want := array[:0], []byte(key)
	return sort.Search(s.Count, func(i int) bool {
		buf = s.AppendKey(buf[:0], i)
		return bytes.Compare(buf, want) >= 0
	})
}

// SizeOf is the size of object i in bytes.
func (s *Synthetic) SizeOf(int) int64 { return s.Size }

// ModTime is when object i was last modified, in whole seconds: in the hour
// that its key says, or some time in 2025.
func (s *Synthetic) ModTime(i int) time.Time {
	x := s.random(i, 1)
	if s.Layout == LayoutDates {
		hour, _ := s.hour(i)
		return dateStart().Add(time.Duration(hour)*time.Hour + time.Duration(x%3600)*time.Second)
	}
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(x%(365*24*3600)) * time.Second)
}

// ETag is the entity tag of object i: 32 hexadecimal digits without quotes.
func (s *Synthetic) ETag(i int) string {
	var buf [32]byte
	return string(s.AppendETag(buf[:0], i))
}

// AppendETag appends the ETag of object i to dst.
func (s *Synthetic) AppendETag(dst []byte, i int) []byte {
	dst = appendHex(dst, s.random(i, 2), 16)
	return appendHex(dst, s.random(i, 3), 16)
}

func (s *Synthetic) perDir() int {
	if s.PerDir > 0 {
		return s.PerDir
	}
	return defaultPerDir
}

// dirDigits is six, or more where there are more than a million directories.
func (s *Synthetic) dirDigits() int {
	if s.Count/s.perDir() >= 1_000_000 {
		return 9
	}
	return 6
}

// hour says in which of the hours key i is, and its number there.
func (s *Synthetic) hour(i int) (hour, n int) {
	first, hours, keys := 0, dateOldHours, s.Count/5
	if i >= keys {
		i -= keys
		first, hours, keys = dateOldHours, dateNewHours, s.Count-keys
	}
	// The products stay below 1e8 * 21600, far inside an int64.
	hour = int(int64(i) * int64(hours) / int64(keys))
	begin := (int64(hour)*int64(keys) + int64(hours) - 1) / int64(hours)
	return first + hour, i - int(begin)
}

// giant is the prefix that key i is in, and the first key there.
func (s *Synthetic) giant(i int) (name string, first int) {
	large, small := s.Count*6/10, s.Count*9/10
	switch {
	case i < large:
		return "huge", 0
	case i < small:
		return "large", large
	}
	return "small", small
}

// cell says in which of the directories of LayoutUnicode key i is, and its
// number there. Each has as many keys as any other.
func (s *Synthetic) cell(i int) (cell, n int) {
	const cells = scriptWords * scriptWords
	cell = i * cells / s.Count // below 1e8 * 256
	return cell, i - (cell*s.Count+cells-1)/cells
}

// scriptWords is how many words scriptWord knows.
const scriptWords = 16

// scriptWord is word n in byte order, each of another script: of two, three and
// four bytes a character, with marks that combine, and from right to left.
func scriptWord(n int) string {
	return [scriptWords]string{
		"\u00c5ngstr\u00f6m", "\u0394\u03b5\u03bb\u03c4\u03b1", "\u0416\u0443\u043a", "\u0540\u0561\u0575",
		"\u05d0\u05dc\u05e3", "\u0628\u064a\u062a", "\u0915\u094d\u0937", "\u0e01\u0e34\u0e19",
		"\u10d0\u10dc\u10d8", "\u1e9e\u0301e", "\u3042\u304b", "\u30ab\u30bf",
		"\u6771\u4eac", "\uac00\ub098", "\uff21\uff22", "\U0001f680",
	}[n]
}

// hex is a number of key i. Each has a stretch of the numbers for itself and a
// random place in it.
func (s *Synthetic) hex(i int) uint64 {
	width := ^uint64(0) / uint64(s.Count)
	return uint64(i)*width + s.random(i, 0)%width
}

// random is a number of key i, another for each use.
func (s *Synthetic) random(i int, use uint64) uint64 {
	return mix(s.Seed ^ mix(uint64(i)<<2|use))
}

// mix is the finish of splitmix64: neighbours come out far from each other.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func dateStart() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// appendDigits appends n in exactly so many decimal digits.
func appendDigits(dst []byte, n, digits int) []byte {
	for range digits {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; n > 0 && i >= len(dst)-digits; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// appendHex appends the lowest digits of x in hexadecimal.
func appendHex(dst []byte, x uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[x>>shift&15])
	}
	return dst
}
