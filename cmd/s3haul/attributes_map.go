package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseMap reads what aws takes for a map of texts: JSON, or its shorthand
// (https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-shorthand.html)
// a=b,c="d, e".
func parseMap(text string) (map[string]string, error) {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		var m map[string]string
		if err := json.Unmarshal([]byte(trimmed), &m); err != nil {
			return nil, fmt.Errorf("Invalid JSON: %w; write {\"KEY\":\"VALUE\"}, with texts for values", err)
		}
		return m, nil
	}
	s := shorthand{text: text}
	return s.parse()
}

// shorthand reads one map.
type shorthand struct {
	text string
	at   int
}

func (s *shorthand) parse() (map[string]string, error) {
	m := map[string]string{}
	for {
		key := s.key()
		if err := s.expect('='); err != nil {
			return nil, err
		}
		value, err := s.value()
		if err != nil {
			return nil, err
		}
		if _, there := m[key]; there {
			return nil, fmt.Errorf("the key %q is given twice", key)
		}
		m[key] = value
		if s.end() {
			return m, nil
		}
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
}

func (s *shorthand) end() bool { return s.at >= len(s.text) }

func (s *shorthand) space() {
	for !s.end() && strings.IndexByte(" \t\n\r\v\f", s.text[s.at]) >= 0 {
		s.at++
	}
}

// expect takes one character and the white space around it.
func (s *shorthand) expect(c byte) error {
	s.space()
	found := "EOF"
	if !s.end() {
		if s.text[s.at] == c {
			s.at++
			s.space()
			return nil
		}
		found = s.text[s.at : s.at+1]
	}
	return fmt.Errorf("Expected: '%c', received: '%s' at character %d; write KEY=VALUE,KEY2=VALUE2, or JSON", c, found, s.at+1)
}

func (s *shorthand) key() string {
	start := s.at
	for !s.end() && (letterOrDigit(s.text[s.at]) || strings.IndexByte("-_.#/:", s.text[s.at]) >= 0) {
		s.at++
	}
	return s.text[start:s.at]
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// value takes one text, to the comma before the next key or to the end. Of several
// with commas between aws makes a list, which metadata cannot have.
func (s *shorthand) value() (string, error) {
	if s.end() {
		return "", nil
	}
	var (
		text string
		err  error
	)
	switch c := s.text[s.at]; c {
	case '[', '{':
		return "", errors.New("a list or a map cannot be a value: put quotes around a text with such characters")
	case '\'', '"':
		text, err = s.quoted(c)
	default:
		text, err = s.bare()
	}
	if err != nil {
		return "", err
	}
	s.space()
	if s.end() || s.text[s.at] != ',' {
		return text, nil
	}
	// The comma is followed by a key, or it was meant to be in the value.
	next := shorthand{text: s.text, at: s.at + 1}
	next.space()
	next.key()
	next.space()
	if next.end() || next.text[next.at] != '=' {
		return "", fmt.Errorf("what follows %q is no KEY=VALUE: put quotes around a value with a comma, as KEY='a,b'", text)
	}
	return text, nil
}

// quoted takes a text in quotes, in which \ stands before a quote and before \.
func (s *shorthand) quoted(quote byte) (string, error) {
	var b strings.Builder
	for i := s.at + 1; i < len(s.text); i++ {
		c := s.text[i]
		switch {
		case c == quote:
			s.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(s.text) && (s.text[i+1] == quote || s.text[i+1] == '\\'):
			i++
			b.WriteByte(s.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the quote %c at character %d is not closed", quote, s.at+1)
}

// bare takes a text without quotes: to the next comma that has no \ before it. A
// quote in its midst is one of its characters for nobody.
func (s *shorthand) bare() (string, error) {
	var b strings.Builder
	for ; !s.end() && s.text[s.at] != ','; s.at++ {
		switch c := s.text[s.at]; {
		case c == '\\' && s.at+1 < len(s.text) && s.text[s.at+1] == ',':
			s.at++
			b.WriteByte(',')
		case c == '"' || c == '\'':
			return "", fmt.Errorf("Expected: ',', received: '%c' at character %d; put quotes around the whole value", c, s.at+1)
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimRight(b.String(), " \t\n\r\v\f"), nil
}
