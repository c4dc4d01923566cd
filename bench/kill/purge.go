package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

const (
	purged       = "purged" // the bucket
	purgedPrefix = "dir-"
	purgedDirs   = 4
	perDir       = 1000 // keys
	versions     = 4    // of each key
	stays        = "stays/"
)

// purge removes the versions of a bucket, half of whose keys have a marker on
// top: what that hides must not be seen at any time.
func (b *bench) purge(ctx context.Context, s *spot) (err error) {
	sim := lab.Simulator{Program: b.simulator, Bucket: "other", Latency: "50ms", Dir: b.dir, Flags: []string{
		"--synthetic", fmt.Sprintf("%s=dirs:%d:1024:%d", purged, purgedDirs*perDir, versions),
	}}
	if s.store, err = sim.Start(ctx); err != nil {
		return err
	}
	s.store.Bucket = purged
	s.closing = s.store.Close
	if err := hide(ctx, s); err != nil {
		return err
	}
	before, err := visible(ctx, s.store)
	if err != nil {
		return err
	}
	if len(before) != purgedDirs*perDir/2+1 {
		return fmt.Errorf("%d keys can be seen before the purge", len(before))
	}
	s.args = []string{"purge", "s3://" + purged, "--prefix", purgedPrefix, "--yes", "--json", "--concurrency", fmt.Sprint(concurrency)}
	s.whole = func(ctx context.Context) (int64, []error) {
		problems, left := reappeared(ctx, s.store, before)
		return int64(len(before) - left), problems
	}
	s.done = func(ctx context.Context) []error {
		problems, left := reappeared(ctx, s.store, before)
		if left != 1 {
			problems = append(problems, fmt.Errorf("%d keys can be seen, and one was to stay", left))
		}
		return append(problems, emptied(ctx, s)...)
	}
	return nil
}

// hide puts markers on every second key, and has something to be removed, and
// something to stay.
func hide(ctx context.Context, s *spot) error {
	group, gctx := errgroup.WithContext(ctx)
	for d := range purgedDirs {
		group.Go(func() error {
			var ids []types.ObjectIdentifier
			for i := d % 2; i < perDir; i += 2 {
				ids = append(ids, types.ObjectIdentifier{Key: sdk.String(fmt.Sprintf("dir-%06d/file-%06d.bin", d, i))})
			}
			out, err := s.store.S3.DeleteObjects(gctx, &s3.DeleteObjectsInput{Bucket: sdk.String(purged), Delete: &types.Delete{Objects: ids}})
			if err == nil && len(out.Errors) > 0 {
				err = errors.New(sdk.ToString(out.Errors[0].Message))
			}
			return err
		})
	}
	for _, prefix := range []string{purgedPrefix, stays} {
		group.Go(func() error {
			_, err := s.store.S3.CreateMultipartUpload(gctx, &s3.CreateMultipartUploadInput{Bucket: sdk.String(purged), Key: sdk.String(prefix + "upload")})
			return err
		})
	}
	for range 2 {
		group.Go(func() error {
			_, err := s.store.S3.PutObject(gctx, &s3.PutObjectInput{Bucket: sdk.String(purged), Key: sdk.String(stays + "object"), Body: strings.NewReader("x")})
			return err
		})
	}
	return group.Wait()
}

// visible are the keys that a listing shows, with the time of what is current.
func visible(ctx context.Context, store *lab.Store) (map[string]int64, error) {
	parts := make([][]listed, purgedDirs+1)
	group, ctx := errgroup.WithContext(ctx)
	for d := range parts {
		group.Go(func() (err error) {
			prefix := fmt.Sprintf("dir-%06d/", d)
			if d == purgedDirs {
				prefix = stays
			}
			parts[d], err = list(ctx, store, purged, prefix, "")
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for _, part := range parts {
		for _, o := range part {
			all[o.key] = o.modified
		}
	}
	return all, nil
}

// reappeared says what can be seen that could not before: a key that a marker
// hid, or a version that was not the newest.
func reappeared(ctx context.Context, store *lab.Store, before map[string]int64) (problems []error, left int) {
	now, err := visible(ctx, store)
	if err != nil {
		return []error{err}, 0
	}
	for key, modified := range now {
		was, seen := before[key]
		switch {
		case !seen:
			problems = append(problems, fmt.Errorf("%q was deleted, and can be seen again", key))
		case was != modified:
			problems = append(problems, fmt.Errorf("an older version of %q is current", key))
		}
	}
	return problems, len(now)
}

// emptied says what is left below the prefix, and what is not that was to stay.
func emptied(ctx context.Context, s *spot) (problems []error) {
	for prefix, want := range map[string]int{purgedPrefix: 0, stays: 2} {
		page, err := s.store.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: sdk.String(purged), Prefix: sdk.String(prefix)})
		if err != nil {
			return append(problems, err)
		}
		if n := len(page.Versions) + len(page.DeleteMarkers); n != want {
			problems = append(problems, fmt.Errorf("%d versions and markers of %s are left, not %d", n, prefix, want))
		}
	}
	if open := openUploads(ctx, s.store, purged, purgedPrefix); len(open) > 0 {
		problems = append(problems, open...)
	}
	if open := openUploads(ctx, s.store, purged, stays); len(open) != 1 {
		problems = append(problems, fmt.Errorf("%d uploads of %s are there, not 1", len(open), stays))
	}
	return append(problems, leftIn("of the journal", s.state())...)
}
