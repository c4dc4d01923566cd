package transfer

import (
	"errors"

	"github.com/s3haul/s3haul/engine/wire"
)

// keyError is an answer that may be about a customer's key: S3 does not say so,
// and to a HEAD it says nothing at all.
type keyError struct {
	error
	advice string
}

func (e *keyError) Unwrap() error { return e.error }

// Advice says what may be the matter.
func (e *keyError) Advice() string { return e.advice }

// withoutKey is for a HEAD that may have gone without the key that it needed.
func withoutKey(err error) error {
	if _, said := errors.AsType[*keyError](err); said || !refused400(err) {
		return err
	}
	return &keyError{err, "the store does not say why: an object that is encrypted with a customer's key (SSE-C) is read with that key alone;" +
		" else check the bucket's name and the region"}
}

// withKey is for a request about an object that has gone with one.
func (c *customer) withKey(err error) error {
	if err == nil || c.key == nil {
		return err
	}
	switch code := wire.Code(err); {
	case code == "Forbidden" || code == "403" || code == "AccessDenied":
		return &keyError{err, "the key that was given (SSE-C) may not be the one that the object was written with; or one may not read it at all"}
	case code == "InvalidRequest" || refused400(err):
		return &keyError{err, "a key was given (SSE-C), and the object may not be encrypted with one: leave it out"}
	}
	return err
}

// refused400 says that a HEAD was answered with 400, whoever read the answer.
func refused400(err error) bool {
	switch wire.Code(err) {
	case "BadRequest", "Bad Request", "400":
		return true
	}
	return false
}
