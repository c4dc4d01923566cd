package wire_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker/bucket"
)

// Whatever is asked of a bucket in another region is asked again there, by either
// client.
func TestEveryOperationFindsTheRegion(t *testing.T) {
	ctx := t.Context()
	b, k, u := aws.String("b"), aws.String("k"), aws.String("u")
	drop := func(_ any, err error) error { return err }
	calls := map[string]func(wire.Client) error{
		"PutObject": func(c wire.Client) error { return putBody(c, ctx, strings.NewReader("x")) },
		"GetObject": func(c wire.Client) error { return drop(c.GetObject(ctx, &s3.GetObjectInput{Bucket: b, Key: k})) },
		"HeadObject": func(c wire.Client) error {
			return drop(c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: b, Key: k}))
		},
		"CreateMultipartUpload": func(c wire.Client) error {
			return drop(c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: b, Key: k}))
		},
		"UploadPart": func(c wire.Client) error {
			return drop(c.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: b, Key: k, UploadId: u, PartNumber: aws.Int32(1), Body: strings.NewReader("x"), ChecksumCRC64NVME: aws.String(aSum),
			}))
		},
		"CompleteMultipartUpload": func(c wire.Client) error {
			return drop(c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: b, Key: k, UploadId: u}))
		},
		"AbortMultipartUpload": func(c wire.Client) error {
			return drop(c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: b, Key: k, UploadId: u}))
		},
		"ListParts": func(c wire.Client) error {
			return drop(c.ListParts(ctx, &s3.ListPartsInput{Bucket: b, Key: k, UploadId: u}))
		},
		"CopyObject": func(c wire.Client) error {
			return drop(c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: b, Key: k, CopySource: aws.String("other/k")}))
		},
		"UploadPartCopy": func(c wire.Client) error {
			return drop(c.UploadPartCopy(ctx, &s3.UploadPartCopyInput{Bucket: b, Key: k, UploadId: u, PartNumber: aws.Int32(1), CopySource: aws.String("other/k")}))
		},
		"GetObjectAttributes": func(c wire.Client) error {
			return drop(c.GetObjectAttributes(ctx, &s3.GetObjectAttributesInput{Bucket: b, Key: k, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag}}))
		},
		"GetObjectTagging": func(c wire.Client) error {
			return drop(c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: b, Key: k}))
		},
		"PutObjectTagging": func(c wire.Client) error {
			return drop(c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: b, Key: k, Tagging: &types.Tagging{TagSet: []types.Tag{}}}))
		},
		"GetObjectAcl": func(c wire.Client) error {
			return drop(c.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: k}))
		},
		"PutObjectAcl": func(c wire.Client) error {
			return drop(c.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: b, Key: k, ACL: types.ObjectCannedACLPrivate}))
		},
		"ListObjects": func(c wire.Client) error {
			return c.ListObjects(ctx, bucket.ListRequest{Bucket: "b"}, &bucket.Page{})
		},
		"ListVersions": func(c wire.Client) error {
			return c.ListVersions(ctx, bucket.VersionsRequest{Bucket: "b"}, &bucket.Page{})
		},
		"DeleteObjects": func(c wire.Client) error {
			return drop(c.DeleteObjects(ctx, "b", []wire.ObjectID{{Key: "k"}}, wire.DeleteOptions{}))
		},
		"DeleteObject": func(c wire.Client) error {
			return c.DeleteObject(ctx, "b", wire.ObjectID{Key: "k"}, wire.DeleteOptions{})
		},
		"ListUploads": func(c wire.Client) error { return drop(c.ListUploads(ctx, wire.UploadsRequest{Bucket: "b"})) },
		"Versioning":  func(c wire.Client) error { return drop(c.Versioning(ctx, "b")) },
		"ObjectLock":  func(c wire.Client) error { return drop(c.ObjectLock(ctx, "b")) },
		"Lifecycle":   func(c wire.Client) error { return drop(c.Lifecycle(ctx, "b")) },
		"PutLifecycle": func(c wire.Client) error {
			return c.PutLifecycle(ctx, "b", &wire.Lifecycle{Rules: []types.LifecycleRule{}})
		},
		"SetVersioning": func(c wire.Client) error { return c.SetVersioning(ctx, "b", true, "") },
		"PutWebsite":    func(c wire.Client) error { return c.PutWebsite(ctx, "b", wire.Website{Index: "index.html"}) },
		"Region":        func(c wire.Client) error { return drop(c.Region(ctx, "b")) },
		"HeadBucket":    func(c wire.Client) error { return c.HeadBucket(ctx, "b") },
		"DeleteBucket":  func(c wire.Client) error { return c.DeleteBucket(ctx, "b") },
	}
	elsewhere := map[string]string{
		"CreateBucket": "makes one here", "ListBuckets": "has none", "Presign": "sends nothing", "CloseIdle": "sends nothing",
	}
	for m := range reflect.TypeFor[wire.Client]().Methods() {
		if calls[m.Name] == nil && elsewhere[m.Name] == "" {
			t.Errorf("%s is not tried", m.Name)
		}
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
			says(http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>found</Message></Error>")(w, r)
			return
		}
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		says(http.StatusBadRequest, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message><Region>eu-west-3</Region></Error>")(w, r)
	}).plain()
	for name, call := range calls {
		for _, sdk := range []bool{false, true} {
			o := f.options()
			o.SDK = sdk
			c := newClient(t, o)
			before := len(f.requests())
			err := call(c)
			asked := f.requests()[before:]
			if code := wire.Code(err); code != "AccessDenied" && code != "Forbidden" || len(asked) != 2 {
				t.Errorf("%s, SDK %v: %v after %d requests", name, sdk, err, len(asked))
			}
		}
	}
}

// What is presigned is for the configured region, and nobody is asked; but where
// the bucket was learnt to be elsewhere, it is for that region.
func TestRegionOfPresigned(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-3/s3/") {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			w.WriteHeader(http.StatusMovedPermanently)
		}
	}).plain()
	c := newClient(t, f.options())
	presigned := func(ctx context.Context) string {
		p, err := c.Presign(ctx, wire.PresignRequest{Bucket: "b", Key: "k", Expires: 1e12})
		must(t, err)
		return p.URL
	}
	if url := presigned(t.Context()); !strings.Contains(url, "us-east-1") || len(f.requests()) != 0 {
		t.Errorf("%s after %d requests", url, len(f.requests()))
	}
	must(t, c.HeadBucket(t.Context(), "b"))
	if url := presigned(t.Context()); !strings.Contains(url, "eu-west-3") {
		t.Error(url)
	}
}
