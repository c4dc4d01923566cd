package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
)

// classed is a simulator with an engine, and a hook for each of its requests.
type classed struct {
	*engine.Engine
	plain *s3.Client

	mu sync.Mutex
	on func(w http.ResponseWriter, r *http.Request) (answered bool)
	n  map[string]int // requests by method and the parameters that say what they are
}

func newClassed(t *testing.T, o s3sim.Options) *classed {
	t.Helper()
	sim, err := s3sim.New(o)
	must(t, err)
	c := &classed{n: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		on := c.on
		c.n[r.Method]++
		c.mu.Unlock()
		if on != nil && on(w, r) {
			return
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c.Engine = newEngine(t, engine.Options{
		EndpointURL: server.URL, AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey, PartSize: 5 * mib,
	})
	c.CopiedWhole(5 * mib)
	must(t, c.MakeBucket(t.Context(), "sim"))
	c.plain = s3.New(s3.Options{
		BaseEndpoint: aws.String(server.URL), UsePathStyle: true, Region: "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: s3sim.DefaultAccessKeyID, SecretAccessKey: s3sim.DefaultSecretAccessKey}, nil
		}),
	})
	return c
}

func (c *classed) hook(on func(w http.ResponseWriter, r *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = on
}

// put makes an object with all that an object can have beside its content.
func (c *classed) put(t *testing.T, key string, size int) {
	t.Helper()
	_, err := c.plain.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("sim"), Key: aws.String(key), Body: bytes.NewReader(bytes.Repeat([]byte("x"), size)),
		ContentType: aws.String("text/x"), CacheControl: aws.String("no-store"), Metadata: map[string]string{"a": "1"},
		Tagging: aws.String("t=1"), WebsiteRedirectLocation: aws.String("/there"), ServerSideEncryption: types.ServerSideEncryptionAwsKms,
		SSEKMSKeyId: aws.String("arn:key"), BucketKeyEnabled: aws.Bool(true), GrantRead: aws.String(`uri="` + wire.AllUsers + `"`), GrantFullControl: aws.String("id=somebody"),
	})
	must(t, err)
}

func (c *classed) stat(t *testing.T, key string) *wire.ObjectInfo {
	t.Helper()
	info, err := c.Stat(t.Context(), engine.Object("sim", key), engine.StatOptions{})
	must(t, err)
	return info
}

func classOptions(class string) engine.RunOptions {
	return engine.RunOptions{Attributes: engine.Attributes{StorageClass: class}}
}

// An object has another class, and is what it was in all else: whole or in parts, in
// a bucket with versions or without.
func TestSetClassKeepsTheRest(t *testing.T) {
	for _, versions := range []bool{false, true} {
		t.Run(fmt.Sprintf("versions %v", versions), func(t *testing.T) {
			c := newClassed(t, s3sim.Options{KeepBodies: 32 * mib})
			if versions {
				must(t, c.SetVersioning(t.Context(), "sim", true, ""))
			}
			sizes := map[string]int{"empty": 0, "small": 1000, "large": 11*mib + 3}
			was := map[string]*wire.ObjectInfo{}
			for key, size := range sizes {
				c.put(t, key, size)
				was[key] = c.stat(t, key)
			}
			sink := &recorder{}
			o := classOptions("STANDARD_IA")
			o.Report = sink
			sum, err := c.SetClass(t.Context(), engine.Bucket("sim", ""), o)
			whole(t, sum, err)
			if n := sum.Ops[report.SetClass].Objects; n != 3 || sum.Unverified != 0 {
				t.Errorf("%+v", sum)
			}
			for key := range sizes {
				now, before := c.stat(t, key), was[key]
				switch {
				case now.StorageClass != "STANDARD_IA", now.Size != before.Size, now.ContentType != "text/x", now.CacheControl != "no-store",
					now.Metadata["a"] != "1", now.Tags["t"] != "1", now.Redirect != "/there", now.Encryption != "aws:kms", now.KMSKeyID != "arn:key", !now.BucketKey,
					now.Checksums["CRC64NVME"] != before.Checksums["CRC64NVME"]:
					t.Errorf("%s: %+v; it was %+v", key, now, before)
				}
				if versions == (now.VersionID == before.VersionID) {
					t.Errorf("%s: version %s, and %s before", key, now.VersionID, before.VersionID)
				}
				acl, err := c.ACL(t.Context(), engine.Object("sim", key), engine.StatOptions{})
				must(t, err)
				if len(acl.Grants) != 2 || !acl.Grants[0].Public() && !acl.Grants[1].Public() {
					t.Errorf("%s: %+v", key, acl)
				}
			}

			// Once more there is nothing to do, and it costs no request but the list.
			c.mu.Lock()
			clear(c.n)
			c.mu.Unlock()
			sum, err = c.SetClass(t.Context(), engine.Bucket("sim", ""), classOptions("STANDARD_IA"))
			whole(t, sum, err)
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(sum.Ops) != 0 || sum.Unchanged != 3 || c.n[http.MethodPut]+c.n[http.MethodHead]+c.n[http.MethodPost] != 0 {
				t.Errorf("%+v, requests %v", sum, c.n)
			}
		})
	}
}

// The kind of sum that an object has stays, and what S3 copies in one request goes in
// one, whatever the size of parts.
func TestSetClassKeepsTheKindOfSum(t *testing.T) {
	c := newClassed(t, s3sim.Options{KeepBodies: 32 * mib})
	c.CopiedWhole(0)
	for by, want := range map[types.ChecksumAlgorithm]string{types.ChecksumAlgorithmSha256: "SHA256", types.ChecksumAlgorithmCrc32: "CRC32", types.ChecksumAlgorithmCrc64nvme: "CRC64NVME"} {
		_, err := c.plain.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("sim"), Key: aws.String("k"), Body: bytes.NewReader(bytes.Repeat([]byte("x"), 11*mib)), ChecksumAlgorithm: by,
		})
		must(t, err)
		was := c.stat(t, "k")
		c.mu.Lock()
		clear(c.n)
		c.mu.Unlock()
		sum, err := c.SetClass(t.Context(), engine.Object("sim", "k"), classOptions("STANDARD_IA"))
		whole(t, sum, err)
		now := c.stat(t, "k")
		c.mu.Lock()
		puts := c.n[http.MethodPut]
		c.mu.Unlock()
		if was.Checksums[want] == "" || now.Checksums[want] != was.Checksums[want] || len(now.Checksums) != 1 || now.ETag != was.ETag || puts != 1 {
			t.Errorf("%s: %v, and %v before; %d requests", by, now.Checksums, was.Checksums, puts)
		}
	}
}

// A dry run sends nothing but what it needs to know, and changes nothing.
func TestSetClassDryRun(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	c.put(t, "k", 10)
	o := classOptions("GLACIER_IR")
	o.DryRun = true
	for _, at := range []engine.Location{engine.Bucket("sim", ""), engine.Object("sim", "k")} {
		sum, err := c.SetClass(t.Context(), at, o)
		whole(t, sum, err)
		if n := sum.Ops[report.SetClass].Objects; n != 1 || !sum.DryRun {
			t.Errorf("%v: %+v", at, sum)
		}
	}
	if got := c.stat(t, "k").StorageClass; got != "STANDARD" {
		t.Errorf("it has the class %s", got)
	}
}

// What replaces an object while its class is changed stays.
func TestSetClassLosesNothingThatCame(t *testing.T) {
	for name, size := range map[string]int{"whole": 1000, "parts": 11 * mib} {
		t.Run(name, func(t *testing.T) {
			c := newClassed(t, s3sim.Options{KeepBodies: 32 * mib})
			c.put(t, "k", size)
			came := sync.OnceFunc(func() { putObject(t, c.plain, "sim", "k", "another") })
			c.hook(func(_ http.ResponseWriter, r *http.Request) bool {
				copies := r.Header.Get("X-Amz-Copy-Source") != "" && !r.URL.Query().Has("uploadId")
				if copies || r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
					c.hook(nil)
					came()
				}
				return false
			})
			sum, err := c.SetClass(t.Context(), engine.Object("sim", "k"), classOptions("STANDARD_IA"))
			if err != nil || sum.Failed != 1 {
				t.Fatalf("%+v, %v", sum, err)
			}
			if size == 1000 && !errors.Is(sum.Err(), transfer.ErrChanged) {
				t.Errorf("%v", sum.Err())
			}
			if now := c.stat(t, "k"); now.Size != 7 || now.StorageClass != "STANDARD" {
				t.Errorf("%+v", now)
			}
			uploads := 0
			for _, err := range c.Uploads(t.Context(), engine.Bucket("sim", "")) {
				must(t, err)
				uploads++
			}
			if uploads != 0 {
				t.Errorf("%d uploads are left", uploads)
			}
		})
	}
}

// An answer that was lost is no failure where the object has the class.
func TestSetClassLostAnswer(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	c.put(t, "k", 10)
	c.hook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("X-Amz-Copy-Source") == "" {
			return false
		}
		c.hook(nil)
		_, err := c.plain.CopyObject(t.Context(), &s3.CopyObjectInput{
			Bucket: aws.String("sim"), Key: aws.String("k"), CopySource: aws.String("sim/k"), StorageClass: types.StorageClassStandardIa,
		})
		if err != nil {
			t.Error(err)
		}
		http.Error(w, "<Error><Code>PreconditionFailed</Code></Error>", http.StatusPreconditionFailed)
		return true
	})
	sum, err := c.SetClass(t.Context(), engine.Object("sim", "k"), classOptions("STANDARD_IA"))
	whole(t, sum, err)
	if sum.Unchanged != 1 || c.stat(t, "k").StorageClass != "STANDARD_IA" {
		t.Errorf("%+v", sum)
	}
}

// What is archived is skipped, unless it has been restored or that is forced.
func TestSetClassArchived(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	_, err := c.plain.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("sim"), Key: aws.String("k"), Body: strings.NewReader("x"), StorageClass: types.StorageClassDeepArchive,
	})
	must(t, err)
	for _, at := range []engine.Location{engine.Bucket("sim", ""), engine.Object("sim", "k")} {
		for name, try := range map[string]struct {
			change                   func(*engine.RunOptions)
			restore                  string
			skipped, failed, unheard int64
		}{
			"warned":    {func(*engine.RunOptions) {}, "", 1, 0, 0},
			"quiet":     {func(o *engine.RunOptions) { o.IgnoreGlacierWarnings = true }, "", 0, 0, 1},
			"forced":    {func(o *engine.RunOptions) { o.ForceGlacier = true }, "", 0, 1, 0}, // the store says no
			"restoring": {func(*engine.RunOptions) {}, `ongoing-request="true"`, 1, 0, 0},
			"restored":  {func(*engine.RunOptions) {}, `ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"`, 0, 1, 0},
		} {
			t.Run(name, func(t *testing.T) {
				c.hook(func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodHead && try.restore != "" {
						w.Header().Set("X-Amz-Restore", try.restore)
					}
					return false
				})
				o := classOptions("STANDARD")
				try.change(&o)
				sum, err := c.SetClass(t.Context(), at, o)
				if err != nil || sum.Skipped != try.skipped || sum.Failed != try.failed || len(sum.Ops) != 0 {
					t.Errorf("%v: %+v, %v", at, sum, err)
				}
				if try.failed > 0 && wire.Code(sum.Err()) != "InvalidObjectState" {
					t.Errorf("%v", sum.Err())
				}
			})
		}
	}
}

// An ACL that may not be read fails the object, which a copy would make private,
// unless it is said what it is to be.
func TestSetClassWithoutTheACL(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	c.put(t, "k", 10)
	c.hook(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("acl") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code><Message>no</Message></Error>"))
			return true
		}
		return false
	})
	o := classOptions("STANDARD_IA")
	sum, err := c.SetClass(t.Context(), engine.Object("sim", "k"), o)
	if err != nil || sum.Failed != 1 || !strings.Contains(sum.Err().Error(), "ACL") {
		t.Errorf("%+v, %v", sum, err)
	}
	o.Attributes.ACL = "public-read"
	sum, err = c.SetClass(t.Context(), engine.Object("sim", "k"), o)
	whole(t, sum, err)
	c.hook(nil)
	acl, err := c.ACL(t.Context(), engine.Object("sim", "k"), engine.StatOptions{})
	must(t, err)
	if len(acl.Grants) != 2 || acl.Grants[1].Permission != "READ" {
		t.Errorf("%+v", acl)
	}
}

// Objects of SSE-C keep their key.
func TestSetClassCustomerKey(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	key := &transfer.CustomerKey{Key: [32]byte([]byte("0123456789abcdef0123456789abcdef"))}
	dir := t.TempDir()
	tree{"k": "content"}.write(t, dir)
	sum, err := c.Copy(t.Context(), engine.File(dir+"/k"), engine.Object("sim", "k"), engine.CopyOptions{
		RunOptions: engine.RunOptions{Attributes: engine.Attributes{CustomerKey: key}},
	})
	whole(t, sum, err)
	o := classOptions("STANDARD_IA")
	sum, err = c.SetClass(t.Context(), engine.Object("sim", "k"), o)
	if err != nil || sum.Failed != 1 {
		t.Errorf("without the key: %+v, %v", sum, err)
	}
	o.Attributes.CustomerKey = key
	sum, err = c.SetClass(t.Context(), engine.Object("sim", "k"), o)
	whole(t, sum, err)
	info, err := c.Stat(t.Context(), engine.Object("sim", "k"), engine.StatOptions{CustomerKey: key})
	if err != nil || info.StorageClass != "STANDARD_IA" || info.CustomerAlgorithm != "AES256" {
		t.Errorf("%+v, %v", info, err)
	}
}

// Bad input is refused before anything is sent.
func TestSetClassUsage(t *testing.T) {
	c := newClassed(t, s3sim.Options{})
	for _, try := range []struct {
		at engine.Location
		o  engine.RunOptions
	}{
		{engine.Dir("here"), classOptions("STANDARD")},
		{engine.Bucket("sim", ""), engine.RunOptions{}},
	} {
		if _, err := c.SetClass(t.Context(), try.at, try.o); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%v: %v", try.at, err)
		}
	}
}
