package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/s3haul/s3haul/engine/plan"
)

// Where the store takes copies and no deletions, the plan waits, as long as its
// context lasts.
func TestMoverHasRoom(t *testing.T) {
	m := &mover{fewer: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stop := errors.New("stop")
	var passed []string
	var last error
	for a, err := range m.room(ctx, func(yield func(plan.Action, error) bool) {
		for _, key := range []string{"a", "b", "c"} {
			if key == "b" {
				m.waiting.Store(mostMoved)
				go func() { // as removed does
					m.waiting.Add(-1)
					m.fewer <- struct{}{}
				}()
			}
			if key == "c" {
				m.waiting.Store(mostMoved)
				cancel(stop)
			}
			if !yield(plan.Action{Key: key}, nil) {
				return
			}
		}
	}) {
		if last = err; err == nil {
			passed = append(passed, a.Key)
		}
	}
	if len(passed) != 2 || !errors.Is(last, stop) {
		t.Errorf("passed %q, then %v", passed, last)
	}
}
