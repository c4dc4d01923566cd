package transfer

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// partSums are the sums of one upload in parts: it has each request carry them,
// holds those of the store against them, and sends without them what the store
// refuses because of them. Its methods may be used concurrently for different
// parts, create before them, complete after them.
type partSums struct {
	t    *Transfer
	dst  Object
	size int64
	// parts has one for each, written by the one request that sends it. Those of a
	// stream, whose number is not known, come to it under mu.
	parts []partSum
	open  bool // it is a stream
	mu    sync.Mutex
	// plain says that the store takes no checksum for this upload: Content-MD5
	// goes with its parts.
	plain atomic.Bool
}

// partSum is what is known of a part that the store has; the zero value of one
// that it has not.
type partSum struct {
	sum checksum.Sum // by the algorithm of the upload; none where MD5 went alone
	md5 checksum.Sum // none where it was not needed
	// known says that the store has found the same.
	known bool
}

func (p *partSum) size() int64 { return max(p.sum.Size, p.md5.Size) }

// newPartSums is for an upload of size bytes in so many parts.
func (t *Transfer) newPartSums(dst Object, size, parts int64) *partSums {
	s := &partSums{t: t, dst: dst, size: size, parts: make([]partSum, parts)}
	s.plain.Store(t.weaker.by(t.Algorithm, dst.Bucket, inParts) == checksum.ByMD5)
	return s
}

// set keeps what is known of a part.
func (s *partSums) set(number int, got partSum) {
	if s.open {
		s.mu.Lock()
		defer s.mu.Unlock()
		for len(s.parts) < number {
			s.parts = append(s.parts, partSum{})
		}
	}
	s.parts[number-1] = got
}

// algorithm is what the next part is to carry. It is what a journal keeps:
// an upload is only gone on with by the same.
func (s *partSums) algorithm() checksum.Algorithm {
	if s.plain.Load() {
		return checksum.ByMD5
	}
	return s.t.Algorithm
}

// resume takes over what an upload was begun with that is gone on with.
func (s *partSums) resume(by checksum.Algorithm) { s.plain.Store(by == checksum.ByMD5) }

// create begins the upload: with the algorithm and the type that the object is
// to have, or where the store refuses that without.
func (s *partSums) create(ctx context.Context, c wire.Objects, in *s3.CreateMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	in.ChecksumAlgorithm, in.ChecksumType = "", ""
	if s.plain.Load() {
		return c.CreateMultipartUpload(ctx, in, bare(opts)...)
	}
	in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithm(s.t.Algorithm), typeOf(s.t.Algorithm)
	out, err := c.CreateMultipartUpload(ctx, in, opts...)
	if !s.t.weaker.mayBe(err, s.dst.Bucket, inParts) {
		return out, err
	}
	in.ChecksumAlgorithm, in.ChecksumType = "", ""
	out, again := c.CreateMultipartUpload(ctx, in, bare(opts)...)
	if again != nil {
		return nil, firstOf(ctx, err, again)
	}
	s.plain.Store(true)
	s.t.weakened(s.dst.Bucket, inParts, refused)
	return out, nil
}

// send sends one part, whose payload is p, and holds the answer against it. Where
// it fails p has taken back what it told.
func (s *partSums) send(ctx context.Context, c wire.Objects, number int, p *payload, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	out, err := s.try(ctx, c, number, p, in, opts)
	if err != nil {
		p.takeBack()
		return nil, err
	}
	return out, nil
}

func (s *partSums) try(ctx context.Context, c wire.Objects, number int, p *payload, in *s3.UploadPartInput, opts []func(*s3.Options)) (*s3.UploadPartOutput, error) {
	op := "UploadPart " + strconv.Itoa(number)
	size := p.hash.Size()
	in.Body, in.ContentLength = &p.body, &size
	here := p.hash.Sum()
	out, err := s.part(ctx, c, op, here, in, opts)
	if here.Algorithm != checksum.ByMD5 && s.t.weaker.mayBe(err, s.dst.Bucket, inParts) {
		if out, here, err = s.partAgain(ctx, c, op, p, in, opts, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	got := partSum{sum: here}
	there := ofPart(out)
	if here.Algorithm != checksum.ByMD5 {
		if got.known, err = there.same(op, s.dst, here); err != nil {
			return nil, err
		}
		if !got.known { // the whole may have one: if not, the MD5s of the parts are what is left
			if got.md5, err = p.md5(ctx, s.t); err != nil {
				return nil, err
			}
		}
	} else {
		got = partSum{md5: here}
	}
	got.known = got.known || there.sameMD5(got.md5)
	s.set(number, got)
	return out, nil
}

// part sends it with one sum.
func (s *partSums) part(ctx context.Context, c wire.Objects, op string, here checksum.Sum, in *s3.UploadPartInput, opts []func(*s3.Options)) (*s3.UploadPartOutput, error) {
	text := here.String()
	sumOfPart(in, here.Algorithm, &text)
	out, err := c.UploadPart(ctx, in, opts...)
	if err != nil {
		return nil, refusedBody(op, s.dst, here.Algorithm, text, err)
	}
	return out, nil
}

// partAgain sends a part with its MD5 that was refused with a checksum.
func (s *partSums) partAgain(
	ctx context.Context, c wire.Objects, op string, p *payload, in *s3.UploadPartInput, opts []func(*s3.Options), first error,
) (*s3.UploadPartOutput, checksum.Sum, error) {
	here, err := p.md5(ctx, s.t)
	if err != nil {
		return nil, here, err
	}
	if err := rewind(&p.body); err != nil {
		return nil, here, err
	}
	out, err := s.part(ctx, c, op, here, in, opts)
	if err != nil {
		return nil, here, firstOf(ctx, first, err)
	}
	s.plain.Store(true)
	s.t.weakened(s.dst.Bucket, inParts, refused)
	return out, here, nil
}

// has says whether the store has the bytes of p as that part of an upload that is
// gone on with: by the checksum that ListParts tells, or else by its ETag where
// that is the MD5. If so the part need not be sent.
func (s *partSums) has(ctx context.Context, number int, p *payload, listed *types.Part) (bool, error) {
	size := p.hash.Size()
	if number < 1 || number > len(s.parts) || aws.ToInt64(listed.Size) != size {
		return false, nil
	}
	there := ofListed(listed)
	got := partSum{sum: p.hash.Sum()}
	if p.hash.Algorithm() == checksum.ByMD5 {
		got = partSum{md5: got.sum}
	} else {
		known, err := there.same("ListParts", s.dst, got.sum)
		if err != nil {
			return false, nil //nolint:nilerr // it is another part, and is sent anew
		}
		got.known = known
	}
	if !got.known {
		var err error
		if got.md5, err = p.md5(ctx, s.t); err != nil {
			return false, err
		}
		if got.known = there.sameMD5(got.md5); !got.known {
			return false, nil
		}
	}
	s.set(number, got)
	return true, nil
}

// complete makes the object of the parts, which must be all that there are:
// manager counts them only afterwards. It sends the sum of the whole, which the
// store holds against what it has, and returns what is known by the answer.
func (s *partSums) complete(ctx context.Context, c wire.Objects, in *s3.CompleteMultipartUploadInput, opts ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, Result, error) {
	if err := s.all(in.MultipartUpload); err != nil {
		return nil, Result{}, err
	}
	const op = "CompleteMultipartUpload"
	in.MpuObjectSize = aws.Int64(s.size)
	here, text := s.whole(in)
	out, err := c.CompleteMultipartUpload(ctx, in, opts...)
	if text != "" && s.t.weaker.mayBe(err, s.dst.Bucket, inParts) {
		s.bareComplete(in)
		var again error
		if out, again = c.CompleteMultipartUpload(ctx, in, bare(opts)...); again != nil {
			return nil, Result{}, firstOf(ctx, err, again)
		}
		s.t.weakened(s.dst.Bucket, inParts, refused)
		err = nil
	}
	switch {
	case err != nil && text != "":
		return nil, Result{}, refusedBody(op, s.dst, s.t.Algorithm, text, err)
	case err != nil:
		return nil, Result{}, err
	}
	res := Result{Size: s.size}
	there := ofComplete(out)
	switch {
	case here.Algorithm != "": // the sum of the whole
		ok, err := there.same(op, s.dst, here)
		if err != nil {
			return out, res, err
		}
		if ok {
			res.By, res.Sum = here.Algorithm, text
		}
	case text != "" && there.header(s.t.Algorithm) != "": // that of the sums of the parts
		if header := there.header(s.t.Algorithm); header != text {
			return out, res, differs(op, s.dst, s.t.Algorithm, text, header)
		}
		res.By, res.Sum = s.t.Algorithm, text
	}
	switch {
	case res.By != "":
		s.t.weaker.proven(s.dst.Bucket, inParts)
	case text != "":
		s.t.weakened(s.dst.Bucket, inParts, ignored)
	}
	if etag := s.etag(); res.By == "" && etag != "" && !there.opaque {
		if tag, parts, ok := checksum.ParseETag(aws.ToString(out.ETag), s.size); ok && tag.Hex()+"-"+strconv.Itoa(parts) == etag {
			res.By, res.Sum = checksum.ByMD5, etag
		}
	}
	if res.By == "" && text != "" {
		res, err = s.askComplete(ctx, here, text, &there)
	}
	return out, res, err
}

// askComplete asks for the sum of an object that the answer to its last request
// did not have. That it is not known is no error: the object is there.
func (s *partSums) askComplete(ctx context.Context, here checksum.Sum, text string, there *answer) (Result, error) {
	res := Result{Size: s.size}
	now, err := s.t.headAfter(ctx, s.dst, there)
	if err != nil || now == nil {
		return res, err
	}
	if here.Algorithm == "" {
		if now.header(s.t.Algorithm) == text {
			res.By, res.Sum = s.t.Algorithm, text
		}
		return res, nil
	}
	ok, err := now.same("HeadObject", s.dst, here)
	if ok {
		res.By, res.Sum = here.Algorithm, text
	}
	return res, err
}

// whole puts the sums into the request: that of the whole where the algorithm
// has one, and those of the parts. It returns the sum of the whole, and what the
// store is to answer with; neither where a part has gone without a sum.
func (s *partSums) whole(in *s3.CompleteMultipartUploadInput) (checksum.Sum, string) {
	by := s.t.Algorithm
	s.bareComplete(in)
	in.MpuObjectSize = aws.Int64(s.size)
	sums := make([]checksum.Sum, len(s.parts))
	for i := range s.parts {
		if sums[i] = s.parts[i].sum; sums[i].Algorithm != by {
			return checksum.Sum{}, ""
		}
	}
	for i := range in.MultipartUpload.Parts {
		text := sums[i].String()
		sumOfCompleted(&in.MultipartUpload.Parts[i], by, &text)
	}
	in.ChecksumType = typeOf(by)
	if !by.FullObject() {
		return checksum.Sum{}, checksum.Composite(sums)
	}
	var whole checksum.Sum
	for _, sum := range sums {
		whole = whole.Then(sum)
	}
	text := whole.String()
	sumOfComplete(in, by, &text)
	return whole, text
}

// bareComplete takes all sums out of the request.
func (s *partSums) bareComplete(in *s3.CompleteMultipartUploadInput) {
	for i := range in.MultipartUpload.Parts {
		sumOfCompleted(&in.MultipartUpload.Parts[i], "", nil)
	}
	sumOfComplete(in, "", nil)
	in.ChecksumType, in.MpuObjectSize = "", nil
}

// etag is the ETag that an object of these parts has where ETags are MD5s; empty
// where the MD5 of a part is not known.
func (s *partSums) etag() string {
	sums := make([]checksum.Sum, len(s.parts))
	for i := range s.parts {
		if sums[i] = s.parts[i].md5; sums[i].Algorithm == "" {
			return ""
		}
	}
	return checksum.MultipartETag(sums)
}

// all counts the parts that an object is to be made of.
func (s *partSums) all(upload *types.CompletedMultipartUpload) error {
	inOrder := upload != nil && len(upload.Parts) == len(s.parts) && len(s.parts) > 0
	size := int64(0)
	for i := 0; inOrder && i < len(s.parts); i++ {
		inOrder = int(aws.ToInt32(upload.Parts[i].PartNumber)) == i+1 && s.parts[i].size() > 0
		size += s.parts[i].size()
	}
	if !inOrder || size != s.size {
		return fmt.Errorf("CompleteMultipartUpload s3://%s/%s: not all of the %d parts were sent", s.dst.Bucket, s.dst.Key, len(s.parts))
	}
	return nil
}
