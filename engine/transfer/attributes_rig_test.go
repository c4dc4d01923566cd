package transfer

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/pool"
)

// attributesRig is a simulator with buckets src and dst, before which it is counted
// what comes, and by whom: the fast path gives a name of its own.
type attributesRig struct {
	url   string
	sdk   bool
	plain *s3.Client
	dir   string

	mu   sync.Mutex
	came map[string]int // "PutObject fast", "CreateMultipartUpload sdk"
	sent map[string]http.Header
}

// operation names a request, as far as it is one of those here.
func operation(r *http.Request) string {
	q := r.URL.Query()
	switch copied := r.Header.Get("X-Amz-Copy-Source") != ""; {
	case r.Method == http.MethodHead:
		return "HeadObject"
	case q.Has("uploads"):
		return "CreateMultipartUpload"
	case q.Has("tagging"):
		return map[string]string{http.MethodGet: "GetObjectTagging", http.MethodPut: "PutObjectTagging"}[r.Method]
	case r.Method == http.MethodDelete:
		return "AbortMultipartUpload"
	case r.Method == http.MethodPost:
		return "CompleteMultipartUpload"
	case r.Method == http.MethodGet && q.Has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodGet && q.Has("attributes"):
		return "GetObjectAttributes"
	case r.Method == http.MethodGet:
		return "GetObject"
	case q.Has("uploadId") && copied:
		return "UploadPartCopy"
	case q.Has("uploadId"):
		return "UploadPart"
	case copied:
		return "CopyObject"
	}
	return "PutObject"
}

func newAttributesRig(t *testing.T, sdk bool) *attributesRig {
	t.Helper()
	sim, err := s3sim.New(s3sim.Options{KeepBodies: 1 << 30})
	must(t, err)
	must(t, errors.Join(sim.AddBucket("src", ""), sim.AddBucket("dst", "")))
	r := &attributesRig{sdk: sdk, dir: t.TempDir(), came: map[string]int{}, sent: map[string]http.Header{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if agent := req.UserAgent(); !strings.Contains(agent, "app/a-test") {
			by := " sdk"
			if strings.HasPrefix(agent, "s3haul/") {
				by = " fast"
			}
			r.mu.Lock()
			r.came[operation(req)+by]++
			r.sent[operation(req)] = req.Header.Clone()
			r.mu.Unlock()
		}
		sim.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	r.plain = s3.New(s3.Options{BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{}, AppID: "a-test"})
	return r
}

// transfer makes one with attributes, which moves from 5 MiB on in parts.
func (r *attributesRig) transfer(t *testing.T, a Attributes, change func(*Options)) *Transfer {
	t.Helper()
	p, err := pool.New(pool.Options{Slots: 4, Memory: 32 << 20})
	must(t, err)
	o := Options{Client: httpClient(t, r.url, r.sdk), Pool: p, PartSize: MinPartSize, PartsAtOnce: 4, Attributes: a}
	if change != nil {
		change(&o)
	}
	tr, err := New(o)
	must(t, err)
	return tr
}

// file makes one of size bytes, once.
func (r *attributesRig) file(t *testing.T, name string, size int) string {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if _, err := os.Stat(path); err != nil {
		must(t, os.WriteFile(path, content(size), 0o600))
	}
	return path
}

// requests are those that came since the last call.
func (r *attributesRig) requests() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := maps.Clone(r.came)
	clear(r.came)
	return n
}

// has is all that an object has beside its content.
func (r *attributesRig) has(t *testing.T, bucket, key string, k *CustomerKey) string {
	t.Helper()
	c := newCustomer(k)
	h, err := r.plain.HeadObject(t.Context(), &s3.HeadObjectInput{
		Bucket: &bucket, Key: &key, SSECustomerAlgorithm: c.algorithm, SSECustomerKey: c.key, SSECustomerKeyMD5: c.md5,
	})
	must(t, err)
	tags, err := r.plain.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key})
	must(t, err)
	acl, err := r.plain.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: &bucket, Key: &key})
	must(t, err)
	says := []string{
		aws.ToString(h.ContentType), aws.ToString(h.ContentDisposition), aws.ToString(h.ContentEncoding), aws.ToString(h.ContentLanguage),
		aws.ToString(h.CacheControl), aws.ToString(h.ExpiresString), fmt.Sprint(h.Metadata), aws.ToString(h.WebsiteRedirectLocation),
		string(h.StorageClass), string(h.ServerSideEncryption), aws.ToString(h.SSEKMSKeyId), aws.ToString(h.SSECustomerKeyMD5),
	}
	var set []string
	for _, tag := range tags.TagSet {
		set = append(set, *tag.Key+"="+*tag.Value)
	}
	slices.Sort(set)
	says = append(says, strings.Join(set, ","))
	for _, g := range acl.Grants {
		says = append(says, strings.Join([]string{aws.ToString(g.Grantee.URI), aws.ToString(g.Grantee.EmailAddress), string(g.Permission)}, " "))
	}
	return strings.Join(says, "|")
}
