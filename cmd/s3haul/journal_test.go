package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3haul/s3haul/engine/journal"
)

// leave makes what a sync of dir to prefix leaves that ends in the middle of a
// file: an open upload of it, and the journal, which is still held.
func leave(ctx context.Context, client *s3.Client, endpoint, bucket, home, dir, prefix, name string, size int64) (*journal.Journal, error) {
	key := prefix + name
	out, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	var trouble error
	j := journal.Open(journal.Options{
		Dir:     filepath.Join(home, ".local", "state", "s3haul"),
		Job:     journal.Job{Endpoint: endpoint, Op: "upload", Src: dir, Dst: scheme + bucket + "/" + prefix},
		Trouble: func(err error) { trouble = err },
	})
	id := journal.ID{Kind: journal.Upload, Bucket: bucket, Key: key}
	kept, err := j.Intend(ctx, journal.Record{
		ID: id, Source: filepath.Join(dir, name), Size: size, PartSize: 8 << 20, Algorithm: "CRC64NVME", Intended: time.Now(),
	})
	switch {
	case err == nil && !kept:
		err = fmt.Errorf("the journal keeps nothing: %w", errors.Join(trouble, j.Close(false)))
	case err == nil:
		err = j.Begun(ctx, id, *out.UploadId)
	}
	return j, err
}

// left [-running] DIR PREFIX NAME SIZE: what a sync of DIR to PREFIX in $BUCKET
// leaves that ends in the middle of NAME; with -running, it has not ended.
func cmdLeft(ts *testscript.TestScript, args []string) {
	running := len(args) > 0 && args[0] == "-running"
	if running {
		args = args[1:]
	}
	need(ts, len(args) == 4, "left [-running] dir prefix name size")
	n, err := strconv.ParseInt(args[3], 10, 64)
	ts.Check(err)
	r := remoteOf(ts)
	j, err := leave(r.s.tb.Context(), r.client, ts.Getenv("AWS_ENDPOINT_URL_S3"), r.bucket, ts.Getenv("HOME"),
		ts.MkAbs(args[0]), args[1]+"/", args[2], n)
	ts.Check(err)
	if !running {
		ts.Check(j.Close(false))
		return
	}
	ts.Defer(func() {
		if err := j.Close(false); err != nil {
			r.s.tb.Errorf("close the journal: %v", err)
		}
	})
}

// damage: cuts all journals to half.
func cmdDamage(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 0, "damage")
	all, err := filepath.Glob(filepath.Join(ts.Getenv("HOME"), ".local", "state", "s3haul", "*"))
	ts.Check(err)
	for _, file := range all {
		text, err := os.ReadFile(file)
		ts.Check(err)
		ts.Check(os.WriteFile(file, text[:len(text)/2], 0o600))
	}
	if len(all) == 0 {
		ts.Fatalf("there is no journal")
	}
}
