package engine

import (
	"context"
	"iter"

	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// StatOptions of Stat.
type StatOptions struct {
	// VersionID is that of the version to ask for; empty is what is current.
	VersionID string
	// RequestPayer says that the requester pays for requests.
	RequestPayer bool
	// CustomerKey is what the object was written with where that was SSE-C.
	CustomerKey *transfer.CustomerKey
	// NoTags saves the request that the tags take.
	NoTags bool
}

func (o *StatOptions) request(at Location) wire.ObjectRequest {
	r := wire.ObjectRequest{Bucket: at.bucket, Key: at.path, VersionID: o.VersionID, RequestPayer: o.RequestPayer}
	if o.CustomerKey != nil {
		r.CustomerKey = &o.CustomerKey.Key
	}
	return r
}

// Stat says all that the store tells of one object: a HeadObject, and its tags.
// Tags that may not be read are no error, see [wire.ObjectInfo]. One that is not
// there is a [wire.APIError] with the code 404.
func (e *Engine) Stat(ctx context.Context, at Location, o StatOptions) (*wire.ObjectInfo, error) {
	if err := needObject(at); err != nil {
		return nil, err
	}
	c, r := e.attempts(), o.request(at)
	info, err := wire.Info(ctx, c, r)
	if wire.NotFound(err) {
		// A HEAD does not say which of the two is not there.
		if berr := c.HeadBucket(ctx, at.bucket); wire.NotFound(berr) {
			return nil, &wire.APIError{Op: "HeadObject", Code: "NoSuchBucket", Message: "The specified bucket does not exist", RequestID: wire.RequestID(err)}
		}
	}
	if err != nil || o.NoTags {
		return info, err
	}
	if r.VersionID == "" {
		r.VersionID = info.VersionID // of what was looked at, where it is replaced meanwhile
	}
	return info, info.AddTags(ctx, c, r)
}

// Listed is an entry of a listing with what a HeadObject says of it.
type Listed struct {
	walker.Entry
	// Info is nil for a common prefix and a delete marker, and where Err says why it
	// is not known.
	Info *wire.ObjectInfo
	Err  error
}

// statsAhead is how many objects are asked for before their turn.
const statsAhead = 64

// ListInfo is List with one more request for each object, many of them at a time:
// what is known of it beside the listing, but for its tags. The order is that of
// List, and an error of one object is in its Err.
func (e *Engine) ListInfo(ctx context.Context, at Location, o ListOptions) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		client := e.attempts()
		type pending struct {
			Listed
			err  error
			done chan struct{}
		}
		ahead := make(chan *pending, min(statsAhead, e.o.MaxInFlight))
		go func() {
			defer close(ahead)
			for entry, err := range e.List(ctx, at, o) {
				p := &pending{Listed: Listed{Entry: entry}, err: err, done: make(chan struct{})}
				select {
				case ahead <- p:
				case <-ctx.Done():
					return
				}
				if err != nil || entry.CommonPrefix || entry.DeleteMarker {
					close(p.done)
					continue
				}
				go func() {
					defer close(p.done)
					p.Info, p.Err = wire.Info(ctx, client, wire.ObjectRequest{
						Bucket: at.bucket, Key: entry.Key, VersionID: entry.VersionID, RequestPayer: o.RequestPayer,
					})
				}()
			}
		}()
		// What has begun ends before this does: nothing is left behind.
		defer func() {
			cancel()
			for p := range ahead {
				<-p.done
			}
		}()
		for p := range ahead {
			<-p.done
			if !yield(p.Listed, p.err) || p.err != nil {
				return
			}
		}
	}
}
