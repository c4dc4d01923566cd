package wire_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

func TestHowRequestsLook(t *testing.T) {
	f := newFake(t, nil)
	f.EnableHTTP2 = true // it is offered, and not to be taken
	f.StartTLS()
	o := f.options()
	o.NoVerifySSL, o.Version, o.Region = true, "1.2.3", "eu-north-1"
	c := newClient(t, o)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("a b/c"), Body: bytes.NewReader(make([]byte, 4<<20)),
	})
	must(t, err)
	r := f.requests()[0]
	if r.Proto != "HTTP/1.1" {
		t.Errorf("sent with %s", r.Proto)
	}
	if r.URL.EscapedPath() != "/bucket/a%20b/c" {
		t.Errorf("path %s: a bucket of an own endpoint belongs into the path", r.URL.EscapedPath())
	}
	if ua := r.UserAgent(); !strings.Contains(ua, "s3haul/1.2.3") {
		t.Errorf("user agent %q", ua)
	}
	if v := r.Header.Values("Expect"); len(v) != 0 {
		t.Errorf("Expect: %q costs a round trip", v)
	}
	if v := r.Header.Get("Accept-Encoding"); v != "" && v != "identity" {
		t.Errorf("Accept-Encoding %q", v)
	}
	if auth := r.Header.Get("Authorization"); !strings.Contains(auth, keyID+"/") || !strings.Contains(auth, "/eu-north-1/s3/aws4_request") || strings.Contains(auth, secret) {
		t.Errorf("Authorization %s", auth)
	}
	must(t, c.HeadBucket(t.Context(), "bucket"))
	if n := len(f.requests()); n != 2 {
		t.Errorf("%d requests for 2 calls", n)
	}
}

// Retries are not this client's: it sends what it is told once.
func TestNoRetries(t *testing.T) {
	f := newFake(t, says(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code><Message>later</Message></Error>")).plain()
	_, err := newClient(t, f.options()).ListBuckets(t.Context(), wire.BucketsRequest{})
	if wire.Code(err) != "SlowDown" || !wire.Retryable(err) || wire.RequestID(err) != "4Z9K" || len(f.requests()) != 1 {
		t.Errorf("%v, %d requests", err, len(f.requests()))
	}
}

func TestUnsigned(t *testing.T) {
	f := newFake(t, nil).plain()
	must(t, newClient(t, wire.Options{EndpointURL: f.URL, NoSign: true}).HeadBucket(t.Context(), "b"))
	if auth := f.requests()[0].Header.Get("Authorization"); auth != "" {
		t.Errorf("signed %s", auth)
	}
}

func TestEndpointOfTheEnvironment(t *testing.T) {
	f, other := newFake(t, nil).plain(), newFake(t, nil).plain()
	t.Setenv("AWS_ENDPOINT_URL", other.URL)
	t.Setenv("AWS_ENDPOINT_URL_S3", f.URL)
	t.Setenv("AWS_REGION", "ap-south-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_SESSION_TOKEN", "token")
	must(t, newClient(t, wire.Options{}).HeadBucket(t.Context(), "bucket"))
	if len(f.requests()) != 1 || len(other.requests()) != 0 {
		t.Fatalf("%d requests to AWS_ENDPOINT_URL_S3, %d to AWS_ENDPOINT_URL", len(f.requests()), len(other.requests()))
	}
	r := f.requests()[0]
	auth := r.Header.Get("Authorization")
	if r.URL.Path != "/bucket" || !strings.Contains(auth, "AKIDENV/") || !strings.Contains(auth, "/ap-south-1/") || r.Header.Get("X-Amz-Security-Token") != "token" {
		t.Errorf("%s, signed %s", r.URL, auth)
	}
	// Options go before the environment.
	o := other.options()
	o.Region = "eu-west-1"
	must(t, newClient(t, o).HeadBucket(t.Context(), "bucket"))
	if len(f.requests()) != 1 || len(other.requests()) != 1 {
		t.Fatal("EndpointURL did not go before AWS_ENDPOINT_URL_S3")
	}
	if auth := other.requests()[0].Header.Get("Authorization"); !strings.Contains(auth, keyID+"/") || !strings.Contains(auth, "/eu-west-1/") {
		t.Errorf("signed %s", auth)
	}
}

func TestProfile(t *testing.T) {
	f := newFake(t, nil).plain()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Setenv("AWS_CONFIG_FILE", write("config", "[profile lab]\nregion = eu-south-2\nservices = lab\n[services lab]\ns3 =\n  endpoint_url = "+f.URL+"\n"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", write("credentials", "[lab]\naws_access_key_id = AKIDLAB\naws_secret_access_key = "+secret+"\n"))
	for _, v := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(v, "")
	}
	must(t, newClient(t, wire.Options{Profile: "lab"}).HeadBucket(t.Context(), "b"))
	if auth := f.requests()[0].Header.Get("Authorization"); !strings.Contains(auth, "AKIDLAB/") || !strings.Contains(auth, "/eu-south-2/") {
		t.Errorf("signed %s", auth)
	}
	var unknown config.SharedConfigProfileNotExistError
	if _, err := wire.New(t.Context(), wire.Options{Profile: "absent"}); !errors.As(err, &unknown) {
		t.Errorf("a profile that is not there: %v", err)
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
	if _, err := wire.New(t.Context(), wire.Options{}); !errors.Is(err, wire.ErrCredentials) || !errors.As(err, &why) || why.Err == nil || why.Advice() == "" {
		t.Errorf("without credentials: %v", err)
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := wire.New(ctx, wire.Options{}); !errors.Is(err, stop) || errors.Is(err, wire.ErrCredentials) {
		t.Errorf("under a context that has ended: %v", err)
	}
}

func TestUsageErrors(t *testing.T) {
	for _, o := range []wire.Options{
		{EndpointURL: "127.0.0.1:9000"},
		{EndpointURL: "ftp://host"},
		{EndpointURL: "https://"},
		{EndpointURL: "http://%zz"},
		{EndpointURL: "https://user:" + secret + "@host"},
		{EndpointURL: "ftp://user:" + secret + "@host"},
		{EndpointURL: "http://user:" + secret + "@%zz"},
		{AccessKeyID: keyID},
		{SecretAccessKey: secret},
		{AccessKeyID: keyID, SecretAccessKey: secret, CABundle: filepath.Join(t.TempDir(), "absent")},
	} {
		_, err := wire.New(t.Context(), o)
		if _, usage := errors.AsType[*wire.UsageError](err); !usage {
			t.Errorf("%s: %v", o.EndpointURL, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error has the secret in it: %v", err)
		}
	}
}

func TestCertificates(t *testing.T) {
	f := newFake(t, nil)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake is to fail
	f.StartTLS()
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, b, 0o600))
		return path
	}
	bundle := write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}))
	for _, c := range []struct {
		what    string
		change  func(*wire.Options)
		env     string
		trusted bool
	}{
		{"nothing", func(*wire.Options) {}, "", false},
		{"CABundle", func(o *wire.Options) { o.CABundle = bundle }, "", true},
		{"AWS_CA_BUNDLE", func(*wire.Options) {}, bundle, true},
		{"NoVerifySSL", func(o *wire.Options) { o.NoVerifySSL = true }, "", true},
		{"NoVerifySSL and AWS_CA_BUNDLE", func(o *wire.Options) { o.NoVerifySSL = true }, bundle, true},
		{"Dial and AWS_CA_BUNDLE", func(o *wire.Options) { o.Dial = new(net.Dialer).DialContext }, bundle, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Setenv("AWS_CA_BUNDLE", c.env)
			o := f.options()
			c.change(&o)
			client := newClient(t, o)
			for who, err := range map[string]error{
				"the SDK":       client.HeadBucket(t.Context(), "b"),
				"the fast path": putBody(client, t.Context(), strings.NewReader("x")),
			} {
				var unknown x509.UnknownAuthorityError
				if c.trusted && err != nil || !c.trusted && !errors.As(err, &unknown) {
					t.Errorf("%s: %v", who, err)
				}
			}
		})
	}
	t.Run("broken", func(t *testing.T) {
		for _, c := range []struct{ option, env string }{
			{option: write("none.pem", []byte("no certificate"))},
			{env: write("none2.pem", []byte("no certificate"))},
			{env: filepath.Join(dir, "absent")},
		} {
			t.Setenv("AWS_CA_BUNDLE", c.env)
			o := f.options()
			o.CABundle = c.option
			if _, err := wire.New(t.Context(), o); err == nil {
				t.Errorf("%+v was taken", c)
			}
		}
	})
}

// A server that takes the connection and says nothing.
func TestReadTimeout(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := wire.Options{EndpointURL: "http://" + l.Addr().String(), AccessKeyID: keyID, SecretAccessKey: secret, ReadTimeout: 20 * time.Millisecond}
	c := newClient(t, o)
	for name, call := range map[string]func() error{
		"head": func() error { return c.HeadBucket(ctx, "b") },
		"put": func() error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"), Body: bytes.NewReader(make([]byte, 32<<20)),
			})
			return err
		},
	} {
		err := call()
		// Who is sending sees the connection closed, where who is reading was
		// the first to give up.
		cut := errors.Is(err, os.ErrDeadlineExceeded) || name == "put" && errors.Is(err, net.ErrClosed)
		if !cut || ctx.Err() != nil || !wire.Retryable(err) {
			t.Errorf("%s: %v, retryable %v", name, err, wire.Retryable(err))
		}
	}
}

// A body that stops in the middle is cut off as well.
func TestReadTimeoutOfBodies(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("12345"))
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}).plain()
	defer close(release)
	o := f.options()
	o.ReadTimeout = time.Second // time enough for what does come
	out, err := newClient(t, o).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	must(t, err)
	defer out.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(out.Body); !errors.Is(err, os.ErrDeadlineExceeded) || b.String() != "12345" || !wire.Retryable(err) {
		t.Errorf("read %q, then %v", b.String(), err)
	}
}

func TestRefusedConnection(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	must(t, l.Close())
	o := wire.Options{EndpointURL: "http://" + l.Addr().String(), AccessKeyID: keyID, SecretAccessKey: secret}
	err = newClient(t, o).HeadBucket(t.Context(), "b")
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "dial" || !wire.Retryable(err) || strings.Contains(err.Error(), secret) {
		t.Errorf("%v, retryable %v", err, wire.Retryable(err))
	}
}

const proxyChild = "S3HAUL_TEST_PROXY_CHILD"

// Where connections are made by Dial, a proxy of the environment is nothing to
// them. net/http looks at the environment once, so this needs a process of its
// own.
func TestDialIgnoresProxies(t *testing.T) {
	if os.Getenv(proxyChild) == "" {
		exe, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestDialIgnoresProxies$", "-test.v")
		cmd.Env = append(os.Environ(), proxyChild+"=1",
			"HTTP_PROXY=http://proxy.invalid:1", "http_proxy=http://proxy.invalid:1", "NO_PROXY=", "no_proxy=")
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS: TestDialIgnoresProxies")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := newFake(t, nil).plain()
	var dialled []string
	for _, own := range []bool{false, true} {
		o := f.options()
		o.EndpointURL = "http://store.invalid:9000"
		if own {
			o.Dial = func(ctx context.Context, _, addr string) (net.Conn, error) {
				dialled = append(dialled, addr)
				return new(net.Dialer).DialContext(ctx, "tcp", f.Listener.Addr().String())
			}
		}
		c := newClient(t, o)
		for _, err := range []error{c.HeadBucket(t.Context(), "b"), putBody(c, t.Context(), strings.NewReader("x"))} {
			if own && err != nil {
				t.Error(err)
			}
			if !own && (err == nil || !strings.Contains(err.Error(), "proxy.invalid")) {
				t.Errorf("without Dial the proxy is to be used: %v", err)
			}
		}
	}
	if fmt.Sprint(dialled) != "[store.invalid:9000]" {
		t.Errorf("dialled %q", dialled)
	}
}
