package local

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/walker"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

// write makes files of the given sizes below dir; a key that ends in '/' is an
// empty directory.
func write(t testing.TB, dir string, files map[string]int64) {
	t.Helper()
	for key, size := range files {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if strings.HasSuffix(key, "/") {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, make([]byte, size), 0o644))
	}
}

func sized(keys ...string) map[string]int64 {
	files := make(map[string]int64)
	for _, k := range keys {
		files[k] = 1
	}
	return files
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines walks s: "key", or "key: reason" of what is skipped, with a '~' before
// it where it is quiet. What the walk failed with is err.
func lines(ctx context.Context, s walker.Source) (got []string, err error) {
	for e, err := range walker.InOrder(s.Walk(ctx)) {
		switch skipped := walker.AsSkipped(err); {
		case err == nil:
			got = append(got, e.Key)
		case skipped == nil:
			return got, err
		case skipped.Key != e.Key || e != walker.Entry{Key: e.Key}:
			return got, errors.New("the entry of a skipped name has more than its key")
		case skipped.Quiet:
			got = append(got, "~"+e.Key+": "+skipped.Err.Error())
		default:
			got = append(got, e.Key+": "+skipped.Err.Error())
		}
	}
	return got, nil
}

func expect(t *testing.T, s walker.Source, want ...string) {
	t.Helper()
	got, err := lines(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// with returns a Source that sees the disk through sys.
func with(sys system, dir string, o Options) *Source {
	s := New(dir, o)
	s.sys = sys
	return s
}

// systems are the ways to ask this machine.
func systems() map[string]system {
	return map[string]system{"native": newSystem(), "portable": portable{}}
}

// tapped is a system that tells of its calls before it makes them, and fails
// those for which tap returns an error. op is "open", "id", "names", "entry"
// (within names, before the name is handed on), "stat" or "close".
type tapped struct {
	system
	tap func(op, path string) error
}

type tappedDir struct {
	handle
	path string
	tap  func(op, path string) error
}

func (s tapped) open(path string) (handle, error) {
	if err := s.tap("open", path); err != nil {
		return nil, err
	}
	h, err := s.system.open(path)
	if err != nil {
		return nil, err
	}
	return &tappedDir{h, path, s.tap}, nil
}

func (d *tappedDir) id() (fileID, error) {
	if err := d.tap("id", d.path); err != nil {
		return fileID{}, err
	}
	return d.handle.id()
}

func (d *tappedDir) names(add func([]byte, kind) error) error {
	if err := d.tap("names", d.path); err != nil {
		return err
	}
	return d.handle.names(func(name []byte, k kind) error {
		if err := d.tap("entry", filepath.Join(d.path, string(name))); err != nil {
			return err
		}
		return add(name, k)
	})
}

func (d *tappedDir) stat(name string, follow bool) (info, error) {
	if err := d.tap("stat", filepath.Join(d.path, name)); err != nil {
		return info{}, err
	}
	return d.handle.stat(name, follow)
}

func (d *tappedDir) close() {
	_ = d.tap("close", d.path)
	d.handle.close()
}

// listing is the content of a made directory: its names, with a '/' behind
// those of directories.
type listing struct {
	names []string
	kinds map[string]kind
}

func newListing(names ...string) *listing {
	l := &listing{names: names, kinds: make(map[string]kind)}
	for _, n := range names {
		if name, ok := strings.CutSuffix(n, "/"); ok {
			l.kinds[name] = kindDir
		} else {
			l.kinds[n] = kindFile
		}
	}
	return l
}

// made is a system of directories that are not on a disk.
type made struct {
	root string
	list func(key string) *listing
	// unknown says that the directories do not tell what a name is.
	unknown bool

	mu                 sync.Mutex
	opens, stats, held int // calls, and directories that are open
}

type madeDir struct {
	*listing
	sys *made
}

func (m *made) open(path string) (handle, error) {
	key := strings.TrimPrefix(filepath.ToSlash(strings.TrimPrefix(path, m.root)), "/")
	d := &madeDir{listing: m.list(key), sys: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opens++
	m.held++
	return d, nil
}

func (d *madeDir) id() (fileID, error) { return fileID{}, nil }

func (d *madeDir) names(add func([]byte, kind) error) error {
	for _, n := range d.listing.names {
		name := strings.TrimSuffix(n, "/")
		k := d.kinds[name]
		if d.sys.unknown {
			k = kindUnknown
		}
		if err := add([]byte(name), k); err != nil {
			return err
		}
	}
	return nil
}

func (d *madeDir) stat(name string, _ bool) (info, error) {
	d.sys.mu.Lock()
	d.sys.stats++
	d.sys.mu.Unlock()
	k, ok := d.kinds[name]
	if !ok {
		return info{}, syscall.ENOENT
	}
	return info{kind: k, size: 1}, nil
}

func (d *madeDir) close() {
	d.sys.mu.Lock()
	defer d.sys.mu.Unlock()
	d.sys.held--
}

// reference walks dir with the standard library alone, follows no links, and
// sorts at the end.
func reference(t *testing.T, dir string) []string {
	t.Helper()
	found := make(map[string]bool)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, err := filepath.Rel(dir, path)
			must(t, err)
			found[filepath.ToSlash(rel)] = true
		}
		return err
	}))
	return slices.Sorted(maps.Keys(found))
}
