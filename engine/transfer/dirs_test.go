package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"
)

// A directory is opened once for all that are in it, and closed with the last.
func TestDirs(t *testing.T) {
	r := newRig(t, 16<<20)
	a, err := r.dirs.get(r.root, "x/y")
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.dirs.get(r.root, "x/y")
	if err != nil || a != b {
		t.Fatal("it was opened twice", err)
	}
	other, err := r.dirs.get(r.root, "x")
	if err != nil || other == a {
		t.Fatal("two directories are one", err)
	}
	other.release()
	a.release()
	if _, err := b.Lstat("."); err != nil {
		t.Errorf("it was closed too early: %v", err)
	}
	b.release()
	if _, err := b.Lstat("."); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it was not closed: %v", err)
	}
	r.clean(t)
}

// One that is removed meanwhile is made anew, whoever still holds it.
func TestDirIsRemoved(t *testing.T) {
	r := newRig(t, 16<<20)
	obj := r.object(content(10))
	held, err := r.dirs.get(r.root, "x/y")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "x")); err != nil {
		t.Skip("a directory that is open cannot be removed here:", err)
	}
	for _, name := range []string{"x/y/1", "x/y/2"} {
		if _, err := r.Download(t.Context(), obj, r.root, name); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(r.dir, name)); err != nil {
			t.Error(err)
		}
	}
	held.release()
	r.clean(t)
}

// Many at once into directories that are not there yet.
func TestDirsAtOnce(t *testing.T) {
	r := newRig(t, 16<<20)
	obj := r.object(content(10))
	var g errgroup.Group
	g.SetLimit(8)
	const files = 200
	for i := range files {
		g.Go(func() error {
			_, err := r.Download(t.Context(), obj, r.root, "x/"+strconv.Itoa(i/40)+"/"+strconv.Itoa(i))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, _ := filepath.Glob(filepath.Join(r.dir, "x", "*", "*")); len(got) != files {
		t.Errorf("%d files", len(got))
	}
	r.clean(t)
}
