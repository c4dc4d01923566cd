package s3xml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// What encoding/xml makes of the same documents.
type plainObjects struct {
	XMLName               xml.Name
	EncodingType          string
	IsTruncated           string
	NextContinuationToken string
	Contents              []plainEntry
	CommonPrefixes        []struct{ Prefix []string }
}

type plainVersions struct {
	XMLName             xml.Name
	EncodingType        string
	IsTruncated         string
	NextKeyMarker       string
	NextVersionIDMarker string `xml:"NextVersionIdMarker"`
	CommonPrefixes      []struct{ Prefix []string }
	Items               []plainEntry `xml:",any"` // versions and markers as they stand
}

type plainEntry struct {
	XMLName      xml.Name
	Key          string
	LastModified *string
	ETag         string
	Size         string
	StorageClass string
	VersionID    string `xml:"VersionId"`
	IsLatest     string
}

// unmarshal is xml.Unmarshal, and reads what stands behind the root element.
func unmarshal(b []byte, into any) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return err
	}
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// oracle reads a listing with encoding/xml, in the shortest way.
func oracle(b []byte, versions bool) (page bucket.Page, err error) {
	var o plainObjects
	var v plainVersions
	if versions {
		err = unmarshal(b, &v)
		o = plainObjects{
			XMLName: v.XMLName, EncodingType: v.EncodingType, IsTruncated: v.IsTruncated,
			NextContinuationToken: v.NextKeyMarker, CommonPrefixes: v.CommonPrefixes,
		}
		for _, e := range v.Items {
			if e.XMLName.Local == "Version" || e.XMLName.Local == "DeleteMarker" {
				o.Contents = append(o.Contents, e)
			}
		}
	} else {
		err = unmarshal(b, &o)
	}
	if err != nil {
		return page, err
	}
	trim := func(s string) string { return strings.Trim(s, " \t\r\n") }
	decode := func(s string) string { return s }
	if trim(o.EncodingType) == "url" {
		decode = func(s string) string {
			k, bad := url.QueryUnescape(s)
			if bad != nil {
				err = bad
			}
			return k
		}
	}
	for _, c := range o.Contents {
		e := walker.Entry{
			Key: decode(c.Key), ETag: strings.Trim(c.ETag, `"`), StorageClass: trim(c.StorageClass),
			Latest: true, DeleteMarker: c.XMLName.Local == "DeleteMarker",
		}
		if versions {
			e.VersionID, e.Latest = c.VersionID, yes(trim(c.IsLatest))
		}
		if !e.DeleteMarker || c.Size != "" {
			n, ok := new(big.Int).SetString(trim(c.Size), 10)
			if !ok || !n.IsInt64() || n.Sign() < 0 {
				return page, fmt.Errorf("size %q", c.Size)
			}
			e.Size = n.Int64()
		}
		if c.LastModified != nil {
			t, err := time.Parse(time.RFC3339, trim(*c.LastModified))
			if err != nil {
				return page, err
			}
			e.ModTime = t.UTC()
		}
		page.Entries = append(page.Entries, e)
	}
	for _, c := range o.CommonPrefixes {
		for _, s := range c.Prefix {
			page.Prefixes = append(page.Prefixes, decode(s))
		}
	}
	if yes(trim(o.IsTruncated)) {
		page.Next, page.NextVersion = o.NextContinuationToken, v.NextVersionIDMarker
		if versions {
			page.Next = decode(page.Next)
		}
	}
	return page, err
}

func yes(s string) bool { return strings.EqualFold(s, "true") || s == "1" }

// stricter are the reasons to refuse what encoding/xml takes, as their messages
// have them.
func stricter() []string {
	return []string{
		// XML says so, encoding/xml does not look.
		"text outside of the document's element",
		"more than one element at the top",
		"an XML declaration that is not at the beginning",
		"not XML 1.0 in UTF-8",
		"no space before an attribute",
		"a declaration, which no answer of S3 has", // DOCTYPE; CDATA outside of the root
		"a character that XML does not allow",      // in comments and instructions
		"no entity that XML knows",                 // &#xD800;
		"no name that S3 would send",               // not ASCII; an odd colon
		// What S3 does not send, and what would be lost or guessed.
		"elements nest deeper than",
		"text where elements belong",
		"an element inside",
		"more than one <",
		"the answer is a <",
		"an error inside an answer of status 200",
		"in a listing of",
		"an <EncodingType> that S3 does not have",
		"is neither true nor false",
		"an entry without a <Key>", "has no <Size>", "has no <VersionId>", "has no <IsLatest>",
		"is no size", // empty, of a delete marker
		"an empty <Prefix>", "<CommonPrefixes> without a <Prefix>",
		"and not where to go on", "and not whether there is more",
		"an <Error> without a <Key>",
	}
}

// explained fails where err is no reason to refuse what encoding/xml takes.
func explained(t *testing.T, b []byte, err error) {
	t.Helper()
	if !slices.ContainsFunc(stricter(), func(s string) bool { return strings.Contains(err.Error(), s) }) {
		t.Fatalf("%q: encoding/xml takes it: %v", b, err)
	}
}

func compareLists(t *testing.T, b []byte, versions bool) {
	t.Helper()
	parse := s3xml.ListObjects
	if versions {
		parse = s3xml.ListVersions
	}
	// A used page: every field must be set anew.
	page := bucket.Page{Next: "old", NextVersion: "old", Prefixes: []string{"old"}}
	for range 4 {
		page.Entries = append(page.Entries, walker.Entry{
			Key: "old", Size: -1, ModTime: time.Unix(1, 1), ETag: "old", StorageClass: "old",
			VersionID: "old", Latest: versions, DeleteMarker: true, CommonPrefix: true,
		})
	}
	before := bytes.Clone(b)
	err := parse(b, &page)
	if !bytes.Equal(before, b) {
		t.Fatalf("%q: the document was written to", b)
	}
	want, plainErr := oracle(b, versions)
	if err != nil {
		if len(page.Entries)+len(page.Prefixes)+len(page.Next)+len(page.NextVersion) > 0 {
			t.Fatalf("%q: %v, and a page: %+v", b, err, page)
		}
		if plainErr == nil {
			explained(t, b, err)
		}
		return
	}
	if plainErr != nil {
		t.Fatalf("%q: taken, encoding/xml says: %v", b, plainErr)
	}
	if !slices.Equal(page.Entries, want.Entries) || !slices.Equal(page.Prefixes, want.Prefixes) ||
		page.Next != want.Next || page.NextVersion != want.NextVersion {
		t.Fatalf("%q:\ngot  %+v\nwant %+v", b, page, want)
	}
}

func FuzzListObjects(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { compareLists(t, b, false) })
}

func FuzzListVersions(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { compareLists(t, b, true) })
}

func FuzzError(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	type fields struct {
		Code, Message    string
		RequestIDs       []idElement `xml:",any"`
		HostID           string      `xml:"HostId"`
		Region, Endpoint string
		BucketName       string
	}
	type outer struct {
		XMLName xml.Name
		fields
		Errors []fields `xml:"Error"`
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, ok, err := s3xml.Error(b)
		var o outer
		plainErr := unmarshal(b, &o)
		if !ok || err != nil {
			var syntax *xml.SyntaxError
			if err == nil && errors.As(plainErr, &syntax) {
				return // another document, not read to its end
			}
			if plainErr == nil && err != nil {
				explained(t, b, err)
			}
			if plainErr == nil && err == nil && (o.XMLName.Local == "Error" || o.XMLName.Local == "ErrorResponse") && bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")) {
				t.Fatalf("%q: not seen as an error", b)
			}
			return
		}
		if plainErr != nil {
			t.Fatalf("%q: taken, encoding/xml says: %v", b, plainErr)
		}
		if o.XMLName.Local == "ErrorResponse" {
			return // the fields of two levels in the order of the document: see TestError
		}
		trim := func(s string) string { return strings.Trim(s, " \t\r\n") }
		id := ""
		for _, r := range o.RequestIDs {
			if r.XMLName.Local == "RequestId" || r.XMLName.Local == "RequestID" {
				id = r.Text
			}
		}
		want := s3xml.ErrorDocument{
			Code: trim(o.Code), Message: trim(o.Message), RequestID: trim(id), HostID: trim(o.HostID),
			Region: trim(o.Region), Endpoint: trim(o.Endpoint), BucketName: trim(o.BucketName),
		}
		if doc != want {
			t.Fatalf("%q:\ngot  %+v\nwant %+v", b, doc, want)
		}
	})
}

type idElement struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

func FuzzDeleteResult(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s))
	}
	type failure struct {
		Key           string
		VersionID     string `xml:"VersionId"`
		Code, Message string
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []failure
		deleted, err := s3xml.DeleteResult(b, func(key, version, code, message string) {
			got = append(got, failure{key, version, code, message})
		})
		var o struct {
			XMLName xml.Name
			Deleted []struct{}
			Error   []failure
		}
		plainErr := unmarshal(b, &o)
		if err != nil {
			if deleted != 0 || got != nil {
				t.Fatalf("%q: %v, and %d deleted, failed: %q", b, err, deleted, got)
			}
			if plainErr == nil {
				explained(t, b, err)
			}
			return
		}
		if plainErr != nil {
			t.Fatalf("%q: taken, encoding/xml says: %v", b, plainErr)
		}
		for i := range o.Error {
			o.Error[i].Code = strings.Trim(o.Error[i].Code, " \t\r\n")
			o.Error[i].Message = strings.Trim(o.Error[i].Message, " \t\r\n")
		}
		if deleted != len(o.Deleted) || !slices.Equal(got, o.Error) {
			t.Fatalf("%q: %d deleted, failed %q; want %d, %q", b, deleted, got, len(o.Deleted), o.Error)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{
		"bytes 0-8388607/2147483648", "bytes 0-0/1", "BYTES 5-9/10", "bytes */123", "bytes 0-9/*", "bytes */*", "",
		"bytes 1-0/2", "bytes 0-10/10", "bytes  0-1/2", "bytes 0-1/2 ", "bytes=0-1/2", "bytes 0-1", "bytes -1/2", "bytes 0--1/2",
		"bytes +0-1/2", "bytes 0-9223372036854775806/9223372036854775807", "bytes 0-1/9223372036854775808",
		"bytes 18446744073709551616-18446744073709551617/18446744073709551620", "byte\u017f 0-1/2", "items 0-1/2", "bytes 00-01/002",
	} {
		f.Add(s)
	}
	shape := regexp.MustCompile(`^(?i:[b][y][t][e])[sS] ([0-9]+)-([0-9]+)/([0-9]+)$`)
	f.Fuzz(func(t *testing.T, h string) {
		from, to, size, err := s3xml.ContentRange(h)
		var n [3]*big.Int
		m := shape.FindStringSubmatch(h)
		ok := m != nil && !strings.HasSuffix(h, "\n")
		if ok {
			for i := range n {
				n[i], _ = new(big.Int).SetString(m[i+1], 10)
				ok = ok && n[i].IsInt64()
			}
			ok = ok && n[0].Cmp(n[1]) <= 0 && n[1].Cmp(n[2]) < 0
		}
		switch {
		case ok != (err == nil):
			t.Fatalf("%q: %d-%d/%d, %v", h, from, to, size, err)
		case ok && (n[0].Int64() != from || n[1].Int64() != to || n[2].Int64() != size):
			t.Fatalf("%q: %d-%d/%d", h, from, to, size)
		case !ok && (from != 0 || to != 0 || size != 0):
			t.Fatalf("%q: %v, and %d-%d/%d", h, err, from, to, size)
		}
	})
}

func FuzzAppendDelete(f *testing.F) {
	for _, s := range []string{"a", "a/b c+d%20", "<&>\"'", "\r\n\t", " ", "]]>", "\x00", "\x1f", "\x7f\u0085\u2028", "\ufffe", "\uffff", "\ufffd", "not\xff", "half\xc3", "\xed\xa0\x80", "é€😀", ""} {
		f.Add(s, "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")
		f.Add("a", s)
	}
	f.Fuzz(func(t *testing.T, key, version string) {
		ids := [][2]string{{"first", ""}, {key, version}, {"last", "null"}}
		head := []byte("head")
		out, err := s3xml.AppendDelete(head, len(ids), func(i int) (string, string, string) { return ids[i][0], ids[i][1], ids[i][1] })
		if err != nil {
			bad, ok := errors.AsType[*s3xml.KeyError](err)
			if !ok || bad.Index != 1 || bad.Text != key && bad.Text != version || string(out) != "head" {
				t.Fatalf("%q: %v", out, err)
			}
			// What the writer refuses, encoding/xml does not read either.
			if plain := readBack(t, "<a>"+strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(bad.Text)+"</a>"); plain {
				t.Fatalf("%q is refused, and could be sent", bad.Text)
			}
			return
		}
		if !s3xml.CanCarry(key) || !s3xml.CanCarry(version) {
			t.Fatalf("%q is written, and CanCarry says no", out)
		}
		var got struct {
			XMLName xml.Name `xml:"Delete"`
			Quiet   bool
			Object  []struct {
				Key       string
				VersionID string `xml:"VersionId"`
				ETag      string
			}
		}
		if err := unmarshal(out[len(head):], &got); err != nil || !got.Quiet || len(got.Object) != len(ids) {
			t.Fatalf("%q: %v, %+v", out, err, got)
		}
		for i, o := range got.Object {
			etag := ids[i][1]
			if etag != "" {
				etag = `"` + etag + `"`
			}
			if o.Key != ids[i][0] || o.VersionID != ids[i][1] || o.ETag != etag {
				t.Fatalf("%q became %+v", ids[i], o)
			}
		}
	})
}

func readBack(t *testing.T, doc string) bool {
	t.Helper()
	var s string
	return unmarshal([]byte(doc), &s) == nil
}
