package wire_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// A customer's key goes to a host on the network over https alone.
func TestSecretsOverHTTP(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		f := newFake(t, func(http.ResponseWriter, *http.Request) {}).plain()
		o := f.options()
		o.SDK = sdk
		key := aws.String("a2V5")
		ask := func(c wire.Client) []error {
			var errs []error
			_, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: key, SSECustomerKey: key})
			errs = append(errs, err)
			_, err = c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
				Bucket: aws.String("bucket"), Key: key, UploadId: key, PartNumber: aws.Int32(1), CopySource: key, CopySourceSSECustomerKey: key,
			})
			return append(errs, err)
		}
		c := newClient(t, o)
		if ask(c); len(f.requests()) != 2 {
			t.Errorf("on this machine: %d requests", len(f.requests()))
		}
		o.EndpointURL = "http://192.0.2.1:9" // nobody has it; it is not asked (RFC 5737)
		for _, err := range ask(newClient(t, o)) {
			if err == nil || !strings.Contains(err.Error(), "only sent over https") {
				t.Errorf("got %v", err)
			}
		}
	})
}
