package s3sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What clients send is read without a tree.
func TestPlainBatch(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for doc, want := range map[string]string{
		// as the fast path of s3haul sends it, the SDK, and aws-cli
		`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet><Object><Key>a&amp;&#13;</Key></Object><Object><Key>b</Key><VersionId>v</VersionId></Object></Delete>`: `[{"a&\r" "" ""} {"b" "v" ""}] true`,
		`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>`:                                     `[{"a" "null" ""}] true`,
		head + `<Delete><Object><VersionId>v</VersionId><Key>a</Key><ETag>&quot;e&quot;</ETag></Object></Delete>`:                                                                          `[{"a" "v" "\"e\""}] false`,
	} {
		b, ok := plainBatch(doc)
		if got := fmt.Sprintf("%q %v", b.ids, b.quiet); !ok || got != want {
			t.Errorf("%s: %s, %v; want %s", doc, got, ok, want)
		}
	}
	many := "<Delete>" + strings.Repeat("<Object><Key>k</Key></Object>", maxPage) + "</Delete>"
	if b, err := readBatch([]byte(many)); err != nil || len(b.ids) != maxPage {
		t.Errorf("%d objects, %v", len(b.ids), err)
	}
	for _, bad := range []string{
		strings.Replace(many, "<Object>", "<Object><Key>k</Key></Object><Object>", 1), "<Delete></Delete>", "<Delete/>", "", "<Delete>",
		"<Delete><Object></Object></Delete>", "<Delete><Object><VersionId>v</VersionId></Object></Delete>",
		"<Delete><Object><Key>\x01</Key></Object></Delete>", "<Delete><Object><Key>\xff</Key></Object></Delete>", "<Delete><Object><Key>a</Key></Object></Delete>x",
		"<Deletes><Object><Key>a</Key></Object></Deletes>", "<Delete><Object><Key>a</Key></Delete>",
	} {
		if b, err := readBatch([]byte(bad)); err == nil {
			t.Errorf("%.100q is read as %q", bad, b.ids)
		}
	}
}

// Where the short way reads a document, it reads what the tree has.
func FuzzBatch(f *testing.F) {
	for _, doc := range []string{
		`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet><Object><Key>a&amp;&#13;</Key></Object></Delete>`,
		"<?xml version='1.0'?><Delete><Object><Key>a</Key><VersionId></VersionId><VersionId>v</VersionId></Object><Quiet>true</Quiet><Quiet>false</Quiet></Delete>",
		"<Delete><Object><Key></Key><ETag>e</ETag></Object><Object><Key>b\r\n\t</Key><Key>c</Key></Object></Delete>",
		"<?xml ?>\n<Delete><Object><Key>]]></Key></Object></Delete>",
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		b, ok := plainBatch(doc)
		if !ok {
			return
		}
		root, err := parseXML([]byte(doc), "Delete")
		if err != nil {
			t.Fatalf("%q is read as %q; by the tree: %v", doc, b.ids, err)
		}
		var want []batchID
		for i := range root.kids {
			if o := &root.kids[i]; o.name == "Object" {
				want = append(want, batchID{o.child("Key").text, o.child("VersionId").text, o.child("ETag").text})
			}
		}
		if !slices.Equal(b.ids, want) || b.quiet != (root.child("Quiet").text == "true") {
			t.Fatalf("%q is read as %q, %v; want %q", doc, b.ids, b.quiet, want)
		}
	})
}
