package transfer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/wire"
)

// sink is a store that costs next to nothing: it passes over what it is sent and
// serves one object from memory. What it does not have is nil in it.
type sink struct {
	wire.Objects
	object []byte
	sum    *string
}

func newSink(size int) *sink {
	b := content(size)
	return &sink{object: b, sum: aws.String(checksum.Of(b).String())}
}

func (s *sink) take(r io.Reader) error {
	b := r.(*body)
	_, err := b.Seek(int64(len(b.Bytes())), io.SeekCurrent)
	return err
}

func (s *sink) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return &s3.PutObjectOutput{ChecksumCRC64NVME: in.ChecksumCRC64NVME}, s.take(in.Body)
}

func (s *sink) CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput, ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return &s3.CreateMultipartUploadOutput{UploadId: aws.String("upload")}, nil
}

func (s *sink) UploadPart(_ context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	return &s3.UploadPartOutput{ChecksumCRC64NVME: in.ChecksumCRC64NVME}, s.take(in.Body)
}

func (s *sink) CompleteMultipartUpload(_ context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return &s3.CompleteMultipartUploadOutput{ChecksumCRC64NVME: in.ChecksumCRC64NVME}, nil
}

func (s *sink) HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(s.object))), ChecksumCRC64NVME: s.sum}, nil
}

// served is a body that, like that of a connection, has no WriteTo.
type served struct{ b []byte }

func (r *served) Read(p []byte) (int, error) {
	n := copy(p, r.b)
	if r.b = r.b[n:]; len(r.b) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (r *served) Close() error { return nil }

func (s *sink) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out := &s3.GetObjectOutput{LastModified: aws.Time(time.Unix(1_700_000_000, 0))}
	b := s.object
	if in.Range != nil {
		var from, to int64
		if _, err := fmt.Sscanf(*in.Range, "bytes=%d-%d", &from, &to); err != nil {
			return nil, err
		}
		out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/%d", from, to, len(b)))
		b = b[from : to+1]
	} else if in.ChecksumMode == types.ChecksumModeEnabled {
		out.ChecksumCRC64NVME = s.sum
	}
	out.ContentLength, out.Body = aws.Int64(int64(len(b))), &served{b}
	return out, nil
}

func newSinkTransfer(b *testing.B, s *sink) *Transfer {
	b.Helper()
	p, err := pool.New(pool.Options{Slots: 64, Memory: 128 << 20})
	if err != nil {
		b.Fatal(err)
	}
	t, err := New(Options{Client: s, Pool: p, PartSize: DefaultPartSize})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(s.object)))
	return t
}

func benchmarkUpload(b *testing.B, size int) {
	s := newSink(size)
	t := newSinkTransfer(b, s)
	path := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(path, s.object, 0o644); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := t.Upload(b.Context(), path, Object{Bucket: "b", Key: "k"}); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkDownload never writes over a file: that makes some file systems wait
// for the disk. Files are taken away in between, outside of the time.
func benchmarkDownload(b *testing.B, size, keep int) {
	s := newSink(size)
	t := newSinkTransfer(b, s)
	dir := b.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o777); err != nil {
		b.Fatal(err)
	}
	obj := Object{Bucket: "b", Key: "k", Size: int64(size)}
	// As in a run, where there is always another file under way.
	busy, err := t.dirs.get(root, "d")
	if err != nil {
		b.Fatal(err)
	}
	defer busy.release()
	n := 0
	for b.Loop() {
		if n++; n%keep == 0 {
			b.StopTimer()
			for i := n - keep; i < n; i++ {
				_ = os.Remove(filepath.Join(dir, "d", strconv.Itoa(i)))
			}
			b.StartTimer()
		}
		if _, err := t.Download(b.Context(), obj, root, "d/"+strconv.Itoa(n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUploadSmall(b *testing.B)   { benchmarkUpload(b, 4096) }
func BenchmarkUploadLarge(b *testing.B)   { benchmarkUpload(b, 64<<20) }
func BenchmarkDownloadSmall(b *testing.B) { benchmarkDownload(b, 4096, 1000) }
func BenchmarkDownloadLarge(b *testing.B) { benchmarkDownload(b, 64<<20, 2) }

// The least that it takes: what is read, summed up and thrown away; what is
// written under its last name, and closed.
func BenchmarkPlain(b *testing.B) {
	data, dir := content(4096), b.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		b.Fatal(err)
	}
	b.Run("Up", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			got, err := os.ReadFile(name)
			if err != nil || checksum.Of(got).String() == "" {
				b.Fatal(err)
			}
		}
	})
	b.Run("Down", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if n++; n%1000 == 0 {
				b.StopTimer()
				for i := n - 1000; i < n; i++ {
					_ = os.Remove(filepath.Join(dir, strconv.Itoa(i)))
				}
				b.StartTimer()
			}
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(n)), data, 0o666); err != nil || checksum.Of(data).String() == "" {
				b.Fatal(err)
			}
		}
	})
}
