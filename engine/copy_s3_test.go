package engine_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// twoBuckets are two buckets on a store, with what looks at them from outside.
type twoBuckets struct {
	engine.Options
	plain    *s3.Client
	src, dst string
}

// onCopyStores runs f with both clients on the store that tests run against and
// on the simulator, with parts of 5 MiB.
func onCopyStores(t *testing.T, f func(t *testing.T, on twoBuckets)) {
	t.Helper()
	for _, sdk := range []bool{false, true} {
		with := func(on twoBuckets) func(*testing.T) {
			return func(t *testing.T) {
				on.PartSize, on.SDK = 5*mib, sdk
				f(t, on)
			}
		}
		t.Run(fmt.Sprint("store/sdk ", sdk), func(t *testing.T) {
			with(twoBuckets{options(t), wiretest.Endpoint(t).Client(t), wiretest.Bucket(t), wiretest.Bucket(t)})(t)
		})
		t.Run(fmt.Sprint("s3sim/sdk ", sdk), func(t *testing.T) {
			s := simulate(t, s3sim.Options{KeepBodies: 32 * mib})
			must(t, errors.Join(s.sim.AddBucket("src", ""), s.sim.AddBucket("dst", "")))
			plain := s3.New(s3.Options{
				BaseEndpoint: &s.URL, Region: s3sim.DefaultRegion, UsePathStyle: true, Retryer: aws.NopRetryer{},
				Credentials: credentials.NewStaticCredentialsProvider(s3sim.DefaultAccessKeyID, s3sim.DefaultSecretAccessKey, ""),
			})
			with(twoBuckets{s.options(), plain, "src", "dst"})(t)
		})
	}
}

// put makes an object that says what it is.
func (on twoBuckets) put(t testing.TB, key, content string) {
	t.Helper()
	_, err := on.plain.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &on.src, Key: &key, Body: strings.NewReader(content), Metadata: map[string]string{"is": "kept"}, ContentType: aws.String("text/x-kept"),
	})
	must(t, err)
}

// read is what is below a prefix of the destination. What is not said of it as it
// was of the source fails the test.
func (on twoBuckets) read(t testing.TB, prefix string) tree {
	t.Helper()
	all := tree{}
	list, err := on.plain.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &on.dst, Prefix: &prefix})
	must(t, err)
	for _, o := range list.Contents {
		out, err := on.plain.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &on.dst, Key: o.Key})
		must(t, err)
		b, err := io.ReadAll(out.Body)
		must(t, errors.Join(err, out.Body.Close()))
		if aws.ToString(out.ContentType) != "text/x-kept" || out.Metadata["is"] != "kept" {
			t.Errorf("%s is %s, %v", *o.Key, aws.ToString(out.ContentType), out.Metadata)
		}
		all[strings.TrimPrefix(*o.Key, prefix)] = string(b)
	}
	return all
}

// From one prefix to another, in one bucket and between two: everything comes
// over and is verified, and there is nothing to do then.
func TestCopyInsideS3(t *testing.T) {
	want := tree{
		"empty": "", "small": "content", "dir/a b+c%20\u00e9&": "odd", "one part": strings.Repeat("x", 5*mib), "parts": strings.Repeat("0123456789abcdef", 11*mib/16),
	}
	onCopyStores(t, func(t *testing.T, on twoBuckets) {
		for key, content := range want {
			on.put(t, "from/"+key, content)
		}
		var sent requests
		on.OnAttempt = sent.count
		eng := newEngine(t, on.Options)
		src := engine.Bucket(on.src, "from/")
		for prefix, run := range map[string]func() (engine.Summary, error){
			"sync/": func() (engine.Summary, error) {
				return eng.Sync(t.Context(), src, engine.Bucket(on.dst, "sync/"), engine.SyncOptions{})
			},
			"cp/": func() (engine.Summary, error) {
				return eng.Copy(t.Context(), src, engine.Bucket(on.dst, "cp/"), engine.CopyOptions{})
			},
		} {
			sum, err := run()
			whole(t, sum, err)
			expect(t, prefix, on.read(t, prefix), want)
			var verified int64
			for _, v := range sum.Verified {
				verified += v.Objects
			}
			if verified != int64(len(want)) || sum.Unverified != 0 || sum.Ops[report.Copy].Objects != int64(len(want)) {
				t.Errorf("%s: verified %+v, %d not; %+v", prefix, sum.Verified, sum.Unverified, sum.Ops)
			}
			if n := sent.take(); n["UploadPartCopy"] < 3 || n["CompleteMultipartUpload"] != 1 || n["GetObject"]+n["PutObject"]+n["UploadPart"] != 0 {
				t.Errorf("%s: %v", prefix, n)
			}
		}
		sum, err := eng.Sync(t.Context(), src, engine.Bucket(on.dst, "sync/"), engine.SyncOptions{})
		whole(t, sum, err)
		if n := sent.take(); sum.Unchanged != int64(len(want)) || len(n) != 1 || n["ListObjectsV2"] == 0 {
			t.Errorf("again: %+v, %v", sum, n)
		}
		sum, err = eng.Copy(t.Context(), engine.Object(on.src, "from/small"), engine.Object(on.dst, "one/small"), engine.CopyOptions{})
		whole(t, sum, err)
		expect(t, "one", on.read(t, "one/"), tree{"small": "content"})
	})
}

// A source that is replaced when it was listed already is not copied, and is
// named; the next run copies what it is now.
func TestCopyInsideS3Replaced(t *testing.T) {
	onCopyStores(t, func(t *testing.T, on twoBuckets) {
		eng := newEngine(t, on.Options)
		for _, size := range []int{10, 11 * mib} {
			prefix := fmt.Sprint(size, "/")
			on.put(t, prefix+"k", strings.Repeat("a", size))
			var once sync.Once
			rec := &recorder{on: func(e report.Event) {
				if e.Kind == report.Planned {
					once.Do(func() { on.put(t, prefix+"k", strings.Repeat("b", size)) })
				}
			}}
			src, dst := engine.Bucket(on.src, prefix), engine.Bucket(on.dst, prefix)
			sum, err := eng.Sync(t.Context(), src, dst, engine.SyncOptions{RunOptions: engine.RunOptions{Report: rec}})
			if err != nil || !errors.Is(sum.Err(), transfer.ErrChanged) || sum.Failed != 1 {
				t.Errorf("%d bytes: %v, %+v", size, err, sum)
			}
			expect(t, "after the first run", on.read(t, prefix), tree{})
			sum, err = eng.Sync(t.Context(), src, dst, engine.SyncOptions{})
			whole(t, sum, err)
			expect(t, "after the second", on.read(t, prefix), tree{"k": strings.Repeat("b", size)})
		}
	})
}
