package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const directoriesSuffix = ".directories"

// directories are those of temporary files, one a line in a file of their own
// beside the journal: there may be one for each few small files, and they need not
// survive a crash of the machine, so an append without fsync does, where a commit
// of bbolt would cost two fsyncs. A line that is torn is passed over.
//
// The journal's lock is theirs too.
type directories struct {
	path string

	mu sync.Mutex
	f  *os.File // nil until the first is added
}

func directoriesOf(journal string) string {
	return strings.TrimSuffix(journal, suffix) + directoriesSuffix
}

// line is what is written of a directory. Its sum is that of the file's name as
// well: what stands in it is no other job's.
func (d *directories) line(dir string) []byte {
	quoted := strconv.Quote(dir)
	sum := sumOf([]byte(filepath.Base(d.path)), []byte(quoted))
	// A line that was cut off ends here.
	return fmt.Appendf(nil, "\n%0*x %s\n", 2*crc32.Size, sum, quoted)
}

func (d *directories) add(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.f == nil {
		f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("opening the directories of a journal: %w", err)
		}
		d.f = f
	}
	if _, err := d.f.Write(d.line(dir)); err != nil {
		return fmt.Errorf("writing the directories of a journal: %w", err)
	}
	return nil
}

// read returns what is in the file, each once, in their order.
func (d *directories) read() ([]string, error) {
	st, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && (!st.Mode().IsRegular() || st.Size() > maxImage) {
		err = fmt.Errorf("%s is none", d.path)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(d.path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the directories of a journal: %w", err)
	}
	var dirs []string
	seen := map[string]bool{}
	for text := range bytes.Lines(b) {
		text = bytes.TrimSuffix(text, []byte("\n"))
		_, quoted, _ := bytes.Cut(text, []byte(" "))
		dir, err := strconv.Unquote(string(quoted))
		if err != nil || seen[dir] || !bytes.Equal(text, bytes.TrimSpace(d.line(dir))) {
			continue
		}
		seen[dir] = true
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// close closes the file; with remove set, it goes.
func (d *directories) close(remove bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.f != nil {
		err = d.f.Close()
	}
	if remove {
		if gone := os.Remove(d.path); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	if err != nil {
		return fmt.Errorf("closing the directories of a journal: %w", err)
	}
	return nil
}

// Temporary writes down that temporary files are made in a directory, by its
// absolute path, before the first of them is: once for each directory. It
// survives the end of the process when it returns. False means that there is no
// journal. The error is that of ctx.
func (j *Journal) Temporary(ctx context.Context, dir string) (bool, error) {
	j.mu.Lock()
	if b := j.dirs[dir]; b != nil {
		j.mu.Unlock()
		return b.wait(ctx)
	}
	if j.off || j.closed || ctx.Err() != nil {
		j.mu.Unlock()
		return false, ctx.Err()
	}
	if j.store == nil {
		b := j.batch()
		b.dirs = append(b.dirs, dir)
		j.dirs[dir] = b
		j.nudge(true)
		j.mu.Unlock()
		return b.wait(ctx)
	}
	b := &batch{done: make(chan struct{})}
	j.dirs[dir] = b
	j.mu.Unlock()
	if b.err = j.temps.add(dir); b.err != nil {
		j.fail(b.err)
	}
	close(b.done)
	return b.err == nil, nil
}

// Directories are those of Temporary in the interrupted run.
func (j *Journal) Directories() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.oldDirs...)
}
