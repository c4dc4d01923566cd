package engine

import (
	"context"
	"iter"
	"strings"
	"unicode/utf8"

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
		OnRetry: retried, OnAttempt: e.o.OnAttempt, Base: e.backoff, Cap: e.backoff,
	}
}

// Buckets lists the buckets of the account, by name. A region that has to be in
// which they are is asked for itself, where that is S3's.
func (e *Engine) Buckets(ctx context.Context, which wire.BucketsRequest) ([]wire.BucketInfo, error) {
	if n := which.PageSize; n < 0 || n > 10_000 {
		return nil, usagef("%d buckets a page: S3 takes 1 to 10,000", n)
	}
	return e.attempts().ListBuckets(ctx, which)
}

// MakeBucket makes a bucket in the region of the engine. A name that S3 would
// not take is [ErrUsage], and nothing is sent.
func (e *Engine) MakeBucket(ctx context.Context, name string) error {
	if err := newName(name); err != nil {
		return err
	}
	return e.attempts().CreateBucket(ctx, name, wire.CreateOptions{})
}

// MakeTaggedBucket is MakeBucket with tags for the new bucket, 50 at most.
func (e *Engine) MakeTaggedBucket(ctx context.Context, name string, tags map[string]string) error {
	if err := newName(name); err != nil {
		return err
	}
	if len(tags) > 50 {
		return usagef("%d tags: a bucket has 50 at most", len(tags))
	}
	for key, value := range tags {
		switch {
		case key == "":
			return usagef("a tag has no key")
		case utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256:
			return usagef("the tag %q is too long: S3 takes 128 characters of a key and 256 of a value", key)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return usagef("the tag %q: AWS keeps keys that begin with \"aws:\" to itself", key)
		}
	}
	return e.attempts().CreateBucket(ctx, name, wire.CreateOptions{Tags: tags})
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
	err = e.MakeBucket(ctx, name)
	if wire.Code(err) == "BucketAlreadyOwnedByYou" { // somebody else has made it meanwhile
		return false, nil
	}
	return err == nil, err
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

// An ordered listing waits for its leftmost page, and what comes before its turn
// is held in memory: where a page takes 20 ms, 48 at once bring 2.4 million keys
// a second, more than one reader takes. Where order does not matter nothing is
// held, and stores that are farther away are worth twice as many.
const (
	parallelOrdered = 48
	parallelMixed   = 64
)

// Bounds of what a listing holds; a run may have two of them. Where order does
// not matter, pages are read as they come.
const (
	orderedMemory = 48 << 20
	mixedMemory   = 16 << 20
)

// listing is how this engine lists what is at a location.
func (e *Engine) listing(at Location, parallel, pageSize int) bucket.Options {
	memory := int64(mixedMemory)
	if parallel == parallelOrdered {
		memory = orderedMemory
	}
	kept := at.literal()
	return bucket.Options{
		Bucket: at.bucket, Prefix: at.path + kept, Keep: len(kept), PageSize: pageSize,
		Parallel: min(parallel, e.o.MaxInFlight), Memory: min(memory, e.o.Memory*3/8),
	}
}

// ListOptions of List.
type ListOptions struct {
	// ByLevel lists one level: what lies behind the next '/' comes as one
	// entry with CommonPrefix set. Of a Glob all that matches is listed.
	ByLevel bool
	// Versions lists all versions and delete markers: those of one key come
	// newest first.
	Versions bool
	// PageSize is the number of keys asked for at once, 1 to 1000; 0 means 1000.
	PageSize int
	// RequestPayer says that the requester pays for requests.
	RequestPayer bool
	// Notice is told what is worth knowing and stops nothing, as that a store
	// cannot be listed in parallel; nil tells nobody.
	Notice func(error)
}

// List yields the objects of a bucket in the order of their keys; with ByLevel,
// the common prefixes of each page come before its objects. A Key is whole: the
// prefix of the location is part of it. An error is the last thing that is
// yielded.
func (e *Engine) List(ctx context.Context, at Location, o ListOptions) iter.Seq2[walker.Entry, error] {
	if err := needBucketOrGlob(at); err != nil {
		return failed(err)
	}
	client := e.attempts()
	switch {
	case at.glob != "": // what matches is in all levels
	case o.ByLevel && o.Versions:
		return levelVersions(ctx, client, bucket.VersionsRequest{
			Bucket: at.bucket, Prefix: at.path, Delimiter: "/", MaxKeys: o.PageSize, RequestPayer: o.RequestPayer,
		})
	case o.ByLevel:
		return bucket.Level(ctx, client, bucket.ListRequest{
			Bucket: at.bucket, Prefix: at.path, Delimiter: "/", MaxKeys: o.PageSize, RequestPayer: o.RequestPayer,
		})
	}
	options := e.listing(at, parallelOrdered, o.PageSize)
	options.Markers, options.Notice, options.RequestPayer = true, o.Notice, o.RequestPayer
	source := bucket.New(client, options)
	if o.Versions {
		source = bucket.NewVersions(client, options)
	}
	seq := source.Walk(ctx)
	if at.glob != "" {
		seq = walker.NewFilter("").Within(at.glob).Source(source).Walk(ctx)
	}
	if at.path == "" {
		return seq
	}
	return func(yield func(walker.Entry, error) bool) {
		for entry, err := range seq {
			if err == nil {
				entry.Key = at.path + entry.Key
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

// levelVersions is bucket.Level of versions. Stores that take the marker as
// inclusive (versitygw does) send its row once more: each is yielded once.
func levelVersions(ctx context.Context, l bucket.VersionLister, req bucket.VersionsRequest) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		var p bucket.Page
		for {
			if err := l.ListVersions(ctx, req, &p); err != nil {
				yield(walker.Entry{}, err)
				return
			}
			for _, prefix := range p.Prefixes {
				if prefix == req.KeyMarker {
					continue
				}
				if !yield(walker.Entry{Key: prefix, CommonPrefix: true}, nil) {
					return
				}
			}
			for _, entry := range unseen(p.Entries, req) {
				if !yield(entry, nil) {
					return
				}
			}
			if req.KeyMarker, req.VersionIDMarker = p.Next, p.NextVersion; req.KeyMarker == "" {
				return
			}
		}
	}
}

// unseen leaves out the rows that end with the marker of the request.
func unseen(rows []walker.Entry, req bucket.VersionsRequest) []walker.Entry {
	for i := range rows {
		if rows[i].Key != req.KeyMarker {
			break
		}
		if rows[i].VersionID == req.VersionIDMarker {
			return rows[i+1:]
		}
	}
	return rows
}

func failed(err error) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) { yield(walker.Entry{}, err) }
}
