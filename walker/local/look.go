package local

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/walker"
)

// Look examines one file by itself, as a walk would. Where a walk would skip the
// name, the error is that [*walker.Skipped]. Where it would not come upon it, or
// leave it out without a word, and of a link that leads nowhere, the error has
// [fs.ErrNotExist] in its chain. A key that leads out of the directory is an
// error of its own.
func (s *Source) Look(key string) (walker.Entry, error) {
	w := &walk{Source: s}
	name := filepath.FromSlash(key)
	if !fs.ValidPath(key) || key == "." || !filepath.IsLocal(name) {
		return walker.Entry{}, fmt.Errorf("%q is not the path of a file below a directory", key)
	}
	absent := &fs.PathError{Op: "look at", Path: w.path(key), Err: fs.ErrNotExist}
	dir, base := path.Split(key)
	if IsTemp(base) || !s.opts.Filter.Match(key) || !s.opts.FollowSymlinks && s.behindLink(dir) {
		return walker.Entry{}, absent
	}
	var r result
	h, err := s.sys.open(w.path(dir))
	switch {
	case err == nil:
		r = w.look(h, base, kindFile)
		h.close()
	case gone(err):
		return walker.Entry{}, absent
	default:
		r.err = reasonOf(err)
	}
	switch {
	case r.drop, r.err != nil && gone(r.err):
		return walker.Entry{}, absent
	case r.err != nil:
		return walker.Entry{}, w.skip(key, r.err, false)
	}
	return walker.Entry{Key: key, Size: r.size, ModTime: time.Unix(r.sec, r.nsec)}, nil
}

// BehindLink says whether a directory on the way from dir to key is a link, so that
// the file may be of another tree; dir itself may be one.
func BehindLink(dir, key string) bool {
	above, _ := path.Split(key)
	return New(dir, Options{}).behindLink(above)
}

// behindLink says whether a directory on the way to dir is a link.
func (s *Source) behindLink(dir string) bool {
	w := &walk{Source: s}
	for i := range len(dir) {
		if dir[i] != '/' {
			continue
		}
		if fi, err := os.Lstat(w.path(dir[:i])); err == nil && kindOf(fi.Mode()) == kindLink {
			return true
		}
	}
	return false
}
