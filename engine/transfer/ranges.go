package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// downloadRanges is Download for an object that comes in ranges. Where there is a
// journal it goes on where a run before was interrupted, and what it cannot
// complete itself is left for another.
func (t *Transfer) downloadRanges(ctx context.Context, src Object, root *os.Root, name string) (Result, error) {
	o, err := t.remote(ctx, src)
	if err != nil {
		return Result{}, err
	}
	f, err := t.rangeTarget(ctx, o.Object, root, name, o.step)
	if err != nil {
		return Result{}, err
	}
	journaled := f.marks.on || f.marks.all
	got, err := t.getRanges(ctx, o, f)
	if err == nil {
		err = f.unmark()
	}
	if err != nil {
		err = f.named(err)
		if journaled && !hopeless(err) {
			f.keep()
			return Result{}, err
		}
		f.discard()
	} else if err = t.commit(ctx, f, got); err != nil {
		t.Progress(-got.Size)
	}
	if journaled {
		t.Journal.Forget(downloadID(src))
	}
	if err != nil {
		return Result{}, err
	}
	return got.Result, nil
}

// remote is an object that is to come in ranges.
type remote struct {
	Object
	head  *s3.HeadObjectOutput
	there *stored
	step  int64 // the size of the ranges
}

// remote asks for what the store has of an object.
func (t *Transfer) remote(ctx context.Context, src Object) (*remote, error) {
	o := &remote{Object: src}
	var err error
	if o.head, err = t.headOf(ctx, &o.Object); err != nil {
		return nil, err
	}
	if o.there, err = t.storedSum(ctx, o.Object, o.head); err != nil {
		return nil, err
	}
	// The ranges need not be S3's parts, unless the sum is one of them, but as many
	// as an upload has keeps their number in bounds.
	if o.step, err = PartSize(src.Size, t.PartSize); err != nil {
		return nil, err
	}
	o.step = o.there.step(o.step)
	return o, nil
}

// getRanges downloads an object in ranges, and holds the sum of them all against
// the stored one. Where they differ, all is fetched once more, the stored sum too:
// which range is wrong cannot be told.
func (t *Transfer) getRanges(ctx context.Context, o *remote, f *target) (got, error) {
	if f.marks.all && !o.there.usable() { // nothing would say whether it is right
		if err := f.anew(); err != nil {
			return got{}, err
		}
	}
	for attempt := 1; ; attempt++ {
		r := &ranges{t: t, o: o, f: f}
		sums, err := r.fetch(ctx)
		if err != nil {
			return got{}, err
		}
		res, err := t.verify(ctx, o.there, sums, f)
		if err == nil {
			return got{Result: res, modTime: o.ModTime, meta: o.head.Metadata}, nil
		}
		if !errors.Is(err, ErrChecksum) {
			return got{}, err
		}
		t.Progress(-(o.Size - r.resumed.Load()))
		t.Resumed(-r.resumed.Load())
		if attempt == 2 {
			return got{}, err
		}
		t.Retry("GetObject", err)
		if err := f.anew(); err != nil {
			return got{}, err
		}
		step := o.step
		if o, err = t.remote(ctx, o.Object); err != nil {
			return got{}, err
		}
		o.step = step // the marks are of such ranges
	}
}

// headOf asks for the checksum of the whole of src, which no answer to a range
// has. What answers must be the object that was listed.
func (t *Transfer) headOf(ctx context.Context, src *Object) (*s3.HeadObjectOutput, error) {
	head, err := t.client(src).HeadObject(ctx, &s3.HeadObjectInput{
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

// ranges fetches what a file does not have of an object.
type ranges struct {
	t *Transfer
	o *remote
	f *target
	// resumed are the bytes that were there.
	resumed atomic.Int64
}

// fetch fetches all ranges at once, as far as slots allow, and returns their sums
// in the order of the ranges.
func (r *ranges) fetch(ctx context.Context) ([]checksum.Sum, error) {
	size, step := r.o.Size, r.o.step
	sums := make([]checksum.Sum, (size+step-1)/step)
	atOnce := min(int64(r.t.PartsAtOnce), int64(len(sums)))
	if err := r.t.crowd.Acquire(ctx, atOnce); err != nil {
		return nil, err
	}
	defer r.t.crowd.Release(atOnce)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(int(atOnce))
	for i := range sums {
		if ctx.Err() != nil {
			break
		}
		from := int64(i) * step
		g.Go(func() (err error) {
			sums[i], err = r.one(ctx, i, from, min(from+step, size))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	sum := int64(0)
	for i := range sums {
		sum += sums[i].Size
	}
	if sum != size { // ctx ended before all had begun
		return nil, context.Cause(ctx)
	}
	return sums, nil
}

// one returns the sum of range i when the file has it.
func (r *ranges) one(ctx context.Context, i int, from, to int64) (checksum.Sum, error) {
	p, err := r.there(ctx, i, from, to)
	if err != nil || p.at == to {
		return p.sum(), err
	}
	first := true
	err = r.t.again(ctx, func(ctx context.Context) error {
		if !first { // all of it: what was there may be why it failed
			r.resume(p.from - p.at)
			p = r.pieces(i, from, to)
		}
		first = false
		return r.get(ctx, p)
	})
	return p.sum(), err
}

func (r *ranges) pieces(i int, from, to int64) *pieces {
	return newPieces(i, from, to, r.o.step, r.o.there.rangesBy())
}

func (r *ranges) resume(n int64) {
	r.resumed.Add(n)
	r.t.Resumed(n)
}

// there reads what an interrupted run has fetched of a range, piece by piece, as
// far as it is what that run has marked.
func (r *ranges) there(ctx context.Context, i int, from, to int64) (*pieces, error) {
	p := r.pieces(i, from, to)
	if !r.f.marks.any() {
		return p, nil
	}
	found := newPieces(i, from, to, r.o.step, checksum.ByCRC64NVME)
	for found.at < to {
		crc, known, maybe := r.f.marks.has(found.number)
		if !maybe {
			break
		}
		var here checksum.CRC64NVME
		end := found.end()
		if err := r.t.read(ctx, &here, io.NewSectionReader(r.f, found.at, end-found.at)); err != nil {
			return p, err
		}
		if here.Size != end-found.at || known && here.Sum != crc {
			break
		}
		found.pass(here)
		found.at = end
	}
	if found.at == from {
		return p, nil
	}
	if p.by == found.by {
		p = found
	} else if err := r.t.read(ctx, p, io.NewSectionReader(r.f, from, found.at-from)); err != nil || p.at != found.at {
		return r.pieces(i, from, to), err
	}
	r.resume(p.at - from)
	return p, nil
}

// get fetches the rest of a range. Where it fails, progress has taken back what
// it has told.
func (r *ranges) get(ctx context.Context, p *pieces) error {
	buf, err := r.t.Pool.Buffer(ctx, copyBuffer)
	if err != nil {
		return err
	}
	defer buf.Release()
	if r.f.marks.on {
		p.complete = r.f.mark
	}
	src, from := r.o.Object, p.at
	w := &rangeWriter{w: r.f, from: from, pieces: p, progress: r.t.Progress}
	err = r.t.parts.fetch(ctx, &rangeClient{Objects: r.t.client(&src), src: src, from: from, to: p.to}, src, from, p.to, w, buf.Bytes())
	if err != nil {
		r.t.Progress(from - p.at)
		p.at = from
		return replaced(src, err)
	}
	return nil
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

// rangeWriter writes the rest of one range to its place, sums it up, and tells how
// much it is. It takes the bytes in their order, and none behind the end of the
// range.
type rangeWriter struct {
	w        io.WriterAt
	from     int64 // where the bytes belong that are asked for
	pieces   *pieces
	progress func(int64)
}

var (
	errTooLong = errors.New("the body is longer than the range")
	errLength  = errors.New("the body does not have the length of the range")
)

// WriteAt implements io.WriterAt; off is relative to what is asked for.
func (r *rangeWriter) WriteAt(p []byte, off int64) (int, error) {
	at := r.from + off
	if at != r.pieces.at {
		return 0, fmt.Errorf("byte %d of the object came where byte %d was to come", at, r.pieces.at)
	}
	if at+int64(len(p)) > r.pieces.to {
		return 0, fmt.Errorf("GetObject: bytes %d to %d: %w", r.from, r.pieces.to-1, errTooLong)
	}
	n, err := r.w.WriteAt(p, at)
	if err != nil {
		// What was written of it is not told, and comes again.
		return n, err
	}
	n, err = r.pieces.Write(p)
	r.progress(int64(n))
	return n, err
}
