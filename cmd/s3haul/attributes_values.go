package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/s3haul/s3haul/engine/transfer"
)

// choice is a flag with some values to choose from.
type choice struct {
	of    []string
	value string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "NAME" }
func (c *choice) set() bool      { return c.value != "" }

// choices are what completion offers.
func (c *choice) choices() []string { return c.of }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return errors.New("give " + oneOf(c.of))
	}
	c.value = s
	return nil
}

// oneOf writes "a, b or c".
func oneOf(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// grants is --grants: a PERMISSION=GRANTEE for each value. What is given of one
// permission last counts, and so does what is given with the last --grants, as in
// aws.
type grants []transfer.Grant

func (g *grants) String() string { return "" }
func (g *grants) Type() string   { return "GRANT" }

func (g *grants) Set(s string) error {
	*g = nil
	for one := range strings.SplitSeq(s, between) {
		if err := g.add(one); err != nil {
			return err
		}
	}
	return nil
}

func (g *grants) add(s string) error {
	permission, grantees, ok := strings.Cut(s, "=")
	if !ok || grantees == "" {
		return errors.New("grants should be of the form permission=principal, as read=uri=http://acs.amazonaws.com/groups/global/AllUsers")
	}
	if !slices.Contains([]string{"read", "readacl", "writeacl", "full"}, permission) {
		return errors.New("permission must be one of: read|readacl|writeacl|full")
	}
	for part := range strings.SplitSeq(grantees, ",") {
		kind, who, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || who == "" || !slices.Contains([]string{"uri", "id", "emailaddress"}, strings.ToLower(kind)) {
			return fmt.Errorf("%q is no grantee: write uri=..., id=... or emailaddress=...", part)
		}
	}
	*g = slices.DeleteFunc(*g, func(had transfer.Grant) bool { return had.Permission == permission })
	*g = append(*g, transfer.Grant{Permission: permission, Grantees: grantees})
	return nil
}

// secret is a flag that is in no error: what is wrong with it is said by who knows
// how to do so without it.
type secret string

func (s *secret) String() string { return "" }
func (s *secret) Type() string   { return "KEY" }

func (s *secret) Set(text string) error {
	*s = secret(text)
	return nil
}

// customerKey is the key that a flag called name+"-key" gives, where the flag
// called name wants one.
func customerKey(name string, algorithm choice, text secret) (*transfer.CustomerKey, error) {
	switch {
	case algorithm.set() && text == "":
		return nil, usagef("If %s is specified, %s-key must be specified as well.", name, name)
	case !algorithm.set() && text != "":
		return nil, usagef("If %s-key is specified, %s must be specified as well.", name, name)
	case text == "":
		return nil, nil //nolint:nilnil // there is no key, and that is no error
	}
	key, err := parameter(string(text))
	if err != nil {
		return nil, usagef("%s-key: %v", name, err)
	}
	k := transfer.CustomerKey{}
	if len(key) != len(k.Key) {
		hint := ""
		switch n := len(strings.TrimSpace(key)); {
		case n == len(k.Key):
			hint = "; there is white space around it"
		case n == 44:
			hint = "; if it is base64, decode it and give it as fileb://FILE"
		case n == 64:
			hint = "; if it is hexadecimal, decode it and give it as fileb://FILE"
		}
		return nil, usagef("%s-key has %d bytes: a key for AES256 has 32%s", name, len(key), hint)
	}
	copy(k.Key[:], key)
	return &k, nil
}

// parameter is a value that may be in a file, as file://FILE for text and
// fileb://FILE for bytes, with ~ and $VARIABLES in its name.
func parameter(value string) (string, error) {
	name, text := strings.CutPrefix(value, "file://")
	if !text {
		var ok bool
		if name, ok = strings.CutPrefix(value, "fileb://"); !ok {
			return value, nil
		}
	}
	file := name
	if rest, ok := strings.CutPrefix(file, "~"); ok && (rest == "" || os.IsPathSeparator(rest[0])) {
		if home, err := os.UserHomeDir(); err == nil {
			file = filepath.Join(home, rest)
		}
	}
	b, err := os.ReadFile(os.Expand(file, func(variable string) string {
		if v, ok := os.LookupEnv(variable); ok {
			return v
		}
		return "$" + variable
	}))
	if err != nil {
		return "", fmt.Errorf("Unable to load paramfile %s: %w", value, err)
	}
	if text && !utf8.Valid(b) {
		return "", fmt.Errorf("Unable to load paramfile (%s), text contents could not be decoded; give a binary file as fileb://", file)
	}
	return string(b), nil
}

// expiry is --expires: a time, or seconds since 1970.
type expiry struct {
	text string
	time time.Time
}

func (e *expiry) String() string { return e.text }
func (e *expiry) Type() string   { return "TIME" }

func (e *expiry) Set(text string) error {
	t, ok := parseExpiry(text)
	if !ok {
		return errors.New("write a time as 2027-01-31, 2027-01-31T12:00:00Z or 'Sun, 31 Jan 2027 12:00:00 GMT', or seconds since 1970")
	}
	*e = expiry{text, t}
	return nil
}

func parseExpiry(text string) (time.Time, bool) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Unix(int64(n), 0), !math.IsNaN(n) && n >= 0 && n < 1<<38 // the year 10680
	}
	if _, ago := parseAge(text); ago {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC1123, time.RFC1123Z} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return parseMoment(text, time.Time{})
}

// metadata is --metadata: all of it in one value, as aws writes maps.
type metadata map[string]string

func (m *metadata) String() string { return "" }
func (m *metadata) Type() string   { return "KEY=VALUE" }

func (m *metadata) Set(s string) error {
	text, err := parameter(s)
	if err != nil {
		return err
	}
	parsed, err := parseMap(text)
	if err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(parsed)) {
		if !headerName(k) {
			return fmt.Errorf("%q cannot be the name of a header: letters, digits and any of !#$%%&'*+-.^_`|~ only", k)
		}
		for _, r := range parsed[k] {
			if r < ' ' || r > '~' {
				return fmt.Errorf("the value of %q has %q in it: S3 takes printable ASCII characters only", k, r)
			}
		}
	}
	*m = parsed
	return nil
}

// headerName says that s is a token (RFC 9110, 5.6.2).
func headerName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// tags is --tag: a KEY=VALUE for each time that it is given
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
type tags map[string]string

func (t *tags) String() string { return "" }
func (t *tags) Type() string   { return "KEY=VALUE" }

func (t *tags) Set(s string) error {
	key, value, ok := strings.Cut(s, "=")
	switch {
	case !ok || key == "":
		return errors.New("write KEY=VALUE")
	case utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
		return errors.New("a tag's key has 128 characters at most, its value 256")
	}
	if _, there := (*t)[key]; there {
		return fmt.Errorf("the tag %q is given twice", key)
	}
	if len(*t) == 10 {
		return errors.New("an object has 10 tags at most")
	}
	if *t == nil {
		*t = tags{}
	}
	(*t)[key] = value
	return nil
}

// negation is the flag that turns another one off: what stands last on the command
// line counts.
type negation struct{ flag *bool }

func (n negation) String() string   { return "false" }
func (n negation) Type() string     { return "bool" }
func (n negation) IsBoolFlag() bool { return true }

func (n negation) Set(s string) error {
	off, err := strconv.ParseBool(s)
	*n.flag = !off
	return err
}

// byteCount is a number of bytes.
type byteCount int64

func (c *byteCount) String() string {
	if *c == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*c), 10)
}

func (c *byteCount) Type() string { return "BYTES" }

func (c *byteCount) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if s := size(0); err != nil && s.Set(text) == nil {
		n, err = int64(s), nil
	}
	if err != nil || n < 0 {
		return errors.New("write a number of bytes, or a size as 60GiB")
	}
	*c = byteCount(n)
	return nil
}
