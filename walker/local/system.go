package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// system is what a walk asks of the operating system. Tests put failures in.
// Errors are those of the os package or bare errnos; whoever calls adds what
// was done to which name.
type system interface {
	// open opens a directory, through links.
	open(path string) (handle, error)
}

// handle is an open directory. It is used by one goroutine at a time.
type handle interface {
	// id returns what tells the directory from others.
	id() (fileID, error)
	// names calls add for each name but "." and "..", in no order, and ends
	// with the first error of its own or of add. name is reused.
	names(add func(name []byte, k kind) error) error
	// stat examines a name; where follow is set, what a link leads to.
	stat(name string, follow bool) (info, error)
	close()
}

// info is what is known of a name.
type info struct {
	kind kind
	size int64
	// sec and nsec are the time of modification, since 1970.
	sec, nsec int64
	// denied says that a file cannot be opened for reading.
	denied bool
}

// fileID tells directories apart; which of its fields are used is a matter of
// the system.
type fileID struct {
	dev, ino uint64
	info     fs.FileInfo
}

func (a fileID) same(b fileID) bool {
	if a.info != nil && b.info != nil {
		return os.SameFile(a.info, b.info)
	}
	return a.dev == b.dev && a.ino == b.ino
}

// portable is the system by means of package os alone. It does not look for
// files that cannot be read: that shows where they are opened.
type portable struct{}

func (portable) open(path string) (handle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &portableDir{f: f, path: path}, nil
}

type portableDir struct {
	f    *os.File
	path string
	name []byte
}

func (d *portableDir) id() (fileID, error) {
	fi, err := d.f.Stat()
	return fileID{info: fi}, err
}

func (d *portableDir) names(add func([]byte, kind) error) error {
	// As many as one call of the system gives, so that a directory of millions
	// is not held as a slice of entries.
	const batch = 1024
	for {
		entries, err := d.f.ReadDir(batch)
		for _, e := range entries {
			d.name = append(d.name[:0], e.Name()...)
			if err := add(d.name, kindOf(e.Type())); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *portableDir) stat(name string, follow bool) (info, error) {
	look := os.Lstat
	if follow {
		look = os.Stat
	}
	fi, err := look(filepath.Join(d.path, name))
	if err != nil {
		return info{}, err
	}
	mtime := fi.ModTime()
	return info{kind: kindOf(fi.Mode()), size: fi.Size(), sec: mtime.Unix(), nsec: int64(mtime.Nanosecond())}, nil
}

func (d *portableDir) close() { _ = d.f.Close() } // nothing was written

func kindOf(m fs.FileMode) kind {
	switch {
	case m.IsRegular():
		return kindFile
	case m.IsDir():
		return kindDir
	case m&fs.ModeSymlink != 0, m&fs.ModeType == fs.ModeIrregular:
		// Irregular is what package os calls the mount points of Windows,
		// which lead elsewhere as a link does.
		return kindLink
	}
	return kindSpecial
}
