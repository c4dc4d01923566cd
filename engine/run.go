package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/sorted"
)

// grace is what small requests get to end by themselves after the caller's
// context has ended. With it, Ctrl-C is answered within two seconds.
const grace = time.Second

// RunOptions are what every run takes.
type RunOptions struct {
	// Report is told what happens; nil tells nobody.
	Report report.Sink
	// Filters are the --exclude and --include rules in their order; the last
	// one that matches wins.
	Filters []walker.Rule
	// DryRun sends nothing but lists, and reports what would be done.
	DryRun bool
	// PageSize is the number of keys asked for at once, 1 to 1000; 0 means 1000.
	PageSize int
	// MaxTransfer is the number of bytes after which no other object is begun:
	// the one that reaches it goes whole. MaxDuration is the time after which
	// none is, and no delete. Where there is more to do, the run ends with a
	// [*BoundError] when what is under way has ended. 0 means no bound.
	MaxTransfer int64
	MaxDuration time.Duration
	// ChecksumAlgorithm is what uploads are summed with, and the store is asked to
	// keep: CRC64NVME, CRC32C, CRC32, SHA256 or SHA1; empty means CRC64NVME.
	ChecksumAlgorithm string
	// NoOverwrite leaves alone what is there at the destination, without a word.
	NoOverwrite bool
	// Immutable fails an object whose destination is there and differs.
	Immutable bool
	// Preserve keeps the time of modification and the mode of files in the metadata
	// of objects, and takes them from there.
	Preserve bool
	// CaseConflict is what becomes of objects whose names differ in case only, in
	// the download of a tree: "ignore" (the same as empty), "warn", "skip", "error".
	CaseConflict string
	// Only has the run consider these keys of the source alone, in whatever order:
	// nothing is walked or listed there, and nothing is deleted.
	Only []string
	// FilesFrom has the run consider the names alone that it reads from there, one a
	// line, relative to the source, in whatever order: as Only, for as many as there
	// are. Lines end with LF or CRLF; empty ones mean nothing. A name that is absolute
	// or has ".." in it is [ErrUsage], before anything is sent; a file's that is not
	// UTF-8 is skipped. nil means all.
	FilesFrom io.Reader
	// Attributes are what objects are given beside their content, and what it takes
	// to read those of the source.
	Attributes Attributes
	// MinSize and MaxSize, in bytes, leave out what is smaller or larger, on both
	// sides; 0 means no bound. OlderThan and NewerThan leave out what was modified
	// later, or earlier, than that; zero means no bound.
	MinSize, MaxSize     int64
	OlderThan, NewerThan time.Time
	// ForceGlacier tries objects whose class says that they are archived: they may
	// have been restored. Otherwise they are skipped with a warning, without one
	// where IgnoreGlacierWarnings is set.
	ForceGlacier, IgnoreGlacierWarnings bool
}

// Attributes are what objects are given beside their content; see
// [transfer.Attributes].
type Attributes = transfer.Attributes

// run is one call of the engine: its ends, its sinks, and what it has begun.
type run struct {
	RunOptions
	e        *Engine
	op       report.Op
	src, dst Location
	from, to names
	tally    *report.Tally
	sink     report.Sink
	client   wire.Client
	// reader is the client for the source; it is client where that is the same store.
	reader   wire.Client
	transfer *transfer.Transfer
	journal  *journal.Journal // nil where there is nothing to be written down

	// ctx is the caller's: when it ends, nothing new begins. work ends grace
	// later, with the requests that are under way.
	ctx   context.Context
	work  context.Context
	group *pool.Group
	stop  func()
	// tidy closes the journal; the run is complete, or not.
	tidy func(complete bool)

	bounds *bounds
	unsent atomic.Int64 // deletes for which it was too late
	// leftArchived says that archived objects were left out, of which an interrupted
	// run may have a part: the next one may go on with it.
	leftArchived atomic.Bool

	// root is the directory that downloads go to; nothing is written outside.
	root *os.Root
	// device says that the one destination is a device or a pipe.
	device bool
	// blind says that nobody has looked at what is at the destination: that an
	// action is New means nothing then.
	blind bool
	// wholly says that deletes rest on what was listed, and incomplete that a
	// directory could not be; it is for who reads the plan.
	wholly, incomplete bool
	// told is the last key of Only or FilesFrom that was left out, for who reads the
	// plan; nil before the first.
	told *string
	// names are those of FilesFrom, in order; nil without.
	names *sorted.Source
	// pipes are the ends of a copy of a stream.
	pipes pipes
	// each carries out one action, carry where a run has nothing else to do.
	each func(context.Context, *plan.Action) error
	// mover removes from the source what has arrived; nil but in a move.
	mover *mover
}

// begin makes a run; end must be called.
func (e *Engine) begin(ctx context.Context, op report.Op, src, dst Location, o RunOptions) (*run, error) {
	if err := o.check(op); err != nil {
		return nil, err
	}
	src.source = true
	r := &run{
		bounds:     newBounds(o),
		RunOptions: o, e: e, op: op, src: src, dst: dst,
		from: src.names(), to: dst.names(),
		tally: report.NewTally(), ctx: ctx,
	}
	r.sink = r.tally
	if o.Report != nil {
		r.sink = report.Multi{r.tally, o.Report}
	}
	if err := r.readNames(ctx); err != nil { // before there is anything to end
		return nil, err
	}
	retried := func(_ string, err error) {
		r.sink.Report(report.Event{Kind: report.Retried, Op: r.op, Err: err})
	}
	policy := e.policy(retried)
	r.client = wire.Attempts(e.client, gate{e.pool}, policy)
	r.reader = r.client
	if e.source != nil {
		from := policy
		from.Host = e.sourceHost
		r.reader = wire.Attempts(e.source, e.gateOf(src), from)
	}
	attributes := o.Attributes
	if dst.local() { // the one key that was given is that of what is read
		attributes.SourceKey = cmp.Or(attributes.SourceKey, attributes.CustomerKey)
	}
	r.journal = r.openJournal()
	var err error
	r.transfer, err = transfer.New(transfer.Options{
		Algorithm: checksum.Algorithm(o.ChecksumAlgorithm), NoOverwrite: o.NoOverwrite || o.Immutable, Preserve: o.Preserve,
		Journal: r.journal, Uploads: r.client, Clock: r.storeClock, Fault: e.fault,
		Notice: func(msg string) {
			r.sink.Report(report.Event{Kind: report.Notice, Op: r.op, Err: errors.New(msg)})
		},
		Resumed: func(n int64) { r.sink.Report(report.Event{Kind: report.Resumed, Op: r.op, Bytes: n}) },
		Client:  r.client, Source: r.reader, Attributes: attributes, Pool: e.pool,
		PartSize: e.o.PartSize, Threshold: e.o.threshold, PartsAtOnce: min(e.o.MaxInFlight, mostParts),
		Progress: func(n int64) { r.sink.Report(report.Event{Kind: report.Progress, Op: r.op, Bytes: n}) },
		Policy:   policy, Retry: retried,
	})
	if err != nil {
		return nil, errors.Join(usagef("%v", err), r.closeNames())
	}
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(work, func() { t.Stop() })
	})
	r.work = work
	late := context.WithoutCancel(ctx)
	r.tidy = func(complete bool) { r.closeJournal(late, complete) }
	r.stop = func() {
		unhook()
		cancel(context.Canceled)
	}
	r.group = e.pool.Group(work)
	r.each = r.carry
	e.joins(r)
	return r, nil
}

// end waits for what is under way and gives the summary. The error is the first
// true one: err where it is not nil, then that of a transfer that stopped the
// run, then that of the caller's context.
func (r *run) end(err error) (Summary, error) {
	werr := r.group.Wait()
	r.e.leaves(r)
	bound, cut := errors.AsType[*BoundError](r.bounds.err())
	if err == nil || (errors.Is(err, context.Canceled) || cut) && werr != nil {
		err = werr
	}
	if err == nil && cut {
		err = bound
	}
	switch cause := context.Cause(r.ctx); {
	case cause == nil:
	case err == nil, cut && errors.Is(err, error(bound)):
		err, cut = cause, false // it was interrupted, and large objects were cut off
	case errors.Is(err, r.ctx.Err()) && !errors.Is(err, cause):
		err = fmt.Errorf("%w: %w", err, cause) // who waited gave only that ctx ended
	}
	r.stop()
	sum := r.tally.Summary()
	r.tidy(err == nil && sum.Failed == 0)
	if cerr := r.closeNames(); err == nil {
		err = cerr
	}
	if r.root != nil {
		_ = r.root.Close()
	}
	sum = r.tally.Summary() // with what the journal had to say
	sum.DryRun = r.DryRun   // also where there was nothing to do
	if cut {
		sum.CutShort = string(bound.Bound)
	}
	sum.Ceilings = r.e.ceilings
	return sum, err
}

// skipped reports a name that could not be used.
func (r *run) skipped(s *walker.Skipped) {
	if s.Quiet {
		return
	}
	if errors.Is(s, plan.ErrUnread) { // the plan knows the key alone
		named := *s
		named.Path = r.from.of(s.Key)
		s = &named
	}
	r.sink.Report(report.Event{Kind: report.Warning, Op: r.op, Key: s.Key, Src: s.Path, Err: s})
}

// failed reports that a could not be carried out.
func (r *run) failed(a plan.Action, err error) {
	r.sink.Report(report.Event{
		Kind: report.Failed, Op: r.op, Src: r.from.of(a.Key), Dst: r.to.of(a.Key), Key: a.Key, Bytes: a.Src.Size, Err: err,
	})
}

// made reports the bucket that was made, or would be.
func (r *run) made(k report.Kind) {
	r.sink.Report(report.Event{Kind: report.Planned, Op: report.MakeBucket, Count: 1})
	r.sink.Report(report.Event{Kind: k, Op: report.MakeBucket, Src: "s3://" + r.dst.bucket})
}

// cutOff says that err is no more than the end of the run's context, or of that
// of its requests.
func (r *run) cutOff(ctx context.Context, err error) bool {
	for _, c := range []context.Context{r.ctx, ctx} {
		if c.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(c))) { //nolint:contextcheck // two contexts meet here
			return true
		}
	}
	return false
}

// stops says that an object's error is one that all that follow would have: to
// go on would fail a million of them one by one.
func stops(err error) bool {
	switch wire.Code(err) {
	case "NoSuchBucket", "AllAccessDisabled", "AccountProblem", "PermanentRedirect", "AuthorizationHeaderMalformed":
		return true
	}
	return Stops(err)
}

// Stops says that an error has nothing to do with the object or the bucket that it
// is of, so that whatever follows, elsewhere too, would have it: the credentials
// have ended or are wrong, the clock is, or the local disk is full or read-only.
func Stops(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, wire.ErrCredentials} {
		if errors.Is(err, e) {
			return true
		}
	}
	switch wire.Code(err) {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed":
		return true
	}
	return wire.NoCredentials(err) != nil // they have ended, and no others came
}
