package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/engine/checksum"
)

// checkers is how many requests look at objects at a time.
const checkers = 32

// listed is an object as a listing has it.
type listed struct {
	key      string
	size     int64
	modified int64 // nanoseconds since 1970
}

// list are the objects below a prefix, behind a key.
func list(ctx context.Context, store *lab.Store, bucket, prefix, after string) (all []listed, err error) {
	pages := s3.NewListObjectsV2Paginator(store.S3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, StartAfter: &after})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for i := range page.Contents {
			o := &page.Contents[i]
			all = append(all, listed{*o.Key, *o.Size, o.LastModified.UnixNano()})
		}
	}
	return all, nil
}

// inBucket looks at all objects below a prefix.
func (s states) inBucket(ctx context.Context, store *lab.Store, prefix string, last bool) (arrived map[string]bool, problems []error) {
	arrived = map[string]bool{}
	all, err := list(ctx, store, store.Bucket, prefix, "")
	if err != nil {
		return nil, []error{err}
	}
	var mu sync.Mutex
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(checkers)
	for _, o := range all {
		group.Go(func() error {
			sum, err := sumOfObject(gctx, store, o)
			if err != nil {
				return err
			}
			name := strings.TrimPrefix(o.key, prefix)
			there, err := s.look(name, sum, last)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, err)
			}
			if there {
				arrived[name] = true
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		problems = append(problems, err)
	}
	return arrived, problems
}

// read is up to what size an object of a simulator is read: of a larger one it
// has no bytes but those of its seed, and says itself what has come.
const read = 64 << 10

// sumOfObject is the sum of its bytes.
func sumOfObject(ctx context.Context, store *lab.Store, o listed) (sum checksum.CRC64NVME, err error) {
	if store.Simulated && o.size > read {
		head, err := store.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &store.Bucket, Key: &o.key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			return sum, err
		}
		raw, ok := middleware.GetRawResponse(head.ResultMetadata).(*smithyhttp.Response)
		if ok && raw.Header.Get("X-S3sim-Replaced") != "" {
			return checksum.CRC64NVME{Size: *head.ContentLength}, nil // other bytes than those of any file
		}
		text, err := base64.StdEncoding.DecodeString(sdk.ToString(head.ChecksumCRC64NVME))
		if err == nil && len(text) == 8 {
			return checksum.CRC64NVME{Sum: binary.BigEndian.Uint64(text), Size: *head.ContentLength}, nil
		}
	}
	got, err := store.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &store.Bucket, Key: &o.key})
	if err != nil {
		return sum, fmt.Errorf("%s: %w", o.key, err)
	}
	defer got.Body.Close()
	if _, err = io.Copy(&sum, got.Body); err != nil {
		return sum, fmt.Errorf("reading %s: %w", o.key, err)
	}
	return sum, nil
}

// openUploads are the unfinished uploads below a prefix.
func openUploads(ctx context.Context, store *lab.Store, bucket, prefix string) (problems []error) {
	pages := s3.NewListMultipartUploadsPaginator(store.S3, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return append(problems, err)
		}
		for i := range page.Uploads {
			u := &page.Uploads[i]
			problems = append(problems, fmt.Errorf("the multipart upload %s of %q %w", *u.UploadId, *u.Key, errLeft))
		}
	}
	return problems
}

// put makes objects of files, below a prefix.
func put(ctx context.Context, store *lab.Store, prefix string, files *lab.Files) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(checkers)
	for name, sum := range files.Sums {
		group.Go(func() error {
			file, err := os.Open(filepath.Join(files.Dir, filepath.FromSlash(name)))
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = store.S3.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &store.Bucket, Key: sdk.String(prefix + name), Body: file, ChecksumCRC64NVME: sdk.String(sum.String()),
			})
			if err != nil {
				return fmt.Errorf("putting %s: %w", name, err)
			}
			return nil
		})
	}
	return group.Wait()
}
