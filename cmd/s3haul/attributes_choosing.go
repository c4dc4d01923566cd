package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
)

// choosing are the flags beside --exclude and --include that say which objects a
// command is about.
type choosing struct {
	minSize, maxSize size
	older, newer     past
	filesFrom        string
	glob             bool

	// names is what --files-from reads; nil without.
	names io.Reader
	end   func() error
}

// register registers them; where is what there is to say of a command with two sides.
func (c *choosing) register(f *pflag.FlagSet, where string) {
	f.Var(&c.minSize, "min-size", "leave out what is smaller than `SIZE`"+where)
	f.Var(&c.maxSize, "max-size", "leave out what is larger than `SIZE`"+where)
	f.Var(&c.older, "older-than", "leave out what was modified within the last `DURATION` (30d, 12h),\nor since a time (2026-11-22)"+where)
	f.Var(&c.newer, "newer-than", "leave out what was modified longer than `DURATION` ago, or before a time"+where)
}

// registerNames and registerGlob register what takes the place of a tree.
func (c *choosing) registerNames(f *pflag.FlagSet) {
	f.StringVar(&c.filesFrom, "files-from", "", "only the names that are in `FILE`, one a line, relative to the source; - is stdin")
}

func (c *choosing) registerGlob(f *pflag.FlagSet) {
	f.BoolVar(&c.glob, "glob", false, "take *, ? and [...] in the key of s3://BUCKET/KEY for wildcards; * matches / too")
}

// check says what makes no sense. tree says that the command works through a tree.
func (c *choosing) check(f *pflag.FlagSet, tree bool) error {
	if err := notEmpty(f, "files-from"); err != nil {
		return err
	}
	switch {
	case c.minSize > 0 && c.maxSize > 0 && c.minSize > c.maxSize:
		return usagef("--min-size %s is more than --max-size %s: nothing is left", c.minSize.String(), c.maxSize.String())
	case c.older.set() && c.newer.set() && !c.newer.time.Before(c.older.time):
		return usagef("nothing is older than %s and newer than %s", c.older.text, c.newer.text)
	case c.filesFrom == "":
		return nil
	case !tree:
		return usagef("--files-from goes with --recursive")
	case changed(f, "delete"):
		return usagef("--files-from looks at the names that it has alone: leave --delete out")
	case changed(f, "retry-failed"):
		return usagef("--retry-failed and --files-from both say which files: leave one out")
	}
	return nil
}

// changed says that a flag is given; a command may not have it.
func changed(f *pflag.FlagSet, name string) bool {
	flag := f.Lookup(name)
	return flag != nil && flag.Changed
}

// open opens FILE of --files-from.
func (c *choosing) open(stdin io.Reader) error {
	c.end = func() error { return nil }
	switch c.filesFrom {
	case "":
	case "-":
		c.names = stdin
	default:
		file, err := os.Open(c.filesFrom)
		if err != nil {
			return usagef("--files-from: %v", err)
		}
		c.names, c.end = file, file.Close
	}
	return nil
}

// into sets what the engine wants to know of them.
func (c *choosing) into(o *engine.RunOptions) {
	o.MinSize, o.MaxSize = int64(c.minSize), int64(c.maxSize)
	o.OlderThan, o.NewerThan = c.older.time, c.newer.time
	o.FilesFrom = c.names
}

// wild is the place as a pattern, where --glob is given and there is one in it.
func (c *choosing) wild(p place) (engine.Location, bool) {
	if !c.glob || !p.s3 || !strings.ContainsAny(p.key, "*?[") {
		return engine.Location{}, false
	}
	return engine.Glob(p.bucket, p.key), true
}

// past is --older-than and --newer-than: a time, or how long ago.
type past struct {
	text string
	time time.Time
}

func (p *past) String() string { return p.text }
func (p *past) Type() string   { return "DURATION" }
func (p *past) set() bool      { return p.text != "" }

func (p *past) Set(text string) error {
	t, ok := parseMoment(text, time.Now())
	if !ok {
		return errors.New("write how long ago as 30d, 2w, 12h or 1h30m, or a time as 2026-11-22, '2026-11-22 20:00' or 2026-11-22T20:00:00Z")
	}
	*p = past{text, t}
	return nil
}
