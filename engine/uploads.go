package engine

import (
	"context"
	"iter"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// Uploads lists the unfinished multipart uploads of a location, in the order of
// their keys. An error is the last thing that is yielded.
func (e *Engine) Uploads(ctx context.Context, at Location) iter.Seq2[wire.UploadInfo, error] {
	if err := needBucket(at); err != nil {
		return func(yield func(wire.UploadInfo, error) bool) { yield(wire.UploadInfo{}, err) }
	}
	return listUploads(ctx, e.attempts(), at)
}

// listUploads lists page after page.
func listUploads(ctx context.Context, c wire.Configurations, at Location) iter.Seq2[wire.UploadInfo, error] {
	return func(yield func(wire.UploadInfo, error) bool) {
		req := wire.UploadsRequest{Bucket: at.bucket, Prefix: at.path}
		for {
			page, err := c.ListUploads(ctx, req)
			if err != nil {
				yield(wire.UploadInfo{}, err)
				return
			}
			for _, u := range page.Uploads {
				if at.one && u.Key != at.path {
					return // its own come first
				}
				if !yield(u, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			req.KeyMarker, req.UploadIDMarker = page.NextKey, page.NextUploadID
		}
	}
}

// AbortOptions of AbortUploads.
type AbortOptions struct {
	RunOptions
	// OlderThan leaves uploads that began less than so long ago; 0 leaves none.
	OlderThan time.Duration
}

// AbortUploads aborts unfinished multipart uploads, and lists again at its end,
// as Purge does.
func (e *Engine) AbortUploads(ctx context.Context, at Location, o AbortOptions) (Summary, error) {
	po := PurgeOptions{RunOptions: o.RunOptions, OlderThan: o.OlderThan}
	if err := po.check(); err != nil {
		return Summary{}, err
	}
	if err := needBucket(at); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, report.AbortUpload, at, at, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	s := newSweep(r, at, po)
	s.plan = func() *purge.Planner { return nil } // versions are none of its business
	s.uploads = true
	s.uploadsBefore = time.Now().Add(-o.OlderThan)
	sum, err := r.end(s.rounds(ctx))
	s.sum(&sum)
	return sum, err
}
