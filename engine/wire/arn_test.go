package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine/wire"
)

func TestSplitBucket(t *testing.T) {
	const (
		point   = "arn:aws:s3:eu-west-1:123456789012:accesspoint/"
		outpost = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/"
	)
	for _, q := range []struct {
		s, bucket, key string
		arn            bool
	}{
		{"", "", "", false},
		{"b", "b", "", false},
		{"b/", "b", "", false},
		{"b//k", "b", "/k", false},
		{"b/k:x/arn:aws:s3", "b", "k:x/arn:aws:s3", false},
		{point + "mine", point + "mine", "", true},
		{point + "mine/", point + "mine", "", true},
		{point + "mine/a/b c\nd", point + "mine", "a/b c\nd", true},
		{point + "mine//a", point + "mine", "/a", true},
		{strings.Replace(point, "accesspoint/", "accesspoint:", 1) + "mine/a", strings.Replace(point, "accesspoint/", "accesspoint:", 1) + "mine", "a", true},
		{"arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap/a", "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", "a", true},
		{"arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/p", "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/p", "", true},
		{outpost + "accesspoint/p/a/b", outpost + "accesspoint/p", "a/b", true},
		{strings.ReplaceAll(outpost, "/", ":") + "accesspoint:p:a/b", strings.ReplaceAll(outpost, "/", ":") + "accesspoint:p", "a/b", true},
		{outpost + "accesspoint/p", outpost + "accesspoint/p", "", true},
		// What is no such ARN is a bucket that no store takes.
		{"arn:aws:s3:::b/k", "arn:aws:s3:::b", "k", false},
		{"arn:aws:s3:eu-west-1:12:accesspoint/p/k", "arn:aws:s3:eu-west-1:12:accesspoint", "p/k", false},
		{"arn:aws:s3:EU:123456789012:accesspoint/p", "arn:aws:s3:EU:123456789012:accesspoint", "p", false},
		{point + "", "arn:aws:s3:eu-west-1:123456789012:accesspoint", "", false},
		{outpost + "accesspoint/p_q/k", "arn:aws:s3-outposts:us-west-2:123456789012:outpost", "op-01234567890123456/accesspoint/p_q/k", false},
		{outpost + "accesspoint/" + strings.Repeat("p", 64), "arn:aws:s3-outposts:us-west-2:123456789012:outpost", "op-01234567890123456/accesspoint/" + strings.Repeat("p", 64), false},
		{"arn:aws:s3-outposts::123456789012:outpost/o/accesspoint/p", "arn:aws:s3-outposts::123456789012:outpost", "o/accesspoint/p", false},
		{"arn:gcp:s3:eu-west-1:123456789012:accesspoint/p", "arn:gcp:s3:eu-west-1:123456789012:accesspoint", "p", false},
		{"arn:", "arn:", "", false},
	} {
		bucket, key, err := wire.SplitBucket(q.s)
		if err != nil || bucket != q.bucket || key != q.key || wire.ARN(bucket) != q.arn {
			t.Errorf("%q: %q, %q, ARN %v, %v", q.s, bucket, key, wire.ARN(bucket), err)
		}
	}
	for s, words := range map[string]string{
		"arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/mine/k": "s3 commands do not support S3 Object Lambda resources",
		outpost + "bucket/b/k": "s3 commands do not support Outpost Bucket ARNs",
	} {
		var usage *wire.UsageError
		if _, _, err := wire.SplitBucket(s); !errors.As(err, &usage) || !strings.Contains(err.Error(), words) || wire.ARN(s) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if wire.ARN(point+"mine/key") || wire.ARN("bucket") || wire.ARN("") {
		t.Error("what is no ARN of a bucket is taken for one")
	}
}
