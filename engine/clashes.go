package engine

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// What RunOptions.CaseConflict may be.
const (
	caseIgnore = "ignore"
	caseWarn   = "warn"
	caseSkip   = "skip"
	caseError  = "error"
)

// Why one of two objects cannot have a file of its own.
var (
	// ErrCaseConflict: their names differ in case only.
	ErrCaseConflict = errors.New("A file whose name differs only by case either exists or is being downloaded.")
	errOneForm      = errors.New("A file whose name differs only in its Unicode form is being downloaded, and here both are one file.")
)

// clashes finds the objects of a download of a tree whose names the file system,
// or CaseConflict, takes for one. What it remembers of a name is a hash of 64
// bits, in a map: some 20 bytes a name. It remembers those of new files where
// CaseConflict asks for it, those with other characters than ASCII's where Unicode
// forms are one, and all of the source where names are folded and files are
// deleted, or it is moved.
type clashes struct {
	r *run
	// folds and composes say that the file system takes names that differ in case,
	// or in their Unicode form, for one.
	folds, composes bool
	// onDisk says that what is there has a say in CaseConflict.
	onDisk bool
	// spares says that a file may be deleted under another name than it has in S3.
	spares bool
	// moves says that two objects that meet in one file would leave one of them: a
	// move removes both from the source.
	moves bool

	seed  maphash.Seed
	cases map[uint64]struct{}
	forms map[uint64]struct{}
	// there are all names of the source.
	there map[uint64]struct{}
}

// newClashes looks at what the target directory is like, where that matters.
func (r *run) newClashes() (*clashes, error) {
	c := &clashes{
		r: r, composes: runtime.GOOS == "darwin", seed: maphash.MakeSeed(),
		cases: map[uint64]struct{}{}, forms: map[uint64]struct{}{}, there: map[uint64]struct{}{},
	}
	asked := r.CaseConflict != "" && r.CaseConflict != caseIgnore
	if !r.dst.local() || r.dst.one || r.src.local() || !asked && !r.wholly && r.mover == nil {
		return c, nil
	}
	probe := foldsCase
	if r.mover != nil && !r.DryRun {
		probe = foldsCaseHere
	}
	if r.e.foldsCase != nil {
		probe = r.e.foldsCase
	}
	var err error
	if c.folds, err = probe(r.dst.path); err != nil {
		return nil, fmt.Errorf("finding out whether %s tells upper case from lower case: %w", r.dst.path, err)
	}
	c.onDisk = asked && c.folds
	c.spares = r.wholly && (c.folds || c.composes)
	c.moves = r.mover != nil && c.folds
	return c, nil
}

// looksAt is how many names of a directory are tried for one that has a case.
const looksAt = 1000

// foldsCase says whether two names that differ in case are one in dir. It asks
// for one of its names in another case, and for its own where none has any; what
// a file made to find out would leave behind, if this process is killed, nobody
// would remove. Of a directory that is empty, or not there, it does not matter.
func foldsCase(dir string) (bool, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	names, err := f.Readdirnames(looksAt)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if folds, found, err := foldsOneOf(dir, names); found || err != nil {
		return folds, err
	}
	own, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	return sameName(own, filepath.Join(filepath.Dir(own), otherCase(filepath.Base(own))))
}

// foldsOneOf asks for the first of names that has a case and stays what it is:
// others may be at work in dir.
func foldsOneOf(dir string, names []string) (folds, found bool, err error) {
	for _, name := range names {
		other := otherCase(name)
		if other == name || local.IsTemp(name) {
			continue
		}
		folds, err = sameName(filepath.Join(dir, name), filepath.Join(dir, other))
		if !errors.Is(err, fs.ErrNotExist) {
			return folds, err == nil, err
		}
	}
	return false, false, nil
}

// foldsCaseHere is foldsCase for a dir where it always matters. Its own name is
// one of the directory above, which may be of another file system: so a file is
// made where dir has no name to ask for. Should this process be killed just then,
// it is one of those that every walk leaves out.
func foldsCaseHere(dir string) (bool, error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	names, err := f.Readdirnames(looksAt)
	if err = errors.Join(err, f.Close()); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if folds, found, err := foldsOneOf(dir, names); found || err != nil {
		return folds, err
	}
	name := local.TempName(rand.Uint64())
	probe, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false, err
	}
	folds, err := sameName(probe.Name(), filepath.Join(dir, otherCase(name)))
	return folds, errors.Join(err, probe.Close(), os.Remove(probe.Name()))
}

// otherCase is name with its ASCII letters in the other case.
func otherCase(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, name)
}

func sameName(name, other string) (bool, error) {
	if name == other {
		return false, nil
	}
	a, err := os.Lstat(name)
	if err != nil {
		return false, err
	}
	b, err := os.Lstat(other)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(a, b), nil
}

// hash is that of what the file system, or CaseConflict, sees of a name. Systems
// that fold do it in several ways. In a move two names that might be one are.
func (c *clashes) hash(name string, fold bool) uint64 {
	if c.moves && !ascii(name) {
		name = longForms().Replace(norm.NFD.String(strings.Map(visible, name)))
	}
	if c.composes {
		name = norm.NFC.String(name)
	}
	if fold {
		name = strings.Map(folded, name)
	}
	return maphash.String(c.seed, name)
}

// visible leaves out what some systems do not see.
func visible(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// longForms writes what has no simple counterpart of the other case as some systems
// do (status F of Unicode's CaseFolding.txt, of what has no parts).
func longForms() *strings.Replacer {
	return strings.NewReplacer("ß", "ss", "ẞ", "ss", "ŉ", "ʼn", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl",
		"ﬅ", "st", "ﬆ", "st", "և", "եւ", "ﬓ", "մն", "ﬔ", "մե", "ﬕ", "մի", "ﬖ", "վն", "ﬗ", "մխ")
}

// folded is the same rune for all that differ in case only.
func folded(r rune) rune {
	if r < utf8.RuneSelf {
		return unicode.ToLower(r)
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return unicode.ToLower(least)
}

// once says whether a hash is new to a set, and adds it.
func once(set map[uint64]struct{}, h uint64) bool {
	if _, ok := set[h]; ok {
		return false
	}
	set[h] = struct{}{}
	return true
}

// pass is told of each key that the source has.
func (c *clashes) pass(key string) {
	if c.spares {
		c.there[c.hash(key, c.folds)] = struct{}{}
	}
}

// keep is told of each key whose file is left as it is.
func (c *clashes) keep(key string) {
	if c.composes && !ascii(key) {
		c.forms[c.hash(key, false)] = struct{}{}
	}
}

// has says that a file that is due to be deleted is one that the source has, by
// another name.
func (c *clashes) has(key string) bool {
	if !c.spares {
		return false
	}
	_, ok := c.there[c.hash(key, c.folds)]
	return ok
}

// resolve passes on what can have a file of its own.
func (c *clashes) resolve(all actions) actions {
	r := c.r
	asked := r.CaseConflict != "" && r.CaseConflict != caseIgnore
	if !r.dst.local() || r.dst.one || !asked && !c.composes && !c.moves {
		return all
	}
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			if err == nil && a.Op != plan.Delete {
				var pass bool
				if pass, err = c.decide(a, asked); err == nil && !pass {
					continue
				}
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// decide says whether a is to be carried out; an error ends the run.
func (c *clashes) decide(a plan.Action, asked bool) (bool, error) {
	if c.composes && !ascii(a.Key) && !once(c.forms, c.hash(a.Key, false)) {
		c.skip(a, errOneForm)
		return false, nil
	}
	r := c.r
	meets := false // another key of the run
	if c.moves || asked && a.Reason == plan.New {
		meets = !once(c.cases, c.hash(a.Key, true))
	}
	switch {
	case meets && c.moves && r.CaseConflict != caseError:
		c.skip(a, ErrCaseConflict)
		return false, nil
	case !meets && (!asked || a.Reason != plan.New || !c.exists(a.Key)):
		return true, nil
	}
	switch r.CaseConflict {
	case caseError:
		return false, fmt.Errorf("%s to %s: %w", r.from.of(a.Key), r.to.of(a.Key), ErrCaseConflict)
	case caseWarn:
		r.sink.Report(report.Event{
			Kind: report.Notice, Op: r.op, Key: a.Key, Src: r.from.of(a.Key),
			Err: fmt.Errorf("downloading %s to %s all the same: %w", r.from.of(a.Key), r.to.of(a.Key), ErrCaseConflict),
		})
		return true, nil
	}
	c.skip(a, ErrCaseConflict)
	return false, nil
}

// exists says that there is a file of that name by another one: the listing of
// what is there does not have this one.
func (c *clashes) exists(key string) bool {
	if !c.onDisk {
		return false
	}
	fi, err := os.Lstat(c.r.dst.file(key))
	return err == nil && !fi.IsDir()
}

func (c *clashes) skip(a plan.Action, why error) {
	c.r.skipped(&walker.Skipped{Key: a.Key, Path: c.r.from.of(a.Key), Err: why})
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
