package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// inherits says whether a copy takes over the description of its source's content,
// but for what Attributes say otherwise, and its tags. A directive that was given
// is about the former alone, as S3 has it, and says what CopyProps would.
func (t *Transfer) inherits() (described, tags bool) {
	a := &t.Attributes
	switch {
	case a.MetadataDirective != "":
		described, tags = a.MetadataDirective == string(types.MetadataDirectiveCopy), true
	case a.CopyProps == "none":
	case a.CopyProps == "metadata-directive":
		described = true
	default:
		described, tags = true, true
	}
	return described, tags && t.own.tags == nil
}

// needsSource says that CopyObject cannot take over by itself what is to be taken
// over: it takes all of the description, or nothing.
func (t *Transfer) needsSource() bool {
	described, _ := t.inherits()
	return described && t.own.any() && t.Attributes.MetadataDirective == ""
}

// description is that of an object that is made of a source, head, other than by
// CopyObject. A directive of COPY passes over what Attributes say, as S3 does.
func (t *Transfer) description(src *Object, head *s3.HeadObjectOutput) description {
	described, _ := t.inherits()
	switch {
	case !described:
		return t.own
	case t.Attributes.MetadataDirective != "":
		return t.descriptionOf(src, head)
	}
	return t.own.over(t.descriptionOf(src, head))
}

// descriptionOf is that of a source. S3 keeps as Expires whatever it is given, and
// the SDK sends a time or nothing: what is no time cannot go along, of which it is
// told once, for a whole site may have "0".
func (t *Transfer) descriptionOf(src *Object, h *s3.HeadObjectOutput) description {
	d := description{
		kind: h.ContentType, disposition: h.ContentDisposition, encoding: h.ContentEncoding,
		language: h.ContentLanguage, cacheControl: h.CacheControl, meta: h.Metadata,
	}
	text := aws.ToString(h.ExpiresString)
	if text == "" || t.own.expires != nil && t.Attributes.MetadataDirective == "" { // or it is another
		return d
	}
	if at, err := http.ParseTime(text); err == nil {
		d.expires = &at
	} else if t.oddExpires.CompareAndSwap(false, true) {
		t.Notice(fmt.Sprintf("s3://%s/%s has Expires %q, which is no date: copies of it, and of others of that kind, have no Expires (give --expires)",
			src.Bucket, src.Key, text))
	}
	return d
}

// onUpload and onPut write d, tags apart, into an input that begins an object.
func (d *description) onUpload(in *s3.CreateMultipartUploadInput) {
	d.on(&in.ContentType, &in.ContentDisposition, &in.ContentEncoding, &in.ContentLanguage, &in.CacheControl, &in.Expires, &in.Metadata)
}

func (d *description) onPut(in *s3.PutObjectInput) {
	d.on(&in.ContentType, &in.ContentDisposition, &in.ContentEncoding, &in.ContentLanguage, &in.CacheControl, &in.Expires, &in.Metadata)
}

// onCopy has CopyObject make the copy what it is to be. head is that of the source
// where that is needed.
func (t *Transfer) onCopy(in *s3.CopyObjectInput, src *Object, head *s3.HeadObjectOutput) {
	described, tags := t.inherits()
	in.MetadataDirective = types.MetadataDirective(t.Attributes.MetadataDirective)
	d := t.own
	if t.needsSource() {
		in.MetadataDirective = types.MetadataDirectiveReplace
		d = d.over(t.descriptionOf(src, head))
	}
	if !described {
		in.MetadataDirective = types.MetadataDirectiveReplace
	}
	if in.MetadataDirective == types.MetadataDirectiveReplace {
		d.on(&in.ContentType, &in.ContentDisposition, &in.ContentEncoding, &in.ContentLanguage, &in.CacheControl, &in.Expires, &in.Metadata)
	}
	if !tags {
		in.TaggingDirective = types.TaggingDirectiveReplace
		in.Tagging = filled(aws.ToString(t.own.tags))
	}
}

// mostTagging is how long the header with tags may be, in bytes, as aws s3 has it.
const mostTagging = 2 << 10

// tagged are the tags of an object that is made of a source: as a header has them,
// or where they are too long for one, to be set when the object is there. Both are
// nil where it is to have none.
type tagged struct {
	header *string
	late   []types.Tag
	// print tells those of a source apart, in what is written down of an upload that
	// was begun with them; empty for none, and for Attributes', which like has.
	print string
}

// tagsOf are the tags of an object that is made of a source, head, other than by
// CopyObject.
func (t *Transfer) tagsOf(ctx context.Context, src *Object, head *s3.HeadObjectOutput) (tagged, error) {
	if _, tags := t.inherits(); !tags {
		return tagged{header: filled(aws.ToString(t.own.tags))}, nil
	}
	set, err := t.sourceTags(ctx, src, head)
	if err != nil || len(set) == 0 {
		return tagged{}, err
	}
	pairs := make([]string, len(set))
	for i, tag := range set {
		pairs[i] = tagPair(aws.ToString(tag.Key), aws.ToString(tag.Value))
	}
	text := strings.Join(pairs, "&")
	slices.Sort(pairs) // the store may tell of them in any order
	sum := sha256.Sum256([]byte(strings.Join(pairs, "&")))
	got := tagged{print: "+" + hex.EncodeToString(sum[:8])}
	if len(text) <= mostTagging {
		got.header = &text
	} else {
		got.late = set
	}
	return got, nil
}

// sourceTags asks for them. A HEAD that does not count them may only not be
// allowed to.
func (t *Transfer) sourceTags(ctx context.Context, src *Object, head *s3.HeadObjectOutput) ([]types.Tag, error) {
	if n := head.TagCount; n != nil && *n == 0 {
		return nil, nil
	}
	out, err := t.client(src).GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: aws.String(src.Bucket), Key: aws.String(src.Key)})
	switch code := wire.Code(err); {
	case err == nil:
		return out.TagSet, nil
	case head.TagCount == nil && (wire.Unsupported(err) || code == "NoSuchTagSet" || code == "NoSuchTagSetError"):
		return nil, nil
	}
	return nil, fmt.Errorf("the tags of s3://%s/%s: %w", src.Bucket, src.Key, err)
}

// tagLate sets tags that were too long for a header. Where that fails the object
// stays, without them, and the error says so: aws s3 deletes it then, and with it
// what may be the only object of that name. It gets a while also where ctx has ended.
func (t *Transfer) tagLate(ctx context.Context, dst *Object, tags []types.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	late, cancel := delayed(ctx, quickly)
	defer cancel()
	_, err := t.copies.PutObjectTagging(late, &s3.PutObjectTaggingInput{
		Bucket: aws.String(dst.Bucket), Key: aws.String(dst.Key), Tagging: &types.Tagging{TagSet: tags},
	})
	if err != nil {
		return fmt.Errorf("s3://%s/%s is there, and has not got its %d tags: %w", dst.Bucket, dst.Key, len(tags), err)
	}
	return nil
}
