package transfer

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// Versioned returns c for what reads one version of objects, of that id; "null" is
// a real one. A Transfer of such a client can write nothing that makes sense.
func Versioned(c wire.Objects, id string) wire.Objects { return &versioned{c, id} }

type versioned struct {
	wire.Objects
	id string
}

func (v *versioned) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	in.VersionId = &v.id
	return v.Objects.GetObject(ctx, in, opts...)
}

func (v *versioned) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	in.VersionId = &v.id
	return v.Objects.HeadObject(ctx, in, opts...)
}

func (v *versioned) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput, opts ...func(*s3.Options)) (*s3.GetObjectAttributesOutput, error) {
	in.VersionId = &v.id
	return v.Objects.GetObjectAttributes(ctx, in, opts...)
}
