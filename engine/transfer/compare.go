package transfer

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// Verdict is what a comparison of contents came to.
type Verdict struct {
	// Equal says that the bytes are the same, for certain where Known is true.
	Equal bool
	// Known is false where nothing could be compared but the sizes.
	Known bool
	// By is the kind of sum that was compared; empty where the sizes differ
	// already.
	By checksum.Algorithm
}

// askFirst is the size in bytes from which on the store is asked what it has of
// an object before its file is read: below it a request costs more than an MD5.
const askFirst = 4 << 20

// Compare holds the file at path against obj: its size, and its sum against the
// one that the store has, also one of parts. With ask false no request is sent,
// and only an ETag that is an MD5, or that of parts of a usual size, counts. It
// reads the file once, and one whose ETag turns out to be no MD5 twice.
func (t *Transfer) Compare(ctx context.Context, obj Object, path string, ask bool) (Verdict, error) {
	f, err := t.openSource(path)
	if err != nil {
		return Verdict{}, err
	}
	defer f.Close()
	fi, err := t.statSource(f)
	if err != nil {
		return Verdict{}, err
	}
	if fi.Size() != obj.Size {
		return Verdict{Known: true}, nil
	}
	was := stampOf(fi)
	there := (&answer{etag: &obj.ETag}).best(obj, t.PartSize)
	if there.usable() && (!ask || obj.Size < askFirst && there.parts == 0) {
		sum := newSummer(there.by, there.part)
		if err := t.readFile(ctx, &sum, f, was); err != nil {
			return Verdict{}, err
		}
		// With SSE-KMS or SSE-C an ETag is no MD5, so that one that differs says nothing.
		if there.say(sum.sums()) == there.text {
			return Verdict{Equal: true, Known: true, By: there.by}, nil
		}
	}
	if !ask {
		return Verdict{}, nil
	}
	return t.compareAsked(ctx, obj, f, was)
}

// compareAsked holds the file against what HEAD says of the object.
func (t *Transfer) compareAsked(ctx context.Context, obj Object, f *os.File, was stamp) (Verdict, error) {
	there, size, err := t.askedSum(ctx, obj)
	if err != nil {
		return Verdict{}, err
	}
	if size != was.size {
		return Verdict{Known: true}, nil
	}
	if !there.usable() {
		return Verdict{}, nil
	}
	sum := newSummer(there.by, there.part)
	if err := t.readFile(ctx, &sum, f, was); err != nil {
		return Verdict{}, err
	}
	if there.say(sum.sums()) == there.text {
		return Verdict{Equal: true, Known: true, By: there.by}, nil
	}
	even, err := t.even(ctx, there)
	if err != nil || !even {
		return Verdict{}, err
	}
	return Verdict{Known: true, By: there.by}, nil
}

// askedSum asks what the store has of an object, whatever was listed of it, and
// of what size it is.
func (t *Transfer) askedSum(ctx context.Context, obj Object) (*stored, int64, error) {
	head, err := t.client(&obj).HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(obj.Bucket), Key: aws.String(obj.Key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, 0, missing(obj.Key, err)
	}
	obj.Size = aws.ToInt64(head.ContentLength)
	obj.ETag = strings.Trim(aws.ToString(head.ETag), `"`)
	there, err := t.storedSum(ctx, obj, head)
	return there, obj.Size, err
}

// readFile sums up all of a file that must stay what it was.
func (t *Transfer) readFile(ctx context.Context, sum *summer, f *os.File, was stamp) error {
	if err := t.Fault("read", f.Name()); err != nil {
		return err
	}
	err := t.read(ctx, sum, io.NewSectionReader(f, 0, was.size))
	if err == nil && sum.size() != was.size {
		err = fmt.Errorf("%s: %w", f.Name(), ErrChanged)
	}
	return err
}

// CompareObjects holds two objects against each other: their sizes, and what the
// store has of their contents. Sums of one kind are compared, those of parts
// where the parts are of one size. With ask false no request is sent, and only
// ETags count that are the same MD5s: such as differ may be none.
func (t *Transfer) CompareObjects(ctx context.Context, a, b Object, ask bool) (Verdict, error) {
	if a.Size != b.Size {
		return Verdict{Known: true}, nil
	}
	// That of parts, too: where the MD5s of all parts are the same, so are the parts.
	if _, _, ok := checksum.ParseETag(a.ETag, a.Size); ok && a.ETag == b.ETag {
		return Verdict{Equal: true, Known: true, By: checksum.ByMD5}, nil
	}
	if !ask {
		return Verdict{}, nil
	}
	heads := [2]answer{}
	objs := [2]Object{a, b}
	for i := range objs {
		head, err := t.client(&objs[i]).HeadObject(ctx, &s3.HeadObjectInput{
			Bucket: aws.String(objs[i].Bucket), Key: aws.String(objs[i].Key), ChecksumMode: types.ChecksumModeEnabled,
		})
		if err != nil {
			return Verdict{}, missing(objs[i].Key, err)
		}
		heads[i] = ofHead(head)
		objs[i].Size, objs[i].ETag = aws.ToInt64(head.ContentLength), strings.Trim(aws.ToString(head.ETag), `"`)
	}
	if objs[0].Size != objs[1].Size {
		return Verdict{Known: true}, nil
	}
	for i := range mostKinds {
		one, ok := heads[0].kind(i, objs[0])
		other, too := heads[1].kind(i, objs[1])
		if !ok || !too || one.parts != other.parts {
			continue
		}
		v, err := t.compareSums(ctx, &one, &other)
		if err != nil || v.Known {
			return v, err
		}
	}
	return Verdict{}, nil
}

// compareSums holds two sums of one kind against each other.
func (t *Transfer) compareSums(ctx context.Context, a, b *stored) (Verdict, error) {
	if a.text == b.text {
		return Verdict{Equal: true, Known: true, By: a.by}, nil
	}
	// Sums of parts that differ may be of parts of other sizes.
	for _, s := range []*stored{a, b} {
		if s.parts == 0 || s.part > 0 {
			continue
		}
		var err error
		if s.part, err = t.partSize(ctx, s); err != nil || s.part == 0 {
			return Verdict{}, err
		}
		s.guessed = s.parts > 2
	}
	if a.part != b.part {
		return Verdict{}, nil
	}
	for _, s := range []*stored{a, b} {
		if even, err := t.even(ctx, s); err != nil || !even {
			return Verdict{}, err
		}
	}
	return Verdict{Known: true, By: a.by}, nil
}

// CompareBytes reads the object, and holds its bytes against those of the file at
// path, by their CRC64NVME on both sides. A body that breaks off, or is not what
// its own checksum says, is read again from the beginning.
func (t *Transfer) CompareBytes(ctx context.Context, obj Object, path string) (Verdict, error) {
	f, err := t.openSource(path)
	if err != nil {
		return Verdict{}, err
	}
	defer f.Close()
	fi, err := t.statSource(f)
	if err != nil {
		return Verdict{}, err
	}
	if fi.Size() != obj.Size {
		return Verdict{Known: true}, nil
	}
	here := newSummer(checksum.ByCRC64NVME, 0)
	was := stampOf(fi)
	if err := t.readFile(ctx, &here, f, was); err != nil {
		return Verdict{}, err
	}
	if err := t.unchanged(f, was); err != nil {
		return Verdict{}, err
	}
	there, err := t.readObject(ctx, obj)
	if err != nil {
		return Verdict{}, err
	}
	return verdict(here.hash.Sum(), there), nil
}

// CompareObjectBytes reads both objects, and compares their bytes, as
// [Transfer.CompareBytes] does.
func (t *Transfer) CompareObjectBytes(ctx context.Context, a, b Object) (Verdict, error) {
	if a.Size != b.Size {
		return Verdict{Known: true}, nil
	}
	one, err := t.readObject(ctx, a)
	if err != nil {
		return Verdict{}, err
	}
	other, err := t.readObject(ctx, b)
	if err != nil {
		return Verdict{}, err
	}
	return verdict(one, other), nil
}

func verdict(a, b checksum.Sum) Verdict {
	if a.Size != b.Size {
		return Verdict{Known: true}
	}
	return Verdict{Equal: a == b, Known: true, By: a.Algorithm}
}

// readObject reads an object to its end, and sums it up. Nothing is kept of it.
func (t *Transfer) readObject(ctx context.Context, obj Object) (checksum.Sum, error) {
	sum := newSummer(checksum.ByCRC64NVME, 0)
	err := t.again(ctx, func(ctx context.Context) error {
		sum.reset()
		_, err := t.getTo(ctx, obj, &sum)
		return err
	})
	if err != nil && wire.NotFound(err) {
		err = missing(obj.Key, err)
	}
	return sum.hash.Sum(), err
}
