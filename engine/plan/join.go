package plan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/s3haul/s3haul/walker"
)

// Options say how two sides are joined. The zero value yields no Delete and
// compares as Upward does.
type Options struct {
	// Delete yields a Delete for each key that the destination alone has;
	// without it such keys are passed over.
	Delete bool
	// Compare decides about keys that both sides have; nil is Upward.
	Compare Compare
	// Wants says whether an entry is one of those that the run is about. It is asked
	// about the source's, and about the destination's where that alone has the key:
	// what it does not want is there and stays as it is on both sides. nil wants all.
	Wants func(*walker.Entry) bool
}

// ErrUnwanted is why a key of the source is skipped, quietly, that Options.Wants
// does not want.
var ErrUnwanted = errors.New("It is not among what was asked for.") // A sentence, as walker.Skipped.Err wants it.

// ErrUnread is why a key of the source is skipped whose counterpart is unknown.
// The Path of such a Skipped is the key alone.
var ErrUnread = errors.New("The destination could not be read.") // A sentence, as walker.Skipped.Err wants it.

// Join merges two ordered Sources into the plan that makes dst like src, in
// byte order of the keys. Both are read at the same time, each at most 1024
// entries ahead of the consumer. The consumer may stop at any time; when the
// range over the sequence has ended, neither Source is being walked any more.
//
// An error whose chain has a [*walker.Skipped] is about the one key of the
// Action with it, and the join goes on:
//   - what either side skipped comes as that side yielded it. A key that the
//     source skipped is neither transferred nor deleted, nor is anything
//     deleted that lies below it;
//   - a key of the source that the destination skipped, or that is not found
//     below a name that the destination skipped, is not transferred: it comes
//     as a Skipped of its own, which is Quiet where the destination's was;
//   - so does, Quiet, a key of the source that is not wanted.
//
// Any other error is the last thing that is yielded. It names the side that
// failed, and the plan is not complete: a consumer that saw one must not run
// the deletes that it was given. The order of the keys is checked
// ([walker.ErrOrder]). Where ctx ends, the error has ctx.Err() and the cause in
// its chain; a side that failed on its own comes before a side that was
// cancelled.
func Join(ctx context.Context, src, dst walker.Source, o Options) iter.Seq2[Action, error] {
	if o.Compare == nil {
		o.Compare = Upward
	}
	return func(yield func(Action, error) bool) {
		if err := errors.Join(ordered(src, "source"), ordered(dst, "destination")); err != nil {
			yield(Action{}, err)
			return
		}
		walking, cancel := context.WithCancel(ctx)
		m := &merge{
			Options: o,
			src:     startReading(walking, src),
			dst:     startReading(walking, dst),
			yield:   yield,
		}
		stop := func() {
			cancel()
			<-m.src.left
			<-m.dst.left
		}
		defer stop()
		if err := m.run(ctx); err != nil {
			stop()
			yield(Action{}, m.verdict(ctx, err))
		}
	}
}

func ordered(s walker.Source, side string) error {
	if s.Ordered() {
		return nil
	}
	return fmt.Errorf("reading the %s: %w: it has to be sorted first", side, walker.ErrOrder)
}

// merge is one run of a join.
type merge struct {
	Options
	src, dst         *readahead
	srcSkip, dstSkip skips
	yield            func(Action, error) bool
}

// sideError is the error that ended the walk of one side.
type sideError struct {
	side string
	err  error
}

func (e *sideError) Error() string { return "reading the " + e.side + ": " + e.err.Error() }
func (e *sideError) Unwrap() error { return e.err }

// run yields the plan until it is complete, the consumer stops (nil) or a side
// fails (a *sideError).
//
// A Delete is decided only where the source has moved past the key, or has
// ended without an error: both are complete up to the smaller of their two
// heads. So no Delete rests on a source that is not known up to there, even
// where the source fails later. That it fails later may still mean that it is
// not what it was taken for; hence the consumer waits with deletes.
func (m *merge) run(ctx context.Context) error {
	for {
		s, err := m.src.head(ctx)
		if err != nil {
			return &sideError{"source", err}
		}
		d, err := m.dst.head(ctx)
		if err != nil {
			return &sideError{"destination", err}
		}
		var goOn bool
		switch {
		case s == nil && d == nil:
			return nil
		case d == nil:
			goOn = m.onlySource(s)
		case s == nil:
			goOn = m.onlyDestination(d)
		default:
			switch c := strings.Compare(s.entry.Key, d.entry.Key); {
			case c < 0:
				goOn = m.onlySource(s)
			case c > 0:
				goOn = m.onlyDestination(d)
			default:
				goOn = m.both(s, d)
			}
		}
		if !goOn {
			return nil
		}
	}
}

func (m *merge) onlySource(s *item) bool {
	defer m.src.drop()
	if s.err != nil {
		return m.skip(&m.srcSkip, s)
	}
	if !m.wanted(s) {
		return m.unwanted(s)
	}
	if covered, quiet := m.dstSkip.cover(s.entry.Key); covered {
		return m.unread(s.entry.Key, quiet)
	}
	return m.yield(Action{Op: Transfer, Reason: New, Key: s.entry.Key, Src: s.entry}, nil)
}

func (m *merge) onlyDestination(d *item) bool {
	defer m.dst.drop()
	if d.err != nil {
		return m.skip(&m.dstSkip, d)
	}
	if !m.Delete || !m.wanted(d) {
		return true
	}
	if covered, _ := m.srcSkip.cover(d.entry.Key); covered {
		return true
	}
	return m.yield(Action{Op: Delete, Reason: Absent, Key: d.entry.Key, Dst: d.entry}, nil)
}

func (m *merge) both(s, d *item) bool {
	defer m.src.drop()
	defer m.dst.drop()
	if s.err != nil && !m.skip(&m.srcSkip, s) {
		return false
	}
	if d.err != nil && !m.skip(&m.dstSkip, d) {
		return false
	}
	switch {
	case s.err != nil:
		return true
	case !m.wanted(s):
		return m.unwanted(s)
	case d.err != nil:
		return m.unread(s.entry.Key, walker.AsSkipped(d.err).Quiet)
	}
	op, reason := m.Compare(s.entry, d.entry)
	return m.yield(Action{Op: op, Reason: reason, Key: s.entry.Key, Src: s.entry, Dst: d.entry}, nil)
}

func (m *merge) wanted(it *item) bool { return m.Wants == nil || m.Wants(&it.entry) }

// unwanted yields a key of the source that stays as it is. What is below that name
// is not skipped with it: it was seen, and is what the walk says.
func (m *merge) unwanted(s *item) bool {
	key := s.entry.Key
	return m.yield(Action{Key: key}, &walker.Skipped{Key: key, Path: key, Err: ErrUnwanted, Quiet: true})
}

// skip remembers what a side skipped, and passes it on.
func (m *merge) skip(side *skips, it *item) bool {
	side.add(walker.AsSkipped(it.err))
	return m.yield(Action{Key: it.entry.Key}, it.err)
}

// unread yields a key of the source that cannot be compared.
func (m *merge) unread(key string, quiet bool) bool {
	return m.yield(Action{Key: key}, &walker.Skipped{Key: key, Path: key, Err: ErrUnread, Quiet: quiet})
}

// verdict chooses, when both walks have ended, the error to report in place of
// err: a cancellation may be the consequence of the other side's failure.
func (m *merge) verdict(ctx context.Context, err error) error {
	weak := func(err error) bool {
		return err == nil || errors.Is(err, context.Canceled) || ctx.Err() != nil && errors.Is(err, ctx.Err())
	}
	if !weak(err) {
		return err
	}
	if !weak(m.src.err) {
		return &sideError{"source", m.src.err}
	}
	if !weak(m.dst.err) {
		return &sideError{"destination", m.dst.err}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
