package engine

import (
	"context"
	"time"

	"github.com/s3haul/s3haul/engine/purge"
	"github.com/s3haul/s3haul/engine/report"
)

// UndeleteOptions of Undelete.
type UndeleteOptions struct {
	RunOptions
	// Since is the moment from which on deletions are taken back.
	Since time.Time
}

// Undelete removes the delete markers that hide an object and are not older than
// Since. A key that was deleted before Since already stays deleted. Versions are
// never removed. The Summary counts the markers.
func (e *Engine) Undelete(ctx context.Context, at Location, o UndeleteOptions) (Summary, error) {
	if err := needBucket(at); err != nil {
		return Summary{}, err
	}
	r, err := e.begin(ctx, report.Undelete, at, at, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	s := newSweep(r, at, PurgeOptions{})
	s.plan = func() *purge.Planner { return purge.Undelete(purge.Restore{Match: s.match(), Since: o.Since}, s) }
	sum, err := r.end(s.rounds(ctx))
	s.sum(&sum)
	return sum, err
}
