package difftest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	bucketpkg "github.com/s3haul/s3haul/walker/bucket"
)

// answers is a store that says what it is told to, and keeps nothing.
type answers struct {
	*httptest.Server

	mu   sync.Mutex
	next http.HandlerFunc
}

func newAnswers(t testing.TB) *answers {
	t.Helper()
	a := &answers{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		a.mu.Lock()
		next := a.next
		a.mu.Unlock()
		next(w, r)
	}))
	t.Cleanup(a.Close)
	a.say(reply(http.StatusOK, nil, ""))
	return a
}

// say sets what all requests are answered with.
func (a *answers) say(h http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = h
}

// answering is a store of answers; each call is another.
func answering(t testing.TB) store {
	t.Helper()
	a := newAnswers(t)
	return store{
		answers: a, kind: "answers", addr: a.Listener.Addr().String(), id: "AKIDEXAMPLE", secret: "secret", region: "us-east-1",
		bucket: func(testing.TB, bucketKind) string { return "bucket" },
	}
}

// reply is an ordinary answer, with ids.
func reply(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("X-Amz-Request-Id", "4Z9KREQUEST")
		h.Set("X-Amz-Id-2", "the/host+id=")
		for name, value := range header {
			if value == "-" {
				h.Del(name)
			} else {
				h[http.CanonicalHeaderKey(name)] = strings.Split(value, "\x1e")
			}
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw answers with bytes, and ends the connection.
func raw(answer string, reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, answer)
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// operations are all that a client can be asked for, in their plainest form.
func operations() map[string]func(context.Context, wire.Client) (any, error) {
	b, k := aws.String("bucket"), aws.String("k")
	return map[string]func(context.Context, wire.Client) (any, error){
		"PutObject": func(ctx context.Context, c wire.Client) (any, error) {
			return c.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader(text), ChecksumCRC64NVME: aws.String(crc64(text))})
		},
		"UploadPart": func(ctx context.Context, c wire.Client) (any, error) {
			return c.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: b, Key: k, UploadId: aws.String("u"), PartNumber: aws.Int32(1), Body: strings.NewReader(text), ChecksumCRC64NVME: aws.String(crc64(text)),
			})
		},
		"GetObject": func(ctx context.Context, c wire.Client) (any, error) {
			return c.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: k})
		},
		"HeadObject": func(ctx context.Context, c wire.Client) (any, error) {
			return c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b, Key: k})
		},
		"ListObjects": func(ctx context.Context, c wire.Client) (any, error) {
			var p bucketpkg.Page
			if err := c.ListObjects(ctx, bucketpkg.ListRequest{Bucket: *b, Prefix: "p"}, &p); err != nil {
				return nil, err // what a page holds after an error is nobody's business
			}
			return p, nil
		},
		"ListVersions": func(ctx context.Context, c wire.Client) (any, error) {
			var p bucketpkg.Page
			err := c.ListVersions(ctx, bucketpkg.VersionsRequest{Bucket: *b, Prefix: "p"}, &p)
			if err != nil {
				return nil, err
			}
			slices.SortStableFunc(p.Entries, func(a, b walker.Entry) int { return cmp.Compare(a.Key, b.Key) }) // as in listVersions
			return p, nil
		},
		"CopyObject": func(ctx context.Context, c wire.Client) (any, error) {
			return c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: b, Key: aws.String("copy"), CopySource: aws.String("bucket/k"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
		},
		"DeleteObjects": func(ctx context.Context, c wire.Client) (any, error) {
			return c.DeleteObjects(ctx, *b, []wire.ObjectID{{Key: "k"}, {Key: "l", VersionID: "v"}}, wire.DeleteOptions{})
		},
		"DeleteObject": func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.DeleteObject(ctx, *b, wire.ObjectID{Key: "k"}, wire.DeleteOptions{})
		},
		"CreateMultipartUpload": func(ctx context.Context, c wire.Client) (any, error) {
			return c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: b, Key: k})
		},
		"CompleteMultipartUpload": func(ctx context.Context, c wire.Client) (any, error) {
			return c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: b, Key: k, UploadId: aws.String("u"), MultipartUpload: &types.CompletedMultipartUpload{}})
		},
		"AbortMultipartUpload": func(ctx context.Context, c wire.Client) (any, error) {
			return c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: b, Key: k, UploadId: aws.String("u")})
		},
		"ListParts": func(ctx context.Context, c wire.Client) (any, error) {
			return c.ListParts(ctx, &s3.ListPartsInput{Bucket: b, Key: k, UploadId: aws.String("u")})
		},
		"HeadBucket": func(ctx context.Context, c wire.Client) (any, error) { return nil, c.HeadBucket(ctx, *b) },
		"CreateBucket": func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.CreateBucket(ctx, *b, wire.CreateOptions{})
		},
		"DeleteBucket": func(ctx context.Context, c wire.Client) (any, error) { return nil, c.DeleteBucket(ctx, *b) },
		"ListBuckets": func(ctx context.Context, c wire.Client) (any, error) {
			return c.ListBuckets(ctx, wire.BucketsRequest{})
		},
	}
}

// outputs are the operations whose answers are in headers, with what they give.
func outputs() map[string]reflect.Type {
	return map[string]reflect.Type{
		"PutObject": reflect.TypeFor[s3.PutObjectOutput](), "UploadPart": reflect.TypeFor[s3.UploadPartOutput](),
		"GetObject": reflect.TypeFor[s3.GetObjectOutput](), "HeadObject": reflect.TypeFor[s3.HeadObjectOutput](),
	}
}

// headers are all that S3 may answer with.
func headers() map[string]string {
	return map[string]string{
		"Accept-Ranges": "bytes", "X-Amz-Archive-Status": "ARCHIVE_ACCESS", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
		"Cache-Control": "no-store", "X-Amz-Checksum-Crc32": crc32Of(text), "X-Amz-Checksum-Crc32c": crc32cOf(text), "X-Amz-Checksum-Crc64nvme": crc64(text),
		"X-Amz-Checksum-Md5": md5Of(text), "X-Amz-Checksum-Sha1": sha1Of(text), "X-Amz-Checksum-Sha256": sha256Of(text), "X-Amz-Checksum-Sha512": sha512Of(text),
		"X-Amz-Checksum-Type": "FULL_OBJECT", "X-Amz-Checksum-Xxhash128": "AAAAAAAAAAAAAAAAAAAAAA==", "X-Amz-Checksum-Xxhash3": "AAAAAAAAAAA=", "X-Amz-Checksum-Xxhash64": "AAAAAAAAAAA=",
		"Content-Disposition": "inline", "Content-Encoding": "zz", "Content-Language": "de", "Content-Range": "bytes 0-20/21", "Content-Type": "text/x",
		"X-Amz-Delete-Marker": "false", "Etag": `"0123456789abcdef0123456789abcdef"`, "X-Amz-Expiration": `expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="r"`,
		"Expires": "Wed, 01 Jan 2031 03:04:05 GMT", "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT", "X-Amz-Meta-A": "b", "X-Amz-Meta-Second-One": "two  spaces", "X-Amz-Missing-Meta": "3",
		"X-Amz-Object-Lock-Event-Hold": "ON", "X-Amz-Object-Lock-Event-Hold-Duration-Days": "4", "X-Amz-Object-Lock-Event-Hold-Duration-Years": "1",
		"X-Amz-Object-Lock-Legal-Hold": "ON", "X-Amz-Object-Lock-Mode": "GOVERNANCE", "X-Amz-Object-Lock-Retain-Until-Date": "2031-01-02T03:04:05.000Z", "X-Amz-Mp-Parts-Count": "2",
		"X-Amz-Replication-Status": "COMPLETED", "X-Amz-Request-Charged": "requester", "X-Amz-Restore": `ongoing-request="false"`,
		"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256", "X-Amz-Server-Side-Encryption-Customer-Key-Md5": md5Of(sseKey), "X-Amz-Server-Side-Encryption-Context": "e30=",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "key", "X-Amz-Server-Side-Encryption": "aws:kms", "X-Amz-Object-Size": "21", "X-Amz-Storage-Class": "GLACIER", "X-Amz-Tagging-Count": "2",
		"X-Amz-Version-Id": "ver/s+ion=", "X-Amz-Website-Redirect-Location": "/else", "X-Amz-Unheard-Of": "1",
	}
}

// answersDiffer puts every answer before both clients.
func answersDiffer(t *testing.T, w *world) {
	all := operations()
	// The SDK's own reader of XML knows neither CDATA nor comments inside of a
	// value: there the fast path may succeed alone.
	var garbled, breaks bool
	ask := func(name, op string, h http.HandlerFunc) {
		w.same(t, call{name: op + ", " + name, do: all[op], ours: true, garbled: garbled, recovers: slices.Contains([]string{"cdata", "comment"}, name), before: func(context.Context, *s3.Client) error {
			w.answers.say(h)
			if breaks { // a connection that the last answer has ended may look idle still
				w.sdk.CloseIdle()
				w.fast.CloseIdle()
			}
			return nil
		}})
	}
	ops := slices.Sorted(maps.Keys(all))
	if w.tls || w.virtual { // what both send through the SDK is compared in one world
		ops = slices.DeleteFunc(ops, func(op string) bool { return faultyOperations()[op] == "" })
	}
	every := func(name string, h http.HandlerFunc) {
		for _, op := range ops {
			ask(name, op, h)
		}
	}
	t.Run("headers", func(t *testing.T) { answeredHeaders(t, w, ask) })
	t.Run("errors", func(t *testing.T) {
		for name, h := range errorAnswers() {
			every(name, h)
		}
		garbled = true
		for name, h := range garbledAnswers() {
			every(name, h)
		}
		garbled = false
	})
	t.Run("broken", func(t *testing.T) {
		garbled, breaks = true, true
		for name, h := range brokenAnswers() {
			every(name, h)
		}
		garbled, breaks = false, false
	})
	t.Run("lists", func(t *testing.T) {
		garbled = true // where either refuses it; where both take it, they must agree
		for name, body := range listAnswers() {
			ask(name, "ListObjects", reply(http.StatusOK, nil, "<ListBucketResult><Name>b</Name>"+body+"</ListBucketResult>"))
			ask(name, "ListVersions", reply(http.StatusOK, nil, "<ListVersionsResult><Name>b</Name>"+body+"</ListVersionsResult>"))
			if len(body) > 32<<10 {
				// Where a long answer comes before net/http is done with the body
				// of the request, the SDK closes that body and so breaks the
				// connection, with any transport.
				continue
			}
			ask(name, "DeleteObjects", reply(http.StatusOK, nil, "<DeleteResult>"+body+"</DeleteResult>"))
		}
	})
}

// answeredHeaders gives each header alone, all of them, and values that they
// should not have.
func answeredHeaders(t *testing.T, w *world, ask func(name, op string, h http.HandlerFunc)) {
	table := headers()
	for op, output := range outputs() {
		w.answers.say(reply(http.StatusOK, table, text))
		out, err := operations()[op](t.Context(), w.sdk.Client)
		must(t, err)
		v := reflect.ValueOf(out).Elem()
		for i := range output.NumField() {
			if f := output.Field(i); f.IsExported() && f.Name != "ResultMetadata" && v.Field(i).IsZero() {
				t.Errorf("%s has a field %s, and no header of the table sets it", output, f.Name)
			}
		}
		if got, ok := out.(*s3.GetObjectOutput); ok {
			got.Body.Close()
		}
		ask("all headers", op, reply(http.StatusOK, table, text))
		ask("all headers, none of them ours", op, reply(http.StatusOK, map[string]string{"X-Amz-Request-Id": "-", "X-Amz-Id-2": "-"}, text))
		ask("other case", op, reply(http.StatusOK, map[string]string{"x-amz-meta-UPPER-case": "Value"}, text))
		for name, value := range table {
			for _, v := range []string{
				value, "", " padded ", "x", "0", "-1", "1.5", "99999999999999999999", "TRUE", "True", "t", "false", "yes", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123+05:00", "Fri, 02 Jan 2026 03:04:05.5 GMT",
				"Friday, 02-Jan-26 03:04:05 GMT", "Fri, 2 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 +0000", "1767323045", "\u00fcn\u00ef", "\xfc", "first\x1esecond", `"quo"ted"`, "a,b", "=?UTF-8?B?w7w=?=",
			} {
				ask(fmt.Sprintf("%s: %q", name, v), op, reply(http.StatusOK, map[string]string{name: v}, text))
			}
		}
		for _, status := range []int{201, 202, 203, 204, 205, 206, 299} {
			body := text
			if status == 204 {
				body = ""
			}
			ask(fmt.Sprint("status ", status), op, reply(status, table, body))
		}
		ask("no body", op, reply(http.StatusOK, table, ""))
	}
}
