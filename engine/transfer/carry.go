package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

// Carry copies src, of another store or account, to dst: its bytes come here and
// go on, with what Copy takes along. A small object is read whole into memory, and
// only then sent; a large one range by range, all of one ETag, each of which is
// sent as a part: one that is replaced meanwhile fails with [ErrChanged]. All
// of it is held against the sum that src's store has before there is a dst, and
// what dst's store has against what was sent: the Result is verified where both
// were. What an interrupted run has sent is gone on with. A [*MemoryError] says
// that the parts of an object so large have no room in memory.
func (t *Transfer) Carry(ctx context.Context, src, dst Object) (Result, error) {
	sizes, err := t.streamSizes(src.Size)
	if err != nil {
		return Result{}, fmt.Errorf("s3://%s/%s: %w", src.Bucket, src.Key, err)
	}
	if src.Size <= sizes.first || src.Size < t.Threshold && t.Pool.Fits(src.Size) {
		return t.carryWhole(ctx, src, dst)
	}
	return t.untilAnswered(ctx, "CompleteMultipartUpload", func() (Result, error) { return t.carryParts(ctx, src, dst, sizes) })
}

// carryWhole carries an object that has room in memory.
func (t *Transfer) carryWhole(ctx context.Context, src, dst Object) (Result, error) {
	c, err := t.getWhole(ctx, src, func(int64) {})
	if err != nil {
		return Result{}, missing(src.Key, err)
	}
	p := &onePut{dst: dst, via: t.copies}
	p.hold(t, c.buf, len(c.mem), c.hash)
	defer p.release()
	head := headOfGet(c.out)
	tags, err := t.tagsOf(ctx, &src, head)
	if err != nil {
		return Result{}, err
	}
	d := t.description(&src, head)
	d.onPut(&p.in)
	p.in.Tagging = tags.header
	res, err := t.putMemory(ctx, p)
	if err != nil {
		return Result{}, err
	}
	if c.By == "" { // what came may not be what is there
		res.By, res.Sum = "", ""
	}
	return res, t.tagLate(ctx, &dst, tags.late)
}

// headOfGet is what describes an object, out of an answer to GET.
func headOfGet(o *s3.GetObjectOutput) *s3.HeadObjectOutput {
	return &s3.HeadObjectOutput{
		Metadata: o.Metadata, ContentType: o.ContentType, CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition,
		ContentEncoding: o.ContentEncoding, ContentLanguage: o.ContentLanguage, ExpiresString: o.ExpiresString, TagCount: o.TagCount,
	}
}

// carryParts carries an object in parts.
func (t *Transfer) carryParts(ctx context.Context, src, dst Object, sizes partSizes) (Result, error) {
	head, err := t.headOf(ctx, &src)
	if err != nil {
		return Result{}, err
	}
	there, err := t.storedSum(ctx, src, head)
	if err != nil {
		return Result{}, err
	}
	c := &carried{t: t, src: src, dst: dst, head: head, there: there, partSize: sizes.first}
	// In the parts that it has been made of, where its sum is one of theirs: each is
	// summed up by itself then, and what is there already need not be read again.
	if part := there.part; there.parts > 1 && part >= MinPartSize && part <= t.Pool.Budget()/2 {
		c.partSize = part
	}
	// Before anything is written down: another run goes by what it finds.
	if c.tags, err = t.tagsOf(ctx, &src, head); err != nil {
		return Result{}, err
	}
	sums := c.newSums()
	p, done, err := t.takeUp(ctx, journal.Record{
		ID:     journal.ID{Kind: journal.Copy, Bucket: dst.Bucket, Key: dst.Key},
		Source: "s3://" + src.Bucket + "/" + src.Key, Size: src.Size, ModTime: aws.ToTime(head.LastModified), ETag: src.ETag,
		PartSize: c.partSize, Algorithm: string(sums.algorithm()), Attributes: t.like + c.tags.print,
	}, (&partCopy{copied: copied{t: t, src: src, dst: dst, head: head}}).arrived)
	if err != nil {
		return Result{}, err
	}
	if done != nil { // that run may not have lived to set the tags
		return *done, t.tagLate(ctx, &dst, c.tags.late)
	}
	u := t.newMemoryUpload(t.copies, dst, sums)
	u.prior = p
	res, err := c.run(ctx, u)
	// Somebody has aborted it, or what is there is not what was thought.
	if wire.Code(err) == "NoSuchUpload" || c.trusted && errors.Is(err, ErrChecksum) {
		t.Progress(-u.sent.Swap(0))
		if err = u.abort(ctx); err == nil {
			u.sums, u.done = c.newSums(), nil
			res, err = c.run(ctx, u)
		}
	}
	if err != nil {
		return Result{}, u.giveUp(ctx, err)
	}
	err = t.tagLate(ctx, &dst, c.tags.late)
	u.forget()
	return res, err
}
