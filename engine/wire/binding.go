package wire

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	smithytime "github.com/aws/smithy-go/time"
)

// binding is where a field of the SDK's inputs and outputs stands in a request
// or an answer. One name means the same in all of them.
type binding struct {
	name  string // of the header, canonical, or of the query parameter
	query bool
	rfc   bool // a time as in RFC 3339; others are HTTP dates
}

// bindings are those of the operations of the fast path, as S3's API pages
// give them. A field without a row sends its request to the SDK.
func bindings() map[string]binding {
	h := func(name string) binding { return binding{name: textproto.CanonicalMIMEHeaderKey(name)} }
	q := func(name string) binding { return binding{name: name, query: true} }
	until := h("x-amz-object-lock-retain-until-date")
	until.rfc = true
	return map[string]binding{
		"ACL":                              h("x-amz-acl"),
		"AcceptRanges":                     h("accept-ranges"),
		"ArchiveStatus":                    h("x-amz-archive-status"),
		"BucketKeyEnabled":                 h("x-amz-server-side-encryption-bucket-key-enabled"),
		"CacheControl":                     h("cache-control"),
		"ChecksumAlgorithm":                h("x-amz-sdk-checksum-algorithm"),
		"ChecksumCRC32":                    h("x-amz-checksum-crc32"),
		"ChecksumCRC32C":                   h("x-amz-checksum-crc32c"),
		"ChecksumCRC64NVME":                h("x-amz-checksum-crc64nvme"),
		"ChecksumMD5":                      h("x-amz-checksum-md5"),
		"ChecksumMode":                     h("x-amz-checksum-mode"),
		"ChecksumSHA1":                     h("x-amz-checksum-sha1"),
		"ChecksumSHA256":                   h("x-amz-checksum-sha256"),
		"ChecksumSHA512":                   h("x-amz-checksum-sha512"),
		"ChecksumType":                     h("x-amz-checksum-type"),
		"ChecksumXXHASH128":                h("x-amz-checksum-xxhash128"),
		"ChecksumXXHASH3":                  h("x-amz-checksum-xxhash3"),
		"ChecksumXXHASH64":                 h("x-amz-checksum-xxhash64"),
		"ContentDisposition":               h("content-disposition"),
		"ContentEncoding":                  h("content-encoding"),
		"ContentLanguage":                  h("content-language"),
		"ContentLength":                    h("content-length"),
		"ContentMD5":                       h("content-md5"),
		"ContentRange":                     h("content-range"),
		"ContentType":                      h("content-type"),
		"CopySource":                       h("x-amz-copy-source"),
		"CopySourceIfMatch":                h("x-amz-copy-source-if-match"),
		"CopySourceSSECustomerAlgorithm":   h("x-amz-copy-source-server-side-encryption-customer-algorithm"),
		"CopySourceSSECustomerKey":         h("x-amz-copy-source-server-side-encryption-customer-key"),
		"CopySourceSSECustomerKeyMD5":      h("x-amz-copy-source-server-side-encryption-customer-key-md5"),
		"CopySourceVersionId":              h("x-amz-copy-source-version-id"),
		"DeleteMarker":                     h("x-amz-delete-marker"),
		"ETag":                             h("etag"),
		"ExpectedBucketOwner":              h("x-amz-expected-bucket-owner"),
		"Expiration":                       h("x-amz-expiration"),
		"Expires":                          h("expires"),
		"ExpiresString":                    h("expires"),
		"GrantFullControl":                 h("x-amz-grant-full-control"),
		"GrantRead":                        h("x-amz-grant-read"),
		"GrantReadACP":                     h("x-amz-grant-read-acp"),
		"GrantWriteACP":                    h("x-amz-grant-write-acp"),
		"IfMatch":                          h("if-match"),
		"IfModifiedSince":                  h("if-modified-since"),
		"IfNoneMatch":                      h("if-none-match"),
		"IfUnmodifiedSince":                h("if-unmodified-since"),
		"LastModified":                     h("last-modified"),
		"MetadataDirective":                h("x-amz-metadata-directive"),
		"MissingMeta":                      h("x-amz-missing-meta"),
		"ObjectLockEventHold":              h("x-amz-object-lock-event-hold"),
		"ObjectLockEventHoldDurationDays":  h("x-amz-object-lock-event-hold-duration-days"),
		"ObjectLockEventHoldDurationYears": h("x-amz-object-lock-event-hold-duration-years"),
		"ObjectLockLegalHoldStatus":        h("x-amz-object-lock-legal-hold"),
		"ObjectLockMode":                   h("x-amz-object-lock-mode"),
		"ObjectLockRetainUntilDate":        until,
		"PartNumber":                       q("partNumber"),
		"PartsCount":                       h("x-amz-mp-parts-count"),
		"Range":                            h("range"),
		"ReplicationStatus":                h("x-amz-replication-status"),
		"RequestCharged":                   h("x-amz-request-charged"),
		"RequestPayer":                     h("x-amz-request-payer"),
		"ResponseCacheControl":             q("response-cache-control"),
		"ResponseContentDisposition":       q("response-content-disposition"),
		"ResponseContentEncoding":          q("response-content-encoding"),
		"ResponseContentLanguage":          q("response-content-language"),
		"ResponseContentType":              q("response-content-type"),
		"ResponseExpires":                  q("response-expires"),
		"Restore":                          h("x-amz-restore"),
		"SSECustomerAlgorithm":             h("x-amz-server-side-encryption-customer-algorithm"),
		"SSECustomerKey":                   h("x-amz-server-side-encryption-customer-key"),
		"SSECustomerKeyMD5":                h("x-amz-server-side-encryption-customer-key-md5"),
		"SSEKMSEncryptionContext":          h("x-amz-server-side-encryption-context"),
		"SSEKMSKeyId":                      h("x-amz-server-side-encryption-aws-kms-key-id"),
		"ServerSideEncryption":             h("x-amz-server-side-encryption"),
		"Size":                             h("x-amz-object-size"),
		"StorageClass":                     h("x-amz-storage-class"),
		"TagCount":                         h("x-amz-tagging-count"),
		"Tagging":                          h("x-amz-tagging"),
		"TaggingDirective":                 h("x-amz-tagging-directive"),
		"UploadId":                         q("uploadId"),
		"VersionId":                        {}, // parameter of a request, header of an answer
		"WebsiteRedirectLocation":          h("x-amz-website-redirect-location"),
	}
}

const metaPrefix = "X-Amz-Meta-"

// encoder writes one of the SDK's input types into headers and a query.
type encoder struct {
	fields []boundField
	// strange are the fields that the fast path does not know: a request that
	// has one of them set is for the SDK.
	strange  []int
	sums     []int // checksums of the body, Content-MD5 among them
	metadata int   // index of Metadata, or -1
}

type boundField struct {
	binding
	index int
}

// newEncoder makes the encoder of the type of in, a pointer to a struct. The
// fields of apart are the caller's.
func newEncoder(in any, apart ...string) *encoder {
	t := reflect.TypeOf(in).Elem()
	table := bindings()
	table["VersionId"] = binding{name: "versionId", query: true}
	if _, ok := t.FieldByName("CopySource"); ok { // there is no body that the SDK would have made a sum of
		table["ChecksumAlgorithm"] = binding{name: "X-Amz-Checksum-Algorithm"}
	}
	e := &encoder{metadata: -1}
	for i := range t.NumField() {
		name := t.Field(i).Name
		b, ok := table[name]
		switch {
		case !t.Field(i).IsExported(), slices.Contains(apart, name):
		case name == "Metadata":
			e.metadata = i
		case ok:
			e.fields = append(e.fields, boundField{b, i})
			if strings.HasPrefix(b.name, "X-Amz-Checksum-") && t.Field(i).Type == reflect.TypeFor[*string]() || b.name == "Content-Md5" {
				e.sums = append(e.sums, i)
			}
		default:
			e.strange = append(e.strange, i)
		}
	}
	return e
}

// covers says that every field that is set in in is known here.
func (e *encoder) covers(in reflect.Value) bool {
	for _, i := range e.strange {
		if !in.Field(i).IsZero() {
			return false
		}
	}
	return true
}

// summed says that the body of in has a checksum with it.
func (e *encoder) summed(in reflect.Value) bool {
	for _, i := range e.sums {
		if !in.Field(i).IsNil() {
			return true
		}
	}
	return false
}

// encode sets the headers, and returns the query.
func (e *encoder) encode(in reflect.Value, h http.Header) (string, error) {
	var query []byte
	for _, f := range e.fields {
		v := in.Field(f.index)
		if v.IsZero() {
			continue
		}
		s, err := f.format(v)
		if err != nil {
			return "", err
		}
		if !f.query {
			h[f.name] = []string{s}
			continue
		}
		if len(query) > 0 {
			query = append(query, '&')
		}
		query = append(query, f.name...)
		query = append(query, '=')
		query = append(query, url.QueryEscape(s)...)
	}
	if e.metadata >= 0 && in.Field(e.metadata).Len() > 0 {
		for name, value := range in.Field(e.metadata).Interface().(map[string]string) {
			h[metaPrefix+textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		}
	}
	return string(query), nil
}

func (b binding) format(v reflect.Value) (string, error) {
	switch v.Kind() {
	case reflect.String: // an enumeration
		return v.String(), nil
	case reflect.Pointer:
	default:
		return "", fmt.Errorf("%s: a %s has no place in a header", b.name, v.Type())
	}
	switch x := v.Interface().(type) {
	case *string:
		return *x, nil
	case *bool:
		return strconv.FormatBool(*x), nil
	case *int32:
		return strconv.FormatInt(int64(*x), 10), nil
	case *int64:
		return strconv.FormatInt(*x, 10), nil
	case *time.Time:
		if b.rfc {
			return smithytime.FormatDateTime(*x), nil
		}
		return smithytime.FormatHTTPDate(*x), nil
	}
	return "", fmt.Errorf("%s: a %s has no place in a header", b.name, v.Type())
}

// decoder reads headers into one of the SDK's output types.
type decoder struct {
	fields   map[string][]boundField // by header
	metadata int
}

func newDecoder(out any) *decoder {
	t := reflect.TypeOf(out).Elem()
	table := bindings()
	table["VersionId"] = binding{name: "X-Amz-Version-Id"}
	d := &decoder{fields: map[string][]boundField{}, metadata: -1}
	for i := range t.NumField() {
		name := t.Field(i).Name
		if name == "Metadata" {
			d.metadata = i
		} else if b, ok := table[name]; ok {
			d.fields[b.name] = append(d.fields[b.name], boundField{b, i})
		}
	}
	return d
}

// decode sets the fields of out for which there is a header.
func (d *decoder) decode(h http.Header, out reflect.Value) error {
	for name, values := range h {
		if len(values) == 0 {
			continue
		}
		for _, f := range d.fields[name] {
			if err := f.parse(strings.TrimSpace(values[0]), out.Field(f.index)); err != nil {
				return fmt.Errorf("the header %s of the answer: %w", name, err)
			}
		}
		if d.metadata >= 0 && strings.HasPrefix(name, metaPrefix) {
			m, _ := reflect.TypeAssert[map[string]string](out.Field(d.metadata))
			if m == nil {
				m = map[string]string{}
				out.Field(d.metadata).Set(reflect.ValueOf(m))
			}
			m[strings.ToLower(name[len(metaPrefix):])] = values[0]
		}
	}
	return nil
}

func (b binding) parse(s string, v reflect.Value) error {
	if v.Kind() == reflect.String {
		v.SetString(s)
		return nil
	}
	switch p := v.Addr().Interface().(type) {
	case **string:
		*p = &s
	case **bool:
		x, err := strconv.ParseBool(s)
		if err != nil {
			return err
		}
		*p = &x
	case **int32:
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return err
		}
		x := int32(n)
		*p = &x
	case **int64:
		x, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return err
		}
		*p = &x
	case **time.Time:
		parse := smithytime.ParseHTTPDate
		if b.rfc {
			parse = smithytime.ParseDateTime
		}
		t, err := parse(s)
		if err != nil {
			if b.name == "Expires" {
				return nil // whoever made the object may have written anything
			}
			return err
		}
		*p = &t
	default:
		return fmt.Errorf("no header can be a %s", v.Type())
	}
	return nil
}
