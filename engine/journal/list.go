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
	i := Info{Path: path, Changed: changed(path)}
	f, err := openLocked(path, os.O_RDONLY, false)
	if err != nil {
		i.Err = err
		return i
	}
	defer f.Close()
	i.read(f)
	return i
}

// isAside says whether a journal was moved aside: what stands beside it is of
// another then.
func isAside(path string) bool { return strings.HasSuffix(path, damagedSuffix) }

// changed is when a journal was last written to.
func changed(path string) (at time.Time) {
	files := []string{path, directoriesOf(path)}
	if isAside(path) {
		files = files[:1]
	}
	for _, file := range files {
		if st, err := os.Stat(file); err == nil && st.ModTime().After(at) {
			at = st.ModTime()
		}
	}
	return at
}

// read reads the journal, of which f is the file, and locked.
func (i *Info) read(f *os.File) {
	c, err := load(f)
	if err != nil {
		i.Err = fmt.Errorf("%s: %w", i.Path, err)
		return
	}
	i.Job, i.Records = c.job, c.records
	switch {
	case isAside(i.Path):
		i.Err = fmt.Errorf("%s: %w: it was moved aside", i.Path, ErrDamaged)
	case c.made && c.job.name()+suffix != filepath.Base(i.Path):
		i.Err = fmt.Errorf("%s: %w than its name says", i.Path, ErrForeign)
	default:
		temps := directories{path: directoriesOf(i.Path)}
		i.Directories, i.Err = temps.read()
	}
}

// Take takes a journal that List has found away from other processes, and reads
// it once more, since more may have been written to it, or less be left. Until
// release is called, nobody else has it; release(true) removes it as well. Errors
// are ErrLocked where a living process has it, fs.ErrNotExist where it is gone, and
// those of the file system. What is wrong with its content is in the Err of the
// Info instead. It takes nothing that is not called as a journal.
func Take(info Info) (now Info, release func(remove bool) error, err error) {
	path := info.Path
	if !isName(filepath.Base(path)) {
		return Info{}, nil, fmt.Errorf("taking a journal: %s is not called as one", path)
	}
	f, err := openLocked(path, os.O_RDWR, true)
	if err != nil {
		return Info{}, nil, fmt.Errorf("taking a journal: %w", err)
	}
	now = Info{Path: path, Changed: changed(path)}
	now.read(f)
	return now, func(remove bool) error {
		if !remove {
			return f.Close()
		}
		if err := removeTaken(f, path); err != nil {
			return fmt.Errorf("removing a journal: %w", err)
		}
		return nil
	}, nil
}

// removeTaken removes a journal, of which f is the file, and locked. It closes f.
func removeTaken(f *os.File, path string) error {
	defer f.Close()
	if !isAside(path) {
		temps := directories{path: directoriesOf(path)}
		if err := temps.close(true); err != nil {
			return err
		}
	}
	if !renameOpen {
		f.Close()
	}
	return os.Remove(path)
}
