//go:build darwin || linux

package engine_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/walker/local"
)

// The temporary file of an interrupted download, as it may be found: complete and
// without its marks, of another size, replaced by a link or by a pipe, and with a
// living process that writes to it.
func TestTemporaryFileAsFound(t *testing.T) {
	for _, c := range []struct {
		what    string
		make    func(t *testing.T, temp, original string)
		nothing bool // is fetched again
		stays   bool
	}{
		{what: "complete", nothing: true, make: func(t *testing.T, temp, original string) {
			b, err := os.ReadFile(original)
			must(t, errors.Join(err, os.WriteFile(temp, b, 0o600)))
		}},
		{what: "complete and wrong", make: func(t *testing.T, temp, original string) {
			b, err := os.ReadFile(original)
			must(t, err)
			b[12345] ^= 1
			must(t, os.WriteFile(temp, b, 0o600))
		}},
		{what: "cut off", make: func(t *testing.T, temp, _ string) { must(t, os.Truncate(temp, 17)) }},
		{what: "gone", make: func(t *testing.T, temp, _ string) { must(t, os.Remove(temp)) }},
		{what: "a link", stays: true, make: func(t *testing.T, temp, original string) {
			must(t, errors.Join(os.Remove(temp), os.Symlink(original, temp)))
		}},
		{what: "a pipe", stays: true, make: func(t *testing.T, temp, _ string) {
			must(t, errors.Join(os.Remove(temp), unix.Mkfifo(temp, 0o600)))
		}},
		{what: "in use", stays: true, make: func(t *testing.T, temp, _ string) {
			f, err := os.OpenFile(temp, os.O_RDWR, 0)
			must(t, err)
			must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
			t.Cleanup(func() { _ = f.Close() })
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s, dir, to := newInterruptible(t), t.TempDir(), t.TempDir()
			name := largeFile(t, filepath.Join(dir, "large"), nineParts)
			src, dst := engine.Bucket("sim", "p/"), engine.Dir(to)
			s.sync(t, engine.Dir(dir), src)
			s.cut(t, src, dst, "GetObject", 7)
			left, err := filepath.Glob(filepath.Join(to, local.TempPattern))
			must(t, err)
			if len(left) != 1 {
				t.Fatalf("temporary files: %q", left)
			}
			before := sha256File(t, name)
			c.make(t, left[0], name)
			s.sync(t, src, dst)
			if sent := s.sim.Stats().BytesOut; (sent == 0) != c.nothing {
				t.Errorf("%d bytes came", sent)
			}
			sameFile(t, filepath.Join(to, "large"), name)
			if string(sha256File(t, name)) != string(before) {
				t.Error("what the link leads to was written to")
			}
			if _, err := os.Lstat(left[0]); (err == nil) != c.stays {
				t.Errorf("the temporary file stays: %v, want %v", err == nil, c.stays)
			}
			_ = os.Remove(left[0])
			s.tidy(t, dir, to)
		})
	}
}

// A journal that is damaged is no obstacle: what it had is begun anew, and that
// is said.
func TestDamagedJournal(t *testing.T) {
	s, dir := newInterruptible(t), t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), nineParts)
	src, dst := engine.Dir(dir), engine.Bucket("sim", "p/")
	s.cut(t, src, dst, "UploadPart", 5)
	files, err := filepath.Glob(filepath.Join(s.state, "*.journal"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("journals: %q", files)
	}
	f, err := os.OpenFile(files[0], os.O_RDWR, 0)
	must(t, err)
	fi, err := f.Stat()
	must(t, err)
	must(t, f.Truncate(fi.Size()/2))
	_, err = f.Seek(0, io.SeekStart)
	must(t, errors.Join(err, f.Close()))
	_, rec := s.sync(t, src, dst)
	if told := notices(rec); told == "" {
		t.Error("nothing was said of it")
	}
	if n := len(s.uploads(t)); n != 1 {
		t.Errorf("%d uploads are open", n)
	}
}
