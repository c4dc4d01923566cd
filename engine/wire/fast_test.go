package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
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
		{"PutObject at an offset", true, func() error {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: name, Key: key, Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum), WriteOffsetBytes: aws.Int64(1),
			})
			return err
		}},
		{"PutObject with a key of the customer's", false, func() error {
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
			_, err := c.DeleteObjects(t.Context(), "bucket", []wire.ObjectID{{Key: "k"}}, wire.DeleteOptions{})
			return err
		}},
		{"DeleteObject", true, func() error {
			return c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "k"}, wire.DeleteOptions{})
		}},
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
			_, err := c.DeleteObjects(t.Context(), "b", []wire.ObjectID{{Key: "k"}}, wire.DeleteOptions{})
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

func (brokenSeeker) Read([]byte) (int, error)       { return 0, iotest.ErrTimeout }
func (brokenSeeker) Seek(int64, int) (int64, error) { return 0, nil }

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
