package main

import (
	"strings"
)

// testcase is one command line, and what is there before it. Both programs get
// the same.
//
// A line of files is a path and, behind a bar each, its content and more: "d/f|text",
// "d/f||size=9M", "d/f|text|age=60|mode=600", "d/" for a directory, "d/l -> f" for a
// symbolic link, "p|fifo". A line of objects is a bucket and a key in the same way:
// "bkt/key|text|age=60|class=GLACIER|type=text/css|meta.k=v|tag.k=v|acl=public-read".
// The age is in seconds before the case's beginning, which is at the same moment in
// all cases, and long ago.
type testcase struct {
	name    string
	args    []string
	files   []string
	objects []string
	// buckets are there beside those of the objects, "bkt" and "other"; a name with
	// ":versioned" behind it keeps versions.
	buckets []string
	stdin   string
	config  string // of ~/.aws/config
	env     map[string]string
	// ordered is of commands whose lines come in one order.
	ordered bool
	// bare: there are no buckets at first.
	bare bool
}

// matrix collects cases.
type matrix struct {
	cases []testcase
	names map[string]bool
}

// add puts a case in; a command is words as a shell has them, with single quotes.
func (m *matrix) add(name, command string, c testcase) {
	c.name, c.args = name, words(command)
	if len(c.args) > 0 && (c.args[0] == "ls" || c.args[0] == "presign") {
		c.ordered = true
	}
	if m.names[name] {
		panic("two cases are " + name)
	}
	m.names[name] = true
	m.cases = append(m.cases, c)
}

// words splits a command line at spaces, but for what is in single quotes.
func words(line string) []string {
	var all []string
	var word strings.Builder
	quoted, open := false, false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				all = append(all, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		all = append(all, word.String())
	}
	return all
}

// spec is one line of files or objects.
type spec struct {
	path, content string
	more          map[string]string
}

func specOf(line string) spec {
	fields := strings.Split(line, "|")
	s := spec{path: fields[0], more: map[string]string{}}
	if len(fields) > 1 {
		s.content = fields[1]
	}
	for _, field := range fields[min(2, len(fields)):] {
		name, value, _ := strings.Cut(field, "=")
		s.more[name] = value
	}
	return s
}

// lines puts spec lines together.
func lines(groups ...[]string) []string {
	var all []string
	for _, group := range groups {
		all = append(all, group...)
	}
	return all
}
