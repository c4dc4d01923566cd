package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/pool"
)

// answered is an error as either client has it: of an operation, with a status.
func answered(status int, code string) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "PutObject", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}},
		Err:      &smithy.GenericAPIError{Code: code},
	}}
}

func unsent(err error) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "PutObject", Err: &smithyhttp.RequestSendError{
		Err: &url.Error{Op: "Put", URL: "http://h/b", Err: err},
	}}
}

func TestClasses(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	for _, q := range []struct {
		err     error
		class   Class
		verdict pool.Verdict
	}{
		{answered(503, "SlowDown"), Throttle, pool.Throttled},
		{answered(200, "SlowDown"), Throttle, pool.Throttled},
		{answered(503, "SlowDownWrite"), Throttle, pool.Throttled},
		{answered(503, "UnknownError"), Throttle, pool.Throttled},
		{answered(429, "TooManyRequests"), Throttle, pool.Throttled},
		{answered(400, "RequestLimitExceeded"), Throttle, pool.Throttled},
		{&APIError{Op: "DeleteObjects", Code: "SlowDown"}, Throttle, pool.Throttled},
		{answered(500, "InternalError"), Transient, pool.Failed},
		{answered(200, "InternalError"), Transient, pool.Failed},
		{answered(502, "BadGateway"), Transient, pool.Failed},
		{answered(504, "GatewayTimeout"), Transient, pool.Failed},
		{answered(400, "RequestTimeout"), Transient, pool.Failed},
		{answered(408, "RequestTimeout"), Transient, pool.Failed},
		{answered(520, "UnknownError"), Transient, pool.Failed},
		{answered(409, "OperationAborted"), Transient, pool.Failed},
		{unsent(reset), Transient, pool.Failed},
		{reset, Transient, pool.Failed}, // in a body
		{unsent(io.EOF), Transient, pool.Failed},
		{io.ErrUnexpectedEOF, Transient, pool.Failed},
		{unsent(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), Transient, pool.Failed},
		{&StallError{After: 1}, Transient, pool.Failed},
		{&smithy.OperationError{OperationName: "GetObject", Err: &StallError{After: 1}}, Transient, pool.Failed},
		{&net.DNSError{IsTimeout: true, IsTemporary: true}, Transient, pool.Failed},
		{&net.DNSError{IsNotFound: true}, Final, pool.Dropped},
		{answered(400, "BadDigest"), Damaged, pool.Answered},
		{answered(400, "XAmzContentChecksumMismatch"), Damaged, pool.Answered},
		{answered(403, "AccessDenied"), Auth, pool.Answered},
		{answered(403, "RequestTimeTooSkewed"), Auth, pool.Answered},
		{answered(400, "ExpiredToken"), Auth, pool.Answered},
		{answered(404, "NoSuchKey"), Final, pool.Answered},
		{answered(412, "PreconditionFailed"), Final, pool.Answered},
		{answered(409, "ConditionalRequestConflict"), Final, pool.Answered},
		{&smithy.OperationError{Err: &smithy.CanceledError{Err: context.Canceled}}, Ended, pool.Dropped},
		{errors.New("get credentials: none"), Final, pool.Dropped},
	} {
		class := Classify(q.err)
		if v := verdict(q.err, class); class != q.class || v != q.verdict {
			t.Errorf("%v: class %d, verdict %d; want %d, %d", q.err, class, v, q.class, q.verdict)
		}
		if Retryable(q.err) != (q.class == Throttle || q.class == Transient) {
			t.Errorf("%v: retryable %v", q.err, Retryable(q.err))
		}
	}
}

// What the SDK would send again is sent again here: a newer SDK with another
// code shows.
func TestClassesHaveThoseOfTheSDK(t *testing.T) {
	for code := range retry.DefaultThrottleErrorCodes {
		if c := Classify(answered(400, code)); c != Throttle && code != "TransactionInProgressException" {
			t.Errorf("%s is of class %d", code, c)
		}
		if !Retryable(answered(400, code)) {
			t.Errorf("%s is not sent again", code)
		}
	}
	for code := range retry.DefaultRetryableErrorCodes {
		if !Retryable(answered(400, code)) {
			t.Errorf("%s is not sent again", code)
		}
	}
	for status := range retry.DefaultRetryableHTTPStatusCodes {
		if !Retryable(answered(status, fmt.Sprint("Code", status))) {
			t.Errorf("%d is not sent again", status)
		}
	}
}
