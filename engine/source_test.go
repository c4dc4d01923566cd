package engine_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/walker"
)

// otherStore is a store with keys of its own, which remembers what was asked of it.
type otherStore struct {
	*httptest.Server
	id, secret string

	mu      sync.Mutex
	methods map[string]int
	refused int
}

func newOther(t *testing.T, name, region string, buckets ...string) *otherStore {
	t.Helper()
	o := &otherStore{id: "AKIA" + strings.ToUpper(name), secret: name + "/secret", methods: map[string]int{}}
	sim, err := s3sim.New(s3sim.Options{AccessKeyID: o.id, SecretAccessKey: o.secret, Region: region, VerifySignatures: true, KeepBodies: 32 << 20})
	must(t, err)
	for _, b := range buckets {
		bucket, where, _ := strings.Cut(b, "@")
		must(t, sim.AddBucket(bucket, where))
	}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusOf{ResponseWriter: w}
		sim.ServeHTTP(seen, r)
		what := r.Method
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			what = "COPY"
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.methods[what]++
		if seen.status == http.StatusBadRequest || seen.status == http.StatusMovedPermanently {
			o.refused++
		}
	}))
	t.Cleanup(o.Close)
	return o
}

type statusOf struct {
	http.ResponseWriter
	status int
}

func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (o *otherStore) options() engine.Options {
	return engine.Options{EndpointURL: o.URL, AccessKeyID: o.id, SecretAccessKey: o.secret}
}

// counts are the requests since the last time, and how many were refused.
func (o *otherStore) counts() (methods map[string]int, refused int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	methods, refused = o.methods, o.refused
	o.methods, o.refused = map[string]int{}, 0
	return methods, refused
}

// fill puts a few objects into a bucket, a large one among them.
func (o *otherStore) fill(t *testing.T, bucket string) tree {
	t.Helper()
	dir := t.TempDir()
	numbered("d", 20).write(t, dir)
	largeFile(t, filepath.Join(dir, "large"), 9*mib)
	_, err := newEngine(t, o.options()).Sync(t.Context(), engine.Dir(dir), engine.Bucket(bucket, ""), engine.SyncOptions{})
	must(t, err)
	o.counts()
	return readDir(t, dir)
}

// From one store to another that has a bucket of the same name, each is asked with
// its own keys, and with what concerns it alone, however the source is named.
func TestSourceElsewhere(t *testing.T) {
	from := newOther(t, "from", "eu-west-3", "same@eu-west-3")
	to := newOther(t, "to", "us-east-1", "same")
	want := from.fill(t, "same")
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte("[profile from]\nregion = eu-west-3\nendpoint_url = "+from.URL+"\naws_access_key_id = "+from.id+"\naws_secret_access_key = "+from.secret+"\n"), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	dialled := to.options()
	dialled.EndpointURL, dialled.Region = "http://embedded.invalid", "us-east-1"
	dialled.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to.Listener.Addr().String())
	}
	for _, q := range []struct {
		what   string
		o      engine.Options
		source engine.Remote
	}{
		{"by endpoint and keys", to.options(), engine.Remote{EndpointURL: from.URL, AccessKeyID: from.id, SecretAccessKey: from.secret}},
		{"by profile", to.options(), engine.Remote{Profile: "from"}},
		{"into what is dialled", dialled, engine.Remote{Profile: "from"}},
	} {
		q.o.Source = &q.source
		eng := newEngine(t, q.o)
		sum, err := eng.Sync(t.Context(), engine.Bucket("same", ""), engine.Bucket("same", q.what+"/"), engine.SyncOptions{
			RunOptions: engine.RunOptions{Filters: []walker.Rule{{Pattern: q.what + "/*"}}}, // else they may be one bucket
		})
		must(t, err)
		must(t, sum.Err())
		there, _ := from.counts()
		here, _ := to.counts()
		if there["PUT"]+there["POST"]+there["DELETE"]+there["COPY"] != 0 || there["GET"] < 22 {
			t.Errorf("%s: the source was asked %v", q.what, there)
		}
		if here["COPY"] != 0 || here["PUT"] < 21 {
			t.Errorf("%s: the destination was asked %v", q.what, here)
		}
		dir := t.TempDir()
		_, err = newEngine(t, to.options()).Sync(t.Context(), engine.Bucket("same", q.what+"/"), engine.Dir(dir), engine.SyncOptions{})
		must(t, err)
		if got := readDir(t, dir); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d files arrived, want %d", q.what, len(got), len(want))
		}
		to.counts()
	}
}

// A region alone is another in the same store: that copies by itself, and is asked
// in the right region at once.
func TestSourceInAnotherRegion(t *testing.T) {
	s := newOther(t, "both", "us-east-1", "far@eu-west-3", "near")
	s.fill(t, "far")
	o := s.options()
	o.Region, o.Source = "us-east-1", &engine.Remote{Region: "eu-west-3"}
	sum, err := newEngine(t, o).Sync(t.Context(), engine.Bucket("far", ""), engine.Bucket("near", ""), engine.SyncOptions{})
	must(t, err)
	must(t, sum.Err())
	if asked, refused := s.counts(); asked["COPY"] < 21 || asked["PUT"] != 0 || refused != 0 {
		t.Errorf("asked %v, %d refused", asked, refused)
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	to := newOther(t, "to", "us-east-1")
	for what, source := range map[string]engine.Remote{
		"endpoint": {EndpointURL: "store.example:9000"}, "half of a pair": {AccessKeyID: "AKIAHALF"}, "region": {Region: "eu west"},
	} {
		o := to.options()
		o.Source = &source
		if _, err := engine.New(t.Context(), o); !errors.Is(err, engine.ErrUsage) || !strings.Contains(err.Error(), "the source: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	o := to.options()
	o.Source = &engine.Remote{Profile: "absent"}
	var unknown config.SharedConfigProfileNotExistError
	if _, err := engine.New(t.Context(), o); !errors.As(err, &unknown) {
		t.Errorf("a profile that is not there: %v", err)
	}
	if asked, _ := to.counts(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}
