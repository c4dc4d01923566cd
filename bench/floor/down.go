package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
)

// bufferSize is what is read of a range and written to its file at a time.
const bufferSize = 256 << 10

type page struct {
	Contents []struct {
		Key  string
		Size int64
	}
	NextContinuationToken string
}

// downloadTree fetches what is below prefix, the large objects one after the other.
func downloadTree(ctx context.Context, c *client, bucket, prefix, dir string) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(c.workers)
	large := map[string]int64{}
	made := map[string]bool{}
	list := func() error {
		query := url.Values{"list-type": {"2"}, "prefix": {prefix}}
		for {
			var p page
			if err := c.call(groupCtx, http.MethodGet, bucket, "", query, nil, nil, &p); err != nil {
				return err
			}
			for _, object := range p.Contents {
				path := filepath.Join(dir, filepath.FromSlash(object.Key[len(prefix):]))
				if parent := filepath.Dir(path); !made[parent] {
					if err := os.MkdirAll(parent, 0o777); err != nil {
						return err
					}
					made[parent] = true
				}
				if object.Size > partSize {
					large[object.Key] = object.Size
					continue
				}
				group.Go(func() error { return downloadSmall(groupCtx, c, bucket, object.Key, path) })
			}
			if p.NextContinuationToken == "" {
				return nil
			}
			query.Set("continuation-token", p.NextContinuationToken)
		}
	}
	err := list()
	if waited := group.Wait(); waited != nil {
		return waited
	}
	if err != nil {
		return err
	}
	for key, size := range large {
		path := filepath.Join(dir, filepath.FromSlash(key[len(prefix):]))
		if err := downloadFile(ctx, c, bucket, key, path, size); err != nil {
			return err
		}
	}
	return nil
}

func downloadSmall(ctx context.Context, c *client, bucket, key, path string) error {
	resp, err := c.do(ctx, http.MethodGet, bucket, key, nil, map[string]string{modeHeader: "ENABLED"}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.ContentLength < 0 || resp.ContentLength > partSize {
		return fmt.Errorf("%s: an answer of %d bytes", key, resp.ContentLength)
	}
	body := make([]byte, resp.ContentLength)
	if _, err := io.ReadFull(resp.Body, body); err != nil {
		return fmt.Errorf("reading %s: %w", key, err)
	}
	if err := verify(key, resp.Header, checksum.Of(body)); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o666)
}

// verify compares what came with the sum that the store has of the object.
func verify(key string, header http.Header, got checksum.CRC64NVME) error {
	if want := header.Get(crcHeader); want != got.String() {
		return fmt.Errorf("%s: its CRC64NVME is %q, what came has %s", key, want, got)
	}
	return nil
}

// downloadFile fetches one object in ranges; size 0 is asked for.
func downloadFile(ctx context.Context, c *client, bucket, key, path string, size int64) error {
	head, err := c.send(ctx, http.MethodHead, bucket, key, nil, map[string]string{modeHeader: "ENABLED"}, nil)
	if err != nil {
		return err
	}
	length, err := strconv.ParseInt(head.Get("Content-Length"), 10, 64)
	if err != nil {
		return fmt.Errorf("the length of %s: %w", key, err)
	}
	if size > 0 && size != length {
		return fmt.Errorf("%s was listed with %d bytes and has %d", key, size, length)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	sums := make([]checksum.CRC64NVME, (length+partSize-1)/partSize)
	buffers := sync.Pool{New: func() any { return new([bufferSize]byte) }}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(partsInFlight)
	for i := range sums {
		group.Go(func() (err error) {
			buffer := buffers.Get().(*[bufferSize]byte)
			defer buffers.Put(buffer)
			from := int64(i) * partSize
			sums[i], err = downloadRange(groupCtx, c, bucket, key, head.Get("ETag"), f, from, min(from+partSize, length), buffer[:])
			return err
		})
	}
	if err := errors.Join(group.Wait(), f.Close()); err != nil {
		return err
	}
	var whole checksum.CRC64NVME
	for _, sum := range sums {
		whole = whole.Then(sum)
	}
	return verify(key, head, whole)
}

func downloadRange(ctx context.Context, c *client, bucket, key, etag string, f *os.File, from, to int64, buffer []byte) (checksum.CRC64NVME, error) {
	var sum checksum.CRC64NVME
	resp, err := c.do(ctx, http.MethodGet, bucket, key, nil, map[string]string{
		"Range": fmt.Sprintf("bytes=%d-%d", from, to-1), "If-Match": etag,
	}, nil)
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	for {
		n, err := io.ReadFull(resp.Body, buffer)
		sum.Add(buffer[:n])
		if _, writing := f.WriteAt(buffer[:n], from+sum.Size-int64(n)); writing != nil {
			return sum, writing
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && sum.Size == to-from {
			break
		}
		if err != nil {
			return sum, fmt.Errorf("reading %s at %d: %w", key, from, err)
		}
	}
	if sum.Size != to-from {
		return sum, fmt.Errorf("%s: %d bytes came of the range from %d to %d", key, sum.Size, from, to)
	}
	return sum, nil
}
