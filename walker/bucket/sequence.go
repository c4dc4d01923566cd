package bucket

import (
	"context"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// sequence gives the pages one after another, going on with the store's own
// tokens: it is all that can be done where keys do not come in order. The next
// page is asked for while the present one is read: two are in memory. first,
// where it is not nil, is the first page.
func (s *Source) sequence(ctx context.Context, first *Page, yield func(Chunk) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	pages, free := make(chan *Page), make(chan *Page, 2)
	free <- new(Page)
	free <- new(Page)
	var failed error // read after pages is closed
	go func() {
		defer close(pages)
		failed = s.follow(ctx, first, pages, free)
	}()
	defer func() {
		cancel()
		for range pages { // until the goroutine has ended
			continue
		}
	}()
	for p := range pages {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !yield(Chunk{Entries: p.Entries, Last: p.Next == ""}) {
			return nil
		}
		if p != first {
			free <- p
		}
	}
	return failed
}

// follow sends the pages until the last one has been taken.
func (s *Source) follow(ctx context.Context, p *Page, pages chan<- *Page, free <-chan *Page) error {
	from := position{key: s.o.StartAfter}
	for {
		if p == nil {
			select {
			case p = <-free:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := s.fetch(ctx, from, p); err != nil {
				return err
			}
			s.tidy(p, from)
		}
		// It is not ours any more when it has been sent.
		more := p.Next != ""
		from.skip = p.Next
		if s.versions != nil {
			from = position{key: p.Next, version: p.NextVersion}
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if !more {
			return nil
		}
		p = nil
	}
}

// tidy takes off a page what was on the one before: some stores begin with the
// version that they were to go on behind.
func (s *Source) tidy(p *Page, from position) {
	if s.versions != nil && from.key != "" {
		behind := func(e *walker.Entry) bool {
			return e.Key == s.o.StartAfter || e.Key == from.key && e.VersionID == from.version
		}
		for len(p.Entries) > 0 && behind(&p.Entries[0]) {
			p.Entries = p.Entries[1:]
		}
	}
	if s.o.Prefix != s.prefix() { // of a directory bucket
		kept := p.Entries[:0]
		for _, e := range p.Entries {
			if strings.HasPrefix(e.Key, s.o.Prefix) {
				kept = append(kept, e)
			}
		}
		p.Entries = kept
	}
}

// prefix is what the store is asked for: a directory bucket takes no prefix
// that ends within a name
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
func (s *Source) prefix() string {
	if s.directory() {
		return s.o.Prefix[:strings.LastIndexByte(s.o.Prefix, '/')+1]
	}
	return s.o.Prefix
}
