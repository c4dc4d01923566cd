package difftest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// parts gives every field of UploadPart its values.
func parts(t *testing.T, w *world) {
	table := partFields()
	table.complete(t)
	bucket := w.bucket(t, plain)
	up, err := w.plain.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("k")})
	must(t, err)
	table.each(func(name string, change func(*s3.UploadPartInput)) {
		for _, summed := range []bool{true, false} {
			label := "UploadPart with " + name
			if !summed {
				label += ", no sum of ours"
			}
			w.same(t, call{name: label, garbled: strings.Contains(name, `\x00`), do: func(ctx context.Context, c wire.Client) (any, error) {
				in := &s3.UploadPartInput{Bucket: &bucket, Key: aws.String("k"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(text)}
				change(in)
				if summed && !strings.HasPrefix(name, "Checksum") {
					var content string
					if r, ok := in.Body.(*strings.Reader); ok && r.Len() > 0 {
						content = text
					}
					in.ChecksumCRC64NVME = aws.String(crc64(content))
				}
				return c.UploadPart(ctx, in)
			}})
		}
	})
	_, err = w.plain.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: aws.String("k"), UploadId: up.UploadId})
	must(t, err)
	multipart(t, w, bucket)
}

// multipart is a whole upload in parts, each step by either client.
func multipart(t *testing.T, w *world, bucket string) {
	key := aws.String("in parts")
	content := strings.Repeat("0123456789abcdef", 5<<16) // 5 MiB
	for _, typed := range []bool{true, false} {
		w.same(t, call{
			name: fmt.Sprintf("an upload in parts, full-object %v", typed), after: func(ctx context.Context, c *s3.Client) (any, error) {
				return c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: key, ChecksumMode: types.ChecksumModeEnabled})
			},
			anew: []string{"UploadId", "LastModified"}, ids: []string{"uploadId"}, before: remove(bucket, *key),
			do: func(ctx context.Context, c wire.Client) (any, error) {
				in := &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: key, Metadata: map[string]string{"a": "b"}}
				if typed {
					in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
				}
				up, err := c.CreateMultipartUpload(ctx, in)
				if err != nil {
					return nil, err
				}
				all := []any{up}
				var done []types.CompletedPart
				for i, part := range []string{content, "end"} {
					in := &s3.UploadPartInput{
						Bucket: &bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(part),
					}
					if typed {
						in.ChecksumCRC64NVME = aws.String(crc64(part))
					}
					out, err := c.UploadPart(ctx, in)
					if err != nil {
						return all, err
					}
					all = append(all, out)
					done = append(done, types.CompletedPart{PartNumber: in.PartNumber, ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME})
				}
				list, err := c.ListParts(ctx, &s3.ListPartsInput{Bucket: &bucket, Key: key, UploadId: up.UploadId})
				all = append(all, list)
				if err != nil {
					return all, err
				}
				complete := &s3.CompleteMultipartUploadInput{
					Bucket: &bucket, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
				}
				if typed {
					complete.ChecksumType, complete.ChecksumCRC64NVME = types.ChecksumTypeFullObject, aws.String(crc64(content+"end"))
				}
				out, err := c.CompleteMultipartUpload(ctx, complete)
				all = append(all, out)
				if err != nil {
					return all, err
				}
				for _, number := range []int32{1, 2, 3} {
					head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: key, PartNumber: &number, ChecksumMode: types.ChecksumModeEnabled})
					all = append(all, head, err)
				}
				return all, nil
			},
		})
	}
	w.same(t, call{name: "an upload that is aborted", ids: []string{"uploadId"}, do: func(ctx context.Context, c wire.Client) (any, error) {
		up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: key})
		if err != nil {
			return nil, err
		}
		in := &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: key, UploadId: up.UploadId}
		out, err := c.AbortMultipartUpload(ctx, in)
		_, again := c.ListParts(ctx, &s3.ListPartsInput{Bucket: &bucket, Key: key, UploadId: up.UploadId})
		return []any{out, again}, err
	}})
}
