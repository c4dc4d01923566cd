package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What is said to be on the disk is there: a file that is gone is an error, and
// a source is not removed for it.
func TestSettle(t *testing.T) {
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
		if err := settle(root, names[:n]); err != nil {
			t.Errorf("%d files: %v", n, err)
		}
	}
	if err := settle(root, []string{"d/absent"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
