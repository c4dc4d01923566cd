package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/s3haul/s3haul/walker"
)

// One name looked at by itself is what a walk makes of it.
func TestLook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]int64{"a": 3, "d/e/f": 5, "empty": 0, ".s3haul-0123456789abcdef.part": 1, "no": 1})
	for to, name := range map[string]string{"d": "linked", "nowhere": "broken", "a": "link"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	filter := walker.NewFilter(dir, walker.Rule{Pattern: "no"})
	for name, sys := range systems() {
		for _, follow := range []bool{false, true} {
			s := with(sys, dir, Options{FollowSymlinks: follow, Filter: filter})
			walked := map[string]walker.Entry{}
			for e, err := range s.Walk(t.Context()) {
				if err == nil {
					walked[e.Key] = e
				}
			}
			if want := map[bool]int{false: 3, true: 5}[follow]; len(walked) != want {
				t.Fatalf("%s: the walk found %v", name, walked)
			}
			for _, key := range []string{
				"a", "d/e/f", "empty", "link", "linked/e/f", "broken", "no", "absent", "d", "d/e", "a/below", "absent/x", ".s3haul-0123456789abcdef.part",
			} {
				e, err := s.Look(key)
				want, there := walked[key]
				if there != (err == nil) || e != want || !there && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s, follow %v: %q is %+v, %v; the walk has %+v", name, follow, key, e, err, want)
				}
			}
			for _, key := range []string{"", ".", "..", "../x", "/a", "a/", "d//e", "d/./e", "d/../a"} {
				if _, err := s.Look(key); err == nil || errors.Is(err, fs.ErrNotExist) || walker.AsSkipped(err) != nil {
					t.Errorf("%s: %q: %v", name, key, err)
				}
			}
		}
	}
}

// What cannot be looked at is skipped, and said as a walk says it; what is gone
// is not taken for that.
func TestLookFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("d/a"))
	for _, op := range []string{"open", "stat"} {
		for cause, skipped := range map[error]bool{syscall.EACCES: true, syscall.EIO: true, syscall.ENOENT: false, syscall.ENOTDIR: false} {
			_, err := with(tapped{newSystem(), func(o, _ string) error {
				if o == op {
					return cause
				}
				return nil
			}}, dir, Options{}).Look("d/a")
			skip := walker.AsSkipped(err)
			if (skip != nil) != skipped || errors.Is(err, fs.ErrNotExist) == skipped {
				t.Errorf("%s: %v: %v", op, cause, err)
			}
			if skip != nil && (skip.Key != "d/a" || skip.Path != filepath.Join(dir, "d", "a") || skip.Quiet || skip.Unlisted) {
				t.Errorf("%s: %v: %+v", op, cause, skip)
			}
		}
	}
}

// A directory that cannot be listed is told from a name that is skipped: what it
// holds is not known.
func TestUnlisted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("a", "d/a", "e/f/g", "z"))
	must(t, os.Chmod(filepath.Join(dir, "z"), 0o600))
	for _, op := range []string{"open", "names", "entry", "id"} {
		for cause, want := range map[error]bool{syscall.EACCES: true, syscall.EIO: true, syscall.ESTALE: true, syscall.ENOENT: false} {
			at := filepath.Join(dir, "e", "f")
			if op == "entry" {
				at = filepath.Join(at, "g")
			}
			s := with(tapped{newSystem(), func(o, path string) error {
				if o == op && path == at {
					return cause
				}
				return nil
			}}, dir, Options{FollowSymlinks: true})
			skips := 0
			for e, err := range s.Walk(t.Context()) {
				skip := walker.AsSkipped(err)
				if skip == nil {
					must(t, err)
					continue
				}
				if skips++; e.Key != "e/f/" || skip.Unlisted != want {
					t.Errorf("%s: %v: %q is skipped, unlisted %v", op, cause, e.Key, skip.Unlisted)
				}
			}
			if skips != 1 {
				t.Errorf("%s: %v: %d skipped", op, cause, skips)
			}
		}
	}
	// A file is not a directory, whatever keeps it from being read.
	s := with(tapped{newSystem(), func(o, path string) error {
		if o == "stat" && path == filepath.Join(dir, "z") {
			return syscall.EACCES
		}
		return nil
	}}, dir, Options{})
	for e, err := range s.Walk(t.Context()) {
		if skip := walker.AsSkipped(err); skip != nil && (e.Key != "z" || skip.Unlisted) {
			t.Errorf("%+v", skip)
		}
	}
}

func TestBehindLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("d/e/f"))
	for to, name := range map[string]string{"d": "linked", "d/e/f": "link", "../d/e": "d/e2"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for key, want := range map[string]bool{"": false, "link": false, "d/e/f": false, "linked/e/f": true, "d/e2/f": true, "absent/f": false} {
		if got := BehindLink(dir, key); got != want {
			t.Errorf("%q: %v", key, got)
		}
	}
	if BehindLink(filepath.Join(dir, "linked"), "e/f") {
		t.Error("dir itself was taken for behind a link")
	}
}
