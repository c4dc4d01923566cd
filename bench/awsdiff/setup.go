package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// beginning is when every case begins, as far as its files and objects say.
func beginning() time.Time { return time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC) }

// side is one program's copy of a case: its directories and its store.
type side struct {
	dir, work, home string
	store           *lab.Store
	endpoint        *s3sim.Endpoint
	clock           atomic.Int64 // Unix seconds of the store's clock, 0: the real one
}

const keepBodies = 32 << 20

// newSide makes what a case wants to be there.
func newSide(ctx context.Context, dir string, c *testcase) (s *side, err error) {
	s = &side{dir: dir, work: filepath.Join(dir, "work"), home: filepath.Join(dir, "home")}
	for _, d := range []string{s.work, filepath.Join(s.home, ".aws")} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(s.home, ".aws", "config"), []byte(c.config), 0o666); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "stdin"), []byte(c.stdin), 0o666); err != nil {
		return nil, err
	}
	sim, err := s3sim.New(s3sim.Options{KeepBodies: keepBodies, Now: s.now})
	if err != nil {
		return nil, err
	}
	if s.endpoint, err = sim.Listen("127.0.0.1:0", false); err != nil { //nolint:contextcheck // it ends with Close
		return nil, err
	}
	s.store = &lab.Store{
		Endpoint: s.endpoint.URL, Region: s3sim.DefaultRegion, ID: s3sim.DefaultAccessKeyID, Secret: s3sim.DefaultSecretAccessKey,
		Stop: func() error { return s.endpoint.Close(context.WithoutCancel(ctx)) },
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if err := s.store.Connect(ctx); err != nil {
		return s, err
	}
	if err := s.makeBuckets(ctx, c); err != nil {
		return s, fmt.Errorf("buckets: %w", err)
	}
	for _, line := range c.objects {
		if err := s.makeObject(ctx, specOf(line)); err != nil {
			return s, fmt.Errorf("the object %q: %w", line, err)
		}
	}
	s.clock.Store(0)
	for _, line := range c.files {
		if err := s.makeFile(line); err != nil {
			return s, fmt.Errorf("the file %q: %w", line, err)
		}
	}
	return s, nil
}

func (s *side) now() time.Time {
	if sec := s.clock.Load(); sec != 0 {
		return time.Unix(sec, 0)
	}
	return time.Now()
}

func (s *side) close(ctx context.Context) error {
	if s.store.S3 == nil { // never connected
		return s.endpoint.Close(context.WithoutCancel(ctx))
	}
	return s.store.Close()
}

func (s *side) makeBuckets(ctx context.Context, c *testcase) error {
	names := c.buckets
	if !c.bare {
		names = append(slices.Clone(c.buckets), "bkt", "other")
	}
	seen := map[string]bool{}
	for _, name := range names {
		name, versioned := strings.CutSuffix(name, ":versioned")
		if seen[name] {
			continue
		}
		seen[name] = true
		s.clock.Store(beginning().Unix() - 3600)
		if _, err := s.store.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
			return err
		}
		if !versioned {
			continue
		}
		if _, err := s.store.S3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			return err
		}
	}
	return nil
}

// age is the moment that a line names.
func (sp spec) age() (time.Time, error) {
	if sp.more["age"] == "" {
		return beginning(), nil
	}
	n, err := strconv.Atoi(sp.more["age"])
	return beginning().Add(time.Duration(-n) * time.Second), err
}

// body is a line's content.
func (sp spec) body() ([]byte, error) {
	size := sp.more["size"]
	if size == "" {
		return []byte(sp.content), nil
	}
	number, mega := strings.CutSuffix(size, "M")
	n, err := strconv.Atoi(number)
	if mega {
		n <<= 20
	}
	b := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)
	return b[:n], err
}

func (s *side) makeObject(ctx context.Context, sp spec) error {
	bucket, key, ok := strings.Cut(sp.path, "/")
	if !ok {
		return errors.New("it has no key")
	}
	at, err := sp.age()
	if err != nil {
		return err
	}
	body, err := sp.body()
	if err != nil {
		return err
	}
	s.clock.Store(at.Unix())
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), Metadata: map[string]string{}}
	tags := url.Values{}
	for name, value := range sp.more {
		kind, rest, _ := strings.Cut(name, ".")
		switch kind {
		case "age", "size", "parts":
		case "class":
			in.StorageClass = types.StorageClass(value)
		case "type":
			in.ContentType = &value
		case "cache":
			in.CacheControl = &value
		case "disposition":
			in.ContentDisposition = &value
		case "encoding":
			in.ContentEncoding = &value
		case "language":
			in.ContentLanguage = &value
		case "expires":
			when, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return err
			}
			in.Expires = &when
		case "redirect":
			in.WebsiteRedirectLocation = &value
		case "acl":
			in.ACL = types.ObjectCannedACL(value)
		case "sse":
			in.ServerSideEncryption = types.ServerSideEncryption(value)
		case "ssec":
			in.SSECustomerAlgorithm, in.SSECustomerKey = aws.String("AES256"), aws.String(keyFor(value))
			in.SSECustomerKeyMD5 = aws.String(sumOf(value))
		case "meta":
			in.Metadata[rest] = value
		case "tag":
			tags.Set(rest, value)
		default:
			return fmt.Errorf("%q is unknown", name)
		}
	}
	if len(tags) > 0 {
		in.Tagging = aws.String(tags.Encode())
	}
	if _, ok := sp.more["parts"]; ok {
		return s.inParts(ctx, in, body)
	}
	_, err = s.store.S3.PutObject(ctx, in)
	return err
}

// inParts makes an object in parts of 5 MiB, as they are on S3 where large ones
// came in parts.
func (s *side) inParts(ctx context.Context, in *s3.PutObjectInput, body []byte) error {
	create := &s3.CreateMultipartUploadInput{
		Bucket: in.Bucket, Key: in.Key, Metadata: in.Metadata, ContentType: in.ContentType, StorageClass: in.StorageClass,
		CacheControl: in.CacheControl, ContentDisposition: in.ContentDisposition, ContentEncoding: in.ContentEncoding,
		ContentLanguage: in.ContentLanguage, Expires: in.Expires, Tagging: in.Tagging, ACL: in.ACL,
		WebsiteRedirectLocation: in.WebsiteRedirectLocation,
	}
	up, err := s.store.S3.CreateMultipartUpload(ctx, create)
	if err != nil {
		return err
	}
	var done []types.CompletedPart
	number := int32(0)
	for part := range slices.Chunk(body, 5<<20) {
		number++
		got, err := s.store.S3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: up.UploadId, PartNumber: aws.Int32(number), Body: bytes.NewReader(part),
		})
		if err != nil {
			return err
		}
		done = append(done, types.CompletedPart{ETag: got.ETag, PartNumber: aws.Int32(number), ChecksumCRC32: got.ChecksumCRC32})
	}
	_, err = s.store.S3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	return err
}

func (s *side) makeFile(line string) error {
	if link, to, ok := strings.Cut(line, " -> "); ok {
		return os.Symlink(to, s.at(link))
	}
	sp := specOf(line)
	path := s.at(sp.path)
	if strings.HasSuffix(sp.path, "/") {
		return os.MkdirAll(path, 0o777)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if sp.content == "fifo" {
		return makeFIFO(path)
	}
	body, err := sp.body()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, body, 0o666); err != nil {
		return err
	}
	if mode := sp.more["mode"]; mode != "" {
		bits, err := strconv.ParseUint(mode, 8, 32)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, os.FileMode(bits)); err != nil {
			return err
		}
	}
	at, err := sp.age()
	if err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

func (s *side) at(path string) string { return filepath.Join(s.work, filepath.FromSlash(path)) }

// environment is what both programs see, and nothing else.
func (s *side) environment(c *testcase) map[string]string {
	env := map[string]string{
		"HOME": s.home, "TMPDIR": s.dir, "PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
		"AWS_ACCESS_KEY_ID": s.store.ID, "AWS_SECRET_ACCESS_KEY": s.store.Secret,
		"AWS_REGION": s.store.Region, "AWS_DEFAULT_REGION": s.store.Region,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "2", "AWS_PAGER": "",
		"AWS_ENDPOINT_URL_S3": s.store.Endpoint, // aws-cli before 2.13 knows none, and has a flag
	}
	maps.Copy(env, c.env)
	return env
}

// head is the whole of a small file.
func head(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return string(text), err
}
