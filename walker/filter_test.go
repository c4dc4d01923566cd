package walker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func rules(args ...string) []Rule {
	var rs []Rule
	for _, a := range args {
		rs = append(rs, Rule{Include: a[0] == '+', Pattern: a[1:]})
	}
	return rs
}

func TestFilterMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		rules  []Rule
		wanted []string
		not    []string
	}{
		{"nothing said", nil, []string{"a", ""}, nil},
		{"exclude", rules("-*.tmp"), []string{"a", "tmp"}, []string{"a.tmp", "d/a.tmp"}},
		{"the last match wins", rules("-*", "+*.jpg", "-raw/*"), []string{"a.jpg", "d/a.jpg"}, []string{"a", "raw/a.jpg"}},
		{"include alone changes nothing", rules("+*.jpg"), []string{"a", "a.jpg"}, nil},
		{"include before exclude", rules("+*.jpg", "-*"), nil, []string{"a.jpg"}},
		{"absolute", rules("-/data/src/d/*"), []string{"a", "data/src/d/a"}, []string{"d/a"}},
		{"absolute with a star in the root", rules("-/*/d/a"), []string{"a"}, []string{"d/a"}},
		{"relative is not tried on the root", rules("-*src*"), []string{"a"}, []string{"src"}},
		{"dots are characters", rules("-./a"), []string{"a"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, root := range []string{"/data/src", "/data/src/"} {
				f := NewFilter(root, c.rules...)
				for _, k := range c.wanted {
					if !f.Match(k) {
						t.Errorf("root %q: %q is wanted", root, k)
					}
				}
				for _, k := range c.not {
					if f.Match(k) {
						t.Errorf("root %q: %q is not wanted", root, k)
					}
				}
			}
		})
	}
}

func TestFilterRootIsLiteral(t *testing.T) {
	t.Parallel()
	f := NewFilter("/data/[x]*", rules("-d/*")...)
	if f.Match("d/a") || !f.Match("a") {
		t.Error("a root with pattern characters changes what a relative pattern means")
	}
	// An absolute pattern cannot match below a bucket.
	if f := NewFilter("bucket/p", rules("-/*")...); !f.Match("a") {
		t.Error("an absolute pattern matched a key of a bucket")
	}
}

func TestFilterNil(t *testing.T) {
	t.Parallel()
	var f *Filter
	if !f.Match("a") || !f.Below("a/") {
		t.Error("a nil Filter wants everything")
	}
	s := fixed{{Entry{Key: "a"}, nil}}
	if got := keysOf(t, f.Source(s)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q", got)
	}
}

func TestFilterBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rules []Rule
		dir   string
		want  bool
	}{
		{nil, "d/", true},
		{rules("-d/*"), "d/", false},
		{rules("-d/*"), "d/e/", false},
		{rules("-d/*"), "dd/", true},
		{rules("-d*"), "d/", false},
		{rules("-d*"), "dd/", false},
		{rules("-*.tmp"), "d/", true},
		{rules("-*"), "d/", false},
		{rules("-*", "+*.jpg"), "d/", true},
		{rules("-*", "+e/*.jpg"), "d/", false},
		{rules("-*", "+d/e/*.jpg"), "d/", true},
		{rules("-*", "+d/e/*.jpg"), "d/f/", false},
		{rules("-*", "+d/[ef]/*"), "d/f/", true},
		{rules("-*", "+d/[ef]/*"), "d/g/", false},
		{rules("-*", "+d/?"), "d/e/", false},
		{rules("+*.jpg", "-d/*"), "d/", false},
		{rules("-*/.git/*"), "a/.git/", false},
		{rules("-*/.git/*"), "a/.git/b/", false},
		{rules("-*/.git/*"), ".git/", true}, // ".git/x" does not match
		{rules("-.git/*"), ".git/", false},
		{rules("-/r/d/*"), "d/", false},
		{rules("-/r/d/*"), "e/", true},
		{rules("-*", "+/r/d/a"), "d/", true},
		{rules("-*", "+/r/d/a"), "e/", false},
	} {
		if got := NewFilter("/r", c.rules...).Below(c.dir); got != c.want {
			t.Errorf("%v below %q: %v, want %v", c.rules, c.dir, got, c.want)
		}
	}
}

// Where Below says no, nothing below matches.
func TestFilterBelowProperty(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func(alphabet string, most int) string {
		b := make([]byte, rnd.IntN(most+1))
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	pruned, mixed := 0, 0
	for range 20_000 {
		var rs []Rule
		for range 1 + rnd.IntN(4) {
			pattern := word("ab/*?[!]-", 4)
			if rnd.IntN(2) == 0 {
				pattern += "*" + word("ab/?[!]-", 2)
			}
			if rnd.IntN(5) == 0 {
				pattern = "/r/" + pattern
			}
			rs = append(rs, Rule{Include: rnd.IntN(2) == 0, Pattern: pattern})
		}
		if rnd.IntN(2) == 0 {
			rs = slices.Insert(rs, 0, Rule{Pattern: "*"})
		}
		f := NewFilter("/r", rs...)
		dir := word("ab/", 4) + "/"
		below := f.Below(dir)
		if !below {
			pruned++
		}
		wanted := 0
		for range 30 {
			key := dir + word("ab/*", 5)
			if !f.Match(key) {
				continue
			}
			wanted++
			if !below {
				t.Fatalf("rules %v: nothing below %q is wanted, but %q is", rs, dir, key)
			}
		}
		if below && wanted > 0 && wanted < 30 {
			mixed++
		}
	}
	// The property says little where the rules seldom bite.
	if pruned < 2000 || mixed < 1000 {
		t.Errorf("%d directories pruned and %d mixed; the generator is too tame", pruned, mixed)
	}
}

type item struct {
	e   Entry
	err error
}

type fixed []item

func (fixed) Ordered() bool { return true }

func (f fixed) Walk(context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, i := range f {
			if !yield(i.e, i.err) {
				return
			}
		}
	}
}

func keysOf(t *testing.T, s Source) []string {
	t.Helper()
	var keys []string
	for e, err := range s.Walk(t.Context()) {
		switch {
		case AsSkipped(err) != nil:
			keys = append(keys, "!"+e.Key)
		case err != nil:
			keys = append(keys, "!!"+err.Error())
		default:
			keys = append(keys, e.Key)
		}
	}
	return keys
}

func TestFilterSource(t *testing.T) {
	t.Parallel()
	skip := func(key string) item {
		return item{Entry{Key: key}, fmt.Errorf("walk: %w", &Skipped{Key: key, Path: key, Err: errors.New("why.")})}
	}
	entry := func(key string) item { return item{Entry{Key: key}, nil} }
	s := fixed{
		skip("a.tmp"), entry("b"), entry("b.tmp"), skip("c"), skip("d/"), skip("e/"), entry("e/x"),
		skip("keep/"),
		{Entry{}, errors.New("broken")},
	}
	f := NewFilter("/r", rules("-*.tmp", "-d/*", "-e/*", "+e/k*", "-c/*")...)
	want := []string{"b", "!c", "!e/", "!keep/", "!!broken"}
	if got := keysOf(t, f.Source(s)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !f.Source(s).Ordered() {
		t.Error("the order of the source is lost")
	}
	for e := range f.Source(s).Walk(t.Context()) {
		if e.Key != "b" {
			t.Errorf("after the end of the range: %q", e.Key)
		}
		break
	}
}

func BenchmarkFilterMatch(b *testing.B) {
	f := NewFilter("/home/me/data", rules("-*.tmp", "-*/.git/*", "-*/node_modules/*", "+*/keep/*", "-/home/me/data/x/*")...)
	key := strings.Repeat("directory/", 6) + "file-000123.jpeg"
	b.ReportAllocs()
	for b.Loop() {
		f.Match(key)
	}
}

// A pattern that all keys have to match stands beside the rules.
func TestWithin(t *testing.T) {
	f := NewFilter("b/p", Rule{Pattern: "*.tmp"}).Within("x*/[!a]?.*")
	for key, want := range map[string]bool{
		"x/bc.d": true, "x1/2/bc.d/e": true, "x/ab.d": false, "y/bc.d": false, "x/bc": false, "x/bc.tmp": false, "": false,
	} {
		if f.Match(key) != want {
			t.Errorf("%q: %v", key, !want)
		}
	}
	for dir, want := range map[string]bool{"x/": true, "x9/y/": true, "y/": false} {
		if f.Below(dir) != want {
			t.Errorf("below %q: %v", dir, !want)
		}
	}
	if all := NewFilter("b/p").Within(""); !all.Match("y") || !all.Below("y/") {
		t.Error("no pattern is one")
	}
}
