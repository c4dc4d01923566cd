package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What is said to be on the disk is there: a file that is gone is an error, and
// a source is not removed for it.
func TestSettle(t *testing.T) {
	errStop := errors.New("stop")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("d/f%02d", i))
		if err := os.WriteFile(filepath.Join(dir, "d", fmt.Sprintf("f%02d", i)), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, n := range []int{1, len(names)} {
		if errs := settle(t.Context(), root, names[:n], nil); errs != nil {
			t.Errorf("%d files: %v", n, errs)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "d", "f01"), 0o200); err != nil {
		t.Fatal(err)
	}
	errs := settle(t.Context(), root, []string{"d/f00", "d/absent", "d/f01", "none/x"}, func(_, name string) error {
		if name == "d/f00" {
			return errStop
		}
		return nil
	})
	for i, want := range []error{errStop, fs.ErrNotExist, nil, fs.ErrNotExist} {
		if !errors.Is(errs[i], want) || want == nil && errs[i] != nil {
			t.Errorf("the file %d: %v", i, errs[i])
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if errs := settle(ctx, root, names[:1], nil); errs == nil || !errors.Is(errs[0], errStop) {
		t.Errorf("after the end: %v", errs)
	}
}

// The error of a directory is that of all that is below, and of nothing else.
func TestSettleDirectories(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Mkdir(filepath.Join(dir, "good"), 0o700); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("directories are not flushed here")
	}
	names := []string{"bad/a", "good/a", "bad/below/b", "c"}
	errs := make([]error, len(names))
	settleDirs(t.Context(), root, names, errs)
	for i, name := range names {
		if failed := errors.Is(errs[i], fs.ErrNotExist); failed != strings.HasPrefix(name, "bad/") {
			t.Errorf("%s: %v", name, errs[i])
		}
	}
}
