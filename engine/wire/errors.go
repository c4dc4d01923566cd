package wire

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// APIError is an error of S3 that did not come through the SDK's types: one
// key of a DeleteObjects. It satisfies smithy.APIError, as the SDK's do.
type APIError struct {
	Op, Code, Message, RequestID string
}

var _ smithy.APIError = (*APIError)(nil)

func (e *APIError) Error() string {
	return fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", e.Code, e.Op, e.Message)
}

// ErrorCode returns S3's code.
func (e *APIError) ErrorCode() string { return e.Code }

// ErrorMessage returns S3's message.
func (e *APIError) ErrorMessage() string { return e.Message }

// ErrorFault says that it is not known whose fault it was.
func (e *APIError) ErrorFault() smithy.ErrorFault { return smithy.FaultUnknown }

// Operation returns the name of the S3 operation.
func (e *APIError) Operation() string { return e.Op }

// ServiceRequestID returns the id under which S3 knows the request.
func (e *APIError) ServiceRequestID() string { return e.RequestID }

// Code returns S3's error code in err's chain, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// RequestID returns the id under which S3 knows the failed request, or "".
func RequestID(err error) string {
	var e interface{ ServiceRequestID() string }
	if errors.As(err, &e) {
		return e.ServiceRequestID()
	}
	return ""
}

// NotFound says that err is S3's answer that the key or the bucket is not there.
// HEAD has no body, so its code is only "NotFound".
func NotFound(err error) bool {
	switch Code(err) {
	case "NoSuchKey", "NotFound", "404", "NoSuchBucket", "NoSuchVersion":
		return true
	}
	return false
}

// ErrCredentials is in the chain of an error that says that no credentials
// were found, or that who was to give them did not.
var ErrCredentials = errors.New("unable to locate credentials")
