package transfer

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// Copy has the store copy src to dst, with its metadata and tags unless Attributes
// say otherwise; no byte comes here. An object from the threshold on that is larger than CopyPartSize goes in
// parts, all of the same ETag: one that is replaced meanwhile fails with
// [ErrChanged]. The sum that the store has of the copy is held against that of
// the source, or their ETags are where both are MD5s; a difference is
// [ErrChecksum], and the copy, which is all there, is left. With NoOverwrite, a
// dst that is there fails with [ErrExists].
func (t *Transfer) Copy(ctx context.Context, src, dst Object) (Result, error) {
	if src.Size >= t.Threshold && src.Size > t.CopyPartSize {
		return t.untilAnswered(ctx, "CompleteMultipartUpload", func() (Result, error) { return t.copyParts(ctx, src, dst) })
	}
	if !t.NoOverwrite {
		return t.copyWhole(ctx, src, dst)
	}
	return t.untilAnswered(ctx, "CopyObject", func() (Result, error) { return t.copyWhole(ctx, src, dst) })
}

// copyWhole copies with one CopyObject.
func (t *Transfer) copyWhole(ctx context.Context, src, dst Object) (Result, error) {
	var head *s3.HeadObjectOutput
	// What is to be copied is that which is there now; and of what is copied onto
	// itself nobody can ask afterwards what it was.
	if src.ETag == "" || t.needsSource() || src.Bucket == dst.Bucket && src.Key == dst.Key {
		var err error
		if head, err = t.headOf(ctx, &src); err != nil {
			return Result{}, err
		}
	}
	in := &s3.CopyObjectInput{
		Bucket: aws.String(dst.Bucket), Key: aws.String(dst.Key),
		CopySource: aws.String(wire.CopySource(src.Bucket, src.Key)), CopySourceIfMatch: ifMatch(src),
	}
	t.onCopy(in, &src, head)
	if t.NoOverwrite {
		in.IfNoneMatch = aws.String("*")
	}
	var out *s3.CopyObjectOutput
	err := t.summedCopy(ctx, dst, func(by types.ChecksumAlgorithm) (err error) {
		in.ChecksumAlgorithm = by
		out, err = t.copies.CopyObject(ctx, in)
		return err
	})
	if err != nil {
		return Result{}, t.notCopied(ctx, src, dst, err)
	}
	t.Progress(src.Size)
	c := copied{t: t, op: "CopyObject", src: src, dst: dst, head: head}
	if r := out.CopyObjectResult; r != nil {
		c.answer = answer{
			r.ChecksumCRC64NVME, r.ChecksumCRC32C, r.ChecksumCRC32, r.ChecksumSHA256, r.ChecksumSHA1,
			r.ChecksumType, r.ETag, opaque(out.ServerSideEncryption, out.SSECustomerAlgorithm),
		}
	}
	res, err := c.verify(ctx)
	if err != nil {
		t.Progress(-src.Size)
	}
	return res, err
}

// summedCopy has the store sum up a copy, as send asks for it; or else not, where
// the store refuses that. Then only what it has by itself can be compared.
func (t *Transfer) summedCopy(ctx context.Context, dst Object, send func(by types.ChecksumAlgorithm) error) error {
	if without, _ := t.weaker.of(dst.Bucket, inCopy); without {
		return send("")
	}
	err := send(types.ChecksumAlgorithm(t.Algorithm))
	if !t.weaker.mayBe(err, dst.Bucket, inCopy) {
		if err == nil {
			t.weaker.proven(dst.Bucket, inCopy)
		}
		return err
	}
	if again := send(""); again != nil {
		return firstOf(ctx, err, again)
	}
	if t.weaker.set(place{dst.Bucket, inCopy}, true) {
		t.Notice(fmt.Sprintf("the store refuses %s: copies to s3://%s have the sums that it makes by itself", t.Algorithm, dst.Bucket))
	}
	return nil
}

// notCopied says what a refusal is about. Of two conditions that did not hold the
// store does not say which it was.
func (t *Transfer) notCopied(ctx context.Context, src, dst Object, err error) error {
	if !unmet(err) {
		return err
	}
	if t.NoOverwrite {
		_, herr := t.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(dst.Bucket), Key: aws.String(dst.Key)})
		switch {
		case herr == nil:
			return exists(dst, err)
		case !wire.NotFound(herr):
			return fmt.Errorf("%w; asking whether s3://%s/%s is there: %w", err, dst.Bucket, dst.Key, herr)
		}
	}
	return replaced(src, err)
}

// unmet says that err is the answer to a condition that does not hold.
func unmet(err error) bool {
	code := wire.Code(err)
	return code == "PreconditionFailed" || code == "412"
}

func exists(dst Object, err error) error {
	return fmt.Errorf("s3://%s/%s: %w: %w", dst.Bucket, dst.Key, ErrExists, err)
}
