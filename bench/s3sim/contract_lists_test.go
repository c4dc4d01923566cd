package s3sim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

func keysOf(objects []types.Object) []string {
	var keys []string
	for _, o := range objects {
		keys = append(keys, text(o.Key))
	}
	return keys
}

// unescaped are keys as encoding-type=url has them.
func unescaped(x *try, keys []string) []string {
	for i, key := range keys {
		var err error
		keys[i], err = url.QueryUnescape(key)
		x.must(err, "unescape %q", key)
	}
	return keys
}

// keys are all there are in the bucket.
func (x *try) keys() []string {
	out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket})
	x.must(err, "list")
	return keysOf(out.Contents)
}

// fill puts objects with nothing in them.
func (x *try) fill(keys ...string) {
	for _, key := range keys {
		x.put(key, "")
	}
}

// page is a list in one line: keys, then prefixes with a * behind.
func page(keys []string, prefixes []types.CommonPrefix) string {
	for _, p := range prefixes {
		keys = append(keys, text(p.Prefix)+"*")
	}
	return strings.Join(keys, " ")
}

func listCases() []contractCase {
	return []contractCase{
		{name: "lists", run: func(x *try) {
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket})
			x.must(err, "list")
			is(x, "an empty bucket", len(out.Contents), 0)
			is(x, "truncated", aws.ToBool(out.IsTruncated), false)
			x.put("b", "22")
			x.put("a/c", "333")
			x.put("a.c", "1")
			x.put("\U0001F600", "")
			x.put("\uffee", "")
			out, err = x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, FetchOwner: aws.Bool(true)})
			x.must(err, "list")
			is(x, "keys", page(keysOf(out.Contents), nil), "a.c a/c b \uffee \U0001F600") // bytes of UTF-8, not of UTF-16
			is(x, "count", aws.ToInt32(out.KeyCount), 5)
			is(x, "most", aws.ToInt32(out.MaxKeys), 1000)
			is(x, "name", text(out.Name), *x.bucket)
			for _, o := range out.Contents {
				head := x.head(*o.Key)
				is(x, "size of "+*o.Key, aws.ToInt64(o.Size), aws.ToInt64(head.ContentLength))
				is(x, "ETag of "+*o.Key, text(o.ETag), text(head.ETag))
				x.check(o.LastModified != nil && o.LastModified.Unix() == head.LastModified.Unix(), "time of %s: %v and %v", *o.Key, o.LastModified, head.LastModified)
				x.check(o.Owner != nil && text(o.Owner.ID) != "-", "owner of %s: %v", *o.Key, o.Owner)
			}
		}},
		{name: "prefixes and delimiters", run: func(x *try) {
			x.fill("a", "b/1", "b/2", "b/c/3", "b/c/4", "b0", "c/", "c/x")
			for in, want := range map[[2]string]string{
				{"", "/"}: "a b0 b/* c/*", {"b", "/"}: "b0 b/*", {"b/", "/"}: "b/1 b/2 b/c/*", {"b/c", "/"}: "b/c/*",
				{"b/", ""}: "b/1 b/2 b/c/3 b/c/4", {"c/", "/"}: "c/ c/x",
				{"x", "/"}: "", {"", "c/"}: "a b/1 b/2 b0 b/c/* c/*", {"", "b"}: "a c/ c/x b*",
			} {
				out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, Prefix: &in[0], Delimiter: &in[1]})
				x.must(err, "list %q", in)
				is(x, fmt.Sprintf("%q", in), page(keysOf(out.Contents), out.CommonPrefixes), want)
				is(x, fmt.Sprintf("count of %q", in), int(aws.ToInt32(out.KeyCount)), len(strings.Fields(want)))
			}
		}},
		{name: "pages", run: func(x *try) {
			x.fill("a", "b/1", "b/2", "c", "d/1", "e", "f/x/y")
			for _, delimiter := range []string{"", "/"} {
				for most := int32(1); most <= 8; most++ {
					var all []string
					in := &s3.ListObjectsV2Input{Bucket: x.bucket, Delimiter: &delimiter, MaxKeys: &most}
					for {
						out, err := x.ListObjectsV2(x.ctx(), in)
						x.must(err, "list by %d", most)
						one := append(keysOf(out.Contents), prefixesOf(out.CommonPrefixes)...)
						x.check(len(one) <= int(most) && len(one) == int(aws.ToInt32(out.KeyCount)), "%d of at most %d, %d counted", len(one), most, aws.ToInt32(out.KeyCount))
						all = append(all, one...)
						more := aws.ToBool(out.IsTruncated)
						x.check(more == (out.NextContinuationToken != nil), "truncated: %v, token %s", more, text(out.NextContinuationToken))
						if !more || len(all) > 100 {
							break
						}
						in.ContinuationToken = out.NextContinuationToken
					}
					slices.Sort(all)
					want := map[string]string{"": "a b/1 b/2 c d/1 e f/x/y", "/": "a b/ c d/ e f/"}[delimiter]
					is(x, fmt.Sprintf("pages of %d by %q", most, delimiter), strings.Join(all, " "), want)
				}
			}
		}},
		{name: "more than a thousand", run: func(x *try) {
			var want []string
			for i := range 1003 {
				want = append(want, fmt.Sprintf("%04d", i))
			}
			var puts errgroup.Group
			puts.SetLimit(8)
			for _, key := range want {
				puts.Go(func() error {
					_, err := x.PutObject(x.ctx(), &s3.PutObjectInput{Bucket: x.bucket, Key: &key})
					return err
				})
			}
			x.must(puts.Wait(), "put")
			first, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, MaxKeys: aws.Int32(5000)})
			x.must(err, "list")
			is(x, "the first page", len(first.Contents), 1000)
			second, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, ContinuationToken: first.NextContinuationToken})
			x.must(err, "list on")
			x.check(slices.Equal(append(keysOf(first.Contents), keysOf(second.Contents)...), want), "the pages have other keys")
			is(x, "the second is truncated", aws.ToBool(second.IsTruncated), false)
		}},
		{name: "start after", run: func(x *try) {
			x.fill("a", "b", "c/1", "c/2", "d")
			for after, want := range map[string]string{"": "a b c/1 c/2 d", "a": "b c/1 c/2 d", "aa": "b c/1 c/2 d", "c/1": "c/2 d", "d": "", "c": "c/1 c/2 d"} {
				in := &s3.ListObjectsV2Input{Bucket: x.bucket}
				if after != "" {
					in.StartAfter = &after
				}
				out, err := x.ListObjectsV2(x.ctx(), in)
				x.must(err, "list after %q", after)
				is(x, fmt.Sprintf("after %q", after), page(keysOf(out.Contents), nil), want)
				in.MaxKeys = aws.Int32(1)
				out, err = x.ListObjectsV2(x.ctx(), in)
				x.must(err, "list one after %q", after)
				is(x, fmt.Sprintf("one after %q", after), page(keysOf(out.Contents), nil), strings.Join(strings.Fields(want)[:min(1, len(strings.Fields(want)))], ""))
			}
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, StartAfter: aws.String("b"), Prefix: aws.String("c/")})
			x.must(err, "list a prefix")
			is(x, "a prefix behind", page(keysOf(out.Contents), nil), "c/1 c/2")
		}},
		{name: "no keys wanted", run: func(x *try) {
			x.fill("a")
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, MaxKeys: aws.Int32(0)})
			x.must(err, "list")
			is(x, "keys", len(out.Contents), 0)
			is(x, "truncated", aws.ToBool(out.IsTruncated), false)
		}},
		{name: "encoded lists", run: func(x *try) {
			x.fill("a b/c+d/\u00e4%&<>", "e/f=g~h*(i)'!-_.")
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, EncodingType: types.EncodingTypeUrl})
			x.must(err, "list")
			is(x, "type", out.EncodingType, types.EncodingTypeUrl)
			is(x, "keys", strings.Join(unescaped(x, keysOf(out.Contents)), "|"), "a b/c+d/\u00e4%&<>|e/f=g~h*(i)'!-_.")
			out, err = x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket, EncodingType: types.EncodingTypeUrl, Prefix: aws.String("a b/"), Delimiter: aws.String("/")})
			x.must(err, "list a prefix")
			is(x, "prefixes", strings.Join(unescaped(x, prefixesOf(out.CommonPrefixes)), "|"), "a b/c+d/")
			is(x, "prefix", text(out.Prefix), "a+b/")
		}},
		{name: "lists of the first kind", run: func(x *try) {
			x.fill("a", "b/1", "b/2", "c", "d")
			var all []string
			in := &s3.ListObjectsInput{Bucket: x.bucket, MaxKeys: aws.Int32(2), Delimiter: aws.String("/")}
			for range 10 {
				out, err := x.ListObjects(x.ctx(), in)
				x.must(err, "list")
				all = append(all, page(keysOf(out.Contents), out.CommonPrefixes))
				if !aws.ToBool(out.IsTruncated) {
					break
				}
				x.check(out.NextMarker != nil, "no next marker with a delimiter")
				in.Marker = out.NextMarker
			}
			is(x, "pages", strings.Join(all, "|"), "a b/*|c d")
			out, err := x.ListObjects(x.ctx(), &s3.ListObjectsInput{Bucket: x.bucket, Marker: aws.String("b/1")})
			x.must(err, "list")
			is(x, "behind a marker", page(keysOf(out.Contents), nil), "b/2 c d")
		}},
	}
}

func prefixesOf(prefixes []types.CommonPrefix) []string {
	var names []string
	for _, p := range prefixes {
		names = append(names, text(p.Prefix))
	}
	return names
}
