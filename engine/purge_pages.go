package engine

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// listsAtOnce is the most pages of a purge's listing that are asked for at once.
const listsAtOnce = 64

// pages lists the versions, or the objects where the store has none.
func (s *sweep) pages(ctx context.Context) iter.Seq2[bucket.Chunk, error] {
	o := s.e.listing(s.at, listsAtOnce, s.PageSize)
	o.Notice = func(err error) {
		if s.round == 0 { // and not each time that it is looked whether all is gone
			s.sink.Report(report.Event{Kind: report.Notice, Op: s.op, Err: err})
		}
	}
	if s.at.one {
		o.Parallel = 1 // others may begin with the key
	}
	return func(yield func(bucket.Chunk, error) bool) {
		if !s.flat {
			first := true
			for c, err := range s.only(bucket.NewVersions(s.client, o).Pages(ctx)) {
				if first && err != nil && s.object != nil && noVersions(err) {
					s.flat = true
					break
				}
				first = false
				if !yield(c, err) || err != nil {
					return
				}
			}
			if !s.flat {
				return
			}
		}
		if s.round == 0 && s.object != nil {
			s.sink.Report(report.Event{Kind: report.Notice, Op: s.op, Err: fmt.Errorf("s3://%s has no versions: its objects are removed", s.at.bucket)})
		}
		for c, err := range s.only(bucket.New(s.client, o).Pages(ctx)) {
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// only passes on the rows of the one key, where one was asked for: it comes
// first of all that begin with it.
func (s *sweep) only(pages iter.Seq2[bucket.Chunk, error]) iter.Seq2[bucket.Chunk, error] {
	if !s.at.one {
		return pages
	}
	return func(yield func(bucket.Chunk, error) bool) {
		for c, err := range pages {
			if err != nil {
				yield(c, err)
				return
			}
			if i := slices.IndexFunc(c.Entries, func(e walker.Entry) bool { return e.Key != "" }); i >= 0 {
				c.Entries, c.Last = c.Entries[:i], true
			}
			if !yield(c, nil) || c.Last {
				return
			}
		}
	}
}

// noVersions says that the store does not list versions.
func noVersions(err error) bool {
	switch wire.Code(err) {
	case "NotImplemented", "MethodNotAllowed", "XNotImplemented":
		return true
	}
	return false
}
