package s3sim

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A bucket has the tags that it was made with, in whatever region it is.
func TestBucketTags(t *testing.T) {
	s := start(t, Options{})
	tags := []types.Tag{{Key: aws.String("team"), Value: aws.String("a&b")}, {Key: aws.String("empty"), Value: aws.String("")}}
	must[*s3.CreateBucketOutput](t)(s.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("tagged"), CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: tags},
	}))
	got := must[*s3.GetBucketTaggingOutput](t)(s.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("tagged")}))
	if len(got.TagSet) != 2 || *got.TagSet[0].Key != "team" || *got.TagSet[0].Value != "a&b" || *got.TagSet[1].Value != "" {
		t.Errorf("%+v", got.TagSet)
	}
	_, err := s.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("untagged"), CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: []types.Tag{{Key: aws.String(""), Value: aws.String("v")}}},
	})
	wantCode(t, err, "InvalidTag")
	_, err = s.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("untagged")})
	wantCode(t, err, "NoSuchBucket")
}

// A website has an index document, or sends all elsewhere.
func TestWebsite(t *testing.T) {
	s := start(t, Options{})
	put := func(w *types.WebsiteConfiguration) error {
		_, err := s.PutBucketWebsite(t.Context(), &s3.PutBucketWebsiteInput{Bucket: aws.String("bucket"), WebsiteConfiguration: w})
		return err
	}
	for _, bad := range []*types.WebsiteConfiguration{
		{ErrorDocument: &types.ErrorDocument{Key: aws.String("e.html")}},
		{IndexDocument: &types.IndexDocument{Suffix: aws.String("a/b")}},
	} {
		wantCode(t, put(bad), "InvalidArgument")
	}
	for _, good := range []*types.WebsiteConfiguration{
		{RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("there")}},
		{IndexDocument: &types.IndexDocument{Suffix: aws.String("i.html")}, ErrorDocument: &types.ErrorDocument{Key: aws.String("e.html")}},
	} {
		if err := put(good); err != nil {
			t.Error(err)
		}
	}
	got := must[*s3.GetBucketWebsiteOutput](t)(s.GetBucketWebsite(t.Context(), &s3.GetBucketWebsiteInput{Bucket: aws.String("bucket")}))
	if *got.IndexDocument.Suffix != "i.html" || *got.ErrorDocument.Key != "e.html" {
		t.Errorf("%+v", got)
	}
}
