package wire

import (
	"errors"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// CopySource names an object as the CopySource of CopyObject and UploadPartCopy
// has it: escaped, but for its slashes. The bucket may be the ARN of an access
// point (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
func CopySource(bucket, key string) string {
	if strings.HasPrefix(bucket, "arn:") {
		return bucket + "/object/" + escapeKey(key)
	}
	return bucket + "/" + escapeKey(key)
}

// Unsupported says that err is the answer of a store that does not know the
// operation, or something that was asked for with it.
func Unsupported(err error) bool {
	switch Code(err) {
	case "NotImplemented", "MethodNotAllowed", "XNotImplemented":
		return true
	}
	answer, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() == http.StatusNotImplemented
}
