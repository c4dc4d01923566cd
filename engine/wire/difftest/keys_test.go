package difftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
	bucketpkg "github.com/s3haul/s3haul/walker/bucket"
)

// oddKeys are keys that are easily mangled on their way.
func oddKeys() []string {
	keys := []string{
		" ", "a b", " lead", "trail ", "a+b", "a%b", "a%2Fb", "a%2fb", "%", "%%", "%41", "a%00b", "a%20b",
		"\u00e9", "e\u0301", "\u212b", "\u65e5\u672c\u8a9e", "\U0001F600", "\U0001F468\u200d\U0001F469", "\u200b", "\ufeffbom", "\u202ertl", "\ufffd",
		"a//b", "a///b", "/lead", "//lead", "/", "//", "trail/", "trail//", "./a", "../a", "a/./b", "a/../b", "a/..", "..", ".", "a/b/../../c",
		"~", "a~b", "'", `"`, "`", "&", "<", ">", "&amp;", "<a>&</a>", "?", "a?b", "a?b=c&d", "#", "a#b", `\`, `a\b`, "|", "^", "{}", "[]",
		"\x01", "a\nb", "a\rb", "a\tb", "a\r\nb", "\x7f", "a\x1fb", "\u0085", "\u2028", "\ufffe", "\uffff",
		"$", "@", ":", "a:b", "=", ";", ",", "*", "(", ")", "!", "-", "_", ".a", "a.", "AZaz09-_.~!*'()",
		"versionId", "?versionId=x", "a&versionId=y", "key=value", "%3Fuploads", "bucket.localhost", "https://localhost/a", "a%C3%A9", "a+%2B+b",
	}
	return append(keys,
		strings.Repeat("k", 1024), strings.Repeat("\u00e9", 512), strings.Repeat(" ", 1024),
		strings.TrimSuffix(strings.Repeat("0123456789abcde/", 64), "/")+"f",
		strings.Repeat("k", 1025))
}

func put(bucket, key, content string) func(context.Context, *s3.Client) error {
	return func(ctx context.Context, c *s3.Client) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)})
		return err
	}
}

// perhaps lets a store refuse what the test needs: then both clients meet the
// same refusal.
func perhaps(f func(context.Context, *s3.Client) error) func(context.Context, *s3.Client) error {
	return func(ctx context.Context, c *s3.Client) error {
		if err := f(ctx, c); err != nil && wire.Code(err) == "" {
			return err
		}
		return nil
	}
}

func remove(bucket, key string) func(context.Context, *s3.Client) error {
	return func(ctx context.Context, c *s3.Client) error {
		_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
		return err
	}
}

// stored is all that the store says of an object.
func stored(bucket, key string) func(context.Context, *s3.Client) (any, error) {
	return func(ctx context.Context, c *s3.Client) (any, error) {
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// exists is what a HEAD says, with its error.
func exists(bucket, key string) func(context.Context, *s3.Client) (any, error) {
	return func(ctx context.Context, c *s3.Client) (any, error) {
		out, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// keys sends every odd key through every operation.
func keys(t *testing.T, w *world) {
	bucket := w.bucket(t, plain)
	odd := oddKeys()
	if w.kind != "gateway" { // its files have no such names
		odd = append(odd, "\xff", "a\xc3", "\xed\xa0\x80", "\x00")
	}
	for _, key := range odd {
		label := func(op string) string { return fmt.Sprintf("%s %s", op, shorten([]byte(fmt.Sprintf("%q", key)))) }
		w.same(t, call{
			name: label("PutObject"), garbled: !s3xml.CanCarry(key), before: perhaps(remove(bucket, key)), after: stored(bucket, key),
			do: func(ctx context.Context, c wire.Client) (any, error) {
				return c.PutObject(ctx, &s3.PutObjectInput{
					Bucket: &bucket, Key: &key, Body: strings.NewReader("content of it"), ChecksumCRC64NVME: aws.String(crc64("content of it")),
				})
			},
		})
		w.same(t, call{name: label("GetObject"), garbled: !s3xml.CanCarry(key), do: func(ctx context.Context, c wire.Client) (any, error) {
			return c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		}})
		w.same(t, call{name: label("HeadObject"), do: func(ctx context.Context, c wire.Client) (any, error) {
			return c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		}})
		w.same(t, call{
			name: label("UploadPart"), garbled: !s3xml.CanCarry(key), do: func(ctx context.Context, c wire.Client) (any, error) {
				return c.UploadPart(ctx, &s3.UploadPartInput{
					Bucket: &bucket, Key: &key, UploadId: aws.String("absent"), PartNumber: aws.Int32(1),
					Body: strings.NewReader("part"), ChecksumCRC64NVME: aws.String(crc64("part")),
				})
			},
		})
		w.same(t, call{name: label("CreateMultipartUpload"), anew: []string{"UploadId"}, do: func(ctx context.Context, c wire.Client) (any, error) {
			out, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
			if err != nil {
				return nil, err
			}
			_, err = w.plain.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: out.UploadId})
			return out, err
		}})
		if !s3xml.CanCarry(key) { // the SDK sends it, and deletes something else or nothing
			w.fast.front.take()
			_, err := w.fast.DeleteObjects(t.Context(), bucket, []wire.ObjectID{{Key: key}}, wire.DeleteOptions{})
			if asked := w.fast.front.take(); err == nil || len(asked) != 0 {
				t.Errorf("%s: %v, %d requests", label("DeleteObjects"), err, len(asked))
			}
			w.tally.cases.Add(1)
			w.same(t, deletion(bucket, key, label("DeleteObject")))
			continue
		}
		w.same(t, call{
			name: label("DeleteObjects"), before: perhaps(put(bucket, key, "x")), after: exists(bucket, key),
			do: func(ctx context.Context, c wire.Client) (any, error) {
				return c.DeleteObjects(ctx, bucket, []wire.ObjectID{{Key: key}}, wire.DeleteOptions{})
			},
		})
		w.same(t, deletion(bucket, key, label("DeleteObject")))
		for _, op := range []string{"GetObject", "HeadObject"} {
			w.same(t, call{name: label(op + " of what is not there,"), before: perhaps(remove(bucket, key)), do: func(ctx context.Context, c wire.Client) (any, error) {
				if op == "GetObject" {
					return c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
				}
				return c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
			}})
		}
	}
}

func deletion(bucket, key, name string) call {
	return call{
		name: name, before: perhaps(put(bucket, key, "x")), after: exists(bucket, key),
		do: func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.DeleteObject(ctx, bucket, wire.ObjectID{Key: key}, wire.DeleteOptions{})
		},
	}
}

// refusals are requests that no store gets to see, or should not.
func refusals(t *testing.T, w *world) {
	bucket := w.bucket(t, plain)
	for _, q := range []struct{ what, bucket, key *string }{
		{aws.String("no bucket"), nil, aws.String("k")},
		{aws.String("no key"), &bucket, nil},
		{aws.String("an empty bucket"), aws.String(""), aws.String("k")},
		{aws.String("an empty key"), &bucket, aws.String("")},
		{aws.String("a bucket that is not there"), aws.String("s3haul-test-absent"), aws.String("k")},
		{aws.String("a bucket with a slash"), aws.String("a/b"), aws.String("k")},
		{aws.String("a bucket in capitals"), aws.String("UPPER_case"), aws.String("k")},
		{aws.String("a bucket with dots"), aws.String("dots.are.here"), aws.String("k")},
		{aws.String("a bucket of two letters"), aws.String("ab"), aws.String("k")},
		{aws.String("a bucket with spaces"), aws.String("with space"), aws.String("k")},
		{aws.String("a broken ARN"), aws.String("arn:aws:s3"), aws.String("k")},
		{aws.String("an access point"), aws.String("arn:aws:s3:us-east-1:123456789012:accesspoint/mine"), aws.String("k")},
		{aws.String("an access point elsewhere"), aws.String("arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"), aws.String("k")},
		{aws.String("a multi-region access point"), aws.String("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap"), aws.String("k")},
		{aws.String("an object lambda"), aws.String("arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/mine"), aws.String("k")},
		{aws.String("an outpost"), aws.String("arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-01234567890123456/accesspoint/mine"), aws.String("k")},
	} {
		calls := map[string]func(context.Context, wire.Client) (any, error){
			"PutObject": func(ctx context.Context, c wire.Client) (any, error) {
				return c.PutObject(ctx, &s3.PutObjectInput{
					Bucket: q.bucket, Key: q.key, Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(crc64("x")),
				})
			},
			"GetObject": func(ctx context.Context, c wire.Client) (any, error) {
				return c.GetObject(ctx, &s3.GetObjectInput{Bucket: q.bucket, Key: q.key})
			},
			"HeadObject": func(ctx context.Context, c wire.Client) (any, error) {
				return c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: q.bucket, Key: q.key})
			},
			"UploadPart": func(ctx context.Context, c wire.Client) (any, error) {
				return c.UploadPart(ctx, &s3.UploadPartInput{
					Bucket: q.bucket, Key: q.key, UploadId: aws.String("u"), PartNumber: aws.Int32(1), Body: strings.NewReader("x"),
					ChecksumCRC64NVME: aws.String(crc64("x")),
				})
			},
		}
		if q.bucket != nil && q.key != nil {
			b, k := *q.bucket, *q.key
			calls["ListObjects"] = listObjects(bucketpkg.ListRequest{Bucket: b})
			calls["ListVersions"] = listVersions(bucketpkg.VersionsRequest{Bucket: b})
			calls["DeleteObjects"] = func(ctx context.Context, c wire.Client) (any, error) {
				return c.DeleteObjects(ctx, b, []wire.ObjectID{{Key: k}}, wire.DeleteOptions{})
			}
			calls["DeleteObject"] = func(ctx context.Context, c wire.Client) (any, error) {
				return nil, c.DeleteObject(ctx, b, wire.ObjectID{Key: k}, wire.DeleteOptions{})
			}
			calls["HeadBucket"] = func(ctx context.Context, c wire.Client) (any, error) { return nil, c.HeadBucket(ctx, b) }
		}
		for op, do := range calls {
			w.same(t, call{name: op + ", " + *q.what, do: do})
		}
	}
	w.same(t, call{name: "UploadPart without an upload", do: func(ctx context.Context, c wire.Client) (any, error) {
		return c.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: aws.String("k"), PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	}})
	w.same(t, call{name: "UploadPart without a number", do: func(ctx context.Context, c wire.Client) (any, error) {
		return c.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: aws.String("k"), UploadId: aws.String("u"), Body: strings.NewReader("x")})
	}})
	w.same(t, call{name: "a context that has ended", do: func(ctx context.Context, c wire.Client) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")})
	}})
	w.same(t, call{name: "a body that breaks", do: func(ctx context.Context, c wire.Client) (any, error) {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("k"), ContentLength: aws.Int64(100), ChecksumCRC64NVME: aws.String(crc64("x")),
			Body: &brokenBody{Reader: strings.NewReader("some of it")},
		})
		if !errors.Is(err, errBody) {
			return nil, fmt.Errorf("the body's own error is not in the chain of %w", err)
		}
		return nil, nil //nolint:nilnil // how much of it was sent does not matter
	}, partial: true})
}

var errBody = errors.New("the disk is gone")

// brokenBody ends with an error.
type brokenBody struct{ *strings.Reader }

func (b *brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errBody
	}
	return n, err
}
