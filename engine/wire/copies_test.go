package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// content is what an object has; its ETag comes back as well.
func content(t *testing.T, on setting, key string) (string, *s3.GetObjectOutput) {
	t.Helper()
	out, err := on.plain.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &on.bucket, Key: &key})
	must(t, err)
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	must(t, err)
	return string(b), out
}

// Every key can be the source of a copy, and what its object is goes along.
func TestCopyObject(t *testing.T) {
	onStores(t, false, func(t *testing.T, on setting) {
		for i, key := range []string{"plain", "dir/a b+c%20&<\u00e4>#?x=1", "a//b", "%2F", "\u00e9 e\u0301 \U0001F600", "tab\tquote'\"", "~-._()*!$,;:@="} {
			_, err := on.plain.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &on.bucket, Key: &key, Body: strings.NewReader("content of " + key),
				Metadata: map[string]string{"m": "1"}, ContentType: aws.String("text/x"), Tagging: aws.String("t=a%20b"),
			})
			must(t, err)
			_, src := content(t, on, key)
			to := fmt.Sprint("copy ", i)
			out, err := on.CopyObject(t.Context(), &s3.CopyObjectInput{
				Bucket: &on.bucket, Key: &to, CopySource: aws.String(wire.CopySource(on.bucket, key)), CopySourceIfMatch: src.ETag,
			})
			if err != nil {
				t.Errorf("%q: %v", key, err)
				continue
			}
			got, dst := content(t, on, to)
			if got != "content of "+key || dst.Metadata["m"] != "1" || aws.ToString(dst.ContentType) != "text/x" || aws.ToString(dst.ETag) != aws.ToString(src.ETag) {
				t.Errorf("%q: %q of %s %v %s", key, got, aws.ToString(dst.ContentType), dst.Metadata, aws.ToString(dst.ETag))
			}
			if r := out.CopyObjectResult; r == nil || aws.ToString(r.ETag) != aws.ToString(src.ETag) {
				t.Errorf("%q: the answer is %+v", key, r)
			}
			tags, err := on.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &on.bucket, Key: &to})
			if err != nil || len(tags.TagSet) != 1 || aws.ToString(tags.TagSet[0].Key)+aws.ToString(tags.TagSet[0].Value) != "ta b" {
				t.Errorf("%q: tags %+v, %v", key, tags, err)
			}
		}
		for name, q := range map[string]struct {
			change func(*s3.CopyObjectInput)
			codes  string
		}{
			"another source": {func(in *s3.CopyObjectInput) { in.CopySourceIfMatch = aws.String(`"0123456789abcdef0123456789abcdef"`) }, "PreconditionFailed"},
			"it is there":    {func(in *s3.CopyObjectInput) { in.IfNoneMatch = aws.String("*") }, "PreconditionFailed"},
			"no such source": {func(in *s3.CopyObjectInput) { in.CopySource = aws.String(wire.CopySource(on.bucket, "absent")) }, "NoSuchKey"},
			"no such bucket": {func(in *s3.CopyObjectInput) { in.Bucket = aws.String(on.bucket + "-absent") }, "NoSuchBucket"},
			"no source bucket": {func(in *s3.CopyObjectInput) {
				in.CopySource = aws.String(wire.CopySource(on.bucket+"-absent", "plain"))
			}, "NoSuchBucket"},
		} {
			in := &s3.CopyObjectInput{Bucket: &on.bucket, Key: aws.String("copy 0"), CopySource: aws.String(wire.CopySource(on.bucket, "plain"))}
			q.change(in)
			_, err := on.CopyObject(t.Context(), in)
			if name == "it is there" && err == nil && !on.sim {
				continue // versitygw 1.8.0 does not look at it
			}
			if wire.Code(err) != q.codes || wire.Retryable(err) {
				t.Errorf("%s: %v, want %s", name, err, q.codes)
			}
		}
	})
}

// A copy in parts, and what the store says of it.
func TestUploadPartCopy(t *testing.T) {
	onStores(t, false, func(t *testing.T, on setting) {
		var made bytes.Buffer // what s3sim has of objects that are too large to be kept
		_, err := s3sim.Content(0).WriteRange(&made, 0, 6<<20)
		must(t, err)
		body := made.Bytes()
		_, err = on.plain.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &on.bucket, Key: aws.String("a b"), Body: bytes.NewReader(body), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		must(t, err)
		_, src := content(t, on, "a b")
		create := &s3.CreateMultipartUploadInput{Bucket: &on.bucket, Key: aws.String("k")}
		if on.sim { // asked for it, versitygw 1.8.0 takes the sum of the source for that of each part
			create.ChecksumAlgorithm, create.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
		}
		up, err := on.CreateMultipartUpload(t.Context(), create)
		must(t, err)
		in := s3.UploadPartCopyInput{
			Bucket: &on.bucket, Key: aws.String("k"), UploadId: up.UploadId, CopySource: aws.String(wire.CopySource(on.bucket, "a b")), CopySourceIfMatch: src.ETag,
		}
		var done []types.CompletedPart
		for i, extent := range []string{"bytes=0-5242879", "bytes=5242880-6291455"} {
			in := in
			in.PartNumber, in.CopySourceRange = aws.Int32(int32(i+1)), &extent
			out, err := on.UploadPartCopy(t.Context(), &in)
			must(t, err)
			done = append(done, types.CompletedPart{PartNumber: in.PartNumber, ETag: out.CopyPartResult.ETag, ChecksumCRC64NVME: out.CopyPartResult.ChecksumCRC64NVME})
		}
		in.PartNumber, in.CopySourceRange, in.CopySourceIfMatch = aws.Int32(1), aws.String("bytes=0-5242879"), aws.String(`"0123456789abcdef0123456789abcdef"`)
		if _, err := on.UploadPartCopy(t.Context(), &in); wire.Code(err) != "PreconditionFailed" {
			t.Errorf("another source: %v", err)
		}
		complete := &s3.CompleteMultipartUploadInput{
			Bucket: &on.bucket, Key: aws.String("k"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}, MpuObjectSize: aws.Int64(int64(len(body))),
		}
		if on.sim {
			complete.ChecksumType, complete.ChecksumCRC64NVME = types.ChecksumTypeFullObject, aws.String(checksum.Of(body).String())
		}
		out, err := on.CompleteMultipartUpload(t.Context(), complete)
		must(t, err)
		if got, _ := content(t, on, "k"); got != string(body) {
			t.Errorf("%d bytes came out otherwise", len(got))
		}
		attrs, err := on.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &on.bucket, Key: aws.String("k"), ObjectAttributes: types.ObjectAttributes("").Values()})
		must(t, err)
		if strings.Trim(aws.ToString(attrs.ETag), `"`) != strings.Trim(aws.ToString(out.ETag), `"`) || aws.ToInt64(attrs.ObjectSize) != int64(len(body)) ||
			attrs.Checksum == nil || aws.ToString(attrs.Checksum.ChecksumCRC64NVME) != checksum.Of(body).String() {
			t.Errorf("the attributes are %s, %d bytes, %s; want %s", aws.ToString(attrs.ETag), aws.ToInt64(attrs.ObjectSize), aws.ToString(attrs.Checksum.ChecksumCRC64NVME), checksum.Of(body))
		}
		if _, err := on.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &on.bucket, Key: aws.String("absent"), ObjectAttributes: types.ObjectAttributes("").Values()}); !wire.NotFound(err) {
			t.Errorf("attributes of what is not there: %v", err)
		}
		if _, err := on.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &on.bucket, Key: aws.String("absent")}); !wire.NotFound(err) {
			t.Errorf("tags of what is not there: %v", err)
		}
	})
}

func TestCopySource(t *testing.T) {
	for _, q := range []struct{ bucket, key, want string }{
		{"b", "a/b c+d%\u00e9", "b/a/b%20c%2Bd%25%C3%A9"},
		{"b", "/lead//x", "b//lead//x"},
		{"arn:aws:s3:eu-west-1:1:accesspoint/p", "k?v", "arn:aws:s3:eu-west-1:1:accesspoint/p/object/k%3Fv"},
	} {
		if got := wire.CopySource(q.bucket, q.key); got != q.want {
			t.Errorf("%s, want %s", got, q.want)
		}
	}
}

// copies are the two operations in whose answers the store may say late that it
// has failed.
func copies(c wire.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"CopyObject": func(ctx context.Context) error {
			_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), CopySource: aws.String("b/s")})
			return err
		},
		"UploadPartCopy": func(ctx context.Context) error {
			_, err := c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
				Bucket: aws.String("b"), Key: aws.String("k"), CopySource: aws.String("b/s"), UploadId: aws.String("u"), PartNumber: aws.Int32(1),
			})
			return err
		},
	}
}

// S3 may begin to answer 200 before it has copied, and find out later that it
// cannot (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
func TestCopyFailsInSuccess(t *testing.T) {
	for _, code := range []string{"InternalError", "SlowDown", "AccessDenied", "NoSuchKey"} {
		for _, head := range []string{"", `<?xml version="1.0" encoding="UTF-8"?>` + "\n", "   \n\n  ", `<?xml version="1.0" encoding="UTF-8"?>` + "   \n  \n"} {
			f := newFake(t, says(http.StatusOK, "%s<Error><Code>%s</Code><Message>why</Message></Error>", head, code)).plain()
			either(t, func(t *testing.T, sdk bool) {
				for op, send := range copies(f.client(t, sdk)) {
					// The SDK makes a 500 of the 200, so that any of them is tried again.
					again := sdk || op == "UploadPartCopy" || code == "InternalError" || code == "SlowDown"
					if err := send(t.Context()); wire.Code(err) != code || wire.Retryable(err) != again || !strings.Contains(err.Error(), op) {
						t.Errorf("%s, %q and %s: %v, retryable %v", op, head, code, err, wire.Retryable(err))
					}
				}
			})
		}
	}
}

// A copy may take minutes: as long as the store sends something, if only blanks,
// nothing cuts it off; where it sends nothing, its connection is given up.
func TestCopiesThatTakeLong(t *testing.T) {
	const readTimeout = 500 * time.Millisecond
	var blanks atomic.Bool
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		flush := http.NewResponseController(w).Flush
		began := time.Now()
		tick := time.NewTicker(readTimeout / 10)
		defer tick.Stop()
		_ = flush()
		for time.Since(began) < 2*readTimeout || !blanks.Load() {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
			if blanks.Load() {
				_, _ = fmt.Fprint(w, " ")
				_ = flush()
			}
		}
		root := "CopyObjectResult"
		if r.URL.Query().Has("partNumber") {
			root = "CopyPartResult"
		}
		_, _ = fmt.Fprintf(w, "<%s><ETag>&quot;e&quot;</ETag></%s>", root, root)
	}).plain()
	for _, sent := range []bool{true, false} {
		blanks.Store(sent)
		either(t, func(t *testing.T, sdk bool) {
			o := f.options()
			o.SDK, o.ReadTimeout = sdk, readTimeout
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var both sync.WaitGroup
			for op, send := range copies(wire.Attempts(newClient(t, o), freeGate{}, wire.Policy{Attempts: 1, ReadTimeout: readTimeout})) {
				both.Go(func() {
					err := send(ctx)
					if sent && err != nil || !sent && (err == nil || !wire.Retryable(err)) || ctx.Err() != nil {
						t.Errorf("%s, blanks %v: %v", op, sent, err)
					}
				})
			}
			both.Wait()
		})
	}
}
