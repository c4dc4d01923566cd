package difftest

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// request is what a client sent.
type request struct {
	method, path, host string
	query              []string // the raw pairs, sorted
	header             http.Header
	body               []byte
	err                string // of the body
}

func newRequest(r *http.Request, body []byte, err error) *request {
	q := &request{method: r.Method, host: r.Host, header: r.Header.Clone(), body: body}
	var query string
	q.path, query, _ = strings.Cut(r.RequestURI, "?")
	if query != "" {
		q.query = strings.Split(query, "&")
		slices.Sort(q.query)
	}
	// The parser takes these out of the header.
	if r.ContentLength > 0 || r.Header.Get("Content-Length") != "" {
		q.header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	for _, e := range r.TransferEncoding {
		q.header.Add("Transfer-Encoding", e)
	}
	maps.Copy(q.header, r.Trailer)
	if err != nil {
		q.err = err.Error()
	}
	return q
}

func (q *request) String() string {
	return fmt.Sprintf("%s %s?%s", q.method, q.path, strings.Join(q.query, "&"))
}

// blur takes the values out of parameters of the query.
func (q *request) blur(names []string) {
	for i, pair := range q.query {
		if name, _, _ := strings.Cut(pair, "="); slices.Contains(names, name) {
			q.query[i] = name + "=(set)"
		}
	}
}

// unwrap takes an aws-chunked body apart: it is then as if its trailers had
// been headers.
func (q *request) unwrap() error {
	if !strings.HasPrefix(q.header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return nil
	}
	var plain bytes.Buffer
	in := bufio.NewReader(bytes.NewReader(q.body))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("an aws-chunked body: %w", err)
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return fmt.Errorf("an aws-chunked body: %w", err)
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&plain, in, n); err != nil {
			return fmt.Errorf("an aws-chunked body: %w", err)
		}
		if _, err := in.Discard(2); err != nil {
			return fmt.Errorf("an aws-chunked body: %w", err)
		}
	}
	trailer, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return fmt.Errorf("the trailer of an aws-chunked body: %w", err)
	}
	if want := q.header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(plain.Len()) {
		return fmt.Errorf("%d bytes in an aws-chunked body that says %s", plain.Len(), want)
	}
	maps.Copy(q.header, http.Header(trailer))
	q.body = plain.Bytes()
	q.header.Del("X-Amz-Trailer")
	q.header.Del("X-Amz-Decoded-Content-Length")
	q.header.Set("Content-Length", strconv.Itoa(len(q.body)))
	q.header.Del("Transfer-Encoding")
	var codings []string
	for _, v := range q.header.Values("Content-Encoding") {
		for c := range strings.SplitSeq(v, ",") {
			if c = strings.TrimSpace(c); c != "aws-chunked" {
				codings = append(codings, c)
			}
		}
	}
	q.header.Del("Content-Encoding")
	if len(codings) > 0 {
		q.header.Set("Content-Encoding", strings.Join(codings, ","))
	}
	return nil
}

// auth splits an Authorization header.
func (q *request) auth() (scheme, credential string, signed []string) {
	scheme, rest, _ := strings.Cut(q.header.Get("Authorization"), " ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			// All but the date, which may change between two requests.
			scope := strings.Split(value, "/")
			credential = scope[0] + "/" + strings.Join(scope[min(2, len(scope)):], "/")
		case "SignedHeaders":
			signed = strings.Split(value, ";")
		}
	}
	return scheme, credential, signed
}

// unsigned are the headers that a signature has to cover and does not.
func (q *request) unsigned() []string {
	scheme, _, signed := q.auth()
	if scheme == "" {
		return nil
	}
	var missing []string
	for name := range q.header {
		name = strings.ToLower(name)
		if (strings.HasPrefix(name, "x-amz-") || name == "content-md5") && !slices.Contains(signed, name) {
			missing = append(missing, name)
		}
	}
	if !slices.Contains(signed, "host") {
		missing = append(missing, "host")
	}
	slices.Sort(missing)
	return missing
}

// difference is one that is known and wanted.
type difference struct {
	name, why string
	// drop takes it out of a request of either client.
	drop func(q *request)
}

func header(name string) func(*request) {
	return func(q *request) { q.header.Del(name) }
}

// wanted are all the differences that requests may have.
func wanted() []difference {
	return []difference{
		{"user-agent", "each client says which it is", header("User-Agent")},
		{"amz-sdk-invocation-id", "the SDK's own tracing; a new one for each call", header("Amz-Sdk-Invocation-Id")},
		{"amz-sdk-request", "the SDK's own count of attempts, which are Attempts' business", header("Amz-Sdk-Request")},
		{"accept-encoding", "identity, which is what is meant where nothing is said and the transport does not compress", header("Accept-Encoding")},
		{"x-id", "a name of the operation that S3 does not look at", func(q *request) {
			q.query = slices.DeleteFunc(q.query, func(p string) bool { return strings.HasPrefix(p, "x-id=") })
		}},
		{"x-amz-checksum-mode", "see sums in allowed", func(q *request) {
			if q.method == http.MethodGet {
				q.header.Del("X-Amz-Checksum-Mode")
			}
		}},
		{"x-amz-date", "the clock", header("X-Amz-Date")},
		{"signature", "of all of the above; its scope and what it covers are compared apart", header("Authorization")},
	}
}

// bodies are what may differ between two requests that have a body.
func bodies() []difference {
	return []difference{
		{"trailer", "the SDK sends its sum behind the body over TLS, the fast path before it: the sums themselves must be the same", func(q *request) {
			if err := q.unwrap(); err != nil {
				q.err = err.Error()
			}
		}},
		{"x-amz-content-sha256", "design decision 1: a body with a checksum is signed UNSIGNED-PAYLOAD", func(q *request) {
			if q.method == http.MethodPut {
				q.header.Del("X-Amz-Content-Sha256")
			}
		}},
		{"form of a batch", "Quiet stands before the keys: the document means the same", func(q *request) {
			if q.isDelete() {
				q.body = canonicalDelete(q.body)
				q.header.Del("X-Amz-Content-Sha256")   // of the document as it was
				if q.header.Get("Content-Md5") != "" { // the same
					q.header.Set("Content-Md5", "(set)")
				}
				q.header.Del("Content-Length")
			}
		}},
		{"content-type of a part", "a part has none: S3 takes that of the upload", func(q *request) {
			if slices.ContainsFunc(q.query, func(p string) bool { return strings.HasPrefix(p, "partNumber=") }) {
				q.header.Del("Content-Type")
			}
		}},
		{"x-amz-sdk-checksum-algorithm", "says which header has the sum, which the header says itself", header("X-Amz-Sdk-Checksum-Algorithm")},
	}
}

func (q *request) isDelete() bool {
	return q.method == http.MethodPost && slices.Contains(q.query, "delete=")
}

// canonicalDelete writes the document of a DeleteObjects in one form; what is
// none stays as it is.
func canonicalDelete(body []byte) []byte {
	var doc struct {
		XMLName xml.Name
		Quiet   string
		Object  []struct{ Key, VersionID, ETag *string }
		Other   []struct{ XMLName xml.Name } `xml:",any"`
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.ReplaceAll(body, []byte("VersionId>"), []byte("VersionID>"))))
	if d.Decode(&doc) != nil || len(doc.Other) > 0 {
		return body
	}
	b := fmt.Appendf(nil, "%s %s quiet %s", doc.XMLName.Space, doc.XMLName.Local, doc.Quiet)
	for _, o := range doc.Object {
		b = append(b, '\n')
		for _, s := range []*string{o.Key, o.VersionID, o.ETag} {
			if s != nil {
				b = fmt.Appendf(b, " %q", *s)
			}
		}
	}
	return b
}

// used counts how often each wanted difference was one.
type used struct {
	mu sync.Mutex
	n  map[string]int
}

func (u *used) add(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n == nil {
		u.n = map[string]int{}
	}
	u.n[name]++
}

func (u *used) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(u.n)) {
		fmt.Fprintf(&b, " %s %d", name, u.n[name])
	}
	return b.String()
}

// differs says in what two requests differ that is not wanted.
func differs(sdk, fast *request, u *used) []string {
	var all []string
	say := func(what string, a, b any) {
		all = append(all, fmt.Sprintf("%s:\n\tsdk  %q\n\tfast %q", what, a, b))
	}
	_, acred, _ := sdk.auth()
	_, bcred, _ := fast.auth()
	if acred != bcred {
		say("scope of the signature", acred, bcred)
	}
	// Two of the SDK's own are not signed by the SDK either.
	if a, b := sdk.unsigned(), fast.unsigned(); len(b) > 0 && !slices.Equal(a, b) {
		say("not signed", a, b)
	}
	for _, d := range slices.Concat(bodies(), wanted()) {
		a, b := sdk.text(), fast.text()
		d.drop(sdk)
		d.drop(fast)
		if apart(a, b) != apart(sdk.text(), fast.text()) {
			u.add(d.name)
		}
	}
	if sdk.method != fast.method {
		say("method", sdk.method, fast.method)
	}
	if sdk.path != fast.path {
		say("path", sdk.path, fast.path)
	}
	if sdk.host != fast.host {
		say("host", sdk.host, fast.host)
	}
	if !slices.Equal(sdk.query, fast.query) {
		say("query", sdk.query, fast.query)
	}
	names := map[string]bool{}
	for name := range sdk.header {
		names[name] = true
	}
	for name := range fast.header {
		names[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a, b := sdk.header.Values(name), fast.header.Values(name); !slices.Equal(a, b) {
			say("header "+name, a, b)
		}
	}
	if !bytes.Equal(sdk.body, fast.body) {
		say("body", shorten(sdk.body), shorten(fast.body))
	}
	if sdk.err != fast.err {
		say("body's end", sdk.err, fast.err)
	}
	return all
}

// text is the request in one string, without its body.
func (q *request) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %q %d\n", q.method, q.path, q.host, q.query, len(q.body))
	_ = q.header.Write(&b)
	return b.String()
}

// apart is how many lines two texts do not have in common.
func apart(a, b string) int {
	lines := map[string]int{}
	for l := range strings.Lines(a) {
		lines[l]++
	}
	for l := range strings.Lines(b) {
		lines[l]--
	}
	n := 0
	for _, c := range lines {
		n += max(c, -c)
	}
	return n
}

func shorten(b []byte) string {
	if len(b) > 300 {
		return fmt.Sprintf("%s… (%d bytes)", b[:300], len(b))
	}
	return string(b)
}
