package wire_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// configure has the tests' AWS configuration be the given one, and nothing else.
func configure(t *testing.T, text string, env ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	for _, name := range []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN",
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_S3_USE_ARN_REGION",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", keyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok {
			t.Setenv(name, value)
		}
	}
}

var errNoNetwork = errors.New("there is no network here")

// At which host a request is made, by the AWS configuration: of S3's own, of those
// of access points, of one's own.
func TestHosts(t *testing.T) {
	const (
		point   = "arn:aws:s3:us-west-2:123456789012:accesspoint/mine"
		outpost = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/mine"
		many    = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap"
		s3s     = "[default]\nregion = eu-west-1\ns3 =\n  "
	)
	for _, q := range []struct {
		what, config, env string
		o                 wire.Options
		bucket            string
		want              string // of PutObject
		wantOther         string // of CreateBucket; empty: it is not asked
	}{
		{what: "nothing", bucket: "buck", want: "buck.s3.eu-west-1.amazonaws.com:443", wantOther: "buck.s3.eu-west-1.amazonaws.com:443"},
		{what: "a dot in the name", bucket: "buck.et", want: "s3.eu-west-1.amazonaws.com:443"},
		{what: "path", config: s3s + "addressing_style = path\n", bucket: "buck", want: "s3.eu-west-1.amazonaws.com:443"},
		{what: "a flag before the file", config: s3s + "addressing_style = path\n", o: wire.Options{AddressingStyle: "virtual"}, bucket: "buck", want: "buck.s3.eu-west-1.amazonaws.com:443"},
		{what: "acceleration", config: s3s + "use_accelerate_endpoint = true\n  addressing_style = path\n", bucket: "buck", want: "buck.s3-accelerate.amazonaws.com:443", wantOther: "buck.s3.eu-west-1.amazonaws.com:443"},
		{what: "acceleration in both families", config: s3s + "use_accelerate_endpoint = true\n  use_dualstack_endpoint = true\n", bucket: "buck", want: "buck.s3-accelerate.dualstack.amazonaws.com:443"},
		{what: "acceleration by endpoint", o: wire.Options{EndpointURL: "https://s3-accelerate.amazonaws.com"}, bucket: "buck", want: "buck.s3-accelerate.amazonaws.com:443"},
		{what: "dual stack", config: s3s + "use_dualstack_endpoint = TRUE\n", bucket: "buck", want: "buck.s3.dualstack.eu-west-1.amazonaws.com:443"},
		{what: "dual stack of the profile", config: "[default]\nregion = eu-west-1\nuse_dualstack_endpoint = true\n", bucket: "buck", want: "buck.s3.dualstack.eu-west-1.amazonaws.com:443"},
		{what: "FIPS", env: "AWS_USE_FIPS_ENDPOINT=true", o: wire.Options{Region: "us-gov-west-1"}, bucket: "buck", want: "buck.s3-fips.us-gov-west-1.amazonaws.com:443"},
		{what: "FIPS of the profile", config: "[default]\nregion = us-east-2\nuse_fips_endpoint = true\n", bucket: "buck", want: "buck.s3-fips.us-east-2.amazonaws.com:443"},
		{what: "China", o: wire.Options{Region: "cn-north-1"}, bucket: "buck", want: "buck.s3.cn-north-1.amazonaws.com.cn:443"},
		{what: "what an endpoint leaves out", config: s3s + "use_dualstack_endpoint = true\n", env: "AWS_USE_FIPS_ENDPOINT=true", o: wire.Options{EndpointURL: "https://store.example:9000"}, bucket: "buck", want: "store.example:9000"},
		{what: "an endpoint by name", config: s3s + "addressing_style = virtual\n", o: wire.Options{EndpointURL: "https://store.example:9000"}, bucket: "buck", want: "buck.store.example:9000"},
		{what: "an endpoint of the profile", config: "[default]\nregion = eu-west-1\nendpoint_url = https://store.example:9000\n", bucket: "buck", want: "store.example:9000"},
		{what: "one of the service", config: "[default]\nregion = eu-west-1\nservices = lab\nendpoint_url = https://other.example\n[services lab]\ns3 =\n  endpoint_url = https://store.example:9000\n", bucket: "buck", want: "store.example:9000"},
		{what: "that is not to count", config: "[default]\nregion = eu-west-1\nendpoint_url = https://store.example:9000\n", env: "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", bucket: "buck", want: "buck.s3.eu-west-1.amazonaws.com:443"},
		{what: "that of the variable", config: "[default]\nregion = eu-west-1\nendpoint_url = https://other.example\n", env: "AWS_ENDPOINT_URL=https://store.example:9000", bucket: "buck", want: "store.example:9000"},
		{what: "an access point", bucket: point, want: "mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com:443"},
		{what: "one with a colon", bucket: strings.Replace(point, "/", ":", 1), want: "mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com:443"},
		{what: "an access point by path", config: s3s + "addressing_style = path\n", bucket: point, want: "mine-123456789012.s3-accesspoint.us-west-2.amazonaws.com:443"},
		{what: "an access point in both families", config: s3s + "use_dualstack_endpoint = true\n", bucket: point, want: "mine-123456789012.s3-accesspoint.dualstack.us-west-2.amazonaws.com:443"},
		{what: "an access point elsewhere", o: wire.Options{EndpointURL: "https://store.example:9000"}, bucket: point, want: "mine-123456789012.store.example:9000"},
		{what: "an outpost", bucket: outpost, want: "mine-123456789012.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com:443"},
		{what: "several regions", bucket: many, want: "mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com:443"},
		{what: "a region that is not followed", config: s3s + "use_arn_region = false\n", bucket: point},
		{what: "the same by a variable", env: "AWS_S3_USE_ARN_REGION=false", bucket: point},
		{what: "no access point is accelerated", config: s3s + "use_accelerate_endpoint = true\n", bucket: point},
	} {
		t.Run(q.what, func(t *testing.T) {
			config := q.config
			if config == "" {
				config = "[default]\nregion = eu-west-1\n"
			}
			configure(t, config, q.env)
			for _, sdk := range []bool{false, true} {
				var asked []string
				o := q.o
				o.SDK = sdk
				o.Dial = func(_ context.Context, _, addr string) (net.Conn, error) {
					asked = append(asked, addr)
					return nil, errNoNetwork
				}
				c := newClient(t, o)
				_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: aws.String(q.bucket), Key: aws.String("k"), Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum),
				})
				want := []string{q.want}
				if q.want == "" {
					want = nil
					if err == nil || errors.Is(err, errNoNetwork) {
						t.Errorf("SDK %v: %v", sdk, err)
					}
				} else if !errors.Is(err, errNoNetwork) {
					t.Errorf("SDK %v: %v", sdk, err)
				}
				if q.wantOther != "" {
					want = append(want, q.wantOther)
					if err := c.CreateBucket(t.Context(), q.bucket, wire.CreateOptions{}); !errors.Is(err, errNoNetwork) {
						t.Errorf("SDK %v: %v", sdk, err)
					}
				}
				if strings.Join(asked, " ") != strings.Join(want, " ") {
					t.Errorf("SDK %v: asked %q, want %q", sdk, asked, want)
				}
			}
		})
	}
}

// What is asked of an access point goes by the fast path, signed for the region of
// the ARN.
func TestAccessPointsAreFast(t *testing.T) {
	f := newFake(t, nil).plain()
	configure(t, "[default]\nregion = eu-west-1\n")
	for _, arn := range []string{"arn:aws:s3:us-west-2:123456789012:accesspoint/mine", "arn:aws:s3:us-west-2:123456789012:accesspoint:mine"} {
		before := len(f.requests())
		c := newClient(t, wire.Options{EndpointURL: "http://store.example", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, f.Listener.Addr().String())
		}})
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(arn), Key: aws.String("a b"), Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum),
		})
		must(t, err)
		r := f.requests()[before]
		if bySDK(r) || r.URL.EscapedPath() != "/a%20b" || r.Host != "mine-123456789012.store.example" || !strings.Contains(r.Header.Get("Authorization"), "/us-west-2/s3/") {
			t.Errorf("%s: by the SDK %v, %s%s, signed %s", arn, bySDK(r), r.Host, r.URL.EscapedPath(), r.Header.Get("Authorization"))
		}
	}
}

// What cannot be a region, or an endpoint with what it cannot have, is refused
// before anything is sent.
func TestImpossibleConfigurations(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }).plain()
	for _, q := range []struct {
		config string
		o      wire.Options
		words  string
	}{
		{"[default]\nregion = eu west\n", wire.Options{}, "Provided region_name 'eu west' doesn't match a supported format"},
		{"[default]\nregion = eu-west-1\n", wire.Options{Region: "-eu"}, "Provided region_name '-eu'"},
		{"[default]\n", wire.Options{Region: "12"}, "Provided region_name '12'"},
		{"[default]\n", wire.Options{Region: "eu_west_1"}, "Provided region_name 'eu_west_1'"},
		{"[default]\n", wire.Options{Region: strings.Repeat("a", 64)}, "doesn't match a supported format"},
		{"[default]\ns3 =\n  use_accelerate_endpoint = true\n", wire.Options{EndpointURL: f.URL}, "use_accelerate_endpoint"},
		{"[default]\ns3 =\n  use_accelerate_endpoint = perhaps\n", wire.Options{}, "use_accelerate_endpoint of the AWS config file is \"perhaps\""},
		{"[default]\ns3 =\n  use_dualstack_endpoint = 2\n", wire.Options{}, "use_dualstack_endpoint"},
	} {
		configure(t, q.config)
		var usage *wire.UsageError
		if _, err := wire.New(t.Context(), q.o); !errors.As(err, &usage) || !strings.Contains(err.Error(), q.words) {
			t.Errorf("%q, %+v: %v", q.config, q.o.Region, err)
		}
	}
	if n := len(f.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	for _, region := range []string{"eu-west-1", "us-gov-west-1", "garage", "Local", "a", "aws-global"} {
		configure(t, "")
		newClient(t, wire.Options{Region: region, EndpointURL: f.URL})
	}
}
