package engine

import (
	"context"
	"strings"
	"sync"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

// BucketFacts are what one should know before emptying a bucket.
type BucketFacts struct {
	// Region is empty where the store does not tell.
	Region string
	wire.VersioningState
	ObjectLock bool
	// First are the first keys of the location, whole, three at most; deleted ones
	// that have versions are among them.
	First []string
}

// Facts asks for them. The error is that of the listing, or that of the
// versioning state, unless the store has none. What else cannot be asked for is
// left empty.
func (e *Engine) Facts(ctx context.Context, at Location) (BucketFacts, error) {
	if err := needBucket(at); err != nil {
		return BucketFacts{}, err
	}
	c := e.attempts()
	var (
		f            BucketFacts
		verr, lerr   error
		wg           sync.WaitGroup
		directory    = strings.HasSuffix(at.bucket, "--x-s3")
		withVersions = !directory
	)
	wg.Go(func() {
		if region, err := c.Region(ctx, at.bucket); err == nil {
			f.Region = region
		}
	})
	if withVersions {
		wg.Go(func() { f.VersioningState, verr = c.Versioning(ctx, at.bucket) })
		wg.Go(func() {
			if on, err := c.ObjectLock(ctx, at.bucket); err == nil {
				f.ObjectLock = on
			}
		})
	}
	wg.Go(func() { f.First, lerr = e.firstKeys(ctx, c, at, withVersions) })
	wg.Wait()
	if lerr != nil {
		return BucketFacts{}, lerr
	}
	if verr != nil && !noVersions(verr) {
		return BucketFacts{}, verr
	}
	return f, nil
}

// firstKeys looks at the first page alone: where one key has more versions than
// that, there are fewer than three.
func (e *Engine) firstKeys(ctx context.Context, c wire.Client, at Location, versions bool) ([]string, error) {
	const enough = 3
	var p bucket.Page
	var err error
	if versions {
		err = c.ListVersions(ctx, bucket.VersionsRequest{Bucket: at.bucket, Prefix: at.path}, &p)
	}
	if !versions || err != nil && noVersions(err) {
		err = c.ListObjects(ctx, bucket.ListRequest{Bucket: at.bucket, Prefix: at.path, MaxKeys: enough}, &p)
	}
	if err != nil {
		return nil, err
	}
	var keys []string
	for i := range p.Entries {
		key := p.Entries[i].Key
		if at.one && key != at.path {
			break
		}
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys = append(keys, key)
		}
		if len(keys) == enough {
			break
		}
	}
	return keys, nil
}
