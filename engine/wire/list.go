package wire

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the one sum of a batch that every store takes
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
	"github.com/s3haul/s3haul/walker/bucket"
)

// maxAnswer bounds a listing: 1,000 keys of 1,024 bytes, three times as long
// where they are escaped, and what else there is of each of them.
const maxAnswer = 32 << 20

// query is the query of a listing, in the order in which it is written.
type query []byte

func (q *query) add(name, value string) {
	if len(*q) > 0 {
		*q = append(*q, '&')
	}
	*q = append(*q, name...)
	*q = append(*q, '=')
	*q = append(*q, url.QueryEscape(value)...)
}

func (q *query) addIf(name, value string) {
	if value != "" {
		q.add(name, value)
	}
}

func (q *query) maxKeys(n int) {
	if n > 0 {
		q.add("max-keys", strconv.Itoa(min(n, bucket.MaxKeys)))
	}
}

// ListObjects implements bucket.Lister.
func (c *fast) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	at := c.places.of(ctx, req.Bucket)
	if at.sdk || req.Bucket == "" {
		return c.sdk.ListObjects(ctx, req, into)
	}
	var q query
	q.add("list-type", "2")
	q.addIf("continuation-token", req.Token)
	q.addIf("delimiter", req.Delimiter)
	q.add("encoding-type", "url") // keys may hold what XML cannot carry
	q.maxKeys(req.MaxKeys)
	q.addIf("prefix", req.Prefix)
	if req.Token == "" {
		q.addIf("start-after", req.StartAfter)
	}
	r := listing("ListObjectsV2", req.Bucket, q, req.RequestPayer)
	return c.read(ctx, at, r, func(_ *http.Response, b []byte) error {
		if err := s3xml.ListObjects(b, into); err != nil {
			return fmt.Errorf("listing s3://%s/%s: %w", req.Bucket, req.Prefix, err)
		}
		return checkObjects(req, false, into)
	})
}

// ListVersions implements bucket.VersionLister.
func (c *fast) ListVersions(ctx context.Context, req bucket.VersionsRequest, into *bucket.Page) error {
	at := c.places.of(ctx, req.Bucket)
	if at.sdk || req.Bucket == "" {
		return c.sdk.ListVersions(ctx, req, into)
	}
	q := query("versions=")
	q.addIf("delimiter", req.Delimiter)
	q.add("encoding-type", "url")
	q.addIf("key-marker", req.KeyMarker)
	q.maxKeys(req.MaxKeys)
	q.addIf("prefix", req.Prefix)
	q.addIf("version-id-marker", req.VersionIDMarker)
	r := listing("ListObjectVersions", req.Bucket, q, req.RequestPayer)
	return c.read(ctx, at, r, func(_ *http.Response, b []byte) error {
		if err := s3xml.ListVersions(b, into); err != nil {
			return fmt.Errorf("listing the versions of s3://%s/%s: %w", req.Bucket, req.Prefix, err)
		}
		orderVersions(into.Entries)
		return checkVersions(req, false, into)
	})
}

func listing(op, bucket string, q query, payer bool) *request {
	r := &request{op: op, method: http.MethodGet, bucket: bucket, query: string(q), header: http.Header{}}
	if payer {
		r.header["X-Amz-Request-Payer"] = []string{"requester"}
	}
	return r
}

// DeleteObjects implements Deleter. The body is always part of the signature:
// it says what is to be deleted.
func (c *fast) DeleteObjects(ctx context.Context, bucket string, ids []ObjectID, o DeleteOptions) ([]DeleteFailure, error) {
	at := c.places.of(ctx, bucket)
	if at.sdk || bucket == "" {
		return c.sdk.DeleteObjects(ctx, bucket, ids, o)
	}
	r := &request{op: "DeleteObjects", method: http.MethodPost, bucket: bucket, query: "delete=", signed: true}
	if len(ids) > MaxDelete {
		return nil, tooMany(len(ids))
	}
	buf := c.buffer()
	defer c.buffers.Put(buf) // send reads no body when it has returned
	body, err := s3xml.AppendDelete(buf.AvailableBuffer(), len(ids), func(i int) (key, versionID, etag string) {
		return ids[i].Key, ids[i].VersionID, ids[i].ETag
	})
	if err != nil {
		return nil, r.fail(&smithy.SerializationError{Err: err})
	}
	*buf = *bytes.NewBuffer(body) // which may have grown
	sum := md5.Sum(body)          //nolint:gosec // see above
	r.body, r.length = bytes.NewReader(body), int64(len(body))
	r.header = http.Header{
		"Content-Type": {"application/xml"},
		"Content-Md5":  {base64.StdEncoding.EncodeToString(sum[:])},
	}
	if o.BypassGovernance {
		r.header["X-Amz-Bypass-Governance-Retention"] = []string{"true"}
	}
	if o.MFA != "" {
		r.header["X-Amz-Mfa"] = []string{o.MFA}
	}
	if o.RequestPayer {
		r.header["X-Amz-Request-Payer"] = []string{"requester"}
	}
	var failed []DeleteFailure
	var id string
	err = c.read(ctx, at, r, func(resp *http.Response, b []byte) error {
		id = resp.Header.Get("X-Amz-Request-Id")
		failed = failed[:0]
		_, err := s3xml.DeleteResult(b, func(key, versionID, code, message string) {
			failed = append(failed, DeleteFailure{
				ObjectID: ObjectID{Key: key, VersionID: versionID},
				Err:      &APIError{Op: r.op, Code: code, Message: message, RequestID: id},
			})
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return failed, nil
}

func tooMany(n int) error {
	return fmt.Errorf("DeleteObjects: %d keys in one batch, %d at most", n, MaxDelete)
}

// buffer returns one that is empty, for c.buffers to get back.
func (s *sender) buffer() *bytes.Buffer {
	buf, _ := s.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = &bytes.Buffer{}
	}
	buf.Reset()
	return buf
}

// read sends r and parses the body of the answer, which is not kept.
func (c *fast) read(ctx context.Context, at *place, r *request, parse func(*http.Response, []byte) error) error {
	return c.send(ctx, at, r, func(resp *http.Response) error {
		defer resp.Body.Close()
		buf := c.buffer()
		defer c.buffers.Put(buf)
		if n := resp.ContentLength; n > 0 && n <= maxAnswer {
			buf.Grow(int(n) + bytes.MinRead)
		}
		n, err := buf.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
		switch {
		case err != nil:
			err = fmt.Errorf("the answer broke off after %d bytes: %w", n, err)
		case n > maxAnswer:
			err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
		default:
			err = parse(resp, buf.Bytes())
		}
		if err == nil {
			return nil
		}
		// S3 may find out late that it cannot do it, and then says so in an
		// answer that began as a success.
		if instead, ok := errors.AsType[*s3xml.InsteadError](err); ok {
			return r.fail(responseError(resp, instead.ErrorDocument, modelled(r.op, instead.ErrorDocument, instead.Message)))
		}
		return r.unread(resp, err)
	})
}
