package walker

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	// The answers are those of Python 3.11's fnmatch.fnmatchcase.
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "a/b\n/c", true},
		{"***", "abc", true},
		{"?", "/", true},
		{"?", "\n", true},
		{"?", "", false},
		{"?", "é", true},
		{"?", "e\u0301", false}, // NFD: two characters
		{"*??", "€", false},
		{"*.txt", "a/b.txt", true},
		{"*.txt", "a/b.txt.gz", false},
		{"a*b*c", "a--b--b-c", true},
		{"a*b*c", "a--c--b", false},
		{"*ab?d*", "ab-abxabcd-", true},
		{"*aab", "aaaaab", true},
		{"[abc]x", "bx", true},
		{"[abc]x", "dx", false},
		{"[!abc]x", "dx", true},
		{"[!abc]x", "ax", false},
		{"[!abc]", "/", true},
		{"[^a]", "^", true}, // '^' is a member, '!' negates
		{"[^a]", "b", false},
		{"[a-c]", "b", true},
		{"[a-c]", "d", false},
		{"[à-é]", "è", true},
		{"[c-a]", "b", false},
		{"[!c-a]", "b", true},
		{"[c-ab]", "b", true},
		{"[a-]", "-", true},
		{"[-a]", "-", true},
		{"[!-a]", "-", false},
		{"[--0]", ".", true},
		{"[a-b-c]", "-", true},
		{"[a-b-c]", "c", true},
		{"[]]", "]", true},
		{"[]a]", "a", true},
		{"[!]]", "]", false},
		{"[!]]", "a", true},
		{"[]-a]", "^", true},
		{"[", "[", true},
		{"[abc", "[abc", true},
		{"[abc", "a", false},
		{"[]", "[]", true},
		{"[!]", "[!]", true},
		{"[!", "[!", true},
		{"a[", "a[", true},
		{"[[]a]", "[a]", true},
		{"[*", "[anything", true},
		{"[*]", "*", true},
		{"[*]", "a", false},
		{"[?]", "?", true},
		{`\*`, `\x`, true}, // no escape
		{`\*`, "*", false},
		{`[\]`, `\`, true},
		{`[a\-z]`, `]`, true}, // from '\' to 'z'
		{".*", "abc", false},
		{"a.c", "abc", false},
		{"a+", "aa", false},
		{"(a|b)", "a", false},
		{"A", "a", false},
		{"a/b", "a/b", true},
		{"*\xa9", "é", false}, // half a character is none
		{"?", "\xff", true},
	} {
		if got := compile(c.pattern).match(c.name); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

// translate writes an fnmatch pattern as a regular expression, along the lines
// of fnmatch.translate and apart from the code under test.
func translate(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	runes := []rune(glob)
	for i := 0; i < len(runes); {
		c := runes[i]
		i++
		if c == '*' {
			b.WriteString(".*")
			continue
		}
		if c == '?' {
			b.WriteString(".")
			continue
		}
		j := i
		if c == '[' {
			if j < len(runes) && runes[j] == '!' {
				j++
			}
			if j < len(runes) && runes[j] == ']' {
				j++
			}
			for j < len(runes) && runes[j] != ']' {
				j++
			}
		}
		if c != '[' || j >= len(runes) {
			b.WriteString(regexp.QuoteMeta(string(c)))
			continue
		}
		b.WriteString(class(runes[i:j]))
		i = j + 1
	}
	return b.String() + `\z`
}

func class(set []rune) string {
	negated := len(set) > 0 && set[0] == '!'
	if negated {
		set = set[1:]
	}
	var b strings.Builder
	for i := 0; i < len(set); i++ {
		low, high := set[i], set[i]
		if i+2 < len(set) && set[i+1] == '-' {
			high = set[i+2]
			i += 2
		}
		if low <= high {
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, low, high)
		}
	}
	switch {
	case b.Len() > 0 && negated:
		return "[^" + b.String() + "]"
	case b.Len() > 0:
		return "[" + b.String() + "]"
	case negated:
		return "."
	}
	return `[^\x{0}-\x{10ffff}]`
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{
		{"*.txt", "a.txt"},
		{"a*b*c?", "aXbYcZ"},
		{"[!a-c]*[]-a]", "x/^"},
		{"[c-a][a-]", "b-"},
		{"[[]?*", "[é"},
		{"*??", "€"},
		{"*aab*ab", "aaabaab"},
		{`\*[\]`, `\\`},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, glob, name string) {
		// Package regexp reads every stray byte as U+FFFD, which is then equal
		// to another; this pattern does not.
		if !utf8.ValidString(glob) || strings.ContainsRune(glob, utf8.RuneError) {
			return
		}
		want, err := regexp.Compile(translate(glob))
		if err != nil {
			t.Fatalf("%q: %v", glob, err)
		}
		p := compile(glob)
		if got := p.match(name); got != want.MatchString(name) {
			t.Fatalf("%q matches %q: %v, the regular expression says %v", glob, name, got, !got)
		}
		for i := range len(name) + 1 {
			if p.coversAll(name[:i]) && utf8.ValidString(name[:i]) && !p.match(name) {
				t.Fatalf("%q covers all below %q, but does not match %q", glob, name[:i], name)
			}
			if !p.canBegin(name[:i]) && utf8.ValidString(name[:i]) && p.match(name) {
				t.Fatalf("%q cannot begin with %q, but matches %q", glob, name[:i], name)
			}
		}
	})
}

func BenchmarkPattern(b *testing.B) {
	const key = "photos/2026/03/14/holiday in the mountains/IMG_20260314_123456.jpeg"
	for _, glob := range []string{"*", "*.jpeg", "*/holiday*/*.raw", "photos/*[0-9]?jpeg", strings.Repeat("*a", 12) + "b"} {
		b.Run(strings.ReplaceAll(glob, "/", "|"), func(b *testing.B) {
			p := compile(glob)
			b.ReportAllocs()
			for b.Loop() {
				p.match(key)
			}
		})
	}
}
