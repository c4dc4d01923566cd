package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// ErrImmutable fails an object whose destination is there and has other content,
// or other content for all that can be known, where RunOptions.Immutable is set.
var ErrImmutable = errors.New("the destination differs and --immutable is set")

// errChangedLate says that a file changed after all of it was read: the copy is
// there, and is what the file was.
var errChangedLate = fmt.Errorf("%w; the copy is there, and the source was kept", transfer.ErrChanged)

// carry carries out one action: it looks at what is there where that has a say,
// moves the bytes, and tells how it went.
func (r *run) carry(ctx context.Context, a *plan.Action) error {
	if done, err := r.leave(ctx, a); done || err != nil {
		return err
	}
	if !r.src.local() && r.archived(a) { // it was to be compared before
		r.sink.Report(report.Event{Kind: report.Planned, Op: r.op, Count: -1, Bytes: -a.Src.Size})
		r.leaveArchived(a)
		return nil
	}
	if r.mover != nil && r.mover.maybeSame {
		if same, err := r.sameObject(ctx, a); same || err != nil {
			return cmp.Or(err, errSameObject)
		}
	}
	if r.DryRun {
		r.sink.Report(r.doneWith(a, report.DryRun, transfer.Result{Size: a.Src.Size}))
		return nil
	}
	// A large object is cut off as soon as the caller wants the run to end: it
	// would take too long. A small one has until work ends.
	if a.Src.Size >= r.transfer.Threshold {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(context.Canceled)
		defer context.AfterFunc(r.ctx, func() { cancel(context.Cause(r.ctx)) })() //nolint:contextcheck // two contexts meet here
	}
	res, err := r.bring(ctx, a)
	if errors.Is(err, transfer.ErrExists) {
		return r.exists(ctx, a)
	}
	if err != nil {
		return err
	}
	done := r.doneWith(a, report.Done, res)
	if r.mover != nil {
		return r.mover.arrived(a, res, done)
	}
	r.sink.Report(done)
	return nil
}

// doneWith is the event of an action that has ended well.
func (r *run) doneWith(a *plan.Action, kind report.Kind, res transfer.Result) report.Event {
	return report.Event{
		Kind: kind, Op: r.op, Src: r.from.of(a.Key), Dst: r.to.of(a.Key), Key: a.Key,
		Bytes: res.Size, By: string(res.By), Sum: res.Sum,
	}
}

// bring moves the bytes of one action.
func (r *run) bring(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	switch {
	case r.src.stream || r.dst.stream:
		return r.pipe(ctx, a)
	case r.src.local():
		res, err := r.upload(ctx, a)
		// What is there already would keep the second one out.
		late := errors.Is(err, errChangedLate) && r.transfer.NoOverwrite
		if errors.Is(err, transfer.ErrChanged) && !late && ctx.Err() == nil && r.lookAgain(a) {
			r.retried(err)
			res, err = r.upload(ctx, a)
		}
		return res, err
	case !r.dst.local() && r.e.o.Source.elsewhere():
		return r.transfer.Carry(ctx, r.src.object(a.Key, a.Src), r.dst.object(a.Key, walker.Entry{}))
	case !r.dst.local():
		return r.transfer.Copy(ctx, r.src.object(a.Key, a.Src), r.dst.object(a.Key, walker.Entry{}))
	case r.device:
		return r.stream(ctx, a)
	}
	return r.transfer.Download(ctx, r.src.object(a.Key, a.Src), r.root, r.targetName(a.Key))
}

// upload sends one file. In a move it has to be the same file after it, too:
// what is removed then is what was read.
func (r *run) upload(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	file, dst := r.src.file(a.Key), r.dst.object(a.Key, walker.Entry{})
	if r.mover == nil {
		return r.transfer.Upload(ctx, file, dst)
	}
	was, err := os.Stat(file)
	if err != nil {
		return transfer.Result{}, err
	}
	res, err := r.transfer.Upload(ctx, file, dst)
	if err != nil {
		return res, err
	}
	now, err := os.Stat(file)
	if err == nil && !transfer.SameFile(was, now) {
		err = fmt.Errorf("%s: %w", file, errChangedLate)
	}
	return res, err
}

// lookAgain takes a as the file is now that changed while it was read. It says
// whether it still is one.
func (r *run) lookAgain(a *plan.Action) bool {
	fi, err := os.Stat(r.src.file(a.Key))
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	r.sink.Report(report.Event{Kind: report.Planned, Op: r.op, Bytes: fi.Size() - a.Src.Size})
	a.Src.Size, a.Src.ModTime = fi.Size(), fi.ModTime()
	return true
}

// leave says that what is at the destination is to stay: because it is the same,
// or because it is there. The error says why it should not be there.
func (r *run) leave(ctx context.Context, a *plan.Action) (bool, error) {
	if r.blind && !r.device && !r.dst.stream && r.asksFirst(a) {
		there, err := r.lookThere(ctx, a)
		if err != nil {
			return false, err
		}
		if there && r.NoOverwrite {
			r.unchanged(a)
			return true, nil
		}
	}
	if a.Op == plan.Check {
		found, err := r.compare(ctx, a)
		if err != nil {
			return false, err
		}
		if found.Equal || !found.Known && a.Reason == plan.Same {
			r.unchanged(a)
			return true, nil
		}
		if r.Immutable && !found.Known {
			return false, fmt.Errorf("nothing but the sizes can be compared: %w", ErrImmutable)
		}
	}
	if r.Immutable && a.Reason != plan.New {
		return false, ErrImmutable
	}
	if a.Op == plan.Check {
		r.bounds.count(a)
	}
	return false, nil
}

// asksFirst says that the destination of a is to be looked at before anything is
// sent. For NoOverwrite the condition on the request is enough, but where much
// would be sent in vain, and for copies, of which many stores ignore it.
func (r *run) asksFirst(a *plan.Action) bool {
	copies := !r.src.local() && !r.dst.local()
	return r.Immutable || r.NoOverwrite && (r.DryRun || copies || a.Src.Size >= r.transfer.Threshold)
}

// exists is told of a transfer that found something at the destination that is
// not to be replaced.
func (r *run) exists(ctx context.Context, a *plan.Action) error {
	if !r.Immutable {
		r.unchanged(a)
		return nil
	}
	there, err := r.lookThere(ctx, a)
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("%w; now it is gone again", transfer.ErrExists)
	}
	_, err = r.leave(ctx, a)
	return err
}

// lookThere looks at the destination of a. What is there becomes a part of a,
// with what follows from it where it must not be replaced.
func (r *run) lookThere(ctx context.Context, a *plan.Action) (bool, error) {
	there, err := r.statThere(ctx, a.Key)
	switch {
	case absent(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking at what is at the destination: %w", err)
	}
	a.Dst = there
	a.Op, a.Reason = plan.Unlike(plan.Always)(a.Src, a.Dst)
	return true, nil
}

// absent says that what was looked for is not there.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) || wire.NotFound(err) }

// statThere is the entry of one key at the destination.
func (r *run) statThere(ctx context.Context, key string) (walker.Entry, error) {
	if !r.dst.local() {
		e, err := r.transfer.Stat(ctx, r.dst.object(key, walker.Entry{}))
		e.Key = key
		return e, err
	}
	fi, err := os.Stat(r.dst.file(key)) // a link has the size of what it leads to
	if errors.Is(err, fs.ErrNotExist) {
		fi, err = os.Lstat(r.dst.file(key))
	}
	if err != nil {
		return walker.Entry{}, err
	}
	return walker.Entry{Key: key, Size: fi.Size(), ModTime: fi.ModTime()}, nil
}

// unchanged reports that a needed nothing after all.
func (r *run) unchanged(a *plan.Action) {
	r.sink.Report(report.Event{Kind: report.Planned, Op: r.op, Count: -1, Bytes: -a.Src.Size})
	r.sink.Report(report.Event{Kind: report.Unchanged, Op: r.op, Count: 1})
}

// compare holds the contents of both sides of a against each other. In a dry
// run no request is sent.
func (r *run) compare(ctx context.Context, a *plan.Action) (transfer.Verdict, error) {
	if a.Src.Size == 0 && a.Dst.Size == 0 {
		return transfer.Verdict{Equal: true, Known: true}, nil
	}
	ask := !r.DryRun
	switch {
	case r.src.local():
		return r.transfer.Compare(ctx, r.dst.object(a.Key, a.Dst), r.src.file(a.Key), ask)
	case r.dst.local():
		return r.transfer.Compare(ctx, r.src.object(a.Key, a.Src), r.dst.file(a.Key), ask)
	}
	return r.transfer.CompareObjects(ctx, r.src.object(a.Key, a.Src), r.dst.object(a.Key, a.Dst), ask)
}
