package report

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// What the errors of S3's clients can tell, as interfaces: this package must
// serve any client, and so knows none. smithy.APIError, smithy.OperationError
// and awshttp.ResponseError fit.
type (
	withCode interface {
		error
		ErrorCode() string
	}
	withMessage interface {
		error
		ErrorMessage() string
	}
	withOperation interface {
		error
		Operation() string
	}
	withRequestID interface {
		error
		ServiceRequestID() string
	}
	withStatus interface {
		error
		HTTPStatusCode() int
	}
	withAdvice interface {
		error
		Advice() string
	}
)

// Problem is what is to be said about an error, without credentials.
type Problem struct {
	// Message is S3's message, or the text of an error that is not S3's.
	Message string
	// Code is S3's error code; empty where the error is not S3's.
	Code string
	// API is the operation that failed, as "PutObject"; may be empty.
	API string
	// RequestID is what S3's support asks for; may be empty.
	RequestID string
	// Advice says what may help. It comes from an error in the chain that has
	// a method Advice() string; may be empty.
	Advice string
}

// Explain takes an error apart. In a chain that joins several errors the first
// that answers a question counts.
func Explain(err error) Problem {
	if err == nil {
		return Problem{Message: "unknown error"}
	}
	var p Problem
	if e, ok := errors.AsType[withCode](err); ok && e.ErrorCode() != "" {
		p.Code = Redact(e.ErrorCode())
		// botocore's word for a message that did not come.
		p.Message = "Unknown"
		if m, ok := errors.AsType[withMessage](e); ok && m.ErrorMessage() != "" {
			p.Message = Redact(m.ErrorMessage())
		}
	} else {
		p.Message = Redact(err.Error())
	}
	if e, ok := errors.AsType[withOperation](err); ok {
		p.API = e.Operation()
	}
	if e, ok := errors.AsType[withStatus](err); ok && p.Code != "" && strings.HasPrefix(p.API, "Head") {
		// The answer to a HEAD has no body: botocore gives the status, in numbers and
		// words, and so do we, whatever a client makes of it.
		if words := http.StatusText(e.HTTPStatusCode()); words != "" {
			p.Code, p.Message = strconv.Itoa(e.HTTPStatusCode()), words
		}
	}
	if e, ok := errors.AsType[withRequestID](err); ok {
		p.RequestID = e.ServiceRequestID()
	}
	if e, ok := errors.AsType[withAdvice](err); ok {
		p.Advice = Redact(e.Advice())
	}
	return p
}

// String is the sentence that `aws s3` prints: "An error occurred (Code) when
// calling the Op operation: Message" for an error of S3, the message for any
// other.
func (p Problem) String() string {
	switch {
	case p.Code == "":
		return p.Message
	case p.API == "":
		return "An error occurred (" + p.Code + "): " + p.Message
	default:
		return "An error occurred (" + p.Code + ") when calling the " + p.API + " operation: " + p.Message
	}
}

// Detail is the line that follows: "request 4Z9K: advice", or the one of the
// two that is known; empty where neither is.
func (p Problem) Detail() string {
	switch {
	case p.RequestID == "":
		return p.Advice
	case p.Advice == "":
		return "request " + p.RequestID
	default:
		return "request " + p.RequestID + ": " + p.Advice
	}
}

// throttled says whether err is the store asking for fewer requests.
func throttled(err error) bool {
	if e, ok := errors.AsType[withCode](err); ok {
		switch e.ErrorCode() {
		case "SlowDown", "503 SlowDown", "503 Slow Down", "ServiceUnavailable", "Throttling",
			"ThrottlingException", "ThrottledException", "RequestThrottled",
			"RequestThrottledException", "RequestLimitExceeded", "BandwidthLimitExceeded",
			"TooManyRequests", "TooManyRequestsException", "503", "429":
			return true
		}
	}
	if e, ok := errors.AsType[withStatus](err); ok {
		return e.HTTPStatusCode() == 503 || e.HTTPStatusCode() == 429
	}
	return false
}
