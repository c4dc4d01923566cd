package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// getRanges downloads src in ranges, and holds the sum of them all against the
// stored one. Where they differ, all is fetched once more, the stored sum too:
// which range is wrong cannot be told.
func (t *Transfer) getRanges(ctx context.Context, src Object, f *target) (got, error) {
	for attempt := 1; ; attempt++ {
		head, err := t.headOf(ctx, &src)
		if err != nil {
			return got{}, err
		}
		sum, err := t.fetchRanges(ctx, src, f)
		if err != nil {
			return got{}, err
		}
		verified, err := compare("GetObject", src.Bucket, src.Key, sum, head.ChecksumCRC64NVME, head.ChecksumType)
		if err == nil {
			return got{size: src.Size, modTime: src.ModTime, verified: verified}, nil
		}
		t.Progress(-src.Size)
		if attempt == 2 {
			return got{}, err
		}
		t.Retry("GetObject", err)
	}
}

// headOf asks for the checksum of the whole of src, which no answer to a range
// has. What answers must be the object that was listed.
func (t *Transfer) headOf(ctx context.Context, src *Object) (*s3.HeadObjectOutput, error) {
	head, err := t.Client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(src.Bucket), Key: aws.String(src.Key),
		IfMatch: ifMatch(*src), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, replaced(*src, missing(src.Key, err))
	}
	etag := strings.Trim(aws.ToString(head.ETag), `"`)
	if size := aws.ToInt64(head.ContentLength); size != src.Size {
		return nil, fmt.Errorf("s3://%s/%s: %w: the object was replaced: it has %d bytes instead of %d",
			src.Bucket, src.Key, ErrChanged, size, src.Size)
	}
	if src.ETag == "" {
		src.ETag = etag
	}
	return head, sameETag(*src, head.ETag)
}

// ifMatch is the condition under which an answer is of the object that src is.
func ifMatch(src Object) *string {
	if src.ETag == "" {
		return nil
	}
	return aws.String(`"` + src.ETag + `"`)
}

// sameETag fails where a store that knows no conditions has sent another object.
func sameETag(src Object, etag *string) error {
	if now := strings.Trim(aws.ToString(etag), `"`); now != "" && now != src.ETag {
		return fmt.Errorf("s3://%s/%s: %w: the object was replaced: its ETag is %s instead of %s", src.Bucket, src.Key, ErrChanged, now, src.ETag)
	}
	return nil
}

// replaced makes the answer to a condition that does not hold an ErrChanged. A
// HEAD has no body, so its code may be only the status.
func replaced(src Object, err error) error {
	if code := wire.Code(err); code == "PreconditionFailed" || code == "412" {
		return fmt.Errorf("s3://%s/%s: %w: the object was replaced: %w", src.Bucket, src.Key, ErrChanged, err)
	}
	return err
}

// fetchRanges fetches all ranges of src into f at once, as far as slots allow,
// and returns the sum of the whole.
func (t *Transfer) fetchRanges(ctx context.Context, src Object, f *target) (checksum.CRC64NVME, error) {
	var whole checksum.CRC64NVME
	// The ranges need not be S3's parts, but as many as an upload has keeps
	// their number in bounds.
	step, err := PartSize(src.Size, t.PartSize)
	if err != nil {
		return whole, err
	}
	sums := make([]checksum.CRC64NVME, (src.Size+step-1)/step)
	atOnce := min(int64(t.PartsAtOnce), int64(len(sums)))
	if err := t.crowd.Acquire(ctx, atOnce); err != nil {
		return whole, err
	}
	defer t.crowd.Release(atOnce)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(int(atOnce))
	for i := range sums {
		if ctx.Err() != nil {
			break
		}
		from := int64(i) * step
		g.Go(func() error {
			return t.again(ctx, func(ctx context.Context) (err error) {
				sums[i], err = t.getRange(ctx, src, from, min(from+step, src.Size), f)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return whole, err
	}
	for _, sum := range sums {
		whole = whole.Then(sum)
	}
	if whole.Size != src.Size { // ctx ended before all had begun
		return whole, context.Cause(ctx)
	}
	return whole, nil
}

func (t *Transfer) getRange(ctx context.Context, src Object, from, to int64, f *target) (checksum.CRC64NVME, error) {
	buf, err := t.Pool.Buffer(ctx, copyBuffer)
	if err != nil {
		return checksum.CRC64NVME{}, err
	}
	defer buf.Release()
	w := &rangeWriter{w: f, from: from, to: to, progress: t.Progress}
	err = t.parts.fetch(ctx, &rangeClient{Objects: t.Client, src: src, from: from, to: to}, src, from, to, w, buf.Bytes())
	if err != nil {
		t.Progress(-w.sum.Size)
		return checksum.CRC64NVME{}, replaced(src, err)
	}
	return w.sum, nil
}

// rangeClient takes an answer only where it is the range that was asked for: a
// store that sends the whole object would have it written over the ranges that
// follow.
type rangeClient struct {
	wire.Objects
	src      Object
	from, to int64
}

func (c *rangeClient) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := c.Objects.GetObject(ctx, in, opts...)
	if err != nil {
		return nil, err
	}
	if err := c.check(out); err != nil {
		_ = out.Body.Close()
		return nil, err
	}
	return out, nil
}

func (c *rangeClient) check(out *s3.GetObjectOutput) error {
	want := fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, c.src.Size)
	got := aws.ToString(out.ContentRange)
	from, last, size, err := s3xml.ContentRange(got)
	if err != nil || from != c.from || last != c.to-1 || size != c.src.Size {
		return fmt.Errorf("GetObject s3://%s/%s: the store answered with Content-Range %q instead of %q", c.src.Bucket, c.src.Key, got, want)
	}
	if out.ContentLength != nil && *out.ContentLength != c.to-c.from {
		return fmt.Errorf("GetObject s3://%s/%s: the store answered with Content-Length %d to %s: %w",
			c.src.Bucket, c.src.Key, *out.ContentLength, want, errLength)
	}
	return sameETag(c.src, out.ETag)
}

// rangeWriter writes one range to its place, sums it up, and tells how much it
// is. It takes the bytes in their order, and none behind the end of the range.
type rangeWriter struct {
	w        io.WriterAt
	from, to int64
	sum      checksum.CRC64NVME // of what has been written
	progress func(int64)
}

var (
	errTooLong = errors.New("the body is longer than the range")
	errLength  = errors.New("the body does not have the length of the range")
)

// WriteAt implements io.WriterAt; off is relative to the range.
func (r *rangeWriter) WriteAt(p []byte, off int64) (int, error) {
	at := r.from + off
	if off != r.sum.Size {
		return 0, fmt.Errorf("byte %d of the range from %d on came at %d", r.sum.Size, r.from, off)
	}
	if at+int64(len(p)) > r.to {
		return 0, fmt.Errorf("GetObject: bytes %d to %d: %w", r.from, r.to-1, errTooLong)
	}
	n, err := r.w.WriteAt(p, at)
	r.sum.Add(p[:n])
	r.progress(int64(n))
	return n, err
}
