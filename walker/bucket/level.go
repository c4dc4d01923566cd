package bucket

import (
	"context"
	"iter"

	"github.com/s3haul/s3haul/walker"
)

// Level lists one level of a bucket as req.Delimiter cuts it: of each page the
// common prefixes, with CommonPrefix set, and then the objects, as aws s3 ls
// prints them. Keys are whole. An error is the last thing that is yielded.
func Level(ctx context.Context, l Lister, req ListRequest) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		var p Page
		for {
			if err := l.ListObjects(ctx, req, &p); err != nil {
				yield(walker.Entry{}, err)
				return
			}
			for _, prefix := range p.Prefixes {
				if !yield(walker.Entry{Key: prefix, CommonPrefix: true}, nil) {
					return
				}
			}
			for _, e := range p.Entries {
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
