package s3sim

import (
	"errors"
	"net/http"
)

// apiError is an answer that says what is wrong, as S3 words it.
type apiError struct {
	status  int
	code    string
	message string
	extra   []element // beside the usual elements of the document
	headers []element
}

// element is a name with a value, of XML or of a header.
type element struct{ name, value string }

func (e *apiError) Error() string { return e.code + ": " + e.message }

// with adds an element to the document.
func (e *apiError) with(name, value string) *apiError {
	e.extra = append(e.extra, element{name, value})
	return e
}

// header adds a header to the answer; its name is in canonical form.
func (e *apiError) header(name, value string) *apiError {
	e.headers = append(e.headers, element{name, value})
	return e
}

func failure(status int, code, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

func badRequest(code, message string) *apiError {
	return failure(http.StatusBadRequest, code, message)
}

func invalidArgument(name, value, message string) *apiError {
	return badRequest("InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
}

func malformedXML() *apiError {
	return badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

func noSuchKey(key string) *apiError {
	return failure(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.").with("Key", key)
}

func noSuchVersion(key, id string) *apiError {
	return failure(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.").with("Key", key).with("VersionId", id)
}

func noSuchUpload(id string) *apiError {
	return failure(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.").with("UploadId", id)
}

func preconditionFailed(condition string) *apiError {
	return failure(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold").with("Condition", condition)
}

func accessDenied(message string) *apiError {
	return failure(http.StatusForbidden, "AccessDenied", message)
}

// errGone is for a client that went away in the middle of its request: there is
// nobody to answer.
var errGone = errors.New("the client went away")

// fail answers with err.
func (c *call) fail(err error) {
	if errors.Is(err, errGone) {
		panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
	}
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		e = failure(http.StatusInternalServerError, "InternalError", err.Error())
	}
	for _, h := range e.headers {
		c.set(h.name, h.value)
	}
	if e.status == http.StatusNotModified || c.r.Method == http.MethodHead {
		c.w.WriteHeader(e.status)
		return
	}
	c.drain()
	out := c.beginXML()
	out = append(out, "<Error><Code>"...)
	out = appendText(out, e.code)
	out = append(out, "</Code><Message>"...)
	out = appendText(out, e.message)
	out = append(out, "</Message>"...)
	for _, x := range e.extra {
		out = appendElement(out, x.name, x.value)
	}
	out = appendElement(out, "Resource", c.resource())
	out = appendElement(out, "RequestId", c.requestID)
	out = appendElement(out, "HostId", hostID)
	out = append(out, "</Error>"...)
	c.sendXML(e.status, out)
}
