package main

import (
	"time"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

// bucketRecord is a bucket as ls --json prints it.
type bucketRecord struct {
	recordHead
	Created time.Time `json:"created"`
	Region  string    `json:"region,omitempty"`
}

type totalRecord struct {
	recordHead
	Objects int64   `json:"objects"`
	Markers *int64  `json:"markers,omitempty"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Exit    int     `json:"exit"`
}

// listedRecord is an entry of a listing; with --metadata, all of it is as stat has it.
type listedRecord struct {
	recordHead
	Bytes        int64     `json:"bytes"`
	Modified     time.Time `json:"modified"`
	ETag         string    `json:"etag,omitempty"`
	StorageClass string    `json:"storage_class,omitempty"`
	VersionID    string    `json:"version_id,omitempty"`
	State        string    `json:"state,omitempty"`
}

type listedInfoRecord struct {
	recordHead
	State string `json:"state,omitempty"`
	*wire.ObjectInfo
}

func (l *listing) record(bucket string, e *engine.Listed) error {
	url := scheme + bucket + "/" + e.Key
	if e.CommonPrefix {
		return writeRecord(l.out, recordOf("prefix", url))
	}
	l.add(&e.Entry)
	is := ""
	if l.versions {
		is = state(&e.Entry)
	}
	if e.Info != nil {
		return writeRecord(l.out, listedInfoRecord{recordOf("object", url), is, e.Info})
	}
	return writeRecord(l.out, listedRecord{
		recordOf("object", url), e.Size, e.ModTime.UTC(), e.ETag, classOf(&e.Entry), e.VersionID, is,
	})
}
