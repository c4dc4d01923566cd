package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// told is a Sink that keeps warnings and notices.
type told struct {
	mu  sync.Mutex
	all []string
}

func (s *told) Report(e report.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case report.Warning:
		s.all = append(s.all, "skip "+e.Key)
	case report.Notice:
		s.all = append(s.all, "warn "+e.Key)
	default:
	}
}

// resolved is what passes of keys, and what was said.
func resolved(c *clashes, keys ...string) (passed []string, said []string, err error) {
	sink := &told{}
	c.r.sink = sink
	for a, aerr := range c.resolve(func(yield func(plan.Action, error) bool) {
		for _, key := range keys {
			reason := plan.New
			if k, ok := strings.CutPrefix(key, "="); ok {
				key, reason = k, plan.Size
			}
			if !yield(plan.Action{Op: plan.Transfer, Reason: reason, Key: key, Src: walker.Entry{Key: key}}, nil) {
				return
			}
		}
	}) {
		if aerr != nil {
			err = aerr
			break
		}
		passed = append(passed, a.Key)
	}
	return passed, sink.all, err
}

func clashing(t *testing.T, mode string, folds, composes, wholly bool) *clashes {
	t.Helper()
	dir := t.TempDir()
	r := &run{RunOptions: RunOptions{CaseConflict: mode}, e: &Engine{}, op: report.Download, src: Bucket("b", ""), dst: Dir(dir), wholly: wholly}
	r.from, r.to = r.src.names(), r.dst.names()
	r.e.SetFoldsCase(folds)
	c, err := r.newClashes()
	if err != nil {
		t.Fatal(err)
	}
	c.composes = composes
	c.spares = wholly && (folds || composes)
	return c
}

func TestCaseConflict(t *testing.T) {
	keys := []string{"A", "B", "a", "dir/É", "dir/é", "ſ", "s", "=b", "c"}
	for mode, want := range map[string]string{
		"":       "[A B a dir/É dir/é ſ s b c] []",
		"ignore": "[A B a dir/É dir/é ſ s b c] []",
		"warn":   "[A B a dir/É dir/é ſ s b c] [warn a warn dir/é warn s]",
		"skip":   "[A B dir/É ſ b c] [skip a skip dir/é skip s]",
	} {
		passed, said, err := resolved(clashing(t, mode, false, false, false), keys...)
		if got := fmt.Sprint(passed, " ", said); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", mode, got, err, want)
		}
	}
	passed, _, err := resolved(clashing(t, "error", false, false, false), keys...)
	if fmt.Sprint(passed) != "[A B]" || err == nil || !strings.Contains(err.Error(), "s3://b/a") {
		t.Errorf("error: %v, %v", passed, err)
	}
}

// Where names are folded, what is on the disk by another name is a conflict as
// well; where they are not, it is another file.
func TestCaseConflictOnDisk(t *testing.T) {
	for _, folds := range []bool{false, true} {
		c := clashing(t, "skip", folds, false, false)
		// A file system that folds would answer for any case of the name.
		if err := os.WriteFile(filepath.Join(c.r.dst.path, "a"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		passed, said, err := resolved(c, "a", "b")
		want := "[a b] []"
		if folds {
			want = "[b] [skip a]"
		}
		if got := fmt.Sprint(passed, " ", said); got != want || err != nil {
			t.Errorf("folds %v: %s, %v", folds, got, err)
		}
	}
}

// Unicode forms of one name are one file on some systems, and two on others.
func TestUnicodeForms(t *testing.T) {
	composed, decomposed := "\u00e9", "e\u0301"
	for _, composes := range []bool{false, true} {
		passed, said, err := resolved(clashing(t, "", false, composes, false), "d/"+decomposed, "d/"+composed, "e", "x"+composed)
		want := []string{"d/" + decomposed, "d/" + composed, "e", "x" + composed}
		if composes {
			want = slices.Delete(want, 1, 2)
		}
		if !slices.Equal(passed, want) || err != nil || composes != slices.Equal(said, []string{"skip d/" + composed}) {
			t.Errorf("composes %v: %q, %q, %v", composes, passed, said, err)
		}
	}
}

// A file that has another name than its object is not deleted for the want of one.
func TestOtherNamesOfAFileAreSpared(t *testing.T) {
	for _, q := range []struct {
		folds, composes, wholly bool
		want                    string
	}{
		{false, false, true, "[]"},
		{true, false, true, "[A]"},
		{false, true, true, "[e\u0301]"},
		{true, true, true, "[A e\u0301]"},
		{true, true, false, "[]"},
	} {
		c := clashing(t, "", q.folds, q.composes, q.wholly)
		for _, key := range []string{"a", "\u00e9"} {
			c.pass(key)
		}
		spared := []string{}
		for _, key := range []string{"A", "b", "e\u0301"} {
			if c.has(key) {
				spared = append(spared, key)
			}
		}
		if got := fmt.Sprint(spared); got != q.want {
			t.Errorf("%+v: %s", q, got)
		}
		if !q.wholly && len(c.there) != 0 {
			t.Error("names are kept without need")
		}
	}
}

// What is found out about a directory is what it does, whatever its names, and
// nothing is left in it.
func TestFoldsCase(t *testing.T) {
	above := t.TempDir()
	write := func(name string) string {
		name = filepath.Join(above, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(name)
	}
	letters, digits := write("letters/Probe"), write("Digits/1")
	_, err := os.Lstat(filepath.Join(letters, "pROBE"))
	want := err == nil
	for _, dir := range []string{letters, digits} {
		if got, err := foldsCase(dir); got != want || err != nil {
			t.Errorf("%s folds: %v, %v", dir, got, err)
		}
		if left, err := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("left %v, %v", left, err)
		}
	}
	if !want { // both cases of a name are no sign of it
		write("letters/pROBE")
		if got, err := foldsCase(letters); got || err != nil {
			t.Errorf("with both cases: %v, %v", got, err)
		}
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(above, "absent")} {
		if got, err := foldsCase(dir); got || err != nil {
			t.Errorf("%s: %v, %v", dir, got, err)
		}
	}
	if _, err := foldsCase(filepath.Join(letters, "Probe")); err == nil {
		t.Error("a file was taken for a directory")
	}
}

// In a move no two keys share a file, whatever is asked for: the second stays where
// it is. What was there before the run is another matter.
func TestCaseConflictOfAMove(t *testing.T) {
	keys := []string{"A", "=a", "B", "straße", "STRASSE", "e\u0301", "\u00c9", "x\u200dy", "xy"}
	for _, folds := range []bool{false, true} {
		for _, mode := range []string{"", "ignore", "warn", "skip"} {
			c := clashing(t, mode, folds, false, false)
			c.r.mover = &mover{}
			again, err := c.r.newClashes()
			if err != nil {
				t.Fatal(err)
			}
			passed, said, err := resolved(again, keys...)
			want := "[A a B straße STRASSE e\u0301 \u00c9 x\u200dy xy] []"
			if folds {
				want = "[A B straße e\u0301 x\u200dy] [skip a skip STRASSE skip \u00c9 skip xy]"
			}
			if got := fmt.Sprint(passed, " ", said); got != want || err != nil {
				t.Errorf("%q, folds %v: %s, %v", mode, folds, got, err)
			}
		}
	}
	c := clashing(t, "error", true, false, false)
	c.r.mover = &mover{}
	c, err := c.r.newClashes()
	if err != nil {
		t.Fatal(err)
	}
	if passed, _, err := resolved(c, "A", "=a"); len(passed) != 1 || !errors.Is(err, ErrCaseConflict) {
		t.Errorf("error: %v, %v", passed, err)
	}
}

// Where forms are one, a file that is kept has its name as one that is written.
func TestUnicodeFormsOfWhatIsKept(t *testing.T) {
	for _, composes := range []bool{false, true} {
		c := clashing(t, "", false, composes, false)
		c.r.sink = &told{}
		s := &syncing{run: c.r, clash: c, deletes: newDeletes()}
		defer func() {
			if err := s.deletes.close(); err != nil {
				t.Error(err)
			}
		}()
		for a, err := range s.sort(func(yield func(plan.Action, error) bool) {
			yield(plan.Action{Op: plan.Keep, Key: "e\u0301"}, nil)
		}) {
			t.Errorf("%q passed, %v", a.Key, err)
		}
		passed, _, err := resolved(c, "\u00e9")
		if (len(passed) == 0) != composes || err != nil {
			t.Errorf("composes %v: %q, %v", composes, passed, err)
		}
	}
}

// Of an empty directory it is found out with a file, of which nothing is left; what
// vanishes meanwhile and temporary names are not asked for.
func TestFoldsCaseHere(t *testing.T) {
	dir := t.TempDir()
	folds, err := foldsCaseHere(dir)
	if left, rerr := os.ReadDir(dir); len(left) != 0 || rerr != nil || err != nil {
		t.Errorf("left %v, %v; %v", left, rerr, err)
	}
	temp := local.TempName(1)
	if err := os.WriteFile(filepath.Join(dir, "Probe"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, found, err := foldsOneOf(dir, []string{"1", "gone", temp, "Probe"})
	if got != folds || !found || err != nil {
		t.Errorf("folds %v: %v, %v, %v", folds, got, found, err)
	}
	if err := os.WriteFile(filepath.Join(dir, temp), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, found, err := foldsOneOf(dir, []string{temp}); found || err != nil {
		t.Errorf("a temporary name: %v, %v", found, err)
	}
	if _, err := foldsCaseHere(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}
