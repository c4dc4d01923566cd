package wire

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// asFast has the SDK send what the fast path sends where they would differ, and
// refuse what that refuses.
func asFast(stack *middleware.Stack) error {
	typed := middleware.BuildMiddlewareFunc("s3haul.untyped", func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		// Where no type was given it makes one up, and what S3 gives such an object by
		// itself is binary/octet-stream. What is XML has a type that is a default too.
		req, ok := in.Request.(*smithyhttp.Request)
		if ok && smithyhttp.GetIsContentTypeDefaultValue(ctx) && req.Header.Get("Content-Type") == "application/octet-stream" {
			req.Header.Del("Content-Type")
		}
		return next.HandleBuild(ctx, in)
	})
	hidden := middleware.FinalizeMiddlewareFunc("s3haul.secret", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			if err := secret(req.URL, req.Header); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
		}
		return next.HandleFinalize(ctx, in)
	})
	return errors.Join(
		stack.Build.Add(typed, middleware.Before),
		stack.Finalize.Add(hidden, middleware.After), // where it is known where to
	)
}

// errSecret: S3 refuses such a request, when everybody on the way has read the key.
var errSecret = errors.New("a customer's key (SSE-C) is only sent over https, and the endpoint is http")

// secret refuses a key that others can read on its way.
func secret(to *url.URL, h http.Header) error {
	const key, source = "X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key"
	if to.Scheme != "http" || h[key] == nil && h[source] == nil || loopback(to) {
		return nil
	}
	return errSecret
}
