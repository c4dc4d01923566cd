package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// served over http by either client: what is verified, and what is refused.
func TestOverHTTP(t *testing.T) {
	whole := content(large)
	for _, c := range []struct {
		name   string
		size   int
		fails  error // in the chain, where text is not enough to tell
		text   string
		answer func(w http.ResponseWriter, r *http.Request, b []byte) bool // false: as it should be
	}{
		{name: "small", size: 1000},
		{name: "empty", size: 0},
		{name: "large", size: large},
		{name: "damaged", size: large, fails: ErrChecksum, text: "s3://b/k", answer: func(w http.ResponseWriter, r *http.Request, b []byte) bool {
			b = bytes.Clone(b)
			b[MinPartSize+77] ^= 1
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
			return true
		}},
		{name: "whole instead of a range", size: large, text: "Content-Range", answer: func(w http.ResponseWriter, _ *http.Request, b []byte) bool {
			_, _ = w.Write(b)
			return true
		}},
		{name: "another range", size: large, text: "Content-Range", answer: func(w http.ResponseWriter, r *http.Request, b []byte) bool {
			r.Header.Set("Range", "bytes=0-99")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
			return true
		}},
		{name: "longer than it says", size: large, text: errTooLong.Error(), answer: func(w http.ResponseWriter, r *http.Request, b []byte) bool {
			var from, to int
			if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil {
				return false
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, len(b)))
			w.WriteHeader(http.StatusPartialContent) // without a length: in chunks
			_, _ = w.Write(b[from : to+1])
			_, _ = io.WriteString(w, "x")
			return true
		}},
		{name: "replaced", size: large, fails: ErrChanged, text: "s3://b/k", answer: func(w http.ResponseWriter, r *http.Request, b []byte) bool {
			w.Header().Set("ETag", `"another"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
			return true
		}},
	} {
		for _, sdk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, SDK %v", c.name, sdk), func(t *testing.T) {
				b := whole[:c.size]
				tag := etag(b)
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("ETag", `"`+tag+`"`)
					if r.Method == http.MethodGet && c.answer != nil && c.answer(w, r, b) {
						return
					}
					if r.Header.Get("Range") == "" && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
						w.Header().Set("X-Amz-Checksum-Crc64nvme", checksum.Of(b).String())
						w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
					}
					http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(b))
				}))
				defer server.Close()
				r := newRig(t, 16<<20)
				r.Client = httpClient(t, server.URL, sdk)
				_, err := r.Download(t.Context(), Object{Bucket: "b", Key: "k", Size: int64(c.size), ETag: tag}, r.root, "f")
				if c.answer == nil {
					if got, rerr := os.ReadFile(filepath.Join(r.dir, "f")); err != nil || rerr != nil || !bytes.Equal(got, b) {
						t.Errorf("%d bytes of %d: %v, %v", len(got), len(b), err, rerr)
					}
					if r.verified.Load() != 1 {
						t.Error("it was not verified")
					}
				} else {
					if err == nil || c.fails != nil && !errors.Is(err, c.fails) || !strings.Contains(err.Error(), c.text) {
						t.Errorf("got %v", err)
					}
					r.kept(t)
				}
				r.clean(t)
			})
		}
	}
}

// A small body that breaks off, or is damaged, the first time.
func TestOverHTTPOnceBad(t *testing.T) {
	b := content(1000)
	for _, sdk := range []bool{false, true} {
		for _, short := range []bool{false, true} {
			var n atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Checksum-Crc64nvme", checksum.Of(b).String())
				w.Header().Set("Content-Length", strconv.Itoa(len(b)))
				send := b
				if n.Add(1) == 1 {
					send = bytes.Clone(b)
					send[999] ^= 1
					if short {
						send = send[:500]
					}
				}
				_, _ = w.Write(send) // net/http cuts the connection where it is less than was said
			}))
			r := newRig(t, 16<<20)
			r.Client = httpClient(t, server.URL, sdk)
			_, err := r.Download(t.Context(), Object{Bucket: "b", Key: "k", Size: 1000}, r.root, "f")
			if got, _ := os.ReadFile(filepath.Join(r.dir, "f")); err != nil || !bytes.Equal(got, b) || r.verified.Load() != 1 || r.retries.Load() != 1 {
				t.Errorf("SDK %v, short %v: %v, %d verified, %d retries", sdk, short, err, r.verified.Load(), r.retries.Load())
			}
			r.clean(t)
			server.Close()
		}
	}
}

func httpClient(t *testing.T, url string, sdk bool) wire.Objects {
	t.Helper()
	c, err := wire.New(t.Context(), wire.Options{EndpointURL: url, Region: "us-east-1", AccessKeyID: "id", SecretAccessKey: "secret", SDK: sdk})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}
