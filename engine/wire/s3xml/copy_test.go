package s3xml_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

func copyResult(doc string) (string, error) {
	var got strings.Builder
	err := s3xml.CopyObjectResult([]byte(doc), func(name, value string) { fmt.Fprintf(&got, "%s=%s ", name, value) },
		func(at time.Time) { fmt.Fprintf(&got, "at %s ", at.Format(time.RFC3339)) })
	return got.String(), err
}

func TestCopyObjectResult(t *testing.T) {
	const values = "<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e-2&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>"
	const want = `at 2026-01-02T03:04:05Z ETag="e-2" ChecksumCRC64NVME=AAAAAAAAAAA= ChecksumType=FULL_OBJECT `
	for _, head := range []string{"", `<?xml version="1.0" encoding="UTF-8"?>` + "\n", "  \n ", `<?xml version="1.0" encoding="UTF-8"?>` + "  \n \n", " \n " + `<?xml version="1.0" encoding="UTF-8"?>` + " "} {
		got, err := copyResult(head + "<CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + values + "</CopyObjectResult>")
		if err != nil || got != want {
			t.Errorf("%q: %s, %v", head, got, err)
		}
		_, err = copyResult(head + "<Error><Code>InternalError</Code><Message>m</Message></Error>")
		if e, ok := errors.AsType[*s3xml.InsteadError](err); !ok || e.Code != "InternalError" {
			t.Errorf("%q: %v", head, err)
		}
		// The store has gone away while it copied.
		for _, cut := range []string{head, head + "<CopyObjectResult>", head + "<CopyObjectResult>" + values, head + "<CopyObj"} {
			if _, err := copyResult(cut); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", cut, err)
			}
		}
	}
	for doc, words := range map[string]string{
		"<html></html>": "not a <CopyObjectResult>", "text": "text outside",
		"<CopyObjectResult><LastModified>yesterday</LastModified></CopyObjectResult>": "no date",
		"<CopyObjectResult><ETag><b/></ETag></CopyObjectResult>":                      "an element inside",
		"<CopyObjectResult/><CopyObjectResult/>":                                      "more than one element",
	} {
		if got, err := copyResult(doc); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %s, %v", doc, got, err)
		}
	}
}
