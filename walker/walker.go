// Package walker describes what a transfer reads its work from: a [Source] is a
// stream of [Entry] values in key order. The packages below it walk a local
// directory (walker/local) and list a bucket (walker/bucket); walker/walktest
// is the contract that each of them passes.
package walker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Entry is one object of a bucket, or one file of a directory. It is plain
// data: nothing in it keeps the Source that yielded it alive.
type Entry struct {
	// Key is the name relative to the root of the Source, with '/' between
	// its segments, never with a leading root or prefix. For a local file it
	// is the relative path.
	Key string
	// Size is the length of the content in bytes.
	Size int64
	// ModTime is LastModified of an object, mtime of a file.
	ModTime time.Time
	// ETag is the entity tag without its quotes; empty for a file.
	ETag string
	// StorageClass is S3's name for the class; empty for a file, and where
	// the store does not say.
	StorageClass string
	// Restored says that an object of a class of archive can be read for a while. No
	// listing says so.
	Restored bool
	// VersionID is set by listings of versions alone; "null" is a real id.
	VersionID string
	// Latest says that this is the current version of its key.
	Latest bool
	// DeleteMarker says that this version is a delete marker.
	DeleteMarker bool
	// CommonPrefix says that this is no object: it stands for all keys that
	// begin with Key, in a listing by levels.
	CommonPrefix bool
}

// Source is something that can be walked.
type Source interface {
	// Walk yields the entries. Where Ordered is true they come in byte order
	// of Key, as S3 lists a general purpose bucket, and no Key comes twice
	// (versions of one key come newest first).
	//
	// A non-nil error that is a [*Skipped] is about one name: the walk goes
	// on, the Entry with it has only its Key, and it stands at the place in
	// the order where that Key belongs. Any other error is the last thing
	// that is yielded, and means that the walk is not complete: whoever reads
	// an unfinished walk as "the rest is absent" deletes what is there.
	//
	// Walk may be called again, also concurrently; each call walks anew. The
	// consumer may stop at any time, and nothing is left running when the
	// range over the sequence has ended. When ctx ends, the walk ends with
	// its error.
	Walk(ctx context.Context) iter.Seq2[Entry, error]
	// Ordered says whether Walk yields in byte order of the keys.
	Ordered() bool
}

// Skipped is the error of one name that could not be used: unreadable,
// vanished, a device, a loop of links. What is skipped is not absent; nobody
// may delete its counterpart on the other side.
type Skipped struct {
	// Key is the name that is skipped. Where it ends in '/', it stands for
	// everything below as well.
	Key string
	// Path is the name as a person writes it: the path of a local file.
	Path string
	// Err is the reason, a sentence with a full stop, as `aws s3` prints it
	// behind "warning: Skipping file P. ".
	Err error
	// Quiet is set where nobody needs to be told: a filter held it back.
	Quiet bool
	// Unlisted is set of a directory that is there and could not be listed: what
	// it holds is not known, so the walk is not complete without it. Key ends in
	// '/'.
	Unlisted bool
}

func (s *Skipped) Error() string { return fmt.Sprintf("Skipping file %s. %v", s.Path, s.Err) }

// Unwrap returns the reason.
func (s *Skipped) Unwrap() error { return s.Err }

// AsSkipped returns the [*Skipped] in err's chain, or nil.
func AsSkipped(err error) *Skipped {
	s, _ := errors.AsType[*Skipped](err)
	return s
}

// ErrOrder is in the chain of the error of a Source that said it was ordered
// and yielded a key out of order. To merge such a stream loses keys silently
// (juicefs #7489), so it ends the run.
var ErrOrder = errors.New("keys are not in order")

// InOrder checks the promise of an ordered Source: it passes seq through, and
// ends it with [ErrOrder] at the first key that is not after the one before.
func InOrder(seq iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		last, first := "", true
		for e, err := range seq {
			if err != nil && AsSkipped(err) == nil {
				yield(Entry{}, err)
				return
			}
			if !first && e.Key <= last {
				yield(Entry{}, fmt.Errorf("%w: %q came after %q", ErrOrder, e.Key, last))
				return
			}
			last, first = e.Key, false
			if !yield(e, err) {
				return
			}
		}
	}
}

// Lineage remembers, along an ordered stream of keys, those keys that the
// present one continues: with "a", "a-b", "a/c" it knows at "a/c" that "a" was
// there. It holds at most one key for each byte of the longest key. The zero
// value is ready.
type Lineage struct{ keys []string }

// Push moves on to key and remembers it.
func (l *Lineage) Push(key string) {
	l.MoveTo(key)
	l.keys = append(l.keys, key)
}

// MoveTo moves on to key without remembering it: what it does not continue is
// forgotten.
func (l *Lineage) MoveTo(key string) {
	for len(l.keys) > 0 && !strings.HasPrefix(key, l.keys[len(l.keys)-1]) {
		l.keys = l.keys[:len(l.keys)-1]
	}
}

// Above returns the remembered key that is a directory above key, as "a" is
// above "a/c" and "d/" above "d/x".
func (l *Lineage) Above(key string) (string, bool) {
	for _, k := range l.keys {
		if len(k) < len(key) && strings.HasPrefix(key, k) && (key[len(k)] == '/' || k != "" && k[len(k)-1] == '/') {
			return k, true
		}
	}
	return "", false
}
