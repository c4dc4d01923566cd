package engine

import (
	"context"
	"errors"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/transfer"
)

// pipe brings one object from a stream, or to one.
func (r *run) pipe(_ context.Context, _ *plan.Action) (transfer.Result, error) {
	return transfer.Result{}, errors.New("streams are being built")
}
