package wire_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
)

// The ETag of an object is a condition for its deletion, alone and in a batch;
// without one there is none.
func TestConditionalDeletesAsSent(t *testing.T) {
	f := newFake(t, says(http.StatusOK, "<DeleteResult/>")).plain()
	either(t, func(t *testing.T, sdk bool) {
		c := f.client(t, sdk)
		for _, etag := range []string{"", "0123456789abcdef0123456789abcdef-2"} {
			want := ""
			if etag != "" {
				want = `"` + etag + `"`
			}
			before := len(f.requests())
			must(t, c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "k", ETag: etag}, wire.DeleteOptions{}))
			_, err := c.DeleteObjects(t.Context(), "bucket", []wire.ObjectID{{Key: "k", ETag: etag}, {Key: "l", VersionID: "v"}}, wire.DeleteOptions{})
			must(t, err)
			if h := f.requests()[before].Header; h.Get("If-Match") != want || h.Values("If-Match") != nil != (want != "") {
				t.Errorf("If-Match is %q, want %q", h.Values("If-Match"), want)
			}
			var doc struct {
				Object []struct {
					Key  string
					ETag *string
				}
			}
			body := f.bodies[before+1]
			must(t, xml.Unmarshal([]byte(body), &doc))
			if len(doc.Object) != 2 || aws.ToString(doc.Object[0].ETag) != want || doc.Object[0].ETag != nil != (want != "") || doc.Object[1].ETag != nil {
				t.Errorf("the batch is %s", body)
			}
		}
	})
}

// What is another object by now stays, and is named with all that it was asked
// for by; the others go.
func TestConditionalDeletes(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		either(t, func(t *testing.T, sdk bool) {
			target, server := simulated(t, s3sim.Options{Deviations: s3sim.Deviations{NoConditionalWrites: ignores}})
			must(t, server.AddBucket("bucket", ""))
			plain := target.Client(t)
			c := wire.Attempts(targetClient(t, target, sdk), freeGate{}, wire.Policy{})
			etags := map[string]string{}
			for _, key := range []string{"a", "b", "c", "d"} {
				out, err := plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(key)})
				must(t, err)
				etags[key] = strings.Trim(aws.ToString(out.ETag), `"`)
			}
			there := func(key string) bool {
				_, err := plain.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: &key})
				return err == nil
			}
			failed, err := c.DeleteObjects(t.Context(), "bucket", []wire.ObjectID{{Key: "a", ETag: etags["a"]}, {Key: "b", ETag: etags["a"]}, {Key: "c"}}, wire.DeleteOptions{})
			must(t, err)
			switch {
			case ignores && (len(failed) != 0 || there("b")):
				t.Errorf("a store that knows no conditions: %+v", failed)
			case !ignores && (len(failed) != 1 || failed[0].ObjectID != wire.ObjectID{Key: "b", ETag: etags["a"]} || failed[0].Err.Code != "PreconditionFailed" || !there("b")):
				t.Errorf("%+v, b is there: %v", failed, there("b"))
			}
			if there("a") || there("c") {
				t.Error("a or c is there")
			}
			err = c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "d", ETag: etags["a"]}, wire.DeleteOptions{})
			if ignores != (err == nil) || !ignores && wire.Code(err) != "PreconditionFailed" || there("d") == ignores {
				t.Errorf("alone: %v, it is there: %v", err, there("d"))
			}
			if !ignores {
				must(t, c.DeleteObject(t.Context(), "bucket", wire.ObjectID{Key: "d", ETag: etags["d"]}, wire.DeleteOptions{}))
				if there("d") {
					t.Error("d is there")
				}
			}
		})
	}
}
