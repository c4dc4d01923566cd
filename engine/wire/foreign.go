package wire

import (
	"errors"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// foreign is the error of an answer that is not S3's: a page of a proxy or of a
// server of another kind.
type foreign struct{ *smithy.GenericAPIError }

// Unwrap gives errors.As the SDK's type.
func (e foreign) Unwrap() error { return e.GenericAPIError }

// NotS3 says that err is the answer of something that does not speak S3, which
// operation was asked for and what the status was.
func NotS3(err error) (op string, status int, yes bool) {
	_, page := errors.AsType[foreign](err)
	if err != nil && !page {
		// Neither the SDK nor the parser of listings has a type for it.
		text := err.Error()
		page = errors.Is(err, errNoListing) || strings.Contains(text, "error while deserializing xml error response") ||
			strings.Contains(text, "deserialization failed") && (strings.Contains(text, "the answer is a <") || strings.Contains(text, "which no answer of S3 has") || strings.Contains(text, "XML syntax error"))
	}
	if !page {
		return "", 0, false
	}
	if e, ok := errors.AsType[*smithy.OperationError](err); ok {
		op = e.Operation()
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = e.HTTPStatusCode()
	}
	return op, status, true
}
