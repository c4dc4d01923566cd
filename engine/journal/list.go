package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// nameLength is that of Job.name.
const nameLength = 32

// Info is what List says of a journal.
type Info struct {
	// Path is that of its file.
	Path string
	Job  Job
	// Changed is when it was last written to.
	Changed time.Time
	// Records are what is under way; not known where Err says why.
	Records     []Record
	Directories []string
	// Err is ErrLocked where a living process has it, or says what is wrong with it.
	Err error
}

// List looks at all journals of a directory, the oldest first. It changes
// nothing. A directory that is not there has none. Those that were moved aside
// are there, too, with ErrDamaged or ErrVersion. The error is that of ctx or of
// reading the directory.
func List(ctx context.Context, dir string) ([]Info, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the journals: %w", err)
	}
	var all []Info
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("listing the journals: %w", err)
		}
		if !isName(n.Name()) {
			continue
		}
		i := look(filepath.Join(dir, n.Name()))
		if !errors.Is(i.Err, fs.ErrNotExist) { // its job has just ended
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b Info) int {
		return cmp.Or(a.Changed.Compare(b.Changed), cmp.Compare(a.Path, b.Path))
	})
	return all, nil
}

// isName says whether a file is called as a journal is.
func isName(base string) bool {
	hash, ok := strings.CutSuffix(base, suffix)
	if !ok {
		hash, ok = strings.CutSuffix(base, damagedSuffix)
	}
	return ok && len(hash) == nameLength && strings.Trim(hash, "0123456789abcdef") == ""
}

// look reads one journal.
func look(path string) Info {
	i := Info{Path: path}
	aside := strings.HasSuffix(path, damagedSuffix)
	temps := directories{path: directoriesOf(path)}
	for _, p := range []string{path, temps.path} {
		if st, err := os.Stat(p); err == nil && st.ModTime().After(i.Changed) && (p == path || !aside) {
			i.Changed = st.ModTime()
		}
	}
	f, err := openLocked(path, os.O_RDONLY, false)
	if err != nil {
		i.Err = err
		return i
	}
	defer f.Close()
	c, err := load(f)
	if err != nil {
		i.Err = fmt.Errorf("%s: %w", path, err)
		return i
	}
	i.Job, i.Records = c.job, c.records
	switch {
	case aside:
		i.Err = fmt.Errorf("%s: %w: it was moved aside", path, ErrDamaged)
	case c.made && c.job.name()+suffix != filepath.Base(path):
		i.Err = fmt.Errorf("%s: %w than its name says", path, ErrForeign)
	default:
		i.Directories, i.Err = temps.read()
	}
	return i
}

// Remove removes a journal that List has found, unless a living process has
// it: ErrLocked. It removes nothing that is not called as one.
func Remove(path string) error {
	if !isName(filepath.Base(path)) {
		return fmt.Errorf("removing a journal: %s is not called as one", path)
	}
	f, err := openLocked(path, os.O_RDWR, true)
	if err != nil {
		return fmt.Errorf("removing a journal: %w", err)
	}
	defer f.Close()
	if strings.HasSuffix(path, suffix) {
		temps := directories{path: directoriesOf(path)}
		if err := temps.close(true); err != nil {
			return fmt.Errorf("removing a journal: %w", err)
		}
	}
	if !renameOpen {
		f.Close()
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing a journal: %w", err)
	}
	return nil
}
