package main

import "strings"

// splitWords splits a line into words as a shell does, without all else that it
// does: '…' keeps what is in it as it is, "…" too but for \" and \\, and \ keeps the
// next character. A # at the beginning of a word begins a comment.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, has := byte(0), false // the quote that is open, and whether there is a word
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case in == 0 && (c == ' ' || c == '\t' || c == '\r'):
			if has {
				words = append(words, word.String())
			}
			word.Reset()
			has = false
			continue
		case in == 0 && c == '#' && !has:
			return words, nil
		case c == in: // and so not 0
			in = 0
		case in == 0 && (c == '\'' || c == '"'):
			in = c
		case in == 0 && c == '\\', in == '"' && c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			if i++; i == len(text) {
				return nil, usagef("it ends with a \\ that keeps nothing")
			}
			word.WriteByte(text[i])
		default:
			word.WriteByte(c)
		}
		has = true
	}
	if in != 0 {
		return nil, usagef("a %c is not closed", in)
	}
	if has {
		words = append(words, word.String())
	}
	return words, nil
}
