//go:build unix

package transfer

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A pipe that has come where a file was is refused, and not waited for.
func TestPipeIsNotWaitedFor(t *testing.T) {
	r := newRig(t, 16<<20)
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	if _, err := r.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v", err)
	}
}
