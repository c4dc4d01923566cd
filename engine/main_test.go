package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker/local"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	if syncAsSomebody() {
		return
	}
	os.Exit(wiretest.Main(m))
}

// options are those for the store that tests run against.
func options(t testing.TB) engine.Options {
	t.Helper()
	target := wiretest.Endpoint(t)
	o := engine.Options{EndpointURL: target.Endpoint, Region: target.Region, SDK: wiretest.SDK()}
	if target.SessionToken == "" { // else they are in the environment, all three
		o.AccessKeyID, o.SecretAccessKey = target.AccessKeyID, target.SecretAccessKey
	}
	return o
}

func newEngine(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	eng, err := engine.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, eng.Close()) })
	return eng
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorder is a Sink that keeps what it is told; on is called for each event.
type recorder struct {
	on func(report.Event)

	mu  sync.Mutex
	all []report.Event
}

func (r *recorder) Report(e report.Event) {
	r.mu.Lock()
	r.all = append(r.all, e)
	r.mu.Unlock()
	if r.on != nil {
		r.on(e)
	}
}

// keys are those of the events of a kind, sorted; op limits them if given.
func (r *recorder) keys(kind report.Kind, op ...report.Op) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := []string{}
	for _, e := range r.all {
		if e.Kind == kind && (len(op) == 0 || slices.Contains(op, e.Op)) {
			keys = append(keys, e.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// requests counts by operation, as Options.OnAttempt.
type requests struct {
	mu sync.Mutex
	n  map[string]int
}

func (r *requests) count(op string, _ time.Duration, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = map[string]int{}
	}
	r.n[op]++
}

// take returns the counts since the last take.
func (r *requests) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.n
	r.n = nil
	return n
}

// tree is a set of files or objects: their contents by key.
type tree map[string]string

func (w tree) keys() []string { return slices.Sorted(maps.Keys(w)) }

// with is w and more.
func (w tree) with(more tree) tree {
	all := maps.Clone(w)
	maps.Copy(all, more)
	return all
}

// past is the time of files that are made here: well before any object's.
func past() time.Time { return time.Now().Add(-time.Hour).Truncate(time.Second) }

// write makes the files of w below dir; a key that ends in '/' is an empty
// directory.
func (w tree) write(t testing.TB, dir string) string {
	t.Helper()
	for key, content := range w {
		name := filepath.Join(dir, filepath.FromSlash(key))
		if strings.HasSuffix(key, "/") {
			must(t, os.MkdirAll(name, 0o777))
			continue
		}
		must(t, os.MkdirAll(filepath.Dir(name), 0o777))
		must(t, os.WriteFile(name, []byte(content), 0o666))
		must(t, os.Chtimes(name, past(), past()))
	}
	return dir
}

// put makes the objects of w in a bucket.
func (w tree) put(t testing.TB, bucket string) {
	t.Helper()
	c := wiretest.Endpoint(t).Client(t)
	for key, content := range w {
		putObject(t, c, bucket, key, content)
	}
}

func putObject(t testing.TB, c *s3.Client, bucket, key, content string) {
	t.Helper()
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(content),
	}); err != nil {
		t.Fatalf("putting %q: %v", key, err)
	}
}

// readDir is what is below dir. A temporary file of a download fails the test.
func readDir(t testing.TB, dir string) tree {
	t.Helper()
	w := tree{}
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if local.IsTemp(path.Base(name)) {
			t.Errorf("a temporary file is left: %s", name)
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		w[filepath.ToSlash(rel)] = string(b)
		return err
	}))
	return w
}

// readBucket is what is in a bucket.
func readBucket(t testing.TB, bucket string) tree {
	t.Helper()
	c := wiretest.Endpoint(t).Client(t)
	w := tree{}
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	for pages.HasMorePages() {
		p, err := pages.NextPage(t.Context())
		must(t, err)
		for i := range p.Contents {
			key := aws.ToString(p.Contents[i].Key)
			out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
			must(t, err)
			b, err := io.ReadAll(out.Body)
			must(t, errors.Join(err, out.Body.Close()))
			w[key] = string(b)
		}
	}
	return w
}

// expect compares two trees.
func expect(t testing.TB, where string, got, want tree) {
	t.Helper()
	for _, key := range want.keys() {
		if content, ok := got[key]; !ok {
			t.Errorf("%s: %q is not there", where, key)
		} else if content != want[key] {
			t.Errorf("%s: %q has another content: %d bytes, want %d", where, key, len(content), len(want[key]))
		}
	}
	for _, key := range got.keys() {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %q should not be there", where, key)
		}
	}
}

// whole says that a run did what it was to do, without a failure.
func whole(t testing.TB, sum engine.Summary, err error) {
	t.Helper()
	if err != nil || sum.Err() != nil {
		t.Fatalf("the run ended with %v; %v", err, sum.Err())
	}
}

// sha256File is the sum of a file's content.
func sha256File(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	must(t, err)
	return h.Sum(nil)
}

func sameFile(t testing.TB, a, b string) {
	t.Helper()
	if !bytes.Equal(sha256File(t, a), sha256File(t, b)) {
		t.Errorf("%s and %s have different contents", a, b)
	}
}

// within runs fn, and fails the test where it has not ended long after it
// should have: a guard against a hang, not a measurement.
func within(t testing.TB, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("still running after a minute")
	}
}

// afterwards is a context for cleanups: the test's own has ended by then.
func afterwards(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }
