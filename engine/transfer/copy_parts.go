package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

// partCopy is one copy in parts.
type partCopy struct {
	copied
	partSize int64
	began    time.Time      // the upload, by the clock of the store
	md5s     []checksum.Sum // of the parts, by their ETags; none where that is another thing
	moved    atomic.Int64   // bytes of which Progress was told
	resumed  atomic.Int64   // bytes of which Resumed was told
	tags     tagged
}

// copyParts copies in parts. Each is copied on the condition that the source
// still has its ETag; what an interrupted run has copied under the same ETag is
// taken as it is.
func (t *Transfer) copyParts(ctx context.Context, src, dst Object) (Result, error) {
	partSize, err := PartSize(src.Size, t.CopyPartSize)
	if err != nil {
		return Result{}, fmt.Errorf("s3://%s/%s: %w", src.Bucket, src.Key, err)
	}
	head, err := t.headOf(ctx, &src)
	if err != nil {
		return Result{}, err
	}
	c := &partCopy{copied: copied{t: t, op: "CompleteMultipartUpload", src: src, dst: dst, head: head}, partSize: partSize}
	c.md5s = make([]checksum.Sum, (src.Size+partSize-1)/partSize)
	atOnce := min(int64(t.PartsAtOnce), int64(len(c.md5s)))
	if err := t.crowd.Acquire(ctx, atOnce); err != nil {
		return Result{}, err
	}
	defer t.crowd.Release(atOnce)
	// Before anything is written down: another run goes by what it finds.
	if c.tags, err = t.tagsOf(ctx, &src, head); err != nil {
		return Result{}, err
	}
	p, done, err := t.takeUp(ctx, journal.Record{
		ID:     journal.ID{Kind: journal.Copy, Bucket: dst.Bucket, Key: dst.Key},
		Source: "s3://" + src.Bucket + "/" + src.Key, Size: src.Size, ModTime: aws.ToTime(head.LastModified), ETag: src.ETag,
		PartSize: partSize, Algorithm: string(t.Algorithm), Attributes: t.like + c.tags.print,
	}, c.arrived)
	switch {
	case err != nil:
		return Result{}, err
	case done != nil: // an interrupted run may not have lived to set the tags
		return *done, t.tagLate(ctx, &dst, c.tags.late)
	}
	res, err := c.run(ctx, &p, int(atOnce))
	if errors.Is(err, errBorrowed) || wire.Code(err) == "NoSuchUpload" { // somebody has aborted what was begun then
		if err = c.abort(ctx, &p); err == nil {
			res, err = c.run(ctx, &p, int(atOnce))
		}
	}
	if err != nil {
		t.Progress(-c.moved.Swap(0))
		return Result{}, errors.Join(err, c.giveUp(ctx, &p, err))
	}
	err = t.tagLate(ctx, &dst, c.tags.late)
	c.forget(&p)
	return res, err
}

// run copies what is missing, and makes an object of the parts.
func (c *partCopy) run(ctx context.Context, p *prior, atOnce int) (Result, error) {
	if err := c.t.begin(ctx, p, c.create); err != nil {
		return Result{}, err
	}
	c.began = p.record.Intended
	parts, err := c.copyMissing(ctx, p, atOnce)
	if err != nil {
		return Result{}, err
	}
	return c.complete(ctx, p.id, parts)
}

// giveUp leaves what was copied to another run, or removes it where that has no
// use for it.
func (c *partCopy) giveUp(ctx context.Context, p *prior, why error) error {
	if p.journaled && !hopeless(why) {
		return nil
	}
	if p.id != "" {
		if err := c.abort(ctx, p); err != nil { // the record stays, and another run tries
			return err
		}
	}
	c.forget(p)
	return nil
}

// abort removes what was copied. It runs also where ctx has ended.
func (c *partCopy) abort(ctx context.Context, p *prior) error {
	_, err := (&partClient{Objects: c.t.Client}).AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), UploadId: aws.String(p.id),
	})
	if err != nil {
		return fmt.Errorf("aborting the upload to s3://%s/%s: %w", c.dst.Bucket, c.dst.Key, err)
	}
	c.t.Progress(-c.moved.Swap(0))
	c.t.Resumed(-c.resumed.Swap(0))
	p.id, p.parts = "", nil
	return nil
}

func (c *partCopy) forget(p *prior) {
	if p.journaled {
		c.t.Journal.Forget(p.record.ID)
	}
}

// create begins an upload of what the source is: CopyObject would take all of
// this along by itself. It is not cut off by the end of ctx at once: an upload
// whose id nobody has learnt cannot be removed.
func (c *partCopy) create(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	in := &s3.CreateMultipartUploadInput{Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), Tagging: c.tags.header}
	d := c.t.description(&c.src, c.head)
	d.onUpload(in)
	late, cancel := delayed(ctx, quickly)
	defer cancel()
	var out *s3.CreateMultipartUploadOutput
	var err error
	send := func(by types.ChecksumAlgorithm) (err error) {
		in.ChecksumAlgorithm, in.ChecksumType = by, ""
		if by != "" {
			in.ChecksumType = typeOf(c.t.Algorithm)
		}
		out, err = c.t.copies.CreateMultipartUpload(late, in)
		return err
	}
	if without, _ := c.t.weaker.of(c.dst.Bucket, inCopyParts); without {
		err = send("")
	} else {
		err = c.t.summedCopy(ctx, c.dst, send)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.UploadId), nil
}

// extent is which bytes of the source a part has: those from first up to end.
func (c *partCopy) extent(number int) (first, end int64) {
	first = int64(number-1) * c.partSize
	return first, min(first+c.partSize, c.src.Size)
}

// copyMissing copies all parts that are not there yet, as many at once as slots
// and atOnce allow, and returns all of them.
func (c *partCopy) copyMissing(ctx context.Context, p *prior, atOnce int) ([]types.CompletedPart, error) {
	done := make([]types.CompletedPart, len(c.md5s))
	var err error
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range done {
		if ctx.Err() != nil {
			break
		}
		number := i + 1
		first, end := c.extent(number)
		if had, ok := p.parts[int32(number)]; ok && aws.ToInt64(had.Size) == end-first && had.ETag != nil {
			if done[i], err = c.completed(number, asCopied(&had)); err != nil {
				break
			}
			c.t.Resumed(end - first)
			c.resumed.Add(end - first)
			continue
		}
		send := func() error {
			out, err := c.copyPart(ctx, p.id, number)
			if err != nil {
				return err
			}
			c.moved.Add(end - first)
			c.t.Progress(end - first)
			done[i], err = c.completed(number, out)
			return err
		}
		if c.trusted() {
			g.Go(send)
		} else if err = send(); err != nil { // alone: it tells whether the others are worth it
			break
		}
	}
	if werr := g.Wait(); err == nil {
		err = werr
	}
	if err != nil {
		return nil, err
	}
	for i := range done {
		if done[i].ETag == nil { // ctx ended before all had begun
			return nil, context.Cause(ctx)
		}
	}
	return done, nil
}

// whole is the sum of the source of the kind that the copy is to have; empty
// where it has none.
func (c *partCopy) whole() string {
	source := ofHead(c.head)
	return source.whole(c.t.Algorithm)
}

// trusted says that the sums of parts are known to be right, or known not to be,
// or that there is nothing by which to know.
func (c *partCopy) trusted() bool {
	_, known := c.t.weaker.of(c.dst.Bucket, inCopyParts)
	return known || c.whole() == ""
}

// copyPart gets a while to end by itself when ctx has ended: a part that was cut
// off may still be taken by the store, after the upload was aborted.
func (c *partCopy) copyPart(ctx context.Context, id string, number int) (*types.CopyPartResult, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	first, end := c.extent(number)
	late, cancel := delayed(ctx, partGrace)
	defer cancel()
	out, err := c.t.copies.UploadPartCopy(late, &s3.UploadPartCopyInput{
		Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), UploadId: aws.String(id), PartNumber: aws.Int32(int32(number)),
		CopySource:        aws.String(wire.CopySource(c.src.Bucket, c.src.Key)),
		CopySourceRange:   aws.String(fmt.Sprintf("bytes=%d-%d", first, end-1)),
		CopySourceIfMatch: ifMatch(c.src),
	})
	if err != nil {
		return nil, replaced(c.src, err)
	}
	if out.CopyPartResult == nil || aws.ToString(out.CopyPartResult.ETag) == "" {
		return nil, fmt.Errorf("UploadPartCopy s3://%s/%s: the answer does not say what part %d is", c.dst.Bucket, c.dst.Key, number)
	}
	return out.CopyPartResult, nil
}

// asCopied is a part that ListParts tells of as UploadPartCopy has told of it.
func asCopied(p *types.Part) *types.CopyPartResult {
	return &types.CopyPartResult{
		ETag: p.ETag, ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumCRC32C: p.ChecksumCRC32C,
		ChecksumCRC32: p.ChecksumCRC32, ChecksumSHA256: p.ChecksumSHA256, ChecksumSHA1: p.ChecksumSHA1,
	}
}

// errBorrowed: the store says of a part that it has the sum of the whole source.
// versitygw 1.8.0 does, and makes of those a sum of the copy that is wrong.
var errBorrowed = errors.New("the sum of a part is that of the whole object")

// completed is a part as CompleteMultipartUpload wants it named. Where its sum
// cannot be right, no other copy to the bucket is to have any but what the store
// makes by itself.
func (c *partCopy) completed(number int, r *types.CopyPartResult) (types.CompletedPart, error) {
	part := answer{r.ChecksumCRC64NVME, r.ChecksumCRC32C, r.ChecksumCRC32, r.ChecksumSHA256, r.ChecksumSHA1, "", r.ETag, false}
	if whole := c.whole(); whole != "" && len(c.md5s) > 1 {
		if part.header(c.t.Algorithm) == whole {
			c.t.weaker.set(place{c.dst.Bucket, inCopyParts}, true)
			return types.CompletedPart{}, fmt.Errorf("UploadPartCopy s3://%s/%s: %w", c.dst.Bucket, c.dst.Key, errBorrowed)
		}
		if part.header(c.t.Algorithm) != "" { // else it is of an upload that was begun without
			c.t.weaker.proven(c.dst.Bucket, inCopyParts)
		}
	}
	first, end := c.extent(number)
	if sum, parts, ok := checksum.ParseETag(aws.ToString(r.ETag), end-first); ok && parts == 0 {
		c.md5s[number-1] = sum
	}
	return types.CompletedPart{
		PartNumber: aws.Int32(int32(number)), ETag: r.ETag,
		ChecksumCRC64NVME: r.ChecksumCRC64NVME, ChecksumCRC32C: r.ChecksumCRC32C, ChecksumCRC32: r.ChecksumCRC32,
		ChecksumSHA256: r.ChecksumSHA256, ChecksumSHA1: r.ChecksumSHA1,
	}, nil
}
