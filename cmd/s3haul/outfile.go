package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// outFile is a file that a run writes beside its output. It has another name,
// with ".partial" behind it, until the run has ended: so what an earlier run has
// left is there until then, and a crash leaves what was written.
type outFile struct {
	flag, path, partial string
	ours                ours
	file                *os.File
	console             *report.Console
}

// ours looks at a file that is there, and says what is against replacing it.
type ours func(r io.Reader) (objection string, err error)

const notWritten = "s3haul has not written it"

// newOutFile makes the file of a flag. What is there already is replaced only
// where it is ours.
func newOutFile(flag, path string, ours ours) (*outFile, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a rename would replace the link
	}
	o := &outFile{flag: flag, path: path, partial: path + ".partial", ours: ours}
	for _, name := range []string{o.path, o.partial} {
		if err := o.replaceable(name); err != nil {
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
func (o *outFile) replaceable(name string) error {
	fi, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", o.flag, err)
	case !fi.Mode().IsRegular():
		return usagef("%s %s is no regular file: name one that is, or is not there", o.flag, name)
	case fi.Size() == 0:
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%s: %w", o.flag, err)
	}
	defer f.Close()
	objection, err := o.ours(f)
	if err != nil {
		return fmt.Errorf("%s %s: %w", o.flag, name, err)
	}
	if objection != "" {
		return usagef("%s %s is there, and %s: name another file", o.flag, name, objection)
	}
	return nil
}

// longestLine is more than a line of ours has.
const longestLine = 64 << 10

// oursSaved is of a report: its first line says it.
func oursSaved(r io.Reader) (string, error) {
	line, err := bufio.NewReaderSize(r, longestLine).ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return "", err
	}
	if !report.IsSaved(line) {
		return notWritten, nil
	}
	return "", nil
}

// oursDry is of the report of a dry run: what a real one has done, and what has
// failed in it, is not lost for what another might do.
func oursDry(r io.Reader) (string, error) {
	saved, err := report.ReadSaved(r)
	switch {
	case errors.Is(err, report.ErrNotReport):
		return notWritten, nil
	case err == nil && !saved.DryRun:
		return "it is of a run that was no --dryrun", nil
	}
	return "", err
}

// oursCombined is of the lines of a Combined. They have no mark that says by whom
// they were written, and so all have to fit.
func oursCombined(r io.Reader) (string, error) {
	lines := bufio.NewReaderSize(r, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case len(line) > 0 && (errors.Is(err, bufio.ErrBufferFull) || !report.IsCombined(line)):
			return notWritten, nil
		case errors.Is(err, io.EOF):
			return "", nil
		case err != nil:
			return "", err
		}
	}
}

// onto says that a FILE of ours, or what it is called until the end, is a file that
// is read or written otherwise. Where names differ in case alone, they may be one.
func onto(file, other string) bool {
	at := resolve(file)
	for _, name := range []string{at, at + ".partial"} {
		if strings.EqualFold(name, resolve(other)) {
			return true
		}
		a, aerr := os.Stat(name)
		b, berr := os.Stat(other)
		if aerr == nil && berr == nil && os.SameFile(a, b) {
			return true
		}
	}
	return false
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
		// The run itself, or somebody else, may have made a file of that name.
		if err = o.replaceable(o.path); err != nil {
			err = fmt.Errorf("%s has it: %s", o.partial, err.Error()) // no error of usage any more
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
		r, err := newRecord(&t.copying, t.dryRun)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if t.combined != "" && t.combined != "-" {
		file, err := newOutFile("--combined", t.combined, oursCombined)
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
