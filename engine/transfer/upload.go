package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// Upload sends the file at path to dst, and says what it was verified by. A file
// below the threshold, or of one part, is one PutObject; its content is read once,
// into a buffer of the budget, and its checksum goes with it, so that S3 refuses
// what was damaged on the way. A file that changes meanwhile fails with [ErrChanged] and
// leaves no object; a store that answers with another sum fails it with
// [ErrChecksum], and one that has such an object, where that is to be left alone,
// with [ErrExists]. Cancelling ctx cuts a small file off; of a large one, what
// was sent is removed as well.
func (t *Transfer) Upload(ctx context.Context, path string, dst Object) (Result, error) {
	f, err := t.openSource(path)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	fi, err := t.statSource(f)
	if err != nil {
		return Result{}, err
	}
	if !fi.Mode().IsRegular() {
		return Result{}, fmt.Errorf("%s: is not a regular file", path)
	}
	was := stampOf(fi)
	send := (*Transfer).put
	// One part alone is better sent as one request.
	if was.size >= t.Threshold && was.size > t.PartSize {
		send = (*Transfer).uploadParts
	}
	res, err := send(t, ctx, f, was, dst)
	if err != nil && t.NoOverwrite {
		res, err = t.conflict(ctx, f, was, dst, send, err)
	}
	res.Size = was.size
	return res, err
}

// conflict deals with the answers to a condition. That another write of the key
// is under way is no answer to the question: the object, all of its parts, is
// sent once more
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func (t *Transfer) conflict(
	ctx context.Context, f *os.File, was stamp, dst Object,
	send func(*Transfer, context.Context, *os.File, stamp, Object) (Result, error), err error,
) (Result, error) {
	var retries *wire.Retries
	for {
		switch wire.Code(err) {
		case "PreconditionFailed", "412":
			return Result{}, exists(dst, err)
		case otherWrite:
		default:
			return Result{}, err
		}
		if retries == nil {
			retries = t.Policy.Retries()
		}
		if !retries.Again(ctx, "PutObject", wire.Transient, err) {
			return Result{}, err
		}
		var res Result
		if res, err = send(t, ctx, f, was, dst); err == nil {
			return res, nil
		}
	}
}

// otherWrite is the code of an answer to a condition: another write of the key is
// under way.
const otherWrite = "ConditionalRequestConflict"

func conflicting(err error) bool { return wire.Code(err) == otherWrite }

// untilAnswered does what a condition is part of once more where another write of the
// key was in the way. do has to leave nothing behind then.
func (t *Transfer) untilAnswered(ctx context.Context, op string, do func() (Result, error)) (Result, error) {
	res, err := do()
	if !t.NoOverwrite || !conflicting(err) {
		return res, err
	}
	retries := t.Policy.Retries()
	for conflicting(err) && retries.Again(ctx, op, wire.Transient, err) {
		res, err = do()
	}
	return res, err
}

// openSource opens a file to read. That a file does not block means nothing to the
// system where it is a regular one, and spares os four calls to find that out; a
// pipe that has come in its place would be waited for without it.
func (t *Transfer) openSource(path string) (*os.File, error) {
	if err := t.Fault("open", path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EAGAIN) { // another process has a lease, which it is now asked to give up
		return os.Open(path)
	}
	return f, err
}

func (t *Transfer) statSource(f *os.File) (os.FileInfo, error) {
	if err := t.Fault("stat", f.Name()); err != nil {
		return nil, err
	}
	return f.Stat()
}

// put sends a file with one PutObject. What the request needs is one piece of
// memory: the pointers of its input go into it.
func (t *Transfer) put(ctx context.Context, f *os.File, was stamp, dst Object) (Result, error) {
	var p onePut
	by := t.weaker.by(t.Algorithm, dst.Bucket, inOne)
	if err := t.load(ctx, &p.payload, io.NewSectionReader(f, 0, was.size), f.Name(), by); err != nil {
		return Result{}, err
	}
	defer p.release()
	if err := t.unchanged(f, was); err != nil {
		return Result{}, err
	}
	p.dst, p.size = dst, was.size
	p.in.Bucket, p.in.Key = &p.dst.Bucket, &p.dst.Key
	p.in.ContentLength, p.in.Body = &p.size, &p.body
	p.in.Metadata = t.metadata(was)
	p.in.ContentType = t.guess(&p.kind, p.name)
	if t.NoOverwrite {
		p.in.IfNoneMatch = aws.String("*")
	}
	res, err := t.putWith(ctx, &p, p.hash.Sum())
	if by != checksum.ByMD5 && t.weaker.mayBe(err, dst.Bucket, inOne) {
		res, err = t.putAgain(ctx, &p, err)
	}
	if err == nil && p.mem == nil { // it was read a second time
		err = t.unchanged(f, was)
	}
	if err != nil {
		p.takeBack()
	}
	return res, err
}

// onePut is one PutObject.
type onePut struct {
	in   s3.PutObjectInput
	dst  Object
	text string
	kind string
	size int64
	via  wire.Objects // nil: Client
	payload
}

// putWith sends it with one sum, and holds the answer against that.
func (t *Transfer) putWith(ctx context.Context, p *onePut, here checksum.Sum) (Result, error) {
	p.text = here.String()
	sumOfPut(&p.in, here.Algorithm, &p.text)
	client := t.Client
	if p.via != nil {
		client = p.via
	}
	out, err := client.PutObject(ctx, &p.in)
	if err != nil {
		return Result{}, refusedBody("PutObject", p.dst, here.Algorithm, p.text, err)
	}
	if out.ETag == nil {
		return Result{}, fmt.Errorf("PutObject s3://%s/%s: %w", p.dst.Bucket, p.dst.Key, errNoAnswer)
	}
	there := ofPut(out)
	if here.Algorithm == checksum.ByMD5 {
		return ofETag(&there, here), nil
	}
	switch ok, err := there.same("PutObject", p.dst, here); {
	case err != nil:
		return Result{}, err
	case ok:
		t.weaker.proven(p.dst.Bucket, inOne)
		return Result{By: here.Algorithm, Sum: p.text}, nil
	}
	// It was ignored, or the store does not tell: what else is there.
	t.weakened(p.dst.Bucket, inOne, ignored)
	return t.otherwise(ctx, p, here, &there)
}

// ofETag is what an ETag says that is, or is not, the MD5.
func ofETag(there *answer, here checksum.Sum) Result {
	if !there.sameMD5(here) {
		return Result{}
	}
	return Result{By: checksum.ByMD5, Sum: here.Hex()}
}

// putAgain sends with its MD5 what was refused with a checksum.
func (t *Transfer) putAgain(ctx context.Context, p *onePut, first error) (Result, error) {
	here, err := p.md5(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if err := rewind(&p.body); err != nil {
		return Result{}, err
	}
	res, err := t.putWith(ctx, p, here)
	if err != nil {
		return Result{}, firstOf(ctx, first, err)
	}
	t.weakened(p.dst.Bucket, inOne, refused)
	return res, nil
}

// otherwise verifies the object that was sent with a sum that the answer says
// nothing about: by its ETag, or by what HEAD tells. What is not known then is
// no error: the object is there.
func (t *Transfer) otherwise(ctx context.Context, p *onePut, here checksum.Sum, there *answer) (Result, error) {
	sum, err := p.md5(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if res := ofETag(there, sum); res.By != "" {
		return res, nil
	}
	now, err := t.headAfter(ctx, p.dst, there)
	if err != nil || now == nil {
		return Result{}, err
	}
	ok, err := now.same("HeadObject", p.dst, here)
	if err != nil || !ok {
		return Result{}, err
	}
	return Result{By: here.Algorithm, Sum: p.text}, nil
}

// headAfter asks what the store has of an object that it has just answered about;
// nil where it does not say, or it is another one already. The error is that of
// ctx.
func (t *Transfer) headAfter(ctx context.Context, dst Object, there *answer) (*answer, error) {
	head, err := t.Client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &dst.Bucket, Key: &dst.Key, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return nil, context.Cause(ctx)
	}
	now := ofHead(head)
	if aws.ToString(now.etag) != aws.ToString(there.etag) {
		return nil, nil
	}
	return &now, nil
}
