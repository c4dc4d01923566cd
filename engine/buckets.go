package engine

import (
	"context"
	"iter"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// attempts is the client with retries and slots, for what is not part of a run.
func (e *Engine) attempts() wire.Client {
	return wire.Attempts(e.client, gate{e.pool}, e.policy(nil))
}

// policy is that of all requests; retried may be nil.
func (e *Engine) policy(retried func(op string, err error)) wire.Policy {
	return wire.Policy{
		Host: e.host, Outage: e.outage, Patience: e.patience, ReadTimeout: e.o.ReadTimeout,
		OnRetry: retried, OnAttempt: e.o.OnAttempt,
	}
}

// Buckets lists the buckets of the account, by name.
func (e *Engine) Buckets(ctx context.Context) ([]wire.BucketInfo, error) {
	return e.attempts().ListBuckets(ctx)
}

// MakeBucket makes a bucket in the region of the engine. A name that S3 would
// not take is [ErrUsage], and nothing is sent.
func (e *Engine) MakeBucket(ctx context.Context, name string) error {
	if err := newName(name); err != nil {
		return err
	}
	return e.attempts().CreateBucket(ctx, name)
}

// RemoveBucket removes an empty bucket.
func (e *Engine) RemoveBucket(ctx context.Context, name string) error {
	if err := (Location{bucket: name}).check(); err != nil {
		return err
	}
	return e.attempts().DeleteBucket(ctx, name)
}

// EnsureBucket makes the bucket unless it is there; it says whether it did.
func (e *Engine) EnsureBucket(ctx context.Context, name string) (made bool, err error) {
	there, err := e.hasBucket(ctx, name)
	if there || err != nil {
		return false, err
	}
	return true, e.MakeBucket(ctx, name)
}

func (e *Engine) hasBucket(ctx context.Context, name string) (bool, error) {
	if err := (Location{bucket: name}).check(); err != nil {
		return false, err
	}
	err := e.attempts().HeadBucket(ctx, name)
	if wire.NotFound(err) {
		return false, nil
	}
	if wire.Code(err) == "BadRequest" {
		// The answer to a HEAD has no words; a name that cannot be is the
		// likeliest reason.
		if nerr := newName(name); nerr != nil {
			return false, nerr
		}
	}
	return err == nil, err
}

// ListOptions of List.
type ListOptions struct {
	// ByLevel lists one level: what lies behind the next '/' comes as one
	// entry with CommonPrefix set.
	ByLevel bool
	// PageSize is the number of keys asked for at once, 1 to 1000; 0 means 1000.
	PageSize int
}

// List yields the objects of a bucket in the order of their keys; with ByLevel,
// the common prefixes of each page come before its objects. A Key is whole: the prefix of the location is part of it. An error is the last thing
// that is yielded.
func (e *Engine) List(ctx context.Context, at Location, o ListOptions) iter.Seq2[walker.Entry, error] {
	if err := at.check(); err != nil {
		return failed(err)
	}
	if at.local() {
		return failed(usagef("%s is not in a bucket: name it s3://bucket/prefix", at))
	}
	if !o.ByLevel {
		seq := bucket.New(e.attempts(), bucket.Options{
			Bucket: at.bucket, Prefix: at.path, PageSize: o.PageSize, Markers: true,
		}).Walk(ctx)
		return func(yield func(walker.Entry, error) bool) {
			for entry, err := range seq {
				entry.Key = at.path + entry.Key
				if !yield(entry, err) {
					return
				}
			}
		}
	}
	return bucket.Level(ctx, e.attempts(), bucket.ListRequest{
		Bucket: at.bucket, Prefix: at.path, Delimiter: "/", MaxKeys: o.PageSize,
	})
}

func failed(err error) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) { yield(walker.Entry{}, err) }
}
