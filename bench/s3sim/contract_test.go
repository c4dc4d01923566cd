package s3sim_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	os.Exit(wiretest.Main(m))
}

// TestContract is what every store has to do. A case that a store is known to
// fail stands in its table of exceptions with the reason; it runs all the same,
// and fails the test when it passes.
func TestContract(t *testing.T) {
	for _, st := range stores() {
		t.Run(st.name, func(t *testing.T) {
			target, roots, dial := st.target(t)
			exceptions := map[string]string{}
			if st.exceptions != nil {
				exceptions = st.exceptions()
			}
			known := map[string]bool{}
			for _, c := range slices.Concat(objectCases(), headerCases(), listCases(), versionCases(), lockCases(), multipartCases(), bucketCases()) {
				if known[c.name] {
					t.Fatalf("two cases of the name %q", c.name)
				}
				known[c.name] = true
				t.Run(c.name, func(t *testing.T) {
					reason, excepted := exceptions[c.name]
					err := c.try(t, client(t, target, roots, dial), wiretest.Bucket(t, c.bucket...))
					switch {
					case excepted && err == nil:
						t.Errorf("this passes: take it out of the exceptions (%s)", reason)
					case excepted:
						t.Logf("a known exception: %s\n%v", reason, err)
					case err != nil:
						t.Error(err)
					}
				})
			}
			for name := range exceptions {
				if !known[name] {
					t.Errorf("the exception %q is no case", name)
				}
			}
		})
	}
}

// store is an implementation that the suite runs on.
type store struct {
	name       string
	target     func(*testing.T) (wiretest.Target, *x509.CertPool, dialer)
	exceptions func() map[string]string
}

type dialer = func(context.Context, string, string) (net.Conn, error)

func stores() []store {
	other := store{name: "gateway", exceptions: gatewayExceptions, target: func(t *testing.T) (wiretest.Target, *x509.CertPool, dialer) {
		return wiretest.Endpoint(t), nil, nil
	}}
	if os.Getenv("S3HAUL_TEST_ENDPOINT") != "" { // one that nothing is known of
		other.name, other.exceptions = "store", nil
	}
	return []store{
		{name: "s3sim", target: simulator(false)},
		{name: "s3sim, TLS and virtual hosts", target: simulator(true)},
		other,
	}
}

// simulator starts a simulator that verifies signatures, and has wiretest use
// it.
func simulator(withTLS bool) func(*testing.T) (wiretest.Target, *x509.CertPool, dialer) {
	return func(t *testing.T) (wiretest.Target, *x509.CertPool, dialer) {
		server, err := s3sim.New(s3sim.Options{VerifySignatures: true})
		if err != nil {
			t.Fatal(err)
		}
		listen := func(withTLS bool) *s3sim.Endpoint {
			e, err := server.Listen("127.0.0.1:0", withTLS)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
			return e
		}
		// wiretest knows no CA: it has a port without TLS for its buckets.
		plain := listen(false)
		t.Setenv("S3HAUL_TEST_ENDPOINT", plain.URL)
		t.Setenv("AWS_ACCESS_KEY_ID", s3sim.DefaultAccessKeyID)
		t.Setenv("AWS_SECRET_ACCESS_KEY", s3sim.DefaultSecretAccessKey)
		t.Setenv("AWS_SESSION_TOKEN", "")
		t.Setenv("AWS_REGION", "")
		target := wiretest.Endpoint(t)
		if !withTLS {
			return target, nil, nil
		}
		e := listen(true)
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(e.CA()) {
			t.Fatal("the CA is no certificate")
		}
		_, port, _ := strings.Cut(strings.TrimPrefix(e.URL, "https://"), ":")
		target.Endpoint = "https://localhost:" + port
		return target, roots, e.DialContext
	}
}

// client is the SDK's; where there is a way to dial, buckets are in the host's
// name.
func client(t *testing.T, target wiretest.Target, roots *x509.CertPool, dial dialer) *s3.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(target.Endpoint),
		Region:       target.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(target.AccessKeyID, target.SecretAccessKey, target.SessionToken),
		UsePathStyle: dial == nil,
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      aws.NopRetryer{},
	})
}

// contractCase is one behaviour, shown on a bucket of its own.
type contractCase struct {
	name   string
	bucket []wiretest.BucketOption
	run    func(*try)
}

// try is one run of a case. Its checks collect; what cannot go on panics with
// errStop.
type try struct {
	*s3.Client
	t      *testing.T
	bucket *string
	errs   []error
}

var errStop = errors.New("the case cannot go on")

func (c contractCase) try(t *testing.T, client *s3.Client, bucket string) (err error) {
	x := &try{Client: client, t: t, bucket: &bucket}
	defer func() {
		if p := recover(); p != nil && p != errStop { //nolint:errorlint // the very value
			x.errs = append(x.errs, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
		err = errors.Join(x.errs...)
	}()
	c.run(x)
	return nil
}

func (x *try) ctx() context.Context { return x.t.Context() }

// check notes what is not as it should be.
func (x *try) check(good bool, format string, args ...any) {
	if !good {
		x.errs = append(x.errs, fmt.Errorf(format, args...))
	}
}

// must ends the case on an error.
func (x *try) must(err error, format string, args ...any) {
	if err != nil {
		x.errs = append(x.errs, fmt.Errorf(format+": %w", append(args, err)...))
		panic(errStop)
	}
}

// refused checks that an error has a status and one of the codes ("" is an
// answer without a body), and names its request.
func (x *try) refused(what string, err error, status int, codes ...string) {
	var (
		api      smithy.APIError
		response interface{ HTTPStatusCode() int }
	)
	if !errors.As(err, &api) || !errors.As(err, &response) {
		x.check(false, "%s: %v, want %d %q", what, err, status, codes)
		return
	}
	x.check(response.HTTPStatusCode() == status && slices.Contains(codes, api.ErrorCode()),
		"%s: %v, want %d %q", what, err, status, codes)
}

// is checks that two values are equal.
func is[T comparable](x *try, what string, got, want T) {
	x.check(got == want, "%s: %v, want %v", what, got, want)
}

// text is the value, "-" for none.
func text(p *string) string {
	if p == nil {
		return "-"
	}
	return *p
}

func recent(p *time.Time) bool {
	return p != nil && time.Since(*p) < time.Hour && time.Until(*p) < time.Hour
}

// gatewayExceptions is what versitygw 1.8.0 with its posix backend does
// otherwise than S3.
func gatewayExceptions() map[string]string {
	const names = "objects are files, and keys their names"
	return map[string]string{
		"not modified since":                    "it compares fractions of seconds that the header cannot have",
		"lists of keys with control characters": "it does not know encoding-type, and writes U+FFFD",
		"encoded lists":                         "it does not know encoding-type",
		"keys with dots":                        names,
		"a key and keys under it":               names,
		"a marker with a body":                  names,
		"lists of slashes":                      names + ": a//b is listed as a/b",
		"long names":                            names + " of at most 255 bytes between slashes",
		"too long keys":                         "it looks at the names between slashes alone",
		"quiet batches of deletes":              "it does not know Quiet",
		"batches of more than a thousand":       "it takes any number",
		"storage classes":                       "it knows STANDARD alone, and says so",
		"encryption":                            "it keeps no server-side encryption",
		"ACLs":                                  "it keeps no ACL of objects",
		"refused copies":                        "a copy whose source matches If-None-Match is 304, not 412",
		"copies to where something is":          "it does not look at If-None-Match of a copy",
		"sums of copies":                        "a part that is copied has the sum of the whole source",
		"conditional deletes":                   "it does not look at the ETags in a batch",
		"a marker on nothing":                   "it makes no delete marker where there was no object",
		"pages of versions":                     "some pages begin with the row that the last one ended with",
		"a key marker alone":                    "it takes a key marker as inclusive",
	}
}
