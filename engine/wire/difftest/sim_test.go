package difftest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// simulator is an s3sim of its own.
func simulator(t testing.TB, o s3sim.Options) (store, *s3sim.Server) {
	t.Helper()
	o.VerifySignatures, o.Domain = true, "localhost"
	server, err := s3sim.New(o)
	must(t, err)
	end, err := server.Listen("127.0.0.1:0", false)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		if err := end.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(end.URL)
	must(t, err)
	s := store{kind: "s3sim", addr: u.Host, id: s3sim.DefaultAccessKeyID, secret: s3sim.DefaultSecretAccessKey, region: s3sim.DefaultRegion}
	s.bucket = func(t testing.TB, kind bucketKind) string {
		t.Helper()
		name, c := "s3haul-test-"+uuid.NewString(), s.client(t)
		_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(kind == locking)})
		must(t, err)
		if kind == versioned {
			_, err := c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
				Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			must(t, err)
		}
		return name
	}
	return s, server
}

// faultyOperations are those that faults are tried on, with S3's name of each.
func faultyOperations() map[string]string {
	return map[string]string{
		"PutObject": "PutObject", "GetObject": "GetObject", "HeadObject": "HeadObject", "UploadPart": "UploadPart", "CopyObject": "CopyObject",
		"ListObjects": "ListObjectsV2", "ListVersions": "ListObjectVersions", "DeleteObjects": "DeleteObjects", "DeleteObject": "DeleteObject",
	}
}

// TestFaults breaks every operation in every way of the simulator.
func TestFaults(t *testing.T) {
	var tally tally
	for _, way := range []struct{ tls, virtual bool }{{false, false}, {true, true}} {
		for _, kind := range s3sim.Kinds() {
			for _, op := range slices.Sorted(maps.Keys(faultyOperations())) {
				faults(t, &tally, kind, op, way.tls, way.virtual)
			}
		}
	}
	tally.log(t)
}

func faults(t *testing.T, tally *tally, kind s3sim.Kind, op string, overTLS, virtual bool) {
	t.Helper()
	fault := s3sim.Fault{Op: faultyOperations()[op], Kind: kind, Every: 1}
	switch kind {
	case s3sim.KindSlowDown:
		fault.RetryAfter = 3 * time.Second
	case s3sim.KindError:
		fault.Status, fault.Code = 409, "OperationAborted"
	}
	s, server := simulator(t, s3sim.Options{Conditions: s3sim.Conditions{Faults: []s3sim.Fault{fault}}})
	must(t, server.AddBucket("bucket", ""))
	w := newWorld(t, s, overTLS, virtual, tally, nil)
	c := call{
		name: fmt.Sprintf("%s: %s of %s", w.name(), kind, op),
		do:   operations()[op],
		before: func(ctx context.Context, c *s3.Client) error {
			if op == "PutObject" {
				return nil
			}
			return put("bucket", "k", strings.Repeat(text, 100))(ctx, c)
		},
		anew: []string{"LastModified", "ModTime"},
	}
	switch kind {
	case s3sim.KindStall:
		c.timeout = 100 * time.Millisecond
	case s3sim.KindStallBody: // of an answer that tells of an error, too
		c.timeout, c.garbled = 100*time.Millisecond, true
	case s3sim.KindCut, s3sim.KindLengthLong, s3sim.KindLengthShort, s3sim.KindXMLCut, s3sim.KindXMLEntities:
		c.garbled = true
	}
	w.same(t, c)
}
