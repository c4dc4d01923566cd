package transfer

import (
	"context"
	"crypto/md5" //nolint:gosec // an ETag is an MD5; nothing is kept secret by it
	"encoding/hex"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
)

// Same says that the file at path has the content of obj for certain: its MD5 is
// obj's ETag, or its CRC64NVME the stored one of the whole object. False means
// that it has not, or that it cannot be known. With ask false no request is
// sent, and only the ETag counts.
func (t *Transfer) Same(ctx context.Context, obj Object, path string, ask bool) (bool, error) {
	plain := len(obj.ETag) == 2*md5.Size // a multipart ETag has "-N" behind it
	if !plain && !ask {
		return false, nil
	}
	f, err := open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	buf, err := t.Pool.Buffer(ctx, min(max(obj.Size, 0)+1, copyBuffer))
	if err != nil {
		return false, err
	}
	defer buf.Release()
	sum, crc := md5.New(), &checksum.CRC64NVME{} //nolint:gosec // as above
	w := io.MultiWriter(sum, crc)
	if !plain {
		w = crc
	}
	if n, err := copyBuffered(w, reader{ctx, f}, buf.Bytes()); err != nil || n != obj.Size {
		return false, err
	}
	if plain && hex.EncodeToString(sum.Sum(nil)) == obj.ETag {
		return true, nil
	}
	if !ask {
		return false, nil
	}
	// With SSE-KMS or SSE-C an ETag is no MD5, so that one that differs says nothing.
	head, err := t.Client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(obj.Bucket), Key: aws.String(obj.Key), ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return false, err
	}
	ok, err := compare("HeadObject", obj.Bucket, obj.Key, *crc, head.ChecksumCRC64NVME, head.ChecksumType)
	return ok && err == nil && aws.ToInt64(head.ContentLength) == obj.Size, nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
