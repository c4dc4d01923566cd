package wire_test

import (
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

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
)

// What a bucket is told to do is what it says of itself afterwards.
func TestSetVersioning(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		for _, on := range []bool{true, false, true} {
			must(t, c.SetVersioning(t.Context(), c.bucket, on, ""))
			got, err := c.Versioning(t.Context(), c.bucket)
			if want := map[bool]string{true: "Enabled", false: "Suspended"}[on]; err != nil || got.Status != want {
				t.Errorf("%+v, %v; want %s", got, err, want)
			}
		}
		if err := c.SetVersioning(t.Context(), c.bucket+"-absent", true, ""); wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
	})
}

// The code of a device goes along, and a configuration goes whole.
func TestSettingsSent(t *testing.T) {
	f := newFake(t, says(http.StatusOK, "")).plain()
	either(t, func(t *testing.T, sdk bool) {
		c := f.client(t, sdk)
		for _, try := range []struct {
			send  func() error
			query string
			mfa   string
			body  []string
		}{
			{func() error { return c.SetVersioning(t.Context(), "b", true, "arn:mfa 123456") }, "versioning", "arn:mfa 123456", []string{"<Status>Enabled</Status>"}},
			{func() error { return c.SetVersioning(t.Context(), "b", false, "") }, "versioning", "", []string{"<Status>Suspended</Status>"}},
			{
				func() error { return c.PutWebsite(t.Context(), "b", wire.Website{Index: "i.html", ErrorKey: "e.html"}) }, "website", "",
				[]string{"<IndexDocument><Suffix>i.html</Suffix></IndexDocument>", "<ErrorDocument><Key>e.html</Key></ErrorDocument>"},
			},
		} {
			n := len(f.requests())
			must(t, try.send())
			r, body := f.requests()[n], f.bodies[n]
			if !r.URL.Query().Has(try.query) || r.Header.Get("X-Amz-Mfa") != try.mfa || r.Header.Get("Content-Md5") == "" {
				t.Errorf("%s %v", r.URL, r.Header)
			}
			for _, want := range try.body {
				if !strings.Contains(body, want) {
					t.Errorf("%s is not in %s", want, body)
				}
			}
		}
	})
}

// Of all buckets those come that are asked for, page by page, and a new one has its
// tags.
func TestListBucketsWhich(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, _ := simulated(t, s3sim.Options{})
		c := targetClient(t, target, sdk)
		for _, name := range []string{"apple-1", "apple-2", "apple-3", "pear-1"} {
			must(t, c.CreateBucket(t.Context(), name, wire.CreateOptions{Tags: map[string]string{"name": name, "b": "&<>"}}))
		}
		_, err := target.Client(t).CreateBucket(t.Context(), &s3.CreateBucketInput{
			Bucket:                    aws.String("apple-4"),
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"},
		})
		must(t, err)
		for _, try := range []struct {
			req  wire.BucketsRequest
			want string
		}{
			{wire.BucketsRequest{}, "apple-1 apple-2 apple-3 apple-4 pear-1"},
			{wire.BucketsRequest{PageSize: 2}, "apple-1 apple-2 apple-3 apple-4 pear-1"},
			{wire.BucketsRequest{Prefix: "apple", PageSize: 1}, "apple-1 apple-2 apple-3 apple-4"},
			{wire.BucketsRequest{Region: "eu-west-1"}, "apple-4"},
			{wire.BucketsRequest{Prefix: "none"}, ""},
		} {
			all, err := c.ListBuckets(t.Context(), try.req)
			var names []string
			for _, b := range all {
				names = append(names, b.Name)
				if b.Region == "" || b.Created.IsZero() {
					t.Errorf("%+v", b)
				}
			}
			if got := strings.Join(names, " "); err != nil || got != try.want {
				t.Errorf("%+v: %q, %v; want %q", try.req, got, err, try.want)
			}
		}
		tags, err := target.Client(t).GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("apple-2")})
		must(t, err)
		if len(tags.TagSet) != 2 || *tags.TagSet[0].Key != "b" || *tags.TagSet[0].Value != "&<>" || *tags.TagSet[1].Value != "apple-2" {
			t.Errorf("%+v", tags.TagSet)
		}
	})
}

// Info tells what a PutObject has said, and what the store adds.
func TestInfo(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, _ := simulated(t, s3sim.Options{})
		c, plain := targetClient(t, target, sdk), target.Client(t)
		must(t, c.CreateBucket(t.Context(), "bucket", wire.CreateOptions{}))
		must(t, c.SetVersioning(t.Context(), "bucket", true, ""))
		expires := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		out, err := plain.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("content"), ContentType: aws.String("text/x"),
			CacheControl: aws.String("no-store"), ContentDisposition: aws.String("inline"), ContentLanguage: aws.String("de"), ContentEncoding: aws.String("gzip"),
			Expires: &expires, WebsiteRedirectLocation: aws.String("/elsewhere"), Metadata: map[string]string{"a": "1"}, Tagging: aws.String("t=v+w&u="),
			StorageClass: types.StorageClassStandardIa, ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("arn:key"),
		})
		must(t, err)
		at := wire.ObjectRequest{Bucket: "bucket", Key: "k"}
		i, err := wire.Info(t.Context(), c, at)
		must(t, err)
		must(t, i.AddTags(t.Context(), c, at))
		switch {
		case i.Size != 7, i.ETag != strings.Trim(*out.ETag, `"`), i.VersionID != *out.VersionId, time.Since(i.Modified) > time.Hour,
			i.StorageClass != "STANDARD_IA", i.ContentType != "text/x", i.CacheControl != "no-store", i.ContentDisposition != "inline",
			i.ContentLanguage != "de", i.ContentEncoding != "gzip", i.Redirect != "/elsewhere", i.Metadata["a"] != "1",
			i.Encryption != "aws:kms", i.KMSKeyID != "arn:key", len(i.Tags) != 2, i.Tags["t"] != "v w", i.Restored(), i.Parts != 0,
			!strings.Contains(i.Expires, "2030"):
			t.Errorf("%+v", i)
		}
		for _, missing := range []wire.ObjectRequest{{Bucket: "bucket", Key: "absent"}, {Bucket: "bucket", Key: "k", VersionID: "null"}} {
			_, err := wire.Info(t.Context(), c, missing)
			if wire.Code(err) != "404" || !strings.Contains(err.Error(), missing.Key) || !strings.Contains(err.Error(), missing.VersionID) {
				t.Errorf("%+v: %v", missing, err)
			}
		}
		must(t, c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "k"}, wire.DeleteOptions{}))
		versions, err := plain.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("bucket")})
		must(t, err)
		_, err = wire.Info(t.Context(), c, wire.ObjectRequest{Bucket: "bucket", Key: "k", VersionID: *versions.DeleteMarkers[0].VersionId})
		if err == nil || !strings.Contains(err.Error(), "delete marker") {
			t.Errorf("a delete marker: %v", err)
		}
	})
}

// An object of SSE-C is told of to who has the key alone.
func TestInfoCustomerKey(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, _ := simulated(t, s3sim.Options{})
		c := targetClient(t, target, sdk)
		must(t, c.CreateBucket(t.Context(), "bucket", wire.CreateOptions{}))
		key := [32]byte([]byte("0123456789abcdef0123456789abcdef"))
		_, err := target.Client(t).PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("content"),
			SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: aws.String("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
			SSECustomerKeyMD5: aws.String("hRasmdxgYDKV3nvbahU1MA=="),
		})
		must(t, err)
		i, err := wire.Info(t.Context(), c, wire.ObjectRequest{Bucket: "bucket", Key: "k", CustomerKey: &key})
		if err != nil || i.CustomerAlgorithm != "AES256" || i.CustomerKeyMD5 == "" {
			t.Errorf("%+v, %v", i, err)
		}
		if _, err := wire.Info(t.Context(), c, wire.ObjectRequest{Bucket: "bucket", Key: "k"}); err == nil {
			t.Error("it was told without the key")
		}
	})
}

// An ACL is what it was made, canned or of grants, of one version.
func TestACL(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, _ := simulated(t, s3sim.Options{})
		c := targetClient(t, target, sdk)
		must(t, c.CreateBucket(t.Context(), "bucket", wire.CreateOptions{}))
		put(t, c, "bucket", "k")
		at := wire.ObjectRequest{Bucket: "bucket", Key: "k"}
		permissions := func() string {
			t.Helper()
			acl, err := wire.GetACL(t.Context(), c, at)
			must(t, err)
			var all []string
			for i := range acl.Grants {
				g := &acl.Grants[i]
				who := g.Grantee
				switch {
				case who == "id="+acl.Owner:
					who = "owner"
				case g.Public():
					who = "all"
				}
				all = append(all, who+" "+g.Permission)
			}
			slices.Sort(all)
			return strings.Join(all, ", ")
		}
		for _, try := range []struct {
			to   wire.NewACL
			want string
		}{
			{wire.NewACL{Canned: "public-read"}, "all READ, owner FULL_CONTROL"},
			{wire.NewACL{Canned: "private"}, "owner FULL_CONTROL"},
			{
				wire.NewACL{Full: `id="x"`, Read: `uri="` + wire.AllUsers + `",id="y"`, ReadACP: "id=z", WriteACP: "id=w"},
				"all READ, id=w WRITE_ACP, id=x FULL_CONTROL, id=y READ, id=z READ_ACP",
			},
		} {
			must(t, wire.PutACL(t.Context(), c, at, try.to))
			if got := permissions(); got != try.want {
				t.Errorf("%+v: %s; want %s", try.to, got, try.want)
			}
		}
		if err := wire.PutACL(t.Context(), c, wire.ObjectRequest{Bucket: "bucket", Key: "absent"}, wire.NewACL{Canned: "private"}); !wire.NotFound(err) {
			t.Errorf("of what is not there: %v", err)
		}
	})
}

// A copy onto itself replaces the object that was looked at and no other.
func TestInPlace(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, _ := simulated(t, s3sim.Options{})
		c := targetClient(t, target, sdk)
		must(t, c.CreateBucket(t.Context(), "bucket", wire.CreateOptions{}))
		put(t, c, "bucket", "k")
		info, err := wire.Info(t.Context(), c, wire.ObjectRequest{Bucket: "bucket", Key: "k"})
		must(t, err)
		copying := &s3.CopyObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), CopySource: aws.String("bucket/k"), StorageClass: types.StorageClassStandardIa}
		_, err = wire.InPlace(c, info).CopyObject(t.Context(), copying)
		must(t, err)
		_, err = c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("another")})
		must(t, err)
		on := wire.InPlace(c, info)
		head, err := on.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")})
		if err != nil || *head.ContentLength != 1 {
			t.Errorf("%v, %v: not what was looked at", head, err)
		}
		if _, err = on.CopyObject(t.Context(), copying); wire.Code(err) != "PreconditionFailed" {
			t.Errorf("what came meanwhile was copied: %v", err)
		}
		if head, err = on.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k")}); err != nil || *head.ContentLength != 7 {
			t.Errorf("%v, %v: after the copy the store is to be asked", head, err)
		}
		if copying.IfMatch != nil || copying.CopySourceIfMatch != nil {
			t.Error("the request of who asked was changed")
		}
	})
}

// A presigned URL does what it says with no credentials, as aws s3 makes it: no
// parameter is there that aws has not.
func TestPresign(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		key := "dir/a b+c%&é"
		do := func(method, url, body string) (int, string) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
			must(t, err)
			resp, err := http.DefaultClient.Do(r)
			must(t, err)
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			must(t, err)
			return resp.StatusCode, string(text)
		}
		up, err := c.Presign(t.Context(), wire.PresignRequest{Put: true, Bucket: c.bucket, Key: key, Expires: time.Minute})
		must(t, err)
		if code, text := do(http.MethodPut, up.URL, "content"); code != http.StatusOK {
			t.Errorf("PUT: %d %s", code, text)
		}
		down, err := c.Presign(t.Context(), wire.PresignRequest{Bucket: c.bucket, Key: key, Expires: time.Hour})
		must(t, err)
		if code, text := do(http.MethodGet, down.URL, ""); code != http.StatusOK || text != "content" {
			t.Errorf("GET: %d %s", code, text)
		}
		if code, _ := do(http.MethodPut, down.URL, "other"); code != http.StatusForbidden {
			t.Errorf("PUT to a URL for GET: %d", code)
		}
		u, err := url.Parse(down.URL)
		must(t, err)
		names := []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature", "X-Amz-SignedHeaders"}
		var got []string
		for name := range u.Query() {
			if name != "X-Amz-Security-Token" {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, names) || u.Query().Get("X-Amz-Expires") != "3600" || u.Query().Get("X-Amz-SignedHeaders") != "host" {
			t.Errorf("%v", u.Query())
		}
		if !down.CredentialsEnd.IsZero() {
			t.Errorf("the credentials end at %v", down.CredentialsEnd)
		}
	})
}
