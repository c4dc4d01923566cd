package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	dir := t.TempDir()
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	made := func(o Job, day int) string {
		j := Open(Options{Dir: dir, Job: o})
		mustIntend(t, j, record("a"))
		if day == 2 {
			mustTemporary(t, j, "/d")
		}
		if err := j.Close(false); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, o.name()+suffix)
		for _, p := range []string{path, directoriesOf(path)} {
			if exists(p) {
				if err := os.Chtimes(p, at(day), at(day)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return path
	}
	second := made(Job{Op: "download", Src: "2"}, 2)
	first := made(Job{Op: "upload", Src: "1"}, 1)
	broken := made(Job{Src: "3"}, 3)
	write(t, broken, []byte("no journal"))
	os.Chtimes(broken, at(3), at(3))
	asideOf := made(Job{Src: "4"}, 4)
	aside := strings.TrimSuffix(asideOf, suffix) + damagedSuffix
	if err := os.Rename(asideOf, aside); err != nil {
		t.Fatal(err)
	}
	misnamed := filepath.Join(dir, strings.Repeat("f", nameLength)+suffix)
	if err := os.Rename(made(Job{Src: "5"}, 5), misnamed); err != nil {
		t.Fatal(err)
	}
	held := made(Job{Op: "copy", Src: "6"}, 6)
	j := Open(Options{Dir: dir, Job: Job{Op: "copy", Src: "6"}})
	defer j.Close(false)
	write(t, filepath.Join(dir, "notes.journal"), []byte("not ours"))
	write(t, filepath.Join(dir, "other"), []byte("not ours"))

	before := map[string]time.Time{}
	for _, p := range []string{first, second, broken, aside, misnamed, held} {
		before[p] = modTime(t, p)
	}
	got, err := List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		path          string
		op            string
		records, dirs int
		err           error
	}
	want := []brief{
		{first, "upload", 1, 0, nil},
		{second, "download", 1, 1, nil},
		{broken, "", 0, 0, ErrDamaged},
		{aside, "", 1, 0, ErrDamaged},
		{misnamed, "", 1, 0, ErrForeign},
		{held, "", 0, 0, ErrLocked},
	}
	if len(got) != len(want) {
		t.Fatalf("%d journals: %+v", len(got), got)
	}
	for i, w := range want {
		g := got[i]
		if (brief{g.Path, g.Job.Op, len(g.Records), len(g.Directories), w.err}) != w || !errors.Is(g.Err, w.err) || (w.err == nil) != (g.Err == nil) {
			t.Errorf("%d: %+v, want %+v", i, g, w)
		}
		if !g.Changed.Equal(before[g.Path]) {
			t.Errorf("%s changed at %v, want %v", g.Path, g.Changed, before[g.Path])
		}
		if len(g.Records) > 0 && !reflect.DeepEqual(g.Records[0], record("a")) {
			t.Errorf("%d: %+v", i, g.Records)
		}
		if now := modTime(t, g.Path); !now.Equal(before[g.Path]) {
			t.Errorf("%s was changed", g.Path)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := List(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("List of a cancelled context: %v", err)
	}
}

func modTime(t *testing.T, path string) time.Time {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return st.ModTime()
}

func TestListOfNothing(t *testing.T) {
	if got, err := List(t.Context(), filepath.Join(t.TempDir(), "none")); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, nil)
	if _, err := List(t.Context(), file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file in its place: %v", err)
	}
}

// A look at a journal does not keep a run from it.
func TestListBesideOpen(t *testing.T) {
	dir, _ := grown(t, 3)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := List(t.Context(), dir); err != nil {
				t.Errorf("List: %v", err)
			}
		})
		j, tr := open(t, dir)
		if n := len(j.Unclaimed()); n != 3 {
			t.Errorf("%d records, told %q", n, tr.errs)
		}
		j.Close(false)
		wg.Wait()
	}
}

// What is taken is what is there now, and nobody else's until it is released.
func TestTake(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	mustIntend(t, j, record("a"))
	old := look(fileOf(dir))
	if _, _, err := Take(old); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fileOf(dir)) {
		t.Errorf("of a living process: %v", err)
	}
	mustIntend(t, j, record("b"))
	mustTemporary(t, j, "/d")
	j.Close(false)
	for _, remove := range []bool{false, true} {
		now, release, err := Take(old)
		if err != nil {
			t.Fatal(err)
		}
		if now.Err != nil || len(now.Records) != 2 || len(now.Directories) != 1 || now.Job != job() {
			t.Errorf("%+v", now)
		}
		late, tr := open(t, dir)
		checkOff(t, late)
		tr.want(t, ErrLocked)
		if err := release(remove); err != nil {
			t.Error(err)
		}
		if exists(fileOf(dir)) == remove {
			t.Errorf("removed: %v", !remove)
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left: %v, %v", names, err)
	}
	if _, _, err := Take(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
}

func TestTakeOfWhatIsNone(t *testing.T) {
	dir, hash := t.TempDir(), strings.Repeat("0", nameLength)
	aside, beside := filepath.Join(dir, hash+damagedSuffix), filepath.Join(dir, hash+directoriesSuffix)
	write(t, aside, []byte("x"))
	write(t, beside, []byte("of another"))
	now, release, err := Take(Info{Path: aside})
	if err != nil || !errors.Is(now.Err, ErrDamaged) {
		t.Fatalf("of one that was moved aside: %+v, %v", now, err)
	}
	if err := release(true); err != nil || exists(aside) || !exists(beside) {
		t.Errorf("%v; it is there: %v; what is beside it: %v", err, exists(aside), exists(beside))
	}
	for _, name := range []string{"precious", "precious.journal", hash, hash + directoriesSuffix} {
		path := filepath.Join(dir, name)
		write(t, path, nil)
		if _, _, err := Take(Info{Path: path}); err == nil || !exists(path) {
			t.Errorf("Take(%s) = %v", name, err)
		}
	}
}
