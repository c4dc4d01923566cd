package transfer

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/s3haul/s3haul/engine/checksum"
)

// oldStore is one that refuses whatever has to do with checksums but Content-MD5.
type oldStore struct {
	mu    sync.Mutex
	parts map[string][]byte // MD5s
	seen  []string          // what was refused
}

func (s *oldStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	for name := range r.Header {
		name = strings.ToLower(name)
		if r.Method != http.MethodHead && (strings.HasPrefix(name, "x-amz-checksum") || strings.HasPrefix(name, "x-amz-sdk-checksum") || name == "x-amz-trailer") {
			s.seen = append(s.seen, r.Method+" "+name)
			fail(http.StatusNotImplemented, "NotImplemented")
			return
		}
	}
	sum := md5.Sum(body)
	if strings.Contains(string(body), "<Checksum") {
		fail(http.StatusBadRequest, "InvalidRequest")
		return
	}
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPost:
		h := md5.New()
		for i := range len(s.parts) {
			_, _ = h.Write(s.parts[fmt.Sprint(i+1)])
		}
		_, _ = fmt.Fprintf(w, "<CompleteMultipartUploadResult><ETag>&quot;%x-%d&quot;</ETag></CompleteMultipartUploadResult>", h.Sum(nil), len(s.parts))
	case r.Method == http.MethodPut:
		if r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) {
			fail(http.StatusBadRequest, "BadDigest")
			return
		}
		if query.Has("partNumber") {
			s.parts[query.Get("partNumber")] = sum[:]
		}
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	default:
		fail(http.StatusNotFound, "NotFound")
	}
}

// What is sent once more is really without a checksum, by either client.
func TestWeakerOverHTTP(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, size := range []int{1000, large} {
			t.Run(fmt.Sprintf("SDK %v, %d bytes", sdk, size), func(t *testing.T) {
				old := &oldStore{parts: map[string][]byte{}}
				server := httptest.NewServer(old)
				defer server.Close()
				r, told := sumRig(t, checksum.ByCRC64NVME, checks{})
				r.Client = httpClient(t, server.URL, sdk)
				b := content(size)
				path := r.file(t, b)
				for range 2 {
					res, err := r.Transfer.Upload(t.Context(), path, Object{Bucket: "b", Key: "k"})
					if err != nil || res.By != checksum.ByMD5 || res.Sum != wantSum(checksum.ByMD5, b) {
						t.Errorf("%+v, %v", res, err)
					}
				}
				if len(told.said) != 1 || len(old.seen) != 1 {
					t.Errorf("told %q; refused %q", told.said, old.seen)
				}
				r.clean(t)
			})
		}
	}
}

// What is known is known of a place alone, and is told of once.
func TestWeaker(t *testing.T) {
	var w weaker
	no := apiError("PutObject", "NotImplemented")
	if w.by(checksum.ByCRC32, "b", inOne) != checksum.ByCRC32 || !w.mayBe(no, "b", inOne) {
		t.Error("nothing is known")
	}
	w.proven("b", inOne)
	w.proven("b", inOne)
	if w.mayBe(no, "b", inOne) || !w.mayBe(no, "b", inParts) || !w.mayBe(no, "c", inOne) || w.mayBe(nil, "c", inOne) {
		t.Error("b is proven, and nothing else is")
	}
	if w.set(place{"b", inOne}, true) || !w.set(place{"b", inParts}, true) || w.set(place{"b", inParts}, true) {
		t.Error("what is known stays")
	}
	w.proven("b", inParts)
	if w.by(checksum.ByCRC32, "b", inParts) != checksum.ByMD5 || w.by(checksum.ByCRC32, "b", inOne) != checksum.ByCRC32 {
		t.Error("parts go without, and nothing else does")
	}
	if !w.mayBe(no, "b", inParts) {
		t.Error("one that was sent before may still be refused")
	}
	for _, code := range []string{"AccessDenied", "BadDigest", "XAmzContentChecksumMismatch", "SlowDown", "NoSuchBucket", ""} {
		if w.mayBe(apiError("PutObject", code), "c", inOne) {
			t.Errorf("%s is no refusal of a checksum", code)
		}
	}
	if !w.once("a") || w.once("a") || !w.once("b") {
		t.Error("once is not once")
	}
	if n := testing.AllocsPerRun(100, func() { w.by(checksum.ByCRC32, "b", inOne); w.proven("b", inOne) }); n > 0 {
		t.Errorf("%v pieces of memory for each small object", n)
	}
}
