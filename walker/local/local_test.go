package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/walktest"
)

func TestContract(t *testing.T) {
	for name, sys := range systems() {
		for variant, o := range map[string]Options{
			"default": {},
			"follow":  {FollowSymlinks: true},
			"serial":  {Workers: 1},
			"spill":   {SpillNames: 2},
		} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				walktest.Suite{
					Make: func(t *testing.T, files map[string]int64) walker.Source {
						dir := t.TempDir()
						write(t, dir, files)
						o := o
						o.SpillDir = t.TempDir()
						return with(sys, dir, o)
					},
					Refuses: func(key string) bool {
						switch runtime.GOOS {
						case "windows":
							return (&down{goos: "windows"}).objection(walker.Entry{Key: key}, &walker.Lineage{}) != ""
						case "darwin":
							// One file for NFC and NFD, and for upper and lower case.
							return key == "UPPER" || len(key) > 255
						}
						return false
					},
				}.Run(t)
			})
		}
	}
}

// A tree of random names, most of which sort near a '/'.
func TestOrderProperty(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	alphabet := []string{"a", "b", "-", ".", "0", "!", "~", "é", " "}
	if runtime.GOOS == "windows" {
		alphabet = []string{"a", "b", "-", "0", "!", "é"}
	}
	for range 12 {
		dir := t.TempDir()
		for range 120 {
			path := dir
			for range 1 + rnd.IntN(4) {
				name := "x"
				for range rnd.IntN(3) {
					name += alphabet[rnd.IntN(len(alphabet))]
				}
				path = filepath.Join(path, strings.TrimRight(name, " "))
			}
			// Where a file is in the way of a directory, or the reverse, the
			// name is not made.
			if os.MkdirAll(filepath.Dir(path), 0o755) == nil {
				if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
					must(t, f.Close())
				}
			}
		}
		want := reference(t, dir)
		for _, sys := range systems() {
			for _, o := range []Options{{}, {Workers: 1, FollowSymlinks: true}, {SpillNames: 3, SpillDir: t.TempDir()}} {
				expect(t, with(sys, dir, o), want...)
			}
		}
	}
}

// Directories that are larger than a piece of work, one that is given up
// because it is read too early, and small ones between the files of a large one.
func TestLarge(t *testing.T) {
	t.Parallel()
	var want []string
	list := make(map[string][]string)
	file := func(dir, name string) {
		list[dir] = append(list[dir], name)
		want = append(want, strings.TrimPrefix(dir+"/"+name, "/"))
	}
	for i := range 3*stretch + 7 {
		file("a", fmt.Sprintf("f%06d", i))
		list["a"] = append(list["a"], fmt.Sprintf("f%06d.d/", i))
		file(fmt.Sprintf("a/f%06d.d", i), "x")
	}
	for i := range maxGuess + 3 {
		file("b", fmt.Sprintf("f%06d", i))
	}
	file("c", "last")
	list[""] = []string{"c/", "a/", "b/"}
	slices.Sort(want)
	listings := make(map[string]*listing)
	for key, names := range list {
		listings[key] = newListing(names...)
	}
	for _, c := range []struct {
		workers, spill int
		unknown        bool
	}{{1, 0, false}, {0, 0, false}, {8, 0, true}, {0, 1000, false}} {
		sys := &made{root: "/r", unknown: c.unknown, list: func(key string) *listing { return listings[key] }}
		o := Options{Workers: c.workers, SpillNames: c.spill, SpillDir: t.TempDir()}
		got, err := lines(t.Context(), with(sys, "/r", o))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: %d names of %d, %v", c, len(got), len(want), err)
		}
		if sys.held != 0 {
			t.Errorf("%+v: %d directories are still open", c, sys.held)
		}
	}
}

func TestEntry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]int64{"d/file": 1234})
	when := time.Date(2001, 2, 3, 4, 5, 6, 123456700, time.UTC)
	must(t, os.Chtimes(filepath.Join(dir, "d", "file"), when, when))
	for name, sys := range systems() {
		for e, err := range with(sys, dir, Options{}).Walk(t.Context()) {
			must(t, err)
			if !e.ModTime.Equal(when) || e.Size != 1234 || e.Key != "d/file" || e.ETag+e.StorageClass+e.VersionID != "" {
				t.Errorf("%s: %+v", name, e)
			}
		}
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("file", "d/x"))
	for name, sys := range systems() {
		for _, missing := range []string{"", filepath.Join(dir, "no")} {
			if _, err := lines(t.Context(), with(sys, missing, Options{})); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: a missing root gives %v", name, err)
			}
		}
		_, err := lines(t.Context(), with(sys, filepath.Join(dir, "file"), Options{}))
		if err == nil || !strings.Contains(err.Error(), "file") || errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "windows" {
			t.Errorf("%s: a file as the root gives %v", name, err)
		}
		for _, op := range []string{"open", "names"} {
			broken := tapped{sys, func(o, _ string) error {
				if o == op {
					return fs.ErrPermission
				}
				return nil
			}}
			got, err := lines(t.Context(), with(broken, dir, Options{}))
			if !errors.Is(err, fs.ErrPermission) || len(got) > 0 {
				t.Errorf("%s: a root that fails at %s gives %q, %v", name, op, got, err)
			}
		}
	}
	// However the root is written.
	for _, root := range []string{dir + string(os.PathSeparator), dir + "/./d/.."} {
		expect(t, New(root, Options{}), "d/x", "file")
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	sep := string(os.PathSeparator)
	for _, c := range []struct{ root, key, want string }{
		{".", "a/b", "." + sep + "a" + sep + "b"},
		{"d", "e/", "d" + sep + "e"},
		{sep, "a", sep + "a"},
		{"d" + sep, "a", "d" + sep + "a"},
		{"d", "", "d"},
	} {
		w := &walk{Source: New(c.root, Options{})}
		if got := w.path(c.key); got != c.want {
			t.Errorf("%q in %q is %q, want %q", c.key, c.root, got, c.want)
		}
	}
}

func TestTemporaryNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized(TempName(1), "d/"+TempName(2), "d/x", TempName(3)+"x", TempName(4)+"/y"))
	for _, sys := range systems() {
		expect(t, with(sys, dir, Options{}), TempName(3)+"x", TempName(4)+"/y", "d/x")
	}
}

// What the filter leaves out is neither opened nor examined.
func TestFilter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("a.tmp", "a.txt", "cache/x", "cache/keep/y", "cache/other/z", "d/a.tmp", "d/b", "e/f/g", "none/x/y"))
	filter := walker.NewFilter(dir,
		walker.Rule{Pattern: "*.tmp"}, walker.Rule{Pattern: "none/*"},
		walker.Rule{Pattern: "cache/*"}, walker.Rule{Include: true, Pattern: "cache/keep/*"})
	for name, sys := range systems() {
		for _, spill := range []int{0, 1} {
			var mu sync.Mutex
			var seen []string
			watched := tapped{sys, func(op, path string) error {
				if op == "open" || op == "stat" {
					mu.Lock()
					defer mu.Unlock()
					rel, err := filepath.Rel(dir, path)
					seen = append(seen, filepath.ToSlash(rel))
					return err
				}
				return nil
			}}
			expect(t, with(watched, dir, Options{Filter: filter, SpillNames: spill, SpillDir: t.TempDir()}),
				"a.txt", "cache/keep/y", "d/b", "e/f/g")
			for _, not := range []string{"a.tmp", "cache/x", "cache/other", "d/a.tmp", "none"} {
				if slices.Contains(seen, not) {
					t.Errorf("%s: %s was looked at", name, not)
				}
			}
			if !slices.Contains(seen, "cache/keep") {
				t.Errorf("%s: the test sees nothing: %q", name, seen)
			}
		}
	}
}

// Any single failure is told: what is not yielded then is skipped, or the walk
// fails.
func TestEveryFailureSurfaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := sized("a", "b/c", "b/d/e", "b/d/f", "b/g", "h/i", "j")
	write(t, dir, files)
	for _, cause := range []error{syscall.EIO, syscall.ENOENT, syscall.EACCES, syscall.ENAMETOOLONG, syscall.ELOOP} {
		for name, sys := range systems() {
			for _, o := range []Options{{FollowSymlinks: true}, {Workers: 1}, {SpillNames: 1, SpillDir: t.TempDir()}} {
				failed := 0
				for at := int64(0); ; at++ {
					var calls atomic.Int64
					var hit atomic.Bool
					broken := tapped{sys, func(op, _ string) error {
						if op != "close" && calls.Add(1)-1 == at {
							hit.Store(true)
							return cause
						}
						return nil
					}}
					check := func() (skips int, fatal error) {
						got := make(map[string]bool)
						var under []string
						for e, err := range walker.InOrder(with(broken, dir, o).Walk(t.Context())) {
							switch {
							case err == nil:
								got[e.Key] = true
								continue
							case !errors.Is(err, cause):
								t.Errorf("%s, call %d: %v is not in %v", name, at, cause, err)
							case walker.AsSkipped(err) == nil:
								return skips, err
							}
							skips++
							under = append(under, e.Key)
						}
						for k := range files {
							told := slices.ContainsFunc(under, func(u string) bool {
								return u == k || strings.HasSuffix(u, "/") && strings.HasPrefix(k, u)
							})
							if got[k] == told {
								t.Errorf("%s, %v at call %d: %q: yielded %v, skipped %v", name, cause, at, k, got[k], told)
							}
						}
						return skips, nil
					}
					skips, fatal := check()
					if !hit.Load() {
						break
					}
					if fatal == nil && skips == 0 {
						t.Errorf("%s: %v at call %d is not told", name, cause, at)
					}
					failed++
				}
				if failed < 20 {
					t.Errorf("%s: only %d calls were failed", name, failed)
				}
			}
		}
	}
}

// Names that vanish, or become something else, between being read and being
// looked at.
func TestChangesUnderneath(t *testing.T) {
	t.Parallel()
	for name, sys := range systems() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, sized("a", "b/x", "c", "d", "e/y", "f"))
			var once sync.Once
			swapped := tapped{sys, func(op, path string) error {
				if op == "stat" || op == "open" && path != dir {
					once.Do(func() {
						for _, gone := range []string{"a", "b", "d", "e"} {
							must(t, os.RemoveAll(filepath.Join(dir, gone)))
						}
						write(t, dir, sized("d/z", "e"))
					})
				}
				return nil
			}}
			got, err := lines(t.Context(), with(swapped, dir, Options{Workers: 1}))
			must(t, err)
			want := []string{"a: " + textMissing, "b/: " + textMissing, "c", "d: " + textMissing, "e/: " + textMissing, "f"}
			if runtime.GOOS != "windows" && !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func numbered(n int, suffix string) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("n%07d%s", i, suffix))
	}
	return all
}

// Nobody reads on while the consumer does not pull.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dirs, files int
		first       []string // names of the root that come before the directories
		pulls       int
	}{
		"many directories":  {dirs: 20_000, files: 100, pulls: 3},
		"large directories": {dirs: 1000, files: 30_000, pulls: 3},
		"empty directories": {dirs: 60_000, first: []string{"a"}, pulls: 1},
		"one directory":     {first: numbered(100_000, ""), pulls: 3},
	} {
		top := newListing(append(slices.Clip(c.first), numbered(c.dirs, "/")...)...)
		below := newListing(numbered(c.files, "")...)
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sys := &made{root: "/r", list: func(key string) *listing {
					if key == "" {
						return top
					}
					return below
				}}
				next, stop := iter.Pull2(with(sys, "/r", Options{Workers: 4}).Walk(t.Context()))
				defer stop()
				for range c.pulls {
					next()
					synctest.Wait() // until all workers wait
					sys.mu.Lock()
					opens, stats := sys.opens, sys.stats
					sys.mu.Unlock()
					// Each worker may begin one more piece below the bounds; a
					// large directory is opened once for each stretch.
					if most := maxAhead + 4*small; stats > most {
						t.Errorf("%d files were examined, more than %d", stats, most)
					}
					if most := 1 + maxDirs + 4 + maxAhead/stretch; opens > most {
						t.Errorf("%d directories were opened, more than %d", opens, most)
					}
				}
			})
		})
	}
}

// A walk is left while its workers are at any call.
func TestBreakAnywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, sized("a", "b/c", "b/d/e", "f", "g/h"))
	var open atomic.Int64
	sys := tapped{newSystem(), func(op, _ string) error {
		switch op {
		case "open":
			open.Add(1)
		case "close":
			open.Add(-1)
		}
		return nil
	}}
	for at := 1; at <= 5; at++ {
		for _, spill := range []int{0, 1} {
			n := 0
			for _, err := range with(sys, dir, Options{SpillNames: spill, SpillDir: t.TempDir()}).Walk(t.Context()) {
				must(t, err)
				if n++; n == at {
					break
				}
			}
			if o := open.Load(); o != 0 {
				t.Errorf("left at %d: %d directories are open", at, o)
			}
		}
	}
}

// A context that ends while a worker is inside a directory ends the reading.
func TestCancelInside(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"entry", "stat"} {
		for _, spill := range []int{0, 10} {
			ctx, cancel := context.WithCancel(t.Context())
			all := newListing(numbered(5000, "")...)
			sys := &made{root: "/r", list: func(string) *listing { return all }}
			s := with(tapped{sys, func(o, _ string) error {
				if o == op {
					cancel()
				}
				return nil
			}}, "/r", Options{Workers: 1, SpillNames: spill, SpillDir: t.TempDir()})
			if _, err := lines(ctx, s); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", op, err)
			}
			cancel()
			if sys.held != 0 {
				t.Errorf("%s: a directory is open", op)
			}
		}
	}
}
