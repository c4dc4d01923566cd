package engine

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/s3haul/s3haul/engine/purge/s3calls"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// mostRounds is how often it is looked whether all is gone: what was added
// meanwhile, or was left out of a listing, is removed then as well. The last
// time it is only counted.
const mostRounds = 3

// rounds is the way of a purge: versions, uploads, and again until nothing is
// found that was not tried.
func (s *sweep) rounds(ctx context.Context) error {
	for ; ; s.round++ {
		if s.round > 0 {
			s.count = s.left.again() || s.round == mostRounds
		}
		if err := s.versions(ctx); err != nil {
			return err
		}
		if err := s.abortUploads(ctx); err != nil {
			return err
		}
		if err := s.explain(ctx); err != nil {
			return err
		}
		switch {
		case s.bounds.err() != nil:
			return s.bounds.err()
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case s.DryRun:
			return nil
		case s.round > 0 && (s.due == 0 || s.count):
			s.checked = true
			return nil
		}
	}
}

// sum completes a Summary.
func (s *sweep) sum(sum *Summary) {
	sum.Purged = true
	var all int64
	sum.Left, all = s.left.list()
	sum.Checked = s.checked
	switch {
	case !s.checked:
	case s.count && s.left.more:
		sum.Rechecked = s.due
	case s.count:
		sum.Rechecked = all + s.due
	default:
		sum.Rechecked = all
	}
}

// abortUploads aborts what is to go of the unfinished uploads.
func (s *sweep) abortUploads(ctx context.Context) error {
	if !s.uploads || s.bounds.err() != nil {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	match := s.match()
	g := s.e.pool.Group(s.work) //nolint:contextcheck // as all requests of a run
	err := func() error {
		for u, err := range listUploads(ctx, s.client, s.at) {
			if err != nil {
				if noVersions(err) { // it knows nothing of uploads either
					return nil
				}
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if s.late() {
				return s.bounds.err()
			}
			if match != nil && !match(strings.TrimPrefix(u.Key, s.at.path)) || s.o.OlderThan > 0 && u.Initiated.After(s.uploadsBefore) {
				continue
			}
			if !s.takeUpload(u) {
				if s.bounds.err() != nil {
					return nil
				}
				continue
			}
			if err := g.Go(func(ctx context.Context) error {
				s.abort(ctx, u)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}()
	werr := g.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.why, err, werr)
}

// uploadID names an upload among what failed.
func uploadID(u wire.UploadInfo) wire.ObjectID {
	return wire.ObjectID{Key: u.Key, VersionID: "upload\x00" + u.UploadID}
}

// takeUpload says whether u is to be aborted, and counts it.
func (s *sweep) takeUpload(u wire.UploadInfo) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.round > 0 && s.left.known(uploadID(u)):
		return false
	case s.DryRun:
		s.sink.Report(report.Event{Kind: report.Removed, Op: report.AbortUpload, Count: 1})
		return false
	}
	s.due++
	return !s.count && s.mayBegin()
}

// abort aborts one upload.
func (s *sweep) abort(ctx context.Context, u wire.UploadInfo) {
	if s.late() {
		s.unsent.Add(1)
		return
	}
	err := s3calls.Abort(ctx, s.client, s.at.bucket, u)
	switch {
	case err == nil:
		s.sink.Report(report.Event{Kind: report.Removed, Op: report.AbortUpload, Count: 1})
	case s.cutOff(s.work, err): //nolint:contextcheck // the run's, of which ctx is
		s.unsent.Add(1)
	case stops(err):
		s.halt(fmt.Errorf("%s: %w", s.at, err))
	default:
		name := "s3://" + s.at.bucket + "/" + u.Key + " (upload " + u.UploadID + ")"
		if s.left.fail(uploadID(u), "upload: "+cmp.Or(wire.Code(err), "no answer"), name, false) {
			s.sink.Report(report.Event{Kind: report.Failed, Op: report.AbortUpload, Src: name, Key: strings.TrimPrefix(u.Key, s.at.path), Err: err})
		} else {
			s.sink.Report(report.Event{Kind: report.Failed, Op: report.AbortUpload, Count: 1})
		}
	}
}
