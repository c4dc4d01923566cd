package local

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/s3haul/s3haul/walker"
)

// reason is why a name is skipped: a sentence as `aws s3` prints it, with the
// cause in its chain.
type reason struct {
	text  string
	cause error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.cause }

// ErrSpecial is the reason for leaving out what is no file to be copied. It is in
// the chain of each such Skipped.
var ErrSpecial = errors.New(textSpecial)

// The sentences that aws s3 has too are in its words.
const (
	textMissing    = "File does not exist."
	textUnreadable = "File/Directory is not readable."
	textSpecial    = "File is character special device, block special device, FIFO, or socket."
	textUTF8       = "File name is not valid UTF-8."
	textDirLoop    = "Directory is a loop of links."
	textLinkLoop   = "File is a loop of links."
)

// reasonOf says in a sentence what err, from looking at a name, means for it.
func reasonOf(err error) error {
	switch {
	case gone(err):
		// Not a directory: one on the way to it was replaced by a file.
		return &reason{textMissing, err}
	case errors.Is(err, fs.ErrPermission):
		return &reason{textUnreadable, err}
	case errors.Is(err, syscall.ELOOP):
		return &reason{textLinkLoop, err}
	}
	cause := err
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		cause = p.Err // the path stands before the sentence
	}
	return &reason{"File/Directory could not be read: " + cause.Error() + ".", err}
}

// gone says that a name is not there any more, or is no directory any more.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// skip makes the error of a name. The Key of a directory ends in '/', its Path
// does not.
func (w *walk) skip(key string, why error, quiet bool) *walker.Skipped {
	return &walker.Skipped{Key: key, Path: w.path(key), Err: why, Quiet: quiet}
}
