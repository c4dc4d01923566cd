package transfer

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// copyStore passes calls on to a simulator, and counts them. before is asked
// ahead of each, and its error is the answer; after may change an answer, and
// its error takes the answer's place.
type copyStore struct {
	wire.Objects
	before, after func(op string, v any) error

	mu    sync.Mutex
	calls map[string]int
}

func passed[I, O any](ctx context.Context, s *copyStore, op string, in I, send func(context.Context, I, ...func(*s3.Options)) (O, error)) (O, error) {
	s.mu.Lock()
	s.calls[op]++
	s.mu.Unlock()
	var none O
	if s.before != nil {
		if err := s.before(op, in); err != nil {
			return none, err
		}
	}
	out, err := send(ctx, in)
	if err == nil && s.after != nil {
		if err := s.after(op, out); err != nil {
			return none, err
		}
	}
	return out, err
}

func (s *copyStore) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return passed(ctx, s, "HeadObject", in, s.Objects.HeadObject)
}

func (s *copyStore) CopyObject(ctx context.Context, in *s3.CopyObjectInput, _ ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	return passed(ctx, s, "CopyObject", in, s.Objects.CopyObject)
}

func (s *copyStore) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return passed(ctx, s, "CreateMultipartUpload", in, s.Objects.CreateMultipartUpload)
}

func (s *copyStore) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput, _ ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error) {
	return passed(ctx, s, "UploadPartCopy", in, s.Objects.UploadPartCopy)
}

func (s *copyStore) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return passed(ctx, s, "CompleteMultipartUpload", in, s.Objects.CompleteMultipartUpload)
}

func (s *copyStore) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, _ ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	return passed(ctx, s, "GetObjectTagging", in, s.Objects.GetObjectTagging)
}

func (s *copyStore) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput, _ ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	return passed(ctx, s, "PutObjectTagging", in, s.Objects.PutObjectTagging)
}

// copyRig copies from bucket src to bucket dst of a simulator, in parts of 5 MiB.
type copyRig struct {
	*Transfer
	store    *copyStore
	plain    *s3.Client
	progress atomic.Int64
	resumed  atomic.Int64
	mu       sync.Mutex
	notices  []string
}

func newCopyRig(t *testing.T, o s3sim.Options, change func(*Options)) *copyRig {
	t.Helper()
	sim, err := s3sim.New(o)
	must(t, err)
	must(t, errors.Join(sim.AddBucket("src", ""), sim.AddBucket("dst", "")))
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	p, err := pool.New(pool.Options{Slots: 4, Memory: 16 << 20})
	must(t, err)
	client := httpClient(t, server.URL, false)
	r := &copyRig{store: &copyStore{Objects: client, calls: map[string]int{}}}
	r.plain = s3.New(s3.Options{BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{}})
	options := Options{
		Client: r.store, Pool: p, PartSize: MinPartSize, PartsAtOnce: 4,
		Progress: func(n int64) { r.progress.Add(n) },
		Resumed:  func(n int64) { r.resumed.Add(n) },
		Notice: func(msg string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notices = append(r.notices, msg)
		},
	}
	if change != nil {
		change(&options)
	}
	r.Transfer, err = New(options)
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put makes an object of size bytes, in parts of partSize where that is not 0,
// and returns it as a listing would.
func (r *copyRig) put(t *testing.T, key string, size, partSize int) Object {
	t.Helper()
	var made bytes.Buffer // what s3sim has of objects that are too large to be kept
	_, err := s3sim.Content(0).WriteRange(&made, 0, int64(size))
	must(t, err)
	obj := Object{Bucket: "src", Key: key, Size: int64(size)}
	meta := map[string]string{"one": "1", "two": "z w"}
	expires := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	if partSize == 0 {
		out, err := r.plain.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("src"), Key: &key, Body: bytes.NewReader(made.Bytes()), Metadata: meta, ContentType: aws.String("text/x"),
			CacheControl: aws.String("no-store"), ContentDisposition: aws.String("inline"), ContentLanguage: aws.String("de"), ContentEncoding: aws.String("zz"),
			Expires: &expires, Tagging: aws.String("a%20b=c%2Bd&e="), ChecksumCRC64NVME: aws.String(checksum.Of(made.Bytes()).String()),
		})
		must(t, err)
		obj.ETag = strings.Trim(*out.ETag, `"`)
		return obj
	}
	up, err := r.plain.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("src"), Key: &key, Metadata: meta})
	must(t, err)
	var parts []types.CompletedPart
	for n := int32(1); made.Len() > 0; n++ {
		out, err := r.plain.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String("src"), Key: &key, UploadId: up.UploadId, PartNumber: &n, Body: bytes.NewReader(made.Next(partSize)),
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{PartNumber: &n, ETag: out.ETag})
	}
	out, err := r.plain.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("src"), Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	obj.ETag = strings.Trim(*out.ETag, `"`)
	return obj
}

func (r *copyRig) head(t *testing.T, bucket, key string) (*s3.HeadObjectOutput, bool) {
	t.Helper()
	out, err := r.plain.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if wire.NotFound(err) {
		return nil, false
	}
	must(t, err)
	return out, true
}

func (r *copyRig) open(t *testing.T) int {
	t.Helper()
	out, err := r.plain.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("dst")})
	must(t, err)
	return len(out.Uploads)
}

func (r *copyRig) requests() map[string]int {
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	n := maps.Clone(r.store.calls)
	clear(r.store.calls)
	return n
}

// failed says that a copy has failed as it should have, and left nothing.
func (r *copyRig) failed(t *testing.T, err, want error, words ...string) {
	t.Helper()
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
	for _, w := range words {
		if err != nil && !strings.Contains(err.Error(), w) {
			t.Errorf("%v does not say %q", err, w)
		}
	}
	if n := r.progress.Load(); n != 0 {
		t.Errorf("the progress says %d bytes", n)
	}
	if n := r.open(t); n != 0 && r.Journal == nil {
		t.Errorf("%d uploads are open", n)
	}
}

const (
	copyInOne   = 4096
	copyInParts = 2*MinPartSize + 1000
)
