package engine_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// What no store would take is refused, and nothing is sent.
func TestSettingsUsage(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	c.hook(func(_ http.ResponseWriter, r *http.Request) bool {
		t.Errorf("%s %s was sent", r.Method, r.URL)
		return false
	})
	ctx, obj := t.Context(), engine.Object("sim", "k")
	tags := map[string]string{}
	for i := range 51 {
		tags[fmt.Sprint(i)] = ""
	}
	unsigned := newEngine(t, engine.Options{EndpointURL: "http://127.0.0.1:1", NoSign: true})
	for what, do := range map[string]func() error{
		"a website without an index": func() error { return c.SetWebsite(ctx, "sim", wire.Website{ErrorKey: "e"}) },
		"an index with a slash":      func() error { return c.SetWebsite(ctx, "sim", wire.Website{Index: "a/b"}) },
		"a website of no bucket":     func() error { return c.SetWebsite(ctx, "", wire.Website{Index: "i"}) },
		"versions of no bucket":      func() error { return c.SetVersioning(ctx, "a*b", true, "") },
		"0 s and less":               func() error { return second(c.Presign(ctx, obj, engine.PresignOptions{Expires: -time.Second})) },
		"half a second":              func() error { return second(c.Presign(ctx, obj, engine.PresignOptions{Expires: time.Second / 2})) },
		"more than a week":           func() error { return second(c.Presign(ctx, obj, engine.PresignOptions{Expires: 604801 * time.Second})) },
		"to put a version":           func() error { return second(c.Presign(ctx, obj, engine.PresignOptions{Put: true, VersionID: "v"})) },
		"a URL of a bucket":          func() error { return second(c.Presign(ctx, engine.Bucket("sim", ""), engine.PresignOptions{})) },
		"a URL of a file":            func() error { return second(c.Presign(ctx, engine.File("f"), engine.PresignOptions{})) },
		"a URL without credentials":  func() error { return second(unsigned.Presign(ctx, obj, engine.PresignOptions{})) },
		"to ask for a prefix":        func() error { return second(c.Stat(ctx, engine.Bucket("sim", "p/"), engine.StatOptions{})) },
		"the ACL of a prefix":        func() error { return second(c.ACL(ctx, engine.Bucket("sim", "p/"), engine.StatOptions{})) },
		"no ACL":                     func() error { return second(c.SetACL(ctx, obj, engine.ACLOptions{})) },
		"many versions": func() error {
			return second(c.SetACL(ctx, engine.Bucket("sim", ""), engine.ACLOptions{
				VersionID: "v", RunOptions: engine.RunOptions{Attributes: engine.Attributes{ACL: "private"}},
			}))
		},
		"an ACL that is none": func() error {
			return second(c.SetACL(ctx, obj, engine.ACLOptions{RunOptions: engine.RunOptions{Attributes: engine.Attributes{ACL: "public"}}}))
		},
		"51 tags":   func() error { return c.MakeTaggedBucket(ctx, "new-one", tags) },
		"a bad tag": func() error { return c.MakeTaggedBucket(ctx, "new-one", map[string]string{"aws:x": ""}) },
		"a long tag": func() error {
			return c.MakeTaggedBucket(ctx, "new-one", map[string]string{strings.Repeat("k", 129): ""})
		},
		"no tag":       func() error { return c.MakeTaggedBucket(ctx, "new-one", map[string]string{"": "v"}) },
		"a bad bucket": func() error { return c.MakeTaggedBucket(ctx, "New", nil) },
		"large pages":  func() error { return second(c.Buckets(ctx, wire.BucketsRequest{PageSize: 10_001})) },
	} {
		if err := do(); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The ACLs of a tree become what they are to be, filters count, and what is not
// there fails.
func TestSetACL(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	for _, key := range []string{"p/a", "p/b", "p/c.raw", "q"} {
		putObject(t, c.plain, "sim", key, key)
	}
	public := func() (all []string) {
		t.Helper()
		for _, key := range []string{"p/a", "p/b", "p/c.raw", "q"} {
			acl, err := c.ACL(t.Context(), engine.Object("sim", key), engine.StatOptions{})
			must(t, err)
			for i := range acl.Grants {
				if acl.Grants[i].Public() {
					all = append(all, key)
				}
			}
		}
		return all
	}
	o := engine.ACLOptions{RunOptions: engine.RunOptions{Attributes: engine.Attributes{ACL: "public-read"}, Filters: []walker.Rule{{Pattern: "*.raw"}}, DryRun: true}}
	sum, err := c.SetACL(t.Context(), engine.Bucket("sim", "p/"), o)
	whole(t, sum, err)
	if n := sum.Ops[report.SetACL].Objects; n != 2 || len(public()) != 0 {
		t.Errorf("dry: %+v, public are %v", sum, public())
	}
	o.DryRun = false
	sum, err = c.SetACL(t.Context(), engine.Bucket("sim", "p/"), o)
	whole(t, sum, err)
	if got := public(); sum.Ops[report.SetACL].Objects != 2 || !slices.Equal(got, []string{"p/a", "p/b"}) {
		t.Errorf("%+v, public are %v", sum, got)
	}
	o.MinSize, o.Attributes.ACL = 4, "private" // all have three bytes but one, which is filtered
	sum, err = c.SetACL(t.Context(), engine.Bucket("sim", ""), o)
	whole(t, sum, err)
	if got := public(); len(sum.Ops) != 0 || len(got) != 2 {
		t.Errorf("%+v, public are %v", sum, got)
	}
	o.MinSize = 0
	sum, err = c.SetACL(t.Context(), engine.Glob("sim", "p/?"), o)
	whole(t, sum, err)
	if got := public(); sum.Ops[report.SetACL].Objects != 2 || len(got) != 0 {
		t.Errorf("%+v, public are %v", sum, got)
	}
	sum, err = c.SetACL(t.Context(), engine.Object("sim", "absent"), o)
	if err != nil || sum.Failed != 1 || wire.Code(sum.Err()) != "NoSuchKey" {
		t.Errorf("%+v, %v", sum, err)
	}
}

// ListInfo is List in its order, with what each object says of itself; what cannot
// be asked for is told of and ends nothing, and who has seen enough may go.
func TestListInfo(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	var want []string
	for i := range 200 {
		key := fmt.Sprintf("k%03d", i)
		want = append(want, key)
		putObject(t, c.plain, "sim", key, key)
	}
	c.put(t, "z", 3)
	want = append(want, "z")
	c.hook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/k100") {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	var got []string
	for e, err := range c.ListInfo(t.Context(), engine.Bucket("sim", ""), engine.ListOptions{}) {
		must(t, err)
		got = append(got, e.Key)
		if denied := e.Key == "k100"; denied != (e.Err != nil) || denied != (e.Info == nil) {
			t.Errorf("%s: %v, %v", e.Key, e.Info, e.Err)
		}
		if e.Key == "z" && e.Info.Metadata["a"] != "1" {
			t.Errorf("%+v", e.Info)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d came, %d were to: %v", len(got), len(want), got)
	}
	n := 0
	for range c.ListInfo(t.Context(), engine.Bucket("sim", ""), engine.ListOptions{}) {
		if n++; n == 3 {
			break
		}
	}
	for _, err := range c.ListInfo(t.Context(), engine.Bucket("absent", ""), engine.ListOptions{}) {
		if wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
	}
	var prefixes []string
	putObject(t, c.plain, "sim", "p/x", "")
	for e, err := range c.ListInfo(t.Context(), engine.Bucket("sim", "p"), engine.ListOptions{ByLevel: true}) {
		must(t, err)
		if e.CommonPrefix && e.Info == nil {
			prefixes = append(prefixes, e.Key)
		}
	}
	if !slices.Equal(prefixes, []string{"p/"}) {
		t.Errorf("%v", prefixes)
	}
}

// Stat says which of the two is not there, and what of an object may not be read.
func TestStat(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	c.put(t, "k", 5)
	if info := c.stat(t, "k"); info.Size != 5 || info.Tags["t"] != "1" {
		t.Errorf("%+v", info)
	}
	for at, code := range map[engine.Location]string{engine.Object("sim", "absent"): "404", engine.Object("absent", "k"): "NoSuchBucket"} {
		if _, err := c.Stat(t.Context(), at, engine.StatOptions{}); wire.Code(err) != code {
			t.Errorf("%v: %v", at, err)
		}
	}
	c.hook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("tagging") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>no</Message></Error>"))
			return true
		}
		return false
	})
	if info := c.stat(t, "k"); info.Tags != nil || info.NoTags != "AccessDenied" || info.TagCount != 1 {
		t.Errorf("%+v", info)
	}
}

// A presigned URL lasts an hour unless that is said.
func TestPresign(t *testing.T) {
	c := newClassed(t, s3sim.Options{VerifySignatures: true})
	putObject(t, c.plain, "sim", "k", "content")
	url, err := c.Presign(t.Context(), engine.Object("sim", "k"), engine.PresignOptions{})
	must(t, err)
	if !strings.Contains(url.URL, "X-Amz-Expires=3600&") {
		t.Errorf("%s", url.URL)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url.URL, nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
}
