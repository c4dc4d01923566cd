package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// Stat asks for one object. The entry that comes back has no Key.
func (t *Transfer) Stat(ctx context.Context, obj Object) (walker.Entry, error) {
	head, err := t.client(&obj).HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(obj.Bucket), Key: aws.String(obj.Key),
	})
	if err != nil {
		return walker.Entry{}, missing(obj.Key, err)
	}
	return walker.Entry{
		Size: aws.ToInt64(head.ContentLength), ModTime: aws.ToTime(head.LastModified),
		ETag: strings.Trim(aws.ToString(head.ETag), `"`), StorageClass: string(head.StorageClass), Latest: true,
		// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html#API_HeadObject_ResponseSyntax
		Restored: strings.Contains(aws.ToString(head.Restore), `ongoing-request="false"`),
	}, nil
}

// missing gives an answer of 404 to a HEAD its words, which has no body, and one of
// 400 what it may be about.
func missing(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case wire.NotFound(err):
		return &wire.APIError{Op: "HeadObject", Code: "404", Message: fmt.Sprintf("Key %q does not exist", key), RequestID: wire.RequestID(err)}
	}
	return withoutKey(err)
}
