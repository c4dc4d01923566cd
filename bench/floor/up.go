package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
)

const (
	// partSize is the size of a part and of a range; a file that is not larger
	// goes in one request.
	partSize = 8 << 20
	// partsInFlight is what 128 MiB, s3haul's budget, holds of them.
	partsInFlight = 128 << 20 / partSize
)

// uploadTree sends each file below dir, the large ones one after the other.
func uploadTree(ctx context.Context, c *client, dir, bucket, prefix string) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(c.workers)
	var large []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if groupCtx.Err() != nil {
			return context.Cause(groupCtx)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Size() > partSize {
			large = append(large, path)
			return nil
		}
		group.Go(func() error { return uploadSmall(groupCtx, c, path, bucket, keyOf(dir, path, prefix)) })
		return nil
	})
	if waited := group.Wait(); waited != nil {
		return waited
	}
	if err != nil {
		return err
	}
	for _, path := range large {
		if err := uploadFile(ctx, c, path, bucket, keyOf(dir, path, prefix)); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(dir, path, prefix string) string {
	return prefix + filepath.ToSlash(path[len(filepath.Clean(dir))+1:])
}

func uploadSmall(ctx context.Context, c *client, path, bucket, key string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = c.send(ctx, http.MethodPut, bucket, key, nil, map[string]string{crcHeader: checksum.Of(body).String()}, body)
	return err
}

type completed struct {
	PartNumber        int
	ETag              string
	ChecksumCRC64NVME string
}

// uploadFile sends one file in parts. Each part is read once, into a buffer that
// the next part has after it.
func uploadFile(ctx context.Context, c *client, path, bucket, key string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() <= partSize {
		return uploadSmall(ctx, c, path, bucket, key)
	}
	var created struct {
		UploadID string `xml:"UploadId"`
	}
	err = c.call(ctx, http.MethodPost, bucket, key, url.Values{"uploads": {""}},
		map[string]string{algHeader: "CRC64NVME", typeHeader: "FULL_OBJECT"}, nil, &created)
	if err != nil {
		return err
	}
	count := int((info.Size() + partSize - 1) / partSize)
	parts := make([]completed, count)
	sums := make([]checksum.CRC64NVME, count)
	buffers := make(chan []byte, partsInFlight)
	for range min(partsInFlight, count) {
		buffers <- make([]byte, partSize)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range count {
		buffer := <-buffers // a part that failed gives its buffer back too
		if groupCtx.Err() != nil {
			break
		}
		group.Go(func() error {
			defer func() { buffers <- buffer }()
			at := int64(i) * partSize
			part := buffer[:min(partSize, info.Size()-at)]
			if _, err := io.ReadFull(io.NewSectionReader(f, at, int64(len(part))), part); err != nil {
				return fmt.Errorf("reading %s: %w", path, err)
			}
			sums[i] = checksum.Of(part)
			query := url.Values{"partNumber": {strconv.Itoa(i + 1)}, "uploadId": {created.UploadID}}
			answer, err := c.send(groupCtx, http.MethodPut, bucket, key, query, map[string]string{crcHeader: sums[i].String()}, part)
			if err != nil {
				return err
			}
			parts[i] = completed{i + 1, answer.Get("ETag"), sums[i].String()}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var whole checksum.CRC64NVME
	for _, sum := range sums {
		whole = whole.Then(sum)
	}
	return complete(ctx, c, bucket, key, created.UploadID, parts, whole)
}

func complete(ctx context.Context, c *client, bucket, key, id string, parts []completed, whole checksum.CRC64NVME) error {
	var body bytes.Buffer
	err := xml.NewEncoder(&body).Encode(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []completed
	}{Part: parts})
	if err != nil {
		return err
	}
	var result struct {
		XMLName xml.Name
		Code    string
	}
	err = c.call(ctx, http.MethodPost, bucket, key, url.Values{"uploadId": {id}}, map[string]string{
		crcHeader: whole.String(), typeHeader: "FULL_OBJECT", "X-Amz-Mp-Object-Size": strconv.FormatInt(whole.Size, 10),
	}, body.Bytes(), &result)
	if err != nil {
		return err
	}
	if result.XMLName.Local != "CompleteMultipartUploadResult" { // an error in a 200
		return fmt.Errorf("completing %s: %s %s", key, result.XMLName.Local, result.Code)
	}
	return nil
}
