// Package wiretest gives tests an S3 endpoint, and buckets on it. TestMain of
// a package that uses it is
//
//	func TestMain(m *testing.M) { os.Exit(wiretest.Main(m)) }
//
// The endpoint is `s3haul serve` on a temporary directory, built from this
// module and started by the first test that asks. Where the environment has
// S3HAUL_TEST_ENDPOINT, that store is used instead, with AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION (us-east-1 by
// default). No other setting of the environment or of a profile is looked at.
package wiretest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"
)

// endpointEnv names the variable with the URL of a store to test against.
const endpointEnv = "S3HAUL_TEST_ENDPOINT"

const defaultRegion = "us-east-1"

// Domain is what the embedded server takes for the end of a host name that
// begins with a bucket: a client that dials the address of [Target.Endpoint]
// whatever the host is may use http://bucket.localhost.
const Domain = "localhost"

// shared is the server of this test binary. There is one because a start costs
// more than most tests; each test has a bucket of its own on it.
var shared = &server{pkg: "github.com/s3haul/s3haul/cmd/s3haul"} //nolint:gochecknoglobals // see above

// Runner is what Main needs of a [testing.M].
type Runner interface {
	Run() int
}

// Main runs the tests, ends the server if one was started, and returns the
// exit code for os.Exit. Goroutines that are left then fail the run, as with
// goleak.VerifyTestMain; leaks excuses some.
func Main(m Runner, leaks ...goleak.Option) int { return shared.run(m, leaks...) }

func (s *server) run(m Runner, leaks ...goleak.Option) int {
	s.allow()
	code := m.Run()
	err := s.stop()
	if code == 0 {
		err = errors.Join(err, goleak.Find(leaks...))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "wiretest:", err)
		return max(code, 1)
	}
	return code
}

// Isolate takes out of the environment of this process what the people who run
// the tests have configured for AWS. The variables that this package reads for a
// store of theirs stay. It is for TestMain, before Main.
func Isolate() {
	for _, v := range []string{"AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} {
		_ = os.Unsetenv(v)
	}
	for _, v := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		_ = os.Setenv(v, os.DevNull)
	}
	_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// Target is an S3 endpoint with the credentials to use it.
type Target struct {
	// Endpoint is a URL; buckets are in its path. See [Domain].
	Endpoint        string
	AccessKeyID     string
	SecretAccessKey string
	// SessionToken is empty for credentials that do not expire.
	SessionToken string
	Region       string

	external bool
}

// Endpoint returns the endpoint for tests, and starts the server where that is
// still to be done. It ends the test where there is none to be had.
func Endpoint(t testing.TB) Target {
	t.Helper()
	target, err := endpoint(shared)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func endpoint(s *server) (Target, error) {
	if url := os.Getenv(endpointEnv); url != "" {
		target := Target{
			Endpoint:        url,
			AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
			Region:          os.Getenv("AWS_REGION"),
			external:        true,
		}
		if target.Region == "" {
			target.Region = defaultRegion
		}
		if target.AccessKeyID == "" || target.SecretAccessKey == "" {
			return Target{}, fmt.Errorf("%s is set, but AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is not", endpointEnv)
		}
		return target, nil
	}
	return s.start()
}

// Client returns the SDK's client for the target, with buckets in the path and
// without retries. Its connections are closed at the end of the test.
func (target Target) Client(t testing.TB) *s3.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	if target.external {
		transport.Proxy = http.ProxyFromEnvironment
	}
	t.Cleanup(transport.CloseIdleConnections)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(target.Endpoint),
		Region:       target.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(target.AccessKeyID, target.SecretAccessKey, target.SessionToken),
		UsePathStyle: true,
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      aws.NopRetryer{},
	})
}
