package wire

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Presign implements Client. Where the bucket's region has been learnt, the URL is
// for that one; nobody is asked.
func (c *sdk) Presign(ctx context.Context, req PresignRequest) (Presigned, error) {
	creds, err := c.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return Presigned{}, &CredentialsError{Err: err}
	}
	signer := s3.NewPresignClient(c.Client, s3.WithPresignExpires(req.Expires), s3.WithPresignClientFromClientOptions(func(o *s3.Options) {
		if region := c.regions.of(req.Bucket); region != "" {
			o.Region = region
		}
		// With these the URL would be good for a body with the sum of none, or say
		// what only a client of the SDK asks for.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.APIOptions = append(o.APIOptions, withoutID)
	}))
	in := s3.GetObjectInput{Bucket: &req.Bucket, Key: &req.Key}
	if req.VersionID != "" {
		in.VersionId = &req.VersionID
	}
	var out *v4.PresignedHTTPRequest
	if req.Put {
		out, err = signer.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &req.Bucket, Key: &req.Key})
	} else {
		out, err = signer.PresignGetObject(ctx, &in)
	}
	if err != nil {
		return Presigned{}, fmt.Errorf("presigning s3://%s/%s: %w", req.Bucket, req.Key, err)
	}
	p := Presigned{URL: out.URL}
	if creds.CanExpire {
		p.CredentialsEnd = creds.Expires
	}
	return p, nil
}

func (a *attempts) Presign(ctx context.Context, req PresignRequest) (Presigned, error) {
	return a.next.Presign(ctx, req)
}

// withoutID takes x-id out of a URL: it names the operation for the SDK's own
// ends, and aws s3 presign has none.
func withoutID(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("withoutID",
		func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				q := r.URL.Query()
				q.Del("x-id")
				r.URL.RawQuery = q.Encode()
			}
			return next.HandleBuild(ctx, in)
		}), middleware.After)
}
