package bucket_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
	"github.com/s3haul/s3haul/walker/walktest"
)

func TestMain(m *testing.M) { os.Exit(wiretest.Main(m)) }

// lister is the client of the program, on the store that tests run against.
func lister(t *testing.T) bucket.Lister {
	t.Helper()
	target := wiretest.Endpoint(t)
	o := wire.Options{EndpointURL: target.Endpoint, Region: target.Region}
	if target.SessionToken == "" { // else they are in the environment, all three
		o.AccessKeyID, o.SecretAccessKey = target.AccessKeyID, target.SecretAccessKey
	}
	c, err := wire.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// fill makes objects of the given sizes.
func fill(t *testing.T, name, prefix string, files map[string]int64) {
	t.Helper()
	c := wiretest.Endpoint(t).Client(t)
	keys := make(chan string)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for key := range keys {
				if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: aws.String(name), Key: aws.String(prefix + key), Body: strings.NewReader(strings.Repeat("x", int(files[key]))),
				}); err != nil {
					t.Errorf("putting %q: %v", key, err)
				}
			}
		})
	}
	for key := range files {
		keys <- key
	}
	close(keys)
	wg.Wait()
}

// The contract of sources, on a real bucket: as one page, as many, and below a
// prefix.
func TestContract(t *testing.T) {
	for what, o := range map[string]bucket.Options{
		"one page":   {},
		"many pages": {PageSize: 7},
		"prefix":     {Prefix: "pre/fix ", PageSize: 20},
		"in ranges":  {Prefix: "pre/fix ", PageSize: 7, Parallel: 8},
	} {
		t.Run(what, func(t *testing.T) {
			walktest.Suite{
				Make: func(t *testing.T, files map[string]int64) walker.Source {
					t.Helper()
					o := o
					o.Bucket = wiretest.Bucket(t)
					fill(t, o.Bucket, o.Prefix, files)
					if o.Prefix != "" {
						fill(t, o.Bucket, "", map[string]int64{"other": 1, "pre-": 1, "pre/fix": 1, "pre/fix-": 1, "z": 1})
					}
					return bucket.New(lister(t), o)
				},
				Refuses: func(key string) bool {
					// The store under test lists U+FFFD for a control
					// character; and names of its files end at 255 bytes.
					return strings.ContainsFunc(key, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\r", r) }) ||
						len(o.Prefix) > 0 && len(key) > 240
				},
				Leaks: []goleak.Option{
					goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
					goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
				},
			}.Run(t)
		})
	}
}

func TestMissingBucket(t *testing.T) {
	src := bucket.New(lister(t), bucket.Options{Bucket: wiretest.Bucket(t) + "-absent"})
	n := 0
	for _, err := range src.Walk(t.Context()) {
		if n++; wire.Code(err) != "NoSuchBucket" {
			t.Errorf("%v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d things were yielded, want one error", n)
	}
}

// Folder markers of consoles are real objects, and no files.
func TestFolderMarkersOfAStore(t *testing.T) {
	name := wiretest.Bucket(t)
	fill(t, name, "", map[string]int64{"d/": 0, "d/a": 1, "e/": 0, "f": 0})
	for markers, want := range map[bool]string{false: "d/a f", true: "d/ d/a e/ f"} {
		var got []string
		for e, err := range bucket.New(lister(t), bucket.Options{Bucket: name, Markers: markers}).Walk(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Key)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("markers %v: %q, want %q", markers, got, want)
		}
	}
}

func TestLevel(t *testing.T) {
	name := wiretest.Bucket(t)
	fill(t, name, "", map[string]int64{"a": 1, "d/x": 1, "d/y/z": 1, "e/f/g": 1, "h": 2})
	l := lister(t)
	for _, q := range []struct {
		prefix, delimiter, want string
	}{
		{"", "/", "d/ e/ a h"}, // as aws s3 ls: prefixes first
		{"d/", "/", "d/y/ d/x"},
		{"e", "/", "e/"},
		{"none", "/", ""},
		{"", "", "a d/x d/y/z e/f/g h"},
	} {
		var got []string
		for e, err := range bucket.Level(t.Context(), l, bucket.ListRequest{Bucket: name, Prefix: q.prefix, Delimiter: q.delimiter}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.CommonPrefix != strings.HasSuffix(e.Key, "/") {
				t.Errorf("%+v", e)
			}
			got = append(got, e.Key)
		}
		if strings.Join(got, " ") != q.want {
			t.Errorf("%q by %q: %q, want %q", q.prefix, q.delimiter, got, q.want)
		}
	}
	// Page by page each key comes once.
	seen := map[string]int{}
	for e, err := range bucket.Level(t.Context(), l, bucket.ListRequest{Bucket: name, Delimiter: "/", MaxKeys: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Key]++
	}
	if len(seen) != 4 || seen["a"] != 1 || seen["d/"] != 1 || seen["e/"] != 1 || seen["h"] != 1 {
		t.Errorf("page by page: %v", seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for _, err := range bucket.Level(ctx, l, bucket.ListRequest{Bucket: name}) {
		if n++; err == nil {
			t.Error("an entry under a context that has ended")
		}
	}
	if n != 1 {
		t.Errorf("%d things were yielded, want one error", n)
	}
}
