package local

import (
	"context"
	"iter"
	"runtime"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// Names wraps a Source of object keys that are to become files below a
// directory. A key that cannot be one is a [*walker.Skipped]: one that climbs
// out, has an empty or a reserved segment, or lies below a key that came
// before as a file. A key that ends in '/' and has no content is left out: it
// marks a folder. s is ordered; where it is not, a file and a directory of one
// name are not told. No file is looked at, and what exists on the disk, names
// that the file system takes for equal, and its limits of length are left to
// whoever writes.
func Names(s walker.Source) walker.Source { return &down{source: s, goos: runtime.GOOS} }

type down struct {
	source walker.Source
	goos   string
}

func (d *down) Ordered() bool { return d.source.Ordered() }

func (d *down) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		var files walker.Lineage
		for e, err := range d.source.Walk(ctx) {
			if err == nil {
				if marksFolder(e) {
					continue
				}
				files.MoveTo(e.Key)
				if why := d.objection(e, &files); why != "" {
					err = &walker.Skipped{Key: e.Key, Path: e.Key, Err: &reason{text: why}}
					e = walker.Entry{Key: e.Key}
				} else {
					files.Push(e.Key)
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func marksFolder(e walker.Entry) bool { return e.Size == 0 && strings.HasSuffix(e.Key, "/") }

// objection says in a sentence why e cannot be a file; empty means that it can.
func (d *down) objection(e walker.Entry, files *walker.Lineage) string {
	switch {
	case e.Key == "":
		return "File has no name."
	case e.Key[0] == '/':
		return "File name begins with a slash."
	case strings.HasSuffix(e.Key, "/"):
		return "File has the name of a directory, and content."
	case strings.IndexByte(e.Key, 0) >= 0:
		return "File name has a NUL character."
	}
	last := ""
	for segment := range strings.SplitSeq(e.Key, "/") {
		last = segment
		switch segment {
		case "":
			return "File name has an empty segment."
		case ".":
			return "File references the directory itself."
		case "..":
			return "File references a parent directory."
		}
		if d.goos == "windows" {
			if why := windowsObjection(segment); why != "" {
				return why
			}
		}
	}
	if IsTemp(last) {
		return "File has a name that is kept for unfinished downloads."
	}
	if file, ok := files.Above(e.Key); ok {
		return file + " is a file here, so " + e.Key + " cannot be one."
	}
	return ""
}

// windowsObjection knows the rules of
// https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file; a colon
// names a stream of a file, or a drive.
func windowsObjection(segment string) string {
	for _, c := range []byte(segment) {
		if c < ' ' || strings.IndexByte(`<>:"|?*\`, c) >= 0 {
			return "File name has a character that Windows does not allow."
		}
	}
	if end := segment[len(segment)-1]; end == '.' || end == ' ' {
		return "File name has a segment that ends in a dot or a space, which Windows drops."
	}
	// A device is meant whatever the extension, and with spaces before it.
	base, _, _ := strings.Cut(segment, ".")
	if windowsDevice(strings.ToUpper(strings.TrimRight(base, " "))) {
		return "File name is that of a device on Windows."
	}
	return ""
}

func windowsDevice(name string) bool {
	switch name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, ok := strings.CutPrefix(name, "COM")
	if !ok {
		number, ok = strings.CutPrefix(name, "LPT")
	}
	switch number {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return ok
	}
	return false
}
