package wire

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// s3Error is what the SDK has around an answer that tells of an error: status,
// request id and host id. It is an s3.ResponseError as well.
type s3Error struct {
	*awshttp.ResponseError
	hostID string
}

var _ s3.ResponseError = (*s3Error)(nil)

// ServiceHostID implements s3.ResponseError.
func (e *s3Error) ServiceHostID() string { return e.hostID }

func (e *s3Error) Error() string {
	return fmt.Sprintf("https response error StatusCode: %d, RequestID: %s, HostID: %s, %v",
		e.Response.StatusCode, e.RequestID, e.hostID, e.Err)
}

// Unwrap gives errors.As the types of the SDK that this one is made of.
func (e *s3Error) Unwrap() error { return e.ResponseError }

// unread is the error of an answer that is a success and cannot be understood.
func (r *request) unread(resp *http.Response, err error) error {
	return r.fail(responseError(resp, s3xml.ErrorDocument{}, &smithy.DeserializationError{Err: err}))
}

// failed makes the error of an answer whose body has been read.
func (r *request) failed(resp *http.Response, body []byte) error {
	doc, ok, err := s3xml.Error(body)
	if err != nil {
		// A gateway on the way often answers with a page of its own. The status
		// says enough to know whether to try again.
		return r.fail(responseError(resp, doc, foreign{&smithy.GenericAPIError{
			Code:    statusCode(resp.StatusCode),
			Message: fmt.Sprintf("%s (the answer is not S3's: %v)", http.StatusText(resp.StatusCode), err),
		}}))
	}
	message := doc.Message
	if doc.Code == "" && doc.Message == "" || !ok {
		doc.Code, message = statusCode(resp.StatusCode), http.StatusText(resp.StatusCode)
	}
	if doc.Code == "" {
		doc.Code = unknown
	}
	if !ok && len(bytes.TrimSpace(body)) > 0 {
		return r.fail(responseError(resp, doc, foreign{&smithy.GenericAPIError{Code: doc.Code, Message: message}}))
	}
	return r.fail(responseError(resp, doc, modelled(r.op, doc, message)))
}

// unknown is the SDK's word for a code or a message that an answer lacks.
const unknown = "UnknownError"

// statusCode is the code of an answer that has none: "Not Found" is NotFound.
func statusCode(status int) string {
	if text := http.StatusText(status); text != "" {
		return strings.ReplaceAll(text, " ", "")
	}
	return unknown
}

func responseError(resp *http.Response, doc s3xml.ErrorDocument, err error) error {
	id, host := resp.Header.Get("X-Amz-Request-Id"), resp.Header.Get("X-Amz-Id-2")
	if id == "" {
		id = doc.RequestID
	}
	if host == "" {
		host = doc.HostID
	}
	return &s3Error{
		ResponseError: &awshttp.ResponseError{
			ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err},
			RequestID:     id,
		},
		hostID: host,
	}
}

// modelled gives an error the type that the SDK has for it in that operation;
// general is the message of an error that has none there.
func modelled(op string, doc s3xml.ErrorDocument, general string) error {
	message := &doc.Message
	if doc.Message == "" {
		message = nil
	}
	switch op + " " + doc.Code {
	case "CopyObject ObjectNotInActiveTierError":
		return &types.ObjectNotInActiveTierError{Message: message}
	case "GetObject NoSuchKey":
		return &types.NoSuchKey{Message: message}
	case "GetObject InvalidObjectState":
		return &types.InvalidObjectState{
			Message: message, StorageClass: types.StorageClass(doc.StorageClass),
			AccessTier: types.IntelligentTieringAccessTier(doc.AccessTier),
		}
	case "HeadObject NotFound":
		return &types.NotFound{Message: message}
	case "ListObjectsV2 NoSuchBucket":
		return &types.NoSuchBucket{Message: message}
	case "PutObject EncryptionTypeMismatch":
		return &types.EncryptionTypeMismatch{Message: message}
	case "PutObject InvalidRequest":
		return &types.InvalidRequest{Message: message}
	case "PutObject InvalidWriteOffset":
		return &types.InvalidWriteOffset{Message: message}
	case "PutObject TooManyParts":
		return &types.TooManyParts{Message: message}
	}
	return &smithy.GenericAPIError{Code: doc.Code, Message: cmp.Or(general, unknown)}
}
