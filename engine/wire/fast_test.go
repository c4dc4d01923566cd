package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

const aSum = "AAAAAAAAAAA="

func putBody(c wire.Client, ctx context.Context, body io.Reader) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("b"), Key: aws.String("k"), Body: body, ChecksumCRC64NVME: aws.String(aSum),
	})
	return err
}

// bySDK says that the SDK sent a request: it marks each of its own.
func bySDK(r *http.Request) bool { return r.Header.Get("Amz-Sdk-Request") != "" }

// The hot operations do not go through the SDK, the others do, and so does a
// request that the fast path does not know in full.
func TestWhoSends(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "list-type") {
			_, _ = io.WriteString(w, "<ListBucketResult/>")
		}
		if strings.Contains(r.URL.RawQuery, "versions") {
			_, _ = io.WriteString(w, "<ListVersionsResult/>")
		}
		if strings.Contains(r.URL.RawQuery, "delete") {
			_, _ = io.WriteString(w, "<DeleteResult/>")
		}
	}).plain()
	o := f.options()
	o.SDK = false
	c := newClient(t, o)
	name, key, id := aws.String("bucket"), aws.String("key"), aws.String("upload")
	noop := func(o *s3.Options) { o.Region = "us-west-1" }
	var page bucket.Page
	for _, q := range []struct {
		what string
		sdk  bool
		do   func() error
	}{
		{"PutObject", false, func() error { return putBody(c, t.Context(), strings.NewReader("x")) }},
		{"PutObject of nothing", false, func() error { return putBody(c, t.Context(), strings.NewReader("")) }},
		{"PutObject without a checksum", true, func() error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader("x")})
			return err
		}},
		{"PutObject with a key of the customer's", true, func() error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: name, Key: key, Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum), SSECustomerKey: aws.String("k"),
			})
			return err
		}},
		{"UploadPart with options, as manager calls it", false, func() error {
			_, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
				Bucket: name, Key: key, UploadId: id, PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
				ChecksumCRC64NVME: aws.String(aSum), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
			}, noop)
			return err
		}},
		{"GetObject with options, as manager calls it", false, func() error {
			out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: name, Key: key, Range: aws.String("bytes=0-9")}, noop)
			if err == nil {
				err = out.Body.Close()
			}
			return err
		}},
		{"HeadObject", false, func() error {
			_, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: name, Key: key})
			return err
		}},
		{"ListObjectsV2", false, func() error { return c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "bucket"}, &page) }},
		{"ListObjectVersions", false, func() error {
			return c.ListVersions(t.Context(), bucket.VersionsRequest{Bucket: "bucket"}, &page)
		}},
		{"DeleteObjects", false, func() error {
			_, err := c.DeleteObjects(t.Context(), "bucket", []wire.ObjectID{{Key: "k"}})
			return err
		}},
		{"DeleteObject", true, func() error { return c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "k"}) }},
		{"HeadBucket", true, func() error { return c.HeadBucket(t.Context(), "bucket") }},
		{"ListParts", true, func() error {
			_, err := c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: name, Key: key, UploadId: id})
			return err
		}},
	} {
		before := len(f.requests())
		if err := q.do(); err != nil {
			t.Errorf("%s: %v", q.what, err)
		}
		for _, r := range f.requests()[before:] {
			if bySDK(r) != q.sdk || !strings.Contains(r.UserAgent(), "s3haul/") {
				t.Errorf("%s: sent by the SDK: %v, want %v; user agent %q", q.what, bySDK(r), q.sdk, r.UserAgent())
			}
			if !strings.Contains(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256") {
				t.Errorf("%s: not signed", q.what)
			}
		}
		if len(f.requests()) != before+1 {
			t.Errorf("%s: %d requests", q.what, len(f.requests())-before)
		}
	}
}

// A bucket elsewhere: what the answer says is learnt, the body is sent again in
// whole, and the next request goes there at once, that of the SDK too.
func TestRegionIsLearnt(t *testing.T) {
	for _, q := range []struct {
		status                int
		header, code, message string
	}{
		{http.StatusMovedPermanently, "eu-west-3", "PermanentRedirect", "elsewhere"},
		{http.StatusBadRequest, "eu-west-3", "AuthorizationHeaderMalformed", "the region is wrong"},
		{http.StatusBadRequest, "", "AuthorizationHeaderMalformed", "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-3'"},
	} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
				if q.header != "" {
					w.Header().Set("X-Amz-Bucket-Region", q.header)
				}
				says(q.status, "<Error><Code>%s</Code><Message>%s</Message></Error>", q.code, q.message)(w, r)
			}
		}).plain()
		c := newClient(t, f.options())
		for _, size := range []int{10, 1 << 20} {
			must(t, putBody(c, t.Context(), bytes.NewReader(bytes.Repeat([]byte("x"), size))))
		}
		must(t, c.HeadBucket(t.Context(), "b"))
		f.mu.Lock()
		if len(f.bodies) != 4 || f.bodies[1] != strings.Repeat("x", 10) || len(f.bodies[2]) != 1<<20 {
			t.Errorf("%s: %d requests", q.code, len(f.bodies))
		}
		f.mu.Unlock()
		// The SDK comes to the same alone.
		o := f.options()
		o.SDK = true
		sdk := newClient(t, o)
		must(t, putBody(sdk, t.Context(), strings.NewReader("again")))
		must(t, sdk.HeadBucket(t.Context(), "b"))
		f.mu.Lock()
		if n := len(f.bodies); n != 7 || f.bodies[5] != "again" {
			t.Errorf("%s: %d requests", q.code, n)
		}
		f.mu.Unlock()
	}
	// A store that sends one round in circles is left.
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "region-"+fmt.Sprint(time.Now().UnixNano()))
		says(http.StatusMovedPermanently, "<Error><Code>PermanentRedirect</Code></Error>")(w, r)
	}).plain()
	if err := putBody(newClient(t, f.options()), t.Context(), strings.NewReader("x")); wire.Code(err) != "PermanentRedirect" || len(f.requests()) != 2 {
		t.Errorf("in circles: %v after %d requests", err, len(f.requests()))
	}
}

// A temporary redirect is signed anew for where it leads, with the whole body.
func TestTemporaryRedirect(t *testing.T) {
	there := newFake(t, nil).plain()
	here := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, there.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}).plain()
	o := here.options()
	o.SDK = false
	c := newClient(t, o)
	must(t, putBody(c, t.Context(), strings.NewReader("all of it")))
	if r := there.requests(); len(r) != 1 || there.bodies[0] != "all of it" || r[0].Host != strings.TrimPrefix(there.URL, "http://") {
		t.Errorf("%d requests there, %q", len(r), there.bodies)
	}
	lost := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect) // names no host
	}).plain()
	o = lost.options()
	o.SDK = false
	if err := putBody(newClient(t, o), t.Context(), strings.NewReader("x")); wire.Code(err) != "TemporaryRedirect" || len(lost.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(lost.requests()))
	}
}

// A redirect may lead below another path, and ask for something in the query; it
// never leads to another key.
func TestRedirectToAnotherPath(t *testing.T) {
	there := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("list-type") {
			_, _ = io.WriteString(w, "<ListBucketResult/>")
		}
	}).plain()
	var to func(r *http.Request) string
	here := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", there.URL+to(r))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}).plain()
	o := here.options()
	o.SDK = false
	c := newClient(t, o)
	put := func(key string) error {
		_, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String("b"), Key: aws.String(key), UploadId: aws.String("u"), PartNumber: aws.Int32(1),
			Body: strings.NewReader("all of it"), ChecksumCRC64NVME: aws.String(aSum),
		})
		return err
	}
	list := func(string) error { return c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "b"}, &bucket.Page{}) }
	for _, q := range []struct {
		what, key string
		ask       func(key string) error
		to, want  string // want is empty where it is not followed
	}{
		{"another prefix", "a/k", put, "/tenant/x%20y/b/a/k", "/tenant/x%20y/b/a/k?partNumber=1&uploadId=u"},
		{"none", "a/k", put, "/a/k", "/a/k?partNumber=1&uploadId=u"},
		{"with a query", "a/k", put, "/b/a/k?partNumber=1&rk=e2c&uploadId=u", "/b/a/k?partNumber=1&rk=e2c&uploadId=u"},
		{"escaped in another way", "a b+c*", put, "/t/b/a%20b+c*", "/t/b/a%20b%2Bc%2A?partNumber=1&uploadId=u"},
		{"a slash in front", "/k", put, "/t/b//k", "/t/b//k?partNumber=1&uploadId=u"},
		{"another key", "a/k", put, "/b/a/other", ""},
		{"a part of the key", "a/k", put, "/b/k", ""},
		{"a longer key", "k", put, "/b/xk", ""},
		{"a bucket", "", list, "/tenant/b", "/tenant/b?encoding-type=url&list-type=2"},
		{"a bucket with a slash", "", list, "/tenant/b/", "/tenant/b?encoding-type=url&list-type=2"},
	} {
		to = func(*http.Request) string { return q.to }
		before := len(there.requests())
		err := q.ask(q.key)
		got := ""
		if after := there.requests()[before:]; len(after) > 0 {
			got = after[0].URL.EscapedPath() + "?" + after[0].URL.Query().Encode()
			if !strings.Contains(after[0].Header.Get("Authorization"), "AWS4-HMAC-SHA256") {
				t.Errorf("%s: not signed", q.what)
			}
		}
		if got != q.want || (err == nil) != (q.want != "") {
			t.Errorf("%s: sent to %q, want %q; %v", q.what, got, q.want, err)
		}
	}
}

// together has the first n requests to a server wait for one another, so that
// none of them knows what another was told.
func together(n int) (arrive func()) {
	var first sync.WaitGroup
	first.Add(n)
	var seen atomic.Int64
	return func() {
		if seen.Add(1) <= int64(n) {
			first.Done()
			first.Wait()
		}
	}
}

// atOnce runs n of f concurrently.
func atOnce(t *testing.T, n int, f func() error) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if err := f(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A clock that is wrong is corrected by that of the store, for what only the
// SDK sends too, and for all the requests that were under way with the wrong one.
func TestClockSkew(t *testing.T) {
	const n = 8
	for _, q := range []struct {
		what string
		sdk  bool
		ask  func(c wire.Client) error
	}{
		{"PutObject", false, func(c wire.Client) error { return putBody(c, t.Context(), strings.NewReader("x")) }},
		{"PutObject", true, func(c wire.Client) error { return putBody(c, t.Context(), strings.NewReader("x")) }},
		{"CreateMultipartUpload", false, createUpload(t)},
		{"CreateMultipartUpload", true, createUpload(t)},
	} {
		arrive := together(n)
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			arrive()
			now := time.Now().Add(3 * time.Hour)
			w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
			at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			switch {
			case err != nil || now.Sub(at).Abs() > 15*time.Minute:
				says(http.StatusForbidden, "<Error><Code>RequestTimeTooSkewed</Code></Error>")(w, r)
			case r.URL.Query().Has("uploads"):
				_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
			}
		}).plain()
		o := f.options()
		o.SDK = q.sdk
		c := newClient(t, o)
		atOnce(t, n, func() error { return q.ask(c) })
		must(t, q.ask(c))
		if sent := len(f.requests()); sent != 2*n+1 {
			t.Errorf("%s, sdk %v: %d requests", q.what, q.sdk, sent)
		}
	}
}

func createUpload(t *testing.T) func(wire.Client) error {
	return func(c wire.Client) error {
		_, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	}
}

// A 403 for another reason is not sent again, be the clock right or corrected.
func TestClockIsNotTheReason(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, ahead := range []time.Duration{0, 3 * time.Hour} {
			var denies atomic.Bool
			denies.Store(true)
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
				if denies.Load() {
					says(http.StatusForbidden, "<Error><Code>SignatureDoesNotMatch</Code></Error>")(w, r)
				}
			}).plain()
			o := f.options()
			o.SDK = sdk
			c := newClient(t, o)
			if ahead != 0 { // corrects the clock, and is denied with the right one
				if err := putBody(c, t.Context(), strings.NewReader("x")); wire.Code(err) != "SignatureDoesNotMatch" || len(f.requests()) != 2 {
					t.Errorf("sdk %v, a wrong clock: %v after %d requests", sdk, err, len(f.requests()))
				}
			}
			before := len(f.requests())
			if err := putBody(c, t.Context(), strings.NewReader("x")); wire.Code(err) != "SignatureDoesNotMatch" || len(f.requests()) != before+1 {
				t.Errorf("sdk %v, %v ahead: %v after %d requests", sdk, ahead, err, len(f.requests())-before)
			}
		}
	}
}

// issue has an address give credentials to the AWS configuration: answer makes
// the nth.
func issue(t *testing.T, answer func(n int64) string) *atomic.Int64 {
	t.Helper()
	issued := &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answer(issued.Add(1)))
	}))
	t.Cleanup(s.Close)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", s.URL)
	return issued
}

// A token that the store no longer takes is replaced, whatever its date says,
// and once for all that were sent with it.
func TestExpiredToken(t *testing.T) {
	const n = 50
	issued := issue(t, func(n int64) string {
		return fmt.Sprintf(`{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"token-%d","Expiration":%q}`,
			n, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	for _, sdk := range []bool{false, true} {
		issued.Store(0)
		arrive := together(n)
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			arrive()
			if r.Header.Get("X-Amz-Security-Token") == "token-1" {
				says(http.StatusBadRequest, "<Error><Code>ExpiredToken</Code></Error>")(w, r)
			}
		}).plain()
		c := newClient(t, wire.Options{EndpointURL: f.URL, SDK: sdk})
		put := func() error { return putBody(c, t.Context(), strings.NewReader("whole")) }
		atOnce(t, n, put)
		must(t, put())
		if tokens := issued.Load(); tokens != 2 || len(f.requests()) != 2*n+1 || slices.ContainsFunc(f.bodies, func(s string) bool { return s != "whole" }) {
			t.Errorf("sdk %v: %d tokens, %d requests, %q", sdk, tokens, len(f.requests()), f.bodies)
		}
	}
}

// New credentials that have no token go without the old one's.
func TestTokenIsLeftBehind(t *testing.T) {
	issued := issue(t, func(n int64) string {
		if n == 1 {
			return `{"AccessKeyId":"AKID","SecretAccessKey":"s","Token":"old"}`
		}
		return `{"AccessKeyId":"LASTING","SecretAccessKey":"s"}`
	})
	for _, sdk := range []bool{false, true} {
		issued.Store(0)
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Security-Token") != "" {
				says(http.StatusBadRequest, "<Error><Code>ExpiredToken</Code></Error>")(w, r)
			}
		}).plain()
		c := newClient(t, wire.Options{EndpointURL: f.URL, SDK: sdk})
		must(t, putBody(c, t.Context(), strings.NewReader("x")))
		if r := f.requests(); len(r) != 2 || !strings.Contains(r[1].Header.Get("Authorization"), "LASTING") ||
			strings.Contains(r[1].Header.Get("Authorization"), "x-amz-security-token") {
			t.Errorf("sdk %v: %d requests, the last with %q", sdk, len(r), r[len(r)-1].Header.Get("Authorization"))
		}
	}
}

// Who traces a request hears of it once, however often a buffer is used again.
func TestTraceOfTheCaller(t *testing.T) {
	f := newFake(t, nil).plain()
	o := f.options()
	o.SDK = false
	c := newClient(t, o)
	var conns, wrote atomic.Int64
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { conns.Add(1) },
		WroteRequest: func(httptrace.WroteRequestInfo) { wrote.Add(1) },
	})
	const n = 20
	for range n {
		must(t, putBody(c, ctx, strings.NewReader("x")))
		must(t, putBody(c, t.Context(), strings.NewReader("x"))) // nobody hears of these
	}
	if conns.Load() != n || wrote.Load() != n {
		t.Errorf("%d connections and %d requests were told of, want %d each", conns.Load(), wrote.Load(), n)
	}
}

func TestRefusals(t *testing.T) {
	ask := map[string]func(wire.Client) error{
		"GetObject": func(c wire.Client) error {
			_, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			return err
		},
		"HeadObject": func(c wire.Client) error {
			_, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
			return err
		},
		"ListObjectsV2": func(c wire.Client) error {
			return c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "b"}, &bucket.Page{})
		},
		"DeleteObjects": func(c wire.Client) error {
			_, err := c.DeleteObjects(t.Context(), "b", []wire.ObjectID{{Key: "k"}})
			return err
		},
	}
	for _, q := range []struct {
		op, what string
		status   int
		body     string
		code     string
		as       any
		retry    bool
	}{
		{"GetObject", "", 404, "<Error><Code>NoSuchKey</Code><Message>no</Message><RequestId>in the body</RequestId></Error>", "NoSuchKey", new(*types.NoSuchKey), false},
		{"GetObject", "an empty body", 404, "", "NotFound", new(*smithy.GenericAPIError), false},
		{"HeadObject", "", 404, "", "NotFound", new(*types.NotFound), false},
		{"ListObjectsV2", "", 404, "<Error><Code>NoSuchBucket</Code></Error>", "NoSuchBucket", new(*types.NoSuchBucket), false},
		{"ListObjectsV2", "in a 200", 200, "<Error><Code>InternalError</Code></Error>", "InternalError", new(*awshttp.ResponseError), true},
		{"DeleteObjects", "in a 200", 200, "<Error><Code>SlowDown</Code></Error>", "SlowDown", new(*awshttp.ResponseError), true},
		{"ListObjectsV2", "a page of a proxy", 503, "<html><p>busy</html>", "ServiceUnavailable", new(*awshttp.ResponseError), true},
		{"GetObject", "no XML at all", 500, "\x00\x01garbage", "InternalServerError", new(*awshttp.ResponseError), true},
		{"GetObject", "XML that is cut off", 500, "<Error><Code>Internal", "InternalServerError", new(*awshttp.ResponseError), true},
	} {
		f := newFake(t, says(q.status, "%s", q.body)).plain()
		o := f.options()
		o.SDK = false
		err := ask[q.op](newClient(t, o))
		what := strings.TrimSpace(q.op + " " + q.what)
		var op *smithy.OperationError
		var api smithy.APIError
		var response s3.ResponseError
		switch {
		case !errors.As(err, &op) || op.OperationName != q.op || op.ServiceID != "S3":
			t.Errorf("%s: it does not name the operation: %v", what, err)
		case !errors.As(err, &api) || api.ErrorCode() != q.code || wire.Code(err) != q.code:
			t.Errorf("%s: %v", what, err)
		case !errors.As(err, q.as):
			t.Errorf("%s: it is no %T: %v", what, q.as, err)
		case wire.RequestID(err) != "4Z9K" || !errors.As(err, &response):
			t.Errorf("%s: request id %q", what, wire.RequestID(err))
		case wire.Retryable(err) != q.retry:
			t.Errorf("%s: retryable %v: %v", what, wire.Retryable(err), err)
		}
	}
}

// What no store says: each is an error that names what was wrong, and where it
// can help the request is sent again.
func TestBadAnswers(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	list := func(c wire.Client) error {
		return c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "b"}, &bucket.Page{})
	}
	get := func(c wire.Client) error {
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, out.Body)
		return errors.Join(err, out.Body.Close())
	}
	for _, q := range []struct {
		what, answer string
		ask          func(wire.Client) error
		retry        bool
		says         string
	}{
		{"nothing", "", get, true, "EOF"},
		{"garbage", "\x16\x03\x01 this is no HTTP\r\n\r\n", get, true, "malformed HTTP"},
		{"headers of a megabyte", head + "X-Long: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", get, true, "headers exceeded"},
		{"a length that is none", head + "Content-Length: many\r\n\r\n", get, true, "Content-Length"},
		{"a body that is too short", head + "Content-Length: 10\r\n\r\nabc", get, true, "unexpected EOF"},
		{"a date that is none", head + "Last-Modified: tomorrow\r\nContent-Length: 0\r\n\r\n", get, false, "Last-Modified"},
		{"a list that is cut off", head + "Content-Length: 40\r\n\r\n<ListBucketResult><Contents>", list, true, "unexpected EOF"},
		{"a list whose XML is cut off", head + "Content-Length: 28\r\n\r\n<ListBucketResult><Contents>", list, true, "unexpected EOF"},
		{"entities", head + "Connection: close\r\n\r\n<!DOCTYPE x [<!ENTITY a \"aa\">]><ListBucketResult>&a;</ListBucketResult>", list, false, "DOCTYPE"},
		{"another document", head + "Connection: close\r\n\r\n<html></html>", list, false, "html"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		var served sync.WaitGroup
		served.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				b := make([]byte, 64<<10)
				_, _ = c.Read(b)
				_, _ = io.WriteString(c, q.answer)
				_ = c.Close()
			}
		})
		c := newClient(t, wire.Options{EndpointURL: "http://" + l.Addr().String(), AccessKeyID: keyID, SecretAccessKey: secret})
		err = q.ask(c)
		if err == nil || !strings.Contains(err.Error(), q.says) || wire.Retryable(err) != q.retry {
			t.Errorf("%s: retryable %v, %v", q.what, wire.Retryable(err), err)
		}
		must(t, l.Close())
		served.Wait()
	}
}

// When a call has returned, nobody reads its body: the buffer below is used
// again. The race detector sees who does.
func TestBodyIsLeftAlone(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") { // holds the body up, and never answers
			_, _ = io.ReadFull(r.Body, make([]byte, 10))
			<-release
			return
		}
		w.WriteHeader(http.StatusForbidden) // and does not read
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	c := newClient(t, wire.Options{EndpointURL: s.URL, AccessKeyID: keyID, SecretAccessKey: secret})
	for _, size := range []int{100, 8 << 20} {
		buf := make([]byte, size)
		for range 5 {
			if err := putBody(c, t.Context(), bytes.NewReader(buf)); wire.Code(err) != "Forbidden" && !wire.Retryable(err) {
				t.Errorf("%v", err)
			}
			scribble(buf)
		}
		ctx, cancel := context.WithCancel(t.Context())
		body := &memoryBody{Reader: bytes.NewReader(buf), b: buf, began: cancel}
		_, err := c.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: aws.String("b"), Key: aws.String("k"), UploadId: aws.String("u"), PartNumber: aws.Int32(1),
			Body: body, ContentLength: aws.Int64(int64(size)), ChecksumCRC64NVME: aws.String(aSum),
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		scribble(buf)
	}
}

// scribble writes to all pages of b.
func scribble(b []byte) {
	for i := 0; i < len(b); i += 512 {
		b[i]++
	}
}

// memoryBody is a body that the client may send as it lies in memory.
type memoryBody struct {
	*bytes.Reader
	b     []byte
	began func()
}

func (m *memoryBody) Read(p []byte) (int, error) {
	m.began()
	return m.Reader.Read(p)
}

func (m *memoryBody) Bytes() []byte {
	m.began()
	return m.b[len(m.b)-m.Len():]
}

// Bodies of all sizes around those of the buffers arrive as they are, from
// memory and from a reader, and again after a first try that failed.
func TestBodySizes(t *testing.T) {
	var fail atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if fail.CompareAndSwap(true, false) {
			w.Header().Set("X-Amz-Bucket-Region", "r-"+strings.Trim(r.URL.Path, "b/k"))
			w.WriteHeader(http.StatusMovedPermanently)
		}
	}).plain()
	c := newClient(t, f.options())
	for i, size := range []int{0, 1, 4 << 10, 14<<10 - 1, 14 << 10, 14<<10 + 1, 16 << 10, 64 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 7} {
		buf := make([]byte, size)
		for j := range buf {
			buf[j] = byte(j * 7)
		}
		for j, body := range []io.Reader{
			bytes.NewReader(buf), &memoryBody{bytes.NewReader(buf), buf, func() {}},
			struct{ io.ReadSeeker }{bytes.NewReader(buf)}, // not known to be in memory
		} {
			fail.Store(true)
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String(fmt.Sprintf("b%d-%d", i, j)), Key: aws.String("k"), Body: body, ChecksumCRC64NVME: aws.String(aSum),
			})
			must(t, err)
			f.mu.Lock()
			if got := f.bodies[len(f.bodies)-1]; got != string(buf) {
				t.Errorf("%d bytes, body %d: %d arrived", size, j, len(got))
			}
			f.mu.Unlock()
		}
	}
	// One that breaks, and one that is shorter than it was said to be.
	broken := struct{ io.ReadSeeker }{brokenSeeker{}}
	for _, size := range []int64{100, 1 << 20} {
		for what, body := range map[string]io.Reader{"breaks": broken, "short": strings.NewReader("short")} {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"), Body: body, ContentLength: aws.Int64(size), ChecksumCRC64NVME: aws.String(aSum),
			})
			if err == nil {
				t.Errorf("%s, %d bytes: it was taken", what, size)
			}
		}
	}
}

type brokenSeeker struct{}

func (brokenSeeker) Read([]byte) (int, error)       { return 0, iotest.ErrTimeout }
func (brokenSeeker) Seek(int64, int) (int64, error) { return 0, nil }

// The payload policy: unsigned where a checksum goes along, signed where that is
// asked for; what is to be deleted always is.
func TestPayloadPolicy(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, "<DeleteResult/>")
		}
	}).plain()
	var notices []string
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(f.URL, "http://"))
	}
	for _, q := range []struct {
		endpoint string
		sign     bool
		notices  int
	}{{f.URL, false, 0}, {f.URL, true, 0}, {"http://store.example", false, 1}, {"http://store.example", true, 0}} {
		notices = nil
		c := newClient(t, wire.Options{
			EndpointURL: q.endpoint, AccessKeyID: keyID, SecretAccessKey: secret, Region: "us-east-1", Dial: dial, SignPayload: q.sign,
			Notice: func(msg string) { notices = append(notices, msg) },
		})
		before := len(f.requests())
		for range 2 {
			must(t, putBody(c, t.Context(), strings.NewReader("x")))
		}
		_, err := c.DeleteObjects(t.Context(), "b", []wire.ObjectID{{Key: "k"}})
		must(t, err)
		const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
		want := "UNSIGNED-PAYLOAD"
		if q.sign {
			want = sumOfX
		}
		for i, r := range f.requests()[before:] {
			got := r.Header.Get("X-Amz-Content-Sha256")
			if i < 2 && got != want || i == 2 && len(got) != 64 {
				t.Errorf("%+v: %s has %q", q, r.Method, got)
			}
		}
		if len(notices) != q.notices || q.notices > 0 && !strings.Contains(notices[0], "store.example") {
			t.Errorf("%+v: %q", q, notices)
		}
	}
}

// A store that asks to be left alone is.
func TestRetryAfter(t *testing.T) {
	var n atomic.Int64
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)) // long ago: at once
			says(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code></Error>")(w, r)
		}
	}).plain()
	c := wire.Attempts(newClient(t, f.options()), freeGate{}, wire.Policy{Base: 1, Cap: 1})
	must(t, putBody(c, t.Context(), strings.NewReader("x")))
	if n.Load() != 2 {
		t.Errorf("%d requests", n.Load())
	}
	// One that asks for a minute has it: the call ends with its context, not
	// with the attempts that the policy would have made by then.
	n.Store(0)
	patient := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.Header().Set("Retry-After", "3600")
		says(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code></Error>")(w, r)
	}).plain()
	ctx, cancel := context.WithCancel(t.Context())
	c = wire.Attempts(newClient(t, patient.options()), freeGate{}, wire.Policy{Base: 1, Cap: 1, OnRetry: func(string, error) { cancel() }})
	if err := putBody(c, ctx, strings.NewReader("x")); wire.Code(err) != "SlowDown" || n.Load() != 1 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

type freeGate struct{}

func (freeGate) Acquire(context.Context, pool.Ask) (wire.Slot, error) { return freeGate{}, nil }
func (freeGate) Release(pool.Outcome)                                 {}

// A bucket whose name can be that of a host is reached by it, where that is wanted.
func TestAddressingStyle(t *testing.T) {
	f := newFake(t, nil).plain()
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(f.URL, "http://"))
	}
	for style, want := range map[string]string{"": "store.example/buc/k", "auto": "store.example/buc/k", "path": "store.example/buc/k", "virtual": "buc.store.example/k"} {
		c := newClient(t, wire.Options{
			EndpointURL: "http://store.example", AccessKeyID: keyID, SecretAccessKey: secret, Region: "us-east-1", Dial: dial, AddressingStyle: style,
		})
		before := len(f.requests())
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("buc"), Key: aws.String("k"), Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum),
		})
		must(t, err)
		if r := f.requests()[before]; r.Host+r.URL.Path != want {
			t.Errorf("%q: %s%s, want %s", style, r.Host, r.URL.Path, want)
		}
	}
	var usage *wire.UsageError
	if _, err := wire.New(t.Context(), wire.Options{EndpointURL: f.URL, AccessKeyID: keyID, SecretAccessKey: secret, AddressingStyle: "house"}); !errors.As(err, &usage) {
		t.Errorf("an unknown style: %v", err)
	}
}
