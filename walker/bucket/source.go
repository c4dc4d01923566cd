package bucket

import (
	"context"
	"iter"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// Source walks the objects of a bucket below a prefix.
type Source struct {
	lister Lister
	o      Options
}

// Options of a Source.
type Options struct {
	// Bucket is its name.
	Bucket string
	// Prefix limits the walk to the keys that begin with it, and is taken off
	// them. It is compared byte by byte: "di" takes "dir/a" as well.
	Prefix string
	// PageSize is the number of keys asked for with one request, 1 to 1000;
	// 0 means 1000.
	PageSize int
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

// Ordered is true: general purpose buckets list in byte order of the keys.
func (s *Source) Ordered() bool { return true }

// Walk lists page after page. The next page is asked for while the present one
// is read: two pages are in memory. An error of the Lister ends the walk.
func (s *Source) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan *Page)
		free := make(chan *Page, 2)
		free <- new(Page)
		free <- new(Page)
		var failed error // read after pages is closed
		go func() {
			defer close(pages)
			failed = s.fetch(ctx, pages, free)
		}()
		defer func() {
			cancel()
			for range pages { // until the goroutine has ended
				continue
			}
		}()
		for p := range pages {
			for i := range p.Entries {
				if ctx.Err() != nil {
					// Also with the last page at hand: a walk that was ended
					// does not look complete.
					yield(walker.Entry{}, context.Cause(ctx))
					return
				}
				e := &p.Entries[i]
				if e.Size == 0 && !s.o.Markers && strings.HasSuffix(e.Key, "/") {
					continue
				}
				e.Key = strings.TrimPrefix(e.Key, s.o.Prefix)
				if !yield(*e, nil) {
					return
				}
			}
			free <- p
		}
		if failed != nil {
			yield(walker.Entry{}, failed)
		}
	}
}

// fetch sends the pages of the listing until the last one has been taken.
func (s *Source) fetch(ctx context.Context, pages chan<- *Page, free <-chan *Page) error {
	req := ListRequest{
		Bucket: s.o.Bucket, Prefix: s.o.Prefix,
		MaxKeys: s.o.PageSize, RequestPayer: s.o.RequestPayer,
	}
	for {
		var p *Page
		select {
		case p = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.lister.ListObjects(ctx, req, p); err != nil {
			return err
		}
		req.Token = p.Next
		select {
		case pages <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if req.Token == "" {
			return nil
		}
	}
}
