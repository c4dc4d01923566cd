package wire_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/walker/bucket"
)

// Versions and delete markers come by key, the newest first, with either
// client, also where the store sends all markers last. Where it has them mixed,
// it knows better than their times.
func TestListVersionsOrder(t *testing.T) {
	entry := func(kind, key, id, second, latest string) string {
		size := "<Size>1</Size><ETag>&quot;e&quot;</ETag>"
		if kind == "DeleteMarker" {
			size = ""
		}
		return fmt.Sprintf("<%s><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%s</IsLatest><LastModified>2026-01-02T03:04:%s.000Z</LastModified>%s</%s>",
			kind, key, id, latest, second, size, kind)
	}
	version := func(key, id, second, latest string) string { return entry("Version", key, id, second, latest) }
	marker := func(key, id, second, latest string) string { return entry("DeleteMarker", key, id, second, latest) }
	for _, q := range []struct {
		what   string
		answer []string
		want   string
		sdk    bool // the SDK keeps the order too
	}{
		{"as S3 sends them", []string{marker("a", "3", "30", "true"), version("a", "2", "20", "false"), version("b", "1", "10", "true")}, "a3- a2 b1", true},
		{"markers last", []string{version("a", "2", "20", "false"), version("a", "0", "05", "false"), version("b", "1", "10", "true"), marker("a", "3", "30", "true"), marker("a", "1", "10", "false"), marker("c", "9", "10", "true")}, "a3- a2 a1- a0 b1 c9-", true},
		{"one second, the marker hides", []string{version("a", "1", "10", "false"), marker("a", "2", "10", "true")}, "a2- a1", true},
		{"one second, the version is seen", []string{version("a", "2", "10", "true"), marker("a", "1", "10", "false")}, "a2 a1-", true},
		{"markers alone", []string{marker("a", "2", "10", "true"), marker("a", "1", "20", "false")}, "a2- a1-", true},
		{"an upload in parts has the time when it began", []string{version("a", "4", "40", "true"), marker("a", "3", "10", "false"), version("a", "2", "20", "false")}, "a4 a3- a2", false},
	} {
		f := newFake(t, says(http.StatusOK, "%s", "<ListVersionsResult><EncodingType>url</EncodingType>"+strings.Join(q.answer, "")+"</ListVersionsResult>")).plain()
		for _, sdk := range []bool{false, true} {
			o := f.options()
			o.SDK = sdk
			var page bucket.Page
			must(t, newClient(t, o).ListVersions(t.Context(), bucket.VersionsRequest{Bucket: "b"}, &page))
			var got []string
			for _, e := range page.Entries {
				name := e.Key + e.VersionID
				if e.DeleteMarker {
					name += "-"
				}
				got = append(got, name)
			}
			if text := strings.Join(got, " "); text != q.want && (!sdk || q.sdk) {
				t.Errorf("%s, sdk %v: %s, want %s", q.what, sdk, text, q.want)
			}
		}
	}
}

// Markers go with their request, and a page says where the next one begins.
func TestListVersionsPages(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("key-marker") == "" {
				says(http.StatusOK, "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"+
					"<NextKeyMarker>a+b%%2Fc</NextKeyMarker><NextVersionIdMarker>v%%2F1</NextVersionIdMarker></ListVersionsResult>")(w, r)
				return
			}
			says(http.StatusOK, "<ListVersionsResult><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListVersionsResult>")(w, r)
		}).plain()
		o := f.options()
		o.SDK = sdk
		c := newClient(t, o)
		var page bucket.Page
		req := bucket.VersionsRequest{Bucket: "b", Prefix: "p+", Delimiter: "/", MaxKeys: 7, RequestPayer: true}
		must(t, c.ListVersions(t.Context(), req, &page))
		if page.Next != "a b/c" || page.NextVersion != "v%2F1" {
			t.Errorf("sdk %v: %+v", sdk, page)
		}
		req.KeyMarker, req.VersionIDMarker = page.Next, page.NextVersion
		must(t, c.ListVersions(t.Context(), req, &page))
		if page.Next != "" || page.NextVersion != "" || !slices.Equal(page.Prefixes, []string{"p/"}) {
			t.Errorf("sdk %v: %+v", sdk, page)
		}
		for i, r := range f.requests() {
			q := r.URL.Query()
			if !q.Has("versions") || q.Get("prefix") != "p+" || q.Get("delimiter") != "/" || q.Get("max-keys") != "7" ||
				q.Get("encoding-type") != "url" || r.Header.Get("X-Amz-Request-Payer") != "requester" {
				t.Errorf("sdk %v: asked with %v", sdk, q)
			}
			if i == 1 && (q.Get("key-marker") != "a b/c" || q.Get("version-id-marker") != "v%2F1") {
				t.Errorf("sdk %v: went on with %v", sdk, q)
			}
		}
		// A page that cannot be gone on from is no end.
		for answer, words := range map[string]string{
			"<IsTruncated>true</IsTruncated>": "not where to go on",
			"<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>": "again and again",
		} {
			f := newFake(t, says(http.StatusOK, "<ListVersionsResult>%s</ListVersionsResult>", answer)).plain()
			o := f.options()
			o.SDK = sdk
			err := newClient(t, o).ListVersions(t.Context(), bucket.VersionsRequest{Bucket: "b", KeyMarker: "k", VersionIDMarker: "v"}, &page)
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("sdk %v: %s: %v", sdk, answer, err)
			}
		}
	}
}
