//go:build !nogateway

package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// putGet makes a versioned bucket, writes a key twice, and expects both
// versions, the newer content, and a copy.
func putGet(t *testing.T, s *Server, bucket string) {
	t.Helper()
	c, done := client(s)
	defer done()
	ctx := t.Context()
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"old", "newer"} {
		if _, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("a/b"), Body: strings.NewReader(text),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &bucket, Key: aws.String("copy"), CopySource: aws.String(bucket + "/a/b"),
	}); err != nil {
		t.Fatal(err)
	}
	expectContent(t, s, bucket, "a/b", "newer")
	expectContent(t, s, bucket, "copy", "newer")
	l, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("a/")})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Versions) != 2 || !aws.ToBool(l.Versions[0].IsLatest) || aws.ToBool(l.Versions[1].IsLatest) {
		t.Errorf("versions of a/b: %+v, want 2 with the first the latest", l.Versions)
	}
}

func expectContent(t *testing.T, s *Server, bucket, key, want string) {
	t.Helper()
	c, done := client(s)
	defer done()
	g, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(g.Body)
	if err := errors.Join(err, g.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is %q, want %q", key, got, want)
	}
}

func TestRoundTripAndSecondStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s := startServer(t, Options{Dir: dir})
	access, secret := s.Credentials()
	putGet(t, s, "bucket")
	socket := s.socket
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("Err after Close: %v", err)
	}
	if socket != "" {
		if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket's directory is still there: %v", err)
		}
	}
	if conn, err := s.Dial(t.Context(), "tcp", "localhost:80"); err == nil {
		_ = conn.Close()
		t.Error("a closed server takes connections")
	}

	again := startServer(t, Options{Dir: dir})
	if a, sec := again.Credentials(); a != access || sec != secret {
		t.Error("the second start has other credentials")
	}
	expectContent(t, again, "bucket", "a/b", "newer")
}

func TestSidecar(t *testing.T) {
	dir := t.TempDir()
	text := `{"format":1,"access_key_id":"AK","secret_access_key":"SK","metadata":"sidecar"}`
	if err := os.WriteFile(filepath.Join(dir, markerName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, Options{Dir: dir})
	if a, sec := s.Credentials(); a != "AK" || sec != "SK" {
		t.Errorf("credentials are %q, %q, not those of the marker", a, sec)
	}
	putGet(t, s, "bucket")
	if _, err := os.Stat(filepath.Join(dir, sidecarName, "bucket")); err != nil {
		t.Errorf("no metadata beside the buckets: %v", err)
	}
}

func TestListen(t *testing.T) {
	s := startServer(t, Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	putGet(t, s, "bucket")
	addr := strings.TrimPrefix(s.Endpoint(), "http://")

	_, err := Start(t.Context(), Options{Dir: t.TempDir(), Listen: addr})
	if !errors.Is(err, ErrAddrInUse) {
		t.Errorf("second server on %s: %v, want ErrAddrInUse", addr, err)
	}
	if _, err := Start(t.Context(), Options{Dir: t.TempDir(), Listen: "9000"}); err == nil {
		t.Error("an address without a port is taken")
	}
	if err := listBuckets(t.Context(), s); err != nil {
		t.Errorf("the first server after the second failed: %v", err)
	}

	any4 := startServer(t, Options{Dir: t.TempDir(), Listen: ":0"})
	if host, _, err := net.SplitHostPort(strings.TrimPrefix(any4.Endpoint(), "http://")); err != nil || host != "127.0.0.1" {
		t.Errorf("endpoint of a server on all interfaces is %s, %v", any4.Endpoint(), err)
	}
	if err := listBuckets(t.Context(), any4); err != nil {
		t.Error(err)
	}
}

// Where a socket's path cannot be, the server takes a loopback port.
func TestNoSocketPath(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	t.Setenv("TMP", long)
	s := startServer(t, Options{Dir: filepath.Join(long, "data")})
	if s.socket != "" {
		t.Fatalf("socket at %s (%d bytes)", s.socket, len(s.socket))
	}
	if err := listBuckets(t.Context(), s); err != nil {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(long, "s3haul-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for path, want := range map[string]bool{
		"": false, "/tmp/s3haul-1/s3": true, "/tmp/a:b/s3": false, `C:\tmp\s3`: false,
		"/" + strings.Repeat("x", maxSocketPath-1): true, "/" + strings.Repeat("x", maxSocketPath): false,
	} {
		if got := socketPathFits(path); got != want {
			t.Errorf("socketPathFits(%q) = %v", path, got)
		}
	}
}

func TestTwoServers(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	servers := make([]*Server, 3)
	var wg sync.WaitGroup
	for i, dir := range []string{one, one, other} {
		wg.Go(func() {
			s, err := Start(t.Context(), Options{Dir: dir})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	wg.Wait()
	for _, s := range servers {
		if s == nil {
			t.FailNow()
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	a, b, c := servers[0], servers[1], servers[2]
	putGet(t, a, "bucket")
	expectContent(t, b, "bucket", "a/b", "newer") // the same directory, the same credentials
	putGet(t, c, "bucket")                        // another directory: the name is free
	aKey, _ := a.Credentials()
	if cKey, _ := c.Credentials(); aKey == cKey {
		t.Error("two directories have the same access key")
	}
}

func TestDiesByItself(t *testing.T) {
	var log bytes.Buffer
	s := startServer(t, Options{Dir: t.TempDir(), Log: &log})
	if err := s.Err(); err != nil {
		t.Errorf("Err of a running server: %v", err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if !errors.Is(s.Err(), ErrEnded) {
		t.Errorf("Err is %v, want ErrEnded", s.Err())
	}
	if err := s.Close(); !errors.Is(err, ErrEnded) {
		t.Errorf("Close is %v, want ErrEnded", err)
	}
	// versitygw says this at every start; it shows that the log is connected.
	if !strings.Contains(log.String(), "versioning") || !strings.Contains(s.Err().Error(), "versioning") {
		t.Errorf("what the server printed is missing: log %q, error %v", log.String(), s.Err())
	}
}

func TestStartFails(t *testing.T) {
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s, err := Start(ctx, Options{Dir: t.TempDir()})
		if s != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("Start is %v, %v", s, err)
		}
	})
	t.Run("no directory named", func(t *testing.T) {
		if _, err := Start(t.Context(), Options{}); err == nil {
			t.Error("an empty name is taken")
		}
	})
	t.Run("the child fails", func(t *testing.T) {
		dir := t.TempDir()
		s := startServer(t, Options{Dir: dir})
		_, secret := s.Credentials()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		// An interface that this machine does not have (RFC 5737).
		_, err := Start(t.Context(), Options{Dir: dir, Listen: "192.0.2.1:65000"})
		if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "192.0.2.1") {
			t.Errorf("error is %v, want ErrEnded with the address", err)
		}
		if strings.Contains(err.Error(), secret) {
			t.Error("the secret is in the error")
		}
	})
}

// With a domain the bucket may stand in the host name, and in the path still.
func TestDomain(t *testing.T) {
	s := startServer(t, Options{Dir: t.TempDir(), Domain: "example.test"})
	putGet(t, s, "bucket")
	c, done := client(s)
	defer done()
	g, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a/b")}, func(o *s3.Options) {
		o.UsePathStyle, o.BaseEndpoint = false, aws.String("http://example.test")
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(g.Body)
	if err := errors.Join(err, g.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if string(got) != "newer" {
		t.Errorf("by the host name it is %q", got)
	}
}
