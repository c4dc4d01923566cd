package engine_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/checksum"
)

// sweptCommands are what the sweep goes over.
func sweptCommands() []swept {
	src, dst := engine.Bucket("src", ""), engine.Bucket("dst", "")
	sync := func(from, to func(*sweep) engine.Location) func(context.Context, *sweep, *engine.Engine, engine.RunOptions) (engine.Summary, error) {
		return func(ctx context.Context, s *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			return eng.Sync(ctx, from(s), to(s), engine.SyncOptions{RunOptions: o, Delete: true})
		}
	}
	move := func(from, to func(*sweep) engine.Location) func(context.Context, *sweep, *engine.Engine, engine.RunOptions) (engine.Summary, error) {
		return func(ctx context.Context, s *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			return eng.Move(ctx, from(s), to(s), engine.MoveOptions{RunOptions: o})
		}
	}
	verify := func(download bool) func(context.Context, *sweep, *engine.Engine, engine.RunOptions) (engine.Summary, error) {
		return func(ctx context.Context, s *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			return eng.Verify(ctx, engine.Dir(s.src()), dst, engine.VerifyOptions{RunOptions: o, Download: download})
		}
	}
	srcDir := func(s *sweep) engine.Location { return engine.Dir(s.src()) }
	dstDir := func(s *sweep) engine.Location { return engine.Dir(s.dst()) }
	srcBucket := func(*sweep) engine.Location { return src }
	dstBucket := func(*sweep) engine.Location { return dst }
	inParts := []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"}
	copied := []string{"CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload", "CopyObject"}
	return []swept{
		{
			name: "sync up", requests: 9, calls: 14, ops: append([]string{"ListObjectsV2", "DeleteObjects", "open", "read"}, inParts...),
			before: func(s *sweep) { s.now.write(s.t, s.src()); s.put("dst", was().with(extra())) },
			run:    sync(srcDir, dstBucket),
			look:   func(s *sweep, middle bool, struck string) []string { return s.synced(s.objects("dst"), middle, struck) },
		},
		{
			name: "sync down", requests: 6, calls: 35, ops: []string{"ListObjectsV2", "GetObject", "create", "write", "rename", "mkdir"},
			before: func(s *sweep) { s.put("src", s.now); was().with(extra()).write(s.t, s.dst()) },
			run:    sync(srcBucket, dstDir),
			look:   func(s *sweep, middle bool, struck string) []string { return s.synced(s.files(s.dst()), middle, struck) },
		},
		{
			name: "sync copy", requests: 11, ops: append([]string{"ListObjectsV2", "DeleteObjects"}, copied...),
			before: func(s *sweep) { s.put("src", s.now); s.put("dst", was().with(extra())) },
			run:    sync(srcBucket, dstBucket),
			look:   func(s *sweep, middle bool, struck string) []string { return s.synced(s.objects("dst"), middle, struck) },
		},
		{
			name: "sync carry", requests: 14, sampled: true, ops: append([]string{"ListObjectsV2", "GetObject", "HeadObject", "GetObjectTagging"}, inParts...),
			before: func(s *sweep) { s.remote = true; s.put("src", s.now); s.put("dst", was().with(extra())) },
			run:    sync(srcBucket, dstBucket),
			look:   func(s *sweep, middle bool, struck string) []string { return s.synced(s.objects("dst"), middle, struck) },
		},
		{
			name: "move up", requests: 7, calls: 14, ops: append([]string{"open", "read"}, inParts...),
			before: func(s *sweep) { s.now.write(s.t, s.src()); s.put("dst", was()) },
			run:    move(srcDir, dstBucket),
			look: func(s *sweep, middle bool, _ string) []string {
				return s.moved(s.files(s.src()), s.objects("dst"), middle)
			},
		},
		{
			name: "move down", requests: 7, calls: 35, ops: []string{"ListObjectsV2", "GetObject", "DeleteObject", "create", "write", "rename"},
			before: func(s *sweep) { s.put("src", s.now); was().write(s.t, s.dst()) },
			run:    move(srcBucket, dstDir),
			look: func(s *sweep, middle bool, _ string) []string {
				return s.moved(s.objects("src"), s.files(s.dst()), middle)
			},
		},
		{
			name: "move copy", requests: 10, ops: append([]string{"ListObjectsV2", "DeleteObject"}, copied...),
			before: func(s *sweep) { s.put("src", s.now); s.put("dst", was()) },
			run:    move(srcBucket, dstBucket),
			look: func(s *sweep, middle bool, _ string) []string {
				return s.moved(s.objects("src"), s.objects("dst"), middle)
			},
		},
		{
			name: "rm", requests: 2, still: true, ops: []string{"ListObjectsV2", "DeleteObjects"},
			before: func(s *sweep) { s.put("dst", s.now); s.put("src", s.now) },
			run: func(ctx context.Context, _ *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
				return eng.Remove(ctx, dst, engine.RemoveOptions{RunOptions: o})
			},
			look: func(s *sweep, middle bool, _ string) (problems []string) {
				left := s.objects("dst")
				if !middle && len(left) > 0 {
					problems = append(problems, fmt.Sprintf("%q are left", left.keys()))
				}
				return append(problems, differ("src", s.objects("src"), s.now)...)
			},
		},
		{
			name: "purge", requests: 6, still: true, ops: []string{"ListObjectVersions", "DeleteObjects", "ListMultipartUploads", "AbortMultipartUpload"}, uploads: true,
			before: (*sweep).history,
			run: func(ctx context.Context, _ *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
				return eng.Purge(ctx, dst, engine.PurgeOptions{RunOptions: o})
			},
			look: func(s *sweep, middle bool, _ string) []string { return s.purged(middle) },
		},
		{
			name: "verify", requests: 2, still: true, ops: []string{"ListObjectsV2", "HeadObject", "read"}, calls: 8,
			before: func(s *sweep) { s.now.write(s.t, s.src()); s.put("dst", s.now) },
			run:    verify(false),
			look:   (*sweep).untouched,
		},
		{
			name: "verify bytes", requests: 3, still: true, ops: []string{"ListObjectsV2", "GetObject", "read"}, calls: 10,
			before: func(s *sweep) { s.now.write(s.t, s.src()); s.put("dst", s.now) },
			run:    verify(true),
			look:   (*sweep).untouched,
		},
	}
}

// whatever says how is differs from what it may be: of each name what it becomes,
// or where some of it may be as it was, that.
func (s *sweep) whatever(is tree, middle bool) (problems []string) {
	for key, content := range is {
		old, replaced := was()[key]
		switch want, known := s.now[key]; {
		case extra()[key] == content && content != "":
		case !known:
			problems = append(problems, fmt.Sprintf("%q is there", key))
		case content == want, middle && replaced && content == old:
		default:
			problems = append(problems, fmt.Sprintf("%q has %d bytes of something, not %d", key, len(content), len(want)))
		}
	}
	return problems
}

// synced looks at the destination of a sync with its deletes.
func (s *sweep) synced(is tree, middle bool, struck string) (problems []string) {
	problems = s.whatever(is, middle)
	if !middle {
		return append(problems, differ("destination", is, s.now)...)
	}
	for key := range was() {
		if _, ok := is[key]; !ok {
			problems = append(problems, fmt.Sprintf("%q was there, and is not", key))
		}
	}
	for key := range extra() {
		if _, ok := is[key]; !ok && !strings.HasPrefix(struck, "Delete") {
			problems = append(problems, fmt.Sprintf("%q was deleted by a run that failed", key))
		}
	}
	return problems
}

// moved looks at both sides of a move.
func (s *sweep) moved(src, dst tree, middle bool) (problems []string) {
	problems = s.whatever(dst, middle)
	for key, content := range s.now {
		if src[key] != content && dst[key] != content {
			problems = append(problems, fmt.Sprintf("%q is lost", key))
		}
	}
	if !middle {
		problems = append(problems, differ("source", src, tree{})...)
		problems = append(problems, differ("destination", dst, s.now)...)
	}
	return problems
}

// untouched looks at both sides of a verify.
func (s *sweep) untouched(bool, string) []string {
	return append(differ("source", s.files(s.src()), s.now), differ("destination", s.objects("dst"), s.now)...)
}

// differ compares two trees.
func differ(where string, is, want tree) (problems []string) {
	for key, content := range want {
		if got, ok := is[key]; !ok {
			problems = append(problems, fmt.Sprintf("%s: %q is not there", where, key))
		} else if got != content {
			problems = append(problems, fmt.Sprintf("%s: %q has another content", where, key))
		}
	}
	for key := range is {
		if _, ok := want[key]; !ok {
			problems = append(problems, fmt.Sprintf("%s: %q is there", where, key))
		}
	}
	return problems
}

func (s *sweep) put(bucket string, w tree) {
	s.t.Helper()
	for key, content := range w {
		_, err := s.client.PutObject(s.t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: strings.NewReader(content), ChecksumCRC64NVME: aws.String(checksum.Of([]byte(content)).String()),
		})
		must(s.t, err)
	}
}

func (s *sweep) objects(bucket string) tree {
	s.t.Helper()
	w := tree{}
	page, err := s.client.ListObjectsV2(s.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(s.t, err)
	for i := range page.Contents {
		if key := page.Contents[i].Key; *page.Contents[i].Size > 64<<10 {
			w[*key] = s.large(bucket, *key)
			continue
		}
		out, err := s.client.GetObject(s.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: page.Contents[i].Key})
		must(s.t, err)
		text := make([]byte, *out.ContentLength)
		_, err = io.ReadFull(out.Body, text)
		_ = out.Body.Close()
		must(s.t, err)
		w[*page.Contents[i].Key] = string(text)
	}
	return w
}

// large is the content of an object of which the simulator has no bytes: it says
// itself what has come.
func (s *sweep) large(bucket, key string) string {
	s.t.Helper()
	head, err := s.client.HeadObject(s.t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	must(s.t, err)
	sum := checksum.Of([]byte(s.now["large"]))
	raw, ok := middleware.GetRawResponse(head.ResultMetadata).(*smithyhttp.Response)
	if !ok || raw.Header.Get("X-S3sim-Replaced") != "" || *head.ContentLength != sum.Size || aws.ToString(head.ChecksumCRC64NVME) != sum.String() {
		return fmt.Sprintf("%d bytes with CRC64NVME %s", *head.ContentLength, aws.ToString(head.ChecksumCRC64NVME))
	}
	return s.now["large"]
}

// files are those that are no temporary ones: left looks for these.
func (s *sweep) files(dir string) tree {
	s.t.Helper()
	w := tree{}
	must(s.t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".part") {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		w[filepath.ToSlash(rel)] = string(text)
		return err
	}))
	return w
}

func (s *sweep) uploads(bucket string) (ids []string) {
	s.t.Helper()
	page, err := s.client.ListMultipartUploads(s.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	must(s.t, err)
	for i := range page.Uploads {
		ids = append(ids, *page.Uploads[i].UploadId)
	}
	return ids
}

// history makes versions and markers of a few keys, and an open upload.
func (s *sweep) history() {
	s.t.Helper()
	bucket := aws.String("dst")
	_, err := s.client.PutBucketVersioning(s.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(s.t, err)
	for _, content := range []string{"1", "2"} {
		s.put("dst", tree{"seen": content, "seen too": content, "hidden": content, "hidden too": content})
	}
	s.put("dst", tree{"seen once": "2"})
	for _, key := range []string{"hidden", "hidden too"} {
		_, err := s.client.DeleteObject(s.t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key})
		must(s.t, err)
	}
	_, err = s.client.CreateMultipartUpload(s.t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket, Key: aws.String("upload")})
	must(s.t, err)
}

// purged looks at the bucket of a purge.
func (s *sweep) purged(middle bool) (problems []string) {
	for key, content := range s.objects("dst") {
		if !strings.HasPrefix(key, "seen") || content != "2" {
			problems = append(problems, fmt.Sprintf("%q can be seen, with %q", key, content))
		}
	}
	if middle {
		return problems
	}
	page, err := s.client.ListObjectVersions(s.t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String("dst")})
	must(s.t, err)
	if n := len(page.Versions) + len(page.DeleteMarkers); n > 0 {
		problems = append(problems, fmt.Sprintf("%d versions and markers are left", n))
	}
	return problems
}

// breaker has one call of the file system fail: the one of that index, and for
// good each of the same on the same file.
type breaker struct {
	at    int
	errno syscall.Errno
	good  bool

	mu     sync.Mutex
	n      int
	struck string
	op     string
	key    string
}

func (b *breaker) fault(op, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	what := op + " " + name
	if b.struck == "" && b.n == b.at {
		b.struck, b.op, b.key = what, op, path.Base(filepath.ToSlash(name))
	} else if !b.good || what != b.struck {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: b.errno}
}
