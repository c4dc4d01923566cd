package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"syscall"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
)

// actions is a plan on its way to be carried out.
type actions = iter.Seq2[plan.Action, error]

// lookahead is how many actions may be known before their turn, so that the
// totals of the progress line run ahead of it; about 3 MiB.
const lookahead = 8192

// carryOut submits the transfers of a plan to the pool as fast as it takes them;
// when the pool is full it stops to read, and with it the walks. It returns when
// all have been submitted, or with the error of the plan: what was submitted
// before goes on. The plan's context ends when a transfer stops the run.
func (r *run) carryOut(ctx context.Context, planned func(context.Context) actions, failed func(plan.Action, error)) error { //nolint:contextcheck // the caller's context and the group's meet here
	ctx, cancel := context.WithCancelCause(ctx)
	group := r.group.Context()
	unhook := context.AfterFunc(group, func() { cancel(context.Cause(group)) }) //nolint:contextcheck // see above
	defer unhook()
	ahead := make(chan plan.Action, lookahead)
	var broken error // read when ahead is closed
	go func() {
		defer close(ahead)
		for a, err := range planned(ctx) {
			if err != nil {
				broken = err
				return
			}
			r.sink.Report(report.Event{Kind: report.Planned, Op: r.op, Count: 1, Bytes: a.Src.Size})
			select {
			case ahead <- a:
			case <-ctx.Done():
				broken = context.Cause(ctx)
				return
			}
		}
		r.sink.Report(report.Event{Kind: report.Listed, Op: r.op})
	}()
	defer func() {
		cancel(context.Canceled)
		for range ahead { // until the goroutine has ended
			continue
		}
	}()
	for turns := r.turns(ahead); ; {
		a, ok := turns.next(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !ok {
			return broken
		}
		if r.bounds.refuses(&a) {
			return r.bounds.err()
		}
		if err := r.submit(a, r.bounds.late, failed); err != nil {
			return err
		}
	}
}

// submit has a carried out as soon as there is room for it, unless it is too
// late then. The error is that of the run, which has been stopped.
func (r *run) submit(a plan.Action, late func(*plan.Action) bool, failed func(plan.Action, error)) error {
	return r.group.Go(func(ctx context.Context) error {
		if late(&a) {
			return nil
		}
		err := r.each(ctx, &a)
		if err == nil {
			return nil
		}
		if r.cutOff(ctx, err) {
			return nil // the run knows why
		}
		failed(a, err)
		if stops(err) && !r.src.one {
			return fmt.Errorf("%s: %w", r.from.of(a.Key), err)
		}
		return nil
	})
}

// stream writes an object to a device or a pipe, which is there and stays what
// it is.
func (r *run) stream(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	f, err := openWriter(ctx, r.dst.path)
	if err != nil {
		return transfer.Result{}, err
	}
	n, err := r.transfer.Stream(ctx, r.src.object(a.Key, a.Src), f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("closing %s: %w", r.dst.path, cerr)
	}
	return n, err
}

// openWriter opens a device or a pipe. A pipe that nobody reads yet is waited
// for, as long as ctx lasts: a plain open would wait for ever.
func openWriter(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
