package wire

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// untyped has the SDK send no Content-Type where none was given, as the fast path
// and aws s3 do: it makes application/octet-stream of it, and what S3 gives such an
// object by itself is binary/octet-stream.
func untyped(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("untyped", func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		if req, ok := in.Request.(*smithyhttp.Request); ok && smithyhttp.GetIsContentTypeDefaultValue(ctx) {
			req.Header.Del("Content-Type")
		}
		return next.HandleBuild(ctx, in)
	}), middleware.Before)
}
