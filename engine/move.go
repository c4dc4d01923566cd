package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/remove"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/local"
)

// MoveOptions of Move. An object is removed with the condition that it still is
// what was copied. A store that ignores the condition also in a DELETE of one
// object removes what has replaced it meanwhile: nobody may write to the source
// while it is moved from there.
type MoveOptions struct {
	RunOptions
	// NoFollowSymlinks leaves symbolic links out of local walks.
	NoFollowSymlinks bool
	// MakeBucket makes the destination's bucket where it is not there.
	MakeBucket bool
}

// copy is what a move does first.
func (o *MoveOptions) copy() CopyOptions {
	return CopyOptions{RunOptions: o.RunOptions, NoFollowSymlinks: o.NoFollowSymlinks, MakeBucket: o.MakeBucket}
}

// Errors of objects that have arrived, and whose source was kept.
var (
	// ErrUnverified: nobody can say that what arrived is what was sent.
	ErrUnverified = errors.New("the copy is there, but the store has no checksum to verify it by; the source was kept")
	// ErrReplaced: the source is not what was copied any more.
	ErrReplaced = errors.New("the copy is there, but the source was replaced meanwhile; it was kept")
	errBehind   = errors.New("the copy is there, but the source is behind a link, and may be of another tree; it was kept")
	errNoETag   = errors.New("the copy is there, but the store gives the source no ETag to know it again by; it was kept")
)

// Move copies as Copy does, and removes from the source what has arrived, each
// object for itself: only where its bytes are verified at the destination, and
// the source still is what was read. What fails, what NoOverwrite leaves alone,
// and the directories stay, and so does what is behind a link to a directory. Of a
// link to a file, the link is removed. Where names that differ in case would meet
// in one file, the second stays, whatever CaseConflict says. An object is Done
// when its source is gone; one that an interrupt finds on both sides is neither
// done nor failed. Where one side is an access point, or a bucket of the same name is
// at another endpoint, which may lead to the very object that is moved, one that
// looks the same fails. The error is as Sync's.
func (e *Engine) Move(ctx context.Context, src, dst Location, o MoveOptions) (Summary, error) {
	if _, err := direction(src, dst); err != nil {
		return Summary{}, err
	}
	if src.stream || dst.stream {
		return Summary{}, usagef("a stream cannot be moved: copy it")
	}
	if err := e.overlap(src, dst, &o.RunOptions, true, false, func() error { return o.apart(src, dst, true) }); err != nil {
		return Summary{}, err
	}
	r, err := e.beginCopy(ctx, report.Move, src, dst, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	if r.special() {
		return r.end(usagef("%s is a device or a pipe, which keeps nothing: copy to it", dst))
	}
	r.mover = r.newMover()
	r.mover.maybeSame = !src.local() && !dst.local() && src.path == dst.path &&
		(src.accessPoint() || dst.accessPoint() || e.o.Source.elsewhere() && src.bucket == dst.bucket)
	err = r.copyAll(ctx, o.copy())
	r.mover.close()
	return r.end(err)
}

const (
	// mostMoved bounds the objects that have arrived and are not yet removed at the
	// source, some 40 MB: a store may take copies, and throttle deletions.
	mostMoved = 1 << 17
	// soon is how long an object waits for others to fill a batch, as long as
	// others come.
	soon = time.Second
)

// mover removes from the source what has arrived. Files go at once; objects go
// in batches.
type mover struct {
	r       *run
	remover *remove.Remover[report.Event] // nil where the source is local
	unhook  func()

	mu     sync.Mutex
	ids    []wire.ObjectID
	events []report.Event // one for each of ids
	since  time.Time      // when the first of ids came

	// maybeSame says that the ends may be one bucket by two names, with one key in each.
	maybeSame bool

	waiting atomic.Int64  // objects that are not yet removed
	fewer   chan struct{} // of capacity 1: waiting may have become less
}

func (r *run) newMover() *mover {
	m := &mover{r: r, fewer: make(chan struct{}, 1), unhook: func() {}}
	if r.src.local() || r.DryRun {
		return m
	}
	// What has been sent may end: so work, which outlives the caller's context a little.
	m.remover = remove.New(r.work, remove.Options{
		Client: r.deleter(r.src), Pool: r.e.pool, Bucket: r.src.bucket,
		Delete: wire.DeleteOptions{RequestPayer: r.Attributes.RequestPayer},
		// In a batch, other stores do not look at the condition.
		Single:   !wire.OfAWS(r.e.clientOf(r.src)),
		Patience: r.throttledFor(), Retried: r.retried,
	}, m.removed, nil)
	// There is little time left then, and no more objects come that are worth waiting for.
	flushed := make(chan struct{})
	stop := context.AfterFunc(r.ctx, func() {
		defer close(flushed)
		m.send(1)
	})
	m.unhook = func() {
		if !stop() {
			<-flushed
		}
	}
	return m
}

// arrived is told of each object whose copy has ended well.
func (m *mover) arrived(a *plan.Action, res transfer.Result, done report.Event) error {
	if !res.Verified() && res.Size > 0 {
		return ErrUnverified
	}
	if m.remover == nil {
		if local.BehindLink(m.r.src.path, a.Key) {
			return errBehind
		}
		// Its name is that which was walked, so that of a link to it, the link goes.
		if err := os.Remove(m.r.src.file(a.Key)); err != nil {
			return kept(err)
		}
		m.r.sink.Report(done)
		return nil
	}
	if a.Src.ETag == "" {
		return errNoETag
	}
	m.waiting.Add(1)
	m.mu.Lock()
	if len(m.ids) == 0 {
		m.since = time.Now()
	}
	m.ids = append(m.ids, wire.ObjectID{Key: m.r.src.path + a.Key, ETag: a.Src.ETag})
	m.events = append(m.events, done)
	least := m.remover.Limit()
	if m.r.src.one || time.Since(m.since) > soon || m.r.ctx.Err() != nil {
		least = 1
	}
	m.mu.Unlock()
	m.send(least)
	return nil
}

// take returns what has arrived, if that are at least so many objects.
func (m *mover) take(least int) ([]wire.ObjectID, []report.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ids) < least {
		return nil, nil
	}
	ids, events := m.ids, m.events
	m.ids, m.events = nil, nil
	return ids, events
}

// send has the sources removed of what has arrived, if that are at least so many.
// Files that have been written are on the disk before that: the object is all
// that there was.
func (m *mover) send(least int) {
	ids, events := m.take(max(least, 1))
	if ids == nil {
		return
	}
	if errs := m.settle(events); errs != nil {
		var bad remove.Outcome[report.Event]
		n := 0
		for i, err := range errs {
			if err != nil {
				bad.IDs, bad.Tags, bad.Errs = append(bad.IDs, ids[i]), append(bad.Tags, events[i]), append(bad.Errs, err)
				continue
			}
			ids[n], events[n] = ids[i], events[i]
			n++
		}
		ids, events = ids[:n], events[:n]
		m.removed(bad)
	}
	if len(ids) > 0 {
		m.remover.Queue(ids, events)
	}
}

// settle returns why files may not be on the disk, one for each event; nil: all
// are. A disk may take its time, and there is none when work has ended.
func (m *mover) settle(events []report.Event) []error {
	r := m.r
	if r.root == nil {
		return nil
	}
	names := make([]string, len(events))
	for i, e := range events {
		names[i] = r.targetName(e.Key)
	}
	on := make(chan []error, 1)
	go func() { on <- settle(r.work, r.root, names, r.e.fault) }()
	select {
	case errs := <-on:
		return errs
	case <-r.work.Done():
		return slices.Repeat([]error{context.Cause(r.work)}, len(events))
	}
}

// removed is told what became of a batch.
func (m *mover) removed(out remove.Outcome[report.Event]) {
	for i, e := range out.Tags {
		if err := out.Err(i); err != nil && !m.gone(e.Key, err) {
			if m.r.cutOff(m.r.work, err) {
				continue
			}
			e.Kind, e.Err, e.By, e.Sum = report.Failed, kept(err), "", ""
		}
		m.r.sink.Report(e)
	}
	m.waiting.Add(-int64(len(out.Tags)))
	select {
	case m.fewer <- struct{}{}:
	default:
	}
}

// gone says that what could not be removed is not there: an attempt may have
// succeeded whose answer was lost, and then its condition did not hold any more.
func (m *mover) gone(key string, err error) bool {
	switch wire.Code(err) {
	case "NoSuchKey":
		return true
	case "PreconditionFailed":
		_, err := m.r.transfer.Stat(m.r.work, m.r.src.object(key, walker.Entry{}))
		return wire.NotFound(err)
	}
	return false
}

// kept says that a source is there still, and why.
func kept(err error) error {
	if wire.Code(err) == "PreconditionFailed" {
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	}
	return fmt.Errorf("the copy is there, but the source could not be removed: %w", err)
}

// room passes on actions as long as not too many objects wait to be removed.
func (m *mover) room(ctx context.Context, all actions) actions {
	return func(yield func(plan.Action, error) bool) {
		for a, err := range all {
			for m.waiting.Load() >= mostMoved {
				select {
				case <-m.fewer:
				case <-ctx.Done():
					yield(plan.Action{}, context.Cause(ctx))
					return
				}
			}
			if !yield(a, err) {
				return
			}
		}
	}
}

// close waits until what has arrived is removed at the source, or cannot be any
// more because the run was cut off, which its end tells.
func (m *mover) close() {
	_ = m.r.group.Wait() // the end of the run tells
	m.unhook()
	if m.remover != nil {
		m.send(1)
		_ = m.remover.Wait() // it is cut short with work alone
	}
}
