package difftest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// regions are answers that send a client elsewhere; each case has clients of
// its own, for what they remember.
func regions(t *testing.T, in *world) {
	document := func(code, message string) string {
		return "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
	}
	good := func(w http.ResponseWriter, r *http.Request) {
		body := ""
		switch q := r.URL.Query(); {
		case q.Has("list-type"):
			body = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
		case q.Has("versions"):
			body = "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"
		case q.Has("delete"):
			body = "<DeleteResult/>"
		}
		reply(http.StatusOK, nil, body)(w, r)
	}
	elsewhere := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/s3/") {
				good(w, r)
				return
			}
			answer(w, r)
		}
	}
	moved := map[string]string{"X-Amz-Bucket-Region": "eu-west-1"}
	first := func(answer http.HandlerFunc) func() http.HandlerFunc {
		return func() http.HandlerFunc {
			var once sync.Once
			return func(w http.ResponseWriter, r *http.Request) {
				h := http.HandlerFunc(good)
				once.Do(func() { h = answer })
				h(w, r)
			}
		}
	}
	same := func(h http.HandlerFunc) func() http.HandlerFunc { return func() http.HandlerFunc { return h } }
	for name, h := range map[string]func() http.HandlerFunc{
		"PermanentRedirect":             same(elsewhere(reply(301, moved, document("PermanentRedirect", "m")))),
		"PermanentRedirect, no body":    same(elsewhere(reply(301, moved, ""))),
		"PermanentRedirect, no region":  same(elsewhere(reply(301, nil, document("PermanentRedirect", "m")))),
		"AuthorizationHeaderMalformed":  same(elsewhere(reply(400, moved, document("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'")))),
		"the region in the words alone": same(elsewhere(reply(400, nil, document("AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'")))),
		"the region as an element":      same(elsewhere(reply(400, nil, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message><Region>eu-west-1</Region></Error>"))),
		"400 without a body":            same(elsewhere(reply(400, moved, ""))),
		"always elsewhere":              same(reply(301, moved, document("PermanentRedirect", "m"))),
		"always here":                   same(reply(301, map[string]string{"X-Amz-Bucket-Region": "us-east-1"}, document("PermanentRedirect", "m"))),
		"307":                           first(reply(307, map[string]string{"Location": "http://other.localhost/there?x=y"}, document("TemporaryRedirect", "m"))),
		"307 to https":                  first(reply(307, map[string]string{"Location": "https://other.localhost/there?x=y"}, document("TemporaryRedirect", "m"))),
		"308":                           first(reply(308, map[string]string{"Location": "http://other.localhost/there"}, "")),
		"307 without a place":           first(reply(307, nil, document("TemporaryRedirect", "m"))),
		"an hour late":                  first(reply(403, map[string]string{"Date": "Fri, 02 Jan 2026 03:04:05 GMT"}, document("RequestTimeTooSkewed", "m"))),
		"an hour late, no body":         first(reply(403, map[string]string{"Date": "Fri, 02 Jan 2026 03:04:05 GMT"}, "")),
		"denied, clock right":           first(reply(403, nil, document("AccessDenied", "m"))),
		"an expired token":              first(reply(400, nil, document("ExpiredToken", "m"))),
	} {
		for op, do := range operations() {
			w := newWorld(t, in.store, in.tls, in.virtual, in.tally, nil)
			recovers := strings.HasPrefix(name, "30") || strings.HasPrefix(name, "an hour late")
			w.same(t, call{recovers: recovers, garbled: recovers, partial: recovers, name: op + ", " + name, do: func(ctx context.Context, c wire.Client) (any, error) {
				// What comes second tells what the client has learned.
				out, err := do(ctx, c)
				second, again := do(ctx, c)
				return []any{out, second, again}, err
			}, ours: true, before: func(context.Context, *s3.Client) error {
				w.answers.say(h())
				return nil
			}})
		}
	}
}
