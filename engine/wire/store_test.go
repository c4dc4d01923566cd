package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker/bucket"
)

func put(t testing.TB, c wire.Client, bucket string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(key),
		})
		if err != nil {
			t.Fatalf("putting %q: %v", key, err)
		}
	}
}

// list follows the tokens of a listing, and returns the pages.
func list(t testing.TB, c wire.Client, req bucket.ListRequest) (keys, prefixes []string, pages int) {
	t.Helper()
	var p bucket.Page
	for {
		must(t, c.ListObjects(t.Context(), req, &p))
		pages++
		if n := len(p.Entries) + len(p.Prefixes); req.MaxKeys > 0 && n > req.MaxKeys {
			t.Errorf("%d entries on a page of %d", n, req.MaxKeys)
		}
		for _, e := range p.Entries {
			keys = append(keys, e.Key)
		}
		prefixes = append(prefixes, p.Prefixes...)
		if req.Token = p.Next; req.Token == "" {
			return keys, prefixes, pages
		}
	}
}

func TestListObjects(t *testing.T) {
	c, name := storeClient(t), wiretest.Bucket(t)
	var keys []string
	for i := range 25 {
		keys = append(keys, fmt.Sprintf("d%d/k%02d", i/10, i))
	}
	put(t, c, name, keys...)
	for _, q := range []struct {
		req      bucket.ListRequest
		keys     []string
		prefixes []string
		pages    int
	}{
		{bucket.ListRequest{}, keys, nil, 1},
		{bucket.ListRequest{MaxKeys: 10}, keys, nil, 3},
		{bucket.ListRequest{MaxKeys: 5000}, keys, nil, 1}, // as S3: 1,000 at most
		{bucket.ListRequest{StartAfter: keys[11]}, keys[12:], nil, 1},
		{bucket.ListRequest{StartAfter: keys[11], MaxKeys: 6}, keys[12:], nil, 3},
		{bucket.ListRequest{StartAfter: "d0/k09x"}, keys[10:], nil, 1},
		{bucket.ListRequest{StartAfter: "e"}, nil, nil, 1},
		{bucket.ListRequest{Prefix: "d1/", MaxKeys: 4}, keys[10:20], nil, 3},
		{bucket.ListRequest{Prefix: "d1"}, keys[10:20], nil, 1},
		{bucket.ListRequest{Prefix: "none"}, nil, nil, 1},
		{bucket.ListRequest{Delimiter: "/"}, nil, []string{"d0/", "d1/", "d2/"}, 1},
		{bucket.ListRequest{Delimiter: "/", MaxKeys: 2}, nil, []string{"d0/", "d1/", "d2/"}, 2},
		{bucket.ListRequest{Delimiter: "/", Prefix: "d2/"}, keys[20:], nil, 1},
		{bucket.ListRequest{Delimiter: "/", Prefix: "d2/", RequestPayer: true}, keys[20:], nil, 1},
	} {
		req := q.req
		req.Bucket = name
		gotKeys, gotPrefixes, pages := list(t, c, req)
		if !slices.Equal(gotKeys, q.keys) || !slices.Equal(gotPrefixes, q.prefixes) || pages != q.pages {
			t.Errorf("%+v:\n%d pages, %q, %q; want\n%d pages, %q, %q", q.req, pages, gotKeys, gotPrefixes, q.pages, q.keys, q.prefixes)
		}
	}
	var p bucket.Page
	must(t, c.ListObjects(t.Context(), bucket.ListRequest{Bucket: name, MaxKeys: 1}, &p))
	e := p.Entries[0]
	if e.Size != 6 || time.Since(e.ModTime).Abs() > 24*time.Hour || len(e.ETag) != 32 || !e.Latest || e.DeleteMarker || e.CommonPrefix || e.VersionID != "" {
		t.Errorf("an entry is %+v", e)
	}
	err := c.ListObjects(t.Context(), bucket.ListRequest{Bucket: name + "-absent"}, &p)
	if wire.Code(err) != "NoSuchBucket" || !wire.NotFound(err) || wire.Retryable(err) {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

func TestListOddKeys(t *testing.T) {
	c, name := storeClient(t), wiretest.Bucket(t)
	want := []string{
		" lead", "a b", "a&b", "a'b", `a"b`, "a+b", "a%2Fb", "a%", "<tag>", "&amp;", "tab\t", "cr\r", "lf\n", "del\x7f",
		"\u00e9", "e\u0301", "\U0001F600", "\ufffd", "?", "#", "~", "=", "a;b:c", `back\slash`, strings.Repeat("k", 200) + "/" + strings.Repeat("\u00e9", 100),
	}
	put(t, c, name, want...)
	slices.Sort(want)
	for _, size := range []int{1000, 7} {
		got, _, _ := list(t, c, bucket.ListRequest{Bucket: name, MaxKeys: size})
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d:\n%q, want\n%q", size, got, want)
		}
	}
	for _, key := range want {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(name), Key: aws.String(key)})
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		b, err := io.ReadAll(out.Body)
		must(t, errors.Join(err, out.Body.Close()))
		if string(b) != key {
			t.Errorf("%q has the content of %q", key, b)
		}
	}
	ids := make([]wire.ObjectID, len(want))
	for i := range want {
		ids[i].Key = want[i]
	}
	failed, err := c.DeleteObjects(t.Context(), name, ids, wire.DeleteOptions{})
	if err != nil || len(failed) != 0 {
		t.Errorf("deleting them: %v, %v", failed, err)
	}
	if got, _, _ := list(t, c, bucket.ListRequest{Bucket: name}); len(got) != 0 {
		t.Errorf("%q were deleted and are still there", got)
	}
}

// What a store writes in another way than the one that tests run against.
func TestListAnswers(t *testing.T) {
	const entry = "<Contents><Key>%s</Key><Size>7</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>%s</ETag><StorageClass>GLACIER</StorageClass></Contents>"
	encoded := "<EncodingType>url</EncodingType>"
	for _, q := range []struct {
		what, answer, token string
		keys, prefixes      []string
		err                 string
	}{
		{
			what: "encoded", answer: encoded + fmt.Sprintf(entry, "a%00b%0Ac+d%2Be%25%C3%A9", "&quot;abc-2&quot;") + "<CommonPrefixes><Prefix>p+q%2F</Prefix></CommonPrefixes>",
			keys: []string{"a\x00b\nc d+e%\u00e9"}, prefixes: []string{"p q/"},
		},
		{what: "not encoded", answer: fmt.Sprintf(entry, "a+b%41&amp;", "abc-2"), keys: []string{"a+b%41&"}},
		{what: "broken key", answer: encoded + fmt.Sprintf(entry, "a%2", "x"), err: `"%2"`},
		{what: "broken prefix", answer: encoded + "<CommonPrefixes><Prefix>%zz</Prefix></CommonPrefixes>", err: `"%zz"`},
		{what: "no token", answer: "<IsTruncated>true</IsTruncated>", err: "not where to go on"},
		{what: "the same token", token: "tok", answer: "<IsTruncated>true</IsTruncated><NextContinuationToken>tok</NextContinuationToken>", err: "again and again"},
	} {
		f := newFake(t, says(http.StatusOK, "%s", "<ListBucketResult>"+q.answer+"</ListBucketResult>")).plain()
		c := newClient(t, f.options())
		p := bucket.Page{Prefixes: []string{"left from before"}, Next: "left from before"}
		err := c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "b", Prefix: "pre", Token: q.token, StartAfter: "after"}, &p)
		if q.err != "" {
			if err == nil || !strings.Contains(err.Error(), q.err) || !strings.Contains(err.Error(), "s3://b/pre") {
				t.Errorf("%s: %v", q.what, err)
			}
			continue
		}
		var keys []string
		for _, e := range p.Entries {
			keys = append(keys, e.Key)
			if e.Size != 7 || e.ETag != "abc-2" || e.StorageClass != "GLACIER" || !e.ModTime.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
				t.Errorf("%s: %+v", q.what, e)
			}
		}
		if err != nil || !slices.Equal(keys, q.keys) || !slices.Equal(p.Prefixes, q.prefixes) || p.Next != "" {
			t.Errorf("%s: %v, %+v", q.what, err, p)
		}
		query := f.requests()[0].URL.Query()
		if query.Get("encoding-type") != "url" || query.Get("start-after") != "after" || query.Has("continuation-token") {
			t.Errorf("%s: asked with %v", q.what, query)
		}
	}
}

func TestDeleteObjects(t *testing.T) {
	c, name := storeClient(t), wiretest.Bucket(t)
	put(t, c, name, "a", "b/c", "kept")
	failed, err := c.DeleteObjects(t.Context(), name, []wire.ObjectID{{Key: "a"}, {Key: "absent"}, {Key: "b/c"}}, wire.DeleteOptions{})
	if err != nil || len(failed) != 0 {
		t.Errorf("with one that is not there: %v, %v", failed, err)
	}
	must(t, c.DeleteObject(t.Context(), name, wire.ObjectID{Key: "absent"}, wire.DeleteOptions{}))
	if got, _, _ := list(t, c, bucket.ListRequest{Bucket: name}); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("%q are left", got)
	}
	if _, err := c.DeleteObjects(t.Context(), name+"-absent", []wire.ObjectID{{Key: "a"}}, wire.DeleteOptions{}); wire.Code(err) != "NoSuchBucket" {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

func TestDeleteTooMany(t *testing.T) {
	f := newFake(t, says(http.StatusOK, "<DeleteResult/>")).plain()
	c := newClient(t, f.options())
	ids := make([]wire.ObjectID, wire.MaxDelete+1)
	for i := range ids {
		ids[i].Key = fmt.Sprint(i)
	}
	if _, err := c.DeleteObjects(t.Context(), "b", ids, wire.DeleteOptions{}); err == nil || len(f.requests()) != 0 {
		t.Errorf("%d keys: %v, %d requests", len(ids), err, len(f.requests()))
	}
	if _, err := c.DeleteObjects(t.Context(), "b", ids[1:], wire.DeleteOptions{}); err != nil || len(f.requests()) != 1 {
		t.Errorf("%d keys: %v, %d requests", len(ids)-1, err, len(f.requests()))
	}
	if got := strings.Count(f.bodies[0], "<Key>"); got != wire.MaxDelete || !strings.Contains(f.bodies[0], "<Quiet>true</Quiet>") {
		t.Errorf("%d keys were sent", got)
	}
}

// A version that is held is the failure of its key alone, in an answer that is
// a success.
func TestDeleteFailures(t *testing.T) {
	c, name := storeClient(t), wiretest.Bucket(t, wiretest.ObjectLock())
	ids := map[string]wire.ObjectID{}
	for _, key := range []string{"held", "free"} {
		in := &s3.PutObjectInput{Bucket: aws.String(name), Key: aws.String(key), Body: strings.NewReader("x")}
		if key == "held" {
			in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
		}
		out, err := c.PutObject(t.Context(), in)
		must(t, err)
		ids[key] = wire.ObjectID{Key: key, VersionID: aws.ToString(out.VersionId)}
	}
	failed, err := c.DeleteObjects(t.Context(), name, []wire.ObjectID{ids["held"], ids["free"]}, wire.DeleteOptions{})
	if err != nil || len(failed) != 1 || failed[0].Key != "held" || failed[0].Err.Code == "" || failed[0].Err.Op != "DeleteObjects" {
		t.Errorf("deleting: %+v, %v", failed, err)
	}
	if err := c.DeleteObject(t.Context(), name, ids["held"], wire.DeleteOptions{}); wire.Code(err) == "" {
		t.Errorf("deleting what is held alone: %v", err)
	}
	for key, there := range map[string]bool{"held": true, "free": false} {
		_, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{
			Bucket: aws.String(name), Key: aws.String(key), VersionId: aws.String(ids[key].VersionID),
		})
		if there && err != nil || !there && !wire.NotFound(err) {
			t.Errorf("the version of %s: %v", key, err)
		}
	}

	f := newFake(t, says(http.StatusOK, "<DeleteResult><Error><Key>k&amp;1</Key><VersionId>v2</VersionId><Code>SlowDown</Code><Message>later</Message></Error></DeleteResult>")).plain()
	failed, err = newClient(t, f.options()).DeleteObjects(t.Context(), "b", []wire.ObjectID{{Key: "k&1", VersionID: "v2"}, {Key: "k2"}}, wire.DeleteOptions{})
	if err != nil || len(failed) != 1 || failed[0].ObjectID != (wire.ObjectID{Key: "k&1", VersionID: "v2"}) {
		t.Fatalf("%+v, %v", failed, err)
	}
	if e := error(failed[0].Err); wire.Code(e) != "SlowDown" || wire.RequestID(e) != "4Z9K" || !wire.Retryable(e) ||
		e.Error() != "An error occurred (SlowDown) when calling the DeleteObjects operation: later" {
		t.Errorf("%v, request %s, retryable %v", e, wire.RequestID(e), wire.Retryable(e))
	}
}

func TestBuckets(t *testing.T) {
	c := storeClient(t)
	name := wiretest.Bucket(t)
	must(t, c.HeadBucket(t.Context(), name))
	made := strings.TrimSuffix(name, name[len(name)-1:]) + "-made"
	err := c.HeadBucket(t.Context(), made)
	if !wire.NotFound(err) || wire.Retryable(err) {
		t.Errorf("a bucket that is not there: %v", err)
	}
	must(t, c.CreateBucket(t.Context(), made, wire.CreateOptions{}))
	all, err := c.ListBuckets(t.Context(), wire.BucketsRequest{})
	must(t, err)
	for _, want := range []string{name, made} {
		if !slices.ContainsFunc(all, func(b wire.BucketInfo) bool { return b.Name == want && !b.Created.IsZero() }) {
			t.Errorf("%s is not among %v", want, all)
		}
	}
	must(t, c.DeleteBucket(t.Context(), made))
	if err := c.HeadBucket(t.Context(), made); !wire.NotFound(err) {
		t.Errorf("a bucket that was deleted: %v", err)
	}
	if err := c.DeleteBucket(t.Context(), made); wire.Code(err) != "NoSuchBucket" {
		t.Errorf("deleting it again: %v", err)
	}
}

// us-east-1 must not be named, others must.
func TestRegionOfNewBucket(t *testing.T) {
	for region, want := range map[string]string{"": "", "us-east-1": "", "eu-west-1": "<LocationConstraint>eu-west-1</LocationConstraint>"} {
		f := newFake(t, nil).plain()
		o := f.options()
		o.Region = region
		t.Setenv("AWS_REGION", "")
		t.Setenv("AWS_DEFAULT_REGION", "")
		must(t, newClient(t, o).CreateBucket(t.Context(), "b", wire.CreateOptions{}))
		if got := f.bodies[0]; want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("region %q: sent %q", region, got)
		}
		if auth := f.requests()[0].Header.Get("Authorization"); region == "" && !strings.Contains(auth, "/us-east-1/s3/") {
			t.Errorf("without a region, signed %s", auth)
		}
	}
}

func TestListBucketsPages(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		next := "<ContinuationToken>2</ContinuationToken>"
		if r.URL.Query().Get("continuation-token") == "2" {
			next = ""
		}
		says(http.StatusOK, "<ListAllMyBucketsResult><Buckets><Bucket><Name>b%s</Name></Bucket></Buckets>%s</ListAllMyBucketsResult>",
			r.URL.Query().Get("continuation-token"), next)(w, r)
	}).plain()
	got, err := newClient(t, f.options()).ListBuckets(t.Context(), wire.BucketsRequest{})
	if err != nil || len(got) != 2 || got[0].Name != "b" || got[1].Name != "b2" {
		t.Errorf("%v, %v", got, err)
	}
}

// Single objects go through the SDK as they are, with what this program needs
// of it: sums, ranges, parts.
func TestObjects(t *testing.T) {
	c, name := storeClient(t), wiretest.Bucket(t)
	b, key := aws.String(name), aws.String("k")
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: b, Key: key, Body: strings.NewReader("content"), ChecksumCRC64NVME: aws.String("AAAAAAAAAAA="),
	})
	if code := wire.Code(err); code != "BadDigest" && code != "InvalidRequest" {
		t.Errorf("a wrong checksum: %v", err)
	}
	if _, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: key}); !wire.NotFound(err) {
		t.Errorf("after a wrong checksum: %v", err)
	}
	if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b, Key: key}); wire.Code(err) != "NoSuchKey" || !wire.NotFound(err) {
		t.Errorf("a key that is not there: %v", err)
	}
	up, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	must(t, err)
	part := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
	var done []types.CompletedPart
	for i, content := range [][]byte{part, []byte("end")} {
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(content),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		must(t, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME})
	}
	parts, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: b, Key: key, UploadId: up.UploadId})
	must(t, err)
	if len(parts.Parts) != 2 {
		t.Errorf("%d parts, want 2", len(parts.Parts))
	}
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		ChecksumType: types.ChecksumTypeFullObject,
	})
	must(t, err)
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b, Key: key, Range: aws.String("bytes=5242878-5242882")})
	must(t, err)
	got, err := io.ReadAll(out.Body)
	must(t, errors.Join(err, out.Body.Close()))
	if string(got) != "efend" {
		t.Errorf("the range holds %q", got)
	}
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: b, Key: key, IfMatch: aws.String(`"other"`)})
	if wire.Code(err) != "PreconditionFailed" {
		t.Errorf("IfMatch: %v", err)
	}
	up, err = c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: key})
	must(t, err)
	_, err = c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: b, Key: key, UploadId: up.UploadId})
	must(t, err)
	if _, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: b, Key: key, UploadId: up.UploadId}); wire.Code(err) != "NoSuchUpload" {
		t.Errorf("after the abort: %v", err)
	}
}

func TestCancelledRequest(t *testing.T) {
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	f := newFake(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel(stop)
		<-r.Context().Done()
	}).plain()
	err := newClient(t, f.options()).HeadBucket(ctx, "b")
	if !errors.Is(err, context.Canceled) || wire.Retryable(err) {
		t.Errorf("%v, retryable %v", err, wire.Retryable(err))
	}
	var u *url.Error
	if errors.As(err, &u) && strings.Contains(u.URL, secret) {
		t.Errorf("the error has the secret in it: %v", err)
	}
}
