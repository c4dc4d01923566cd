package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// Options say how to reach S3. The zero value takes everything from the AWS
// configuration: environment (AWS_ENDPOINT_URL_S3, AWS_REGION, ...), profiles,
// SSO, web identity, container and instance roles.
type Options struct {
	// EndpointURL replaces the endpoint of the AWS configuration; http or https.
	EndpointURL string
	// Profile is a section of the AWS config files.
	Profile string
	// Region is the region to sign for; where nothing names one, us-east-1 is
	// taken, as aws s3 does.
	Region string
	// AccessKeyID and SecretAccessKey, both or neither, replace the
	// credentials of the configuration.
	AccessKeyID, SecretAccessKey string
	// SignAs is a client of [New] whose credentials this one has too: who has typed
	// the code of a device is not asked twice. nil looks for its own.
	SignAs Client
	// MFAToken returns the code of the device that a profile with mfa_serial names,
	// each time that its role is assumed. nil has such a profile fail.
	MFAToken func(serial string) (string, error)
	// NoSign sends requests unsigned, for public buckets.
	NoSign bool
	// NoVerifySSL takes any certificate.
	NoVerifySSL bool
	// CABundle is a PEM file that replaces the system's roots. AWS_CA_BUNDLE
	// is honoured where it is empty.
	CABundle string
	// ReadTimeout cuts off a connection on which nothing moved for so long in
	// either direction; 0 means 60 s, as aws, negative means never.
	ReadTimeout time.Duration
	// ConnectTimeout bounds the making of a connection; 0 means 60 s, as
	// aws, negative means never.
	ConnectTimeout time.Duration
	// Dial replaces the dialer, and any proxy, for every connection: the
	// embedded server is reached through it.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Lookup replaces the resolver of the system for the hosts of endpoints: it
	// returns the addresses of a name, the one to prefer first. It is called
	// concurrently for different hosts, and not at all where Dial is set.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// MaxConns is how many idle connections are kept to an address; 0 means 64.
	// It should be the most requests that will be in flight, or each beyond
	// shakes hands anew. A name with many addresses keeps a quarter more in all,
	// and 32.
	MaxConns int
	// Memory counts what connections hold beyond ConnMemory; nil: they never do.
	Memory Memory
	// Bandwidth bounds the bytes of all connections together; nil does not.
	Bandwidth Bandwidth
	// Version goes into the user agent.
	Version string
	// SDK sends everything through *s3.Client, for comparison and for doubt.
	SDK bool
	// AddressingStyle is "path" (https://host/bucket/key), "virtual"
	// (https://bucket.host/key) or "auto": by path where an endpoint is given,
	// else virtual. Empty takes addressing_style of the AWS config file's s3
	// section, else auto.
	AddressingStyle string
	// SignPayload has the SHA-256 of every body in its signature, as
	// payload_signing_enabled of the config file's s3 section has. Otherwise a
	// body with a checksum header goes as UNSIGNED-PAYLOAD: the sum tells what
	// was damaged, and SHA-256 costs as much CPU as all the rest.
	SignPayload bool
	// Notice is told, at most once each, of what a user should know and what
	// fails nothing: bodies that go unsigned over http to another machine. nil
	// tells nobody.
	Notice func(msg string)

	// What the s3 section has besides.
	accelerate, dualStack bool
	arnRegion             *bool
}

// Memory is a budget of bytes that connections take of for buffers that large
// bodies are worth. Its methods may be called concurrently.
type Memory interface {
	// TryReserve takes n bytes where they are free now, and says whether it did.
	TryReserve(n int64) bool
	// Unreserve gives n bytes back.
	Unreserve(n int64)
}

// Bandwidth says when bytes may move. Its methods may be called concurrently.
type Bandwidth interface {
	// Chunk is the most bytes to ask for at once, now.
	Chunk() int
	// Wait blocks until n bytes may move, or done is closed: then it is false.
	Wait(n int, done <-chan struct{}) bool
}

// UsageError is an option that cannot be used: nothing was sent.
type UsageError struct{ msg string }

func (e *UsageError) Error() string { return e.msg }

// New makes a client. It reads the AWS configuration and asks for credentials
// once, so that a run without them ends before it begins: with a
// *[CredentialsError]. Other errors are [*UsageError], and
// config.SharedConfigProfileNotExistError for an unknown profile.
func New(ctx context.Context, o Options) (Client, error) {
	if !o.complete() {
		var err error
		if o, err = o.withConfigFile(); err != nil {
			return nil, err
		}
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	if !validRegion(cfg.Region) {
		return nil, &UsageError{fmt.Sprintf("Provided region_name '%s' doesn't match a supported format: a region is like eu-west-1; look at --region, AWS_REGION and the AWS config file", cfg.Region)}
	}
	if !o.NoSign {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, o.noCredentials(err)
		}
	}
	hc := plainClient(cfg, o)
	client := s3.NewFromConfig(cfg, func(so *s3.Options) {
		so.HTTPClient = hc
		o.place(cfg, so)
		// Retries are Attempts' business: the SDK would hold a slot while it
		// waits, and stops retrying after some 100 failures.
		so.Retryer = aws.NopRetryer{}
		// A round trip a part is lost on "Expect: 100-continue" (from 2 MB on
		// by default).
		so.ContinueHeaderThresholdBytes = -1
		so.DisableLogOutputChecksumValidationSkipped = true
		so.APIOptions = append(so.APIOptions, awsmiddleware.AddUserAgentKeyValue("s3haul", version(o)), asFast)
	})
	if base := client.Options().BaseEndpoint; base != nil {
		if o.EndpointURL == "" {
			if err := checkEndpoint(*base); err != nil {
				return nil, err
			}
		}
		if client.Options().UseAccelerate {
			return nil, &UsageError{fmt.Sprintf("use_accelerate_endpoint of the AWS config file does not go with the endpoint %s: leave one of them out", *base)}
		}
	}
	c := &sdk{Client: client, region: cfg.Region, http: hc, regions: newRegions(), renewal: newRenewal(client.Options().Credentials)}
	if o.SDK {
		return c, nil
	}
	return newFast(c, o), nil
}

func version(o Options) string {
	if o.Version == "" {
		return "devel"
	}
	return o.Version
}

func (o Options) check() error {
	if o.EndpointURL != "" {
		if err := checkEndpoint(o.EndpointURL); err != nil {
			return err
		}
	}
	if (o.AccessKeyID == "") != (o.SecretAccessKey == "") {
		return &UsageError{"an access key id needs its secret access key, and the reverse"}
	}
	switch o.AddressingStyle {
	case "", "auto", "path", "virtual":
	default:
		return &UsageError{fmt.Sprintf("addressing_style is %q; give auto, path or virtual", o.AddressingStyle)}
	}
	return nil
}

func checkEndpoint(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return &UsageError{fmt.Sprintf("Invalid endpoint: %q; write it as https://host[:port]", redactURL(s))}
	}
	if u.User != nil {
		return &UsageError{"Invalid endpoint: an endpoint URL cannot carry a user or password; use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	}
	return nil
}

// redactURL keeps a password that was written into a URL out of the error.
func redactURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err == nil && u.User != nil:
		return u.Redacted()
	case strings.Contains(s, "@"):
		return "(unreadable)"
	}
	return s // "host:port", which is no URL and the commonest mistake
}

// complete says that nothing is left to be found in the AWS configuration: an
// embedded server works whatever is in there, a profile that does not exist too.
func (o Options) complete() bool {
	return o.Dial != nil && o.EndpointURL != "" && o.Region != "" && o.AccessKeyID != "" && o.CABundle == ""
}

func load(ctx context.Context, o Options) (aws.Config, error) {
	if o.complete() {
		return aws.Config{
			Region:      o.Region,
			Credentials: credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, ""),
			HTTPClient:  httpClient(o),
			Logger:      logging.Nop{},
		}, nil
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(httpClient(o)),
		config.WithDefaultRegion("us-east-1"),
		config.WithLogger(logging.Nop{}), // it would print to stderr
	}
	if o.Profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Region != "" {
		opts = append(opts, config.WithRegion(o.Region))
	}
	var kept string
	opts = append(opts, config.WithAssumeRoleCredentialOptions(o.withMFA(&kept)))
	switch {
	case o.NoSign:
		opts = append(opts, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	case o.SignAs != nil:
		opts = append(opts, config.WithCredentialsProvider(credentialsOf(o.SignAs)))
	case o.AccessKeyID != "":
		opts = append(opts, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(o.AccessKeyID, o.SecretAccessKey, "")))
	}
	if o.CABundle != "" {
		pem, err := os.ReadFile(o.CABundle)
		if err != nil {
			return aws.Config{}, &UsageError{fmt.Sprintf("reading the CA bundle: %v", err)}
		}
		opts = append(opts, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		if _, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
			return cfg, err
		}
		if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
			return cfg, o.noCredentials(err)
		}
		return cfg, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	if kept != "" {
		cfg.Credentials = aws.NewCredentialsCache(&roleCache{next: cfg.Credentials, file: kept})
	}
	return cfg, nil
}
