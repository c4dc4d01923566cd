package lab_test

import (
	"context"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/internal/lab/labtest"
	"github.com/s3haul/s3haul/bench/s3sim"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   lab.Spread
	}{
		{nil, lab.Spread{}},
		{[]float64{3}, lab.Spread{3, 3, 3}},
		{[]float64{4, 1}, lab.Spread{2.5, 1, 4}},
		{[]float64{9, 1, 2}, lab.Spread{2, 1, 9}},
		{[]float64{5, 1, 100, 3}, lab.Spread{4, 1, 100}},
		{[]float64{7, 7, 1, 2, 30}, lab.Spread{7, 1, 30}},
	} {
		before := append([]float64(nil), c.values...)
		if got := lab.SpreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, not %v", c.values, got, c.want)
		}
		if len(before) > 0 && !reflect.DeepEqual(before, c.values) {
			t.Errorf("%v became %v", before, c.values)
		}
	}
}

// Nothing of whoever runs this reaches the programs.
func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "mine")
	t.Setenv("GOGC", "off")
	t.Setenv("RCLONE_TRANSFERS", "99")
	for _, v := range append(lab.Runner{Dir: t.TempDir()}.Environment(), (&lab.Store{}).Environment()...) {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains([]string{"AWS_PROFILE", "GOGC", "RCLONE_TRANSFERS"}, name) {
			t.Errorf("%s", v)
		}
	}
}

func TestFilesSame(t *testing.T) {
	f, err := lab.NewSource(t.TempDir()).Small(t.Context(), "small", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Sums) != 10 || f.Bytes != 10*4096 {
		t.Fatalf("%d files of %d bytes", len(f.Sums), f.Bytes)
	}
	path := f.Dir + f.One()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wrong := func(what, want string) {
		t.Helper()
		if err := f.Same(f.Dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.Same(f.Dir); err != nil {
		t.Error(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Remove(path))
	wrong("one is missing", "9 files of 10")
	must(os.WriteFile(path, content[1:], 0o666))
	wrong("one is short", "4095 bytes")
	content[7] ^= 1
	must(os.WriteFile(path, content, 0o666))
	wrong("one bit is another", "CRC64NVME")
	content[7] ^= 1
	must(os.WriteFile(path, content, 0o666))
	must(os.WriteFile(path+"x", nil, 0o666))
	wrong("one is too much", "not to be downloaded")
}

// What the store has is compared by name, size and, of one, by its sum.
func TestStoreHas(t *testing.T) {
	s := labtest.Endpoint(t, 16<<20)
	f, err := lab.NewSource(t.TempDir()).Small(t.Context(), "small", 10)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, body string) {
		t.Helper()
		key := "p/" + name
		if _, err := s.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	for name := range f.Sums {
		text, err := os.ReadFile(f.Dir + name)
		if err != nil {
			t.Fatal(err)
		}
		put(name, string(text))
	}
	name := f.One()
	if err := s.Has(t.Context(), "p/", f); err != nil {
		t.Error(err)
	}
	if err := s.Holds(t.Context(), "p/"+name, f.Sums[name]); err != nil {
		t.Error(err)
	}
	put(name, "short")
	if err := s.Has(t.Context(), "p/", f); err == nil || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("%v", err)
	}
	if err := s.Holds(t.Context(), "p/"+name, f.Sums[name]); err == nil || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("%v", err)
	}
	put("more", "")
	if err := s.Has(t.Context(), "p/", f); err == nil {
		t.Error("one too much was taken")
	}
	if err := s.Clear(t.Context(), "p/"); err != nil {
		t.Fatal(err)
	}
	if err := s.Has(t.Context(), "p/", f); err == nil || !strings.Contains(err.Error(), "0 objects of 10") {
		t.Errorf("%v", err)
	}
}

// A bucket is empty when nothing is left of it: no version, no marker, no upload.
func TestStoreEmpty(t *testing.T) {
	s := labtest.MadeUp(t, s3sim.Synthetic{Bucket: "made-up", Layout: s3sim.LayoutFlat, Count: 1001, Versions: 2})
	key := "k"
	wrong := func(bucket, want string) {
		t.Helper()
		if err := s.Empty(t.Context(), bucket); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	wrong("made-up", "1000 or more versions")
	if err := s.Empty(t.Context(), s.Bucket); err != nil {
		t.Error(err)
	}
	created, err := s.S3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	wrong(s.Bucket, "1 uploads")
	_, err = s.S3.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &s.Bucket, Key: &key, UploadId: created.UploadId})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.S3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &s.Bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	wrong(s.Bucket, "1 versions and markers")
	if err := s.Empty(t.Context(), "nowhere"); err != nil {
		t.Error(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Empty(ended, s.Bucket); err == nil {
		t.Error("what was not listed was taken for empty")
	}
}

// Bytes that are not the data's are noticed where the simulator threw them away.
func TestStoreReplaced(t *testing.T) {
	s := labtest.Endpoint(t, 1<<10)
	key, body := "k", strings.Repeat("x", 2<<10)
	if _, err := s.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
		t.Fatal(err)
	}
	served := s3sim.Content(0).Sum(int64(len(body)))
	if err := s.Holds(t.Context(), key, served); err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("%v", err)
	}
}
