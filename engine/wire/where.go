package wire

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Endpoint names the store that a client of [New] talks to: the URL that it was
// given, or S3 and the region. There is no secret in it.
func Endpoint(c Client) string {
	o, ok := c.(interface{ Options() s3.Options })
	if !ok {
		return ""
	}
	so := o.Options()
	if so.BaseEndpoint != nil {
		return aws.ToString(so.BaseEndpoint)
	}
	return "s3." + so.Region
}

// Partition is the partition of AWS that the region of a client of [New] is in:
// the same name of a bucket is another bucket in another one.
func Partition(c Client) string {
	o, ok := c.(interface{ Options() s3.Options })
	if !ok {
		return ""
	}
	region := o.Options().Region
	for _, p := range []string{"cn-", "us-gov-", "us-isob-", "us-isof-", "eu-isoe-", "us-iso-", "eusc-"} {
		if strings.HasPrefix(region, p) {
			return "aws-" + strings.TrimSuffix(p, "-")
		}
	}
	return "aws"
}

// OfAWS says whether a client of [New] talks to S3 itself: what S3 alone is known
// to do can be relied on. Of another client it is not known, which is false.
func OfAWS(c Client) bool {
	o, ok := c.(interface{ Options() s3.Options })
	if !ok {
		return false
	}
	base := o.Options().BaseEndpoint
	if base == nil {
		return true
	}
	u, err := url.Parse(*base)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}
