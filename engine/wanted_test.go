package engine_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/walker"
)

// shop is a simulator with buckets, and what a plain client sees of them.
type shop struct {
	*simulated
	client *s3.Client
}

func newShop(t *testing.T, buckets ...string) *shop {
	t.Helper()
	s := &shop{simulated: simulate(t, s3sim.Options{KeepBodies: 8 << 20})}
	s.client = s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL), UsePathStyle: true, Region: "us-east-1", HTTPClient: s.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(s3sim.DefaultAccessKeyID, s3sim.DefaultSecretAccessKey, ""),
	})
	for _, b := range buckets {
		_, err := s.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(b)})
		must(t, err)
	}
	return s
}

func (s *shop) put(t *testing.T, bucket string, w tree, dress ...func(*s3.PutObjectInput)) {
	t.Helper()
	for key, content := range w {
		in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(content)}
		for _, d := range dress {
			d(in)
		}
		_, err := s.client.PutObject(t.Context(), in)
		must(t, err)
	}
}

func (s *shop) keys(t *testing.T, bucket string) []string {
	t.Helper()
	var keys []string
	out, err := s.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	must(t, err)
	for i := range out.Contents {
		keys = append(keys, aws.ToString(out.Contents[i].Key))
	}
	return keys
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// What has not the size is not transferred, and not deleted; the source's size
// counts where it has the key, whatever is at the destination.
func TestSizesOfASync(t *testing.T) {
	s := newShop(t, "bbb")
	eng := newEngine(t, s.options())
	dir := tree{"small": "1", "fits": "123", "large": "123456", "grown": "1234567", "shrunk": "12"}.write(t, t.TempDir())
	s.put(t, "bbb", tree{"grown": "1", "shrunk": "1234567", "gone-small": "1", "gone": "123", "gone-large": "1234567"})
	bounds := engine.RunOptions{MinSize: 2, MaxSize: 4}
	sink := &recorder{}
	bounds.Report = sink
	sum, err := eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket("bbb", ""), engine.SyncOptions{Delete: true, RunOptions: bounds})
	whole(t, sum, err)
	same(t, "uploaded", sink.keys(report.Done, report.Upload), []string{"fits", "shrunk"})
	same(t, "deleted", sink.keys(report.Done, report.Delete), []string{"gone"})
	same(t, "there", s.keys(t, "bbb"), []string{"fits", "gone-large", "gone-small", "grown", "shrunk"})
	if sum.Skipped != 0 || sum.Exit() != 0 {
		t.Errorf("%+v", sum)
	}

	// Nothing of it is missing for a verify.
	ver, err := eng.Verify(t.Context(), engine.Dir(dir), engine.Bucket("bbb", ""), engine.VerifyOptions{RunOptions: engine.RunOptions{MinSize: 2, MaxSize: 4}})
	if err != nil || ver.Exit() != 0 {
		t.Errorf("verify: %v; %+v", err, ver)
	}
	sum, err = eng.Remove(t.Context(), engine.Bucket("bbb", ""), engine.RemoveOptions{RunOptions: engine.RunOptions{MinSize: 4}})
	whole(t, sum, err)
	same(t, "after rm of the large", s.keys(t, "bbb"), []string{"fits", "gone-small", "grown", "shrunk"})
}

// The age of the source decides where both have the key: a copy is younger than
// what it was made of.
func TestAgesOfASync(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"k": "new", "n": "new"})
		p.target(tree{"k": "older", "x": "older"})
		for _, q := range []struct {
			name string
			o    engine.RunOptions
			want tree
		}{
			{"older than an hour", engine.RunOptions{OlderThan: time.Now().Add(-2 * time.Hour)}, tree{"k": "older", "x": "older"}},
			{"newer than an hour to come", engine.RunOptions{NewerThan: time.Now().Add(time.Hour)}, tree{"k": "older", "x": "older"}},
			{"newer than yesterday", engine.RunOptions{NewerThan: time.Now().Add(-24 * time.Hour)}, tree{"k": "new", "n": "new"}},
		} {
			sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: q.o})
			whole(t, sum, err)
			expect(t, q.name, p.read(), q.want)
		}
	})
}

func TestBoundsThatNothingHas(t *testing.T) {
	eng := newEngine(t, newShop(t, "bbb").options())
	now := time.Now()
	for _, o := range []engine.RunOptions{
		{MinSize: 5, MaxSize: 4},
		{MinSize: -1},
		{MaxSize: -1},
		{OlderThan: now, NewerThan: now.Add(time.Second)},
		{Only: []string{"a"}, FilesFrom: strings.NewReader("a")},
	} {
		_, err := eng.Copy(t.Context(), engine.Bucket("bbb", ""), engine.Dir(t.TempDir()), engine.CopyOptions{RunOptions: o})
		isUsage(t, err)
	}
}

func isUsage(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, engine.ErrUsage) {
		t.Errorf("%v is no error of usage", err)
	}
}

// Filters are about a single object too, by its name in its directory.
func TestFiltersOfASingleObject(t *testing.T) {
	s := newShop(t, "bbb")
	eng := newEngine(t, s.options())
	dir := tree{"sub/f.txt": "123"}.write(t, t.TempDir())
	s.put(t, "bbb", tree{"p/o.txt": "123"})
	for _, q := range []struct {
		rules []walker.Rule
		o     engine.RunOptions
		goes  bool
	}{
		{[]walker.Rule{{Pattern: "*.txt"}}, engine.RunOptions{}, false},
		{[]walker.Rule{{Pattern: "sub/*"}, {Pattern: "p/*"}}, engine.RunOptions{}, true}, // they begin at the file
		{[]walker.Rule{{Pattern: "*"}, {Include: true, Pattern: "[fo].txt"}}, engine.RunOptions{}, true},
		{nil, engine.RunOptions{MinSize: 4}, false},
		{nil, engine.RunOptions{MaxSize: 3}, true},
	} {
		q.o.Filters = q.rules
		want := int64(0)
		if q.goes {
			want = 1
		}
		up, err := eng.Copy(t.Context(), engine.File(filepath.Join(dir, "sub", "f.txt")), engine.Object("bbb", "up"), engine.CopyOptions{RunOptions: q.o})
		whole(t, up, err)
		down, err := eng.Copy(t.Context(), engine.Object("bbb", "p/o.txt"), engine.File(filepath.Join(t.TempDir(), "o")), engine.CopyOptions{RunOptions: q.o})
		whole(t, down, err)
		if up.Ops[report.Upload].Objects != want || down.Ops[report.Download].Objects != want {
			t.Errorf("%+v: %+v up, %+v down; want %d", q.o, up.Ops, down.Ops, want)
		}
	}
}

// A list has whatever order, doubles, and names that are not there.
func TestFilesFrom(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"a": "1", "b/c": "2", "b/d": "3", "z": "4", "no": "5"})
		p.target(tree{"x": "stays"})
		sink := &recorder{}
		list := "z\r\nb/d\n\nmissing/too\nb/c\nz\nno\n"
		o := engine.RunOptions{Report: sink, FilesFrom: strings.NewReader(list), Filters: []walker.Rule{{Pattern: "no"}}}
		sum, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{RunOptions: o})
		must(t, err)
		same(t, "brought", sink.keys(report.Done), []string{"b/c", "b/d", "z"})
		same(t, "failed", sink.keys(report.Failed), []string{"missing/too"})
		if sum.Exit() != 1 {
			t.Errorf("exit code %d", sum.Exit())
		}
		expect(t, "destination", p.read(), tree{"b/c": "2", "b/d": "3", "z": "4", "x": "stays"})

		again, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{RunOptions: engine.RunOptions{FilesFrom: strings.NewReader("b/c\nz")}})
		whole(t, again, err)
		if again.Unchanged != 2 {
			t.Errorf("%+v", again)
		}
	})
}

// A name that no key can have is skipped by itself, and "." means nothing.
func TestFilesFromWithOddNames(t *testing.T) {
	s := newShop(t, "bbb")
	dir := tree{"a": "1", "d/z": "2"}.write(t, t.TempDir())
	for range 2 {
		sink := &recorder{}
		sum, err := newEngine(t, s.options()).Sync(t.Context(), engine.Dir(dir), engine.Bucket("bbb", ""), engine.SyncOptions{RunOptions: engine.RunOptions{
			Report: sink, FilesFrom: strings.NewReader("\ufeff./d//z\n.\nb\xff\na\n"),
		}})
		whole(t, sum, err)
		if got := sink.keys(report.Warning); !slices.Equal(got, []string{"b\xff"}) || sum.Exit() != 2 || sum.Skipped != 1 {
			t.Errorf("skipped %q: %+v", got, sum)
		}
		same(t, "there", s.keys(t, "bbb"), []string{"a", "d/z"})
	}
}

// Of a list that is not one, nothing is done.
func TestFilesFromRefuses(t *testing.T) {
	pairs(t, func(t *testing.T, p pair) {
		p.source(tree{"a": "1"})
		for _, list := range []string{"a\n../b\n", "/a", "a\nb/../../c", "a\x00b\x00"} {
			_, err := p.eng.Copy(t.Context(), p.src, p.dst, engine.CopyOptions{RunOptions: engine.RunOptions{FilesFrom: strings.NewReader(list)}})
			isUsage(t, err)
		}
		_, err := p.eng.Sync(t.Context(), p.src, p.dst, engine.SyncOptions{Delete: true, RunOptions: engine.RunOptions{FilesFrom: strings.NewReader("a")}})
		isUsage(t, err)
		expect(t, "destination", p.read(), tree{})
	})
}

func TestGlob(t *testing.T) {
	s := newShop(t, "bbb", "ccc")
	eng := newEngine(t, s.options())
	s.put(t, "bbb", tree{"p/x1.jpg": "1", "p/x2.jpg": "22", "p/xd/y.jpg": "333", "p/x.png": "1", "p/y.jpg": "1", "px.jpg": "1", "p/x[1].jpg": "1"})
	for _, q := range []struct {
		pattern string
		want    []string
	}{
		{"p/x*.jpg", []string{"x1.jpg", "x2.jpg", "x[1].jpg", "xd/y.jpg"}},
		{"p/x?.jpg", []string{"x1.jpg", "x2.jpg"}},
		{"p/x[13-9].jpg", []string{"x1.jpg"}},
		{"p/x[!1].jpg", []string{"x2.jpg"}},
		{"p/x[[]1].jpg", []string{"x[1].jpg"}},
		{"p*/x1.jpg", []string{"p/x1.jpg"}},
		{"*.png", []string{"p/x.png"}},
		{"p/y.jpg", []string{"y.jpg"}},
		{"q*", nil},
	} {
		dir := t.TempDir()
		sum, err := eng.Copy(t.Context(), engine.Glob("bbb", q.pattern), engine.Dir(dir), engine.CopyOptions{})
		whole(t, sum, err)
		same(t, q.pattern, readDir(t, dir).keys(), q.want)
	}
	u, err := eng.Usage(t.Context(), engine.Glob("bbb", "p/x*.jpg"), engine.UsageOptions{Depth: 1})
	if err != nil || u.Total.Objects != 4 || u.Total.Bytes != 7 || len(u.Prefixes) != 1 || u.Prefixes[0].Name != "p/xd/" {
		t.Errorf("usage: %+v, %v", u, err)
	}
	var listed []string
	for e, err := range eng.List(t.Context(), engine.Glob("bbb", "p/*.png"), engine.ListOptions{ByLevel: true}) {
		must(t, err)
		listed = append(listed, e.Key)
	}
	same(t, "list", listed, []string{"p/x.png"})

	sum, err := eng.Move(t.Context(), engine.Glob("bbb", "p/x?.jpg"), engine.Bucket("ccc", "to/"), engine.MoveOptions{})
	whole(t, sum, err)
	same(t, "moved", s.keys(t, "ccc"), []string{"to/x1.jpg", "to/x2.jpg"})
	sum, err = eng.Move(t.Context(), engine.Glob("bbb", "p/x*.png"), engine.Bucket("bbb", "p/kept/"), engine.MoveOptions{})
	whole(t, sum, err)
	sum, err = eng.Remove(t.Context(), engine.Glob("bbb", "p/[xy]*.jpg"), engine.RemoveOptions{})
	whole(t, sum, err)
	same(t, "left", s.keys(t, "bbb"), []string{"p/kept/x.png", "px.jpg"})

	for _, err := range []error{
		errOf(eng.Sync(t.Context(), engine.Glob("bbb", "p*"), engine.Dir(t.TempDir()), engine.SyncOptions{})),
		errOf(eng.Copy(t.Context(), engine.Dir(t.TempDir()), engine.Glob("bbb", "p*"), engine.CopyOptions{})),
		errOf(eng.Move(t.Context(), engine.Glob("bbb", "p*"), engine.Bucket("bbb", "p/q/"), engine.MoveOptions{})),
		errOf(eng.Purge(t.Context(), engine.Glob("bbb", "p*"), engine.PurgeOptions{})),
		errOf(eng.Verify(t.Context(), engine.Glob("bbb", "p*"), engine.Bucket("ccc", ""), engine.VerifyOptions{})),
	} {
		isUsage(t, err)
	}
}

func errOf(_ engine.Summary, err error) error { return err }

// What is archived is neither read nor moved nor deleted, and is told of.
func TestArchived(t *testing.T) {
	s := newShop(t, "bbb", "ccc")
	eng := newEngine(t, s.options())
	cold := func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassDeepArchive }
	s.put(t, "bbb", tree{"cold": "1", "cold-too": "1"}, cold)
	s.put(t, "bbb", tree{"instant": "1"}, func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassGlacierIr })
	s.put(t, "bbb", tree{"warm": "1"})
	s.put(t, "ccc", tree{"cold": "older", "gone": "x"})

	for _, q := range []struct {
		name string
		run  func(o engine.RunOptions) (engine.Summary, error)
	}{
		{"down", func(o engine.RunOptions) (engine.Summary, error) {
			dir := t.TempDir()
			sum, err := eng.Copy(t.Context(), engine.Bucket("bbb", ""), engine.Dir(dir), engine.CopyOptions{RunOptions: o})
			expect(t, "down", readDir(t, dir), tree{"instant": "1", "warm": "1"})
			return sum, err
		}},
		{"one", func(o engine.RunOptions) (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Object("bbb", "cold"), engine.File(filepath.Join(t.TempDir(), "f")), engine.CopyOptions{RunOptions: o})
		}},
		{"sync inside", func(o engine.RunOptions) (engine.Summary, error) {
			sum, err := eng.Sync(t.Context(), engine.Bucket("bbb", ""), engine.Bucket("ccc", ""), engine.SyncOptions{RunOptions: o, Delete: true})
			same(t, "in c", s.keys(t, "ccc"), []string{"cold", "instant", "warm"})
			return sum, err
		}},
		{"move", func(o engine.RunOptions) (engine.Summary, error) {
			sum, err := eng.Move(t.Context(), engine.Bucket("bbb", "cold"), engine.Bucket("ccc", "moved"), engine.MoveOptions{RunOptions: o})
			same(t, "in b", s.keys(t, "bbb"), []string{"cold", "cold-too", "instant", "warm"})
			return sum, err
		}},
		{"dry", func(o engine.RunOptions) (engine.Summary, error) {
			o.DryRun = true
			return eng.Copy(t.Context(), engine.Bucket("bbb", "col"), engine.Dir(t.TempDir()), engine.CopyOptions{RunOptions: o})
		}},
	} {
		sink := &recorder{}
		sum, err := q.run(engine.RunOptions{Report: sink})
		if err != nil || sum.Failed != 0 || sum.Exit() != 2 || sum.Skipped == 0 {
			t.Errorf("%s: %v; %+v", q.name, err, sum)
		}
		for _, e := range sink.all {
			if e.Kind == report.Warning && !strings.Contains(e.Err.Error(), "s3://bbb/cold. Object is of storage class GLACIER. Unable to perform ") &&
				!strings.Contains(e.Err.Error(), "s3://bbb/cold-too. Object is") {
				t.Errorf("%s: %v", q.name, e.Err)
			}
		}
		if sum, err = q.run(engine.RunOptions{IgnoreGlacierWarnings: true}); err != nil || sum.Exit() != 0 {
			t.Errorf("%s, silently: %v; %+v", q.name, err, sum)
		}
	}
	sum, err := eng.Copy(t.Context(), engine.Object("bbb", "cold"), engine.File(filepath.Join(t.TempDir(), "f")), engine.CopyOptions{RunOptions: engine.RunOptions{ForceGlacier: true}})
	if err != nil || sum.Skipped != 0 || sum.Failed+sum.Ops[report.Download].Objects != 1 {
		t.Errorf("forced: %v; %+v", err, sum)
	}
}

// Between two stores the same names are other places, and what is moved goes from
// the store that it was in.
func TestTwoStores(t *testing.T) {
	from, to := newShop(t, "bbb"), newShop(t, "bbb")
	o := to.options()
	o.Source = &engine.Remote{EndpointURL: from.URL}
	eng := newEngine(t, o)
	from.put(t, "bbb", tree{"p/a": "1", "p/b": "2", "p/c": "3"})
	to.put(t, "bbb", tree{"p/b": "2", "p/c": "other", "p/gone": "x"})
	at := engine.Bucket("bbb", "p/")
	sum, err := eng.Sync(t.Context(), at, at, engine.SyncOptions{Delete: true})
	whole(t, sum, err)
	same(t, "synced", to.keys(t, "bbb"), []string{"p/a", "p/b", "p/c"})
	ver, err := eng.Verify(t.Context(), at, at, engine.VerifyOptions{})
	if err != nil || ver.Exit() != 0 {
		t.Errorf("verify: %v; %+v", err, ver)
	}
	from.put(t, "bbb", tree{"p/a": "newer"}) // of one time with its copy, it might be that by another address
	sum, err = eng.Move(t.Context(), engine.Object("bbb", "p/a"), engine.Object("bbb", "p/a"), engine.MoveOptions{})
	whole(t, sum, err)
	sum, err = eng.Move(t.Context(), at, engine.Bucket("bbb", "p/q/"), engine.MoveOptions{RunOptions: engine.RunOptions{
		Filters: []walker.Rule{{Pattern: "q/*"}}, // else it may be inside of itself
	}})
	whole(t, sum, err)
	same(t, "left at the source", from.keys(t, "bbb"), nil)
	same(t, "moved", to.keys(t, "bbb"), []string{"p/a", "p/b", "p/c", "p/q/b", "p/q/c"})
}

// All that a run asks says who pays.
func TestRequestPayer(t *testing.T) {
	var mu sync.Mutex
	unpaid := map[string]int{}
	inner := newShop(t, "bbb", "ccc")
	inner.put(t, "bbb", numbered("n", 3))
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Request-Payer") != "requester" {
			mu.Lock()
			unpaid[operation(r)+" "+r.Method+" "+r.URL.Path]++
			mu.Unlock()
		}
		inner.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	for _, sdk := range []bool{false, true} {
		o := inner.options()
		o.EndpointURL, o.SDK = proxy.URL, sdk
		eng := newEngine(t, o)
		pays := engine.RunOptions{Attributes: engine.Attributes{RequestPayer: true}}
		dir := t.TempDir()
		sum, err := eng.Copy(t.Context(), engine.Bucket("bbb", ""), engine.Dir(dir), engine.CopyOptions{RunOptions: pays})
		whole(t, sum, err)
		sum, err = eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket("ccc", ""), engine.SyncOptions{RunOptions: pays})
		whole(t, sum, err)
		sum, err = eng.Move(t.Context(), engine.Bucket("ccc", ""), engine.Bucket("ccc", "d/"), engine.MoveOptions{RunOptions: pays})
		isUsage(t, err)
		if sum.Failed != 0 {
			t.Errorf("%+v", sum)
		}
		sum, err = eng.Move(t.Context(), engine.Bucket("ccc", "n"), engine.Bucket("ccc", "m"), engine.MoveOptions{RunOptions: pays})
		whole(t, sum, err)
		sum, err = eng.Sync(t.Context(), engine.Dir(dir), engine.Bucket("ccc", ""), engine.SyncOptions{Delete: true, RunOptions: pays})
		whole(t, sum, err)
		_, err = eng.Usage(t.Context(), engine.Bucket("ccc", ""), engine.UsageOptions{RequestPayer: true})
		must(t, err)
		sum, err = eng.Remove(t.Context(), engine.Object("ccc", "n00"), engine.RemoveOptions{RunOptions: pays})
		whole(t, sum, err)
		sum, err = eng.Remove(t.Context(), engine.Bucket("ccc", ""), engine.RemoveOptions{RunOptions: pays})
		whole(t, sum, err)
		mu.Lock()
		if len(unpaid) > 0 {
			t.Errorf("with the SDK's client %v: unpaid %v", sdk, unpaid)
		}
		clear(unpaid)
		mu.Unlock()
	}
}

// An object is copied onto itself where that gives it something; a tree only then.
func TestOntoItself(t *testing.T) {
	s := newShop(t, "bbb")
	eng := newEngine(t, s.options())
	s.put(t, "bbb", tree{"p/a": "1", "p/b": "2"})
	at := engine.Bucket("bbb", "p/")
	isUsage(t, errOf(eng.Copy(t.Context(), at, at, engine.CopyOptions{})))
	isUsage(t, errOf(eng.Sync(t.Context(), at, at, engine.SyncOptions{})))
	dressed := engine.RunOptions{Attributes: engine.Attributes{StorageClass: "STANDARD_IA"}}
	isUsage(t, errOf(eng.Move(t.Context(), at, at, engine.MoveOptions{RunOptions: dressed})))
	sum, err := eng.Copy(t.Context(), at, at, engine.CopyOptions{RunOptions: dressed})
	whole(t, sum, err)
	same(t, "there", s.keys(t, "bbb"), []string{"p/a", "p/b"})
	if sum.Ops[report.Copy].Objects != 2 {
		t.Errorf("%+v", sum.Ops)
	}
}

// A move by way of an access point may be one onto itself: it deletes nothing.
func TestMoveByAnAccessPoint(t *testing.T) {
	s := newShop(t, "bbb", "ooo")
	s.put(t, "bbb", tree{"k": "1", "p/a": "1", "p/b": "2"})
	s.put(t, "ooo", tree{"o": "1"})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, "-s3alias", "", 1)
		r.RequestURI = strings.Replace(r.RequestURI, "-s3alias", "", 1)
		if from := r.Header.Get("X-Amz-Copy-Source"); from != "" {
			r.Header.Set("X-Amz-Copy-Source", strings.Replace(from, "-s3alias", "", 1))
		}
		s.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	o := s.options()
	o.EndpointURL = proxy.URL
	eng := newEngine(t, o)
	for _, q := range []struct{ src, dst engine.Location }{
		{engine.Object("bbb-s3alias", "k"), engine.Object("bbb", "k")},
		{engine.Object("bbb", "k"), engine.Object("bbb-s3alias", "k")},
		{engine.Bucket("bbb-s3alias", "p/"), engine.Bucket("bbb", "p/")},
	} {
		sum, err := eng.Move(t.Context(), q.src, q.dst, engine.MoveOptions{})
		if err != nil || sum.Failed == 0 || sum.Exit() != 1 {
			t.Errorf("%s to %s: %v; %+v", q.src, q.dst, err, sum)
		}
	}
	same(t, "there", s.keys(t, "bbb"), []string{"k", "p/a", "p/b"})
	for _, q := range []struct{ src, dst engine.Location }{
		{engine.Object("bbb-s3alias", "k"), engine.Object("bbb", "l")},
		{engine.Object("ooo-s3alias", "o"), engine.Object("bbb", "o")},
	} {
		sum, err := eng.Move(t.Context(), q.src, q.dst, engine.MoveOptions{})
		whole(t, sum, err)
	}
	same(t, "there then", s.keys(t, "bbb"), []string{"l", "o", "p/a", "p/b"})
}

// A list that is read when the caller gives up does not hold the run.
func TestFilesFromIsInterrupted(t *testing.T) {
	s := newShop(t, "bbb")
	eng := newEngine(t, s.options())
	list := &slowList{begun: make(chan struct{}), end: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-list.begun
		cancel()
	}()
	_, err := eng.Copy(ctx, engine.Bucket("bbb", ""), engine.Dir(t.TempDir()), engine.CopyOptions{RunOptions: engine.RunOptions{FilesFrom: list}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(list.end)
}

// slowList has nothing to read until the end.
type slowList struct {
	once       sync.Once
	begun, end chan struct{}
}

func (l *slowList) Read([]byte) (int, error) {
	l.once.Do(func() { close(l.begun) })
	<-l.end
	return 0, context.DeadlineExceeded
}
