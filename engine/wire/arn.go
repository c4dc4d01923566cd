package wire

import "strings"

// SplitBucket splits what follows s3:// into a bucket and a key, or prefix, as
// aws s3 does: at the first slash, or behind the ARN of an access point
// (arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME, with ':' for '/' as well, and
// without a region for one of several regions) or of one on an outpost. What S3
// has no objects in for aws s3, an Object Lambda or a bucket of an outpost, is a
// [*UsageError]. Whether the bucket can be one is not looked at; see [ARN].
func SplitBucket(s string) (bucket, key string, err error) {
	if strings.HasPrefix(s, "arn:") {
		kind, end := resource(s)
		switch kind {
		case objectLambda:
			return "", "", &UsageError{"s3 commands do not support S3 Object Lambda resources. Use s3api commands instead."}
		case outpostBucket:
			return "", "", &UsageError{"s3 commands do not support Outpost Bucket ARNs. Use s3control commands instead."}
		case accessPoint, outpostPoint:
			if end < len(s) {
				key = s[end+1:]
			}
			return s[:end], key, nil
		}
	}
	bucket, key, _ = strings.Cut(s, "/")
	return bucket, key, nil
}

// ARN says that bucket is the ARN of an access point, which S3 takes in the
// place of a bucket's name.
func ARN(bucket string) bool {
	kind, end := resource(bucket)
	return (kind == accessPoint || kind == outpostPoint) && end == len(bucket)
}

// arnKind is what an ARN is of.
type arnKind uint8

const (
	otherARN arnKind = iota
	accessPoint
	outpostPoint
	outpostBucket
	objectLambda
)

// resource says what the ARN is of that s begins with, and where it ends: at the
// end of s, or before the separator of a key
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html).
func resource(s string) (kind arnKind, end int) {
	field := strings.SplitN(s, ":", 6)
	if len(field) < 6 || field[0] != "arn" || !strings.HasPrefix(field[1], "aws") ||
		strings.Trim(field[3], regionLetters) != "" || len(field[4]) != 12 || strings.Trim(field[4], "0123456789") != "" {
		return otherARN, 0
	}
	rest := words{s: field[5]}
	start := len(s) - len(field[5])
	switch field[2] {
	case "s3":
		if rest.word("accesspoint") && rest.until("/") {
			return accessPoint, start + rest.at
		}
	case "s3-object-lambda":
		if rest.word("accesspoint") && rest.name() {
			return objectLambda, start + rest.at
		}
	case "s3-outposts":
		if field[3] == "" || !rest.word("outpost") || !rest.name() || !rest.separator() {
			break
		}
		if on := rest; on.word("bucket") && on.name() {
			return outpostBucket, start + on.at
		}
		if rest.word("accesspoint") && rest.name() {
			return outpostPoint, start + rest.at
		}
	}
	return otherARN, 0
}

const (
	regionLetters = "abcdefghijklmnopqrstuvwxyz0123456789-"
	nameLetters   = regionLetters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	longestName   = 63
)

// words reads the resource of an ARN, whose parts have '/' or ':' between them.
type words struct {
	s  string
	at int
}

// word takes w and the separator behind it.
func (w *words) word(text string) bool {
	if !strings.HasPrefix(w.s[w.at:], text) {
		return false
	}
	w.at += len(text)
	return w.separator()
}

func (w *words) separator() bool {
	if w.at == len(w.s) || w.s[w.at] != '/' && w.s[w.at] != ':' {
		return false
	}
	w.at++
	return true
}

// name takes the name of an access point, or the id of an outpost, which ends
// with the ARN or at a separator.
func (w *words) name() bool {
	n := len(w.s[w.at:]) - len(strings.TrimLeft(w.s[w.at:], nameLetters))
	w.at += n
	ends := w.at == len(w.s) || w.s[w.at] == '/' || w.s[w.at] == ':'
	return n > 0 && n <= longestName && ends
}

// until takes what there is before any of the separators; it must not be empty.
func (w *words) until(separators string) bool {
	n := strings.IndexAny(w.s[w.at:], separators)
	if n < 0 {
		n = len(w.s[w.at:])
	}
	w.at += n
	return n > 0
}
