package difftest

import (
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func putFields() fields[s3.PutObjectInput] {
	type in = s3.PutObjectInput
	tomorrow := time.Now().Add(24 * time.Hour).UTC()
	return fields[in]{
		"Bucket":           elsewhere[in]("refusals"),
		"Key":              elsewhere[in]("keys"),
		"ACL":              enum[in]("ACL", types.ObjectCannedACL("").Values()...),
		"Body":             set(func(i *in) { i.Body = nil }, func(i *in) { i.Body = strings.NewReader("") }),
		"BucketKeyEnabled": set(func(i *in) { i.BucketKeyEnabled = aws.Bool(true) }, func(i *in) { i.BucketKeyEnabled = aws.Bool(false) }),
		"CacheControl":     strs[in]("CacheControl", "no-cache, max-age=3"),
		"ChecksumAlgorithm": set(append(enum[in]("ChecksumAlgorithm", types.ChecksumAlgorithm("").Values()...).values,
			func(i *in) {
				i.ChecksumAlgorithm, i.ChecksumCRC64NVME = types.ChecksumAlgorithmCrc64nvme, aws.String(crc64(text))
			},
			func(i *in) { // one that the sum is not of
				i.ChecksumAlgorithm, i.ChecksumCRC64NVME = types.ChecksumAlgorithmSha256, aws.String(crc64(text))
			})...),
		"ChecksumCRC32":             strs[in]("ChecksumCRC32", crc32Of(text), "AAAAAA==", "no base64"),
		"ChecksumCRC32C":            strs[in]("ChecksumCRC32C", crc32cOf(text), "AAAAAA=="),
		"ChecksumCRC64NVME":         strs[in]("ChecksumCRC64NVME", crc64(text), "AAAAAAAAAAA=", "no base64"),
		"ChecksumMD5":               strs[in]("ChecksumMD5", md5Of(text), md5Of("")),
		"ChecksumSHA1":              strs[in]("ChecksumSHA1", sha1Of(text), sha1Of("")),
		"ChecksumSHA256":            strs[in]("ChecksumSHA256", sha256Of(text), sha256Of("")),
		"ChecksumSHA512":            strs[in]("ChecksumSHA512", sha512Of(text), sha512Of("")),
		"ChecksumXXHASH128":         strs[in]("ChecksumXXHASH128", "AAAAAAAAAAAAAAAAAAAAAA=="),
		"ChecksumXXHASH3":           strs[in]("ChecksumXXHASH3", "AAAAAAAAAAA="),
		"ChecksumXXHASH64":          strs[in]("ChecksumXXHASH64", "AAAAAAAAAAA="),
		"ContentDisposition":        strs[in]("ContentDisposition", `attachment; filename="a b.txt"; filename*=UTF-8''%e2%82%ac.txt`),
		"ContentEncoding":           strs[in]("ContentEncoding", "gzip", "identity", "aws-chunked", "gzip,br"),
		"ContentLanguage":           strs[in]("ContentLanguage", "de, en-GB"),
		"ContentLength":             set(func(i *in) { i.ContentLength = aws.Int64(int64(len(text))) }),
		"ContentMD5":                strs[in]("ContentMD5", md5Of(text), md5Of("")),
		"ContentType":               strs[in]("ContentType", "text/plain; charset=utf-8"),
		"ExpectedBucketOwner":       strs[in]("ExpectedBucketOwner", "123456789012"),
		"Expires":                   times[in]("Expires"),
		"GrantFullControl":          strs[in]("GrantFullControl", `id="abc"`),
		"GrantRead":                 strs[in]("GrantRead", `uri="http://acs.amazonaws.com/groups/global/AllUsers"`),
		"GrantReadACP":              strs[in]("GrantReadACP", `id="abc", emailAddress="a@example.com"`),
		"GrantWriteACP":             strs[in]("GrantWriteACP", `id="abc"`),
		"IfMatch":                   strs[in]("IfMatch", `"0123456789abcdef0123456789abcdef"`, "*"),
		"IfNoneMatch":               strs[in]("IfNoneMatch", "*", `"0123456789abcdef0123456789abcdef"`),
		"Metadata":                  metadata(func(i *in, m map[string]string) { i.Metadata = m }),
		"ObjectLockEventHold":       enum[in]("ObjectLockEventHold", types.ObjectLockEventHold("").Values()...),
		"ObjectLockLegalHoldStatus": enum[in]("ObjectLockLegalHoldStatus", types.ObjectLockLegalHoldStatusOff),
		"ObjectLockMode": set(func(i *in) { i.ObjectLockMode = types.ObjectLockModeGovernance }, func(i *in) {
			i.ObjectLockMode, i.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, &tomorrow
		}),
		"ObjectLockEventHoldDurationDays":  set(func(i *in) { i.ObjectLockEventHoldDurationDays = aws.Int32(3) }, func(i *in) { i.ObjectLockEventHoldDurationDays = aws.Int32(0) }),
		"ObjectLockEventHoldDurationYears": set(func(i *in) { i.ObjectLockEventHoldDurationYears = aws.Int32(1) }),
		"ObjectLockRetainUntilDate":        times[in]("ObjectLockRetainUntilDate"),
		"RequestPayer":                     enum[in]("RequestPayer", types.RequestPayerRequester),
		"SSECustomerAlgorithm": set(func(i *in) { i.SSECustomerAlgorithm = aws.String("AES256") }, func(i *in) {
			i.SSECustomerAlgorithm, i.SSECustomerKey, i.SSECustomerKeyMD5 = aws.String("AES256"), aws.String(b64([]byte(sseKey))), aws.String(md5Of(sseKey))
		}),
		"SSECustomerKey": set(func(i *in) { // its MD5 is for the client to make
			i.SSECustomerAlgorithm, i.SSECustomerKey = aws.String("AES256"), aws.String(sseKey)
		}, func(i *in) {
			i.SSECustomerAlgorithm, i.SSECustomerKey = aws.String("AES256"), aws.String(b64([]byte(sseKey)))
		}),
		"SSECustomerKeyMD5":       strs[in]("SSECustomerKeyMD5", md5Of(sseKey)),
		"SSEKMSEncryptionContext": strs[in]("SSEKMSEncryptionContext", "e30="),
		"SSEKMSKeyId": set(func(i *in) {
			i.ServerSideEncryption, i.SSEKMSKeyId, i.BucketKeyEnabled = types.ServerSideEncryptionAwsKms, aws.String("arn:aws:kms:us-east-1:123456789012:key/1"), aws.Bool(true)
		}),
		"ServerSideEncryption":    enum[in]("ServerSideEncryption", types.ServerSideEncryption("").Values()...),
		"StorageClass":            enum[in]("StorageClass", types.StorageClass("").Values()...),
		"Tagging":                 strs[in]("Tagging", "a=b", "a%20b=c%2Bd&e=", "a+b=c d"),
		"WebsiteRedirectLocation": strs[in]("WebsiteRedirectLocation", "/else/where", "https://example.com/"),
		"WriteOffsetBytes":        set(func(i *in) { i.WriteOffsetBytes = aws.Int64(0) }, func(i *in) { i.WriteOffsetBytes = aws.Int64(7) }),
	}
}

func metadata[I any](with func(*I, map[string]string)) field[I] {
	var f field[I]
	for _, m := range []map[string]string{
		{},
		{"a": "b"},
		{"A-b_C": "Value", "second": "2"},
		{"UPPER": "x"},
		{"empty": ""},
		{"space": " padded "},
		{"inner": "two  spaces"},
		{"nonascii": "\u00fcn\u00ef\u65e5"},
		{"encoded": "=?UTF-8?B?w7w=?="},
		{"n\u00e4me": "v"},
		{"with space": "v"},
		{"dots.and~": "v"},
		{"": "v"},
		{"line": "a\nb"},
		{"cr": "a\rb"},
		{"tab": "a\tb"},
		{"nul": "a\x00b"},
		{"colon:in": "v"},
		{"quote": `"'`},
		{"comma": "a, b"},
		{"long": strings.Repeat("x", 1900)},
		{"s3cmd-attrs": "uid:0/gname:root/mode:33188/mtime:1"},
		{"x-amz-meta-x": "v"},
		{"1": "v"},
		{"latin1": "\xfc"},
		{"del": "a\x7fb"},
		{"too-long": strings.Repeat("x", 3000)},
		{"percent": "%41"},
		{"Same": "1", "same": "1"},
	} {
		f.values = append(f.values, func(in *I) { with(in, maps.Clone(m)) })
	}
	return f
}

func partFields() fields[s3.UploadPartInput] {
	type in = s3.UploadPartInput
	return fields[in]{
		"Bucket":               elsewhere[in]("refusals"),
		"Key":                  elsewhere[in]("keys"),
		"UploadId":             strs[in]("UploadId", "absent", "a/b+c d"),
		"PartNumber":           set(func(i *in) { i.PartNumber = aws.Int32(0) }, func(i *in) { i.PartNumber = aws.Int32(10000) }, func(i *in) { i.PartNumber = aws.Int32(10001) }, func(i *in) { i.PartNumber = aws.Int32(-1) }),
		"Body":                 set(func(i *in) { i.Body = nil }, func(i *in) { i.Body = strings.NewReader("") }),
		"ChecksumAlgorithm":    enum[in]("ChecksumAlgorithm", types.ChecksumAlgorithm("").Values()...),
		"ChecksumCRC32":        strs[in]("ChecksumCRC32", crc32Of(text), "AAAAAA=="),
		"ChecksumCRC32C":       strs[in]("ChecksumCRC32C", crc32cOf(text), "AAAAAA=="),
		"ChecksumCRC64NVME":    strs[in]("ChecksumCRC64NVME", crc64(text), "AAAAAAAAAAA="),
		"ChecksumMD5":          strs[in]("ChecksumMD5", md5Of(text)),
		"ChecksumSHA1":         strs[in]("ChecksumSHA1", sha1Of(text), sha1Of("")),
		"ChecksumSHA256":       strs[in]("ChecksumSHA256", sha256Of(text), sha256Of("")),
		"ChecksumSHA512":       strs[in]("ChecksumSHA512", sha512Of(text)),
		"ChecksumXXHASH128":    strs[in]("ChecksumXXHASH128", "AAAAAAAAAAAAAAAAAAAAAA=="),
		"ChecksumXXHASH3":      strs[in]("ChecksumXXHASH3", "AAAAAAAAAAA="),
		"ChecksumXXHASH64":     strs[in]("ChecksumXXHASH64", "AAAAAAAAAAA="),
		"ContentLength":        set(func(i *in) { i.ContentLength = aws.Int64(int64(len(text))) }),
		"ContentMD5":           strs[in]("ContentMD5", md5Of(text), md5Of("")),
		"ExpectedBucketOwner":  strs[in]("ExpectedBucketOwner", "123456789012"),
		"RequestPayer":         enum[in]("RequestPayer", types.RequestPayerRequester),
		"SSECustomerAlgorithm": set(func(i *in) { i.SSECustomerAlgorithm = aws.String("AES256") }),
		"SSECustomerKey": set(func(i *in) { i.SSECustomerAlgorithm, i.SSECustomerKey = aws.String("AES256"), aws.String(sseKey) }, func(i *in) {
			i.SSECustomerAlgorithm, i.SSECustomerKey, i.SSECustomerKeyMD5 = aws.String("AES256"), aws.String(b64([]byte(sseKey))), aws.String(md5Of(sseKey))
		}),
		"SSECustomerKeyMD5": strs[in]("SSECustomerKeyMD5", md5Of(sseKey)),
	}
}

// readFields are of GetObject and HeadObject, which have the same.
func readFields[I any](etag string) fields[I] {
	number := func(n int32) func(*I) {
		return func(in *I) { reflect.ValueOf(in).Elem().FieldByName("PartNumber").Set(reflect.ValueOf(&n)) }
	}
	str := func(name, v string) func(*I) { return strs[I](name, v).values[0] }
	both := func(changes ...func(*I)) func(*I) {
		return func(in *I) {
			for _, c := range changes {
				c(in)
			}
		}
	}
	early, late := time.Date(2001, 1, 2, 3, 4, 5, 0, time.UTC), time.Now().Add(-time.Second).UTC()
	date := func(name string, v time.Time) func(*I) {
		return func(in *I) { reflect.ValueOf(in).Elem().FieldByName(name).Set(reflect.ValueOf(&v)) }
	}
	conditions := func(name string) field[I] {
		return field[I]{values: append(times[I](name).values, date(name, early), date(name, late))}
	}
	return fields[I]{
		"Bucket":              elsewhere[I]("refusals"),
		"Key":                 elsewhere[I]("keys"),
		"ChecksumMode":        enum[I]("ChecksumMode", types.ChecksumModeEnabled),
		"ExpectedBucketOwner": strs[I]("ExpectedBucketOwner", "123456789012"),
		"IfMatch": set(str("IfMatch", etag), str("IfMatch", `"other"`), str("IfMatch", "*"), str("IfMatch", strings.Trim(etag, `"`)),
			both(str("IfMatch", etag), date("IfUnmodifiedSince", early)), both(str("IfMatch", `"other"`), date("IfUnmodifiedSince", late))),
		"IfNoneMatch": set(str("IfNoneMatch", etag), str("IfNoneMatch", `"other"`), str("IfNoneMatch", "*"),
			both(str("IfNoneMatch", etag), date("IfModifiedSince", early)), both(str("IfNoneMatch", `"other"`), date("IfModifiedSince", late)),
			both(str("IfNoneMatch", etag), str("IfMatch", etag))),
		"IfModifiedSince":   conditions("IfModifiedSince"),
		"IfUnmodifiedSince": conditions("IfUnmodifiedSince"),
		"PartNumber":        set(number(1), number(2), number(0), number(-1), number(10001), both(number(1), str("Range", "bytes=0-3"))),
		"Range": strs[I]("Range", "bytes=0-0", "bytes=3-7", "bytes=3-", "bytes=-4", "bytes=0-100000", "bytes=-100000", "bytes=100000-", "bytes=100000-200000",
			"bytes=7-3", "bytes=-0", "bytes=0-1,3-4", "bytes=x-y", "lines=1-2", "bytes= 1-2", "bytes=", "bytes=20-20", "bytes=21-21"),
		"RequestPayer":               enum[I]("RequestPayer", types.RequestPayerRequester),
		"ResponseCacheControl":       strs[I]("ResponseCacheControl", "no-cache, x=\"y z\""),
		"ResponseContentDisposition": strs[I]("ResponseContentDisposition", `attachment; filename="a+b &c.txt"`),
		"ResponseContentEncoding":    strs[I]("ResponseContentEncoding", "gzip"),
		"ResponseContentLanguage":    strs[I]("ResponseContentLanguage", "de,en"),
		"ResponseContentType":        strs[I]("ResponseContentType", "text/plain; charset=utf-8"),
		"ResponseExpires":            times[I]("ResponseExpires"),
		"SSECustomerAlgorithm":       strs[I]("SSECustomerAlgorithm", "AES256"),
		"SSECustomerKey": set(both(str("SSECustomerAlgorithm", "AES256"), str("SSECustomerKey", sseKey)),
			both(str("SSECustomerAlgorithm", "AES256"), str("SSECustomerKey", b64([]byte(sseKey))), str("SSECustomerKeyMD5", md5Of(sseKey)))),
		"SSECustomerKeyMD5": strs[I]("SSECustomerKeyMD5", md5Of(sseKey)),
		"VersionId":         strs[I]("VersionId", "null", "absent", "a/b+c d", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
	}
}
