// Package labtest has what tests of bench's programs share.
package labtest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// Endpoint is a simulator in this process that keeps bodies up to keep bytes, with
// the bucket tests. The test ends it.
func Endpoint(t testing.TB, keep int64) *lab.Store {
	t.Helper()
	return serve(t, s3sim.Options{KeepBodies: keep})
}

// MadeUp is a simulator with a bucket of keys that it makes up, beside the bucket
// tests. The test ends it.
func MadeUp(t testing.TB, keys s3sim.Synthetic) *lab.Store {
	t.Helper()
	return serve(t, s3sim.Options{Synthetic: []s3sim.Synthetic{keys}})
}

func serve(t testing.TB, o s3sim.Options) *lab.Store {
	t.Helper()
	server, err := s3sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e, err := server.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	s := &lab.Store{
		Endpoint: e.URL, Region: s3sim.DefaultRegion, ID: s3sim.DefaultAccessKeyID, Secret: s3sim.DefaultSecretAccessKey,
		Bucket: "tests", Prefix: "some/",
	}
	if err := s.Connect(t.Context()); err != nil || !s.Simulated {
		t.Fatalf("simulated %v: %v", s.Simulated, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &s.Bucket}); err != nil {
		t.Fatal(err)
	}
	return s
}
