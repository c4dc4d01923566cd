package main

import "regexp"

// verdict is which of the three kinds a case is of.
type verdict int

const (
	same verdict = iota
	better
	notYet
	unexplained
)

// reason is why a difference is there.
type reason struct {
	name    string // short, for the page
	verdict verdict
	says    string // for the page
	matches []match
}

// match is where a reason holds: narrow, or it hides a fault.
type match struct {
	cases string // regular expression of the names
	kinds string // of differences, with spaces between; "" is any
	// aws and ours match each line that is on one side alone; "" is any.
	aws, ours string
}

func (m match) holds(name string, d *difference) bool {
	if m.kinds != "" && !regexp.MustCompile(`\b`+d.kind+`\b`).MatchString(m.kinds) {
		return false
	}
	return regexp.MustCompile(m.cases).MatchString(name) && allMatch(m.aws, d.aws) && allMatch(m.ours, d.ours)
}

func allMatch(pattern string, lines []string) bool {
	if pattern == "" {
		return true
	}
	re := regexp.MustCompile(pattern)
	for _, line := range lines {
		if !re.MatchString(line) {
			return false
		}
	}
	return true
}

// reasonFor is the first that holds, nil where none does.
func reasonFor(name string, d *difference) *reason {
	for _, r := range reasons() {
		for _, m := range r.matches {
			if m.holds(name, d) {
				return &r
			}
		}
	}
	return nil
}
