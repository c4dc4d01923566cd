package engine

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// Location is one side of a run: a directory or file here, a prefix or object
// of a bucket there. It is plain data.
type Location struct {
	bucket string
	// path is that of a local file, or the prefix or key in the bucket.
	path string
	// one says that it is a single file or object, not a tree.
	one bool
	// stream says that it is a stream, which the options of the run have.
	stream bool
	// source says that it is what a run reads, by the client for that.
	source bool
	// glob is the pattern that keys behind path have to match; empty matches all.
	glob string
}

// Dir is the tree below a local directory.
func Dir(path string) Location { return Location{path: filepath.Clean(path)} }

// File is one local file.
func File(path string) Location { return Location{path: filepath.Clean(path), one: true} }

// Bucket is all objects of a bucket whose keys begin with prefix: "2026/" for a
// folder, "" for all. The prefix is not part of the names on the other side.
func Bucket(name, prefix string) Location { return Location{bucket: name, path: prefix} }

// Glob is all objects of a bucket whose keys match pattern, in which '*' stands
// for any characters, '/' among them, '?' for any one, and […] for one of some, or
// with '!' first for any but those; [*], [?] and [[] are those characters. The names
// on the other side begin behind the last '/' before the first of these. It can be
// the source of a Copy or Move and what Remove, List, Usage work on, not of a Sync.
func Glob(bucket, pattern string) Location {
	at := strings.LastIndexByte(beforeWildcard(pattern), '/') + 1
	return Location{bucket: bucket, path: pattern[:at], glob: pattern[at:]}
}

func beforeWildcard(pattern string) string {
	if i := strings.IndexAny(pattern, "*?["); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// literal is what all keys that match the pattern have behind the path.
func (l Location) literal() string { return beforeWildcard(l.glob) }

// Object is one object.
func Object(bucket, key string) Location { return Location{bucket: bucket, path: key, one: true} }

// Stream is the standard input or output of a copy of one object; see CopyOptions.
func Stream() Location { return Location{path: "-", one: true, stream: true} }

// String writes it as a person would: s3://bucket/prefix, or the path.
func (l Location) String() string {
	if l.bucket != "" {
		return "s3://" + l.bucket + "/" + l.path + l.glob
	}
	return l.path
}

func (l Location) local() bool { return l.bucket == "" }

// Check says why l cannot be a place, which is [ErrUsage]. Every run asks for it;
// it is for who has something to do before that.
func (l Location) Check() error { return l.check() }

func (l Location) check() error {
	if l.bucket == "" && l.path == "" {
		return usagef("a location is empty: name a directory, a file or s3://bucket/prefix")
	}
	if l.bucket != "" && !bucketName(l.bucket) && !wire.ARN(l.bucket) {
		return usagef("Invalid bucket name %q: letters, digits, '.', '-' and '_' only, 255 at most", l.bucket)
	}
	if l.one && l.bucket != "" && l.path == "" {
		return usagef("s3://%s names a bucket where a key is needed", l.bucket)
	}
	return nil
}

// bucketName is what S3 and other stores take as the name of a bucket in a
// request: botocore's check, so that what aws s3 refuses is refused alike.
func bucketName(s string) bool {
	if len(s) == 0 || len(s) > 255 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_", r)
	})
}

// accessPoint says that the bucket is named by an ARN, or by the alias of an access
// point: that it may be one that has another name as well.
func (l Location) accessPoint() bool {
	return wire.ARN(l.bucket) || strings.HasSuffix(l.bucket, "-s3alias") || strings.HasSuffix(l.bucket, ".mrap") ||
		strings.HasSuffix(l.bucket, "--op-s3") || strings.HasSuffix(l.bucket, "--xa-s3")
}

// file is the path of the local file that has key.
func (l Location) file(key string) string {
	if key == "" {
		return l.path
	}
	return filepath.Join(l.path, filepath.FromSlash(key))
}

// object is the object that has key.
func (l Location) object(key string, e walker.Entry) transfer.Object {
	return transfer.Object{Bucket: l.bucket, Key: l.path + key, Source: l.source, Size: e.Size, ETag: e.ETag, ModTime: e.ModTime}
}

// names writes the names of one side for people. Local ones are relative to the
// working directory, as aws s3 prints them: ./a, sub/b, ../c.
type names struct{ prefix, dir string }

func (l Location) names() names {
	if l.stream {
		return names{prefix: l.path} // as aws s3 calls it, which is no file
	}
	if !l.local() {
		return names{prefix: "s3://" + l.bucket + "/" + l.path}
	}
	rel := l.path
	if wd, err := os.Getwd(); err == nil {
		if abs, err := filepath.Abs(l.path); err == nil {
			if r, err := filepath.Rel(wd, abs); err == nil {
				rel = r
			} else {
				rel = abs
			}
		}
	}
	return names{dir: rel}
}

func (n names) of(key string) string {
	if n.prefix != "" {
		return n.prefix + key
	}
	p := n.dir
	if key != "" {
		p = filepath.Join(n.dir, filepath.FromSlash(key))
	}
	if !strings.ContainsRune(p, filepath.Separator) {
		return "." + string(filepath.Separator) + p
	}
	return p
}

// newName matches the names that S3 gives to new general purpose buckets
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
func newName(name string) error {
	const rules = "a bucket name has 3 to 63 characters, small letters, digits, '-' and '.' only, begins and ends with a letter or digit, and is no IP address"
	if len(name) < 3 || len(name) > 63 || !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]|\.[a-z0-9])*$`).MatchString(name) ||
		strings.HasSuffix(name, "-") || strings.Contains(name, "-.") ||
		regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`).MatchString(name) {
		return usagef("Invalid bucket name %q: %s", name, rules)
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return usagef("Invalid bucket name %q: S3 keeps names that begin with %q to itself", name, p)
		}
	}
	for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, s) {
			return usagef("Invalid bucket name %q: S3 keeps names that end with %q to itself", name, s)
		}
	}
	return nil
}
