package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	metaBucket   = "meta"
	recordBucket = "records"
	headerKey    = "header"

	suffix        = ".journal"
	damagedSuffix = ".journal.damaged"

	// A look by List has the lock too, for much less than all the tries.
	lockTries = 25
	lockPause = 10 * time.Millisecond
)

// openLocked opens a file and takes its lock: ErrLocked where somebody has it.
// What it returns is the file that has the name at that time.
func openLocked(path string, flag int, exclusive bool) (*os.File, error) {
	tries := lockTries
	if !exclusive { // for a look: whoever has the lock will keep it
		tries = 2
	}
	for try := 1; ; try++ {
		f, err := os.OpenFile(path, flag, 0o600)
		if err != nil {
			return nil, err
		}
		mine, err := lockNamed(f, path, exclusive)
		if mine {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if try == tries {
			return nil, fmt.Errorf("%s: %w", path, ErrLocked)
		}
		time.Sleep(lockPause)
	}
}

// lockNamed locks f, and says false where it cannot have it or where the path
// names another file by now: whoever had the lock before has removed it.
func lockNamed(f *os.File, path string, exclusive bool) (bool, error) {
	have, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !have.Mode().IsRegular() {
		return false, fmt.Errorf("%s is not a regular file", path)
	}
	if ok, err := tryLock(f, exclusive); err != nil || !ok {
		if err != nil {
			err = fmt.Errorf("locking %s: %w", path, err)
		}
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(have, named), err
}

// readAll returns the bytes of a file. An empty one is that of a process that
// was killed before it wrote the first byte.
func readAll(f *os.File) ([]byte, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > maxImage {
		return nil, damaged("it has %d bytes", st.Size())
	}
	raw := make([]byte, st.Size())
	if n, err := f.ReadAt(raw, 0); n < len(raw) {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return raw, nil
}

// load reads a file that is locked.
func load(f *os.File) (content, error) {
	raw, err := readAll(f)
	if err != nil || len(raw) == 0 {
		return content{}, err
	}
	return decode(raw)
}

// store is the open file of a journal.
type store struct {
	path string
	f    *os.File // the same that db has
	db   *bolt.DB
	// broken is set where bbolt has panicked: its locks are in no known state.
	broken bool
}

// openStore opens the file of a job, making it where create is set, and returns
// what an interrupted run has left in it. A damaged one is moved aside; why says
// so, and another takes its place, at once where create is set or there are
// directories to keep. Otherwise there is no store, until it is needed.
func openStore(path string, job Job, create bool) (s *store, old content, why, err error) {
	if create {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return nil, content{}, nil, err
		}
	}
	s, old, err = openOnce(path, job, create)
	if !errors.Is(err, errAside) || !errors.Is(err, ErrDamaged) {
		return s, old, nil, err
	}
	why, err = err, nil
	if _, none := os.Stat(directoriesOf(path)); create || none == nil {
		s, old, err = openOnce(path, job, true)
	}
	return s, old, why, err
}

// errAside says that a file was moved away.
var errAside = errors.New("it was moved aside")

func openOnce(path string, job Job, create bool) (*store, content, error) {
	flag := os.O_RDWR
	if create {
		flag |= os.O_CREATE
	}
	f, err := openLocked(path, flag, true)
	if err != nil {
		return nil, content{}, err
	}
	old, err := load(f)
	switch {
	case err == nil && old.made && old.job != job:
		err = fmt.Errorf("%s: %w: of %s %s to %s at %s; remove it if it is not needed", path, ErrForeign, old.job.Op, old.job.Src, old.job.Dst, old.job.Endpoint)
	case errors.Is(err, errNewer):
		err = fmt.Errorf("%s: %w; it stays as it is", path, err)
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrVersion):
		return nil, content{}, moveAside(f, path, err)
	}
	if err != nil {
		f.Close()
		return nil, content{}, err
	}
	if unlockForBolt {
		if err := unlock(f); err != nil {
			f.Close()
			return nil, content{}, fmt.Errorf("unlocking %s: %w", path, err)
		}
	}
	s := &store{path: path, f: f}
	if err := s.open(); errors.Is(err, ErrDamaged) {
		return nil, content{}, moveAside(f, path, err)
	} else if err != nil {
		return nil, content{}, err
	}
	if old.made {
		return s, old, nil
	}
	if err := s.start(job); err != nil {
		return nil, content{}, errors.Join(err, s.close(true)) // there is nothing in it
	}
	return s, old, nil
}

// moveAside takes the name of a journal from a file that is none, so that the
// next run has one again. It closes f.
func moveAside(f *os.File, path string, why error) error {
	to := path[:len(path)-len(suffix)] + damagedSuffix
	if !renameOpen {
		f.Close()
	}
	err := os.Rename(path, to)
	f.Close()
	if err != nil {
		return fmt.Errorf("%s: %w (and it cannot be moved aside: %w)", path, why, err)
	}
	return fmt.Errorf("%s: %w; %w, to %s: uploads that it knew of may be open still", path, why, errAside, filepath.Base(to))
}

// makeDir makes the directory of the journals, with a durable name.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the journals: %w", err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("making the directory of the journals: %w", err)
	}
	return nil
}

// guard calls fn, and returns as an error what bbolt panics with, and a fault
// of the memory that the file is mapped to: somebody has cut it off.
func guard(fn func() error) (panicked bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	panicked = true
	defer func() {
		if panicked {
			err = damaged("%v", recover())
		}
	}()
	err = fn()
	return false, err
}

// open gives the file to bbolt, which closes it where it fails.
func (s *store) open() error {
	panicked, err := guard(func() (err error) {
		s.db, err = bolt.Open(s.path, 0o600, &bolt.Options{
			Timeout:      lockTries * lockPause,
			PageSize:     pageSize,
			NoStatistics: true,
			OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return s.f, nil },
		})
		return err
	})
	if panicked { // and has the file mapped still, which would keep the lock
		err = errors.Join(err, unlock(s.f), s.f.Close())
	}
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.path, err)
	}
	return nil
}

// start writes the header of a new journal and makes its name durable.
func (s *store) start(job Job) error {
	h, err := seal([]byte(headerKey), headerJSON{
		Format: format, Created: toInstant(time.Now()),
		Endpoint: exact(job.Endpoint), Account: exact(job.Account), Op: exact(job.Op), Src: exact(job.Src), Dst: exact(job.Dst),
	})
	if err != nil {
		return fmt.Errorf("starting %s: %w", s.path, err)
	}
	err = s.update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists([]byte(recordBucket)); err != nil {
			return err
		}
		b, err := tx.CreateBucketIfNotExists([]byte(metaBucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(headerKey), h)
	})
	if err == nil {
		err = syncDir(filepath.Dir(s.path))
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", s.path, err)
	}
	return nil
}

func (s *store) update(fn func(*bolt.Tx) error) error {
	if s.broken {
		return damaged("it was given up")
	}
	panicked, err := guard(func() error { return s.db.Update(fn) })
	s.broken = panicked
	return err
}

// change is a record that is put, or with a nil value, deleted.
type change struct{ key, value []byte }

// apply commits changes in their order, with fsync.
func (s *store) apply(changes []change) error {
	err := s.update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(recordBucket))
		for _, c := range changes {
			var err error
			if c.value == nil {
				err = b.Delete(c.key)
			} else {
				err = b.Put(c.key, c.value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", s.path, err)
	}
	return nil
}

// close ends the lock. With remove set, the file goes while it is still held, so
// that nobody opens it in between, where that can be done.
func (s *store) close(remove bool) error {
	var errs []error
	if remove && renameOpen {
		errs = append(errs, os.Remove(s.path))
	}
	if s.broken {
		// Its mapping stays until the process ends: bbolt's Close may wait for ever.
		errs = append(errs, unlock(s.f), s.f.Close())
	} else {
		errs = append(errs, s.db.Close())
	}
	if remove && !renameOpen {
		errs = append(errs, os.Remove(s.path))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing %s: %w", s.path, err)
	}
	return nil
}
