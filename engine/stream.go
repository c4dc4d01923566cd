package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/walker"
)

// ErrPipeClosed says that nobody reads any more what is written to Stdout. Programs
// that end a pipe early do so on purpose: it is worth no message.
var ErrPipeClosed = errors.New("nobody reads the output any more")

// WriteError is an error of writing the content of an object to a stream.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return "writing the output: " + e.Err.Error() }

// Unwrap returns what the writer has said.
func (e *WriteError) Unwrap() error { return e.Err }

// pipes are the ends of a copy of a [Stream].
type pipes struct {
	in       io.Reader
	out      io.Writer
	expected int64
}

// checkStreams looks for what a copy of a stream needs.
func (o *CopyOptions) checkStreams(src, dst Location) error {
	switch {
	case o.ExpectedSize < 0:
		return usagef("a size of %d bytes is expected: give at least 1, or 0 where it is not known", o.ExpectedSize)
	case !src.stream && !dst.stream:
		return nil
	case src.stream && dst.stream:
		return usagef("both sides are streams: one side has to be s3://bucket/key")
	case o.DryRun:
	case src.stream && o.Stdin == nil, dst.stream && o.Stdout == nil:
		return usagef("a stream needs a Stdin to come from, or a Stdout to go to")
	}
	return nil
}

// streams makes the ends of a stream known to r. The error says that no part of
// one that is so long has room in memory.
func (r *run) streams(o *CopyOptions) error {
	r.pipes = pipes{in: o.Stdin, out: o.Stdout, expected: o.ExpectedSize}
	if !r.src.stream {
		return nil
	}
	if err := r.transfer.CheckStream(o.ExpectedSize); err != nil {
		return usagef("%v", err)
	}
	return nil
}

// pipe copies to or from a stream. It is cut off as soon as the caller wants the
// run to end: nobody knows how much there is to come.
func (r *run) pipe(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	defer context.AfterFunc(r.ctx, func() { cancel(context.Cause(r.ctx)) })() //nolint:contextcheck // two contexts meet here
	if r.dst.stream {
		return r.transfer.Stream(ctx, r.src.object(a.Key, a.Src), tellingWriter{r.pipes.out})
	}
	if r.NoOverwrite { // all of it would be read and sent in vain
		there, err := r.lookThere(ctx, a)
		if err != nil {
			return transfer.Result{}, err
		}
		if there {
			return transfer.Result{}, transfer.ErrExists
		}
	}
	return r.transfer.UploadStream(ctx, r.pipes.in, r.pipes.expected, r.dst.object(a.Key, walker.Entry{}))
}

// tellingWriter tells the end of a pipe from what else can go wrong.
type tellingWriter struct{ w io.Writer }

func (t tellingWriter) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	switch {
	case err == nil:
	case pipeClosed(err):
		err = fmt.Errorf("%w: %w", ErrPipeClosed, err)
	default:
		err = &WriteError{err}
	}
	return n, err
}
