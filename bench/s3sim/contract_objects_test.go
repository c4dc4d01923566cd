package s3sim_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// put stores a body, with what change adds.
func (x *try) put(key, body string, change ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	in := &s3.PutObjectInput{Bucket: x.bucket, Key: &key, Body: strings.NewReader(body)}
	for _, f := range change {
		f(in)
	}
	out, err := x.PutObject(x.ctx(), in)
	x.must(err, "put %q", key)
	return out
}

func (x *try) head(key string, change ...func(*s3.HeadObjectInput)) *s3.HeadObjectOutput {
	in := &s3.HeadObjectInput{Bucket: x.bucket, Key: &key}
	for _, f := range change {
		f(in)
	}
	out, err := x.HeadObject(x.ctx(), in)
	x.must(err, "head %q", key)
	return out
}

func (x *try) get(key string, change ...func(*s3.GetObjectInput)) (*s3.GetObjectOutput, string) {
	in := &s3.GetObjectInput{Bucket: x.bucket, Key: &key}
	for _, f := range change {
		f(in)
	}
	out, err := x.GetObject(x.ctx(), in)
	x.must(err, "get %q", key)
	body, err := io.ReadAll(out.Body)
	_ = out.Body.Close()
	x.must(err, "read %q", key)
	return out, string(body)
}

// getFails gets what there should be no answer to.
func (x *try) getFails(key string, change func(*s3.GetObjectInput), status int, codes ...string) {
	in := &s3.GetObjectInput{Bucket: x.bucket, Key: &key}
	if change != nil {
		change(in)
	}
	out, err := x.GetObject(x.ctx(), in)
	if err == nil {
		_ = out.Body.Close()
	}
	x.refused("get "+key, err, status, codes...)
}

// content is so much of what the simulator serves where it threw a body away.
func content(size int64) string {
	b := make([]byte, size)
	if _, err := s3sim.Content(0).ReadAt(b, 0); err != nil {
		panic(err)
	}
	return string(b)
}

func etag(body string) string {
	sum := md5.Sum([]byte(body))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func objectCases() []contractCase {
	return []contractCase{
		{name: "put, get, head", run: func(x *try) {
			for _, body := range []string{"", "hello", strings.Repeat("x", 60_000)} {
				out := x.put("k", body, func(in *s3.PutObjectInput) { in.ContentType = aws.String("text/x") })
				is(x, "ETag of put", text(out.ETag), etag(body))
				got, read := x.get("k")
				is(x, "body", read, body)
				is(x, "ETag of get", text(got.ETag), etag(body))
				is(x, "length of get", aws.ToInt64(got.ContentLength), int64(len(body)))
				is(x, "type of get", text(got.ContentType), "text/x")
				is(x, "Accept-Ranges", text(got.AcceptRanges), "bytes")
				x.check(recent(got.LastModified), "modified %v", got.LastModified)
				head := x.head("k")
				is(x, "ETag of head", text(head.ETag), etag(body))
				is(x, "length of head", aws.ToInt64(head.ContentLength), int64(len(body)))
				is(x, "type of head", text(head.ContentType), "text/x")
				x.check(head.LastModified != nil && head.LastModified.Equal(*got.LastModified), "modified %v and %v", head.LastModified, got.LastModified)
			}
		}},
		{name: "large bodies", run: func(x *try) {
			for _, size := range []int64{64 << 10, 64<<10 + 1, 3<<20 + 1} {
				body := content(size)
				x.put("k", body)
				got, read := x.get("k")
				x.check(read == body, "%d bytes came back otherwise", size)
				is(x, "length", aws.ToInt64(got.ContentLength), size)
				_, read = x.get("k", func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=65000-65999") })
				x.check(read == body[min(65000, len(body)):min(66000, len(body))], "a range of %d bytes came back otherwise", size)
			}
		}},
		{name: "nothing there", run: func(x *try) {
			x.getFails("k", nil, 404, "NoSuchKey")
			_, err := x.HeadObject(x.ctx(), &s3.HeadObjectInput{Bucket: x.bucket, Key: aws.String("k")})
			x.refused("head", err, 404, "NotFound")
			gone := aws.String("s3haul-test-there-is-none")
			_, err = x.PutObject(x.ctx(), &s3.PutObjectInput{Bucket: gone, Key: aws.String("k"), Body: strings.NewReader("x")})
			x.refused("put in no bucket", err, 404, "NoSuchBucket")
			_, err = x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: gone})
			x.refused("list no bucket", err, 404, "NoSuchBucket")
			_, err = x.HeadBucket(x.ctx(), &s3.HeadBucketInput{Bucket: gone})
			x.refused("head no bucket", err, 404, "NotFound")
		}},
		{name: "errors name their request", run: func(x *try) {
			_, err := x.HeadObject(x.ctx(), &s3.HeadObjectInput{Bucket: x.bucket, Key: aws.String("k")})
			x.check(strings.Contains(fmt.Sprint(err), "RequestID: ") && !strings.Contains(fmt.Sprint(err), "RequestID: ,"), "head: %v", err)
		}},
		{name: "overwrite and delete", run: func(x *try) {
			x.put("k", "1")
			x.put("k", "22")
			_, read := x.get("k")
			is(x, "body", read, "22")
			for range 2 { // the second finds nothing
				_, err := x.DeleteObject(x.ctx(), &s3.DeleteObjectInput{Bucket: x.bucket, Key: aws.String("k")})
				x.must(err, "delete")
			}
			x.getFails("k", nil, 404, "NoSuchKey")
		}},
		{name: "ranges", run: func(x *try) {
			x.put("k", "0123456789")
			for r, want := range map[string]string{
				"bytes=0-0": "0 bytes 0-0/10", "bytes=5-9": "56789 bytes 5-9/10", "bytes=5-": "56789 bytes 5-9/10",
				"bytes=-3": "789 bytes 7-9/10", "bytes=9-100": "9 bytes 9-9/10", "bytes=-100": "0123456789 bytes 0-9/10",
			} {
				out, read := x.get("k", func(in *s3.GetObjectInput) { in.Range = &r })
				is(x, r, read+" "+text(out.ContentRange), want)
				is(x, r+": length", aws.ToInt64(out.ContentLength), int64(len(read)))
			}
			for _, r := range []string{"bytes=10-", "bytes=10-20"} {
				x.getFails("k", func(in *s3.GetObjectInput) { in.Range = &r }, 416, "InvalidRange")
			}
			head := x.head("k", func(in *s3.HeadObjectInput) { in.Range = aws.String("bytes=2-3") })
			is(x, "length of a head of a range", aws.ToInt64(head.ContentLength), 2)
		}},
		{name: "conditions of reads", run: func(x *try) {
			tag := x.put("k", "body").ETag
			other := aws.String(`"00000000000000000000000000000000"`)
			past := aws.Time(time.Now().Add(-48 * time.Hour))
			for what, change := range map[string]func(*s3.GetObjectInput){
				"If-Match":            func(in *s3.GetObjectInput) { in.IfMatch = tag },
				"If-None-Match":       func(in *s3.GetObjectInput) { in.IfNoneMatch = other },
				"If-Modified-Since":   func(in *s3.GetObjectInput) { in.IfModifiedSince = past },
				"If-Unmodified-Since": func(in *s3.GetObjectInput) { in.IfUnmodifiedSince = aws.Time(time.Now().Add(time.Hour)) },
			} {
				_, read := x.get("k", change)
				is(x, what, read, "body")
			}
			x.getFails("k", func(in *s3.GetObjectInput) { in.IfMatch = other }, 412, "PreconditionFailed")
			x.getFails("k", func(in *s3.GetObjectInput) { in.IfUnmodifiedSince = past }, 412, "PreconditionFailed")
			x.getFails("k", func(in *s3.GetObjectInput) { in.IfNoneMatch = tag }, 304, "NotModified")
			_, err := x.HeadObject(x.ctx(), &s3.HeadObjectInput{Bucket: x.bucket, Key: aws.String("k"), IfMatch: other})
			x.refused("head", err, 412, "PreconditionFailed")
		}},
		{name: "not modified since", run: func(x *try) {
			x.put("k", "body")
			modified := x.head("k").LastModified
			x.getFails("k", func(in *s3.GetObjectInput) { in.IfModifiedSince = modified }, 304, "NotModified")
		}},
		{name: "conditions of writes", run: func(x *try) {
			create := func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
			tag := x.put("k", "1", create).ETag
			put := func(key string, change func(*s3.PutObjectInput)) error {
				in := &s3.PutObjectInput{Bucket: x.bucket, Key: &key, Body: strings.NewReader("2")}
				change(in)
				_, err := x.PutObject(x.ctx(), in)
				return err
			}
			x.refused("create what is there", put("k", create), 412, "PreconditionFailed")
			x.refused("replace another", put("k", func(in *s3.PutObjectInput) { in.IfMatch = aws.String(etag("other")) }), 412, "PreconditionFailed")
			x.refused("replace what is not there", put("none", func(in *s3.PutObjectInput) { in.IfMatch = tag }), 404, "NoSuchKey")
			x.must(put("k", func(in *s3.PutObjectInput) { in.IfMatch = tag }), "replace")
			_, read := x.get("k")
			is(x, "body", read, "2")
		}},
		{name: "odd keys", run: func(x *try) {
			keys := []string{
				"a b", "a+b", "a%20b", "a&b<c>\"'", "\u00e4\u00f6/\U0001F600", "x=y;z:@$,!*()~", "?query", "#fragment",
				"back\\slash", "a%2Fb", "..a/b..", "tab\tx", "e\u0301", "\u00e9",
			}
			for _, key := range keys {
				x.put(key, key)
			}
			slices.Sort(keys)
			for _, key := range keys {
				_, read := x.get(key)
				is(x, "body of "+key, read, key)
			}
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket})
			x.must(err, "list")
			is(x, "keys", fmt.Sprintf("%q", keysOf(out.Contents)), fmt.Sprintf("%q", keys))
		}},
		{name: "keys with control characters", run: func(x *try) {
			keys := []string{"a\x01b", "a\rb", "a\nb", "\x7f", "c\x1f"}
			for _, key := range keys {
				x.put(key, key)
				_, read := x.get(key)
				is(x, fmt.Sprintf("body of %q", key), read, key)
			}
		}},
		{name: "lists of keys with control characters", run: func(x *try) {
			keys := []string{"\x7f", "a\x01b", "a\nb", "a\rb"}
			for _, key := range keys {
				x.put(key, key)
			}
			slices.Sort(keys)
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, EncodingType: types.EncodingTypeUrl})
			x.must(err, "list")
			is(x, "keys", fmt.Sprintf("%q", unescaped(x, keysOf(out.Contents))), fmt.Sprintf("%q", keys))
		}},
		{name: "keys with dots", run: func(x *try) {
			for _, key := range []string{"../a", "a/../b", "./c", "a/./d", "..", "."} {
				x.put(key, key)
				_, read := x.get(key)
				is(x, "body of "+key, read, key)
			}
		}},
		{name: "a key and keys under it", run: func(x *try) {
			for _, key := range []string{"a", "a/b", "a/b/c"} {
				x.put(key, key)
			}
			_, read := x.get("a")
			is(x, "body", read, "a")
		}},
		{name: "a marker", run: func(x *try) {
			x.put("dir/", "")
			x.put("dir/k", "")
			_, read := x.get("dir/")
			is(x, "body", read, "")
			is(x, "keys", strings.Join(x.keys(), " "), "dir/ dir/k")
		}},
		{name: "slashes", run: func(x *try) {
			keys := []string{"/leading", "a//b", "c/d"}
			for _, key := range keys {
				x.put(key, key)
				_, read := x.get(key)
				is(x, "body of "+key, read, key)
			}
		}},
		{name: "lists of slashes", run: func(x *try) {
			x.fill("/leading", "a//b", "a/b")
			is(x, "keys", strings.Join(x.keys(), " "), "/leading a//b a/b")
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, Prefix: aws.String("a/"), Delimiter: aws.String("/")})
			x.must(err, "list")
			is(x, "under a/", page(keysOf(out.Contents), out.CommonPrefixes), "a/b a//*")
		}},
		{name: "a marker with a body", run: func(x *try) {
			x.put("dir/", "body")
			_, read := x.get("dir/")
			is(x, "body", read, "body")
		}},
		{name: "long keys", run: func(x *try) {
			key := strings.Repeat(strings.Repeat("k", 127)+"/", 8)
			x.put(key[:1023], "x")
			_, read := x.get(key[:1023])
			is(x, "body", read, "x")
		}},
		{name: "long names", run: func(x *try) {
			key := strings.Repeat("k", 1024)
			x.put(key, "x")
			_, read := x.get(key)
			is(x, "body", read, "x")
		}},
		{name: "too long keys", run: func(x *try) {
			for _, key := range []string{strings.Repeat("k", 1025), strings.Repeat("dir/", 256) + "k"} {
				_, err := x.PutObject(x.ctx(), &s3.PutObjectInput{Bucket: x.bucket, Key: &key, Body: strings.NewReader("x")})
				x.refused("put", err, 400, "KeyTooLongError", "KeyTooLong")
			}
		}},
		{name: "checksums of puts", run: func(x *try) {
			body := "hello, sums"
			good := checksum.Of([]byte(body)).String()
			out := x.put("k", body, func(in *s3.PutObjectInput) { in.ChecksumCRC64NVME = &good })
			is(x, "CRC64NVME of put", text(out.ChecksumCRC64NVME), good)
			is(x, "type", out.ChecksumType, types.ChecksumTypeFullObject)
			asked := func(in *s3.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled }
			got, _ := x.get("k", asked)
			is(x, "CRC64NVME of get", text(got.ChecksumCRC64NVME), good)
			got, _ = x.get("k", asked, func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=1-3") })
			is(x, "CRC64NVME of a range", text(got.ChecksumCRC64NVME), "-")
			head := x.head("k", func(in *s3.HeadObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
			is(x, "CRC64NVME of head", text(head.ChecksumCRC64NVME), good)
			is(x, "CRC64NVME of head, not asked", text(x.head("k").ChecksumCRC64NVME), "-")
		}},
		{name: "wrong checksums", run: func(x *try) {
			put := func(change func(*s3.PutObjectInput)) error {
				in := &s3.PutObjectInput{Bucket: x.bucket, Key: aws.String("k"), Body: strings.NewReader("hello")}
				change(in)
				_, err := x.PutObject(x.ctx(), in)
				return err
			}
			other := checksum.Of([]byte("other")).String()
			x.refused("CRC64NVME", put(func(in *s3.PutObjectInput) { in.ChecksumCRC64NVME = &other }), 400, "BadDigest")
			x.refused("CRC32", put(func(in *s3.PutObjectInput) { in.ChecksumCRC32 = aws.String("AAAAAA==") }), 400, "BadDigest")
			x.refused("CRC32C", put(func(in *s3.PutObjectInput) { in.ChecksumCRC32C = aws.String("AAAAAA==") }), 400, "BadDigest")
			x.refused("SHA1", put(func(in *s3.PutObjectInput) { in.ChecksumSHA1 = aws.String("AAAAAAAAAAAAAAAAAAAAAAAAAAA=") }), 400, "BadDigest")
			x.refused("SHA256", put(func(in *s3.PutObjectInput) {
				in.ChecksumSHA256 = aws.String("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			}), 400, "BadDigest")
			x.refused("MD5", put(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("AAAAAAAAAAAAAAAAAAAAAA==") }), 400, "BadDigest")
			x.refused("no sum", put(func(in *s3.PutObjectInput) { in.ChecksumCRC64NVME = aws.String("AAAA") }), 400, "InvalidRequest")
			x.getFails("k", nil, 404, "NoSuchKey")
		}},
		{name: "checksums that the client makes", run: func(x *try) {
			for _, algorithm := range types.ChecksumAlgorithm("").Values() {
				switch algorithm {
				case types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmSha1,
					types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc64nvme:
				default:
					continue
				}
				out := x.put("k", "hello", func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = algorithm })
				sums := 0
				for _, sum := range []*string{out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256} {
					if sum != nil {
						sums++
					}
				}
				is(x, fmt.Sprint("sums of ", algorithm), sums, 1)
				_, read := x.get("k", func(in *s3.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled }) // the SDK verifies
				is(x, fmt.Sprint("body of ", algorithm), read, "hello")
			}
		}},
		{name: "conditional deletes", run: func(x *try) {
			x.put("a", "1")
			x.put("b", "2")
			tag := x.put("c", "3").ETag
			other := aws.String(etag("other"))
			_, err := x.DeleteObject(x.ctx(), &s3.DeleteObjectInput{Bucket: x.bucket, Key: aws.String("a"), IfMatch: other})
			x.refused("If-Match", err, 412, "PreconditionFailed")
			out, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
				{Key: aws.String("b"), ETag: other}, {Key: aws.String("c"), ETag: tag},
			}}})
			x.must(err, "delete")
			x.check(len(out.Errors) == 1 && text(out.Errors[0].Key) == "b" && text(out.Errors[0].Code) == "PreconditionFailed", "failed: %+v", out.Errors)
			is(x, "left", strings.Join(x.keys(), " "), "a b")
		}},
		{name: "batches of deletes", run: func(x *try) {
			var ids []types.ObjectIdentifier
			for _, key := range []string{"a", "b <&> c", "d\u00e4", "none"} {
				if key != "none" {
					x.put(key, key)
				}
				ids = append(ids, types.ObjectIdentifier{Key: &key})
			}
			x.put("stays", "x")
			out, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{Objects: ids}})
			x.must(err, "delete")
			var deleted []string
			for _, d := range out.Deleted {
				deleted = append(deleted, text(d.Key))
			}
			slices.Sort(deleted)
			is(x, "deleted", strings.Join(deleted, "|"), "a|b <&> c|d\u00e4|none")
			is(x, "errors", len(out.Errors), 0)
			is(x, "left", strings.Join(x.keys(), "|"), "stays")
		}},
		{name: "quiet batches of deletes", run: func(x *try) {
			x.put("a", "x")
			out, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{
				Objects: []types.ObjectIdentifier{{Key: aws.String("a")}, {Key: aws.String("none")}}, Quiet: aws.Bool(true),
			}})
			x.must(err, "delete")
			is(x, "said", len(out.Deleted)+len(out.Errors), 0)
			is(x, "left", len(x.keys()), 0)
		}},
		{name: "batches of a thousand", run: func(x *try) { x.must(batch(x, 1000), "delete 1000") }},
		{name: "batches of more than a thousand", run: func(x *try) {
			x.refused("delete 1001", batch(x, 1001), 400, "MalformedXML")
		}},
		{name: "presigned", run: func(x *try) {
			x.put("a b", "body")
			r, err := s3.NewPresignClient(x.Client).PresignGetObject(x.ctx(), &s3.GetObjectInput{Bucket: x.bucket, Key: aws.String("a b")})
			x.must(err, "presign")
			for url, want := range map[string]int{r.URL: 200, strings.Replace(r.URL, "X-Amz-Signature=", "X-Amz-Signature=0", 1): 403} {
				req, err := http.NewRequestWithContext(x.ctx(), http.MethodGet, url, nil)
				x.must(err, "request")
				out, err := x.Options().HTTPClient.Do(req)
				x.must(err, "get")
				_ = out.Body.Close()
				is(x, "status", out.StatusCode, want)
			}
		}},
		{name: "versions are off", bucket: nil, run: func(x *try) {
			x.put("k", "1")
			x.put("k", "2")
			out, err := x.ListObjectVersions(x.ctx(), &s3.ListObjectVersionsInput{Bucket: x.bucket})
			x.must(err, "list")
			is(x, "versions", len(out.Versions), 1)
			if len(out.Versions) == 1 {
				is(x, "id", text(out.Versions[0].VersionId), "null")
			}
		}},
		{name: "open uploads are seen", bucket: []wiretest.BucketOption{wiretest.AllowUploads()}, run: func(x *try) {
			x.create("b")
			x.create("a")
			out, err := x.ListMultipartUploads(x.ctx(), &s3.ListMultipartUploadsInput{Bucket: x.bucket})
			x.must(err, "list")
			var keys []string
			for _, u := range out.Uploads {
				keys = append(keys, text(u.Key))
				x.check(recent(u.Initiated) && text(u.UploadId) != "-", "upload of %s: %v, %s", text(u.Key), u.Initiated, text(u.UploadId))
			}
			is(x, "uploads", strings.Join(keys, " "), "a b")
		}},
	}
}

// batch deletes so many keys, none of which is there.
func batch(x *try, n int) error {
	var ids []types.ObjectIdentifier
	for i := range n {
		ids = append(ids, types.ObjectIdentifier{Key: aws.String(fmt.Sprint(i))})
	}
	// Quiet, for a long answer may get lost: where it comes before the client has
	// looked for more of the request's body, smithy has closed that, its WriteTo
	// returns EOF, and net/http closes the connection (smithy-go 1.28.8,
	// transport/http/internal/io/safe.go).
	_, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
	return err
}
