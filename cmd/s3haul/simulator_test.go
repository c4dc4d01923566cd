package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
)

// simulator: a simulated store with one bucket, "sim", with Object Lock. The
// script uses it from now on: the server of the test binary has neither that
// nor lifecycle rules.
func cmdSimulator(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 0, "simulator")
	sim, err := s3sim.New(s3sim.Options{})
	ts.Check(err)
	server := httptest.NewServer(sim)
	ts.Defer(server.Close)
	scriptOf(ts).target.Endpoint = server.URL
	ts.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
	ts.Setenv("BUCKET", "sim")
	r := remoteOf(ts)
	_, err = r.client.CreateBucket(r.s.tb.Context(), &s3.CreateBucketInput{Bucket: &r.bucket, ObjectLockEnabledForBucket: aws.Bool(true)})
	ts.Check(err)
}

// retain KEY CONTENT GOVERNANCE|COMPLIANCE|HOLD: protects a version, until 2199.
func cmdRetain(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 3, "retain key content GOVERNANCE|COMPLIANCE|HOLD")
	r := remoteOf(ts)
	ctx := r.s.tb.Context()
	id := ""
	for _, e := range r.list() {
		if e.key == args[0] && e.content == args[1] {
			id = e.id
		}
	}
	var err error
	if args[2] == "HOLD" {
		_, err = r.client.PutObjectLegalHold(ctx, &s3.PutObjectLegalHoldInput{
			Bucket: &r.bucket, Key: &args[0], VersionId: &id,
			LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn},
		})
	} else {
		_, err = r.client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
			Bucket: &r.bucket, Key: &args[0], VersionId: &id,
			Retention: &types.ObjectLockRetention{
				Mode: types.ObjectLockRetentionMode(args[2]), RetainUntilDate: aws.Time(time.Date(2199, 1, 2, 0, 0, 0, 0, time.UTC)),
			},
		})
	}
	ts.Check(err)
}

// lifecycle [FILE]: the lifecycle rules of $BUCKET are those of FILE, a rule a
// line; without FILE there are none.
func cmdLifecycle(ts *testscript.TestScript, args []string) {
	need(ts, len(args) <= 1, "lifecycle [file]")
	r := remoteOf(ts)
	out, err := r.client.GetBucketLifecycleConfiguration(r.s.tb.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &r.bucket})
	if wire.Code(err) == "NoSuchLifecycleConfiguration" {
		out, err = &s3.GetBucketLifecycleConfigurationOutput{}, nil
	}
	ts.Check(err)
	var got strings.Builder
	for _, rule := range out.Rules {
		fmt.Fprintf(&got, "%s %s %s", *rule.ID, rule.Status, aws.ToString(rule.Filter.Prefix))
		if e := rule.Expiration; e != nil {
			fmt.Fprintf(&got, " current=%d markers=%v", aws.ToInt32(e.Days), aws.ToBool(e.ExpiredObjectDeleteMarker))
		}
		if e := rule.NoncurrentVersionExpiration; e != nil {
			fmt.Fprintf(&got, " noncurrent=%d newer=%d", aws.ToInt32(e.NoncurrentDays), aws.ToInt32(e.NewerNoncurrentVersions))
		}
		if e := rule.AbortIncompleteMultipartUpload; e != nil {
			fmt.Fprintf(&got, " uploads=%d", aws.ToInt32(e.DaysAfterInitiation))
		}
		got.WriteByte('\n')
	}
	want := ""
	if len(args) == 1 {
		want = ts.ReadFile(args[0])
	}
	same(ts, "the lifecycle configuration", got.String(), want)
}
