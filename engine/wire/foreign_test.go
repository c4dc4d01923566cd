package wire_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

// What a server of another kind answers is told from what S3 says.
func TestNotS3(t *testing.T) {
	const (
		page   = "<html><body>hello</body></html>"
		broken = "<!DOCTYPE html><html><body>hello<br></body></html>"
		refuse = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
	)
	for _, q := range []struct {
		status  int
		body    string
		foreign bool
	}{
		{http.StatusOK, page, true},
		{http.StatusOK, broken, true},
		{http.StatusForbidden, page, true},
		{http.StatusForbidden, broken, true},
		{http.StatusForbidden, "no", true},
		{http.StatusBadGateway, broken, true},
		{http.StatusForbidden, refuse, false},
		{http.StatusForbidden, "", false},
		{http.StatusServiceUnavailable, "", false},
	} {
		f := newFake(t, says(q.status, "%s", q.body)).plain()
		c := newClient(t, f.options())
		for op, call := range map[string]func() error{
			"ListObjectsV2": func() error {
				return c.ListObjects(t.Context(), bucket.ListRequest{Bucket: "b"}, &bucket.Page{})
			},
			"PutObject": func() error {
				if q.status == http.StatusOK {
					return nil // of a success nothing is in the body
				}
				return putBody(c, t.Context(), strings.NewReader("x"))
			},
			"DeleteBucket": func() error {
				if q.status == http.StatusOK {
					return nil
				}
				return c.DeleteBucket(t.Context(), "b")
			},
			"GetObjectTagging": func() error {
				if q.status == http.StatusOK {
					return nil
				}
				_, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String("b"), Key: aws.String("k")})
				return err
			},
			"ListBuckets": func() error {
				_, err := c.ListBuckets(t.Context(), wire.BucketsRequest{})
				return err
			},
		} {
			err := call()
			if err == nil {
				if q.status != http.StatusOK || op == "ListBuckets" || op == "ListObjectsV2" {
					t.Errorf("%d %q: %s was taken", q.status, q.body, op)
				}
				continue
			}
			got, status, yes := wire.NotS3(err)
			bySDK := op != "ListObjectsV2" && op != "PutObject" || f.options().SDK
			if bySDK && q.status != http.StatusOK && q.body != broken {
				continue // of which the SDK says no more than the status
			}
			if yes != q.foreign {
				t.Errorf("%d %q: %s: foreign %v: %v", q.status, q.body, op, yes, err)
			}
			if yes && (status != 0 && status != q.status || got != "" && got != op) {
				t.Errorf("%d %q: %s: %s, %d", q.status, q.body, op, got, status)
			}
		}
	}
	if _, _, yes := wire.NotS3(nil); yes {
		t.Error("no error")
	}
}
