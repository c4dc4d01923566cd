package report

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// appendVisible appends s so that a terminal shows it on one line and obeys
// nothing in it: control characters, bytes that are not UTF-8 (0x9b starts an
// escape sequence on some terminals), line separators and marks that turn the
// direction of writing become escapes. Backslashes stay, for the sake of
// Windows paths, so the result is for eyes alone.
func appendVisible(dst []byte, s string) []byte {
	plain := 0 // s[plain:i] goes over unchanged
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, s[plain:i]...)
			dst = appendHex(append(dst, `\x`...), uint32(s[i]), 2)
			i += n
			plain = i
			continue
		}
		if !hostile(r) {
			i += n
			continue
		}
		dst = append(dst, s[plain:i]...)
		switch {
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < utf8.RuneSelf:
			dst = appendHex(append(dst, `\x`...), uint32(r), 2)
		default:
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
		}
		i += n
		plain = i
	}
	return append(dst, s[plain:]...)
}

func hostile(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

func appendHex(dst []byte, v uint32, digits int) []byte {
	h := strconv.FormatUint(uint64(v), 16)
	for range digits - len(h) {
		dst = append(dst, '0')
	}
	return append(dst, h...)
}

// Visible is s as it may be shown on a terminal: control characters, and what
// would turn the writing around, as escapes.
func Visible(s string) string { return string(appendVisible(nil, s)) }
