package transfer

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/engine/checksum"
)

// carried is one object on its way from one store to another, in parts.
type carried struct {
	t        *Transfer
	src, dst Object
	head     *s3.HeadObjectOutput
	there    *stored // what the source has
	partSize int64
	tags     tagged
	// theirs are the sums of the parts as the source's store would have them, where
	// its own can be made of those; or else all is summed up in its order.
	theirs []checksum.Sum
	order  summer
	// trusted says that ETags of parts were taken for MD5s, which with KMS they
	// are not.
	trusted bool
}

func (c *carried) newSums() *partSums {
	return c.t.newPartSums(c.dst, c.src.Size, (c.src.Size+c.partSize-1)/c.partSize)
}

// byParts says that the source's sum can be made of those of our parts.
func (c *carried) byParts() bool {
	if c.there.parts > 0 {
		return c.there.part == c.partSize
	}
	return c.there.by.FullObject()
}

// run sends what is missing, and makes an object of it when it is what the source
// is.
func (c *carried) run(ctx context.Context, u *memoryUpload) (Result, error) {
	c.theirs, c.order = make([]checksum.Sum, len(u.sums.parts)), summer{}
	if c.there.usable() && !c.byParts() {
		c.order = newSummer(c.there.by, c.there.part)
	}
	if u.prior.id != "" {
		u.sums.resume(checksum.Algorithm(u.prior.record.Algorithm))
	}
	in := &s3.CreateMultipartUploadInput{Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), Tagging: c.tags.header}
	d := c.t.description(&c.src, c.head)
	d.onUpload(in)
	if err := u.begin(ctx, in); err != nil {
		return Result{}, err
	}
	if err := c.sendAll(ctx, u); err != nil {
		return Result{}, err
	}
	source, err := c.agrees(ctx)
	if err != nil {
		return Result{}, err
	}
	res, err := u.complete(ctx)
	if source.By == "" { // what came may not be what is there
		res.By, res.Sum = "", ""
	}
	return res, err
}

// agrees holds what has come against the source's sum.
func (c *carried) agrees(ctx context.Context) (Result, error) {
	switch {
	case !c.there.usable():
		return Result{}, nil
	case c.byParts():
		return c.t.agrees(ctx, "GetObject", c.there, c.theirs)
	}
	return c.t.agrees(ctx, "GetObject", c.there, c.order.sums())
}

// sendAll has part after part come into memory and sends it, as many at once as
// there is memory for.
func (c *carried) sendAll(ctx context.Context, u *memoryUpload) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(c.t.PartsAtOnce)
	w := &window{
		t: c.t, src: c.src, to: c.src.Size, step: c.partSize, by: u.sums.algorithm(), whole: true, progress: func(int64) {},
		skip: func(number int) bool { return c.taken(u, number) },
	}
	err := w.run(ctx, func(_ context.Context, p *piece) error {
		c.sum(p)
		g.Go(func() error {
			defer p.release()
			return c.send(ctx, u, p)
		})
		return nil
	})
	ended := ctx.Err() != nil // then a part that failed is why others were not read
	if werr := g.Wait(); err == nil || ended && werr != nil {
		return werr
	}
	return err
}

// sum sums up a piece as the source has been. The pieces come in their order.
func (c *carried) sum(p *piece) {
	mem := p.buf.Bytes()
	switch {
	case !c.there.usable():
	case !c.byParts():
		_, _ = c.order.Write(mem) // never fails
	case p.sum.Algorithm() == c.there.by:
		c.theirs[p.number-1] = p.sum.Sum()
	default:
		h := checksum.New(c.there.by)
		h.Add(mem)
		c.theirs[p.number-1] = h.Sum()
	}
}

// send sends a piece, unless the store has it.
func (c *carried) send(ctx context.Context, u *memoryUpload, p *piece) error {
	var load payload
	load.hold(c.t, p.buf, int(p.to-p.from), p.sum)
	if listed, ok := u.prior.parts[int32(p.number)]; ok {
		there, err := u.sums.has(ctx, p.number, &load, &listed)
		if err != nil {
			return err
		}
		if there {
			c.resume(u, p.number, &listed)
			return nil
		}
	}
	return u.send(ctx, p.number, &load)
}

func (c *carried) resume(u *memoryUpload, number int, listed *types.Part) {
	u.has(number, listed.ETag)
	u.resumed.Add(aws.ToInt64(listed.Size))
	c.t.Resumed(aws.ToInt64(listed.Size))
}

// taken says that a part need not be read: the store has it since a run before,
// which had it of an object of the same ETag, and what the store says of it is
// enough for the sums of both sides.
func (c *carried) taken(u *memoryUpload, number int) bool {
	listed, ok := u.prior.parts[int32(number)]
	first := int64(number-1) * c.partSize
	size := min(c.partSize, c.src.Size-first)
	if !ok || aws.ToInt64(listed.Size) != size || listed.ETag == nil {
		return false
	}
	ours, known := listedSum(&listed, u.sums.algorithm(), size)
	if !known {
		return false
	}
	if c.there.usable() {
		if !c.byParts() {
			return false
		}
		theirs, known := listedSum(&listed, c.there.by, size)
		if !known {
			return false
		}
		c.theirs[number-1] = theirs
		c.trusted = c.trusted || theirs.Algorithm == checksum.ByMD5
	}
	got := partSum{sum: ours, known: true}
	if ours.Algorithm == checksum.ByMD5 {
		got = partSum{md5: ours, known: true}
	}
	u.sums.set(number, got)
	c.resume(u, number, &listed)
	return true
}

// listedSum is the sum of one kind of a part that ListParts tells of.
func listedSum(p *types.Part, by checksum.Algorithm, size int64) (checksum.Sum, bool) {
	there := ofListed(p)
	if by == checksum.ByMD5 {
		sum, parts, ok := checksum.ParseETag(aws.ToString(p.ETag), size)
		return sum, ok && parts == 0
	}
	sum, err := checksum.Parse(by, there.header(by), size)
	return sum, err == nil
}
