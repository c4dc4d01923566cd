package bucket

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// Source walks the objects of a bucket below a prefix, or their versions.
type Source struct {
	lister   Lister
	versions VersionLister
	o        Options
}

// Options of a Source.
type Options struct {
	// Bucket is its name.
	Bucket string
	// Prefix limits the walk to the keys that begin with it, and is taken off
	// them. It is compared byte by byte: "di" takes "dir/a" as well.
	Prefix string
	// Keep is how many bytes at the end of Prefix stay in the keys all the same.
	Keep int
	// PageSize is the number of keys asked for with one request, 1 to 1000;
	// 0 means 1000.
	PageSize int
	// StartAfter, where it is not empty, leaves out the keys up to and with it; it
	// is a whole key, with Prefix.
	StartAfter string
	// Parallel is the most pages asked for at once; 0 and 1 ask for one after
	// another.
	Parallel int
	// Memory bounds what a walk holds of pages that have not been read, those on
	// their way included, in bytes; 0 means 32 MiB.
	Memory int64
	// Notice is told what is worth knowing and stops nothing; nil tells nobody.
	Notice func(error)
	// RequestPayer says that the requester pays.
	RequestPayer bool
	// Markers keeps the empty objects whose keys end in '/'. Consoles make
	// them to show folders; they are no files, and aws s3 leaves them out of
	// everything but deletions.
	Markers bool
}

var _ walker.Source = (*Source)(nil)

// New returns a Source that lists through l.
func New(l Lister, o Options) *Source { return &Source{lister: l, o: o} }

// NewVersions returns a Source of all versions and delete markers: those of one
// key come newest first.
func NewVersions(l VersionLister, o Options) *Source { return &Source{versions: l, o: o} }

// Chunk is some of a listing: the rows of one page.
type Chunk struct {
	// Range tells chunks of different key ranges apart. The chunks of one range
	// come in the order of their keys; all versions of a key are of one range.
	Range int
	// Entries are the rows, with keys without the Source's Prefix. They are valid
	// until the next Chunk is asked for; their strings stay.
	Entries []walker.Entry
	// Last says that the range ends with these rows: nothing more comes of it.
	Last bool
}

// Pages yields the pages of the listing as they come, ranges mixed: it is the
// cheap way to read all of a bucket where the order of the keys does not
// matter. Errors are as Walk's; where it ends with one, ranges may lack their
// Last chunk. Folder markers are always among the entries.
func (s *Source) Pages(ctx context.Context) iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		stopped := false
		err := s.pages(ctx, false, func(c Chunk) bool {
			for i := range c.Entries {
				c.Entries[i].Key = strings.TrimPrefix(c.Entries[i].Key, s.root())
			}
			stopped = !yield(c, nil)
			return !stopped
		})
		if err != nil && !stopped {
			yield(Chunk{}, err)
		}
	}
}

// root is what is taken off the keys.
func (s *Source) root() string { return s.o.Prefix[:len(s.o.Prefix)-s.o.Keep] }

// Ordered is true of general purpose buckets, which list in byte order of the
// keys, and false of directory buckets
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func (s *Source) Ordered() bool { return !s.directory() }

func (s *Source) directory() bool { return strings.HasSuffix(s.o.Bucket, "--x-s3") }

// Walk lists page after page, or with Parallel many ranges of keys at a time,
// ahead of the one who reads. An error of the Lister ends the walk.
func (s *Source) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		stopped, root := false, s.root()
		err := s.pages(ctx, true, func(c Chunk) bool {
			for i := range c.Entries {
				if i%64 == 0 && ctx.Err() != nil {
					return true // the walk ends with that
				}
				e := &c.Entries[i]
				if e.Size == 0 && s.versions == nil && !s.o.Markers && strings.HasSuffix(e.Key, "/") {
					continue
				}
				e.Key = strings.TrimPrefix(e.Key, root)
				if !yield(*e, nil) {
					stopped = true
					return false
				}
			}
			return true
		})
		if stopped {
			return
		}
		if err == nil && ctx.Err() != nil {
			// Also with the last page read: a walk that was ended does not look
			// complete.
			err = context.Cause(ctx)
		}
		if err != nil {
			yield(walker.Entry{}, err)
		}
	}
}

// pages gives all pages, in order where that is wanted. Keys are whole.
func (s *Source) pages(ctx context.Context, ordered bool, yield func(Chunk) bool) error {
	if s.directory() && s.versions != nil {
		return fmt.Errorf("listing s3://%s/%s: a directory bucket has no versions", s.o.Bucket, s.o.Prefix)
	}
	if s.versions == nil && s.o.Parallel <= 1 || s.directory() {
		return s.sequence(ctx, nil, yield)
	}
	p := new(Page)
	from := position{key: s.o.StartAfter}
	if err := s.fetch(ctx, from, p); err != nil {
		return err
	}
	if err := s.inOrder(p.Entries); err != nil {
		if s.o.Notice != nil {
			s.o.Notice(fmt.Errorf("%w; it is listed one page after another", err))
		}
		s.tidy(p, from)
		return s.sequence(ctx, p, yield)
	}
	if p.Next == "" || s.versions == nil && len(p.Entries) == 0 {
		s.tidy(p, from)
		return s.sequence(ctx, p, yield)
	}
	c := newCrew(ctx, s, ordered, p)
	defer c.close()
	if ordered {
		return c.inTurn(yield)
	}
	return c.chunks(yield)
}

// fetch asks for the page behind a position.
func (s *Source) fetch(ctx context.Context, from position, into *Page) error {
	if s.versions != nil {
		key, version := from.key, from.version
		if from.ask.key != "" {
			key, version = from.ask.key, from.ask.version
		}
		return s.versions.ListVersions(ctx, VersionsRequest{
			Bucket: s.o.Bucket, Prefix: s.prefix(), KeyMarker: key, VersionIDMarker: version,
			MaxKeys: cmp.Or(from.keys, s.o.PageSize), RequestPayer: s.o.RequestPayer,
		}, into)
	}
	return s.lister.ListObjects(ctx, ListRequest{
		Bucket: s.o.Bucket, Prefix: s.prefix(), StartAfter: from.key, Token: from.skip,
		MaxKeys: s.o.PageSize, RequestPayer: s.o.RequestPayer,
	}, into)
}

// inOrder checks the rows of one page.
func (s *Source) inOrder(rows []walker.Entry) error {
	for i := 1; i < len(rows); i++ {
		a, b := rows[i-1].Key, rows[i].Key
		if a < b || a == b && s.versions != nil {
			continue
		}
		return fmt.Errorf("listing s3://%s/%s: %w: %q came after %q", s.o.Bucket, s.o.Prefix, walker.ErrOrder, b, a)
	}
	return nil
}
