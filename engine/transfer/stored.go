package transfer

import (
	"context"
	"io"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// stored is the best that the store has of the contents of one object: a sum of
// the whole, or one of the sums of its parts.
type stored struct {
	obj Object // of the size that it is about
	// by is empty where there is nothing that says anything.
	by checksum.Algorithm
	// text is what the store says, as it stands in the header, or the ETag.
	text string
	// parts is how many parts it is the sum of the sums of; 0: it is one of the whole.
	parts int
	// part is the size of all parts but the last; 0 where that is not known.
	part int64
	// guessed says that it is not known that the parts have that size.
	guessed bool
	etag    bool // text is an ETag, in hexadecimal
}

// mostKinds is how many sums an answer may have: of the whole, of parts, an ETag.
const mostKinds = 11

// kind returns the ith sum of an answer to GET or HEAD, in the order of what they
// cost: CRCs of the whole, other sums of it, those of the sums of parts, the MD5
// in an ETag. The size of parts is left open where there are several.
func (a *answer) kind(i int, obj Object) (stored, bool) {
	s := stored{obj: obj}
	if i == mostKinds-1 {
		sum, parts, ok := checksum.ParseETag(aws.ToString(a.etag), obj.Size)
		if !ok || a.opaque {
			return s, false
		}
		s.by, s.text, s.etag, s.parts = checksum.ByMD5, sum.Hex(), true, parts
		if parts > 0 {
			s.text += "-" + strconv.Itoa(parts)
		}
		s.alone()
		return s, true
	}
	s.by = [...]checksum.Algorithm{
		checksum.ByCRC64NVME, checksum.ByCRC32C, checksum.ByCRC32, checksum.BySHA1, checksum.BySHA256,
	}[i%5]
	if i < 5 {
		// Also where it is no sum at all: then the object is not what it should be.
		s.text = a.whole(s.by)
		return s, s.text != ""
	}
	s.text = a.header(s.by)
	if s.text == "" || a.form == types.ChecksumTypeFullObject {
		return s, false
	}
	_, parts, err := checksum.ParseComposite(s.by, s.text, obj.Size)
	s.parts = parts
	s.alone()
	return s, err == nil
}

// best is the first sum of an answer that can be used: of one of parts, their
// size must be known, or one that is usual must be possible. own is that of this
// program.
func (a *answer) best(obj Object, own int64) stored {
	for i := range mostKinds {
		if s, ok := a.kind(i, obj); ok {
			if s.guess(own); s.usable() {
				return s
			}
		}
	}
	return stored{obj: obj}
}

// alone knows the size of a part that there is but one of.
func (s *stored) alone() {
	if s.parts == 1 {
		s.part = max(s.obj.Size, 1)
	}
}

// fits says that an object of that size has so many parts of part bytes, but for
// the last, which may be shorter.
func (s *stored) fits(part int64) bool {
	n := int64(s.parts)
	return part > 0 && n > 0 && (n-1)*part < s.obj.Size && s.obj.Size <= n*part
}

// guess takes a size of parts that is usual and fits, where none is known: that
// of this program, then those of aws, of rclone and the SDKs, of s3cmd, of s5cmd.
func (s *stored) guess(own int64) {
	if s.parts == 0 || s.part > 0 {
		return
	}
	for _, part := range []int64{own, 8 << 20, 5 << 20, 16 << 20, 15 << 20, 50 << 20, 64 << 20, 10 << 20, 32 << 20, 100 << 20, 128 << 20} {
		if s.fits(part) {
			s.part, s.guessed = part, true
			return
		}
	}
}

// usable says that there is a sum, and that it is known of what.
func (s *stored) usable() bool { return s.by != "" && (s.parts == 0 || s.part > 0) }

// storedSum is the best sum in an answer to HEAD, with the size of the parts where
// it is one of parts: that of the first is asked for. Where the store does not
// say, nothing can be verified, which is no error.
func (t *Transfer) storedSum(ctx context.Context, src Object, head *s3.HeadObjectOutput) (*stored, error) {
	there := ofHead(head)
	asked, part := 0, int64(0) // of how many parts, and what the answer was
	for i := range mostKinds {
		s, ok := there.kind(i, src)
		if !ok {
			continue
		}
		if !s.usable() && s.parts != asked {
			var err error
			if part, err = t.partSize(ctx, &s); err != nil {
				return nil, err
			}
			asked = s.parts
		}
		if s.parts > 0 && s.part == 0 {
			// Parts need not be of one size, but for most objects they are: whether
			// these are is asked only where the sums differ.
			s.part, s.guessed = part, s.parts > 2
		}
		if s.usable() {
			return &s, nil
		}
	}
	return &stored{obj: src}, nil
}

// partSize is the size of all parts of an object but the last, by that of the
// first; 0 where the store does not say, or that cannot be.
func (t *Transfer) partSize(ctx context.Context, s *stored) (int64, error) {
	part, err := t.partOf(ctx, s, 1)
	if err == nil && !s.fits(part) {
		var listed []int64
		if listed, err = t.listedParts(ctx, s, 1); len(listed) > 0 {
			part = listed[0]
		}
	}
	if !s.fits(part) {
		part = 0
	}
	return part, err
}

// partOf asks for the size of one part of an object; 0 where the store knows no
// parts. That it could not be asked is an error: it says nothing of the parts.
func (t *Transfer) partOf(ctx context.Context, s *stored, number int) (int64, error) {
	head, err := t.client(&s.obj).HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &s.obj.Bucket, Key: &s.obj.Key, IfMatch: ifMatch(s.obj), PartNumber: aws.Int32(int32(number)),
	})
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil && (wire.Unsupported(err) || wire.Code(err) == "InvalidRequest" || wire.Code(err) == "InvalidArgument" || wire.Code(err) == "BadRequest"):
		return 0, nil // it does not know of parts
	case err != nil:
		return 0, replaced(s.obj, err)
	case s.parts > 1 && aws.ToInt32(head.PartsCount) != int32(s.parts) && aws.ToInt64(head.ContentLength) == s.obj.Size:
		return 0, nil // it has not understood, and speaks of the whole
	}
	return aws.ToInt64(head.ContentLength), nil
}

// listedParts asks for the sizes of the first parts otherwise, of most of them at
// the most, as a store may know that has a checksum of each; it takes a permission
// of its own. Where the store does not say there are none. The error is that of
// ctx.
func (t *Transfer) listedParts(ctx context.Context, s *stored, most int) ([]int64, error) {
	var sizes []int64
	in := &s3.GetObjectAttributesInput{
		Bucket: &s.obj.Bucket, Key: &s.obj.Key, MaxParts: aws.Int32(int32(min(most, 1000))),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts},
	}
	for len(sizes) < most {
		out, err := t.client(&s.obj).GetObjectAttributes(ctx, in)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil, out.ObjectParts == nil, len(out.ObjectParts.Parts) == 0:
			return nil, nil
		}
		for _, part := range out.ObjectParts.Parts {
			if int(aws.ToInt32(part.PartNumber)) != len(sizes)+1 {
				return nil, nil
			}
			sizes = append(sizes, aws.ToInt64(part.Size))
		}
		in.PartNumberMarker = aws.String(strconv.Itoa(len(sizes)))
	}
	return sizes, nil
}

// even asks whether all parts but the last have the size that s takes them to
// have: for all of them at once, or one by one, the last first,
// which is the likeliest to differ.
func (t *Transfer) even(ctx context.Context, s *stored) (bool, error) {
	if !s.guessed {
		return true, nil
	}
	size := func(n int) int64 {
		if n == s.parts {
			return s.obj.Size - int64(n-1)*s.part
		}
		return s.part
	}
	listed, err := t.listedParts(ctx, s, s.parts)
	if err != nil {
		return false, err
	}
	for n := s.parts; n > 0; n-- {
		var got int64
		if len(listed) == s.parts {
			got = listed[n-1]
		} else if got, err = t.partOf(ctx, s, n); err != nil {
			return false, err
		}
		if got != size(n) {
			return false, nil
		}
	}
	s.guessed = false
	return true, nil
}

// is says that sum is the one of the whole that s has.
func (s *stored) is(sum checksum.Sum) bool {
	if s.etag {
		return sum.Hex() == s.text
	}
	return sum.Is(s.text)
}

// agrees holds what was summed up by a summer, or range by range, against s.
func (t *Transfer) agrees(ctx context.Context, op string, s *stored, sums []checksum.Sum) (Result, error) {
	res := Result{Size: s.obj.Size}
	here := s.say(sums)
	if here == s.text {
		res.By, res.Sum = s.by, s.text
		return res, nil
	}
	even, err := t.even(ctx, s)
	if err != nil || !even { // it is the sum of other parts, and nobody knows which
		return res, err
	}
	return res, differs(op, s.obj, s.by, here, s.text)
}

// say writes sums as the store would.
func (s *stored) say(sums []checksum.Sum) string {
	switch {
	case s.parts > 0 && s.etag:
		return checksum.MultipartETag(sums)
	case s.parts > 0:
		return checksum.Composite(sums)
	case len(sums) == 1 && s.etag:
		return sums[0].Hex()
	case s.by.FullObject():
		var whole checksum.Sum
		for _, sum := range sums {
			whole = whole.Then(sum)
		}
		return whole.String()
	case len(sums) == 1:
		return sums[0].String()
	}
	return ""
}

// mostRange is the largest part that one range fetches whole: what breaks off is
// fetched again from the beginning of the range.
const mostRange = 64 << 20

// byRanges says that each range is one that s has a sum of, or that their sums
// can be put together: the file need not be read again.
func (s *stored) byRanges() bool {
	switch {
	case !s.usable():
		return false
	case s.parts == 0:
		return s.by.FullObject()
	}
	return s.part >= MinPartSize/5 && s.part <= mostRange
}

// step is the size of the ranges that src is to be fetched in, which would be of
// usual bytes.
func (s *stored) step(usual int64) int64 {
	if s.parts > 0 && s.byRanges() {
		return s.part
	}
	return usual
}

// rangesBy is what ranges are to be summed up by. CRC64NVME is next to nothing,
// where it is for nothing.
func (s *stored) rangesBy() checksum.Algorithm {
	if s.byRanges() {
		return s.by
	}
	return checksum.ByCRC64NVME
}

// verify holds what has come in ranges against s: by the sums of the ranges, in
// their order, each of step bytes and by rangesBy; or by what file has, which is
// read once then. The Result says by what, or nothing where s has nothing. The
// error wraps [ErrChecksum] where they differ.
func (t *Transfer) verify(ctx context.Context, s *stored, sums []checksum.Sum, file io.ReaderAt) (Result, error) {
	if !s.usable() {
		return Result{Size: s.obj.Size}, nil
	}
	if !s.byRanges() {
		sum := newSummer(s.by, s.part)
		if err := t.read(ctx, &sum, io.NewSectionReader(file, 0, s.obj.Size)); err != nil {
			return Result{}, err
		}
		sums = sum.sums()
	}
	return t.agrees(ctx, "GetObject", s, sums)
}

// read sums up r to its end, through a buffer of the budget.
func (t *Transfer) read(ctx context.Context, sum io.Writer, r *io.SectionReader) error {
	buf, err := t.Pool.Buffer(ctx, min(r.Size()+1, copyBuffer))
	if err != nil {
		return err
	}
	defer buf.Release()
	_, err = copyBuffered(sum, reader{ctx, r}, buf.Bytes())
	return err
}

// summer sums bytes up, all together or part by part.
type summer struct {
	hash checksum.Hash
	part int64 // 0: there are none
	done []checksum.Sum
}

func newSummer(by checksum.Algorithm, part int64) summer {
	return summer{hash: checksum.New(by), part: part}
}

// Write never fails.
func (s *summer) Write(p []byte) (int, error) {
	n := len(p)
	for s.part > 0 && s.hash.Size()+int64(len(p)) > s.part {
		first := s.part - s.hash.Size()
		s.hash.Add(p[:first])
		s.done = append(s.done, s.hash.Sum())
		s.hash.Reset()
		p = p[first:]
	}
	s.hash.Add(p)
	return n, nil
}

// sums are those of the parts, or one of all the bytes.
func (s *summer) sums() []checksum.Sum { return append(s.done, s.hash.Sum()) }

// size is how many bytes were written.
func (s *summer) size() int64 { return int64(len(s.done))*s.part + s.hash.Size() }

// reset forgets what was written.
func (s *summer) reset() {
	s.hash.Reset()
	s.done = nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
