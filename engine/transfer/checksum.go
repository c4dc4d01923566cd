package transfer

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
)

// compare holds the sum of what was sent or has come against that of the store,
// and says whether it could: a store need not have a CRC64NVME, and one of the
// parts' sums ("composite", with "-N" behind it) says nothing of the bytes. The
// error wraps [ErrChecksum] and names the object and both sums.
func compare(op, bucket, key string, here checksum.CRC64NVME, there *string, kind types.ChecksumType) (bool, error) {
	header := aws.ToString(there)
	if header == "" || kind == types.ChecksumTypeComposite || strings.Contains(header, "-") {
		return false, nil
	}
	stored, err := checksum.Parse(header, here.Size)
	if err != nil {
		return false, fmt.Errorf("%s s3://%s/%s: %w: %s here, in the store %w", op, bucket, key, ErrChecksum, here, err)
	}
	if stored.Sum != here.Sum {
		return false, fmt.Errorf("%s s3://%s/%s: %w: %s here, %s in the store", op, bucket, key, ErrChecksum, here, header)
	}
	return true, nil
}
