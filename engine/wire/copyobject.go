package wire

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// CopyObject waits for the whole of the answer: that it begins with 200 only
// says that the store has begun to copy.
func (c *fast) CopyObject(ctx context.Context, in *s3.CopyObjectInput, opts ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	v := reflect.ValueOf(in).Elem()
	at, r := c.begin(ctx, "CopyObject", http.MethodPut, in.Bucket, in.Key, v, c.copying.in)
	if r == nil || in.CopySource == nil {
		return c.sdk.CopyObject(ctx, in, opts...)
	}
	if err := r.encode(c.copying, v); err != nil {
		return nil, err
	}
	var out *s3.CopyObjectOutput
	err := c.read(ctx, at, r, func(resp *http.Response, b []byte) (err error) {
		out = &s3.CopyObjectOutput{}
		if err := c.copying.out.decode(resp.Header, reflect.ValueOf(out).Elem()); err != nil {
			return err
		}
		if len(b) > 0 || resp.ContentLength != 0 { // a store that says that it says nothing has said all
			out.CopyObjectResult, err = copyResult(b)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func copyResult(b []byte) (*types.CopyObjectResult, error) {
	r := &types.CopyObjectResult{}
	err := s3xml.CopyObjectResult(b, func(name, value string) {
		switch name {
		case "ETag":
			r.ETag = &value
		case "ChecksumType":
			r.ChecksumType = types.ChecksumType(value)
		case "ChecksumCRC32":
			r.ChecksumCRC32 = &value
		case "ChecksumCRC32C":
			r.ChecksumCRC32C = &value
		case "ChecksumCRC64NVME":
			r.ChecksumCRC64NVME = &value
		case "ChecksumMD5":
			r.ChecksumMD5 = &value
		case "ChecksumSHA1":
			r.ChecksumSHA1 = &value
		case "ChecksumSHA256":
			r.ChecksumSHA256 = &value
		case "ChecksumSHA512":
			r.ChecksumSHA512 = &value
		case "ChecksumXXHASH128":
			r.ChecksumXXHASH128 = &value
		case "ChecksumXXHASH3":
			r.ChecksumXXHASH3 = &value
		case "ChecksumXXHASH64":
			r.ChecksumXXHASH64 = &value
		}
	}, func(modified time.Time) { r.LastModified = &modified })
	if err != nil {
		return nil, err
	}
	return r, nil
}
