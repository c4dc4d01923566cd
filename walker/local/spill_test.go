package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/s3haul/s3haul/walker"
)

// bushy has n directories of n files each at every level but the last, all of
// them larger than what is held in memory.
func bushy(n int) (list func(string) *listing, want []string) {
	level := make([]string, 0, 2*n)
	for i := range n {
		level = append(level, fmt.Sprintf("d%d/", i), fmt.Sprintf("d%d.txt", i))
	}
	full, empty := newListing(level...), newListing()
	list = func(key string) *listing {
		if strings.Count(key, "/") == 2 {
			return empty
		}
		return full
	}
	var walk func(prefix string)
	walk = func(prefix string) {
		for _, name := range list(strings.TrimSuffix(prefix, "/")).names {
			if strings.HasSuffix(name, "/") {
				walk(prefix + name)
			} else {
				want = append(want, prefix+name)
			}
		}
	}
	walk("")
	slices.Sort(want)
	return list, want
}

func TestSpill(t *testing.T) {
	t.Parallel()
	list, want := bushy(6)
	for _, spill := range []int{1, 5, 11, 12, 13} {
		dir := t.TempDir()
		s := with(&made{root: "/r", list: list}, "/r", Options{SpillNames: spill, SpillDir: dir})
		expect(t, s, want...)
		nothingIn(t, dir)
		for at := 1; at < len(want); at += 29 {
			n := 0
			for _, err := range s.Walk(t.Context()) {
				must(t, err)
				if n++; n == at {
					break
				}
			}
			nothingIn(t, dir)
		}
	}
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
}

// More than one pull, from more runs than the sorter merges at once.
func TestSpillMany(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 3*spillPull + 5 {
		all = append(all, fmt.Sprintf("%x", uint32(i)*2654435761))
	}
	want := slices.Clone(all)
	slices.Sort(want)
	dir := t.TempDir()
	l := newListing(all...)
	sys := &made{root: "/r", list: func(string) *listing { return l }}
	expect(t, with(sys, "/r", Options{SpillNames: 500, SpillDir: dir}), want...)
	nothingIn(t, dir)
}

// Where there is no room on disk, the walk fails.
func TestSpillFails(t *testing.T) {
	t.Parallel()
	list, _ := bushy(12)
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, spill := range []int{1, 10} {
		s := with(&made{root: "/r", list: list}, "/r", Options{SpillNames: spill, SpillDir: filepath.Join(file, "below")})
		got, err := lines(t.Context(), s)
		if err == nil || walker.AsSkipped(err) != nil || !strings.Contains(err.Error(), "sort the names of /r on disk") || len(got) > 0 {
			t.Errorf("%d: got %d names, %v", spill, len(got), err)
		}
	}
}

// What the comment of names promises, and the slack of growing slices.
func TestNamesMemory(t *testing.T) {
	t.Parallel()
	const count, length = 100_000, 20
	n := &names{}
	for i := range count {
		n.add(fmt.Appendf(nil, "%0*d", length, i), kindFile)
	}
	if size := unsafe.Sizeof(n.refs[0]); size != 8 {
		t.Errorf("a reference takes %d bytes", size)
	}
	if got, want := n.text.Len(), count*length; got != want {
		t.Errorf("the text takes %d bytes, want %d", got, want)
	}
	each := float64(n.text.Cap()+8*cap(n.refs)) / count
	if each > 1.35*(length+8) {
		t.Errorf("a name of %d bytes takes %.1f", length, each)
	}
	t.Logf("a name of %d bytes takes %.1f", length, each)
}

func TestNamesSort(t *testing.T) {
	t.Parallel()
	for _, in := range [][]string{
		{},
		{"a"},
		{"prefix-b", "prefix-a", "prefix-", "prefix-ab"},
		{"foo/", "foo.txt", "foo0", "foo-", "fo", "f"},
		{"a\x01", "a", "a\x00b"[:1] + "b", "b"},
		{"12345678", "123456789", "1234567", "12345678a", "12345678A"},
		{"\xff", "é", "z", "\x7f"},
	} {
		n := &names{}
		for _, s := range in {
			n.addText(s, kindFile)
		}
		n.sort()
		var got []string
		for i := range n.len() {
			s, _ := n.at(i)
			got = append(got, s)
		}
		want := slices.Sorted(slices.Values(in))
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
