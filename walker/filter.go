package walker

import (
	"context"
	"iter"
	"strings"
)

// Rule is one --exclude or --include.
type Rule struct {
	// Include says that what matches is wanted.
	Include bool
	// Pattern is an fnmatch pattern; '*' and '?' cross '/'.
	Pattern string
}

// Filter says which keys are wanted, as `aws s3` understands --exclude and
// --include: the last rule that matches decides, and what no rule matches is
// wanted. A nil *Filter wants everything. A Filter does not change after
// [NewFilter], so goroutines may share it.
type Filter struct {
	root  string
	rules []rule
	// glob, where it is not nil, is what every key has to match.
	glob pattern
}

type rule struct {
	include  bool
	absolute bool
	pattern  pattern
}

// NewFilter makes a Filter of rules in the order of the command line. root is
// where the source lies, an absolute path with '/' or "bucket/prefix": a
// pattern that begins with '/' is matched against root joined with the key,
// any other against the key. Every pattern is valid, so there is no error.
func NewFilter(root string, rules ...Rule) *Filter {
	f := &Filter{root: root, rules: make([]rule, len(rules))}
	if !strings.HasSuffix(f.root, "/") {
		f.root += "/"
	}
	for i, r := range rules {
		f.rules[i] = rule{
			include:  r.Include,
			absolute: strings.HasPrefix(r.Pattern, "/"),
			pattern:  compile(r.Pattern),
		}
	}
	return f
}

// Within returns a Filter that wants of what f wants only the keys that match
// pattern, in which '*' and '?' cross '/'. An empty pattern is none.
func (f *Filter) Within(pattern string) *Filter {
	g := *f
	if pattern != "" {
		g.glob = compile(pattern)
	}
	return &g
}

// Match says whether key is wanted.
func (f *Filter) Match(key string) bool {
	if f == nil {
		return true
	}
	if f.glob != nil && !f.glob.match(key) {
		return false
	}
	full := ""
	for i := len(f.rules) - 1; i >= 0; i-- {
		r := &f.rules[i]
		if r.pattern.match(f.subject(r, key, &full)) {
			return r.include
		}
	}
	return true
}

// Below says whether a key that begins with dir can be wanted. dir ends in '/'.
// It is false only where none can, so that the directory need not be walked.
func (f *Filter) Below(dir string) bool {
	if f == nil {
		return true
	}
	if f.glob != nil && !f.glob.canBegin(dir) {
		return false
	}
	full := ""
	for i := len(f.rules) - 1; i >= 0; i-- {
		r := &f.rules[i]
		s := f.subject(r, dir, &full)
		if r.include {
			if r.pattern.canBegin(s) {
				return true
			}
		} else if r.pattern.coversAll(s) {
			return false
		}
	}
	return true
}

// subject returns what r's pattern is matched against. full caches the joined
// name over the rules of one call.
func (f *Filter) subject(r *rule, key string, full *string) string {
	if !r.absolute {
		return key
	}
	if *full == "" {
		*full = f.root + key
	}
	return *full
}

// Source wraps s and leaves out what is not wanted: entries, and the
// [*Skipped] errors of such keys. A Skipped whose Key ends in '/' stands for
// what is below, and is left out only where nothing below can be wanted.
func (f *Filter) Source(s Source) Source {
	if f == nil || len(f.rules) == 0 && f.glob == nil {
		return s
	}
	return &filtered{filter: f, source: s}
}

type filtered struct {
	filter *Filter
	source Source
}

func (s *filtered) Ordered() bool { return s.source.Ordered() }

func (s *filtered) Walk(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range s.source.Walk(ctx) {
			if !s.wants(e, err) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *filtered) wants(e Entry, err error) bool {
	if err == nil {
		return s.filter.Match(e.Key)
	}
	skipped := AsSkipped(err)
	if skipped == nil {
		return true
	}
	if strings.HasSuffix(skipped.Key, "/") {
		return s.filter.Below(skipped.Key)
	}
	return s.filter.Match(skipped.Key)
}
