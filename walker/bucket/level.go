package bucket

import (
	"context"
	"iter"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// Level lists one level of a bucket as req.Delimiter cuts it: the objects, and
// in their place among them the common prefixes, with CommonPrefix set. Keys
// are whole. An error is the last thing that is yielded.
func Level(ctx context.Context, l Lister, req ListRequest) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		var p Page
		for {
			if err := l.ListObjects(ctx, req, &p); err != nil {
				yield(walker.Entry{}, err)
				return
			}
			// A page has two sorted lists, and the next page begins after both.
			objects, prefixes := p.Entries, p.Prefixes
			for len(objects)+len(prefixes) > 0 {
				var e walker.Entry
				if len(objects) > 0 && (len(prefixes) == 0 || strings.Compare(objects[0].Key, prefixes[0]) < 0) {
					e, objects = objects[0], objects[1:]
				} else {
					e, prefixes = walker.Entry{Key: prefixes[0], CommonPrefix: true}, prefixes[1:]
				}
				if !yield(e, nil) {
					return
				}
			}
			if req.Token = p.Next; req.Token == "" {
				return
			}
		}
	}
}
