package report

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"plain ~ text":        "plain ~ text",
		"größe/日本":            "größe/日本",
		"a\nb\rc\td":          `a\nb\rc\td`,
		"\x00\x1b\x7f":        `\x00\x1b\x7f`,
		"\x9b\xff":            `\x9b\xff`,
		"\u0085\u009b":        `\u0085\u009b`,
		"\u2028\u202e":        `\u2028\u202e`,
		`C:\new`:              `C:\new`,
		"\ufffd":              "\ufffd",
		"ends in half \xe6":   `ends in half \xe6`,
		"x\n" + "\u00e9" + "": "x\\n\u00e9",
	} {
		same(t, "visible", string(appendVisible(nil, in)), want)
	}
	same(t, "appended", string(appendVisible([]byte("a"), "\n")), `a\n`)
}

func FuzzAppendVisible(f *testing.F) {
	f.Add("a\nb\x1b\x9b")
	f.Fuzz(func(t *testing.T, s string) {
		got := string(appendVisible(nil, s))
		if !utf8.ValidString(got) {
			t.Errorf("%q: not UTF-8: %q", s, got)
		}
		if i := strings.IndexFunc(got, hostile); i >= 0 {
			t.Errorf("%q: hostile at %d: %q", s, i, got)
		}
		if utf8.ValidString(s) && strings.IndexFunc(s, hostile) < 0 && got != s {
			t.Errorf("harmless %q became %q", s, got)
		}
	})
}
