package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// copied is a copy that the store says is there.
type copied struct {
	t        *Transfer
	op       string
	src, dst Object
	// head is what HeadObject has said of the source; nil: it was not asked.
	head *s3.HeadObjectOutput
	// answer is what is known of the copy.
	answer answer
}

// verify finds out whether the copy has the bytes of the source, by what the
// store has of either: nothing is read. Two MD5s cost no request, and are asked
// first; ETags that differ say nothing, since with KMS they are no MD5s.
func (c *copied) verify(ctx context.Context) (Result, error) {
	res := Result{Size: c.src.Size}
	etag := c.etag()
	if sum, parts, ok := checksum.ParseETag(etag, c.src.Size); ok && parts == 0 && etag == c.src.ETag && !c.answer.opaque {
		res.By, res.Sum = checksum.ByMD5, sum.Hex()
		return res, nil
	}
	by, ours, theirs, err := c.sums(ctx)
	switch {
	case err != nil && silent(err):
	case err != nil:
		return Result{}, fmt.Errorf("s3://%s/%s was copied, and is not verified: %w", c.dst.Bucket, c.dst.Key, err)
	case ours != theirs:
		return Result{}, c.differs(string(by)+" "+theirs, ours)
	default:
		res.By, res.Sum = by, ours
	}
	return res, nil
}

// sums are those of the copy and of the source, of one kind; empty where they
// have none in common. What no answer has told yet is asked for.
func (c *copied) sums(ctx context.Context) (by checksum.Algorithm, ours, theirs string, err error) {
	if c.head == nil {
		if c.head, err = c.t.headOf(ctx, &c.src); err != nil {
			return "", "", "", err
		}
	}
	source := ofHead(c.head)
	if source.mute() {
		return "", "", "", nil
	}
	if c.answer.mute() {
		head, err := c.headCopy(ctx)
		if err != nil {
			return "", "", "", err
		}
		if size := aws.ToInt64(head.ContentLength); size != c.src.Size {
			return "", "", "", c.differs(fmt.Sprintf("%d bytes", c.src.Size), fmt.Sprintf("%d bytes", size))
		}
		c.answer = ofHead(head)
	}
	by, ours, theirs = c.answer.common(&source)
	return by, ours, theirs, nil
}

// mute says that an answer has no sum that is known here.
func (a *answer) mute() bool {
	for _, by := range checksum.Algorithms() {
		if a.header(by) != "" {
			return false
		}
	}
	return true
}

// common finds the sums of one kind that two answers have: of the whole, or of
// the sums of parts where they are the same. Those that differ may be of other
// parts.
func (a *answer) common(b *answer) (by checksum.Algorithm, of, other string) {
	for _, by := range checksum.Algorithms() {
		if of, other = a.whole(by), b.whole(by); of != "" && other != "" {
			return by, of, other
		}
	}
	for _, by := range checksum.Algorithms() {
		if of = a.header(by); of != "" && of == b.header(by) {
			return by, of, of
		}
	}
	return "", "", ""
}

// etag is that of the copy, without quotes.
func (c *copied) etag() string { return strings.Trim(aws.ToString(c.answer.etag), `"`) }

func (c *copied) headCopy(ctx context.Context) (*s3.HeadObjectOutput, error) {
	return c.t.Client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(c.dst.Bucket), Key: aws.String(c.dst.Key), ChecksumMode: types.ChecksumModeEnabled,
	})
}

func (c *copied) differs(src, dst string) error {
	return fmt.Errorf("%s s3://%s/%s to s3://%s/%s: %w: the source has %s, the copy %s; the copy is left where it is",
		c.op, c.src.Bucket, c.src.Key, c.dst.Bucket, c.dst.Key, ErrChecksum, src, dst)
}

// silent says that the store will not say what it has of an object: there is
// another one by now, or one may not ask. What was copied is as good, and not
// verified.
func silent(err error) bool {
	switch wire.Code(err) {
	case "AccessDenied", "Forbidden", "403":
		return true
	}
	return wire.NotFound(err) || unmet(err)
}
