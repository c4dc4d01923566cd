package s3xml_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
	"github.com/s3haul/s3haul/walker/bucket"
)

// thousand is a page as S3 sends it to whoever asks for encoding-type=url.
func thousand(versions bool) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if versions {
		b.WriteString(`<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>holiday</Name><Prefix></Prefix><KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker><NextKeyMarker>photos/2026/07/IMG_000999.jpeg</NextKeyMarker><NextVersionIdMarker>3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY</NextVersionIdMarker><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>`)
	} else {
		b.WriteString(`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>holiday</Name><Prefix></Prefix><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>`)
	}
	for i := range 1000 {
		name := fmt.Sprintf("photos/2026/07/IMG_%06d.jpeg", i)
		if i%10 == 0 {
			name = fmt.Sprintf("photos/2026/07/IMG+%06d%%283%%29.jpeg", i)
		}
		key := "<Key>" + name + "</Key>"
		rest := fmt.Sprintf("<LastModified>2026-07-%02dT17:50:%02d.000Z</LastModified><ETag>&quot;fba9dede5f27731c9771645a3986%04d&quot;</ETag>", 1+i%28, i%60, i)
		tail := fmt.Sprintf("<Size>%d</Size><StorageClass>STANDARD</StorageClass>", 434234+i)
		if versions {
			fmt.Fprintf(&b, "<Version>%s<VersionId>3sL4kqtJlcpXroDTDmJ.rmSpXd3d%04d</VersionId><IsLatest>true</IsLatest>%s%s<Owner><ID>75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a</ID></Owner></Version>", key, i, rest, tail)
		} else {
			fmt.Fprintf(&b, "<Contents>%s%s<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>%s</Contents>", key, rest, tail)
		}
	}
	if versions {
		b.WriteString("</ListVersionsResult>")
	} else {
		b.WriteString("</ListBucketResult>")
	}
	return []byte(b.String())
}

func BenchmarkListObjects(b *testing.B) {
	doc := thousand(false)
	b.Run("s3xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		var page bucket.Page
		for b.Loop() {
			if err := s3xml.ListObjects(doc, &page); err != nil || len(page.Entries) != 1000 {
				b.Fatalf("%d entries, %v", len(page.Entries), err)
			}
		}
	})
	b.Run("new page", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var page bucket.Page
			if err := s3xml.ListObjects(doc, &page); err != nil || len(page.Entries) != 1000 {
				b.Fatalf("%d entries, %v", len(page.Entries), err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var out plainObjects
			if err := xml.Unmarshal(doc, &out); err != nil || len(out.Contents) != 1000 {
				b.Fatalf("%d entries, %v", len(out.Contents), err)
			}
		}
	})
}

func BenchmarkListVersions(b *testing.B) {
	doc := thousand(true)
	b.Run("s3xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		var page bucket.Page
		for b.Loop() {
			if err := s3xml.ListVersions(doc, &page); err != nil || len(page.Entries) != 1000 {
				b.Fatalf("%d entries, %v", len(page.Entries), err)
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var out plainVersions
			if err := xml.Unmarshal(doc, &out); err != nil || len(out.Items) < 1000 {
				b.Fatalf("%d entries, %v", len(out.Items), err)
			}
		}
	})
}
