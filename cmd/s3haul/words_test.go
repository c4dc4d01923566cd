package main

import (
	"slices"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for text, want := range map[string][]string{
		``:                               nil,
		"  \t\r":                         nil,
		`# cp a b`:                       nil,
		`cp a b # c`:                     {"cp", "a", "b"},
		`cp a#b '#c' \#d`:                {"cp", "a#b", "#c", "#d"},
		`cp  'a b'  "c d" e\ f`:          {"cp", "a b", "c d", "e f"},
		`a'b'"c"d`:                       {"abcd"},
		`'' ""`:                          {"", ""},
		`'a\b' "a\b" "a\"b\\" 'it'\''s'`: {`a\b`, `a\b`, `a"b\`, "it's"},
		`$HOME *.txt ` + "`x` ~ a;b|c>d": {"$HOME", "*.txt", "`x`", "~", "a;b|c>d"},
		`"it's" 'say "x"'`:               {"it's", `say "x"`},
		"cp é\xff b\r":                   {"cp", "é\xff", "b"},
	} {
		if got, err := splitWords(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`cp 'a`, `cp "a`, `cp a\`, `"a\"`} {
		if got, err := splitWords(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestWorse(t *testing.T) {
	order := []int{0, exitSkipped, exitFailed, exitUsage, exitOther}
	for i, a := range order {
		for j, b := range order {
			if got := worse(a, b); got != order[max(i, j)] {
				t.Errorf("of %d and %d: %d", a, b, got)
			}
		}
	}
}
