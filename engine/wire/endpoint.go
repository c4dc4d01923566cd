package wire

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// regions remembers the regions of buckets that are not where the
// configuration says: S3 tells on the first request.
type regions struct {
	mu       sync.RWMutex
	byBucket map[string]string
}

func newRegions() *regions { return &regions{byBucket: map[string]string{}} }

// of returns the region of a bucket, or "" where it is that of the client.
func (r *regions) of(bucket string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byBucket[bucket]
}

// learn takes from an error in which region the bucket is, and says whether
// the request should be sent again.
func (r *regions) learn(bucket, configured string, err error) bool {
	re, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || re.Response == nil {
		return false
	}
	region := re.Response.Header.Get("X-Amz-Bucket-Region")
	switch code := Code(err); {
	case re.HTTPStatusCode() == http.StatusMovedPermanently, code == "PermanentRedirect",
		code == "AuthorizationHeaderMalformed", code == "IllegalLocationConstraintException",
		re.HTTPStatusCode() == http.StatusBadRequest && code == "BadRequest": // to a HEAD, which has no body
	default:
		return false
	}
	if region == "" {
		region = expected(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.byBucket[bucket]
	if known == "" {
		known = configured
	}
	if region == known || bucket == "" || !regexp.MustCompile(`^[a-z0-9-]{1,40}$`).MatchString(region) {
		return false
	}
	r.byBucket[bucket] = region
	return true
}

// expected finds the region in the words of an AuthorizationHeaderMalformed:
// "the region 'us-east-1' is wrong; expecting 'eu-west-1'".
func expected(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	m := regexp.MustCompile(`expecting '([a-z0-9-]{1,40})'`).FindStringSubmatch(api.ErrorMessage())
	if m == nil {
		return ""
	}
	return m[1]
}

// place is where the requests for a bucket go, and what they are signed for.
type place struct {
	scheme, host string
	path         string // escaped, without a slash at its end
	header       http.Header
	region       string
	service      string
	loopback     bool
	// sdk says that the endpoint wants something that the fast path cannot
	// do: another way of signing, a session.
	sdk bool
}

// places resolves endpoints by the SDK's resolver, once a bucket.
type places struct {
	options s3.Options
	regions *regions

	mu    sync.RWMutex
	known map[[2]string]*place // by bucket and region
}

func newPlaces(options s3.Options, r *regions) *places {
	return &places{options: options, regions: r, known: map[[2]string]*place{}}
}

func (p *places) of(ctx context.Context, bucket string) *place {
	region := p.regions.of(bucket)
	if region == "" {
		region = p.options.Region
	}
	p.mu.RLock()
	at := p.known[[2]string{bucket, region}]
	p.mu.RUnlock()
	if at != nil {
		return at
	}
	at = p.resolve(ctx, bucket, region)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[[2]string{bucket, region}] = at
	return at
}

func (p *places) resolve(ctx context.Context, bucket, region string) *place {
	o := &p.options
	end, err := o.EndpointResolverV2.ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: &bucket, Region: &region,
		UseFIPS:                        aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack:                   aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
		Endpoint:                       o.BaseEndpoint,
		ForcePathStyle:                 aws.Bool(o.UsePathStyle),
		Accelerate:                     aws.Bool(o.UseAccelerate),
		DisableMultiRegionAccessPoints: aws.Bool(o.DisableMultiRegionAccessPoints),
		UseArnRegion:                   aws.Bool(o.UseARNRegion),
		DisableS3ExpressSessionAuth:    o.DisableS3ExpressSessionAuth,
	})
	if err != nil {
		return &place{sdk: true} // the SDK finds the same and says it in its words
	}
	at := &place{
		scheme: end.URI.Scheme, host: end.URI.Host, path: strings.TrimSuffix(end.URI.EscapedPath(), "/"),
		header: end.Headers, region: region, service: "s3", loopback: loopback(&end.URI),
	}
	ways, ok := auth.GetAuthOptions(&end.Properties)
	if !ok || len(ways) == 0 {
		return at
	}
	switch ways[0].SchemeID {
	case auth.SchemeIDSigV4, "sigv4": // the endpoint rules have the short name
	default:
		at.sdk = true
		return at
	}
	if name, ok := smithyhttp.GetSigV4SigningName(&ways[0].SignerProperties); ok {
		at.service = name
	}
	if r, ok := smithyhttp.GetSigV4SigningRegion(&ways[0].SignerProperties); ok {
		at.region = r
	}
	return at
}

// loopback says that what is sent to u does not leave this machine.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || isLoopbackIP(host)
}
