package s3sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	algorithmV4 = "AWS4-HMAC-SHA256"
	maxSkew     = 15 * time.Minute
	amzDate     = "20060102T150405Z"
)

// verifier knows the keys that requests are signed with.
type verifier struct {
	mu      sync.Mutex
	id      string
	secret  string
	token   string
	expired map[string]bool
	keys    map[string][]byte // signing keys by their scope
}

func (v *verifier) rotate(id, secret, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.id != "" && v.id != id {
		if v.expired == nil {
			v.expired = map[string]bool{}
		}
		v.expired[v.id] = true
	}
	delete(v.expired, id)
	v.id, v.secret, v.token = id, secret, token
	v.keys = map[string][]byte{}
}

// key returns the signing key of a scope, or S3's error of an access key that
// is not the one.
func (v *verifier) key(id, token, scope string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.expired[id]:
		return nil, badRequest("ExpiredToken", "The provided token has expired.")
	case id != v.id:
		return nil, failure(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.").with("AWSAccessKeyId", id)
	case token != v.token:
		return nil, badRequest("InvalidToken", "The provided token is malformed or otherwise invalid.")
	}
	if key := v.keys[scope]; key != nil {
		return key, nil
	}
	if len(v.keys) > 100 {
		clear(v.keys)
	}
	key := []byte("AWS4" + v.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacSHA256(key, part)
	}
	v.keys[scope] = key
	return key, nil
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// credential is what a signature says of itself.
type credential struct {
	id, scope      string // scope: date/region/s3/aws4_request
	date, region   string
	signed         string // names of headers
	signature      string
	presigned      bool
	moment, lasts  string
	token, payload string
}

// signedRegion is the region that the request is signed for; "" where it is not
// signed, or for several.
func (c *call) signedRegion() string {
	var cred string
	if auth := c.header("Authorization"); auth != "" {
		_, after, ok := strings.Cut(auth, "Credential=")
		if !ok || !strings.HasPrefix(auth, algorithmV4) {
			return ""
		}
		cred, _, _ = strings.Cut(after, ",")
	} else {
		cred = c.get("X-Amz-Credential")
	}
	for range 2 {
		_, after, ok := strings.Cut(cred, "/")
		if !ok {
			return ""
		}
		cred = after
	}
	region, _, _ := strings.Cut(cred, "/")
	return region
}

// authorize verifies the signature where that is asked of the server.
func (c *call) authorize() error {
	if !c.s.options.VerifySignatures {
		return nil
	}
	cred, err := c.readCredential()
	if err != nil {
		return err
	}
	t, err := time.Parse(amzDate, cred.moment)
	if err != nil || !strings.HasPrefix(cred.moment, cred.date) {
		return accessDenied("AWS authentication requires a valid Date or x-amz-date header")
	}
	now := c.s.now()
	if cred.presigned {
		seconds, err := parseSize(cred.lasts)
		if err != nil || seconds > 7*24*3600 {
			return badRequest("AuthorizationQueryParametersError", "X-Amz-Expires must be a number of at most a week, in seconds")
		}
		if t.After(now.Add(maxSkew)) {
			return accessDenied("Request is not valid yet")
		}
		if now.After(t.Add(time.Duration(seconds) * time.Second)) {
			return accessDenied("Request has expired").with("X-Amz-Expires", cred.lasts).with("ServerTime", now.UTC().Format(time.RFC3339))
		}
	} else if t.Before(now.Add(-maxSkew)) || t.After(now.Add(maxSkew)) {
		return failure(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.").
			with("RequestTime", cred.moment).with("ServerTime", now.UTC().Format(time.RFC3339)).with("MaxAllowedSkewMilliseconds", strconv.FormatInt(maxSkew.Milliseconds(), 10))
	}
	key, err := c.s.signer.key(cred.id, cred.token, cred.scope)
	if err != nil {
		return err
	}
	canonical := c.canonicalRequest(cred)
	sum := sha256.Sum256([]byte(canonical))
	toSign := algorithmV4 + "\n" + cred.moment + "\n" + cred.scope + "\n" + hex.EncodeToString(sum[:])
	want := hex.EncodeToString(hmacSHA256(key, toSign))
	if subtle.ConstantTimeCompare([]byte(want), []byte(cred.signature)) != 1 {
		return failure(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.").
			with("AWSAccessKeyId", cred.id).with("StringToSign", toSign).with("SignatureProvided", cred.signature).with("CanonicalRequest", canonical)
	}
	c.verified = true
	return nil
}

// readCredential reads the signature's parts from header or query.
func (c *call) readCredential() (credential, error) {
	var cred credential
	var scope string
	switch auth := c.header("Authorization"); {
	case auth != "":
		rest, ok := strings.CutPrefix(auth, algorithmV4+" ")
		if !ok {
			return cred, badRequest("InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
		}
		for field := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			switch name {
			case "Credential":
				scope = value
			case "SignedHeaders":
				cred.signed = value
			case "Signature":
				cred.signature = value
			}
		}
		cred.moment, cred.token, cred.payload = c.header(hAmzDate), c.header("X-Amz-Security-Token"), c.header(hContentSHA256)
		if cred.payload == "" {
			return cred, badRequest("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
		}
	case c.get("X-Amz-Algorithm") == algorithmV4:
		cred.presigned = true
		scope = c.get("X-Amz-Credential")
		cred.signed, cred.signature = c.get("X-Amz-SignedHeaders"), c.get("X-Amz-Signature")
		cred.moment, cred.lasts, cred.token = c.get("X-Amz-Date"), c.get("X-Amz-Expires"), c.get("X-Amz-Security-Token")
		cred.payload = "UNSIGNED-PAYLOAD"
		if sum := c.get("X-Amz-Content-Sha256"); sum != "" {
			cred.payload = sum
		} else if sum := c.header(hContentSHA256); sum != "" {
			cred.payload = sum
		}
	default:
		return cred, accessDenied("Access Denied")
	}
	parts := strings.Split(scope, "/")
	n := len(parts)
	if n < 5 || cred.signed == "" || cred.signature == "" || parts[n-1] != "aws4_request" || parts[n-2] != "s3" {
		return cred, badRequest("AuthorizationHeaderMalformed", "The authorization header is malformed; the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
	}
	cred.id = strings.Join(parts[:n-4], "/")
	cred.scope = strings.Join(parts[n-4:], "/")
	cred.date, cred.region = parts[n-4], parts[n-3]
	return cred, nil
}

// canonicalRequest is what was signed
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
func (c *call) canonicalRequest(cred credential) string {
	out := make([]byte, 0, 1024)
	out = append(append(out, c.r.Method...), '\n')
	path, _ := url.PathUnescape(c.rawPath) // it was parsed before
	out = append(appendURI(out, path, false), '\n')

	pairs := make([]string, 0, len(c.query))
	for _, p := range c.query {
		if p.name == "X-Amz-Signature" {
			continue
		}
		pair := append(appendURI(nil, p.name, true), '=')
		pairs = append(pairs, string(appendURI(pair, p.value, true)))
	}
	sort.Slice(pairs, func(i, j int) bool {
		a, b, _ := strings.Cut(pairs[i], "=")
		x, y, _ := strings.Cut(pairs[j], "=")
		return a < x || a == x && b < y
	})
	out = append(append(out, strings.Join(pairs, "&")...), '\n')

	for name := range strings.SplitSeq(cred.signed, ";") {
		out = append(append(out, name...), ':')
		out = append(append(out, c.signedHeader(name)...), '\n')
	}
	out = append(append(append(out, '\n'), cred.signed...), '\n')
	return string(append(out, cred.payload...))
}

// signedHeader is a header's value as it was signed.
func (c *call) signedHeader(name string) string {
	switch name {
	case "host":
		return c.r.Host
	case "content-length":
		return formatSize(c.r.ContentLength)
	case "transfer-encoding":
		return strings.Join(c.r.TransferEncoding, ",")
	}
	values := c.r.Header[http.CanonicalHeaderKey(name)]
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = squeeze(v)
	}
	return strings.Join(trimmed, ",")
}

// squeeze trims spaces, and makes one of several.
func squeeze(s string) string {
	s = strings.TrimSpace(s)
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// appendURI encodes as signatures do.
func appendURI(dst []byte, s string, slash bool) []byte {
	for i := range len(s) {
		ch := s[i]
		switch {
		case ch >= 'a' && ch <= 'z', ch >= 'A' && ch <= 'Z', ch >= '0' && ch <= '9',
			ch == '-', ch == '_', ch == '.', ch == '~', ch == '/' && !slash:
			dst = append(dst, ch)
		default:
			dst = append(dst, '%', "0123456789ABCDEF"[ch>>4], "0123456789ABCDEF"[ch&15])
		}
	}
	return dst
}
