package s3sim

import (
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A bucket answers only what is signed for its region, and says which that is.
func TestRegions(t *testing.T) {
	s := start(t, Options{})
	ctx := t.Context()
	must[*s3.CreateBucketOutput](t)(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("ireland"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest1}}))
	loc := must[*s3.GetBucketLocationOutput](t)(s.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("ireland")}))
	if loc.LocationConstraint != types.BucketLocationConstraintEuWest1 {
		t.Errorf("location %q", loc.LocationConstraint)
	}
	var raw http.Header
	_, err := s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("ireland")}, s3.WithAPIOptions(rawHeaders(&raw)))
	wantCode(t, err, "PermanentRedirect")
	if got := raw.Get(hBucketRegion); got != "eu-west-1" {
		t.Errorf("region of the redirect: %q", got)
	}
	raw = nil
	_, err = s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("ireland"), Key: aws.String("k"), Body: strings.NewReader("x")}, s3.WithAPIOptions(rawHeaders(&raw)))
	wantCode(t, err, "AuthorizationHeaderMalformed")
	if got := raw.Get(hBucketRegion); got != "eu-west-1" {
		t.Errorf("region of the refusal: %q", got)
	}
	there := sdk(s.url, func(o *s3.Options) { o.Region = "eu-west-1" })
	if _, err := there.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("ireland"), Key: aws.String("k"), Body: strings.NewReader("x")}); err != nil {
		t.Error(err)
	}
}

func TestBucketInHost(t *testing.T) {
	s := must[*Server](t)(New(Options{Domain: "s3.example"}))
	if err := s.AddBucket("my.bucket", ""); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{
		"http://my.bucket.s3.example/":       http.StatusOK,
		"http://MY.s3.example:123/":          http.StatusNotFound,
		"http://my.bucket.s3.example:80/k":   http.StatusNotFound,
		"http://s3.example/my.bucket":        http.StatusOK,
		"http://s3.example:123/my.bucket/":   http.StatusOK,
		"http://127.0.0.1:80/my.bucket":      http.StatusOK,
		"http://[::1]:80/my.bucket?versions": http.StatusOK,
		"http://other.example/my.bucket":     http.StatusOK,
		"http://other.example/no-bucket":     http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestDeviations(t *testing.T) {
	ctx := t.Context()
	put := func(t *testing.T, s *store, keys ...string) {
		t.Helper()
		for _, key := range keys {
			if _, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("body")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("InclusiveKeyMarker", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{InclusiveKeyMarker: true}})
		put(t, s, "a", "b")
		out := must[*s3.ListObjectVersionsOutput](t)(s.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bucket"), MaxKeys: aws.Int32(1)}))
		out = must[*s3.ListObjectVersionsOutput](t)(s.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bucket"), KeyMarker: out.NextKeyMarker, VersionIdMarker: out.NextVersionIdMarker}))
		if len(out.Versions) != 2 || *out.Versions[0].Key != "a" {
			t.Errorf("%d versions, want a again and b", len(out.Versions))
		}
	})
	t.Run("MarkersLast", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{MarkersLast: true}})
		must[*s3.PutBucketVersioningOutput](t)(s.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String("bucket"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
		put(t, s, "a", "b")
		must[*s3.DeleteObjectOutput](t)(s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a")}))
		// Pages of two: the marker of a is in the first, behind its version.
		for query, want := range map[string]string{
			"?versions&max-keys=2": "<Version><Key>a<DeleteMarker><Key>a", "?versions": "<Version><Key>a<Version><Key>b<DeleteMarker><Key>a",
			"?versions&max-keys=1": "<DeleteMarker><Key>a",
		} {
			resp := must[*http.Response](t)(http.DefaultClient.Do(must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/bucket"+query, nil))))
			doc := string(must[[]byte](t)(io.ReadAll(resp.Body)))
			resp.Body.Close()
			if got := strings.Join(regexp.MustCompile("<(Version|DeleteMarker)><Key>[ab]").FindAllString(doc, -1), ""); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
	t.Run("NoChecksums", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{NoChecksums: true}})
		put(t, s, "a")
		wrong := "AAAAAAAAAAA="
		out := must[*s3.PutObjectOutput](t)(s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("b"), Body: strings.NewReader("body"), ChecksumCRC64NVME: &wrong}))
		head := must[*s3.HeadObjectOutput](t)(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("b"), ChecksumMode: types.ChecksumModeEnabled}))
		if out.ChecksumCRC64NVME != nil || head.ChecksumCRC64NVME != nil || out.ChecksumType != "" || head.ChecksumType != "" {
			t.Error("it answers checksums")
		}
	})
	t.Run("RefuseChecksums", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{RefuseChecksums: true}})
		_, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("b"), Body: strings.NewReader("body"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
		wantCode(t, err, "NotImplemented")
		if _, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("b"), Body: strings.NewReader("body")}); err != nil {
			t.Error(err)
		}
	})
	t.Run("ContentMD5Only", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{ContentMD5Only: true}})
		_, err := s.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("a")}}}})
		wantCode(t, err, "InvalidRequest")
		doc := "<Delete><Object><Key>a</Key></Object></Delete>"
		right := md5.Sum([]byte(doc))
		for sum, want := range map[string]int{base64.StdEncoding.EncodeToString(right[:]): http.StatusOK, "AAAAAAAAAAAAAAAAAAAAAA==": http.StatusBadRequest} {
			req := must[*http.Request](t)(http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/bucket?delete", strings.NewReader(doc)))
			req.Header.Set("Content-MD5", sum)
			resp := must[*http.Response](t)(http.DefaultClient.Do(req))
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: %s", sum, resp.Status)
			}
		}
	})
	t.Run("UnorderedLists", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{UnorderedLists: true}})
		put(t, s, "a", "b", "c")
		out := must[*s3.ListObjectsV2Output](t)(s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("bucket")}))
		if got := keysOf(out.Contents); !slices.Equal(got, []string{"c", "b", "a"}) {
			t.Errorf("%q", got)
		}
	})
	t.Run("NoEncodingType", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{NoEncodingType: true}})
		put(t, s, "a+b c%")
		out := must[*s3.ListObjectsV2Output](t)(s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), EncodingType: types.EncodingTypeUrl}))
		if *out.Contents[0].Key != "a+b c%" || out.EncodingType != "" {
			t.Errorf("%q, encoding %q", *out.Contents[0].Key, out.EncodingType)
		}
	})
	t.Run("NoConditionalWrites", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{NoConditionalWrites: true}})
		put(t, s, "a")
		if _, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a"), IfNoneMatch: aws.String("*")}); err != nil {
			t.Error(err)
		}
		out := must[*s3.DeleteObjectsOutput](t)(s.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{
			Objects: []types.ObjectIdentifier{{Key: aws.String("a"), ETag: aws.String("another")}},
		}}))
		if len(out.Errors) != 0 || len(out.Deleted) != 1 {
			t.Errorf("a conditional delete: %+v", out)
		}
	})
	t.Run("NoFullObject", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{NoFullObject: true}})
		_, err := s.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: aws.String("a"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject})
		wantCode(t, err, "InvalidRequest")
	})
	t.Run("IgnoreRange", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{IgnoreRange: true}})
		put(t, s, "a")
		out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a"), Range: aws.String("bytes=1-2")})
		if got := string(read(t, out, err)); got != "body" || out.ContentRange != nil {
			t.Errorf("%q, Content-Range %v", got, out.ContentRange)
		}
	})
	t.Run("NoVersioning", func(t *testing.T) {
		s := start(t, Options{Deviations: Deviations{NoVersioning: true}})
		_, err := s.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bucket")})
		wantCode(t, err, "NotImplemented")
	})
}

func keysOf(objects []types.Object) []string {
	keys := make([]string, len(objects))
	for i := range objects {
		keys[i] = *objects[i].Key
	}
	return keys
}

// Synthetic and real keys of a bucket are one listing, whatever was deleted and
// replaced, and however it is cut into pages.
func TestSyntheticAndReal(t *testing.T) {
	s := start(t, Options{Synthetic: []Synthetic{{Bucket: "bucket", Layout: LayoutDirs, Count: 500, PerDir: 20, Size: 100_000, Seed: 9}}})
	ctx := t.Context()
	syn := s.buckets["bucket"].synthetic
	want := map[string]bool{}
	for i := range syn.Len() {
		want[syn.Key(i)] = true
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		key := syn.Key(rng.IntN(syn.Len()))
		switch rng.IntN(3) {
		case 0:
			must[*s3.DeleteObjectOutput](t)(s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key}))
			delete(want, key)
			continue
		case 1:
			key += "x"
		}
		must[*s3.PutObjectOutput](t)(s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("new")}))
		want[key] = true
	}
	all := make([]string, 0, len(want))
	for key := range want {
		all = append(all, key)
	}
	slices.Sort(all)
	for _, max := range []int32{1, 7, 1000} {
		for _, delimiter := range []string{"", "/", "file-00000"} {
			var expect, got []string
			for _, key := range all {
				if i := strings.Index(key, delimiter); delimiter != "" && i >= 0 {
					key = key[:i+len(delimiter)]
				}
				if len(expect) == 0 || expect[len(expect)-1] != key {
					expect = append(expect, key)
				}
			}
			in := &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), MaxKeys: &max, Delimiter: &delimiter}
			for more := true; more; {
				out := must[*s3.ListObjectsV2Output](t)(s.ListObjectsV2(ctx, in))
				page := keysOf(out.Contents)
				for _, p := range out.CommonPrefixes {
					page = append(page, *p.Prefix)
				}
				if len(page) > int(max) || int(*out.KeyCount) != len(page) {
					t.Fatalf("%d entries a page, KeyCount %d, asked for %d", len(page), *out.KeyCount, max)
				}
				slices.Sort(page)
				got = append(got, page...)
				more, in.ContinuationToken = *out.IsTruncated, out.NextContinuationToken
			}
			if !slices.Equal(got, expect) {
				t.Errorf("pages of %d, delimiter %q: %d entries, want %d", max, delimiter, len(got), len(expect))
			}
		}
	}
	key := all[0]
	out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key})
	if n := len(read(t, out, err)); n != int(*out.ContentLength) || n == 0 {
		t.Errorf("%d bytes of %s", n, key)
	}
	if len(s.buckets["bucket"].uploads) != 0 {
		t.Error("uploads out of nothing")
	}
}

// Versions of synthetic keys are listed, deleted and buried as real ones, and a
// listing goes on behind a version that was deleted meanwhile.
func TestSyntheticVersions(t *testing.T) {
	s := start(t, Options{Synthetic: []Synthetic{{Bucket: "bucket", Layout: LayoutFlat, Count: 30, Size: 10, Versions: 4}}})
	ctx := t.Context()
	must[*s3.DeleteObjectOutput](t)(s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: aws.String("object-000000003")}))
	total := 0
	in := &s3.ListObjectVersionsInput{Bucket: aws.String("bucket"), MaxKeys: aws.Int32(7)}
	seen := map[string]bool{}
	for more := true; more; {
		out := must[*s3.ListObjectVersionsOutput](t)(s.ListObjectVersions(ctx, in))
		batch := &types.Delete{Quiet: aws.Bool(true)}
		for _, v := range out.Versions {
			batch.Objects = append(batch.Objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, v := range out.DeleteMarkers {
			if !*v.IsLatest {
				t.Errorf("the marker on %s is not the latest", *v.Key)
			}
			batch.Objects = append(batch.Objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, o := range batch.Objects {
			if id := *o.Key + *o.VersionId; seen[id] {
				t.Errorf("twice: %s", id)
			} else {
				seen[id] = true
			}
		}
		done := must[*s3.DeleteObjectsOutput](t)(s.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: batch}))
		if len(done.Errors) > 0 {
			t.Fatalf("%+v", done.Errors)
		}
		total += len(batch.Objects)
		more, in.KeyMarker, in.VersionIdMarker = *out.IsTruncated, out.NextKeyMarker, out.NextVersionIdMarker
	}
	if total != 121 {
		t.Errorf("%d versions and markers, want 121", total)
	}
	if _, err := s.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Error(err)
	}
}

func TestVersionIDs(t *testing.T) {
	for _, seq := range []uint64{0, 1, 77, firstSequence, 1<<63 + 5} {
		id := (&version{seq: seq}).id()
		if got, ok := sequenceOf(id); !ok || got != seq || len(id) != idLength {
			t.Errorf("%d: %s is %d, %v", seq, id, got, ok)
		}
		for _, bad := range []string{id[1:], "0" + id[1:31] + "g", strings.ToUpper(id) + "x", id[:31] + string(id[31]^1)} {
			if validVersionID(bad) {
				t.Errorf("%q is taken for an id", bad)
			}
		}
	}
}

// Many goroutines on one bucket: what the race detector is for.
func TestConcurrent(t *testing.T) {
	s := start(t, Options{Synthetic: []Synthetic{{Bucket: "bucket", Layout: LayoutHex, Count: 1000, Versions: 2}}})
	ctx := t.Context()
	errs := make(chan error, 8)
	for g := range cap(errs) {
		go func() {
			var err error
			for i := 0; i < 30 && err == nil; i++ {
				key := fmt.Sprintf("%d/%d", g%3, i)
				if _, err = s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(key)}); err != nil {
					break
				}
				if _, err = s.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("bucket"), MaxKeys: aws.Int32(50)}); err != nil {
					break
				}
				if _, err = s.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: aws.String("bucket"), Key: &key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}); err != nil && code(err) != "NoSuchKey" {
					break
				}
				_, err = s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("bucket"), Key: &key})
			}
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if st := s.Stats(); st.MaxInFlight < 1 || st.MaxInFlight > 8 || st.Ops["PutObject"] != 240 {
		t.Errorf("%+v", st)
	}
	resp := must[*http.Response](t)(http.Post(s.url+"/_s3sim/reset", "", nil))
	resp.Body.Close()
	if st := s.Stats(); len(st.Ops) != 0 || st.BytesIn != 0 {
		t.Errorf("after the reset: %+v", st)
	}
}

// What a header says of retention, with a clock that can be moved.
func TestRetentionEnds(t *testing.T) {
	now := time.Now()
	var moved atomic.Int64
	s := start(t, Options{Now: func() time.Time { return now.Add(time.Duration(moved.Load())) }})
	ctx := t.Context()
	must[*s3.CreateBucketOutput](t)(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("locked"), ObjectLockEnabledForBucket: aws.Bool(true)}))
	out := must[*s3.PutObjectOutput](t)(s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("locked"), Key: aws.String("k"), ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: aws.Time(now.Add(time.Hour))}))
	in := &s3.DeleteObjectInput{Bucket: aws.String("locked"), Key: aws.String("k"), VersionId: out.VersionId, BypassGovernanceRetention: aws.Bool(true)}
	_, err := s.DeleteObject(ctx, in)
	wantCode(t, err, "AccessDenied")
	moved.Store(int64(2 * time.Hour))
	if _, err := s.DeleteObject(ctx, in); err != nil {
		t.Error(err)
	}
}

// Configurations of a bucket come back as they went in, and are counted under
// the names of their operations.
func TestBucketDocuments(t *testing.T) {
	s := start(t, Options{})
	ctx := t.Context()
	bucket := aws.String("bucket")
	_, err := s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket})
	wantCode(t, err, "NoSuchLifecycleConfiguration")
	must[*s3.PutBucketLifecycleConfigurationOutput](t)(s.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
		ID: aws.String("rule"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("p<&>/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
	}}}}))
	out := must[*s3.GetBucketLifecycleConfigurationOutput](t)(s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket}))
	if len(out.Rules) != 1 || *out.Rules[0].Filter.Prefix != "p<&>/" || *out.Rules[0].Expiration.Days != 3 {
		t.Errorf("%+v", out.Rules)
	}
	must[*s3.DeleteBucketLifecycleOutput](t)(s.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: bucket}))
	must[*s3.PutBucketPolicyOutput](t)(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(`{"Version":"x"}`)}))
	policy := must[*s3.GetBucketPolicyOutput](t)(s.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))
	if *policy.Policy != `{"Version":"x"}` {
		t.Errorf("policy %s", *policy.Policy)
	}
	_, err = s.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})
	wantCode(t, err, "NoSuchTagSet")
	want := map[string]int64{
		"GetBucketLifecycleConfiguration": 2, "PutBucketLifecycleConfiguration": 1, "DeleteBucketLifecycle": 1,
		"PutBucketPolicy": 1, "GetBucketPolicy": 1, "GetBucketTagging": 1,
	}
	if got := s.Stats().Ops; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// An error has S3's document and headers; that of a HEAD has no body.
func TestErrors(t *testing.T) {
	s := start(t, Options{})
	for method, want := range map[string]string{http.MethodGet: "<Error><Code>NoSuchKey</Code>", http.MethodHead: ""} {
		resp := must[*http.Response](t)(http.DefaultClient.Do(must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, s.url+"/bucket/no%20%3C%3E", nil))))
		doc := must[[]byte](t)(io.ReadAll(resp.Body))
		resp.Body.Close()
		id := resp.Header.Get("X-Amz-Request-Id")
		if resp.StatusCode != http.StatusNotFound || len(id) != 16 || resp.Header.Get("X-Amz-Id-2") == "" {
			t.Errorf("%s: %s, %v", method, resp.Status, resp.Header)
		}
		if want == "" && len(doc) > 0 || !strings.Contains(string(doc), want) ||
			want != "" && (!strings.Contains(string(doc), "<RequestId>"+id+"<") || !strings.Contains(string(doc), "<Key>no &lt;&gt;<")) {
			t.Errorf("%s: %s", method, doc)
		}
	}
	// A body that nobody wanted is read all the same: the answer arrives.
	_, err := s.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("no-bucket"), Key: aws.String("k"), Body: Content(1).Reader(20 << 20)})
	wantCode(t, err, "NoSuchBucket")
	_, err = s.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String(strings.Repeat("k", 1025))})
	wantCode(t, err, "KeyTooLongError")
}

func FuzzParseXML(f *testing.F) {
	f.Add("<Delete><Quiet>true</Quiet><Object><Key>a&amp;&#13;</Key></Object></Delete>")
	f.Add(`<?xml version="1.0"?><!-- c --><Delete xmlns="x"><s3:Object/><![CDATA[<]]></Delete>`)
	f.Fuzz(func(t *testing.T, doc string) {
		n, err := parseXML([]byte(doc), "Delete")
		if err == nil && n.name != "Delete" {
			t.Errorf("root %q", n.name)
		}
	})
}
