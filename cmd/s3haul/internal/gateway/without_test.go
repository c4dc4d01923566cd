//go:build nogateway

package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWithout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if s, err := Start(t.Context(), Options{Dir: dir}); s != nil || !errors.Is(err, ErrNoServer) {
		t.Errorf("Start is %v, %v, want ErrNoServer", s, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
	if _, isChild := ChildMain(); isChild {
		t.Error("this process is no server")
	}
}
