package main

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"time"
)

// store is the least of an S3 store: one bucket, "climb", that lists its keys
// as they are given and has the same content for each of them.
type store []string

const storeContent = "climbed\n"

// listed is the answer of ListObjectsV2, which is XML that can carry any of the
// keys of the scripts.
type listed struct {
	XMLName     xml.Name `xml:"ListBucketResult"`
	Name        string
	KeyCount    int
	IsTruncated bool
	Contents    []listedKey
}

type listedKey struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
}

func (s store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	then := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if r.URL.Query().Get("list-type") == "2" {
		answer := listed{Name: "climb", KeyCount: len(s)}
		for _, key := range s {
			answer.Contents = append(answer.Contents, listedKey{
				Key: key, LastModified: then.Format(time.RFC3339), ETag: `"e"`, Size: len(storeContent),
			})
		}
		w.Header().Set("Content-Type", "application/xml")
		_ = xml.NewEncoder(w).Encode(answer)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "this store is read only", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Last-Modified", then.Format(http.TimeFormat))
	w.Header().Set("ETag", `"e"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(storeContent)))
	_, _ = w.Write([]byte(storeContent))
}
