package s3sim

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/s3haul/s3haul/engine/checksum"
)

// sink is an answer that nobody reads.
type sink struct {
	header http.Header
	status int
	n      int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { s.n += int64(len(b)); return len(b), nil }

// The server's own work for one request, without net/http's.
func BenchmarkServe(b *testing.B) {
	s, err := New(Options{Synthetic: []Synthetic{
		{Bucket: "dirs", Layout: LayoutDirs, Count: 1_000_000, Size: 4096},
		{Bucket: "dates", Layout: LayoutDates, Count: 1_000_000, Size: 4096},
		{Bucket: "hex", Layout: LayoutHex, Count: 1_000_000, Size: 4096},
		{Bucket: "versions", Layout: LayoutFlat, Count: 1_000_000, Versions: 3, Size: 4096},
	}})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.AddBucket("bucket", ""); err != nil {
		b.Fatal(err)
	}
	for i := range 2000 {
		s.buckets["bucket"].insert(fmt.Sprintf("kept/file-%06d", i), &version{kept: true, alg: algCRC64NVME, etag: "0123456789abcdef0123456789abcdef"})
	}
	small, large := make([]byte, 4096), make([]byte, 8<<20)
	_, _ = s.content.ReadAt(large, 0) // never fails
	get := http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}
	for _, bench := range []struct {
		name, method, target string
		body                 []byte
		header               http.Header
	}{
		{"Put4KiB", http.MethodPut, "/bucket/some/key-000001?x-id=PutObject", small, http.Header{"Content-Type": {"text/plain"}, "X-Amz-Checksum-Crc64nvme": {checksum.Of(small).String()}}},
		{"Put8MiB", http.MethodPut, "/bucket/some/key-000002", large, http.Header{"X-Amz-Checksum-Crc64nvme": {checksum.Of(large).String()}}},
		{"Get4KiB", http.MethodGet, "/bucket/some/key-000001?x-id=GetObject", nil, get},
		{"GetRange8MiB", http.MethodGet, "/bucket/some/key-000002", nil, http.Header{"Range": {"bytes=0-8388607"}}},
		{"GetSynthetic", http.MethodGet, "/dirs/dir-000500/file-000500.bin", nil, get},
		{"Head", http.MethodHead, "/bucket/some/key-000002", nil, get},
		{"List1000", http.MethodGet, "/bucket?list-type=2&encoding-type=url", nil, nil},
		{"ListDirs1000", http.MethodGet, "/dirs?list-type=2&encoding-type=url&start-after=dir-000500", nil, nil},
		{"ListDates1000", http.MethodGet, "/dates?list-type=2&encoding-type=url&start-after=2025", nil, nil},
		{"ListHex1000", http.MethodGet, "/hex?list-type=2&encoding-type=url&start-after=80", nil, nil},
		{"ListDelimiter1000", http.MethodGet, "/dirs?list-type=2&encoding-type=url&delimiter=/", nil, nil},
		{"ListVersions1000", http.MethodGet, "/versions?versions&encoding-type=url&key-marker=object-0005", nil, nil},
	} {
		b.Run(bench.name, func(b *testing.B) {
			u, err := url.ParseRequestURI(bench.target)
			if err != nil {
				b.Fatal(err)
			}
			w := &sink{header: http.Header{}}
			body := bytes.NewReader(bench.body)
			r := httptest.NewRequest(bench.method, bench.target, http.NoBody)
			r.URL, r.ContentLength = u, int64(len(bench.body))
			if bench.header != nil {
				r.Header = bench.header
			}
			b.SetBytes(int64(len(bench.body)))
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(bench.body)
				r.Body = io.NopCloser(body)
				clear(w.header)
				s.ServeHTTP(w, r)
			}
			if w.status/100 != 2 {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}

// A purge: pages of versions, each followed by its deletion.
func BenchmarkPurge(b *testing.B) {
	const keys, versions = 3_000_000, 3
	for _, layout := range []Layout{LayoutFlat, LayoutDates} {
		b.Run(string(layout), func(b *testing.B) {
			made := func() (*Server, *bucket) {
				s, err := New(Options{Synthetic: []Synthetic{{Bucket: "versions", Layout: layout, Count: keys, Versions: versions}}})
				if err != nil {
					b.Fatal(err)
				}
				return s, s.buckets["versions"]
			}
			s, bucket := made()
			w := &sink{header: http.Header{}}
			at := 0 // of all versions
			b.ReportAllocs()
			for b.Loop() {
				if at+maxPage > keys*versions {
					s, bucket = made()
					at = 0
				}
				b.StopTimer()
				doc := deletion(bucket, at, maxPage)
				sum := md5.Sum(doc)
				r := httptest.NewRequest(http.MethodPost, "/versions?delete", bytes.NewReader(doc))
				r.Header = http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}
				clear(w.header)
				b.StartTimer()
				s.ServeHTTP(w, r)
				at += maxPage
				if w.status != http.StatusOK || bucket.goneCount != at {
					b.Fatalf("status %d, %d of %d are gone", w.status, bucket.goneCount, at)
				}
			}
		})
	}
	b.Run("ListBehind", func(b *testing.B) { // ten million that are gone
		s, err := New(Options{Synthetic: []Synthetic{{Bucket: "versions", Layout: LayoutFlat, Count: 10_001_000, Versions: 2}}})
		if err != nil {
			b.Fatal(err)
		}
		for i := range 10_000_000 {
			s.buckets["versions"].dropSynthetic(i, 0)
			s.buckets["versions"].dropSynthetic(i, 1)
		}
		r := httptest.NewRequest(http.MethodGet, "/versions?versions&encoding-type=url", http.NoBody)
		for b.Loop() {
			w := &sink{header: http.Header{}}
			s.ServeHTTP(w, r)
			if w.status != http.StatusOK || w.n < 100_000 {
				b.Fatalf("status %d, %d bytes", w.status, w.n)
			}
		}
	})
}

// deletion is the document that deletes n synthetic versions from one on.
func deletion(b *bucket, from, n int) []byte {
	doc := []byte("<Delete" + namespace + "><Quiet>true</Quiet>")
	for at := from; at < from+n; at++ {
		i, version := at/b.syntheticVersions(), at%b.syntheticVersions()
		v := b.syntheticVersion(i, version)
		doc = append(b.synthetic.AppendKey(append(doc, "<Object><Key>"...), i), "</Key><VersionId>"...)
		doc = append(appendVersionID(doc, v), "</VersionId></Object>"...)
	}
	return append(doc, "</Delete>"...)
}
