package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// outFile is a file that a run writes beside its output. It has another name,
// with ".partial" behind it, until the run has ended: so what an earlier run has
// left is there until then, and a crash leaves what was written.
type outFile struct {
	flag, path, partial string
	file                *os.File
	console             *report.Console
}

// newOutFile makes the file of a flag. What is there already is replaced only
// where its first line is ours.
func newOutFile(flag, path string, ours func(line []byte) bool) (*outFile, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename would replace the link
	}
	o := &outFile{flag: flag, path: path, partial: path + ".partial"}
	for _, name := range []string{o.path, o.partial} {
		if err := replaceable(flag, name, ours); err != nil {
			return nil, err
		}
	}
	err := os.Remove(o.partial)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		o.file, err = os.OpenFile(o.partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	o.console = report.NewConsole(report.ConsoleOptions{Out: o.file, Err: io.Discard})
	return o, nil
}

// replaceable says why the file called name must not be replaced.
func replaceable(flag, name string, ours func([]byte) bool) error {
	fi, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case !fi.Mode().IsRegular():
		return usagef("%s %s is no regular file: name one that is, or is not there", flag, name)
	case fi.Size() == 0:
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close()
	line, err := bufio.NewReaderSize(f, 64<<10).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if !ours(line) {
		return usagef("%s %s is there, and s3haul has not written it: name another file", flag, name)
	}
	return nil
}

// keep gives the file its name. The error is the first that writing it gave.
func (o *outFile) keep() error {
	err := o.console.Close()
	if err == nil {
		err = o.file.Sync()
	}
	mine, serr := o.file.Stat()
	if cerr := o.file.Close(); err == nil {
		err = errors.Join(serr, cerr)
	}
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(o.partial); err == nil && !os.SameFile(mine, there) {
			err = errors.New("another run writes to " + o.partial)
		}
	}
	if err == nil {
		err = os.Rename(o.partial, o.path)
	}
	if err != nil {
		return &outputError{fmt.Errorf("%s %s: %w", o.flag, o.path, err)}
	}
	return nil
}

// drop takes the file away: of a run that has not begun there is nothing to say.
func (o *outFile) drop() {
	_ = o.console.Close()
	_ = o.file.Close()
	_ = os.Remove(o.partial)
}

// outFiles are the files of a run.
type outFiles []interface {
	report.Sink
	// close ends the file, when the run has ended with err and is to exit with
	// code; drop takes it away.
	close(sum engine.Summary, err error, code int) error
	drop()
}

// files makes the files that the flags name.
func (t *transferFlags) files() (outFiles, error) {
	var all outFiles
	if t.copying.report != "" {
		r, err := newRecord(&t.copying)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if t.combined != "" && t.combined != "-" {
		file, err := newOutFile("--combined", t.combined, report.IsCombined)
		if err != nil {
			all.drop()
			return nil, err
		}
		all = append(all, &combined{report.NewCombined(file.console), file})
	}
	return all, nil
}

func (f outFiles) sinks() []report.Sink {
	sinks := make([]report.Sink, len(f))
	for i, file := range f {
		sinks[i] = file
	}
	return sinks
}

func (f outFiles) close(sum engine.Summary, err error, code int) error {
	errs := make([]error, len(f))
	for i, file := range f {
		errs[i] = file.close(sum, err, code)
	}
	return errors.Join(errs...)
}

func (f outFiles) drop() {
	for _, file := range f {
		file.drop()
	}
}

// combined is the FILE of --combined.
type combined struct {
	*report.Combined
	file *outFile
}

func (c *combined) close(engine.Summary, error, int) error { return c.file.keep() }
func (c *combined) drop()                                  { c.file.drop() }
