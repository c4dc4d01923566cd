package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

// stalling is a simulator, one request of which stalls when that is wanted.
type stalling struct {
	*httptest.Server
	sim     *s3sim.Server
	next    atomic.Pointer[string]
	asked   atomic.Int64
	release chan struct{}
}

func newStalling(t *testing.T) *stalling {
	t.Helper()
	s := &stalling{release: make(chan struct{})}
	var err error
	s.sim, err = s3sim.New(s3sim.Options{KeepBodies: 32 << 20})
	must(t, err)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(s.release) })
	return s
}

func (s *stalling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	how := s.next.Swap(nil)
	if how == nil {
		s.sim.ServeHTTP(w, r)
		return
	}
	switch *how {
	case "silent": // takes all, and never answers
		_, _ = io.Copy(io.Discard, r.Body)
	case "deaf": // does not read
		_, _ = io.ReadFull(r.Body, make([]byte, 10))
	case "half": // stops in the middle of its answer
		all := httptest.NewRecorder()
		s.sim.ServeHTTP(all, r)
		maps.Copy(w.Header(), all.Header())
		w.WriteHeader(all.Code)
		_, _ = w.Write(all.Body.Bytes()[:all.Body.Len()/2])
		_ = http.NewResponseController(w).Flush()
	}
	<-s.release
}

// A request that stalls for ever is made again on another connection, long
// before the time-out of a connection: by either client, in both directions.
func TestStallsOverHTTP(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 16<<10) // 256 KiB
	small := content[:4<<10]
	name, key := aws.String("bkt"), aws.String("key")
	put := func(ctx context.Context, c wire.Client, key *string, b []byte) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: name, Key: key, Body: bytes.NewReader(b), ChecksumCRC64NVME: aws.String(checksum.Of(b).String()),
		})
		return err
	}
	get := func(ctx context.Context, c wire.Client, key *string, want []byte) error {
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: name, Key: key})
		if err != nil {
			return err
		}
		defer out.Body.Close()
		if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%d of %d bytes: %w", len(got), len(want), err)
		}
		return nil
	}
	var upload *string
	for _, q := range []struct {
		what, how string
		do        func(context.Context, wire.Client) error
	}{
		{"small up", "silent", func(ctx context.Context, c wire.Client) error { return put(ctx, c, key, small) }},
		{"large up", "deaf", func(ctx context.Context, c wire.Client) error { return put(ctx, c, key, bytes.Repeat(content, 16)) }},
		{"part up", "silent", func(ctx context.Context, c wire.Client) error {
			buf := bytes.Clone(content)
			_, err := c.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: name, Key: key, UploadId: upload, PartNumber: aws.Int32(1), Body: bytes.NewReader(buf),
				ContentLength: aws.Int64(int64(len(buf))), ChecksumCRC64NVME: aws.String(checksum.Of(buf).String()),
			})
			scribble(buf) // the race detector sees who reads it still
			return err
		}},
		{"small down", "silent", func(ctx context.Context, c wire.Client) error { return get(ctx, c, aws.String("small"), small) }},
		{"small down, its body", "half", func(ctx context.Context, c wire.Client) error { return get(ctx, c, aws.String("small"), small) }},
		{"large down, its body", "half", func(ctx context.Context, c wire.Client) error { return get(ctx, c, aws.String("large"), content) }},
		{"head", "silent", func(ctx context.Context, c wire.Client) error {
			_, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: name, Key: aws.String("small")})
			return err
		}},
		{"list", "half", func(ctx context.Context, c wire.Client) error {
			var page bucket.Page
			err := c.ListObjects(ctx, bucket.ListRequest{Bucket: *name}, &page)
			if err == nil && len(page.Entries) < 2 {
				err = errors.New("a page that is not whole")
			}
			return err
		}},
	} {
		for _, sdk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, SDK %v", q.what, sdk), func(t *testing.T) {
				s := newStalling(t)
				c := wire.Attempts(newClient(t, wire.Options{
					EndpointURL: s.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey, SDK: sdk,
				}), freeGate{}, wire.Policy{})
				ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // less than the time-out of a connection
				defer cancel()
				must(t, c.CreateBucket(ctx, *name, wire.CreateOptions{}))
				must(t, put(ctx, c, aws.String("small"), small))
				must(t, put(ctx, c, aws.String("large"), content))
				up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: key})
				must(t, err)
				upload = up.UploadId
				for range 100 {
					must(t, q.do(ctx, c))
				}
				before := s.asked.Load()
				s.next.Store(&q.how)
				must(t, q.do(ctx, c))
				if n := s.asked.Load() - before; n < 2 || n > 3 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}
