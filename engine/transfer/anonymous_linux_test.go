package transfer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A small file has no name before its final one; where that is taken by a file
// it replaces it and keeps its mode, and where it is taken by a directory it
// leaves nothing.
func TestNameless(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names := func() (all []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	when := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	d := &dirs{}
	write := func(name, content string) error {
		f, err := d.create(t.Context(), root, name, 0)
		if err != nil {
			return err
		}
		if !f.nameless {
			t.Skipf("the file system of %s has no files without a name", dir)
		}
		if _, err := f.WriteString(content); err != nil {
			t.Fatal(err)
		}
		if name == "a" && len(names()) > 1 {
			t.Errorf("%q while it is made", names())
		}
		return f.commit(t.Context(), when)
	}
	if err := write("a", "first"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "a"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := write("a", "second"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "a"))
	fi, serr := os.Stat(filepath.Join(dir, "a"))
	if err != nil || serr != nil || string(b) != "second" || fi.Mode().Perm() != 0o640 || !fi.ModTime().Equal(when) {
		t.Errorf("%q, %v, %v, %v", b, fi, err, serr)
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := write("taken", "x"); !errors.Is(err, ErrDirectory) {
		t.Errorf("a directory has the name: %v", err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := write("link", "x"); err != nil {
		t.Errorf("a link has the name: %v", err)
	}
	if fi, err := os.Lstat(filepath.Join(dir, "link")); err != nil || !fi.Mode().IsRegular() {
		t.Errorf("the link: %v, %v", fi, err)
	}
	// One that is given up leaves nothing, nor does one that cannot be named.
	f, err := d.create(t.Context(), root, "given up", 0)
	if err != nil {
		t.Fatal(err)
	}
	f.discard()
	f, err = d.create(t.Context(), root, "lost", 0)
	if err != nil {
		t.Fatal(err)
	}
	f.base = "no/such/directory"
	if err := f.commit(t.Context(), when); !errors.Is(err, errNameless) || !errors.Is(err, fs.ErrNotExist) || !d.named.Load() {
		t.Errorf("it cannot be named: %v", err)
	}
	if got := names(); len(got) != 3 {
		t.Errorf("%q are left", got)
	}
	// From then on files have names while they are made.
	if f, err = d.create(t.Context(), root, "named", 0); err != nil || f.nameless || len(names()) != 4 {
		t.Errorf("%v, %q", err, names())
	}
	f.discard()
}
