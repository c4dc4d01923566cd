package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptySHA256     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// maxErrorBody bounds what is read of an answer that tells of an error.
	maxErrorBody = 1 << 20
)

// request is one request of the fast path, to be sent as often as it takes.
type request struct {
	op, method  string
	bucket, key string
	query       string
	header      http.Header
	// body is nil where there is none; it is rewound to start for each try.
	body   io.ReadSeeker
	start  int64
	length int64
	// signed says that the SHA-256 of the body belongs into the signature.
	signed bool
}

// sender signs requests and sends them over one transport.
type sender struct {
	transport http.RoundTripper
	signer    *v4.Signer
	creds     aws.CredentialsProvider
	renewal   *renewal
	places    *places
	agent     string
	noSign    bool
	signBody  bool
	notice    func(string)
	noticed   atomic.Bool
	// skew is what the clock of the store is ahead of ours, in nanoseconds.
	skew atomic.Int64
	// buffers are what answers are read into, *bytes.Buffer.
	buffers sync.Pool
	// copies are small bodies, *bodyCopy.
	copies sync.Pool
}

// send sends r, and has the answer read where its status is one of success. It
// sends again, once for each reason, where that heals by itself: a bucket in
// another region, a wrong clock, a token that has expired, a redirect. When it
// returns, nothing reads the body of r any more.
func (s *sender) send(ctx context.Context, at *place, r *request, read func(*http.Response) error) error {
	var moved, clock, token bool
	for redirects := 0; ; {
		began, since := time.Now(), s.renewal.now()
		resp, cleanup, err := s.once(ctx, at, r)
		if err == nil && resp.StatusCode >= 200 && resp.StatusCode < 300 {
			err = read(resp)
			cleanup()
			return err
		}
		if err != nil {
			cleanup()
			return err
		}
		err = r.refused(resp)
		cleanup()
		if t := httptrace.ContextClientTrace(ctx); t != nil && t.GetConn != nil {
			t.GetConn(at.host) // until the next try nothing waits for a connection
		}
		if ctx.Err() != nil {
			return r.fail(&smithy.CanceledError{Err: ctx.Err()})
		}
		switch {
		case redirects < maxRedirects && (resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect):
			next, query := at.redirected(resp.Header.Get("Location"), r.key)
			if next == nil {
				return err
			}
			redirects++
			at = next
			if query != "" {
				r.query = query
			}
		case !moved && s.places.regions.learn(r.bucket, s.places.options.Region, err):
			moved = true
			at = s.places.of(ctx, r.bucket)
		case !clock && s.adjust(resp, r, time.Since(began), err):
			clock = true
		case !token && s.renewal.expired(since, err):
			token = true
		default:
			return err
		}
		if r.body != nil {
			if _, serr := r.body.Seek(r.start, io.SeekStart); serr != nil {
				return errors.Join(err, r.fail(serr))
			}
		}
	}
}

// redirected returns the place that a 307 names, and the query that it has, or
// nil where it is not to be followed: nothing that was meant for TLS goes
// without, and what is another key is another object.
func (p *place) redirected(location, key string) (*place, string) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != p.scheme {
		return nil, ""
	}
	// Compared as they are meant: a store may escape what we do not.
	prefix, ok := strings.CutSuffix(u.Path, "/"+key)
	if !ok && key != "" {
		return nil, ""
	}
	next := *p
	next.scheme, next.host, next.path, next.loopback = u.Scheme, u.Host, escapeKey(prefix), loopback(u)
	return &next, u.RawQuery
}

// once signs and sends r. When the answer has been read, or there is none,
// cleanup must be called: from then on nothing reads the body any more.
func (s *sender) once(ctx context.Context, at *place, r *request) (*http.Response, func(), error) {
	nothing := func() {}
	req, err := s.build(at, r)
	if err != nil {
		return nil, nothing, r.fail(err)
	}
	if !s.noSign {
		creds, err := s.creds.Retrieve(ctx)
		if err != nil {
			return nil, nothing, r.fail(fmt.Errorf("get credentials: %w", err))
		}
		now := time.Now().Add(time.Duration(s.skew.Load())).UTC()
		hash := req.Header.Get("X-Amz-Content-Sha256")
		if err := s.signer.SignHTTP(ctx, creds, req, hash, at.service, at.region, now); err != nil {
			return nil, nothing, r.fail(err)
		}
	}
	var cleanup func()
	ctx, cleanup, err = s.lend(ctx, r, req)
	if err != nil {
		return nil, cleanup, r.fail(err)
	}
	req = req.WithContext(ctx)
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, cleanup, r.fail(&smithy.CanceledError{Err: ctx.Err()})
		}
		shown := *req.URL
		shown.RawQuery = "" // an upload id concerns nobody
		return nil, cleanup, r.fail(&smithyhttp.RequestSendError{
			Err: &url.Error{Op: r.method[:1] + strings.ToLower(r.method[1:]), URL: shown.String(), Err: err},
		})
	}
	return resp, cleanup, nil
}

// build makes the request as it is signed.
func (s *sender) build(at *place, r *request) (*http.Request, error) {
	u := &url.URL{Scheme: at.scheme, Host: at.host, RawQuery: r.query}
	escaped := at.path
	if r.key != "" || escaped == "" {
		escaped += "/" + escapeKey(r.key)
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, err
	}
	u.Path = path
	if path != escaped {
		u.RawPath = escaped
	}
	if err := secret(u, r.header); err != nil {
		return nil, err
	}
	h := r.header // what is set here and by the signer is set anew for each try
	for name := range at.header {
		h[name] = at.header[name]
	}
	h["User-Agent"] = []string{s.agent}
	hash, err := s.payloadHash(at, r)
	if err != nil {
		return nil, err
	}
	h["X-Amz-Content-Sha256"] = []string{hash}
	delete(h, "X-Amz-Security-Token") // which the signer leaves where the new credentials have none
	return &http.Request{
		Method: r.method, URL: u, Host: at.host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: r.length,
	}, nil
}

// payloadHash says what stands for the body in the signature.
func (s *sender) payloadHash(at *place, r *request) (string, error) {
	switch {
	case r.body == nil || r.length == 0:
		return emptySHA256, nil
	case !r.signed && !s.signBody:
		if at.scheme == "http" && !at.loopback && s.notice != nil && s.noticed.CompareAndSwap(false, true) {
			s.notice("the endpoint is http: what is sent to " + at.host + " can be read on the way, and bodies are not signed" +
				" (checksums protect them from damage, not from forgery); use https, or payload_signing_enabled = true")
		}
		return unsignedPayload, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, r.body); err != nil {
		return "", err
	}
	if _, err := r.body.Seek(r.start, io.SeekStart); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// escapeKey escapes a key as the signature wants it: all but A-Z a-z 0-9 - . _ ~
// and the slash
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func escapeKey(key string) string {
	plain := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || c == '/'
	}
	n := 0
	for i := range len(key) {
		if !plain(key[i]) {
			n++
		}
	}
	if n == 0 {
		return key
	}
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(key)+2*n)
	for i := range len(key) {
		if c := key[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// adjust corrects the clock by that of an answer that says that it is wrong.
func (s *sender) adjust(resp *http.Response, r *request, took time.Duration, err error) bool {
	ahead, wrong := wrongClock(resp, r.header, took, err)
	if wrong {
		s.skew.Store(int64(ahead))
	}
	return wrong
}

// fail says of which operation err is, as the SDK does.
func (r *request) fail(err error) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: r.op, Err: err}
}

// refused reads the answer to a request that failed, and closes it.
func (r *request) refused(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil && len(body) == 0 {
		return r.fail(responseError(resp, s3xml.ErrorDocument{}, &smithy.DeserializationError{
			Err: fmt.Errorf("the answer with status %d broke off: %w", resp.StatusCode, err),
		}))
	}
	return r.failed(resp, body)
}

func isLoopbackIP(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
