//go:build unix

package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/s3haul/s3haul/walker"
)

func link(t *testing.T, dir, target, name string) {
	t.Helper()
	must(t, os.Symlink(target, filepath.Join(dir, name)))
}

func TestLinks(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, outside, sized("x", "sub/y"))
	dir := t.TempDir()
	write(t, dir, sized("foo.txt", "real", "d/e/f"))
	link(t, dir, outside, "foo") // sorts as foo/, behind foo.txt
	link(t, dir, "real", "alias")
	link(t, dir, "nowhere", "broken")
	link(t, dir, "self", "self")
	link(t, dir, "../..", "d/e/up")
	link(t, dir, ".", "d/here")
	// A way round: the loop shows at a directory that is not itself a link.
	link(t, dir, filepath.Join(outside, "sub"), "way")
	link(t, outside, dir, "sub/back")

	for name, sys := range systems() {
		t.Run(name, func(t *testing.T) {
			for _, o := range []Options{{}, {Workers: 1}, {SpillNames: 1, SpillDir: t.TempDir()}} {
				expect(t, with(sys, dir, o), "d/e/f", "foo.txt", "real")
				o.FollowSymlinks = true
				expect(t, with(sys, dir, o),
					"alias",
					"broken: "+textMissing, "~broken/: "+textMissing,
					"d/e/f", "d/e/up/: "+textDirLoop,
					"d/here/: "+textDirLoop,
					"foo.txt",
					"foo/sub/back/: "+textDirLoop, "foo/sub/y",
					"foo/x",
					"real",
					"self: "+textLinkLoop, "~self/: "+textLinkLoop,
					"way/back/: "+textDirLoop, "way/y",
				)
			}
		})
	}
	// The root is followed in any case.
	root := filepath.Join(t.TempDir(), "root")
	must(t, os.Symlink(dir, root))
	expect(t, New(root, Options{}), "d/e/f", "foo.txt", "real")

	for _, err := range New(dir, Options{FollowSymlinks: true}).Walk(t.Context()) {
		if s := walker.AsSkipped(err); s != nil && s.Key == "broken/" {
			if s.Path != filepath.Join(dir, "broken") || !errors.Is(s, os.ErrNotExist) {
				t.Errorf("%+v", s)
			}
		}
	}
}

// A loop that closes at a directory that is no link: the root is reached again
// by its own name from above.
func TestLoopAtRealDirectory(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	write(t, top, sized("root/a", "root/sub/b", "z"))
	link(t, top, "..", "root/up")
	for _, sys := range systems() {
		expect(t, with(sys, filepath.Join(top, "root"), Options{FollowSymlinks: true}),
			"a", "sub/b", "up/root/: "+textDirLoop, "up/z")
	}
}

func TestLinksUnderFilter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("real/x", "file"))
	link(t, dir, "nowhere", "broken")
	link(t, dir, "real", "out")
	link(t, dir, "file", "out.txt")
	for pattern, want := range map[string][]string{
		"broken":   {"~broken/: " + textMissing, "file", "out.txt", "out/x", "real/x"},
		"broken/*": {"broken: " + textMissing, "file", "out.txt", "out/x", "real/x"},
		"*o*":      nil,
		"out/*":    {"broken: " + textMissing, "~broken/: " + textMissing, "file", "out.txt", "real/x"},
		"*.txt":    {"broken: " + textMissing, "~broken/: " + textMissing, "file", "out/x", "real/x"},
	} {
		rules := []walker.Rule{{Pattern: pattern}}
		if want == nil {
			want = []string{"file", "real/x"}
			rules = append(rules, walker.Rule{Include: true, Pattern: "file"}, walker.Rule{Include: true, Pattern: "real/*"})
		}
		expect(t, New(dir, Options{FollowSymlinks: true, Filter: walker.NewFilter(dir, rules...)}), want...)
	}
}

func TestSpecial(t *testing.T) {
	t.Parallel()
	// A socket's path is short on every system.
	dir, err := os.MkdirTemp("", "w") //nolint:usetesting // t.TempDir is too long for a socket
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	write(t, dir, sized("a", "z"))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	must(t, err)
	defer listener.Close()
	link(t, dir, os.DevNull, "null")
	link(t, dir, "pipe", "topipe")
	for name, sys := range systems() {
		t.Run(name, func(t *testing.T) {
			expect(t, with(sys, dir, Options{FollowSymlinks: true}),
				"a", "null: "+textSpecial, "pipe: "+textSpecial, "sock: "+textSpecial, "topipe: "+textSpecial, "z")
			expect(t, with(sys, dir, Options{}), "a", "pipe: "+textSpecial, "sock: "+textSpecial, "z")
		})
	}
}

func TestNotUTF8(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "darwin" {
		t.Skip("APFS takes no such names")
	}
	dir := t.TempDir()
	write(t, dir, sized("a\xff", "a\xffb/c", "a\xffc/d/e", "é", "d/\xc3", "d/x"))
	link(t, dir, "é", "l\xfe")
	for name, sys := range systems() {
		t.Run(name, func(t *testing.T) {
			for _, spill := range []int{0, 1} {
				expect(t, with(sys, dir, Options{FollowSymlinks: true, SpillNames: spill, SpillDir: t.TempDir()}),
					"a\xff: "+textUTF8, "a\xffb/: "+textUTF8, "a\xffc/: "+textUTF8,
					"d/x", "d/\xc3: "+textUTF8, "l\xfe: "+textUTF8, "é")
			}
		})
	}
}

// A thousand levels: the path grows past what the system takes.
func TestDeep(t *testing.T) {
	t.Parallel()
	const levels = 1000
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	name := "level-of-it"
	for i := range levels {
		f, err := root.Create("file")
		must(t, err)
		must(t, f.Close())
		if i == levels-1 {
			break
		}
		must(t, root.Mkdir(name, 0o755))
		below, err := root.OpenRoot(name)
		must(t, err)
		must(t, root.Close())
		root = below
	}
	must(t, root.Close())

	for system, sys := range systems() {
		t.Run(system, func(t *testing.T) {
			got, err := lines(t.Context(), with(sys, dir, Options{FollowSymlinks: true}))
			must(t, err)
			// "file" sorts before the next level, so the deepest comes last.
			last := got[len(got)-1]
			got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, ": ") })
			if !strings.Contains(last, "/: ") || !strings.Contains(last, syscall.ENAMETOOLONG.Error()) {
				t.Errorf("the last is not a directory of too long a name: …%s", last[max(0, len(last)-100):])
			}
			// PATH_MAX is 1024 on some systems.
			if len(got) < 1000/(len(name)+1) || len(got) >= levels {
				t.Errorf("%d names", len(got))
			}
			for i, key := range got {
				if strings.Count(key, "/") != i {
					t.Fatalf("level %d: %q", i, key)
				}
			}
		})
	}

	short := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(short, strings.Repeat("d/", 400)), 0o755))
	write(t, short, sized(strings.Repeat("d/", 400)+"x"))
	expect(t, New(short, Options{FollowSymlinks: true, Workers: 1}), strings.Repeat("d/", 400)+"x")
}

// unreadable makes a tree of which a user without rights cannot read all.
func unreadable(dir string) error {
	for _, d := range []string{"closed", "listed", "locked", "locked/in"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	for _, f := range []string{"a", "b", "closed/x", "listed/x", "locked/in/x", "z"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			return err
		}
	}
	for name, mode := range map[string]os.FileMode{"b": 0o200, "closed": 0, "listed": 0o400, "locked": 0o100} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			return err
		}
	}
	return nil
}

// childDir is set where the test binary was started by TestUnreadable to walk
// that directory as a user without rights.
const childDir = "S3HAUL_TEST_WALK"

func child() bool {
	dir := os.Getenv(childDir)
	if dir == "" {
		return false
	}
	if err := printWalks(os.Stdout, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return true
}

func printWalks(out io.Writer, dir string) error {
	if err := unreadable(dir); err != nil {
		return err
	}
	got, err := lines(context.Background(), New(dir, Options{}))
	if err != nil {
		return err
	}
	_, err = lines(context.Background(), New(filepath.Join(dir, "closed"), Options{}))
	if !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("a root that cannot be read: %w", err)
	}
	_, err = fmt.Fprint(out, strings.Join(got, "\n"))
	return err
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "walk") //nolint:usetesting // another user has to get through to it
	must(t, err)
	t.Cleanup(func() {
		for _, d := range []string{"closed", "listed", "locked"} {
			must(t, os.Chmod(filepath.Join(dir, d), 0o700))
		}
		must(t, os.RemoveAll(dir))
	})
	var out strings.Builder
	if os.Geteuid() != 0 {
		must(t, printWalks(&out, dir))
	} else {
		// Nothing is unreadable for root, so a copy of this binary, where
		// anybody may run it, walks as somebody else.
		const nobody = 65534
		home, err := os.MkdirTemp("", "walk") //nolint:usetesting // another user has to get through to it
		must(t, err)
		t.Cleanup(func() { must(t, os.RemoveAll(home)) })
		self, err := os.Executable()
		must(t, err)
		binary, err := os.ReadFile(self)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(home, "test"), binary, 0o755))
		must(t, os.Chmod(home, 0o755))
		must(t, os.Chown(dir, nobody, nobody))
		cmd := exec.CommandContext(t.Context(), filepath.Join(home, "test"))
		cmd.Dir = home
		cmd.Env = []string{childDir + "=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Run())
	}
	want := []string{
		"a", "b: " + textUnreadable, "closed/: " + textUnreadable, "listed/x: " + textUnreadable,
		"locked/: " + textUnreadable, "z",
	}
	if runtime.GOOS != "linux" {
		want[1] = "b" // left to whoever opens it
	}
	if got := out.String(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
