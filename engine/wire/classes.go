package wire

import (
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/pool"
)

// Class is what an error means for the request that failed with it.
type Class int

const (
	// Final means that the same request would fail again. The store said no, or
	// the request never was one.
	Final Class = iota
	// Throttle means that the store wants to be sent less. The request is as good
	// as before, and is sent again for as long as the caller has patience.
	Throttle
	// Transient means that something broke on the way, or in the store. A few
	// more attempts are worth it.
	Transient
	// Damaged means that the body did not arrive as it was sent. A body that is in
	// order here is worth sending again; Retryable does not know, and says no.
	Damaged
	// Auth is about credentials, signature or clock. What heals by itself (a token that
	// was renewed, a clock that was off) the client has healed already.
	Auth
	// Ended means that the caller gave up.
	Ended
)

// Classify returns the class of err, which must not be nil. Codes come first,
// since a store may send one inside of a 200; then what the SDK would do.
func Classify(err error) Class {
	class := classOfCode(Code(err))
	switch class {
	case Throttle, Transient, Damaged:
		return class
	}
	if canceled(err) {
		return Ended
	}
	sdk := retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err)
	if sdk == aws.FalseTernary { // no such host
		return class
	}
	switch s := classOfStatus(status(err)); {
	case s != Final:
		return s
	case sdk == aws.TrueTernary:
		// aws/retry: broken and refused connections, time-outs, temporary
		// errors of DNS, and what says of itself that it may be tried again.
		return Transient
	case errors.Is(err, io.ErrUnexpectedEOF):
		// net/http: a connection that ended inside of an answer. The SDK's
		// list does not have it; s3/manager reads such a body again as well.
		return Transient
	}
	return class
}

// classOfCode is the table of the codes of S3 and its like. Sources:
//
//	S3:    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
//	SDK:   aws-sdk-go-v2, aws/retry/standard.go, DefaultThrottleErrorCodes and
//	       DefaultRetryableErrorCodes
//	minio: minio/minio, cmd/api-errors.go; minio/minio-go, retry.go
//	ceph:  ceph/ceph, src/rgw/rgw_common.cc, rgw_http_s3_errors
func classOfCode(code string) Class {
	switch code {
	case "SlowDown", // S3: 503, "Reduce your request rate"; ceph: ERR_RATE_LIMITED
		"ServiceUnavailable",            // S3: 503, and any 503 without a code; ceph: ERR_BUSY_RESHARDING
		"SlowDownRead", "SlowDownWrite", // minio: 503, drives or quorum too slow
		"TooManyRequests",                                                                                          // a 429 without a code, as of Cloudflare R2 and of proxies
		"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "RequestThrottled", // SDK
		"TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", // SDK
		"BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete", "EC2ThrottledException": // SDK
		return Throttle
	case "InternalError", // S3: 500, "Please try again", also inside of a 200
		"RequestTimeout", "RequestTimeoutException", // S3: 400, the socket was idle; SDK
		"TransactionInProgressException", // SDK, among its throttling codes; it is about one object
		"OperationAborted":               // S3: 409, "A conflicting conditional action is in progress. Try again."
		return Transient
	case "BadDigest", // S3: 400, the checksum or Content-MD5 differs from the body
		"XAmzContentSHA256Mismatch",   // S3: 400, the signed sum differs from the body
		"XAmzContentChecksumMismatch": // minio: 400, an x-amz-checksum differs
		return Damaged
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "TokenRefreshRequired", // S3: 400, 403
		"ExpiredToken",                         // S3: 400; minio-go sends it again, here the fast path has done so with a new token
		"ExpiredTokenException",                // SDK, the same of STS
		"RequestTimeTooSkewed",                 // S3: 403; the fast path and the SDK have set their clock by the answer
		"RequestExpired", "RequestInTheFuture", // SDK, its codes for a clock that is off
		"AccountProblem", "AllAccessDisabled", "NotSignedUp": // S3: 403
		return Auth
	}
	return Final
}

// classOfStatus is for answers whose code is not in the table: those of
// gateways and proxies, and those to HEAD, which have no body.
func classOfStatus(status int) Class {
	switch status {
	case http.StatusServiceUnavailable, // S3: SlowDown and ServiceUnavailable; SDK
		http.StatusTooManyRequests: // RFC 6585, 4; minio-go
		return Throttle
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout, // SDK, DefaultRetryableHTTPStatusCodes
		http.StatusRequestTimeout, // RFC 9110, 15.5.9: may be repeated; minio-go
		499, 520:                  // minio-go: nginx lost its client, Cloudflare could not read its origin
		return Transient
	}
	return Final
}

func status(err error) int {
	if e, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && e.Response != nil && e.Response.Response != nil {
		return e.HTTPStatusCode()
	}
	return 0
}

// canceled is aws/retry's NoRetryCanceledError.
func canceled(err error) bool {
	var e interface{ CanceledError() bool }
	return errors.As(err, &e) && e.CanceledError()
}

// Retryable says whether a request that failed with err may succeed when it is
// sent again: throttling, time-outs, 5xx, connections that broke.
func Retryable(err error) bool {
	switch Classify(err) {
	case Throttle, Transient:
		return true
	}
	return false
}

// verdict is what err, or its absence, says about the store.
func verdict(err error, class Class) pool.Verdict {
	switch {
	case err == nil:
		return pool.Answered
	case class == Throttle:
		return pool.Throttled
	case class == Transient:
		return pool.Failed
	case class == Ended:
		return pool.Dropped
	case Code(err) == "" && status(err) == 0: // it did not get as far as the store
		return pool.Dropped
	}
	return pool.Answered
}
