package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// versionCommands are the commands of scripts that are about versions and
// uploads. They work in the bucket that $BUCKET names at the time.
func versionCommands() map[string]func(*testscript.TestScript, []string) {
	return map[string]func(*testscript.TestScript, []string){
		"versioning": cmdVersioning,
		"add":        cmdAdd,
		"hide":       cmdHide,
		"begin":      cmdBegin,
		"history":    cmdHistory,
		"versions":   cmdVersions,
		"versionid":  cmdVersionID,
		"uploads":    cmdUploads,
		"since":      cmdSince,
		"simulator":  cmdSimulator,
		"retain":     cmdRetain,
		"lifecycle":  cmdLifecycle,
	}
}

// remote is the store of a script, and its bucket.
type remote struct {
	ts     *testscript.TestScript
	s      *script
	client *s3.Client
	bucket string
}

func remoteOf(ts *testscript.TestScript) remote {
	s := scriptOf(ts)
	return remote{ts, s, s.target.Client(s.tb), ts.Getenv("BUCKET")}
}

func (r remote) versioning(status string) {
	_, err := r.client.PutBucketVersioning(r.s.tb.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &r.bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(status)},
	})
	r.ts.Check(err)
}

func (r remote) add(key, content string) {
	_, err := r.client.PutObject(r.s.tb.Context(), &s3.PutObjectInput{
		Bucket: &r.bucket, Key: &key, Body: strings.NewReader(content),
	})
	r.ts.Check(err)
}

func (r remote) hide(key string) {
	_, err := r.client.DeleteObject(r.s.tb.Context(), &s3.DeleteObjectInput{Bucket: &r.bucket, Key: &key})
	r.ts.Check(err)
}

func (r remote) begin(key string) {
	ctx := r.s.tb.Context()
	up, err := r.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &r.bucket, Key: &key})
	r.ts.Check(err)
	_, err = r.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &r.bucket, Key: &key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("part"),
	})
	r.ts.Check(err)
}

// entry is a version or a delete marker.
type entry struct {
	key, id, content string
	marker, latest   bool
	modified         time.Time
}

func (e *entry) String() string {
	text := e.content
	if e.marker {
		text = "marker"
	}
	if e.id == "null" {
		text += "(null)"
	}
	if e.latest {
		text += "*"
	}
	return text
}

// list gives all versions and markers, with contents: by key, those with data
// first, the newest of them first.
func (r remote) list() []entry {
	ctx := r.s.tb.Context()
	var all []entry
	for p := s3.NewListObjectVersionsPaginator(r.client, &s3.ListObjectVersionsInput{Bucket: &r.bucket}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		r.ts.Check(err)
		for _, v := range page.Versions {
			out, err := r.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.bucket, Key: v.Key, VersionId: v.VersionId})
			r.ts.Check(err)
			content, err := io.ReadAll(out.Body)
			_ = out.Body.Close()
			r.ts.Check(err)
			all = append(all, entry{
				key: *v.Key, id: *v.VersionId, content: string(content), latest: aws.ToBool(v.IsLatest), modified: *v.LastModified,
			})
		}
		for _, m := range page.DeleteMarkers {
			all = append(all, entry{
				key: *m.Key, id: *m.VersionId, marker: true, latest: aws.ToBool(m.IsLatest), modified: *m.LastModified,
			})
		}
	}
	// versitygw says a row again where a page ends.
	seen := make(map[[2]string]bool)
	all = slices.DeleteFunc(all, func(e entry) bool {
		id := [2]string{e.key, e.id}
		again := seen[id]
		seen[id] = true
		return again
	})
	slices.SortStableFunc(all, func(a, b entry) int {
		if c := cmp.Compare(a.key, b.key); c != 0 || a.marker == b.marker {
			return c
		}
		if a.marker {
			return 1
		}
		return -1
	})
	return all
}

func (r remote) uploads() []string {
	keys, err := openUploads(r.s.tb.Context(), r.client, r.bucket)
	r.ts.Check(err)
	slices.Sort(keys)
	return keys
}

// versioning Enabled|Suspended: of $BUCKET.
func cmdVersioning(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1, "versioning Enabled|Suspended")
	remoteOf(ts).versioning(args[0])
}

// add KEY CONTENT...: puts the object once for each content.
func cmdAdd(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 2, "add key content...")
	for _, content := range args[1:] {
		remoteOf(ts).add(args[0], content)
	}
}

// hide KEY...: deletes the object, which in a bucket with versioning adds a
// marker.
func cmdHide(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 1, "hide key...")
	for _, key := range args {
		remoteOf(ts).hide(key)
	}
}

// begin KEY...: begins a multipart upload with one part.
func cmdBegin(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 1, "begin key...")
	for _, key := range args {
		remoteOf(ts).begin(key)
	}
}

// history N PREFIX: N keys with all that a bucket comes to have over the years:
// a version from before versioning, versions, markers between and on top of
// them, null versions from a time of suspension; and three open uploads. It has
// to be the first thing in the bucket, and leaves versioning on.
func cmdHistory(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "history n prefix")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	r := remoteOf(ts)
	key := func(i int) string { return fmt.Sprintf("%sdir%d/key%02d", args[1], i%3, i) }
	for i := range n {
		if i%2 == 0 {
			r.add(key(i), "before")
		}
	}
	r.versioning("Enabled")
	for i := range n {
		r.add(key(i), "one")
		if i%3 == 0 {
			r.hide(key(i))
		}
		r.add(key(i), "two")
	}
	r.versioning("Suspended")
	for i := range n {
		if i%5 == 0 {
			r.add(key(i), "null")
		}
	}
	r.versioning("Enabled")
	for i := range n {
		r.add(key(i), "three")
		if i%4 == 0 {
			r.hide(key(i))
			r.hide(key(i))
		}
	}
	for i := range 3 {
		r.begin(key(i))
	}
}

// versions [FILE]: what $BUCKET has is what FILE says, a key a line with its
// versions, newest first, and then its markers. (null) follows what has that
// id, and * what is current. Without FILE there is nothing.
func cmdVersions(ts *testscript.TestScript, args []string) {
	need(ts, len(args) <= 1, "versions [file]")
	var got strings.Builder
	last := ""
	for i, e := range remoteOf(ts).list() {
		if i == 0 || e.key != last {
			if i > 0 {
				got.WriteByte('\n')
			}
			got.WriteString(e.key + ":")
		}
		last = e.key
		got.WriteString(" " + e.String())
	}
	if got.Len() > 0 {
		got.WriteByte('\n')
	}
	want := ""
	if len(args) == 1 {
		want = ts.ReadFile(args[0])
	}
	same(ts, "the bucket", got.String(), want)
}

// versionid NAME KEY WHAT: sets $NAME to the id of a version of KEY: of the
// newest one with that content, or of the newest "marker".
func cmdVersionID(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 3, "versionid name key content|marker")
	for _, e := range remoteOf(ts).list() {
		if e.key == args[1] && (e.content == args[2] && !e.marker || e.marker && args[2] == "marker") {
			ts.Setenv(args[0], e.id)
			return
		}
	}
	ts.Fatalf("%s has no %s", args[1], args[2])
}

// uploads [KEY...]: the open multipart uploads are of these keys.
func cmdUploads(ts *testscript.TestScript, args []string) {
	slices.Sort(args)
	same(ts, "the list of uploads", strings.Join(remoteOf(ts).uploads(), "\n"), strings.Join(args, "\n"))
}

// since NAME KEY: sets $NAME to when the newest marker of KEY came.
func cmdSince(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "since name key")
	for _, e := range remoteOf(ts).list() {
		if e.key == args[1] && e.marker {
			ts.Setenv(args[0], e.modified.UTC().Format(time.RFC3339Nano))
			return
		}
	}
	ts.Fatalf("%s has no marker", args[1])
}
