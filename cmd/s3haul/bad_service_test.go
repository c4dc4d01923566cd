package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/wiretest"

	"github.com/s3haul/s3haul/engine/report"
)

// keyed is the environment of who has the keys of the store already.
func keyed(env ...string) []string {
	k := finalKeys()
	return append([]string{"AWS_ACCESS_KEY_ID=" + k.id, "AWS_SECRET_ACCESS_KEY=" + k.secret, "AWS_SESSION_TOKEN=" + k.token}, env...)
}

// A bucket that is elsewhere than the configuration says is found, and a copy
// between two regions is made by the store.
func TestRegionRedirect(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	p.write(t, "src/f", "content")
	p.write(t, "src/g", "more")
	for _, q := range []struct{ args, want string }{
		{"cp src/f s3://far-away/k", "upload: src/f to s3://far-away/k\n"},
		{"cp s3://far-away/k back", "download: s3://far-away/k to ./back\n"},
		{"sync src s3://far-away/tree --exclude f", "upload: src/g to s3://far-away/tree/g\n"},
		{"cp s3://far-away/k s3://bucket/k", "copy: s3://far-away/k to s3://bucket/k\n"},
		{"cp s3://bucket/k s3://far-away/k2 --source-region us-east-1 --region eu-west-3", "copy: s3://bucket/k to s3://far-away/k2\n"},
		{"cp s3://bucket/k s3://far-away/k3 --client sdk", "copy: s3://bucket/k to s3://far-away/k3\n"},
		{"rm s3://far-away --recursive --exclude k --only-show-errors", ""},
		{"mv s3://far-away/k s3://bucket/k4", "move: s3://far-away/k to s3://bucket/k4\n"},
		{"rb s3://far-away", "remove_bucket: far-away\n"},
	} {
		if r := p.run(t, keyed(), strings.Fields(q.args)...); r.code != 0 || r.stdout != q.want {
			t.Errorf("%s: exit code %d\n%s%s", q.args, r.code, r.stdout, r.stderr)
		}
	}
	if got, err := os.ReadFile(filepath.Join(p.home, "back")); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
}

// The proxy of the environment is used.
func TestProxy(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	p.write(t, "f", "x")
	store, err := url.Parse(p.store.URL)
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Host != "store.example:9000" || r.URL.Host != r.Host {
			t.Errorf("the proxy was asked for %s at %s", r.URL, r.Host)
		}
		r.URL.Scheme, r.URL.Host = "", "" // as the store is asked
		httputil.NewSingleHostReverseProxy(store).ServeHTTP(w, r)
	}))
	defer proxy.Close()
	args := []string{"cp", "f", "s3://bucket/k", "--endpoint-url", "http://store.example:9000"}
	if r := p.run(t, keyed("HTTP_PROXY="+proxy.URL), args...); r.code != 0 || asked.Load() != 1 {
		t.Errorf("exit code %d, the proxy was asked %d times\n%s%s", r.code, asked.Load(), r.stdout, r.stderr)
	}
}

// What is wrong with the account or the endpoint is said, and what to do.
func TestBadService(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	p.write(t, "f", "x")
	p.sim.Rotate("ASIANEXT", "s", "t") // the keys have ended
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		_, _ = io.WriteString(w, "<html><body>welcome</body></html>")
	}))
	defer page.Close()
	const noS3 = "\n  what answers there is no S3: check --endpoint-url, and proxies on the way\n"
	list, put := "An error occurred (200) when calling the ListObjectsV2 operation: the answer is not S3's"+noS3, noS3
	if wiretest.SDK() { // which sees no more of such an answer
		list, put = "listing s3://bucket/: the answer is no listing"+noS3, "\n"
	}
	for _, q := range []struct {
		args string
		code int
		says string
	}{
		{"ls", exitService, "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided token has expired.\n  request ID: the session has ended: log in again\n"},
		{"cp f s3://bucket/k", exitFailed, "upload failed: ./f to s3://bucket/k An error occurred (ExpiredToken) when calling the PutObject operation: The provided token has expired.\n  request ID: the session has ended: log in again\n"},
		{"ls --endpoint-url " + page.URL, exitOther, "listing the buckets: the answer is no listing" + noS3},
		{"ls s3://bucket --endpoint-url " + page.URL, exitOther, list},
		{"cp f s3://bucket/k --endpoint-url " + page.URL, exitFailed, "upload failed: ./f to s3://bucket/k An error occurred (MethodNotAllowed) when calling the PutObject operation: Method Not Allowed" + put},
		{"ls --region eu_west", exitUsage, "s3haul: error: Provided region_name 'eu_west' doesn't match a supported format: "},
		{"cp f s3://bucket/k --region -", exitUsage, "s3haul: error: Provided region_name '-' doesn't match a supported format: "},
		{"cp s3://bucket/k s3://bucket/l --source-region eu_west", exitUsage, "s3haul: error: the source: Provided region_name 'eu_west'"},
		{"ls s3://arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/mine", exitUsage, "s3haul: error: s3 commands do not support S3 Object Lambda resources. Use s3api commands instead.\n"},
		{"ls s3://arn:aws:s3-outposts:eu-west-1:123456789012:outpost/op-1/bucket/mine", exitUsage, "s3haul: error: s3 commands do not support Outpost Bucket ARNs. Use s3control commands instead.\n"},
		{"ls s3://arn:aws:s3:::mine/", exitUsage, "s3haul: error: Invalid bucket name \"arn:aws:s3:::mine\""},
	} {
		r := p.run(t, keyed("AWS_REGION=us-east-1"), strings.Fields(q.args)...)
		if says := withoutID(r.stderr); r.code != q.code || r.stdout != "" || !strings.HasPrefix(says, q.says) {
			t.Errorf("%s: exit code %d, want %d\n%s%s\nwant\n%s", q.args, r.code, q.code, r.stdout, says, q.says)
		}
	}
}

// withoutID puts ID for the id of a request.
func withoutID(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, "  request "); ok {
			_, after, _ := strings.Cut(rest, ":")
			lines[i] = "  request ID:" + after
		}
	}
	return strings.Join(lines, "\n")
}

// Of a host of S3's that has no address it is the region that may be wrong.
func TestAdviceOfHostsThatAreNot(t *testing.T) {
	t.Parallel()
	for host, advice := range map[string]string{
		"s3.nowhere-1.amazonaws.com":                             "is there a region nowhere-1? ",
		"bucket.s3.nowhere-1.amazonaws.com":                      "is there a region nowhere-1? ",
		"my.s3.bucket.s3.dualstack.eu-nowhere-1.amazonaws.com":   "is there a region eu-nowhere-1? ",
		"bucket.s3-fips.us-gov-9.amazonaws.com":                  "is there a region us-gov-9? ",
		"mine-123456789012.s3-accesspoint.eu-9.amazonaws.com":    "is there a region eu-9? ",
		"bucket.s3.cn-nowhere-1.amazonaws.com.cn":                "is there a region cn-nowhere-1? ",
		"bucket.s3-accelerate.amazonaws.com":                     "check --endpoint-url",
		"store.example":                                          "check --endpoint-url",
		"s3.nowhere-1.amazonaws.com.example":                     "check --endpoint-url",
		"mine-1.op-1.s3-outposts.us-nowhere-2.amazonaws.com":     "is there a region us-nowhere-2? ",
		"mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com": "check --endpoint-url",
		"bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com":       "check --endpoint-url",
	} {
		err := fmt.Errorf("operation error: %w", &url.Error{
			Op: "Get", URL: "https://" + host + "/key?X-Amz-Signature=secret",
			Err: &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}},
		})
		p := report.Explain(advise(err))
		if want := fmt.Sprintf("Could not connect to the endpoint URL: %q: the host %q has no address", "https://"+host+"/key", host); p.String() != want || !strings.HasPrefix(p.Advice, advice) {
			t.Errorf("%s\n%s\nwant\n%s", p, p.Advice, want)
		}
	}
	if got := advise(errors.New("else")); got.Error() != "else" {
		t.Error(got)
	}
}
