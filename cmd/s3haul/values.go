package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// size is a flag of bytes: 8MB, 16MiB, 1G. As in the AWS config file, MB is
// 1024 * 1024.
type size int64

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return humanize.IBytes(uint64(*s))
}

func (s *size) Type() string { return "SIZE" }

func (s *size) Set(text string) error {
	t := strings.ToUpper(strings.TrimSpace(text))
	for _, unit := range []string{"K", "M", "G", "T"} {
		if strings.HasSuffix(t, unit+"B") || strings.HasSuffix(t, unit) {
			t = strings.TrimSuffix(strings.TrimSuffix(t, "B"), unit) + unit + "IB"
			break
		}
	}
	n, err := humanize.ParseBytes(t)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return fmt.Errorf("write a size as 8MiB, 512KiB or 1GiB")
	}
	*s = size(n)
	return nil
}

// rules collects --exclude and --include in the order in which they stand on
// the command line: the last one that matches wins.
type rules []walker.Rule

type ruleFlag struct {
	rules   *rules
	include bool
}

func (f ruleFlag) String() string { return "" }
func (f ruleFlag) Type() string   { return "PATTERN" }
func (f ruleFlag) Set(s string) error {
	*f.rules = append(*f.rules, walker.Rule{Include: f.include, Pattern: s})
	return nil
}

func (r *rules) register(f *pflag.FlagSet) {
	f.Var(ruleFlag{r, false}, "exclude", "leave out what matches `PATTERN`; * and ? match any character, / too")
	f.Var(ruleFlag{r, true}, "include", "do not leave out what matches `PATTERN`; the last match wins")
}

// limit is --max-delete: a number or a share of the destination's objects.
type limit struct {
	set     bool
	number  int64
	percent float64
}

func (l *limit) String() string { return "" }
func (l *limit) Type() string   { return "N|P%" }

func (l *limit) Set(s string) error {
	*l = limit{set: true}
	var err error
	if p, ok := strings.CutSuffix(s, "%"); ok {
		l.percent, err = strconv.ParseFloat(p, 64)
		if err == nil && !(l.percent >= 0 && l.percent <= 100) {
			err = errors.New("out of range")
		}
	} else {
		l.number, err = strconv.ParseInt(s, 10, 64)
		if err == nil && l.number < 0 {
			err = errors.New("out of range")
		}
	}
	if err != nil {
		return errors.New("write a number of objects, or a share of the destination's as 10%")
	}
	return nil
}

// options gives the limit as the engine wants it, where 0 means none.
func (l *limit) options() (number int64, percent float64) {
	if l.set && l.number == 0 && l.percent == 0 {
		return -1, 0
	}
	return l.number, l.percent
}

// place is an argument: a local path, or a bucket and key.
type place struct {
	text        string
	s3          bool
	bucket, key string
	// stream says that it is -, stdin or stdout.
	stream bool
}

const scheme = "s3://"

func parsePlace(s string) (place, error) {
	if s == "" {
		return place{}, usagef("a path is empty")
	}
	if s == "-" {
		return place{text: s, stream: true}, nil
	}
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return place{text: s}, nil
	}
	bucket, key, err := wire.SplitBucket(rest)
	if err != nil {
		return place{}, usagef("%v", err)
	}
	if bucket == "" {
		return place{}, usagef("%q names no bucket: write s3://bucket/key", s)
	}
	return place{text: s, s3: true, bucket: bucket, key: key}, nil
}

// places parses the two arguments of a transfer and wants at least one of them
// in S3.
func places(src, dst string) (from, to place, err error) {
	if from, err = parsePlace(src); err == nil {
		to, err = parsePlace(dst)
	}
	switch {
	case err != nil:
	case !from.s3 && !to.s3:
		err = usagef("%q and %q are both local: one of them has to be s3://bucket/key", src, dst)
	}
	return from, to, err
}

// streams refuses - for a side of what does not copy one object.
func streams(sides ...place) error {
	for _, p := range sides {
		if p.stream {
			return usagef("Streaming currently is only compatible with non-recursive cp commands")
		}
	}
	return nil
}

// tree is the place as a directory or a prefix. A prefix gets its '/': s3://b/di
// never means dir.
func (p place) tree() engine.Location {
	if !p.s3 {
		return engine.Dir(p.text)
	}
	key := p.key
	if key != "" && !strings.HasSuffix(key, "/") {
		key += "/"
	}
	return engine.Bucket(p.bucket, key)
}

// local lists the place where it is a local path.
func (p place) local() []string {
	if p.s3 || p.stream {
		return nil
	}
	return []string{p.text}
}

// apart says that neither of two directories is inside the other, links
// followed: a server's directory that is also uploaded to it would never end.
func apart(server, path string) error {
	a, b := resolve(server), resolve(path)
	if a == b || strings.HasPrefix(b, a+string(filepath.Separator)) || strings.HasPrefix(a, b+string(filepath.Separator)) || b == string(filepath.Separator) {
		return usagef("--embedded %s and %s are one inside the other: keep the server's directory apart from what is copied", server, path)
	}
	return nil
}

// resolve follows links as far as the path is there.
func resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == filepath.Dir(dir) {
			return abs
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// isDir says whether path is a directory, or would have to be one.
func isDir(path string) bool {
	if strings.HasSuffix(path, "/") || strings.HasSuffix(path, string(filepath.Separator)) {
		return true
	}
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}
