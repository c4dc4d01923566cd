package wire

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// place says at which of S3's endpoints the client works, and how it writes a
// bucket there. What cannot go together is left out as aws s3 leaves it out,
// where the SDK would fail.
func (o Options) place(cfg aws.Config, so *s3.Options) {
	if o.EndpointURL != "" {
		so.BaseEndpoint = aws.String(o.EndpointURL)
	}
	so.UseAccelerate = o.accelerate && (so.BaseEndpoint == nil || !accelerated(*so.BaseEndpoint))
	if o.dualStack {
		so.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	if so.BaseEndpoint != nil {
		so.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateDisabled
		so.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateDisabled
	}
	switch {
	case so.UseAccelerate, o.AddressingStyle == "virtual":
	case o.AddressingStyle == "path":
		so.UsePathStyle = true
	default:
		// A host of one's own seldom has a DNS entry for each bucket; aws s3
		// goes by path there as well.
		so.UsePathStyle = so.BaseEndpoint != nil && !accelerated(*so.BaseEndpoint)
	}
	// An access point is where its ARN says, as for aws s3; the SDK would refuse
	// one in another region than the client's.
	so.UseARNRegion = followsARNs(cfg, o.arnRegion)
	so.EndpointResolverV2 = resolver{so.EndpointResolverV2}
}

// accelerated says that an endpoint is one of S3 Transfer Acceleration.
func accelerated(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return host == "s3-accelerate.amazonaws.com" || host == "s3-accelerate.dualstack.amazonaws.com"
}

// followsARNs is s3_use_arn_region, or what the s3 section says; true where
// nothing does.
func followsARNs(cfg aws.Config, section *bool) bool {
	for _, source := range cfg.ConfigSources {
		var says *bool
		switch c := source.(type) {
		case config.EnvConfig:
			says = c.S3UseARNRegion
		case config.SharedConfig:
			says = c.S3UseARNRegion
		}
		if says != nil {
			return *says
		}
	}
	return section == nil || *section
}

// resolver is the SDK's, for what is different with one bucket or operation.
type resolver struct{ next s3.EndpointResolverV2 }

// ResolveEndpoint implements s3.EndpointResolverV2.
func (r resolver) ResolveEndpoint(ctx context.Context, p s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	if strings.HasPrefix(aws.ToString(p.Bucket), "arn:") {
		p.ForcePathStyle = aws.Bool(false) // which the name of an access point is never written in
	}
	switch awsmiddleware.GetOperationName(ctx) {
	case "CreateBucket", "DeleteBucket", "ListBuckets":
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
		p.Accelerate = aws.Bool(false)
	}
	return r.next.ResolveEndpoint(ctx, p)
}

// validRegion is botocore's rule of what can be the name of a region.
func validRegion(s string) bool {
	digits := strings.Trim(s, "0123456789") == ""
	return len(s) > 0 && len(s) <= 63 && !digits && strings.Trim(s, nameLetters) == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// credentialsOf is what a client of [New] signs with; nil for any other.
func credentialsOf(c Client) aws.CredentialsProvider {
	o, ok := c.(interface{ Options() s3.Options })
	if !ok {
		return nil
	}
	return o.Options().Credentials
}
