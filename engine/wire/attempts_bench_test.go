package wire_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// BenchmarkAttempts is what retries, watches and paces add to a request of the
// fast path: "alone" is the client without them.
func BenchmarkAttempts(b *testing.B) {
	const size = 4 << 10
	body := make([]byte, size)
	for _, name := range []string{"alone", "unwatched", "attempts"} {
		client := func(b *testing.B) wire.Client {
			c := newClient(b, wire.Options{EndpointURL: canned(b, size), AccessKeyID: keyID, SecretAccessKey: secret})
			switch name {
			case "unwatched":
				return wire.Attempts(c, freeGate{}, wire.Policy{ReadTimeout: -1})
			case "attempts":
				return wire.Attempts(c, freeGate{}, wire.Policy{})
			}
			return c
		}
		b.Run("put/"+name, func(b *testing.B) {
			c := client(b)
			b.ReportAllocs()
			for b.Loop() {
				_, err := c.PutObject(b.Context(), &s3.PutObjectInput{
					Bucket: aws.String("bucket"), Key: aws.String("some/key"), Body: bytes.NewReader(body),
					ContentLength: aws.Int64(size), ChecksumCRC64NVME: aws.String(aSum),
				})
				must(b, err)
			}
		})
		b.Run("get/"+name, func(b *testing.B) {
			c := client(b)
			b.ReportAllocs()
			for b.Loop() {
				out, err := c.GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("some/key")})
				must(b, err)
				_, err = io.ReadFull(out.Body, body)
				must(b, err)
				must(b, out.Body.Close())
			}
		})
	}
}
