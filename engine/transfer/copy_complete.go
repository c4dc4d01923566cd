package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// complete makes the object. Where the source has a sum of the whole of the kind
// that the copy is to have, it goes along, and S3 makes no object that differs.
func (c *partCopy) complete(ctx context.Context, id string, parts []types.CompletedPart) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, context.Cause(ctx)
	}
	in := &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), UploadId: aws.String(id),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, MpuObjectSize: aws.Int64(c.src.Size),
	}
	if c.t.NoOverwrite {
		in.IfNoneMatch = aws.String("*")
	}
	theirs := c.whole()
	switch {
	case !c.summed(parts):
		withoutSums(in)
	case theirs != "" && c.t.Algorithm.FullObject():
		in.ChecksumType = types.ChecksumTypeFullObject
		sumOfComplete(in, c.t.Algorithm, &theirs)
	}
	out, err := c.t.Client.CompleteMultipartUpload(ctx, in)
	if c.t.weaker.mayBe(err, c.dst.Bucket, inCopy) { // another run may have begun it without
		withoutSums(in)
		out, err = c.t.Client.CompleteMultipartUpload(ctx, in)
	}
	switch code := wire.Code(err); {
	case err == nil:
	case code == "NoSuchUpload": // an attempt may have succeeded whose answer was lost
		res, ok, aerr := c.arrived(ctx, c.began)
		if ok && aerr == nil {
			return res, nil
		}
		return Result{}, errors.Join(err, aerr)
	case unmet(err) && c.t.NoOverwrite:
		return Result{}, exists(c.dst, err)
	case code == "BadDigest" && in.ChecksumType != "":
		return Result{}, fmt.Errorf("s3://%s/%s to s3://%s/%s: %w: the source has %s %s, the parts have not; nothing was made of them: %w",
			c.src.Bucket, c.src.Key, c.dst.Bucket, c.dst.Key, ErrChecksum, c.t.Algorithm, theirs, err)
	default:
		return Result{}, err
	}
	c.answer = ofComplete(out)
	return c.verify(ctx)
}

// withoutSums takes all sums out of a request.
func withoutSums(in *s3.CompleteMultipartUploadInput) {
	in.ChecksumType = ""
	sumOfComplete(in, "", nil)
	for i := range in.MultipartUpload.Parts {
		sumOfCompleted(&in.MultipartUpload.Parts[i], "", nil)
	}
}

// summed says that the upload was begun with the algorithm, as far as is known:
// another run may have begun it without. S3 takes no sum for one that was not.
func (c *partCopy) summed(parts []types.CompletedPart) bool {
	for _, how := range []way{inCopy, inCopyParts} {
		if without, _ := c.t.weaker.of(c.dst.Bucket, how); without {
			return false
		}
	}
	return !slices.ContainsFunc(parts, func(p types.CompletedPart) bool {
		part := answer{p.ChecksumCRC64NVME, p.ChecksumCRC32C, p.ChecksumCRC32, p.ChecksumSHA256, p.ChecksumSHA1, "", p.ETag, false}
		return part.header(c.t.Algorithm) == ""
	})
}

// arrived says whether the object is there and right, where the store does not
// know its upload any more. It must have the sum of the source, or the ETag of
// the parts that were copied: its size alone proves nothing.
func (c *partCopy) arrived(ctx context.Context, began time.Time) (Result, bool, error) {
	head, err := c.headCopy(ctx)
	if wire.NotFound(err) {
		return Result{}, false, nil
	}
	if err != nil {
		return Result{}, false, fmt.Errorf("s3://%s/%s: %w", c.dst.Bucket, c.dst.Key, err)
	}
	// Of an object that is copied onto itself, the bytes say nothing.
	onto := c.src.Bucket == c.dst.Bucket && c.src.Key == c.dst.Key
	if aws.ToInt64(head.ContentLength) != c.src.Size || !madeSince(aws.ToTime(head.LastModified), began) || onto && began.IsZero() {
		return Result{}, false, nil
	}
	res := Result{Size: c.src.Size}
	copy, source := ofHead(head), ofHead(c.head)
	if by, ours, theirs := copy.common(&source); by != "" {
		if ours == theirs {
			res.By, res.Sum = by, ours
		}
		return res, ours == theirs, nil
	}
	for i := range c.md5s {
		if c.md5s[i].Algorithm == "" {
			return res, false, nil
		}
	}
	return res, checksum.MultipartETag(c.md5s) == strings.Trim(aws.ToString(head.ETag), `"`), nil
}
