package wire_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// either runs f with both clients.
func either(t *testing.T, f func(t *testing.T, sdk bool)) {
	t.Helper()
	for _, sdk := range []bool{false, true} {
		t.Run(map[bool]string{false: "fast", true: "sdk"}[sdk], func(t *testing.T) { f(t, sdk) })
	}
}

func (f *fake) client(t testing.TB, sdk bool) wire.Client {
	o := f.options()
	o.SDK = sdk
	return newClient(t, o)
}

// simulated is an s3sim that verifies signatures.
func simulated(t testing.TB, o s3sim.Options) (wiretest.Target, *s3sim.Server) {
	t.Helper()
	o.VerifySignatures = true
	server, err := s3sim.New(o)
	must(t, err)
	end, err := server.Listen("127.0.0.1:0", false)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := end.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return wiretest.Target{
		Endpoint: end.URL, Region: s3sim.DefaultRegion, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey,
	}, server
}

func targetClient(t testing.TB, target wiretest.Target, sdk bool) wire.Client {
	t.Helper()
	o := wire.Options{EndpointURL: target.Endpoint, Region: target.Region, SDK: sdk}
	if target.SessionToken == "" { // else they are in the environment, all three
		o.AccessKeyID, o.SecretAccessKey = target.AccessKeyID, target.SecretAccessKey
	}
	return newClient(t, o)
}

// setting is a bucket on a store.
type setting struct {
	wire.Client
	plain  *s3.Client
	bucket string
	sim    bool // the store is s3sim
}

// onStores runs f with both clients on the gateway, or the store that is given,
// and on s3sim, each time with a new bucket.
func onStores(t *testing.T, lock bool, f func(t *testing.T, on setting)) {
	t.Helper()
	either(t, func(t *testing.T, sdk bool) {
		t.Run("store", func(t *testing.T) {
			opts := []wiretest.BucketOption{wiretest.AllowUploads()}
			if lock {
				opts = append(opts, wiretest.ObjectLock())
			}
			target := wiretest.Endpoint(t)
			f(t, setting{targetClient(t, target, sdk), target.Client(t), wiretest.Bucket(t, opts...), false})
		})
		t.Run("s3sim", func(t *testing.T) {
			target, _ := simulated(t, s3sim.Options{})
			plain := target.Client(t)
			_, err := plain.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket"), ObjectLockEnabledForBucket: &lock})
			must(t, err)
			f(t, setting{targetClient(t, target, sdk), plain, "bucket", true})
		})
	})
}

// What goes with a deletion is asked for in headers that the signature covers;
// where nothing does, nothing is.
func TestDeleteOptions(t *testing.T) {
	const mfa = "arn:aws:iam::1:mfa/me 123456"
	deletes := map[string]func(context.Context, wire.Client, wire.DeleteOptions) error{
		"DeleteObjects": func(ctx context.Context, c wire.Client, o wire.DeleteOptions) error {
			_, err := c.DeleteObjects(ctx, "bucket", []wire.ObjectID{{Key: "k", VersionID: "v"}}, o)
			return err
		},
		"DeleteObject": func(ctx context.Context, c wire.Client, o wire.DeleteOptions) error {
			return c.DeleteObject(ctx, "bucket", wire.ObjectID{Key: "k", VersionID: "v"}, o)
		},
	}
	f := newFake(t, says(http.StatusOK, "<DeleteResult/>")).plain()
	either(t, func(t *testing.T, sdk bool) {
		c := f.client(t, sdk)
		for op, send := range deletes {
			for _, o := range []wire.DeleteOptions{{}, {BypassGovernance: true}, {MFA: mfa}, {BypassGovernance: true, MFA: mfa}} {
				before := len(f.requests())
				must(t, send(t.Context(), c, o))
				asked := f.requests()[before:]
				if len(asked) != 1 {
					t.Fatalf("%d requests", len(asked))
				}
				h, body := asked[0].Header, f.bodies[before]
				_, after, _ := strings.Cut(h.Get("Authorization"), "SignedHeaders=")
				list, _, _ := strings.Cut(after, ",")
				signed := strings.Split(list, ";")
				for name, want := range map[string]string{
					"X-Amz-Bypass-Governance-Retention": map[bool]string{true: "true"}[o.BypassGovernance], "X-Amz-Mfa": o.MFA,
				} {
					if h.Get(name) != want || h.Values(name) != nil != (want != "") || slices.Contains(signed, strings.ToLower(name)) != (want != "") {
						t.Errorf("%s with %+v: %s is %q; signed are %v", op, o, name, h.Values(name), signed)
					}
				}
				if op == "DeleteObject" {
					continue
				}
				// Every store takes a batch with an MD5, some no other; what is to be
				// deleted is always part of the signature.
				sum, hash := md5.Sum([]byte(body)), sha256.Sum256([]byte(body))
				if h.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) || !slices.Contains(signed, "content-md5") ||
					h.Get("X-Amz-Content-Sha256") != hex.EncodeToString(hash[:]) {
					t.Errorf("%s: sums %q and %q; signed are %v", op, h.Get("Content-Md5"), h.Get("X-Amz-Content-Sha256"), signed)
				}
				for name := range h {
					if strings.Contains(name, "Checksum") || name == "X-Amz-Trailer" {
						t.Errorf("%s has %s", op, name)
					}
				}
				if !strings.Contains(body, "<Quiet>true</Quiet>") || !strings.Contains(body, "<VersionId>v</VersionId>") {
					t.Errorf("%s sent %s", op, body)
				}
			}
		}
	})

	// The code of a device is in no error, whatever goes wrong.
	for name, answer := range map[string]http.HandlerFunc{
		"refused": says(http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"),
		"broken":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"garbage": says(http.StatusOK, "<html>"),
		"later":   says(http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code></Error>"),
	} {
		f := newFake(t, answer).plain()
		either(t, func(t *testing.T, sdk bool) {
			var told []error
			c := wire.Attempts(f.client(t, sdk), freeGate{}, wire.Policy{
				Attempts: 2, Patience: time.Nanosecond, OnRetry: func(_ string, err error) { told = append(told, err) },
				OnAttempt: func(_ string, _ time.Duration, err error) { told = append(told, err) },
			})
			for op, send := range deletes {
				err := send(t.Context(), c, wire.DeleteOptions{MFA: mfa})
				if err == nil && (name != "garbage" || op == "DeleteObjects") {
					t.Errorf("%s, %s: no error", name, op)
				}
				for _, err := range append(told, err) {
					for e := err; e != nil; e = errors.Unwrap(e) {
						if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, "123456") {
							t.Errorf("%s, %s: %s", name, op, text)
						}
					}
				}
				told = nil
			}
		})
	}
}

// A store that knows Content-MD5 alone takes the batches of either client.
func TestContentMD5Only(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		target, server := simulated(t, s3sim.Options{
			Deviations: s3sim.Deviations{ContentMD5Only: true, NoChecksums: true},
			Synthetic:  []s3sim.Synthetic{{Bucket: "bucket", Layout: s3sim.LayoutFlat, Count: 2000, Versions: 2}},
		})
		c := targetClient(t, target, sdk)
		ids := make([]wire.ObjectID, 1000)
		for i := range ids {
			ids[i].Key = fmt.Sprintf("object-%09d", i)
		}
		failed, err := c.DeleteObjects(t.Context(), "bucket", ids, wire.DeleteOptions{})
		if err != nil || len(failed) != 0 || server.Stats().Ops["DeleteObjects"] != 1 {
			t.Errorf("%v, %v", failed, err)
		}
		must(t, c.PutLifecycle(t.Context(), "bucket", &wire.Lifecycle{Rules: []types.LifecycleRule{{
			ID: aws.String("r"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)},
		}}}))
	})
}

// A success that is none, and failures of versions.
func TestDeleteAnswers(t *testing.T) {
	ids := []wire.ObjectID{{Key: "a&b", VersionID: "1"}, {Key: "a&b", VersionID: "null"}, {Key: "c"}}
	for answer, want := range map[string]string{
		"<Error><Code>InternalError</Code><Message>late</Message></Error>":                                        "InternalError",
		"<Error><Code>SlowDown</Code><Message>late</Message></Error>":                                             "SlowDown",
		"<DeleteResult></DeleteResult>":                                                                           "",
		"<DeleteResult><Deleted><Key>a&amp;b</Key><VersionId>1</VersionId></Deleted></DeleteResult>":              "",
		"<DeleteResult><Error><Key>a&amp;b</Key><VersionId>null</VersionId><Code>X</Code></Error></DeleteResult>": "a&b null X",
		"<DeleteResult><Error><Key>other</Key><VersionId>v</VersionId><Code>X</Code></Error></DeleteResult>":      "other v X",
		"<DeleteResult><Error><Key>c</Key><Code>AccessDenied</Code><Message>held</Message></Error><Error><Key>a&amp;b</Key><VersionId>1</VersionId><Code>InternalError</Code></Error></DeleteResult>": "c  AccessDenied, a&b 1 InternalError",
	} {
		f := newFake(t, says(http.StatusOK, "%s", answer)).plain()
		either(t, func(t *testing.T, sdk bool) {
			failed, err := f.client(t, sdk).DeleteObjects(t.Context(), "b", ids, wire.DeleteOptions{})
			var got []string
			for _, f := range failed {
				got = append(got, f.Key+" "+f.VersionID+" "+f.Err.Code)
			}
			if err != nil {
				got = append(got, wire.Code(err))
				if !wire.Retryable(err) {
					t.Errorf("%s: %v cannot be sent again", answer, err)
				}
			}
			if text := strings.Join(got, ", "); text != want {
				t.Errorf("%s: %q, want %q", answer, text, want)
			}
		})
	}
}

// Of a version it is known what holds it, by either client.
func TestHeadLockedVersion(t *testing.T) {
	onStores(t, true, func(t *testing.T, c setting) {
		name := c.bucket
		until := time.Now().Add(time.Hour).Truncate(time.Second)
		in := &s3.PutObjectInput{
			Bucket: &name, Key: aws.String("k"), Body: strings.NewReader("x"),
			ObjectLockMode: types.ObjectLockModeGovernance, ObjectLockRetainUntilDate: &until, ObjectLockLegalHoldStatus: types.ObjectLockLegalHoldStatusOn,
		}
		held, err := c.PutObject(t.Context(), in)
		must(t, err)
		in = &s3.PutObjectInput{Bucket: &name, Key: aws.String("k"), Body: strings.NewReader("y")}
		_, err = c.PutObject(t.Context(), in)
		must(t, err)
		out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &name, Key: aws.String("k"), VersionId: held.VersionId})
		must(t, err)
		if !c.sim && out.ObjectLockMode == "" && out.ObjectLockRetainUntilDate == nil {
			t.Skip("versitygw 1.8.0 answers no x-amz-object-lock headers to HEAD")
		}
		if out.ObjectLockMode != types.ObjectLockModeGovernance || !aws.ToTime(out.ObjectLockRetainUntilDate).Equal(until) ||
			out.ObjectLockLegalHoldStatus != types.ObjectLockLegalHoldStatusOn || aws.ToString(out.VersionId) != aws.ToString(held.VersionId) {
			t.Errorf("%s until %v, hold %s, version %s", out.ObjectLockMode, out.ObjectLockRetainUntilDate, out.ObjectLockLegalHoldStatus, aws.ToString(out.VersionId))
		}
	})
}

// Governance is passed where that is asked for, and a hold is not.
func TestBypassGovernance(t *testing.T) {
	onStores(t, true, func(t *testing.T, c setting) {
		name := c.bucket
		put := func(key string, change func(*s3.PutObjectInput)) wire.ObjectID {
			in := &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader("x")}
			change(in)
			out, err := c.PutObject(t.Context(), in)
			must(t, err)
			return wire.ObjectID{Key: key, VersionID: aws.ToString(out.VersionId)}
		}
		governed := func(in *s3.PutObjectInput) {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, aws.Time(time.Now().Add(time.Hour))
		}
		batch := []wire.ObjectID{put("batch", governed), put("held", func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })}
		alone := put("alone", governed)
		failed, err := c.DeleteObjects(t.Context(), name, batch, wire.DeleteOptions{})
		if err != nil || len(failed) != 2 {
			t.Errorf("without the header: %v, %v", failed, err)
		}
		if err := c.DeleteObject(t.Context(), name, alone, wire.DeleteOptions{}); wire.Code(err) == "" {
			t.Errorf("without the header: %v", err)
		}
		bypass := wire.DeleteOptions{BypassGovernance: true}
		failed, err = c.DeleteObjects(t.Context(), name, batch, bypass)
		if err != nil || len(failed) != 1 || failed[0].ObjectID != batch[1] {
			t.Errorf("with it: %v, %v", failed, err)
		}
		must(t, c.DeleteObject(t.Context(), name, alone, bypass))
	})
}
