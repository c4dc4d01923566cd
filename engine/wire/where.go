package wire

import (
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
