package engine_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

const secret = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYSECRETKEY"

func TestOptionsThatCannotBe(t *testing.T) {
	keys := func(o engine.Options) engine.Options {
		o.AccessKeyID, o.SecretAccessKey = "AKIDEXAMPLE", secret
		return o
	}
	for name, o := range map[string]engine.Options{
		"negative requests":      keys(engine.Options{MaxInFlight: -1}),
		"little memory":          keys(engine.Options{Memory: 16*mib - 1}),
		"negative memory":        keys(engine.Options{Memory: -1}),
		"small parts":            keys(engine.Options{PartSize: 5*mib - 1}),
		"large parts":            keys(engine.Options{PartSize: 5<<30 + 1}),
		"no URL":                 keys(engine.Options{EndpointURL: "host:9000"}),
		"another scheme":         keys(engine.Options{EndpointURL: "ftp://host"}),
		"no host":                keys(engine.Options{EndpointURL: "http://"}),
		"a password in the URL":  keys(engine.Options{EndpointURL: "https://user:" + secret + "@host"}),
		"no URL with a password": keys(engine.Options{EndpointURL: "ftp://user:" + secret + "@host"}),
		"a key without secret":   {AccessKeyID: "AKIDEXAMPLE"},
		"a secret without key":   {SecretAccessKey: secret},
		"no CA bundle":           keys(engine.Options{CABundle: filepath.Join(t.TempDir(), "absent")}),
	} {
		eng, err := engine.New(t.Context(), o)
		if !errors.Is(err, engine.ErrUsage) || eng != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error has the secret in it: %v", name, err)
		}
	}
	var profile config.SharedConfigProfileNotExistError
	if _, err := engine.New(t.Context(), engine.Options{Profile: "absent"}); !errors.As(err, &profile) || errors.Is(err, engine.ErrUsage) {
		t.Errorf("a profile that is not there: %v", err)
	}
	for name, o := range map[string]engine.Options{
		"least":    keys(engine.Options{MaxInFlight: 1, Memory: 16 * mib, PartSize: 5 * mib}),
		"defaults": keys(engine.Options{}),
		"unsigned": {NoSign: true},
	} {
		eng, err := engine.New(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		must(t, eng.Close())
	}
}

func TestNoCredentials(t *testing.T) {
	for _, v := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	} {
		t.Setenv(v, "")
	}
	var why *wire.CredentialsError
	if _, err := engine.New(t.Context(), engine.Options{}); !errors.Is(err, wire.ErrCredentials) || !errors.As(err, &why) || why.Advice() == "" {
		t.Errorf("without credentials: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if _, err := engine.New(ctx, engine.Options{}); !errors.Is(err, errStop) {
		t.Errorf("under a context that has ended: %v", err)
	}
}

func TestSyncOfWhatMakesNoSense(t *testing.T) {
	var sent requests
	o := options(t)
	o.OnAttempt = sent.count
	eng := newEngine(t, o)
	dir := tree{"a": "1"}.write(t, t.TempDir())
	file, absent := filepath.Join(dir, "a"), filepath.Join(dir, "absent")
	for _, c := range [][2]engine.Location{
		{engine.Dir(dir), engine.Dir(absent)},
		{engine.Bucket("one", ""), engine.Bucket("one", "")},
		{engine.Object("one", "a"), engine.Object("two", "a")},
		{engine.File(file), engine.Bucket("one", "")},
		{engine.Dir(dir), engine.Object("one", "a")},
		{engine.Dir(file), engine.Bucket("one", "")}, // a file
		{engine.Dir(dir), engine.Bucket("no/bucket", "")},
		{engine.Dir(dir), engine.Location{}},
	} {
		if _, err := eng.Sync(t.Context(), c[0], c[1], engine.SyncOptions{MakeBucket: true}); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s to %s: %v", c[0], c[1], err)
		}
	}
	var missing *engine.MissingError
	_, err := eng.Sync(t.Context(), engine.Dir(absent), engine.Bucket("one", ""), engine.SyncOptions{MakeBucket: true, Delete: true, AllowEmptySource: true})
	if !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if n := sent.take(); len(n) != 0 {
		t.Errorf("requests %v for what makes no sense", n)
	}
	expect(t, "dir", readDir(t, dir), tree{"a": "1"})
}

// Engines with other credentials and other endpoints live beside each other.
func TestTwoEngines(t *testing.T) {
	bucket := wiretest.Bucket(t)
	files := numbered("k", 20)
	files.put(t, bucket)

	var mu sync.Mutex
	var signed []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		signed = append(signed, r.Header.Get("Authorization"))
		mu.Unlock()
		_, _ = io.WriteString(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
	}))
	defer other.Close()

	good := newEngine(t, options(t))
	o := options(t)
	id := wiretest.Endpoint(t).AccessKeyID
	o.AccessKeyID, o.SecretAccessKey = id, secret
	wrong := newEngine(t, o)
	elsewhere := newEngine(t, engine.Options{EndpointURL: other.URL, AccessKeyID: "AKIDOTHER", SecretAccessKey: secret, Region: "eu-west-1"})

	var wg sync.WaitGroup
	dir := t.TempDir()
	wg.Go(func() {
		sum, err := good.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(filepath.Join(dir, "good")), engine.SyncOptions{})
		if err != nil || sum.Err() != nil {
			t.Errorf("the right credentials: %v; %v", err, sum.Err())
		}
	})
	wg.Go(func() {
		sum, err := wrong.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(filepath.Join(dir, "wrong")), engine.SyncOptions{})
		if wire.Code(err) != "SignatureDoesNotMatch" || len(sum.Ops) != 0 {
			t.Errorf("the wrong credentials: %v; %+v", err, sum)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error has the secret in it: %v", err)
		}
	})
	wg.Go(func() {
		for range 5 {
			sum, err := elsewhere.Sync(t.Context(), engine.Bucket(bucket, ""), engine.Dir(filepath.Join(dir, "other")), engine.SyncOptions{})
			if err != nil || len(sum.Ops) != 0 {
				t.Errorf("the other endpoint: %v; %+v", err, sum)
			}
		}
	})
	wg.Wait()
	expect(t, "dir", readDir(t, filepath.Join(dir, "good")), files)
	if len(signed) != 5 {
		t.Errorf("the other endpoint was asked %d times, want 5", len(signed))
	}
	for _, header := range signed {
		if !strings.Contains(header, "Credential=AKIDOTHER/") || !strings.Contains(header, "/eu-west-1/s3/") || strings.Contains(header, id) {
			t.Errorf("a request to the other endpoint is signed %s", header)
		}
	}
}

// One engine carries several runs at once, within its bounds together.
func TestRunsAtOnce(t *testing.T) {
	o := options(t)
	o.MaxInFlight = 3
	eng := newEngine(t, o)
	bucket, dir := wiretest.Bucket(t), t.TempDir()
	want := tree{}
	for _, run := range []string{"a", "b", "c", "d"} {
		numbered("k", 40).write(t, filepath.Join(dir, run))
		for key, content := range numbered("k", 40) {
			want[run+"/"+key] = content
		}
	}
	var wg sync.WaitGroup
	for _, run := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			sum, err := eng.Sync(t.Context(), engine.Dir(filepath.Join(dir, run)), engine.Bucket(bucket, run+"/"), engine.SyncOptions{Delete: true})
			if err != nil || sum.Err() != nil {
				t.Errorf("%s: %v; %v", run, err, sum.Err())
			}
		})
	}
	wg.Wait()
	expect(t, "bucket", readBucket(t, bucket), want)
	if s := eng.PoolStats(); s.MostInFlight > 3 || s.InFlight != 0 || s.Reserved != 0 {
		t.Errorf("%+v", s)
	}
}

// Names are reported as a person would write them, from where the program runs.
func TestNamesInEvents(t *testing.T) {
	t.Chdir(t.TempDir())
	tree{"here/a": "1", "here/d/b": "2"}.write(t, ".")
	bucket := wiretest.Bucket(t)
	sink := &recorder{}
	sum, err := newEngine(t, options(t)).Sync(t.Context(), engine.Dir("here"), engine.Bucket(bucket, "p/"), engine.SyncOptions{
		RunOptions: engine.RunOptions{Report: sink},
	})
	whole(t, sum, err)
	got := map[string]string{}
	for _, e := range sink.all {
		if e.Src != "" {
			got[e.Src] = e.Dst
		}
	}
	for src, dst := range map[string]string{"here/a": "p/a", "here/d/b": "p/d/b"} {
		if got[filepath.FromSlash(src)] != "s3://"+bucket+"/"+dst {
			t.Errorf("%s went to %q; all: %v", src, got[filepath.FromSlash(src)], got)
		}
	}
	t.Chdir("here")
	sink = &recorder{}
	sum, err = newEngine(t, options(t)).Sync(t.Context(), engine.Dir("."), engine.Bucket(bucket, "q/"), engine.SyncOptions{
		RunOptions: engine.RunOptions{Report: sink},
	})
	whole(t, sum, err)
	for _, e := range sink.all {
		if e.Key == "a" && e.Src != "."+string(filepath.Separator)+"a" {
			t.Errorf("a file in the working directory is named %q", e.Src)
		}
	}
}
