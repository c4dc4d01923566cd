package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// described is what a copy says of its content, and its tags.
func (r *copyRig) described(t *testing.T, key string) string {
	t.Helper()
	h, there := r.head(t, "dst", key)
	if !there {
		return "nothing"
	}
	out, err := r.plain.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String("dst"), Key: &key})
	must(t, err)
	var tags []string
	for _, tag := range out.TagSet {
		tags = append(tags, *tag.Key+"="+*tag.Value)
	}
	slices.Sort(tags)
	return strings.Join([]string{
		aws.ToString(h.ContentType), aws.ToString(h.CacheControl), aws.ToString(h.ContentDisposition), aws.ToString(h.ContentLanguage),
		aws.ToString(h.ContentEncoding), aws.ToString(h.ExpiresString), fmt.Sprint(h.Metadata), strings.Join(tags, ","),
	}, "|")
}

// What a copy takes along is the same in one request and in parts. That is aws's
// rule for CopyObject: in parts it passes over a directive.
func TestCopyProps(t *testing.T) {
	const (
		source  = "text/x|no-store|inline|de|zz|Mon, 03 Feb 2031 04:05:06 GMT|map[one:1 two:z w]|"
		tags    = "a b=c+d,e="
		nothing = "binary/octet-stream||||||map[]|"
		own     = "a/b||||||map[]|"
		mixed   = "a/b|no-store|inline|de|zz|Mon, 03 Feb 2031 04:05:06 GMT|map[one:1 two:z w]|"
	)
	for _, q := range []struct {
		name  string
		a     Attributes
		want  string
		asked bool // for the source, by a copy in one request
	}{
		{"nothing", Attributes{}, source + tags, false},
		{"default", Attributes{CopyProps: "default", StorageClass: "STANDARD_IA", Redirect: "/x", ACL: "public-read"}, source + tags, false},
		{"metadata-directive", Attributes{CopyProps: "metadata-directive"}, source, false},
		{"none", Attributes{CopyProps: "none"}, nothing, false},
		{"a header", Attributes{ContentType: "a/b"}, mixed + tags, true},
		{"a header, metadata-directive", Attributes{ContentType: "a/b", CopyProps: "metadata-directive"}, mixed, true},
		{"a header, none", Attributes{ContentType: "a/b", CopyProps: "none"}, own, false},
		{"metadata", Attributes{Metadata: map[string]string{"three": "3"}}, strings.Replace(source, "one:1 two:z w", "three:3", 1) + tags, true},
		{"COPY", Attributes{MetadataDirective: "COPY"}, source + tags, false},
		{"COPY, a header, none", Attributes{MetadataDirective: "COPY", ContentType: "a/b", CopyProps: "none"}, source + tags, false},
		{"REPLACE", Attributes{MetadataDirective: "REPLACE"}, nothing + tags, false},
		{"REPLACE, a header", Attributes{MetadataDirective: "REPLACE", ContentType: "a/b"}, own + tags, false},
		{"tags", Attributes{Tags: map[string]string{"x y": "1+1"}}, source + "x y=1+1", false},
		{"no tags", Attributes{Tags: map[string]string{}}, source, false},
		{"tags, COPY", Attributes{Tags: map[string]string{"x": ""}, MetadataDirective: "COPY"}, source + "x=", false},
	} {
		for _, parts := range []bool{false, true} {
			r := newCopyRig(t, s3sim.Options{}, func(o *Options) {
				o.Attributes, o.Threshold = q.a, 2<<20
				if !parts {
					o.CopyPartSize = 8 << 20
				}
			})
			src := r.put(t, "k", MinPartSize+1, 0)
			r.requests()
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
			if err != nil || !res.Verified() {
				t.Errorf("%s, in parts %v: %+v, %v", q.name, parts, res, err)
			}
			if got := r.described(t, "k"); got != q.want {
				t.Errorf("%s, in parts %v: %s, want %s", q.name, parts, got, q.want)
			}
			if n := r.requests(); !parts && (n["HeadObject"] > 0) != q.asked || (n["UploadPartCopy"] > 0) != parts {
				t.Errorf("%s, in parts %v: %v", q.name, parts, n)
			}
		}
	}
}

// A header is put on what was read, and on nothing that came since.
func TestCopyPropsOfWhatChanges(t *testing.T) {
	r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.Attributes.ContentType = "a/b" })
	src := r.put(t, "k", copyInOne, 0)
	r.store.before = func(op string, _ any) error {
		if op != "CopyObject" {
			return nil
		}
		_, err := r.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("src"), Key: aws.String("k"), Body: strings.NewReader("another")})
		return err
	}
	_, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
	r.failed(t, err, ErrChanged, "s3://src/k")
}

// An object is copied onto itself where something is to change, as S3 has it.
func TestCopyOntoItself(t *testing.T) {
	for name, a := range map[string]Attributes{
		"class": {StorageClass: "STANDARD_IA"}, "encryption": {Encryption: "AES256"}, "key": {CustomerKey: keyOf(1)}, "redirect": {Redirect: "/x"},
		"directive": {MetadataDirective: "REPLACE"}, "header": {CacheControl: "x"}, "none": {CopyProps: "none"},
	} {
		for _, size := range []int{copyInOne, copyInParts} {
			r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.Attributes = a })
			src := r.put(t, "k", size, 0)
			src.Source = true
			if res, err := r.Copy(t.Context(), src, Object{Bucket: "src", Key: "k"}); err != nil || !res.Verified() {
				t.Errorf("%s, %d bytes: %+v, %v", name, size, res, err)
			}
		}
	}
	r := newCopyRig(t, s3sim.Options{}, nil)
	src := r.put(t, "k", copyInOne, 0)
	_, err := r.Copy(t.Context(), src, Object{Bucket: "src", Key: "k"})
	r.failed(t, err, nil, "to itself")
}

// longTags are tags that no header holds.
func longTags() []types.Tag {
	var set []types.Tag
	for i := range 10 {
		set = append(set, types.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String(strings.Repeat("&", 256))})
	}
	return set
}

// An Expires that is no date does not go along where a request has to say it, and
// that is not passed over in silence: of the first such object it is told.
func TestCopyExpiresThatIsNoDate(t *testing.T) {
	for _, how := range []string{"in parts", "with a header", "by itself"} {
		r := newCopyRig(t, s3sim.Options{}, func(o *Options) {
			if how == "with a header" {
				o.Attributes.ContentType = "a/b"
			}
		})
		r.store.after = func(_ string, v any) error {
			if h, ok := v.(*s3.HeadObjectOutput); ok {
				h.ExpiresString = aws.String("0")
			}
			return nil
		}
		size := copyInOne
		if how == "in parts" {
			size = copyInParts
		}
		for range 2 {
			_, err := r.Copy(t.Context(), r.put(t, "k", size, 0), Object{Bucket: "dst", Key: "k"})
			must(t, err)
		}
		if how == "by itself" { // the store takes it along
			if len(r.notices) > 0 {
				t.Errorf("%s: %q", how, r.notices)
			}
		} else if len(r.notices) != 1 || !strings.Contains(r.notices[0], `s3://src/k has Expires "0"`) {
			t.Errorf("%s: %q", how, r.notices)
		}
	}
	r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, nil)
	r.Source = &saying{r.reads, func(h *s3.HeadObjectOutput) { h.ExpiresString = aws.String("0") }}
	_, err := r.Carry(t.Context(), r.source(t, copyInParts, 0), r.dst())
	if err != nil || len(r.notices) != 1 || !strings.Contains(r.notices[0], "s3://src/dir/a b+%") {
		t.Errorf("carried: %v, %q", err, r.notices)
	}
}

// Tags that no header holds are set when the copy is there. Where that fails the
// copy stays and the object has failed, so that a move keeps its source.
func TestCopyLongTags(t *testing.T) {
	set := longTags()
	for _, refused := range []bool{false, true} {
		r := newCopyRig(t, s3sim.Options{}, nil)
		src := r.put(t, "k", copyInParts, 0)
		_, err := r.plain.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: aws.String("src"), Key: aws.String("k"), Tagging: &types.Tagging{TagSet: set}})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		r.store.before = func(op string, in any) error {
			if op == "PutObjectTagging" {
				cancel() // the copy is there, and cannot be left without them
				if refused {
					return apiError(op, "AccessDenied")
				}
			}
			if create, ok := in.(*s3.CreateMultipartUploadInput); ok && create.Tagging != nil {
				return errors.New(http.StatusText(http.StatusRequestHeaderFieldsTooLarge))
			}
			return nil
		}
		_, err = r.Copy(ctx, src, Object{Bucket: "dst", Key: "k"})
		cancel()
		got := r.described(t, "k")
		switch {
		case refused && (err == nil || !strings.Contains(err.Error(), "s3://dst/k is there, and has not got its 10 tags") || !strings.HasSuffix(got, "|")):
			t.Errorf("refused: %s, %v", got, err)
		case !refused && (err != nil || strings.Count(got, "=&&&") != 10):
			t.Errorf("set: %s, %v", got, err)
		}
		if n := r.open(t); n != 0 {
			t.Errorf("%d uploads are open", n)
		}
	}
}
