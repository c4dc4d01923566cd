package transfer

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// A real server's answers have all that it takes to verify every object, both
// ways, by either client.
func TestVerifiedOnAServer(t *testing.T) {
	e := wiretest.Endpoint(t)
	for _, sdk := range []bool{false, true} {
		o := wire.Options{EndpointURL: e.Endpoint, Region: e.Region, SDK: sdk}
		if e.SessionToken == "" { // else they are in the environment, all three
			o.AccessKeyID, o.SecretAccessKey = e.AccessKeyID, e.SecretAccessKey
		}
		c, err := wire.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdle)
		bucket := wiretest.Bucket(t)
		for _, size := range []int{0, 4096, MinPartSize, large} {
			r := newRig(t, 64<<20)
			r.Client = c
			b, obj := content(size), Object{Bucket: bucket, Key: fmt.Sprint("k", size), Size: int64(size)}
			if _, err := r.Upload(t.Context(), r.file(t, b), obj); err != nil {
				t.Fatal(err)
			}
			if up := r.verified.Load(); up != 1 {
				t.Errorf("SDK %v, %d bytes: the upload was not verified", sdk, size)
			}
			if _, err := r.Download(t.Context(), obj, r.root, "f"); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); !bytes.Equal(got, b) {
				t.Errorf("SDK %v, %d bytes: what came back differs", sdk, size)
			}
			if r.verified.Load() != 2 || r.unverified.Load() != 0 {
				t.Errorf("SDK %v, %d bytes: %d verified, %d not", sdk, size, r.verified.Load(), r.unverified.Load())
			}
			r.clean(t)
		}
	}
}

// Whatever the algorithm, a real server keeps it, and downloads are verified by
// it: of the whole, or of the parts.
func TestAlgorithmsOnAServer(t *testing.T) {
	e := wiretest.Endpoint(t)
	for _, sdk := range []bool{false, true} {
		o := wire.Options{EndpointURL: e.Endpoint, Region: e.Region, SDK: sdk}
		if e.SessionToken == "" {
			o.AccessKeyID, o.SecretAccessKey = e.AccessKeyID, e.SecretAccessKey
		}
		c, err := wire.New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdle)
		bucket := wiretest.Bucket(t)
		for _, by := range checksum.Algorithms() {
			for _, size := range []int{1000, large} {
				r, told := sumRig(t, by, checks{})
				r.Client = c
				b, obj := content(size), Object{Bucket: bucket, Key: fmt.Sprint("k", size), Size: int64(size)}
				path := r.file(t, b)
				want := Result{Size: int64(size), By: by, Sum: wantSum(by, b)}
				if res, err := r.Transfer.Upload(t.Context(), path, obj); err != nil || res != want {
					t.Errorf("SDK %v, %s, up: %+v, %v; want %+v", sdk, by, res, err, want)
				}
				if res, err := r.Transfer.Download(t.Context(), obj, r.root, "f"); err != nil || res != want {
					t.Errorf("SDK %v, %s, down: %+v, %v; want %+v", sdk, by, res, err, want)
				}
				if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); !bytes.Equal(got, b) {
					t.Errorf("SDK %v, %s: what came back differs", sdk, by)
				}
				if v, err := r.Compare(t.Context(), obj, path, true); err != nil || !v.Equal || !v.Known || v.By != by {
					t.Errorf("SDK %v, %s, compared: %+v, %v", sdk, by, v, err)
				}
				if len(told.said) > 0 {
					t.Errorf("SDK %v, %s: told %q", sdk, by, told.said)
				}
				r.clean(t)
			}
		}
	}
}
