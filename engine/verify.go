package engine

import (
	"context"
	"errors"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// VerifyOptions of Verify. Of the RunOptions, those that are about what is
// written mean nothing to it.
type VerifyOptions struct {
	RunOptions
	// OneWay does not look for what the destination alone has.
	OneWay bool
	// Download reads the bytes of both sides, and relies on no stored checksum.
	Download bool
	// NoFollowSymlinks leaves symbolic links out of local walks.
	NoFollowSymlinks bool
}

// Verify compares two sides, two trees or two single objects, and changes
// neither: each object that they have is reported as [report.Compared]. Objects
// of different size differ, and those of none are equal, without a request; of
// the others, the checksum or ETag that the store has is held against the other
// side's, or the bytes are. What cannot be listed or read is
// [report.Unreadable], and so is all that lies below; devices, pipes and sockets
// are skipped with a warning. Where a listing ends early, the error says so.
func (e *Engine) Verify(ctx context.Context, src, dst Location, o VerifyOptions) (Summary, error) {
	if _, err := direction(src, dst); err != nil {
		return Summary{}, err
	}
	if src.one != dst.one {
		return Summary{}, usagef("%s and %s: a tree is compared with a tree, one object with one object", src, dst)
	}
	if src.glob+dst.glob != "" || src.stream || dst.stream {
		return Summary{}, usagef("%s and %s: wildcards and streams cannot be compared", src, dst)
	}
	if err := checkSource(src); err != nil {
		return Summary{}, err
	}
	o.DryRun = false // it asks, and changes nothing
	r, err := e.begin(ctx, report.Verify, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	v := &verifying{run: r, o: o}
	r.each = v.check
	return r.end(v.all(ctx))
}

// verifying is one Verify.
type verifying struct {
	*run
	o VerifyOptions
}

func (v *verifying) all(ctx context.Context) error {
	if v.src.one {
		return v.carryOut(ctx, func(ctx context.Context) actions { return v.told(v.single(ctx)) }, v.unreadable)
	}
	follow := !v.o.NoFollowSymlinks
	// Not source: that a name can be no file here is for a download to say.
	var src walker.Source
	if v.src.local() {
		src = v.walkLocal(v.src, follow)
	} else {
		src = v.walkBucket(v.src, false)
	}
	return v.carryOut(ctx, func(ctx context.Context) actions {
		return v.told(plan.Join(ctx, src, v.destination(follow), plan.Options{
			Delete: !v.o.OneWay, Compare: plan.Contents(plan.SizeOnly), Wants: v.wants(),
		}))
	}, v.unreadable)
}

// single is the plan of two single objects.
func (v *verifying) single(ctx context.Context) actions {
	return func(yield func(plan.Action, error) bool) {
		a := plan.Action{Op: plan.Check}
		var err error
		if a.Src, err = v.stat(ctx); err != nil {
			yield(a, err)
			return
		}
		if !v.wantsOne(&a.Src) {
			return
		}
		switch there, err := v.lookThere(ctx, &a); {
		case err != nil:
			yield(a, err)
			return
		case !there:
			a.Op, a.Reason = plan.Transfer, plan.New
		case a.Reason != plan.Size:
			a.Op = plan.Check
		}
		yield(a, nil)
	}
}

// told reports what is decided by names and sizes, and passes on the rest.
func (v *verifying) told(all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		var last plan.Action // of those that are unreadable
		for a, err := range all {
			switch skip := walker.AsSkipped(err); {
			case skip != nil && errors.Is(skip, plan.ErrUnread) && a.Key == last.Key:
				// It was the destination's own name that was skipped.
			case skip != nil && (skip.Quiet && !errors.Is(skip, plan.ErrUnread) || errors.Is(skip, local.ErrSpecial)):
				v.skipped(skip)
			case skip != nil:
				last = a
				v.outcome(&a, report.Unreadable, skip.Err)
			case err != nil:
				yield(a, err)
				return
			case a.Op == plan.Delete:
				v.outcome(&a, report.Extra, nil)
			case a.Reason == plan.New:
				v.outcome(&a, report.Missing, nil)
			case a.Op != plan.Check:
				v.outcome(&a, report.Differs, nil)
			case a.Src.Size == 0:
				v.outcome(&a, report.Equal, nil)
			case !yield(a, nil):
				return
			}
		}
	}
}

// outcome reports one comparison that needed no look at contents: it was never
// planned.
func (v *verifying) outcome(a *plan.Action, o report.Outcome, err error) {
	v.sink.Report(report.Event{Kind: report.Planned, Op: v.op, Count: 1})
	v.compared(a, o, transfer.Verdict{}, err)
}

func (v *verifying) compared(a *plan.Action, o report.Outcome, found transfer.Verdict, err error) {
	v.sink.Report(report.Event{
		Kind: report.Compared, Op: v.op, Src: v.from.of(a.Key), Dst: v.to.of(a.Key), Key: a.Key,
		Bytes: max(a.Src.Size, a.Dst.Size), Outcome: o, By: string(found.By), Err: err,
	})
}

// check compares the contents of two objects of one size.
func (v *verifying) check(ctx context.Context, a *plan.Action) error {
	found, err := v.contents(ctx, a)
	switch {
	case err != nil:
		return err
	case found.Equal && found.Known:
		v.compared(a, report.Equal, found, nil)
	case !found.Known:
		v.compared(a, report.SameSize, transfer.Verdict{}, nil)
	default:
		v.compared(a, report.Differs, found, nil)
	}
	return nil
}

func (v *verifying) contents(ctx context.Context, a *plan.Action) (transfer.Verdict, error) {
	if !v.o.Download {
		return v.compare(ctx, a)
	}
	switch {
	case v.src.local():
		return v.transfer.CompareBytes(ctx, v.dst.object(a.Key, a.Dst), v.src.file(a.Key))
	case v.dst.local():
		return v.transfer.CompareBytes(ctx, v.src.object(a.Key, a.Src), v.dst.file(a.Key))
	}
	return v.transfer.CompareObjectBytes(ctx, v.src.object(a.Key, a.Src), v.dst.object(a.Key, a.Dst))
}

// unreadable is told of comparisons that failed.
func (v *verifying) unreadable(a plan.Action, err error) {
	v.compared(&a, report.Unreadable, transfer.Verdict{}, err)
}
