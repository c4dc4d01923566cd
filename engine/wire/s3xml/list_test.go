package s3xml_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// The samples of https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
// and API_ListObjectVersions.html, and what other stores make of them.
const (
	sample = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
    <Name>quotes</Name>
    <Prefix>E</Prefix>
    <StartAfter>ExampleGuide.pdf</StartAfter>
    <KeyCount>1</KeyCount>
    <MaxKeys>3</MaxKeys>
    <IsTruncated>false</IsTruncated>
    <Contents>
        <Key>ExampleObject.txt</Key>
        <LastModified>2013-09-17T18:07:53.000Z</LastModified>
        <ETag>"599bab3ed2c697f1d26842727561fd94"</ETag>
        <Size>857</Size>
        <StorageClass>REDUCED_REDUNDANCY</StorageClass>
    </Contents>
</ListBucketResult>
`
	sampleToken = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix></Prefix>` +
		`<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><KeyCount>1000</KeyCount>` +
		`<MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><Contents><Key>happyface.jpg</Key>` +
		`<LastModified>2014-11-21T19:40:05.000Z</LastModified><ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag>` +
		`<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>` +
		`<Size>11</Size><Owner><ID>75aa57f0</ID><DisplayName>a</DisplayName></Owner><StorageClass>STANDARD</StorageClass>` +
		`<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus></Contents></ListBucketResult>`
	samplePrefixes = `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>sample.jpg</Key><Size>0</Size></Contents>` +
		`<CommonPrefixes><Prefix>photos/2006/February/</Prefix></CommonPrefixes>` +
		`<CommonPrefixes><Prefix>photos%2F2006/+March/</Prefix></CommonPrefixes><EncodingType>url</EncodingType></ListBucketResult>`
	sampleVersions = `<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01">
    <Name>bucket</Name>
    <Prefix>my</Prefix>
    <KeyMarker/>
    <VersionIdMarker/>
    <NextKeyMarker>my+image.jpg</NextKeyMarker>
    <NextVersionIdMarker>03jpff543dhffds434rfdsFDN943fdsFkdmqnh892</NextVersionIdMarker>
    <MaxKeys>5</MaxKeys>
    <EncodingType>url</EncodingType>
    <IsTruncated>true</IsTruncated>
    <Version>
        <Key>my-image.jpg</Key>
        <VersionId>3/L4kqtJl40Nr8X8gdRQBpUMLUo+%20</VersionId>
        <IsLatest>true</IsLatest>
        <LastModified>2009-10-12T17:50:30.000Z</LastModified>
        <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag>
        <Size>434234</Size>
        <StorageClass>STANDARD</StorageClass>
        <Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner>
    </Version>
    <DeleteMarker>
        <Key>my-second-image.jpg</Key>
        <VersionId>null</VersionId>
        <IsLatest>false</IsLatest>
        <LastModified>2009-11-12T17:50:30.5Z</LastModified>
    </DeleteMarker>
    <Version><Key>my-third</Key><VersionId>QUpfdndhfd8438MNFDN93jdnJFkdmqnh893</VersionId><IsLatest>false</IsLatest><Size>7</Size></Version>
    <CommonPrefixes><Prefix>my/</Prefix></CommonPrefixes>
</ListVersionsResult>`
	sampleDeleted = `<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Deleted><Key>sample1.txt</Key></Deleted>
<Error><Key>sample2.txt</Key><VersionId>v&amp;1</VersionId><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>`
	sampleError = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed using the specified endpoint.</Message>` +
		`<Endpoint>holiday.s3.eu-west-1.amazonaws.com</Endpoint><Region>eu-west-1</Region><BucketName>holiday</BucketName>` +
		`<RequestId>4442587FB7D0A2F9</RequestId><HostId>host&#43;id=</HostId></Error>`
	sampleWrapped = `<ErrorResponse xmlns="https://s3.example.com/"><Error><Type>Sender</Type><Code>SlowDown</Code>` +
		`<Message>later</Message></Error><RequestId>r1</RequestId></ErrorResponse>`
)

func seeds() []string {
	all := []string{
		sample, sampleToken, samplePrefixes, sampleVersions, sampleDeleted, sampleError, sampleWrapped,
		"", "<", "\xef\xbb\xbf<Error/>", "<!DOCTYPE a><Error/>", "not XML", "<html><body>Bad Gateway</body></html>",
	}
	for _, c := range goodEntries() {
		all = append(all, object(c.xml))
	}
	for _, c := range badLists() {
		all = append(all, c.xml)
	}
	return all
}

// object is a listing of one object, out of its children.
func object(children string) string {
	return "<ListBucketResult><Contents>" + children + "</Contents><IsTruncated>false</IsTruncated></ListBucketResult>"
}

func parseObjects(t *testing.T, doc string) (bucket.Page, error) {
	t.Helper()
	compareLists(t, []byte(doc), false)
	var page bucket.Page
	err := s3xml.ListObjects([]byte(doc), &page)
	return page, err
}

func TestSamples(t *testing.T) {
	page, err := parseObjects(t, sample)
	want := walker.Entry{
		Key: "ExampleObject.txt", Size: 857, ModTime: time.Date(2013, 9, 17, 18, 7, 53, 0, time.UTC),
		ETag: "599bab3ed2c697f1d26842727561fd94", StorageClass: "REDUCED_REDUNDANCY", Latest: true,
	}
	if err != nil || !slices.Equal(page.Entries, []walker.Entry{want}) || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = parseObjects(t, sampleToken)
	want = walker.Entry{
		Key: "happyface.jpg", Size: 11, ModTime: time.Date(2014, 11, 21, 19, 40, 5, 0, time.UTC),
		ETag: "70ee1738b6b21e2c8a43f3a5ab0eee71", StorageClass: "STANDARD", Latest: true,
	}
	if err != nil || !slices.Equal(page.Entries, []walker.Entry{want}) || page.Next != "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=" {
		t.Errorf("%+v, %v", page, err)
	}
	page, err = parseObjects(t, samplePrefixes)
	if err != nil || !slices.Equal(page.Prefixes, []string{"photos/2006/February/", "photos/2006/ March/"}) || len(page.Entries) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestVersions(t *testing.T) {
	compareLists(t, []byte(sampleVersions), true)
	var page bucket.Page
	if err := s3xml.ListVersions([]byte(sampleVersions), &page); err != nil {
		t.Fatal(err)
	}
	if page.Next != "my image.jpg" || page.NextVersion != "03jpff543dhffds434rfdsFDN943fdsFkdmqnh892" || !slices.Equal(page.Prefixes, []string{"my/"}) {
		t.Errorf("%+v", page)
	}
	want := []walker.Entry{
		{
			Key: "my-image.jpg", VersionID: "3/L4kqtJl40Nr8X8gdRQBpUMLUo+%20", Latest: true, Size: 434234, StorageClass: "STANDARD",
			ModTime: time.Date(2009, 10, 12, 17, 50, 30, 0, time.UTC), ETag: "fba9dede5f27731c9771645a39863328",
		},
		{Key: "my-second-image.jpg", VersionID: "null", DeleteMarker: true, ModTime: time.Date(2009, 11, 12, 17, 50, 30, 5e8, time.UTC)},
		{Key: "my-third", VersionID: "QUpfdndhfd8438MNFDN93jdnJFkdmqnh893", Size: 7},
	}
	if !slices.Equal(page.Entries, want) {
		t.Errorf("got  %+v\nwant %+v", page.Entries, want)
	}
	for what, doc := range map[string]string{
		"has no <VersionId>":            "<Version><Key>a</Key><IsLatest>true</IsLatest><Size>1</Size></Version>",
		"has no <IsLatest>":             "<Version><Key>a</Key><VersionId>v</VersionId><Size>1</Size></Version>",
		"has no <Size>":                 "<Version><Key>a</Key><VersionId>v</VersionId><IsLatest>true</IsLatest></Version>",
		"without a <Key>":               "<DeleteMarker><VersionId>v</VersionId><IsLatest>true</IsLatest></DeleteMarker>",
		"<Contents> in a listing of":    "<Contents><Key>a</Key><Size>1</Size></Contents>",
		"not where to go on":            "<IsTruncated>true</IsTruncated><NextVersionIdMarker>v</NextVersionIdMarker>",
		"more than one <NextKeyMarker>": "<NextKeyMarker>a</NextKeyMarker><NextKeyMarker>a</NextKeyMarker>",
		"is neither true nor false":     "<Version><Key>a</Key><VersionId>v</VersionId><IsLatest>maybe</IsLatest><Size>1</Size></Version>",
	} {
		doc = "<ListVersionsResult>" + doc + "</ListVersionsResult>"
		compareLists(t, []byte(doc), true)
		if err := s3xml.ListVersions([]byte(doc), &page); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", doc, err)
		}
	}
	// The listing of a store that does not know the query is not an empty one.
	if err := s3xml.ListVersions([]byte(sample), &page); err == nil {
		t.Error("a listing of objects passed as one of versions")
	}
}

type entryCase struct {
	what, xml string
	want      walker.Entry
}

func goodEntries() []entryCase {
	e := func(key string) walker.Entry { return walker.Entry{Key: key, Latest: true} }
	at := func(t time.Time) walker.Entry { return walker.Entry{Key: "a", ModTime: t, Latest: true} }
	day := time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC)
	date := func(s string) string { return "<Key>a</Key><Size>0</Size><LastModified>" + s + "</LastModified>" }
	return []entryCase{
		{"no more than needed", "<Key>a</Key><Size>0</Size>", e("a")},
		{"space in keys", "<Key> a\n\tb </Key><Size> 0\n</Size>", e(" a\n\tb ")},
		{"line ends", "<Key>a\r\nb\rc&#13;&#10;d\r</Key><Size>0</Size>", e("a\nb\nc\r\nd\n")},
		{"entities", "<Key>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#x1F600;&#0000067;</Key><Size>0</Size>", e("&<>\"'AB😀C")},
		{"an entity that is none inside", "<Key>&amp;amp;&#38;lt;</Key><Size>0</Size>", e("&amp;&lt;")},
		{"CDATA", "<Key>a<![CDATA[<b>&amp;\r\n]]]]>]<![CDATA[>]]></Key><Size><![CDATA[0]]></Size>", e("a<b>&amp;\n]]]>")},
		{"comments", "<!-- a --><Key>a<!-- <b> -->c</Key><?pi d?><Size>0<?pi?></Size>", e("ac")},
		{"brackets", "<Key>]] >]>]&gt;]]</Key><Size>0</Size>", e("]] >]>]>]]")},
		{"prefixes", `<s:Key xmlns:s="urn:s">a</s:Key><t:Size x='"&amp;>' y = "">0</t:Size >`, e("a")},
		{"what nobody asks for", `<Owner><ID>b</ID>text<Key>c</Key><x/></Owner><Key>a</Key><Size>0</Size><New a="b"/>`, e("a")},
		{"a version id and a latest", "<Key>a</Key><Size>0</Size><VersionId>v</VersionId><IsLatest>false</IsLatest>", e("a")},
		{"any language", "<Key>é€😀\u00a0\u2028\ufffd\ufeff</Key><Size>0</Size>", e("é€😀\u00a0\u2028\ufffd\ufeff")},
		{"escapes where nothing is escaped", "<Key>a+b%20</Key><Size>0</Size>", e("a+b%20")},
		{"an ETag of parts", "<Key>a</Key><Size>0</Size><ETag>\"b-2\"</ETag>", walker.Entry{Key: "a", ETag: "b-2", Latest: true}},
		{"an ETag without quotes", "<Key>a</Key><Size>0</Size><ETag>b</ETag>", walker.Entry{Key: "a", ETag: "b", Latest: true}},
		{"an ETag of quotes", "<Key>a</Key><Size>0</Size><ETag>&quot;\"&quot;</ETag>", e("a")},
		{"an empty ETag", "<Key>a</Key><Size>0</Size><ETag/><StorageClass/>", e("a")},
		{"a class of the store's own", "<Key>a</Key><Size>0</Size><StorageClass>COLD_LINE</StorageClass>", walker.Entry{Key: "a", StorageClass: "COLD_LINE", Latest: true}},
		{"the largest size", "<Key>a</Key><Size>9223372036854775807</Size>", walker.Entry{Key: "a", Size: 1<<63 - 1, Latest: true}},
		{"nineteen digits", "<Key>a</Key><Size>1000000000000000000</Size>", walker.Entry{Key: "a", Size: 1e18, Latest: true}},
		{"leading zeros", "<Key>a</Key><Size>007</Size>", walker.Entry{Key: "a", Size: 7, Latest: true}},
		{"no fraction", date("2026-02-28T23:59:59Z"), at(day)},
		{"milliseconds", date("2026-02-28T23:59:59.123Z"), at(day.Add(123e6))},
		{"nanoseconds", date("2026-02-28T23:59:59.123456789Z"), at(day.Add(123456789))},
		{"more than nanoseconds", date("2026-02-28T23:59:59.1234567891Z"), at(day.Add(123456789))},
		{"a zone", date("2026-03-01T01:59:59+02:00"), at(day)},
		{"space around a date", date("\n 2026-02-28T23:59:59Z\t"), at(day)},
		{"a leap day", date("2000-02-29T00:00:00.000Z"), at(time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC))},
		{"the year 0", date("0000-01-01T00:00:00Z"), at(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))},
		{"the last year", date("9999-12-31T23:59:59.999Z"), at(time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC))},
		{"before the epoch", date("1969-12-31T23:59:59.9Z"), at(time.Date(1969, 12, 31, 23, 59, 59, 9e8, time.UTC))},
	}
}

func TestEntries(t *testing.T) {
	for _, c := range goodEntries() {
		page, err := parseObjects(t, object(c.xml))
		if err != nil || !slices.Equal(page.Entries, []walker.Entry{c.want}) {
			t.Errorf("%s: %+v, %v; want %+v", c.what, page.Entries, err, c.want)
		}
	}
}

// Every class of S3's is one string, whatever is written around it.
func TestStorageClasses(t *testing.T) {
	for _, class := range []string{
		"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE",
		"REDUCED_REDUNDANCY", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW", "FSX_OPENZFS", "standard",
	} {
		for _, space := range []string{"", " ", "\n"} {
			doc := object("<StorageClass>" + space + class + space + "</StorageClass><Key>a</Key><Size>1</Size>")
			if page, err := parseObjects(t, doc); err != nil || page.Entries[0].StorageClass != class {
				t.Errorf("%q: %+v, %v", doc, page.Entries, err)
			}
		}
	}
}

// The parser's way of counting days is time.Date's.
func TestEveryDay(t *testing.T) {
	var page bucket.Page
	for day := time.Date(1896, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2110; day = day.AddDate(0, 0, 1) {
		doc := object("<Key>a</Key><LastModified>" + day.Format("2006-01-02T15:04:05.000Z") + "</LastModified><Size>0</Size>")
		if err := s3xml.ListObjects([]byte(doc), &page); err != nil || page.Entries[0].ModTime != day {
			t.Fatalf("%v became %v, %v", day, page.Entries, err)
		}
	}
}

func TestURLEncoding(t *testing.T) {
	const encoding, rest = "<EncodingType>url</EncodingType>", "<Contents><Key>a+b%2fc%2B%0D%C3%A9%00</Key><ETag>c+d</ETag><Size>1</Size></Contents>" +
		"<CommonPrefixes><Prefix>p%20q%2F</Prefix></CommonPrefixes><IsTruncated>true</IsTruncated><NextContinuationToken>t+%20</NextContinuationToken>"
	for _, doc := range []string{encoding + rest, rest + encoding} {
		page, err := parseObjects(t, "<ListBucketResult>"+doc+"</ListBucketResult>")
		if err != nil || page.Entries[0].Key != "a b/c+\ré\x00" || page.Entries[0].ETag != "c+d" || page.Prefixes[0] != "p q/" || page.Next != "t+%20" {
			t.Errorf("%s: %+v, %v", doc, page, err)
		}
	}
	for _, key := range []string{"%", "a%2", "%zz", "%2g", "%%41"} {
		if _, err := parseObjects(t, "<ListBucketResult>"+encoding+"<Contents><Key>"+key+"</Key><Size>1</Size></Contents></ListBucketResult>"); err == nil || !strings.Contains(err.Error(), "not URL-encoded") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

type badCase struct{ what, xml string }

func badLists() []badCase {
	const end = "</ListBucketResult>"
	return []badCase{
		{"a declaration, which no answer", `<!DOCTYPE a [<!ENTITY b "cc">]>` + sample},
		{"a declaration, which no answer", `<?xml version="1.0"?><!DOCTYPE html><html/>`},
		{"a declaration, which no answer", "<ListBucketResult><!ENTITY a 'b'>" + end},
		{"no entity that XML knows", object("<Key>&b;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&nbsp;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>a & b</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#0;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#xD800;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#x110000;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#99999999999999999999;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#x;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&#X41;</Key><Size>1</Size>")},
		{"no entity that XML knows", object("<Key>&amp</Key><Size>1</Size>")},
		{"no entity that XML knows", `<ListBucketResult a="&b;">` + end},
		{"no UTF-8", object("<Key>a\xff</Key><Size>1</Size>")},
		{"no UTF-8", object("<Key>a\xc3</Key><Size>1</Size>")},
		{"no UTF-8", object("<Key>\xed\xa0\x80</Key><Size>1</Size>")},
		{"no UTF-8", object("<Key>\xc0\xaf</Key><Size>1</Size>")},
		{"a character that XML", object("<Key>a\x00</Key><Size>1</Size>")},
		{"a character that XML", object("<Key>\ufffe</Key><Size>1</Size>")},
		{"a character that XML", object("<Key><![CDATA[\x01]]></Key><Size>1</Size>")},
		{"a character that XML", object("<!-- \x01 --><Key>a</Key><Size>1</Size>")},
		{"a character that XML", object("<?a \xff?><Key>a</Key><Size>1</Size>")},
		{"]]> in <Key>", object("<Key>a]]>b</Key><Size>1</Size>")},
		{"a comment with --", object("<Key>a<!-- -- --></Key><Size>1</Size>")},
		{"a comment with --", object("<Key>a<!-- ---></Key><Size>1</Size>")},
		{"is closed by", "<ListBucketResult><Contents></ListBucketResult></Contents>"},
		{"is closed by", object("<a:Key>a</b:Key><Size>1</Size>")},
		{"is closed by", object("<Key>a</KeyX><Size>1</Size>")},
		{"is closed by", object("<Owner><ID></Owner>")},
		{"more than one element at the top", sample + samplePrefixes},
		{"declaration that is not at the beginning", sample + sample},
		{"more than one element at the top", sample + "</a>"},
		{"text outside", sample + "garbage"},
		{"text outside", sample + "\x00"},
		{"text outside", "garbage" + sample},
		{"declaration, which no", sample + "<![CDATA[ ]]>"},
		{"an end tag before", "</a>"},
		{"declaration that is not at the beginning", sample + `<?xml version="1.0"?>`},
		{"declaration that is not at the beginning", `<!-- --><?xml version="1.0"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.1"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0" encoding="ISO-8859-1"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml encoding="UTF-8"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0" version="1.0"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0"encoding="UTF-8"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version=1.0?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0" standalone="maybe"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0" standalone="yes" encoding="UTF-8"?><ListBucketResult/>`},
		{"not XML 1.0 in UTF-8", `<?xml version="1.0" other="1"?><ListBucketResult/>`},
		{"where '=' belongs", `<ListBucketResult><a b c="d"/>` + end},
		{"the answer is a <html>", "<html><body>502 Bad Gateway</body></html>"},
		{"the answer is a <ListVersionsResult>", sampleVersions},
		{"<Version> in a listing of objects", "<ListBucketResult><Version><Key>a</Key></Version>" + end},
		{"no name", "<ListBucketResult>< a/>" + end},
		{"no name", "<ListBucketResult><1/>" + end},
		{"no name", "<ListBucketResult><é/>" + end},
		{"no name", "<ListBucketResult><aé/>" + end},
		{"no name", "<ListBucketResult><a:b:c/>" + end},
		{"no name", "<ListBucketResult><:a/>" + end},
		{"no name", "<ListBucketResult><a:/>" + end},
		{"no name", "<ListBucketResult><a =\"b\"/>" + end},
		{"without quotes", "<ListBucketResult><a b=c/>" + end},
		{"where '=' belongs", "<ListBucketResult><a b/>" + end},
		{"a '<' in an attribute", "<ListBucketResult><a b=\"<\"/>" + end},
		{"no space before an attribute", `<ListBucketResult><a b="c"d="e"/>` + end},
		{"a '/' inside the tag", `<ListBucketResult><a / b="c">` + end},
		{"where '>' belongs", "<ListBucketResult></ListBucketResult a>"},
		{"nest deeper", "<ListBucketResult>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + end},
		{"text where elements belong", "<ListBucketResult>a" + end},
		{"text where elements belong", "<ListBucketResult>&#32;" + end},
		{"text where elements belong", "<ListBucketResult><![CDATA[a]]>" + end},
		{"text where elements belong", object("<Key>a</Key>b<Size>1</Size>")},
		{"an element inside <Key>", object("<Key>a<b/></Key><Size>1</Size>")},
		{"more than one <Key>", object("<Key>a</Key><Size>1</Size><Key>b</Key><x>lookahead lookahead</x>")},
		{"more than one <Size>", object("<Key>a</Key><Size>1</Size><Size>1</Size>")},
		{"more than one <ETag>", object("<Key>a</Key><ETag>&quot;b&quot;</ETag><ETag>&quot;b&quot;</ETag><Size>1</Size><x>lookahead</x>")},
		{"more than one <StorageClass>", object("<StorageClass>A</StorageClass><StorageClass>A</StorageClass><Key>a</Key><Size>1</Size>")},
		{"more than one <LastModified>", object(strings.Repeat("<LastModified>2026-02-28T23:59:59.123Z</LastModified>", 2))},
		{"more than one <IsTruncated>", "<ListBucketResult><IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>" + end},
		{"an entry without a <Key>", object("<Size>1</Size>")},
		{"an entry without a <Key>", object("<Key></Key><Size>1</Size>")},
		{"an entry without a <Key>", "<ListBucketResult><Contents/>" + end},
		{`"a" has no <Size>`, object("<Key>a</Key>")},
		{"<Size> is no size", object("<Key>a</Key><Size></Size>")},
		{"<Size> is no size", object("<Key>a</Key><Size>-1</Size>")},
		{"<Size> is no size", object("<Key>a</Key><Size>+1</Size>")},
		{"<Size> is no size", object("<Key>a</Key><Size>1.0</Size>")},
		{"<Size> is no size", object("<Key>a</Key><Size>1 0</Size>")},
		{"<Size> is no size", object("<Key>a</Key><Size>9223372036854775808</Size>")},
		{"<LastModified> is no date", object("<Key>a</Key><Size>1</Size><LastModified></LastModified>")},
		{"<LastModified> is no date", object("<Key>a</Key><Size>1</Size><LastModified>yesterday</LastModified>")},
		{"<LastModified> is no date", object("<LastModified>2026-02-29T00:00:00.000Z</LastModified><Key>a</Key><Size>1</Size>")},
		{"<LastModified> is no date", object("<LastModified>2026-13-01T00:00:00.000Z</LastModified><Key>a</Key><Size>1</Size>")},
		{"<LastModified> is no date", object("<LastModified>2026-04-31T00:00:00.000Z</LastModified><Key>a</Key><Size>1</Size>")},
		{"<LastModified> is no date", object("<LastModified>2026-12-01T24:00:00.000Z</LastModified><Key>a</Key><Size>1</Size>")},
		{"<LastModified> is no date", object("<LastModified>2026-12-01T00:00:00.Z</LastModified><Key>a</Key><Size>1</Size>")},
		{"<IsTruncated> is neither", "<ListBucketResult><IsTruncated>fal\u017fe</IsTruncated>" + end},
		{"<IsTruncated> is neither", "<ListBucketResult><IsTruncated/>" + end},
		{"an <EncodingType> that", "<ListBucketResult><EncodingType>base64</EncodingType>" + end},
		{"an empty <Prefix>", "<ListBucketResult><CommonPrefixes><Prefix/></CommonPrefixes>" + end},
		{"without a <Prefix>", "<ListBucketResult><CommonPrefixes/>" + end},
		{"not where to go on", "<ListBucketResult><IsTruncated>true</IsTruncated>" + end},
		{"not where to go on", "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken/>" + end},
		{"not where to go on", "<ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>a</NextMarker><NextKeyMarker>a</NextKeyMarker>" + end},
		{"not whether there is more", "<ListBucketResult><NextContinuationToken>a</NextContinuationToken>" + end},
	}
}

func TestBadLists(t *testing.T) {
	for _, c := range badLists() {
		_, err := parseObjects(t, c.xml)
		if err == nil || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%q: %v; want %q", c.xml, err, c.what)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v: nothing was cut off", c.xml, err)
		}
	}
}

// Wherever a document is cut off, the error says that it was: it is asked for
// again.
func TestCutOff(t *testing.T) {
	odd := "\xef\xbb\xbf<?xml version='1.0'?>\r\n<!-- é --><?pi é?><a:ListBucketResult xmlns:a = 'u&amp;é'><a:Contents ><Key>a&#x41;&amp;<![CDATA[é]]>é]]<!-- b --><?c?></Key >" +
		"<Size>1</Size><Owner><x y=\"z\"/>&lt;<![CDATA[]]></Owner></a:Contents><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></a:ListBucketResult >"
	objects := func(b []byte) error { return s3xml.ListObjects(b, new(bucket.Page)) }
	versions := func(b []byte) error { return s3xml.ListVersions(b, new(bucket.Page)) }
	deletes := func(b []byte) error {
		_, err := s3xml.DeleteResult(b, func(_, _, _, _ string) { t.Error("a failure out of half an answer") })
		return err
	}
	plain := func(b []byte) error {
		_, _, err := s3xml.Error(b)
		if len(strings.Trim(strings.TrimPrefix(string(b), "\xef\xbb\xbf"), " ")) == 0 || len(b) < 3 && b[0] == 0xef {
			return io.ErrUnexpectedEOF // an empty body is no error's document
		}
		return err
	}
	for _, c := range []struct {
		doc   string
		parse func([]byte) error
	}{
		{odd, objects},
		{strings.TrimSpace(sample), objects},
		{sampleToken, objects},
		{samplePrefixes, objects},
		{sampleVersions, versions},
		{sampleDeleted, deletes},
		{sampleError, plain},
		{sampleWrapped, plain},
		{sampleError, objects},
		{sampleWrapped, deletes},
	} {
		for n := range len(c.doc) {
			// No byte behind the end may be looked at: the capacity ends there.
			if err := c.parse(slices.Clip([]byte(c.doc[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", c.doc[:n], err)
			}
		}
	}
	if err := objects([]byte(odd)); err != nil {
		t.Error(err)
	}
}

// A page is as good as new after another, also after one that failed.
func TestPageIsReused(t *testing.T) {
	var page bucket.Page
	for _, doc := range []string{samplePrefixes, sampleToken, object("<Key>a</Key>"), "<ListBucketResult/>", sample} {
		err := s3xml.ListObjects([]byte(doc), &page)
		fresh := bucket.Page{}
		freshErr := s3xml.ListObjects([]byte(doc), &fresh)
		if (err == nil) != (freshErr == nil) || !slices.Equal(page.Entries, fresh.Entries) || !slices.Equal(page.Prefixes, fresh.Prefixes) || page.Next != fresh.Next {
			t.Errorf("%s: %+v, %v; a new page: %+v, %v", doc, page, err, fresh, freshErr)
		}
	}
}

// The strings of a page do not change with the next one, nor with the bytes
// that they were read from.
func TestStringsAreKept(t *testing.T) {
	var page bucket.Page
	doc := []byte(sampleToken)
	if err := s3xml.ListObjects(doc, &page); err != nil {
		t.Fatal(err)
	}
	e, next := page.Entries[0], page.Next
	clear(doc)
	if err := s3xml.ListObjects([]byte(strings.ToUpper("<x/>")), &page); err == nil {
		t.Fatal("<X/> was taken")
	}
	if err := s3xml.ListObjects(thousand(false), &page); err != nil {
		t.Fatal(err)
	}
	if e.Key != "happyface.jpg" || e.ETag != "70ee1738b6b21e2c8a43f3a5ab0eee71" || next != "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=" {
		t.Errorf("%+v, %q", e, next)
	}
}

// Whole pages, of both kinds, and written in ways that S3 does not use.
func TestThousand(t *testing.T) {
	for _, versions := range []bool{false, true} {
		doc := string(thousand(versions))
		compareLists(t, []byte(doc), versions)
		compareLists(t, []byte(strings.ReplaceAll(doc, "><", ">\n  <")), versions)
		compareLists(t, []byte(strings.ReplaceAll(strings.ReplaceAll(doc, "</", "</s:"), "<", "<s:")), versions)
		compareLists(t, []byte(strings.ReplaceAll(doc, "/IMG", "/ÉMG")), versions)
	}
}

func TestAllocations(t *testing.T) {
	var page bucket.Page
	doc := thousand(false)
	n := testing.AllocsPerRun(10, func() {
		if err := s3xml.ListObjects(doc, &page); err != nil {
			t.Fatal(err)
		}
	})
	if n > 100 { // none for each key; the race detector, and collections, empty the pool in between
		t.Errorf("%v allocations for a thousand keys", n)
	}
}
