package wiretest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// recorder is a test that is told of failures and cleanups, and keeps them.
type recorder struct {
	testing.TB
	errs     []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}

// end runs the cleanups as package testing does, and returns what failed.
func (r *recorder) end() string {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return strings.Join(r.errs, "\n")
}

func put(t *testing.T, c *s3.Client, bucket, key string, change func(*s3.PutObjectInput)) {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")}
	if change != nil {
		change(in)
	}
	if _, err := c.PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func expectGone(t *testing.T, c *s3.Client, bucket string) {
	t.Helper()
	_, err := c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
	if _, ok := errors.AsType[*types.NotFound](err); !ok {
		t.Errorf("bucket %s after its test: %v, want NotFound", bucket, err)
	}
}

// The environment of the people who run the tests must not matter.
func TestEnvironmentIsIgnored(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	t.Setenv("HTTPS_PROXY", "http://192.0.2.1:1")
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("AWS_PROFILE", "absent")
	t.Setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:1")
	b := Bucket(t)
	put(t, Endpoint(t).Client(t), b, "k", nil)
}

func TestBucketIsRemoved(t *testing.T) {
	c := Endpoint(t).Client(t)
	for name, opts := range map[string][]BucketOption{
		"plain": nil, "versioned": {Versioned()}, "lock": {ObjectLock()},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{TB: t}
			b := Bucket(r, opts...)
			if !strings.HasPrefix(b, bucketPrefix) || len(b) > 63 {
				t.Errorf("name of the bucket: %q", b)
			}
			for _, key := range []string{"a", "a", "a b+c%20/\u00e4", "dir/file", "<&>", "cr\r"} {
				put(t, c, b, key, nil)
			}
			for range 2 {
				if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("a")}); err != nil {
					t.Fatal(err)
				}
			}
			if name == "lock" {
				put(t, c, b, "held", func(in *s3.PutObjectInput) {
					in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn
				})
				put(t, c, b, "retained", func(in *s3.PutObjectInput) {
					in.ObjectLockMode = types.ObjectLockModeGovernance
					in.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(24 * time.Hour))
				})
			}
			if failed := r.end(); failed != "" {
				t.Error(failed)
			}
			expectGone(t, c, b)
		})
	}
}

// A key that the server cannot list must not fail a test that used one, nor
// keep the other keys, nor loop.
func TestUnlistableKey(t *testing.T) {
	target := Endpoint(t)
	c := target.Client(t)
	r := &recorder{TB: t}
	b := makeBucket(r, target)
	for _, key := range []string{"a", "ctl\x01", "z"} {
		put(t, c, b, key, nil)
	}
	if failed := r.end(); failed != "" && !target.external {
		t.Error(failed)
	}
	l, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &b})
	var gone *types.NoSuchBucket
	if err == nil && len(l.Contents) != 1 || err != nil && !errors.As(err, &gone) {
		t.Errorf("left in the bucket: %v, %v", l, err)
	}
}

func TestManyVersions(t *testing.T) {
	c := Endpoint(t).Client(t)
	r := &recorder{TB: t}
	b := Bucket(r, Versioned())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 275 { // more than one page of 1000
				_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String(fmt.Sprint(w, "/", i))})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if failed := r.end(); failed != "" {
		t.Error(failed)
	}
	expectGone(t, c, b)
}

func TestOpenUploads(t *testing.T) {
	c := Endpoint(t).Client(t)
	for _, allow := range []bool{false, true} {
		t.Run(fmt.Sprint("allowed ", allow), func(t *testing.T) {
			var opts []BucketOption
			if allow {
				opts = append(opts, AllowUploads())
			}
			r := &recorder{TB: t}
			b := Bucket(r, opts...)
			for _, key := range []string{"left/open", "left/open", "other"} {
				if _, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b, Key: &key}); err != nil {
					t.Fatal(err)
				}
			}
			failed := r.end()
			if allow && failed != "" {
				t.Errorf("allowed uploads failed the test: %s", failed)
			}
			if !allow && (strings.Count(failed, "left/open") != 2 || !strings.Contains(failed, "other")) {
				t.Errorf("the test failed with %q, want the three uploads", failed)
			}
			expectGone(t, c, b)
		})
	}
}

func TestExternalEndpoint(t *testing.T) {
	own := Endpoint(t)
	t.Setenv(endpointEnv, own.Endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", own.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", "")
	if _, err := endpoint(shared); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without a key: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", own.AccessKeyID)
	got := Endpoint(t)
	own.external = true
	if got != own {
		t.Errorf("the target is not what the environment says: endpoint %s, region %s", got.Endpoint, got.Region)
	}
	put(t, got.Client(t), Bucket(t), "k", nil)
}

type runner func() int

func (r runner) Run() int { return r() }

func TestMainCodes(t *testing.T) {
	s := &server{pkg: shared.pkg}
	if _, err := s.start(); err == nil {
		t.Error("a server without Main")
	}
	var target Target
	code := s.run(runner(func() int {
		var err error
		if target, err = s.start(); err != nil {
			t.Error(err)
		}
		if again, err := s.start(); err != nil || again != target {
			t.Errorf("second start: another server, or %v", err)
		}
		return 3
	}))
	if code != 3 {
		t.Errorf("code is %d, want the runner's 3", code)
	}
	if s.dir != "" || s.cmd != nil {
		t.Error("the server was not stopped")
	}
	if _, err := target.Client(t).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil {
		t.Error("the server still answers")
	}

	broken := &server{pkg: shared.pkg + "/absent"}
	code = broken.run(runner(func() int {
		_, err := broken.start()
		if err == nil || !strings.Contains(err.Error(), "absent") {
			t.Errorf("a command that cannot be built: %v", err)
		}
		if _, again := broken.start(); again == nil {
			t.Error("the second start of a command that cannot be built succeeded")
		}
		return 1
	}))
	if code != 1 {
		t.Errorf("code is %d, want 1", code)
	}

	// A goroutine that is left fails a run that was good.
	if code := (&server{}).run(runner(func() int { return 0 })); code != 0 {
		t.Errorf("code of a good run is %d", code)
	}
	stop := make(chan struct{})
	defer close(stop)
	code = (&server{}).run(runner(func() int {
		go func() { <-stop }()
		return 0
	}))
	if code != 1 {
		t.Errorf("code with a goroutine left is %d, want 1", code)
	}
}
