package s3xml_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
	"github.com/s3haul/s3haul/walker/bucket"
)

func TestError(t *testing.T) {
	for what, c := range map[string]struct {
		doc  string
		want s3xml.ErrorDocument
	}{
		"as S3 sends it": {sampleError, s3xml.ErrorDocument{
			Code: "PermanentRedirect", Message: "The bucket you are attempting to access must be addressed using the specified endpoint.",
			RequestID: "4442587FB7D0A2F9", HostID: "host+id=", Region: "eu-west-1", Endpoint: "holiday.s3.eu-west-1.amazonaws.com", BucketName: "holiday",
		}},
		"wrapped":        {sampleWrapped, s3xml.ErrorDocument{Code: "SlowDown", Message: "later", RequestID: "r1"}},
		"with namespace": {`<e:Error xmlns:e="u"><e:Code> A </e:Code></e:Error>`, s3xml.ErrorDocument{Code: "A"}},
		"RequestID":      {"<Error><RequestID>r</RequestID></Error>", s3xml.ErrorDocument{RequestID: "r"}},
		"bare":           {"\n<Error/>", s3xml.ErrorDocument{}},
		"with BOM":       {"\xef\xbb\xbf<Error><Code>A</Code></Error>", s3xml.ErrorDocument{Code: "A"}},
		"an error in an error": {
			"<Error><Code>A</Code><Error><Code>B</Code></Error></Error>", s3xml.ErrorDocument{Code: "A"},
		},
		"more than is asked for": {
			"<Error><Code>A</Code><Details><Code>B</Code></Details></Error>", s3xml.ErrorDocument{Code: "A"},
		},
	} {
		if doc, ok, err := s3xml.Error([]byte(c.doc)); doc != c.want || !ok || err != nil {
			t.Errorf("%s: %+v, %v, %v", what, doc, ok, err)
		}
	}
	for _, none := range []string{"", " \n", "Bad Gateway", "\xef\xbb\xbf", "{}", "<html>", sample, "<a><Error/></a>"} {
		if doc, ok, err := s3xml.Error([]byte(none)); ok || err != nil || doc != (s3xml.ErrorDocument{}) {
			t.Errorf("%q: %+v, %v, %v", none, doc, ok, err)
		}
	}
	// What is broken behind its code still has it.
	doc, ok, err := s3xml.Error([]byte("<Error><Code>SlowDown</Code><Message>a&b;</Message></Error>"))
	if doc.Code != "SlowDown" || doc.Message != "" || !ok || err == nil {
		t.Errorf("%+v, %v, %v", doc, ok, err)
	}
	if _, ok, err := s3xml.Error([]byte("<!DOCTYPE html><html>")); ok || err == nil || !strings.Contains(err.Error(), "DOCTYPE") {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestErrorInsteadOfAnAnswer(t *testing.T) {
	var page bucket.Page
	for _, doc := range []string{sampleError, sampleWrapped} {
		want, _, _ := s3xml.Error([]byte(doc))
		_, deleteErr := s3xml.DeleteResult([]byte(doc), func(_, _, _, _ string) { t.Error("called") })
		for _, err := range []error{s3xml.ListObjects([]byte(doc), &page), s3xml.ListVersions([]byte(doc), &page), deleteErr} {
			e, ok := errors.AsType[*s3xml.InsteadError](err)
			if !ok || e.ErrorDocument != want || !strings.Contains(err.Error(), want.Code) || !strings.Contains(err.Error(), want.RequestID) {
				t.Errorf("%v", err)
			}
		}
	}
	// A message of megabytes is none.
	if err := s3xml.ListObjects([]byte("<Error><Message>"+strings.Repeat("m", 1<<20)+"</Message></Error>"), &page); len(err.Error()) > 1000 {
		t.Errorf("a message of %d bytes", len(err.Error()))
	}
}

func TestDeleteResult(t *testing.T) {
	var got []string
	deleted, err := s3xml.DeleteResult([]byte(sampleDeleted), func(key, version, code, message string) {
		got = append(got, key, version, code, message)
	})
	if err != nil || deleted != 1 || !slices.Equal(got, []string{"sample2.txt", "v&1", "AccessDenied", "Access Denied"}) {
		t.Errorf("%d, %q, %v", deleted, got, err)
	}
	never := func(_, _, _, _ string) { t.Error("called") }
	if n, err := s3xml.DeleteResult([]byte("<DeleteResult/>"), never); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for want, doc := range map[string]string{
		"without a <Key>: InternalError": "<DeleteResult><Error><Key>a</Key></Error><Error><Code>InternalError</Code></Error></DeleteResult>",
		"the answer is a <DeleteMarker>": "<DeleteMarker/>",
		"no entity":                      "<DeleteResult><New>&a;</New></DeleteResult>",
		"more than one <Key>":            "<DeleteResult><Error><Key>a</Key><Key>b</Key></Error></DeleteResult>",
		"unexpected EOF":                 "",
	} {
		if n, err := s3xml.DeleteResult([]byte(doc), never); n != 0 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d, %v", doc, n, err)
		}
	}
}

func TestAppendDelete(t *testing.T) {
	ids := [][3]string{{"a/b <&> \"c'", "", ""}, {"\r\n\t ", "v&1", ""}, {"c", "v", "0a-2"}, {"d", "", "<1>"}}
	got, err := s3xml.AppendDelete(nil, len(ids), func(i int) (string, string, string) { return ids[i][0], ids[i][1], ids[i][2] })
	const want = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>` +
		`<Object><Key>a/b &lt;&amp;&gt; "c'</Key></Object><Object><Key>&#13;&#10;&#9; </Key><VersionId>v&amp;1</VersionId></Object>` +
		`<Object><Key>c</Key><VersionId>v</VersionId><ETag>"0a-2"</ETag></Object><Object><Key>d</Key><ETag>"&lt;1&gt;"</ETag></Object></Delete>`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	for _, key := range []string{"\x00", "a\x1f", "\x0b", "\ufffe", "\uffff", "not\xffutf8", "half\xc3", "\xed\xa0\x80"} {
		_, err := s3xml.AppendDelete(nil, 1, func(int) (string, string, string) { return key, "", "" })
		if _, eerr := s3xml.AppendDelete(nil, 1, func(int) (string, string, string) { return "k", "", key }); eerr == nil {
			t.Errorf("%q is taken for an ETag", key)
		}
		if e, ok := errors.AsType[*s3xml.KeyError](err); !ok || e.Text != key || s3xml.CanCarry(key) || !strings.Contains(err.Error(), "object 0") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestContentRange(t *testing.T) {
	from, to, size, err := s3xml.ContentRange("bytes 0-8388607/2147483648")
	if from != 0 || to != 8388607 || size != 2147483648 || err != nil {
		t.Errorf("%d-%d/%d, %v", from, to, size, err)
	}
	for h, want := range map[string]string{
		"bytes */123":                    "no range was sent",
		"bytes 0-9/*":                    "size of the whole is not known",
		"":                               "not a range of bytes",
		"items 0-1/2":                    "not a range of bytes",
		"byte\u017f 0-1/2":               "not a range of bytes",
		"bytes 0-1":                      "no size of the whole",
		"bytes 7/9":                      "no range",
		"bytes 1-0/2":                    "ends before it begins",
		"bytes 0-2/2":                    "behind the end",
		"bytes  0-1/2":                   "not a number",
		"bytes 0-1/2 ":                   "not a number",
		"bytes 0-1/2, bytes 3-4/5":       "not a number",
		"bytes +0-1/2":                   "not a number",
		"bytes 0-1/99999999999999999999": "not a number, or too large",
	} {
		if _, _, _, err := s3xml.ContentRange(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", h, err, want)
		}
	}
}
