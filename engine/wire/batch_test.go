package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
)

func someIDs(n int) []ObjectID {
	ids := make([]ObjectID, n)
	for i := range ids {
		ids[i] = ObjectID{Key: fmt.Sprintf("k%03d", i/2), VersionID: fmt.Sprint("v", i)}
	}
	return ids
}

func failing(ids []ObjectID, code string) []DeleteFailure {
	all := make([]DeleteFailure, len(ids))
	for i, id := range ids {
		all[i] = DeleteFailure{id, &APIError{Op: "DeleteObjects", Code: code}}
	}
	return all
}

// A batch is not given up while the store takes some of its keys, however long
// that lasts; one of which it takes nothing is, in the end.
func TestThrottledBatchShrinks(t *testing.T) {
	for _, code := range []string{"SlowDown", "InternalError"} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				store := &scripted{answer: func(try *try) (any, error) {
					time.Sleep(30 * time.Second)
					left := failing(try.in.([]ObjectID)[1:], code)
					return &left, nil
				}}
				gate := newOutcomes(1)
				failed, err := Attempts(store, gate, Policy{}).DeleteObjects(t.Context(), "bucket", someIDs(100), DeleteOptions{})
				if err != nil || len(failed) != 0 || store.asked() != 100 || time.Since(began) < 50*time.Minute {
					t.Errorf("after %d requests and %v: %d failed, %v", store.asked(), time.Since(began), len(failed), err)
				}
				// Each attempt is sent for what is left, with its versions.
				for i, try := range store.tries {
					if want := someIDs(100)[i:]; !slices.Equal(try.in.([]ObjectID), want) {
						t.Fatalf("request %d was for %v", i+1, try.in)
					}
				}
				if v := gate.verdicts(); slices.ContainsFunc(v, func(v pool.Verdict) bool { return v != pool.Answered }) {
					t.Errorf("verdicts %v", v)
				}

				began = time.Now()
				store.answer = func(try *try) (any, error) {
					all := failing(try.in.([]ObjectID), code)
					return &all, nil
				}
				failed, err = Attempts(store, gate, Policy{}).DeleteObjects(t.Context(), "bucket", someIDs(3), DeleteOptions{})
				if err != nil || len(failed) != 3 || failed[2].ObjectID != someIDs(3)[2] || failed[2].Err.Code != code {
					t.Errorf("%v, %v", failed, err)
				}
				if took := time.Since(began); code == "SlowDown" && (took < 10*time.Minute || took > 11*time.Minute) {
					t.Errorf("given up after %v", took)
				}
				gate.idle(t)
			})
		})
	}
}

// What failed is always one of those that were asked for: nothing is taken for
// deleted of which the store may have said the contrary.
func TestNamed(t *testing.T) {
	ids := []ObjectID{{Key: "a", VersionID: "1"}, {Key: "a", VersionID: "2"}, {Key: "b", VersionID: "1"}, {Key: "c"}}
	for answer, want := range map[string]string{
		"a 1":           "a1:a1",
		"a":             "a1:a a2:a",
		"a 2, a":        "a1:a a2:a2",
		"c":             "c:c",
		"x":             "a1:x a2:x b1:x c:x",
		"b 1, x 1":      "a1:x a2:x b1:b1 c:x",
		"c null":        "a1:c a2:c b1:c c:c", // of which of them?
		"b 2":           "a1:b a2:b b1:b c:b",
		"a 1, a 1, b 1": "a1:a1 b1:b1",
		"":              "",
	} {
		var failures []DeleteFailure
		for name := range strings.SplitSeq(answer, ", ") {
			if key, version, _ := strings.Cut(name, " "); key != "" {
				failures = append(failures, DeleteFailure{ObjectID{Key: key, VersionID: version}, &APIError{Code: "AccessDenied", Message: key + version}})
			}
		}
		var got []string
		for _, f := range named(ids, failures) {
			message, _, stray := strings.Cut(f.Err.Message, " (said of ")
			if stray {
				message = message[:1]
			}
			got = append(got, f.Key+f.VersionID+":"+message)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q: %s, want %s", answer, got, want)
		}
	}

	synctest.Test(t, func(t *testing.T) {
		// A stray failure that passes: all is sent again.
		store := &scripted{answer: func(try *try) (any, error) {
			if try.n > 1 {
				return nil, nil
			}
			left := failing([]ObjectID{{Key: "stray"}}, "SlowDown")
			return &left, nil
		}}
		failed, err := Attempts(store, newGate(1), Policy{}).DeleteObjects(t.Context(), "bucket", ids, DeleteOptions{})
		if err != nil || len(failed) != 0 || store.asked() != 2 || !slices.Equal(store.tries[1].in.([]ObjectID), ids) {
			t.Errorf("%v, %v; %v", failed, err, store.tries[len(store.tries)-1].in)
		}
	})
}

// All that is asked of a bucket goes through a slot, and is asked again where
// that may help.
func TestConfigurationAttempts(t *testing.T) {
	discard := func(_ any, err error) error { return err }
	for op, q := range map[string]struct {
		write bool
		key   string
		do    func(context.Context, Client) error
	}{
		"ListMultipartUploads": {false, "p/k", func(ctx context.Context, c Client) error {
			return discard(c.ListUploads(ctx, UploadsRequest{Bucket: "bucket", Prefix: "p/", KeyMarker: "p/k", UploadIDMarker: "u"}))
		}},
		"GetBucketLocation":               {false, "", func(ctx context.Context, c Client) error { return discard(c.Region(ctx, "bucket")) }},
		"GetBucketVersioning":             {false, "", func(ctx context.Context, c Client) error { return discard(c.Versioning(ctx, "bucket")) }},
		"GetObjectLockConfiguration":      {false, "", func(ctx context.Context, c Client) error { return discard(c.ObjectLock(ctx, "bucket")) }},
		"GetBucketLifecycleConfiguration": {false, "", func(ctx context.Context, c Client) error { return discard(c.Lifecycle(ctx, "bucket")) }},
		"PutBucketLifecycleConfiguration": {true, "", func(ctx context.Context, c Client) error { return c.PutLifecycle(ctx, "bucket", &Lifecycle{}) }},
		"PutBucketVersioning":             {true, "", func(ctx context.Context, c Client) error { return c.SetVersioning(ctx, "bucket", true, "") }},
		"PutBucketWebsite":                {true, "", func(ctx context.Context, c Client) error { return c.PutWebsite(ctx, "bucket", Website{Index: "i"}) }},
		"GetObjectAcl": {false, "k", func(ctx context.Context, c Client) error {
			return discard(GetACL(ctx, c, ObjectRequest{Bucket: "bucket", Key: "k"}))
		}},
		"PutObjectAcl": {true, "k", func(ctx context.Context, c Client) error {
			return PutACL(ctx, c, ObjectRequest{Bucket: "bucket", Key: "k"}, NewACL{Canned: "private"})
		}},
		"PutObjectTagging": {true, "k", func(ctx context.Context, c Client) error {
			return discard(c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: aws.String("bucket"), Key: aws.String("k")}))
		}},
		"DeleteObject": {true, "k", func(ctx context.Context, c Client) error {
			return c.DeleteObject(ctx, "bucket", ObjectID{Key: "k", VersionID: "v"}, DeleteOptions{BypassGovernance: true, MFA: "m 1"})
		}},
	} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := newOutcomes(1)
				var told []string
				store := &scripted{answer: func(try *try) (any, error) {
					if len(gate.slots) != 1 {
						t.Errorf("%d slots are held", len(gate.slots))
					}
					switch try.n {
					case 1:
						return nil, answered(503, "SlowDown")
					case 2:
						return nil, answered(500, "InternalError")
					}
					return nil, nil
				}}
				c := Attempts(store, gate, Policy{OnRetry: func(op string, err error) { told = append(told, op, Code(err)) }})
				if err := q.do(t.Context(), c); err != nil || store.asked() != 3 {
					t.Errorf("%d requests, %v", store.asked(), err)
				}
				if got, want := strings.Join(told, " "), op+" SlowDown "+op+" InternalError"; got != want {
					t.Errorf("told of %s, want %s", got, want)
				}
				want := pool.Ask{Space: "bucket", Write: q.write, Key: q.key, Cost: 1}
				if gate.asks[0] != want || gate.asks[2] != want {
					t.Errorf("asked for %+v, want %+v", gate.asks, want)
				}
				gate.idle(t)

				store.answer = func(*try) (any, error) { return nil, answered(403, "AccessDenied") }
				before := store.asked()
				if err := q.do(t.Context(), c); Code(err) != "AccessDenied" || store.asked() != before+1 {
					t.Errorf("after %d requests: %v", store.asked()-before, err)
				}
				stopped, stop := context.WithCancelCause(t.Context())
				stop(errStopped)
				store.answer = func(try *try) (any, error) { return nil, try.hang() }
				if _, err := c.Versioning(stopped, "bucket"); !errors.Is(err, errStopped) {
					t.Errorf("after the end: %v", err)
				}
				gate.idle(t)
			})
		})
	}
}

var errStopped = errors.New("stopped")

func (s *scripted) DeleteObject(ctx context.Context, _ string, id ObjectID, o DeleteOptions) error {
	if o != (DeleteOptions{BypassGovernance: true, MFA: "m 1"}) {
		return fmt.Errorf("the options came as %+v", o)
	}
	_, err := ask[ObjectID](ctx, s, id)
	return err
}
