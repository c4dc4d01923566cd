package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

func everything() Attributes {
	return Attributes{
		Grants: []Grant{
			{"full", "emailaddress=a@b.c"},
			{"read", "emailaddress=d@b.c"},
			{"readacl", "uri=http://acs.amazonaws.com/groups/global/AllUsers"},
			{"writeacl", "emailaddress=e@b.c"},
			{"read", "emailaddress=f@b.c"},
		},
		StorageClass: "STANDARD_IA", Encryption: "aws:kms", KMSKeyID: "arn:aws:kms:us-east-1:1:key/k",
		ContentType: "text/x-own", ContentDisposition: "attachment", ContentEncoding: "gzip", ContentLanguage: "de", CacheControl: "max-age=5",
		Expires: time.Date(2032, 1, 2, 3, 4, 5, 0, time.UTC), Metadata: map[string]string{"Own": "a b", "two": ""},
		Tags: map[string]string{"a b": "c&d", "e": ""}, Redirect: "/there", RequestPayer: true,
	}
}

const allOfIt = "text/x-own|attachment|gzip|de|max-age=5|Fri, 02 Jan 2032 03:04:05 GMT|map[own:a b two:]|/there|STANDARD_IA|aws:kms|" +
	"arn:aws:kms:us-east-1:1:key/k||a b=c&d,e=| a@b.c FULL_CONTROL| d@b.c READ| f@b.c READ|" +
	"http://acs.amazonaws.com/groups/global/AllUsers  READ_ACP| e@b.c WRITE_ACP"

// What was asked for is on the object, whichever way it came, by either client; and
// it is verified although its ETag is no MD5.
func TestAttributes(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		r := newAttributesRig(t, sdk)
		tr := r.transfer(t, everything(), nil)
		plain := r.transfer(t, Attributes{}, nil)
		for _, size := range []int{1000, copyInParts} {
			name := fmt.Sprintf("SDK %v, %d bytes", sdk, size)
			path := r.file(t, fmt.Sprint(size, ".txt"), size)
			up := Object{Bucket: "src", Key: fmt.Sprint("up", size)}
			res, err := tr.Upload(t.Context(), path, up)
			must(t, err)
			if got := r.has(t, up.Bucket, up.Key, nil); got != allOfIt || !res.Verified() {
				t.Errorf("%s, uploaded: %s, %+v", name, got, res)
			}
			src := Object{Bucket: "src", Key: fmt.Sprint("plain", size), Source: true, Size: int64(size)}
			r.mu.Lock()
			paid := maps.Clone(r.sent)
			r.mu.Unlock()
			_, err = plain.Upload(t.Context(), path, src)
			must(t, err)
			r.mu.Lock()
			r.sent = paid
			r.mu.Unlock()
			want := "text/plain||||||map[]|||AES256||||  FULL_CONTROL"
			if got := r.has(t, "src", src.Key, nil); got != want {
				t.Errorf("%s, with nothing: %s", name, got)
			}
			dst := Object{Bucket: "dst", Key: fmt.Sprint("copy", size)}
			res, err = tr.Copy(t.Context(), src, dst)
			must(t, err)
			if got := r.has(t, dst.Bucket, dst.Key, nil); got != allOfIt || !res.Verified() {
				t.Errorf("%s, copied: %s, %+v", name, got, res)
			}
			stat, err := tr.Stat(t.Context(), dst)
			must(t, err)
			down := Object{Bucket: "dst", Key: dst.Key, Size: stat.Size, ETag: stat.ETag, Source: true}
			root, err := os.OpenRoot(t.TempDir())
			must(t, err)
			if res, err = tr.Download(t.Context(), down, root, "f"); err != nil || !res.Verified() {
				t.Errorf("%s, downloaded: %+v, %v", name, res, err)
			}
			must(t, root.Close())
		}
		r.mu.Lock()
		for op, h := range r.sent {
			if h.Get("X-Amz-Request-Payer") != "requester" {
				t.Errorf("SDK %v: %s does not say who pays", sdk, op)
			}
		}
		r.mu.Unlock()
	}
}

// The type is that of the file's name, and of what has none the store's own: no
// client sends one.
func TestGuessedType(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		r := newAttributesRig(t, sdk)
		for _, q := range []struct {
			name string
			a    Attributes
			want string
		}{
			{"a.PNG", Attributes{}, "image/png"},
			{"a.tar.gz", Attributes{StorageClass: "STANDARD_IA"}, "application/x-tar"},
			{"a.unknown", Attributes{}, "binary/octet-stream"},
			{"a.PNG", Attributes{NoGuess: true}, "binary/octet-stream"},
			{"a.PNG", Attributes{ContentType: "x/y"}, "x/y"},
			{"a.PNG", Attributes{ContentType: "x/y", NoGuess: true}, "x/y"},
		} {
			for _, size := range []int{0, 1000, MinPartSize + 1} {
				path := r.file(t, fmt.Sprint(size, q.name), size)
				_, err := r.transfer(t, q.a, nil).Upload(t.Context(), path, Object{Bucket: "dst", Key: "k"})
				must(t, err)
				if got, _, _ := strings.Cut(r.has(t, "dst", "k", nil), "|"); got != q.want {
					t.Errorf("SDK %v, %s, %d bytes, %+v: %q, want %q", sdk, q.name, size, q.a, got, q.want)
				}
			}
		}
	}
}

// Metadata that was given is put over that of the file.
func TestMetadataOverPreserved(t *testing.T) {
	r := newAttributesRig(t, false)
	tr := r.transfer(t, Attributes{Metadata: map[string]string{"MTime": "5", "own": "x"}}, func(o *Options) { o.Preserve = true })
	for _, size := range []int{1000, copyInParts} {
		for range 2 { // nothing is left of the first in the second
			_, err := tr.Upload(t.Context(), r.file(t, fmt.Sprint(size), size), Object{Bucket: "dst", Key: "k"})
			must(t, err)
			h, err := r.plain.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("dst"), Key: aws.String("k")})
			must(t, err)
			want := map[string]string{"mtime": "5", "own": "x"}
			if runtime.GOOS != "windows" {
				want["mode"] = "100600"
			}
			if !maps.Equal(h.Metadata, want) {
				t.Errorf("%d bytes: %v, want %v", size, h.Metadata, want)
			}
		}
	}
}

// What is in an archive keeps S3's code, by which others know it.
func TestArchivedKeepsItsCode(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		r := newAttributesRig(t, sdk)
		for _, size := range []int{1000, copyInParts} {
			obj := Object{Bucket: "src", Key: fmt.Sprint(size), Size: int64(size), Source: true}
			_, err := r.transfer(t, Attributes{StorageClass: "GLACIER"}, nil).Upload(t.Context(), r.file(t, obj.Key, size), obj)
			must(t, err)
			tr := r.transfer(t, Attributes{}, nil)
			root, err := os.OpenRoot(t.TempDir())
			must(t, err)
			if _, err = tr.Download(t.Context(), obj, root, "f"); wire.Code(err) != "InvalidObjectState" {
				t.Errorf("SDK %v, %d bytes: %v", sdk, size, err)
			}
			must(t, root.Close())
			if _, err = tr.Copy(t.Context(), obj, Object{Bucket: "dst", Key: "k"}); wire.Code(err) != "InvalidObjectState" {
				t.Errorf("SDK %v, copying %d bytes: %v", sdk, size, err)
			}
		}
	}
}

// Nothing in Attributes takes a request off the fast path: with each field by
// itself, the SDK sends what it sends without any.
func TestAttributesStayOnFastPath(t *testing.T) {
	r := newAttributesRig(t, false)
	all := everything()
	fields := map[string]Attributes{
		"ACL": {ACL: "public-read"}, "Grants": {Grants: all.Grants}, "StorageClass": {StorageClass: "STANDARD_IA"},
		"Encryption": {Encryption: "AES256"}, "KMSKeyID": {Encryption: "aws:kms:dsse", KMSKeyID: "k"},
		"CustomerKey": {CustomerKey: keyOf(1)}, "SourceKey": {SourceKey: keyOf(3)},
		"ContentType": {ContentType: "a/b"}, "ContentDisposition": {ContentDisposition: "inline"}, "ContentEncoding": {ContentEncoding: "gzip"},
		"ContentLanguage": {ContentLanguage: "de"}, "CacheControl": {CacheControl: "no-store"}, "NoGuess": {NoGuess: true},
		"Expires": {Expires: all.Expires}, "Metadata": {Metadata: all.Metadata}, "Tags": {Tags: all.Tags}, "Redirect": {Redirect: "/x"},
		"MetadataDirective": {MetadataDirective: "REPLACE"}, "CopyProps": {CopyProps: "none"}, "RequestPayer": {RequestPayer: true},
	}
	for i := range reflect.TypeFor[Attributes]().NumField() {
		name := reflect.TypeFor[Attributes]().Field(i).Name
		if a, ok := fields[name]; !ok || reflect.ValueOf(a).Field(i).IsZero() {
			t.Errorf("%s is not tried", name)
		}
	}
	fields["everything"] = all
	small, large := r.file(t, "small", 1000), r.file(t, "large", MinPartSize+1)
	for _, key := range []*CustomerKey{nil, keyOf(3)} {
		for _, path := range []string{small, large} {
			_, err := r.transfer(t, Attributes{CustomerKey: key}, nil).Upload(t.Context(), path, Object{Bucket: "src", Key: fmt.Sprint(filepath.Base(path), key != nil)})
			must(t, err)
		}
	}
	r.requests()
	for name, a := range fields {
		tr := r.transfer(t, a, nil)
		for _, path := range []string{small, large} {
			fi, err := os.Stat(path)
			must(t, err)
			key := filepath.Base(path)
			_, err = tr.Upload(t.Context(), path, Object{Bucket: "dst", Key: key})
			must(t, err)
			src := Object{Bucket: "src", Key: fmt.Sprint(key, a.SourceKey != nil), Size: fi.Size(), Source: true}
			_, err = tr.Copy(t.Context(), src, Object{Bucket: "dst", Key: key + "copied"})
			must(t, err)
			root, err := os.OpenRoot(t.TempDir())
			must(t, err)
			_, err = tr.Download(t.Context(), src, root, "f")
			must(t, errors.Join(err, root.Close()))
		}
		var sdk []string
		came := r.requests()
		for op := range came {
			if op, ok := strings.CutSuffix(op, " sdk"); ok && op != "GetObjectTagging" {
				sdk = append(sdk, op)
			}
		}
		slices.Sort(sdk)
		if got := fmt.Sprint(sdk); got != "[CompleteMultipartUpload CreateMultipartUpload UploadPartCopy]" {
			t.Errorf("%s: the SDK has sent %s", name, got)
		}
		for _, op := range []string{"PutObject", "UploadPart", "CopyObject", "HeadObject", "GetObject"} {
			if came[op+" fast"] == 0 {
				t.Errorf("%s: no %s went by the fast path: %v", name, op, came)
			}
		}
	}
}

// An upload that was begun with other attributes is not gone on with, and not left.
func TestResumeWithOtherAttributes(t *testing.T) {
	r := newAttributesRig(t, false)
	jobs, path := t.TempDir(), r.file(t, "f", copyInParts)
	dst := Object{Bucket: "dst", Key: "k"}
	told := ""
	run := func(a Attributes, cut bool) (resumed int64, err error) {
		j := journal.Open(journal.Options{Dir: jobs})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tr := r.transfer(t, a, func(o *Options) {
			o.Journal, o.PartsAtOnce = j, 1
			o.Resumed = func(n int64) { resumed += n }
			o.Notice = func(msg string) { told = msg }
			if cut {
				o.Client = &cutting{Objects: o.Client, cancel: cancel}
			}
		})
		_, err = tr.Upload(ctx, path, dst)
		return resumed, errors.Join(err, j.Close(err == nil))
	}
	is := func(what string, a Attributes, want int64) {
		t.Helper()
		told = ""
		n, err := run(a, false)
		if err != nil || (n > 0) != (want > 0) || strings.Contains(told, "other attributes") != (want == 0) {
			t.Errorf("%s: %d bytes were there, told %q, %v", what, n, told, err)
		}
		open, err := r.plain.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("dst")})
		must(t, err)
		if len(open.Uploads) != 0 {
			t.Errorf("%s: %d uploads are left", what, len(open.Uploads))
		}
	}
	begun := Attributes{CustomerKey: keyOf(1), StorageClass: "STANDARD_IA"}
	for _, q := range []struct {
		what string
		a    Attributes
		want int64
	}{
		{"the same", Attributes{CustomerKey: keyOf(1), StorageClass: "STANDARD_IA", RequestPayer: true, SourceKey: keyOf(2)}, 1},
		{"another class", Attributes{CustomerKey: keyOf(1)}, 0},
		{"another key", Attributes{CustomerKey: keyOf(2), StorageClass: "STANDARD_IA"}, 0},
		{"none", Attributes{}, 0},
	} {
		if _, err := run(begun, true); err == nil {
			t.Fatal("it was not cut off")
		}
		is(q.what, q.a, q.want)
	}
	files, err := filepath.Glob(filepath.Join(jobs, "*"))
	must(t, err)
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && (bytes.Contains(b, keyOf(1).Key[:]) || bytes.Contains(b, []byte(*newCustomer(keyOf(1)).key))) {
			t.Errorf("%s has the key", f)
		}
	}
}

// cutting ends a run when its second part is sent.
type cutting struct {
	wire.Objects
	parts  int
	cancel func()
}

func (c *cutting) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	if c.parts++; c.parts == 2 {
		c.cancel()
		return nil, context.Canceled
	}
	return c.Objects.UploadPart(ctx, in, opts...)
}

// Records from before there were attributes are of uploads without any.
func TestFingerprint(t *testing.T) {
	seen := map[string]string{}
	for name, a := range map[string]Attributes{
		"nothing": {}, "no metadata": {Metadata: map[string]string{}}, "a payer": {RequestPayer: true}, "reading": {SourceKey: keyOf(1)},
	} {
		if got := a.fingerprint(false); got != "" {
			t.Errorf("%s has %q", name, got)
		}
	}
	for name, a := range map[string]Attributes{
		"everything": everything(), "key 1": {CustomerKey: keyOf(1)}, "key 2": {CustomerKey: keyOf(2)}, "no tags": {Tags: map[string]string{}},
		"a time": {Expires: time.Unix(1, 0)}, "far": {Expires: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}, "zero key": {CustomerKey: keyOf(0)},
	} {
		got := a.fingerprint(false)
		if len(got) != 32 || seen[got] != "" || got != a.fingerprint(false) || got == a.fingerprint(true) {
			t.Errorf("%s has %q, as has %q", name, got, seen[got])
		}
		seen[got] = name
	}
}

func TestCheckAttributes(t *testing.T) {
	all := everything()
	must(t, all.Check())
	for _, acl := range CannedACLs() {
		must(t, (&Attributes{ACL: acl}).Check())
	}
	tags := map[string]string{}
	for i := range 11 {
		tags[fmt.Sprint(i)] = ""
	}
	for words, a := range map[string]Attributes{
		`"public" bucket-owner-full-control`:     {ACL: "public"},
		`"AES"`:                                  {Encryption: "AES"},
		`"copy" COPY`:                            {MetadataDirective: "copy"},
		`"all" none`:                             {CopyProps: "all"},
		`"write" readacl`:                        {Grants: []Grant{{"write", "id=1"}}},
		"permission and grantees":                {Grants: []Grant{{"read", ""}}},
		"grants both":                            {ACL: "private", Grants: []Grant{{"read", "id=1"}}},
		"KMS AES256":                             {Encryption: "AES256", KMSKeyID: "k"},
		"SSE-C both":                             {Encryption: "AES256", CustomerKey: keyOf(1)},
		"11 tags":                                {Tags: tags},
		"no name":                                {Tags: map[string]string{"": "v"}},
		"longer name 128":                        {Tags: map[string]string{strings.Repeat("é", 129): ""}},
		"value longer 256":                       {Tags: map[string]string{"k": strings.Repeat("v", 257)}},
		"aws:":                                   {Tags: map[string]string{"AWS:x": ""}},
		"2048":                                   {Metadata: map[string]string{"k": strings.Repeat("v", 2048)}},
		"part of a header":                       {Metadata: map[string]string{"a b": ""}},
		"US-ASCII":                               {Metadata: map[string]string{"k": "ü"}},
		`"a\nb" character content type`:          {ContentType: "a\nb"},
		"grantees":                               {Grants: []Grant{{"read", "id=1\r\nX: y"}}},
		`"public" "AES" storage class character`: {ACL: "public", Encryption: "AES", StorageClass: "\x00"},
	} {
		err := a.Check()
		if err == nil {
			t.Errorf("%q: nothing is wrong", words)
			continue
		}
		for word := range strings.FieldsSeq(words) {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%v does not say %q", err, word)
			}
		}
		if _, nerr := New(Options{Attributes: a}); nerr == nil {
			t.Errorf("%q: New takes it", words)
		}
	}
}
