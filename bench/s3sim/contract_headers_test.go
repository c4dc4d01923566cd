package s3sim_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// headerCases are of what is kept with an object, and of copies of it.
func headerCases() []contractCase {
	return []contractCase{
		{name: "headers", run: func(x *try) {
			until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
			x.put("k", "x", func(in *s3.PutObjectInput) {
				in.CacheControl = aws.String("max-age=1")
				in.ContentDisposition = aws.String(`attachment; filename="\u00e4"`)
				in.ContentEncoding = aws.String("gzip")
				in.ContentLanguage = aws.String("de")
				in.ContentType = aws.String("text/plain; charset=utf-8")
				in.Expires = &until
			})
			head := x.head("k")
			is(x, "Cache-Control", text(head.CacheControl), "max-age=1")
			is(x, "Content-Disposition", text(head.ContentDisposition), `attachment; filename="\u00e4"`)
			is(x, "Content-Encoding", text(head.ContentEncoding), "gzip")
			is(x, "Content-Language", text(head.ContentLanguage), "de")
			is(x, "Content-Type", text(head.ContentType), "text/plain; charset=utf-8")
			is(x, "Expires", text(head.ExpiresString), "Wed, 02 Jan 2030 03:04:05 GMT")
		}},
		{name: "website redirect", run: func(x *try) {
			x.put("k", "x", func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/other") })
			is(x, "redirect", text(x.head("k").WebsiteRedirectLocation), "/other")
		}},
		{name: "headers of one answer", run: func(x *try) {
			x.put("k", "x")
			out, _ := x.get("k", func(in *s3.GetObjectInput) {
				in.ResponseContentType, in.ResponseCacheControl = aws.String("a/b"), aws.String("no-store")
				in.ResponseContentDisposition, in.ResponseContentLanguage = aws.String("inline"), aws.String("fr")
			})
			is(x, "Content-Type", text(out.ContentType), "a/b")
			is(x, "Cache-Control", text(out.CacheControl), "no-store")
			is(x, "Content-Disposition", text(out.ContentDisposition), "inline")
			is(x, "Content-Language", text(out.ContentLanguage), "fr")
		}},
		{name: "metadata", run: func(x *try) {
			meta := map[string]string{"a": "1", "mtime": "1700000000.5", "with-dash": "x y", "empty": ""}
			x.put("k", "x", func(in *s3.PutObjectInput) { in.Metadata = meta })
			out, _ := x.get("k")
			x.check(maps.Equal(out.Metadata, meta), "metadata of get: %v, want %v", out.Metadata, meta)
			head := x.head("k")
			x.check(maps.Equal(head.Metadata, meta), "metadata of head: %v, want %v", head.Metadata, meta)
			x.put("k", "x")
			is(x, "metadata after an overwrite", len(x.head("k").Metadata), 0)
		}},
		{name: "storage classes", run: func(x *try) {
			x.put("cold", "x", func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassStandardIa })
			x.put("warm", "x", func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassStandard })
			is(x, "cold", x.head("cold").StorageClass, types.StorageClassStandardIa)
			is(x, "warm", x.head("warm").StorageClass, "")
			out, err := x.ListObjectsV2(x.ctx(), &s3.ListObjectsV2Input{Bucket: x.bucket})
			x.must(err, "list")
			for _, o := range out.Contents {
				want := map[string]types.ObjectStorageClass{"cold": types.ObjectStorageClassStandardIa, "warm": types.ObjectStorageClassStandard}
				is(x, "in the list, "+*o.Key, o.StorageClass, want[*o.Key])
			}
		}},
		{name: "encryption", run: func(x *try) {
			x.put("aes", "x", func(in *s3.PutObjectInput) { in.ServerSideEncryption = types.ServerSideEncryptionAes256 })
			x.put("kms", "x", func(in *s3.PutObjectInput) {
				in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = types.ServerSideEncryptionAwsKms, aws.String("arn:aws:kms:us-east-1:1:key/1"), aws.Bool(true)
			})
			is(x, "aes", x.head("aes").ServerSideEncryption, types.ServerSideEncryptionAes256)
			kms := x.head("kms")
			is(x, "kms", kms.ServerSideEncryption, types.ServerSideEncryptionAwsKms)
			is(x, "key", text(kms.SSEKMSKeyId), "arn:aws:kms:us-east-1:1:key/1")
			is(x, "bucket key", aws.ToBool(kms.BucketKeyEnabled), true)
		}},
		{name: "tags", run: func(x *try) {
			x.put("k", "x", func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=1&b=x%20y") })
			tags := func() string {
				out, err := x.GetObjectTagging(x.ctx(), &s3.GetObjectTaggingInput{Bucket: x.bucket, Key: aws.String("k")})
				x.must(err, "get tags")
				var all []string
				for _, tag := range out.TagSet {
					all = append(all, text(tag.Key)+"="+text(tag.Value))
				}
				slices.Sort(all)
				return strings.Join(all, "&")
			}
			is(x, "tags", tags(), "a=1&b=x y")
			out, _ := x.get("k")
			is(x, "count", aws.ToInt32(out.TagCount), 2)
			_, err := x.PutObjectTagging(x.ctx(), &s3.PutObjectTaggingInput{Bucket: x.bucket, Key: aws.String("k"), Tagging: &types.Tagging{
				TagSet: []types.Tag{{Key: aws.String("c"), Value: aws.String("3 + 4")}},
			}})
			x.must(err, "put tags")
			is(x, "tags", tags(), "c=3 + 4")
			_, err = x.DeleteObjectTagging(x.ctx(), &s3.DeleteObjectTaggingInput{Bucket: x.bucket, Key: aws.String("k")})
			x.must(err, "delete tags")
			is(x, "tags", tags(), "")
		}},
		{name: "ACLs", run: func(x *try) {
			x.put("k", "x", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLPublicRead })
			out, err := x.GetObjectAcl(x.ctx(), &s3.GetObjectAclInput{Bucket: x.bucket, Key: aws.String("k")})
			x.must(err, "get the ACL")
			var grants []string
			for _, g := range out.Grants {
				grants = append(grants, fmt.Sprint(g.Permission, " ", text(g.Grantee.URI)))
			}
			slices.Sort(grants)
			is(x, "grants", strings.Join(grants, ", "), "FULL_CONTROL -, READ http://acs.amazonaws.com/groups/global/AllUsers")
			x.check(out.Owner != nil && text(out.Owner.ID) != "-", "owner %v", out.Owner)
		}},
		{name: "attributes", run: func(x *try) {
			x.put("k", "body")
			out, err := x.GetObjectAttributes(x.ctx(), &s3.GetObjectAttributesInput{Bucket: x.bucket, Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{
				types.ObjectAttributesEtag, types.ObjectAttributesObjectSize,
			}})
			x.must(err, "get attributes")
			is(x, "ETag", text(out.ETag), strings.Trim(etag("body"), `"`))
			is(x, "size", aws.ToInt64(out.ObjectSize), 4)
		}},
		{name: "copies", run: func(x *try) {
			x.put("a b/\u00e4+%", "body", func(in *s3.PutObjectInput) {
				in.Metadata, in.ContentType, in.Tagging = map[string]string{"m": "1"}, aws.String("a/b"), aws.String("t=1")
			})
			source := aws.String(*x.bucket + "/" + strings.ReplaceAll(url.QueryEscape("a b/\u00e4+%"), "+", "%20"))
			out, err := x.CopyObject(x.ctx(), &s3.CopyObjectInput{Bucket: x.bucket, Key: aws.String("k"), CopySource: source})
			x.must(err, "copy")
			is(x, "ETag", text(out.CopyObjectResult.ETag), etag("body"))
			x.check(recent(out.CopyObjectResult.LastModified), "modified %v", out.CopyObjectResult.LastModified)
			got, read := x.get("k")
			is(x, "copy", fmt.Sprint(read, got.Metadata, text(got.ContentType), aws.ToInt32(got.TagCount)), "bodymap[m:1]a/b1")
			_, err = x.CopyObject(x.ctx(), &s3.CopyObjectInput{
				Bucket: x.bucket, Key: aws.String("k2"), CopySource: source, MetadataDirective: types.MetadataDirectiveReplace,
				Metadata: map[string]string{"n": "2"}, ContentType: aws.String("c/d"),
				TaggingDirective: types.TaggingDirectiveReplace, Tagging: aws.String("u=1&v=2"),
			})
			x.must(err, "copy with other metadata")
			got, read = x.get("k2")
			is(x, "copy", fmt.Sprint(read, got.Metadata, text(got.ContentType), aws.ToInt32(got.TagCount)), "bodymap[n:2]c/d2")
		}},
		{name: "refused copies", run: func(x *try) {
			tag := x.put("k", "body").ETag
			copies := func(from string, change func(*s3.CopyObjectInput)) error {
				in := &s3.CopyObjectInput{Bucket: x.bucket, Key: aws.String("new"), CopySource: aws.String(*x.bucket + "/" + from)}
				if change != nil {
					change(in)
				}
				_, err := x.CopyObject(x.ctx(), in)
				return err
			}
			x.refused("copy of nothing", copies("none", nil), 404, "NoSuchKey")
			x.refused("If-Match", copies("k", func(in *s3.CopyObjectInput) { in.CopySourceIfMatch = aws.String(etag("other")) }), 412, "PreconditionFailed")
			x.refused("If-None-Match", copies("k", func(in *s3.CopyObjectInput) { in.CopySourceIfNoneMatch = tag }), 412, "PreconditionFailed")
			x.must(copies("k", func(in *s3.CopyObjectInput) { in.CopySourceIfMatch = tag }), "copy")
			x.refused("onto itself", copies("k", func(in *s3.CopyObjectInput) { in.Key = aws.String("k") }), 400, "InvalidRequest")
		}},
		{name: "copies to where something is", run: func(x *try) {
			x.put("k", "body")
			x.put("there", "other")
			_, err := x.CopyObject(x.ctx(), &s3.CopyObjectInput{Bucket: x.bucket, Key: aws.String("there"), CopySource: aws.String(*x.bucket + "/k"), IfNoneMatch: aws.String("*")})
			x.refused("If-None-Match", err, 412, "PreconditionFailed")
			_, read := x.get("there")
			is(x, "body", read, "other")
		}},
	}
}
