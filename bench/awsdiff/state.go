package main

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// keyFor is the customer's key of a letter, 32 bytes of it.
func keyFor(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func sumOf(letter string) string {
	sum := md5.Sum([]byte(strings.Repeat(letter, 32)))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// told is content, in short.
func told(content []byte) string {
	if len(content) <= 40 {
		return fmt.Sprintf("%q", content)
	}
	return fmt.Sprintf("%d bytes, %x", len(content), sha256.Sum256(content))
}

// moment is a time: what came into being during a run is only "now".
func moment(t time.Time) string {
	if t.After(beginning().Add(365 * 24 * time.Hour)) {
		return "now"
	}
	return t.UTC().Format(time.RFC3339)
}

// local is what is below the working directory, an entry a line.
func (s *side) local() ([]string, error) {
	var all []string
	err := filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.work {
			return err
		}
		rel, err := filepath.Rel(s.work, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch name := filepath.ToSlash(rel); {
		case d.IsDir():
			all = append(all, name+"/")
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			all = append(all, name+" -> "+to)
		case !d.Type().IsRegular():
			all = append(all, name+" "+d.Type().String())
		default:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all = append(all, fmt.Sprintf("%s %v %s %s", name, info.Mode().Perm(), moment(info.ModTime()), told(content)))
		}
		return nil
	})
	return all, err
}

// remote is what is in the store, an entry a line.
func (s *side) remote(ctx context.Context) ([]string, error) {
	buckets, err := s.store.S3.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, b := range buckets.Buckets {
		line, err := s.bucketLine(ctx, *b.Name)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", *b.Name, err)
		}
		all = append(all, line)
		if strings.Contains(line, " region=") {
			continue
		}
		entries, err := s.versions(ctx, *b.Name)
		if err != nil {
			return nil, fmt.Errorf("bucket %s: %w", *b.Name, err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (s *side) bucketLine(ctx context.Context, name string) (string, error) {
	line := "s3://" + name
	where, err := s.store.S3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &name})
	if err != nil {
		return "", err
	}
	if region := string(where.LocationConstraint); region != "" {
		return line + " region=" + region, nil // it is new, and refuses requests for another
	}
	site, err := s.store.S3.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: &name})
	if err == nil {
		if site.IndexDocument != nil {
			line += " index=" + aws.ToString(site.IndexDocument.Suffix)
		}
		if site.ErrorDocument != nil {
			line += " error=" + aws.ToString(site.ErrorDocument.Key)
		}
	} else if !answered(err) {
		return "", err
	}
	tags, err := s.store.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	if err == nil {
		line += tagsOf(tags.TagSet)
	} else if !answered(err) {
		return "", err
	}
	return line, nil
}

// answered says that the store said no, as it does where something is not there.
func answered(err error) bool {
	var said smithy.APIError
	return errors.As(err, &said)
}

func tagsOf(tags []types.Tag) string {
	slices.SortFunc(tags, func(a, b types.Tag) int { return cmp.Compare(*a.Key, *b.Key) })
	var line strings.Builder
	for _, tag := range tags {
		fmt.Fprintf(&line, " tag.%s=%q", *tag.Key, aws.ToString(tag.Value))
	}
	return line.String()
}

func (s *side) versions(ctx context.Context, bucket string) ([]string, error) {
	var all []string
	pages := s3.NewListObjectVersionsPaginator(s.store.S3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range page.DeleteMarkers {
			all = append(all, fmt.Sprintf("s3://%s/%s delete marker latest=%v", bucket, *m.Key, *m.IsLatest))
		}
		for _, v := range page.Versions {
			line, err := s.objectLine(ctx, bucket, v)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", *v.Key, err)
			}
			all = append(all, line)
		}
	}
	uploads, err := s.store.S3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		return nil, err
	}
	for _, up := range uploads.Uploads {
		all = append(all, fmt.Sprintf("s3://%s/%s unfinished upload", bucket, *up.Key))
	}
	slices.Sort(all)
	return all, nil
}

func (s *side) objectLine(ctx context.Context, bucket string, v types.ObjectVersion) (string, error) {
	ask := &s3.HeadObjectInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId}
	out, err := s.store.S3.HeadObject(ctx, ask)
	for _, letter := range []string{"k", "n"} { // a customer's key that cases have
		if err == nil || !answered(err) {
			break
		}
		ask.SSECustomerAlgorithm = aws.String("AES256")
		ask.SSECustomerKey, ask.SSECustomerKeyMD5 = aws.String(keyFor(letter)), aws.String(sumOf(letter))
		out, err = s.store.S3.HeadObject(ctx, ask)
	}
	if err != nil {
		return "", err
	}
	content, err := s.content(ctx, ask)
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("s3://%s/%s latest=%v %s %s", bucket, *v.Key, aws.ToBool(v.IsLatest), moment(*v.LastModified), content)
	say := func(name, value string) {
		if value != "" {
			line += fmt.Sprintf(" %s=%q", name, value)
		}
	}
	say("type", aws.ToString(out.ContentType))
	say("cache", aws.ToString(out.CacheControl))
	say("disposition", aws.ToString(out.ContentDisposition))
	say("encoding", aws.ToString(out.ContentEncoding))
	say("language", aws.ToString(out.ContentLanguage))
	say("expires", aws.ToString(out.ExpiresString))
	say("redirect", aws.ToString(out.WebsiteRedirectLocation))
	say("class", string(v.StorageClass))
	say("sse", string(out.ServerSideEncryption))
	say("kms", aws.ToString(out.SSEKMSKeyId))
	say("customer", aws.ToString(out.SSECustomerKeyMD5))
	for _, name := range slices.Sorted(keysOf(out.Metadata)) {
		say("meta."+name, out.Metadata[name])
	}
	tags, err := s.store.S3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId})
	if err != nil {
		return "", err
	}
	line += tagsOf(tags.TagSet)
	acl, err := s.store.S3.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId})
	if err != nil {
		return "", err
	}
	var grants []string
	for _, g := range acl.Grants {
		who := cmp.Or(aws.ToString(g.Grantee.URI), aws.ToString(g.Grantee.EmailAddress), aws.ToString(g.Grantee.ID))
		if who == aws.ToString(acl.Owner.ID) {
			who = "owner"
		}
		grants = append(grants, fmt.Sprintf(" %s:%s", g.Permission, who[strings.LastIndex(who, "/")+1:]))
	}
	slices.Sort(grants)
	return line + strings.Join(grants, ""), nil
}

// content is what is in the object that was asked for, in short; its size where
// it has to be restored first.
func (s *side) content(ctx context.Context, head *s3.HeadObjectInput) (string, error) {
	out, err := s.store.S3.GetObject(ctx, &s3.GetObjectInput{
		Bucket: head.Bucket, Key: head.Key, VersionId: head.VersionId,
		SSECustomerAlgorithm: head.SSECustomerAlgorithm, SSECustomerKey: head.SSECustomerKey, SSECustomerKeyMD5: head.SSECustomerKeyMD5,
	})
	if err != nil {
		if answered(err) {
			return "archived", nil
		}
		return "", err
	}
	content, err := io.ReadAll(out.Body)
	return told(content), errors.Join(err, out.Body.Close())
}
