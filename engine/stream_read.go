package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// ReadOptions of Read.
type ReadOptions struct {
	// VersionID is that of the version to read; empty is what is current.
	VersionID string
	// Range is which bytes to write, as HTTP has it and GetObject takes it:
	// bytes=0-99, bytes=100-, bytes=-100 for the last hundred. Empty is all of them.
	Range string
	// RequestPayer says that the requester pays for requests.
	RequestPayer bool
	// CustomerKey is what the object was written with where that was SSE-C.
	CustomerKey *transfer.CustomerKey
	// Notice is told what is worth knowing and stops nothing; nil tells nobody.
	Notice func(error)
}

// Read writes one object to w: a large one in ranges that come at the same time, all
// of one object, each of which is asked for again where it breaks. A small one is
// verified before the first byte of it is written; of others the error says that
// what was written is wrong. One that is not there is a [wire.APIError] with the code
// 404; the error wraps [ErrPipeClosed] where nobody reads w any more. A Write that is
// under way when ctx ends is not waited for.
func (e *Engine) Read(ctx context.Context, at Location, w io.Writer, o ReadOptions) error {
	if err := needObject(at); err != nil {
		return err
	}
	ask, err := parseRange(o.Range)
	if err != nil {
		return err
	}
	notice := func(err error) {
		if o.Notice != nil {
			o.Notice(err)
		}
	}
	policy := e.policy(nil)
	var client wire.Objects = wire.Attempts(e.client, gate{e.pool}, policy)
	if o.VersionID != "" {
		client = transfer.Versioned(client, o.VersionID)
	}
	t, err := transfer.New(transfer.Options{
		Client: client, Pool: e.pool, PartSize: e.o.PartSize, PartsAtOnce: min(e.o.MaxInFlight, mostParts), Policy: policy,
		Attributes: Attributes{RequestPayer: o.RequestPayer, CustomerKey: o.CustomerKey, SourceKey: o.CustomerKey},
		Notice:     func(msg string) { notice(errors.New(msg)) },
	})
	if err != nil {
		return usagef("%v", err)
	}
	obj := at.object("", walker.Entry{})
	entry, err := t.Stat(ctx, obj)
	if err != nil {
		// A HEAD does not say which of the two is not there.
		if wire.NotFound(err) && wire.NotFound(e.attempts().HeadBucket(ctx, at.bucket)) {
			err = &wire.APIError{Op: "HeadObject", Code: "NoSuchBucket", Message: "The specified bucket does not exist", RequestID: wire.RequestID(err)}
		}
		return err
	}
	obj.Size, obj.ETag = entry.Size, entry.ETag
	if o.Range == "" {
		_, err = t.Stream(ctx, obj, tellingWriter{w})
		return err
	}
	from, to, ok := ask.of(entry.Size)
	if !ok {
		return &wire.APIError{Op: "GetObject", Code: "InvalidRange", Message: fmt.Sprintf("The requested range %s is not one of %d bytes", o.Range, entry.Size)}
	}
	return t.StreamRange(ctx, obj, from, to, tellingWriter{w})
}

// byteRange is the range of a GetObject: of the last bytes where first is less than
// 0, to the end where last is.
type byteRange struct{ first, last int64 }

// parseRange reads a Range of one part (RFC 9110, 14.1.2).
func parseRange(s string) (byteRange, error) {
	r := byteRange{-1, -1}
	wrong := usagef("the range %q is none of an object: write bytes=0-99, bytes=100- or bytes=-100", s)
	if s == "" {
		return r, nil
	}
	text, ok := strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(text, "-")
	if !ok || !dash || from == "" && to == "" {
		return r, wrong
	}
	for _, q := range []struct {
		text string
		to   *int64
	}{{from, &r.first}, {to, &r.last}} {
		if q.text == "" {
			continue
		}
		n, err := strconv.ParseUint(q.text, 10, 63)
		if err != nil {
			return r, wrong
		}
		*q.to = int64(n)
	}
	if r.first >= 0 && r.last >= 0 && r.first > r.last {
		return r, wrong
	}
	return r, nil
}

// of are the bytes [from, to) of an object of size bytes; false where it has none
// of them, which S3 calls an InvalidRange.
func (r byteRange) of(size int64) (from, to int64, ok bool) {
	switch {
	case r.first < 0:
		from, to = max(0, size-r.last), size
	case r.last < 0:
		from, to = r.first, size
	default:
		from, to = r.first, min(r.last, size-1)+1
	}
	return from, to, from < to
}
