package s3sim_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
)

// partSize is the least that S3 takes for a part that is not the last.
const partSize = 5 << 20

func fullObject(in *s3.CreateMultipartUploadInput) {
	in.ChecksumAlgorithm, in.ChecksumType = types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject
}

// create begins an upload and returns its id.
func (x *try) create(key string, change ...func(*s3.CreateMultipartUploadInput)) *string {
	in := &s3.CreateMultipartUploadInput{Bucket: x.bucket, Key: &key}
	for _, f := range change {
		f(in)
	}
	out, err := x.CreateMultipartUpload(x.ctx(), in)
	x.must(err, "create an upload of %q", key)
	return out.UploadId
}

func (x *try) abort(key string, id *string) {
	_, err := x.AbortMultipartUpload(x.ctx(), &s3.AbortMultipartUploadInput{Bucket: x.bucket, Key: &key, UploadId: id})
	x.must(err, "abort the upload of %q", key)
}

// part uploads a part with its sum.
func (x *try) part(key string, id *string, number int32, body string) types.CompletedPart {
	sum := checksum.Of([]byte(body)).String()
	out, err := x.UploadPart(x.ctx(), &s3.UploadPartInput{
		Bucket: x.bucket, Key: &key, UploadId: id, PartNumber: &number, Body: strings.NewReader(body), ChecksumCRC64NVME: &sum,
	})
	x.must(err, "upload part %d", number)
	is(x, fmt.Sprint("sum of part ", number), text(out.ChecksumCRC64NVME), sum)
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME}
}

func (x *try) complete(key string, id *string, parts []types.CompletedPart, change ...func(*s3.CompleteMultipartUploadInput)) (*s3.CompleteMultipartUploadOutput, error) {
	in := &s3.CompleteMultipartUploadInput{Bucket: x.bucket, Key: &key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}
	for _, f := range change {
		f(in)
	}
	return x.CompleteMultipartUpload(x.ctx(), in)
}

func withSum(sum string) func(*s3.CompleteMultipartUploadInput) {
	return func(in *s3.CompleteMultipartUploadInput) {
		in.ChecksumCRC64NVME, in.ChecksumType = &sum, types.ChecksumTypeFullObject
	}
}

func multipartCases() []contractCase {
	return []contractCase{
		{name: "uploads in parts", run: func(x *try) {
			body := content(2*partSize + 1000)
			id := x.create("k", fullObject, func(in *s3.CreateMultipartUploadInput) {
				in.Metadata, in.ContentType = map[string]string{"m": "1"}, aws.String("a/b")
			})
			var parts []types.CompletedPart
			for i := range 3 {
				parts = append(parts, x.part("k", id, int32(i+1), body[i*partSize:min(len(body), (i+1)*partSize)]))
			}
			sum := checksum.Of([]byte(body)).String()
			out, err := x.complete("k", id, parts, withSum(sum), func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(int64(len(body))) })
			x.must(err, "complete")
			is(x, "sum", text(out.ChecksumCRC64NVME), sum)
			is(x, "type", out.ChecksumType, types.ChecksumTypeFullObject)
			x.check(strings.HasSuffix(text(out.ETag), `-3"`), "ETag %s", text(out.ETag))
			got, read := x.get("k", func(in *s3.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
			x.check(read == body, "%d bytes came back otherwise", len(body))
			is(x, "object", fmt.Sprint(text(got.ETag), got.Metadata, text(got.ContentType), text(got.ChecksumCRC64NVME), got.ChecksumType),
				fmt.Sprint(text(out.ETag), "map[m:1]", "a/b", sum, types.ChecksumTypeFullObject))
			is(x, "in the list", strings.Join(x.keys(), " "), "k")
		}},
		{name: "gets of parts", run: func(x *try) {
			body := content(partSize + 1000)
			id := x.create("k", fullObject)
			parts := []types.CompletedPart{x.part("k", id, 1, body[:partSize]), x.part("k", id, 2, body[partSize:])}
			_, err := x.complete("k", id, parts)
			x.must(err, "complete")
			got, read := x.get("k", func(in *s3.GetObjectInput) { in.PartNumber = aws.Int32(2) })
			x.check(read == body[partSize:], "part 2 came back otherwise, in %d bytes", len(read))
			is(x, "parts", aws.ToInt32(got.PartsCount), 2)
			is(x, "range", text(got.ContentRange), fmt.Sprintf("bytes %d-%d/%d", partSize, len(body)-1, len(body)))
		}},
		{name: "wrong sums of uploads", run: func(x *try) {
			id := x.create("k", fullObject)
			other := checksum.Of([]byte("other")).String()
			_, err := x.UploadPart(x.ctx(), &s3.UploadPartInput{
				Bucket: x.bucket, Key: aws.String("k"), UploadId: id, PartNumber: aws.Int32(1), Body: strings.NewReader("x"), ChecksumCRC64NVME: &other,
			})
			x.refused("a part", err, 400, "BadDigest")
			part := x.part("k", id, 1, "x")
			_, err = x.complete("k", id, []types.CompletedPart{part}, withSum(other))
			x.refused("the whole", err, 400, "BadDigest")
			_, err = x.complete("k", id, []types.CompletedPart{part}, withSum(checksum.Of([]byte("x")).String()))
			x.must(err, "complete after a refusal")
		}},
		{name: "wrong sizes of uploads", run: func(x *try) {
			id := x.create("k", fullObject)
			part := x.part("k", id, 1, "x")
			_, err := x.complete("k", id, []types.CompletedPart{part}, func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(2) })
			x.refused("another size", err, 400, "InvalidRequest")
			x.abort("k", id)
		}},
		{name: "wrong parts", run: func(x *try) {
			id := x.create("k")
			one, two := x.plainPart("k", id, 1, "x"), x.plainPart("k", id, 2, content(partSize))
			_, err := x.complete("k", id, []types.CompletedPart{one, two})
			x.refused("a small part", err, 400, "EntityTooSmall")
			_, err = x.complete("k", id, []types.CompletedPart{two, one})
			x.refused("the wrong order", err, 400, "InvalidPartOrder")
			_, err = x.complete("k", id, []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: two.ETag}})
			x.refused("another ETag", err, 400, "InvalidPart")
			_, err = x.complete("k", id, []types.CompletedPart{{PartNumber: aws.Int32(3), ETag: two.ETag}})
			x.refused("no such part", err, 400, "InvalidPart")
			_, err = x.complete("k", id, []types.CompletedPart{two})
			x.must(err, "complete with one of the parts")
			is(x, "length", aws.ToInt64(x.head("k").ContentLength), partSize)
		}},
		{name: "parts again", run: func(x *try) {
			id := x.create("k")
			x.plainPart("k", id, 1, "x")
			part := x.plainPart("k", id, 1, "again")
			_, err := x.complete("k", id, []types.CompletedPart{part})
			x.must(err, "complete")
			_, read := x.get("k")
			is(x, "body", read, "again")
		}},
		{name: "lists of parts", run: func(x *try) {
			id := x.create("k")
			for _, n := range []int32{3, 1, 2} {
				x.plainPart("k", id, n, strings.Repeat("x", int(n)))
			}
			var said []string
			in := &s3.ListPartsInput{Bucket: x.bucket, Key: aws.String("k"), UploadId: id, MaxParts: aws.Int32(2)}
			for range 5 {
				out, err := x.ListParts(x.ctx(), in)
				x.must(err, "list")
				for _, p := range out.Parts {
					said = append(said, fmt.Sprint(aws.ToInt32(p.PartNumber), ":", aws.ToInt64(p.Size)))
					is(x, "ETag", text(p.ETag), etag(strings.Repeat("x", int(aws.ToInt64(p.Size)))))
				}
				if !aws.ToBool(out.IsTruncated) {
					break
				}
				in.PartNumberMarker = out.NextPartNumberMarker
			}
			is(x, "parts", strings.Join(said, " "), "1:1 2:2 3:3")
			x.abort("k", id)
		}},
		{name: "ends of uploads", run: func(x *try) {
			id := x.create("k")
			part := x.plainPart("k", id, 1, "x")
			x.abort("k", id)
			_, err := x.complete("k", id, []types.CompletedPart{part})
			x.refused("complete", err, 404, "NoSuchUpload")
			_, err = x.ListParts(x.ctx(), &s3.ListPartsInput{Bucket: x.bucket, Key: aws.String("k"), UploadId: id})
			x.refused("list parts", err, 404, "NoSuchUpload")
			_, err = x.UploadPart(x.ctx(), &s3.UploadPartInput{Bucket: x.bucket, Key: aws.String("k"), UploadId: id, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
			x.refused("another part", err, 404, "NoSuchUpload")
			_, err = x.AbortMultipartUpload(x.ctx(), &s3.AbortMultipartUploadInput{Bucket: x.bucket, Key: aws.String("k"), UploadId: id})
			x.refused("abort", err, 404, "NoSuchUpload")
			x.getFails("k", nil, 404, "NoSuchKey")
		}},
		{name: "conditions of uploads", run: func(x *try) {
			x.put("k", "there")
			id := x.create("k")
			parts := []types.CompletedPart{x.plainPart("k", id, 1, "x")}
			_, err := x.complete("k", id, parts, func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = aws.String("*") })
			x.refused("If-None-Match", err, 412, "PreconditionFailed")
			_, read := x.get("k")
			is(x, "body", read, "there")
			_, err = x.complete("k", id, parts, func(in *s3.CompleteMultipartUploadInput) { in.IfMatch = aws.String(etag("there")) })
			x.must(err, "complete with If-Match")
			_, read = x.get("k")
			is(x, "body", read, "x")
		}},
		{name: "copies of parts", run: func(x *try) {
			body := content(partSize + 10)
			x.put("source", body)
			id := x.create("k")
			var parts []types.CompletedPart
			for i, r := range []string{fmt.Sprintf("bytes=10-%d", partSize+9), "bytes=0-9"} {
				out, err := x.UploadPartCopy(x.ctx(), &s3.UploadPartCopyInput{
					Bucket: x.bucket, Key: aws.String("k"), UploadId: id, PartNumber: aws.Int32(int32(i + 1)),
					CopySource: aws.String(*x.bucket + "/source"), CopySourceRange: &r,
				})
				x.must(err, "copy a part")
				parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.CopyPartResult.ETag})
			}
			_, err := x.complete("k", id, parts)
			x.must(err, "complete")
			is(x, "length", aws.ToInt64(x.head("k").ContentLength), int64(len(body)))
		}},
		{name: "sums of copies", run: func(x *try) {
			body := content(partSize + 10)
			whole := checksum.Of([]byte(body)).String()
			x.put("source", body, func(in *s3.PutObjectInput) { in.ChecksumCRC64NVME = &whole })
			source := aws.String(*x.bucket + "/source")
			one, err := x.CopyObject(x.ctx(), &s3.CopyObjectInput{Bucket: x.bucket, Key: aws.String("one"), CopySource: source, ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
			x.must(err, "copy")
			is(x, "sum of a copy", text(one.CopyObjectResult.ChecksumCRC64NVME), whole)
			id := x.create("k", fullObject)
			var parts []types.CompletedPart
			for i, r := range [][2]int{{0, partSize}, {partSize, len(body)}} {
				out, err := x.UploadPartCopy(x.ctx(), &s3.UploadPartCopyInput{
					Bucket: x.bucket, Key: aws.String("k"), UploadId: id, PartNumber: aws.Int32(int32(i + 1)),
					CopySource: source, CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", r[0], r[1]-1)),
				})
				x.must(err, "copy a part")
				is(x, "sum of a part", text(out.CopyPartResult.ChecksumCRC64NVME), checksum.Of([]byte(body[r[0]:r[1]])).String())
				parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.CopyPartResult.ETag, ChecksumCRC64NVME: out.CopyPartResult.ChecksumCRC64NVME})
			}
			out, err := x.complete("k", id, parts, withSum(whole))
			if err != nil {
				x.abort("k", id)
			}
			x.must(err, "complete")
			is(x, "sum of the whole", text(out.ChecksumCRC64NVME), whole)
		}},
		{name: "composite sums", run: func(x *try) {
			id := x.create("k", func(in *s3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 })
			out, err := x.UploadPart(x.ctx(), &s3.UploadPartInput{
				Bucket: x.bucket, Key: aws.String("k"), UploadId: id, PartNumber: aws.Int32(1), Body: strings.NewReader("x"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
			})
			x.must(err, "upload a part")
			done, err := x.complete("k", id, []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: out.ETag, ChecksumSHA256: out.ChecksumSHA256}})
			x.must(err, "complete")
			x.check(strings.HasSuffix(text(done.ChecksumSHA256), "-1") && done.ChecksumType == types.ChecksumTypeComposite, "sum %s of type %s", text(done.ChecksumSHA256), done.ChecksumType)
		}},
	}
}

// plainPart uploads a part of an upload that was made without an algorithm.
func (x *try) plainPart(key string, id *string, number int32, body string) types.CompletedPart {
	out, err := x.UploadPart(x.ctx(), &s3.UploadPartInput{
		Bucket: x.bucket, Key: &key, UploadId: id, PartNumber: &number, Body: strings.NewReader(body),
	}, func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
	x.must(err, "upload part %d", number)
	return types.CompletedPart{PartNumber: &number, ETag: out.ETag}
}

func bucketCases() []contractCase {
	return []contractCase{
		{name: "buckets", run: func(x *try) {
			out, err := x.ListBuckets(x.ctx(), &s3.ListBucketsInput{})
			x.must(err, "list")
			x.check(slices.ContainsFunc(out.Buckets, func(b types.Bucket) bool { return text(b.Name) == *x.bucket && recent(b.CreationDate) }), "%s is not in the list", *x.bucket)
			_, err = x.HeadBucket(x.ctx(), &s3.HeadBucketInput{Bucket: x.bucket})
			x.must(err, "head")
			place, err := x.GetBucketLocation(x.ctx(), &s3.GetBucketLocationInput{Bucket: x.bucket})
			x.must(err, "locate")
			is(x, "location", place.LocationConstraint, "") // us-east-1
		}},
		{name: "a bucket again", run: func(x *try) {
			_, err := x.CreateBucket(x.ctx(), &s3.CreateBucketInput{Bucket: x.bucket})
			x.refused("create", err, 409, "BucketAlreadyOwnedByYou", "BucketAlreadyExists")
		}},
		{name: "a bucket that is not empty", run: func(x *try) {
			x.put("k", "x")
			_, err := x.DeleteBucket(x.ctx(), &s3.DeleteBucketInput{Bucket: x.bucket})
			x.refused("delete", err, 409, "BucketNotEmpty")
		}},
		{name: "versions of a bucket", run: func(x *try) {
			out, err := x.GetBucketVersioning(x.ctx(), &s3.GetBucketVersioningInput{Bucket: x.bucket})
			x.must(err, "get")
			is(x, "versioning", out.Status, "")
		}},
	}
}
