package wire_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

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
