package difftest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
	bucketpkg "github.com/s3haul/s3haul/walker/bucket"
)

// maxPages bounds a listing that does not end.
const maxPages = 100

// listObjects follows the tokens to the end.
func listObjects(req bucketpkg.ListRequest) func(context.Context, wire.Client) (any, error) {
	return func(ctx context.Context, c wire.Client) (any, error) {
		var pages []bucketpkg.Page
		for req := req; ; {
			p := bucketpkg.Page{Prefixes: []string{"left from before"}, Next: "left", NextVersion: "left"}
			if err := c.ListObjects(ctx, req, &p); err != nil {
				return pages, err
			}
			if pages = append(pages, p); p.Next == "" {
				return pages, nil
			}
			if req.Token = p.Next; len(pages) > maxPages {
				return pages, errors.New("the listing does not end")
			}
		}
	}
}

// listVersions follows the markers to the end.
func listVersions(req bucketpkg.VersionsRequest) func(context.Context, wire.Client) (any, error) {
	return func(ctx context.Context, c wire.Client) (any, error) {
		var pages []bucketpkg.Page
		for req := req; ; {
			p := bucketpkg.Page{Prefixes: []string{"left from before"}, Next: "left", NextVersion: "left"}
			if err := c.ListVersions(ctx, req, &p); err != nil {
				return pages, err
			}
			// The SDK has versions and markers in two lists, and how they stood
			// among each other is lost; the fast path keeps the store's order,
			// which TestVersionOrder looks at.
			slices.SortFunc(p.Entries, func(a, b walker.Entry) int {
				return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.VersionID, b.VersionID))
			})
			if pages = append(pages, p); p.Next == "" {
				return pages, nil
			}
			if req.KeyMarker, req.VersionIDMarker = p.Next, p.NextVersion; len(pages) > maxPages {
				return pages, errors.New("the listing does not end")
			}
		}
	}
}

// listable are odd keys that one directory can have side by side.
func listable(w *world) []string {
	if w.kind != "gateway" {
		var keys []string
		for _, key := range oddKeys() {
			if len(key) <= 1024 {
				keys = append(keys, key)
			}
		}
		return keys
	}
	return []string{
		" lead", "a b", "a&b", "a'b", `a"b`, "a+b", "a%2Fb", "a%", "<tag>", "&amp;", "tab\t", "cr\r", "lf\n", "del\x7f",
		"\u00e9", "e\u0301", "\U0001F600", "\ufffd", "?", "#", "~", "=", "a;b:c", `back\slash`, "d/a", "d/b c", "d/e/f", "d+/x", "\u00e9/y",
	}
}

func lists(t *testing.T, w *world) {
	unversioned, history := w.bucket(t, plain), w.bucket(t, versioned)
	for i, key := range listable(w) {
		must(t, perhaps(put(unversioned, key, strings.Repeat("x", i)))(t.Context(), w.plain))
		for n := range i%3 + 1 {
			must(t, perhaps(put(history, key, strings.Repeat("x", n)))(t.Context(), w.plain))
		}
		if i%4 == 0 {
			must(t, perhaps(remove(history, key))(t.Context(), w.plain))
		}
	}
	for _, req := range []bucketpkg.ListRequest{
		{},
		{MaxKeys: 1},
		{MaxKeys: 7},
		{MaxKeys: 1000},
		{MaxKeys: 5000},
		{Delimiter: "/"},
		{Delimiter: "/", MaxKeys: 3},
		{Delimiter: "%"},
		{Delimiter: " "},
		{Delimiter: "\u00e9"},
		{Delimiter: "a&"},
		{Prefix: "a"},
		{Prefix: "a "},
		{Prefix: "a+"},
		{Prefix: "a%2F"},
		{Prefix: "a&"},
		{Prefix: "\u00e9"},
		{Prefix: "e\u0301"},
		{Prefix: "<"},
		{Prefix: "d/"},
		{Prefix: "d/", Delimiter: "/"},
		{Prefix: "none"},
		{Prefix: "lf\n"},
		{Prefix: "?"},
		{Prefix: "#"},
		{Prefix: "~"},
		{Prefix: "="},
		{Prefix: "/"},
		{Prefix: "\U0001F600"},
		{Prefix: "*"},
		{Prefix: strings.Repeat("p", 1024)},
		{StartAfter: "a"},
		{StartAfter: "a+b"},
		{StartAfter: "a b"},
		{StartAfter: "\u00e9"},
		{StartAfter: "d/b c", MaxKeys: 2},
		{StartAfter: "~~"},
		{StartAfter: "%"},
		{StartAfter: "&amp;"},
		{StartAfter: "\x01"},
		{Token: "garbage"},
		{Token: "a/b+c==", StartAfter: "x"},
		{RequestPayer: true},
		{RequestPayer: true, Delimiter: "/", Prefix: "d/", StartAfter: "d/a", MaxKeys: 1},
		{MaxKeys: -1},
	} {
		req.Bucket = unversioned
		w.same(t, call{name: fmt.Sprintf("ListObjects %+v", req), do: listObjects(req)})
		w.same(t, call{name: fmt.Sprintf("ListObjects %+v of versions", req), do: listObjects(with(req, history))})
	}
	for _, req := range []bucketpkg.VersionsRequest{
		{},
		{MaxKeys: 1},
		{MaxKeys: 7},
		{MaxKeys: 1000},
		{MaxKeys: 5000},
		{Delimiter: "/"},
		{Delimiter: "/", MaxKeys: 3},
		{Delimiter: "%"},
		{Prefix: "a"},
		{Prefix: "a "},
		{Prefix: "a+"},
		{Prefix: "\u00e9"},
		{Prefix: "d/", Delimiter: "/"},
		{Prefix: "none"},
		{KeyMarker: "a"},
		{KeyMarker: "a+b"},
		{KeyMarker: "a b", MaxKeys: 2},
		{KeyMarker: "d/b c"},
		{KeyMarker: "&amp;"},
		{KeyMarker: "\u00e9"},
		{KeyMarker: "~~"},
		{KeyMarker: "a b", VersionIDMarker: "null"},
		{KeyMarker: "a b", VersionIDMarker: "absent"},
		{VersionIDMarker: "null"},
		{RequestPayer: true, MaxKeys: 3},
		{MaxKeys: -1},
	} {
		for _, bucket := range []string{unversioned, history} {
			req.Bucket = bucket
			w.same(t, call{name: fmt.Sprintf("ListVersions %+v, versioned %v", req, bucket == history), do: listVersions(req)})
		}
	}
}

func with(req bucketpkg.ListRequest, bucket string) bucketpkg.ListRequest {
	req.Bucket = bucket
	return req
}

// deletes are batches and single ones, of versions too.
func deletes(t *testing.T, w *world) {
	unversioned, history, locked := w.bucket(t, plain), w.bucket(t, versioned), w.bucket(t, locking)
	batch := func(bucket string, ids ...wire.ObjectID) func(context.Context, wire.Client) (any, error) {
		return func(ctx context.Context, c wire.Client) (any, error) {
			return c.DeleteObjects(ctx, bucket, ids, wire.DeleteOptions{})
		}
	}
	one := func(bucket string, id wire.ObjectID) func(context.Context, wire.Client) (any, error) {
		return func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.DeleteObject(ctx, bucket, id, wire.DeleteOptions{})
		}
	}
	everything := func(bucket string) func(context.Context, *s3.Client) (any, error) {
		return func(ctx context.Context, c *s3.Client) (any, error) {
			out, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
			if err != nil {
				return nil, err
			}
			var left []string
			for _, v := range out.Versions {
				left = append(left, fmt.Sprintf("%s of %d bytes, latest %v", aws.ToString(v.Key), aws.ToInt64(v.Size), aws.ToBool(v.IsLatest)))
			}
			for _, m := range out.DeleteMarkers {
				left = append(left, fmt.Sprintf("%s gone, latest %v", aws.ToString(m.Key), aws.ToBool(m.IsLatest)))
			}
			return left, nil
		}
	}
	three := func(ctx context.Context, c *s3.Client) error {
		return errors.Join(put(unversioned, "a", "1")(ctx, c), put(unversioned, "b c", "22")(ctx, c), put(unversioned, "d&e", "333")(ctx, c))
	}
	for name, do := range map[string]func(context.Context, wire.Client) (any, error){
		"none":                   batch(unversioned),
		"one":                    batch(unversioned, wire.ObjectID{Key: "a"}),
		"all":                    batch(unversioned, wire.ObjectID{Key: "a"}, wire.ObjectID{Key: "b c"}, wire.ObjectID{Key: "d&e"}),
		"what is not there":      batch(unversioned, wire.ObjectID{Key: "absent"}, wire.ObjectID{Key: "a"}),
		"the same twice":         batch(unversioned, wire.ObjectID{Key: "a"}, wire.ObjectID{Key: "a"}),
		"null":                   batch(unversioned, wire.ObjectID{Key: "a", VersionID: "null"}),
		"an unknown version":     batch(unversioned, wire.ObjectID{Key: "a", VersionID: "absent"}, wire.ObjectID{Key: "b c"}),
		"an empty key":           batch(unversioned, wire.ObjectID{Key: ""}),
		"a key with a newline":   batch(unversioned, wire.ObjectID{Key: "a\nb"}, wire.ObjectID{Key: "a\r"}),
		"one alone":              one(unversioned, wire.ObjectID{Key: "a"}),
		"null alone":             one(unversioned, wire.ObjectID{Key: "a", VersionID: "null"}),
		"an unknown one alone":   one(unversioned, wire.ObjectID{Key: "a", VersionID: "absent"}),
		"an absent key alone":    one(unversioned, wire.ObjectID{Key: "absent"}),
		"in an absent bucket":    batch(unversioned+"-absent", wire.ObjectID{Key: "a"}),
		"what is that still":     batch(unversioned, wire.ObjectID{Key: "a", ETag: hexMD5("1")}, wire.ObjectID{Key: "b c"}),
		"what is another by now": batch(unversioned, wire.ObjectID{Key: "a", ETag: hexMD5("2")}, wire.ObjectID{Key: "b c"}),
		"that alone":             one(unversioned, wire.ObjectID{Key: "a", ETag: hexMD5("1")}),
		"another by now, alone":  one(unversioned, wire.ObjectID{Key: "a", ETag: hexMD5("2")}),
		"what was, and is gone":  batch(unversioned, wire.ObjectID{Key: "absent", ETag: hexMD5("1")}),
		"alone, bucket not ther": one(unversioned+"-absent", wire.ObjectID{Key: "a"}),
	} {
		w.same(t, call{name: "deleting " + name, before: three, do: do, after: everything(unversioned)})
	}
	many := func(n int) []wire.ObjectID {
		ids := make([]wire.ObjectID, n)
		for i := range ids {
			ids[i].Key = fmt.Sprintf("many/%04d \u00e9", i)
		}
		return ids
	}
	for _, n := range []int{999, 1000, 1001} {
		w.same(t, call{name: fmt.Sprintf("deleting %d", n), before: put(unversioned, "many/0007 \u00e9", "x"), do: batch(unversioned, many(n)...), after: everything(unversioned)})
	}
	// Versions: the ids are made anew for either client, and read by it.
	for name, choose := range map[string]func(newest, older, marker string) []wire.ObjectID{
		"the newest": func(newest, _, _ string) []wire.ObjectID { return []wire.ObjectID{{Key: "v", VersionID: newest}} },
		"the older":  func(_, older, _ string) []wire.ObjectID { return []wire.ObjectID{{Key: "v", VersionID: older}} },
		"the marker": func(_, _, marker string) []wire.ObjectID { return []wire.ObjectID{{Key: "v", VersionID: marker}} },
		"the object": func(_, _, _ string) []wire.ObjectID { return []wire.ObjectID{{Key: "v"}} },
		"all": func(a, b, c string) []wire.ObjectID {
			return []wire.ObjectID{{Key: "v", VersionID: a}, {Key: "v", VersionID: b}, {Key: "v", VersionID: c}}
		},
		"one that isn't": func(a, _, _ string) []wire.ObjectID {
			return []wire.ObjectID{{Key: "w", VersionID: a}, {Key: "v", VersionID: "absent"}, {Key: "v", VersionID: a}}
		},
	} {
		for _, single := range []bool{false, true} {
			w.same(t, call{
				name: fmt.Sprintf("deleting versions: %s, one by one %v", name, single), after: everything(history), anew: []string{"VersionID"},
				partial: true, // each client has ids of its own, and so another body
				before: func(ctx context.Context, c *s3.Client) error {
					_, err := w.purge(ctx, history)
					return err
				},
				do: func(ctx context.Context, c wire.Client) (any, error) {
					var made []string
					for _, content := range []string{"older", "newest!"} {
						out, err := w.plain.PutObject(ctx, &s3.PutObjectInput{Bucket: &history, Key: aws.String("v"), Body: strings.NewReader(content)})
						if err != nil {
							return nil, err
						}
						made = append(made, aws.ToString(out.VersionId))
					}
					out, err := w.plain.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &history, Key: aws.String("v")})
					if err != nil {
						return nil, err
					}
					ids := choose(made[1], made[0], aws.ToString(out.VersionId))
					if !single {
						return c.DeleteObjects(ctx, history, ids, wire.DeleteOptions{})
					}
					var all []any
					for _, id := range ids {
						all = append(all, c.DeleteObject(ctx, history, id, wire.DeleteOptions{}))
					}
					return all, nil
				},
			})
		}
	}
	held, err := w.plain.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &locked, Key: aws.String("held"), Body: strings.NewReader("x"), ObjectLockLegalHoldStatus: "ON",
	})
	must(t, err)
	id := wire.ObjectID{Key: "held", VersionID: aws.ToString(held.VersionId)}
	w.same(t, call{name: "deleting what is held", do: batch(locked, wire.ObjectID{Key: "absent"}, id)})
	w.same(t, call{name: "deleting what is held, alone", do: one(locked, id)})
	for name, o := range map[string]wire.DeleteOptions{"bypassing": {BypassGovernance: true}, "with MFA": {MFA: "device 123456"}} {
		w.same(t, call{name: "deleting what is held, " + name, do: func(ctx context.Context, c wire.Client) (any, error) {
			return c.DeleteObjects(ctx, locked, []wire.ObjectID{id}, o)
		}})
		w.same(t, call{name: "deleting what is held, alone, " + name, do: func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.DeleteObject(ctx, locked, id, o)
		}})
	}
}

// purge removes every version of a bucket.
func (w *world) purge(ctx context.Context, bucket string) (int, error) {
	out, err := w.plain.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return 0, err
	}
	var ids []wire.ObjectID
	for _, v := range out.Versions {
		ids = append(ids, wire.ObjectID{Key: aws.ToString(v.Key), VersionID: aws.ToString(v.VersionId)})
	}
	for _, m := range out.DeleteMarkers {
		ids = append(ids, wire.ObjectID{Key: aws.ToString(m.Key), VersionID: aws.ToString(m.VersionId)})
	}
	for _, id := range ids {
		if _, err := w.plain.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &id.Key, VersionId: &id.VersionID}); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

// buckets are the calls on buckets.
func buckets(t *testing.T, w *world) {
	name := w.bucket(t, plain)
	must(t, put(name, "k", "x")(t.Context(), w.plain))
	for what, do := range map[string]func(context.Context, wire.Client) (any, error){
		"HeadBucket":         func(ctx context.Context, c wire.Client) (any, error) { return nil, c.HeadBucket(ctx, name) },
		"HeadBucket, absent": func(ctx context.Context, c wire.Client) (any, error) { return nil, c.HeadBucket(ctx, name+"-absent") },
		"CreateBucket, there": func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.CreateBucket(ctx, name, wire.CreateOptions{})
		},
		"CreateBucket, bad name": func(ctx context.Context, c wire.Client) (any, error) {
			return nil, c.CreateBucket(ctx, "No", wire.CreateOptions{})
		},
		"DeleteBucket, not empty": func(ctx context.Context, c wire.Client) (any, error) { return nil, c.DeleteBucket(ctx, name) },
		"DeleteBucket, absent":    func(ctx context.Context, c wire.Client) (any, error) { return nil, c.DeleteBucket(ctx, name+"-absent") },
		"CreateBucket, DeleteBucket": func(ctx context.Context, c wire.Client) (any, error) {
			return []any{c.CreateBucket(ctx, name+"-new", wire.CreateOptions{}), c.HeadBucket(ctx, name+"-new")}, c.DeleteBucket(ctx, name+"-new")
		},
		"ListBuckets": func(ctx context.Context, c wire.Client) (any, error) {
			all, err := c.ListBuckets(ctx, wire.BucketsRequest{})
			for _, b := range all {
				if b.Name == name { // others come and go
					return b, err
				}
			}
			return nil, fmt.Errorf("%d buckets, without %s: %w", len(all), name, err)
		},
	} {
		w.same(t, call{name: what, do: do})
	}
}
