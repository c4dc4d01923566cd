package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// client is the SDK's, on the simulator.
func (s *simulated) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.URL, UsePathStyle: true, Region: s3sim.DefaultRegion,
		Credentials: credentials.NewStaticCredentialsProvider(s3sim.DefaultAccessKeyID, s3sim.DefaultSecretAccessKey, ""),
	})
}

// history fills a versioned bucket with n random versions and markers of few
// keys, and returns them as a listing has them.
func (s *simulated) history(t testing.TB, bucket string, n int) []walker.Entry {
	t.Helper()
	c := s.client()
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	must(t, err)
	_, err = c.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	rnd := rand.New(rand.NewPCG(5, uint64(n)))
	classes := []types.StorageClass{types.StorageClassStandard, types.StorageClassStandardIa, types.StorageClassGlacierIr}
	byKey := map[string][]walker.Entry{} // newest first
	for range n {
		key := []string{"", "p/", "p/q/", "p/q/r/", "po/", "p", "z//", "ü/"}[rnd.IntN(8)] + fmt.Sprint(rnd.IntN(12))
		e := walker.Entry{Key: key, Latest: true}
		if rnd.IntN(4) == 0 {
			out, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
			must(t, err)
			e.DeleteMarker, e.VersionID = true, aws.ToString(out.VersionId)
		} else {
			e.Size, e.StorageClass = rnd.Int64N(3000), string(classes[rnd.IntN(3)])
			out, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: &key, Body: strings.NewReader(strings.Repeat("x", int(e.Size))), StorageClass: types.StorageClass(e.StorageClass),
			})
			must(t, err)
			e.VersionID = aws.ToString(out.VersionId)
		}
		if older := byKey[key]; len(older) > 0 {
			older[0].Latest = false
		}
		byKey[key] = slices.Insert(byKey[key], 0, e)
	}
	var all []walker.Entry
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		all = append(all, byKey[key]...)
	}
	return all
}

// usageOf counts entries the plain way.
func usageOf(all []walker.Entry, prefix string, o engine.UsageOptions) engine.Usage {
	var u engine.Usage
	prefixes, classes := map[string]engine.Amount{}, map[string]engine.Amount{}
	plus := func(a engine.Amount, e walker.Entry) engine.Amount {
		return engine.Amount{Objects: a.Objects + 1, Bytes: a.Bytes + e.Size}
	}
	for _, e := range all {
		rest, ok := strings.CutPrefix(e.Key, prefix)
		if !ok || !o.Versions && (!e.Latest || e.DeleteMarker) {
			continue
		}
		u.Total = plus(u.Total, e)
		switch {
		case e.DeleteMarker:
			u.Markers++
		case e.Latest:
			u.Current = plus(u.Current, e)
		default:
			u.Noncurrent = plus(u.Noncurrent, e)
		}
		if !e.DeleteMarker {
			classes[e.StorageClass] = plus(classes[e.StorageClass], e)
		}
		parts := strings.SplitAfter(rest, "/")
		for d := 1; d <= o.Depth && d < len(parts); d++ {
			name := prefix + strings.Join(parts[:d], "")
			prefixes[name] = plus(prefixes[name], e)
		}
	}
	list := func(m map[string]engine.Amount) []engine.NamedAmount {
		l := []engine.NamedAmount{}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			l = append(l, engine.NamedAmount{Name: name, Amount: m[name]})
		}
		return l
	}
	u.Prefixes, u.Classes = list(prefixes), list(classes)
	return u
}

// Usage gives what a plain count of the same entries gives.
func TestUsageAgainstModel(t *testing.T) {
	s := simulate(t, s3sim.Options{KeepBodies: -1})
	all := s.history(t, "hist", 600)
	sequential := s.options()
	sequential.MaxInFlight = 1
	sdk := s.options()
	sdk.SDK = true
	for _, q := range []struct {
		o        engine.Options
		pageSize int
	}{{s.options(), 7}, {sequential, 100}, {sdk, 50}} {
		eng := newEngine(t, q.o)
		for _, prefix := range []string{"", "p", "p/", "p/q", "z/", "none/"} {
			for depth := range 5 {
				for _, versions := range []bool{false, true} {
					o := engine.UsageOptions{Depth: depth, Versions: versions, PageSize: q.pageSize}
					got, err := eng.Usage(t.Context(), engine.Bucket("hist", prefix), o)
					must(t, err)
					if want := usageOf(all, prefix, o); !reflect.DeepEqual(got, want) {
						t.Fatalf("%q, %+v:\n%+v, want\n%+v", prefix, o, got, want)
					}
				}
			}
		}
	}
}

func TestUsageErrors(t *testing.T) {
	s := simulate(t, s3sim.Options{Synthetic: []s3sim.Synthetic{
		{Bucket: "wide", Layout: s3sim.LayoutDirs, Count: engine.MaxUsagePrefixes + 1, PerDir: 1},
	}})
	eng := newEngine(t, s.options())
	for _, q := range []struct {
		at    engine.Location
		depth int
		usage bool
	}{
		{engine.Bucket("wide", ""), 1, true},
		{engine.Bucket("wide", ""), -1, true},
		{engine.Dir("wide"), 1, true},
		{engine.Bucket("wi de", ""), 1, true},
		{engine.Bucket("absent", ""), 1, false},
	} {
		u, err := eng.Usage(t.Context(), q.at, engine.UsageOptions{Depth: q.depth})
		if err == nil || errors.Is(err, engine.ErrUsage) != q.usage || !reflect.DeepEqual(u, engine.Usage{}) {
			t.Errorf("%s, %d: %+v, %v", q.at, q.depth, u, err)
		}
		if !q.usage && wire.Code(err) != "NoSuchBucket" {
			t.Errorf("%s: %v", q.at, err)
		}
	}
	u, err := eng.Usage(t.Context(), engine.Bucket("wide", ""), engine.UsageOptions{})
	if err != nil || u.Total.Objects != engine.MaxUsagePrefixes+1 {
		t.Errorf("the total alone: %+v, %v", u, err)
	}
	// One below the bound.
	u, err = eng.Usage(t.Context(), engine.Bucket("wide", "dir-0"), engine.UsageOptions{Depth: 1})
	if err != nil || len(u.Prefixes) == 0 || len(u.Prefixes) > engine.MaxUsagePrefixes {
		t.Errorf("%d prefixes, %v", len(u.Prefixes), err)
	}
}

// A list that fails midway is no sum of what came before.
func TestUsageOfHalfAList(t *testing.T) {
	fault, err := s3sim.ParseFault("ListObjectsV2:error:n=3,every=1,status=403,code=AccessDenied")
	must(t, err)
	s := simulate(t, s3sim.Options{
		Synthetic:  []s3sim.Synthetic{{Bucket: "flat", Layout: s3sim.LayoutFlat, Count: 20_000}},
		Conditions: s3sim.Conditions{Faults: []s3sim.Fault{fault}},
	})
	u, err := newEngine(t, s.options()).Usage(t.Context(), engine.Bucket("flat", ""), engine.UsageOptions{Depth: 1})
	if wire.Code(err) != "AccessDenied" || !reflect.DeepEqual(u, engine.Usage{}) {
		t.Errorf("%+v, %v", u, err)
	}
}

// All versions come once each, newest first, by level or not, also from a store
// that sends the row of a marker again.
func TestListVersions(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		s := simulate(t, s3sim.Options{KeepBodies: -1, Deviations: s3sim.Deviations{InclusiveKeyMarker: inclusive}})
		all := s.history(t, "hist", 400)
		eng := newEngine(t, s.options())
		for _, prefix := range []string{"", "p", "p/", "none/"} {
			for _, level := range []bool{false, true} {
				for _, size := range []int{0, 3, 7} {
					var want []string
					for _, e := range all {
						if rest, ok := strings.CutPrefix(e.Key, prefix); ok {
							if i := strings.IndexByte(rest, '/'); level && i >= 0 {
								want = append(want, prefix+rest[:i+1])
								continue
							}
							want = append(want, describeVersion(e))
						}
					}
					want = slices.Compact(want) // one common prefix for many keys
					var got []string
					for e, err := range eng.List(t.Context(), engine.Bucket("hist", prefix), engine.ListOptions{ByLevel: level, Versions: true, PageSize: size}) {
						must(t, err)
						if e.CommonPrefix {
							got = append(got, e.Key)
							continue
						}
						got = append(got, describeVersion(e))
					}
					if level { // the prefixes of a page come before its versions
						slices.Sort(got)
						slices.Sort(want)
					}
					if !slices.Equal(got, want) {
						t.Errorf("inclusive %v, %q, level %v, %d a page:\n%s\nwant\n%s", inclusive, prefix, level, size, got, want)
					}
				}
			}
		}
	}
}

func describeVersion(e walker.Entry) string {
	return fmt.Sprint(e.Key, " ", e.VersionID, e.Size, e.Latest, e.DeleteMarker, e.StorageClass)
}

func TestListVersionsOfNothing(t *testing.T) {
	eng := newEngine(t, simulate(t, s3sim.Options{}).options())
	for _, level := range []bool{false, true} {
		n := 0
		for _, err := range eng.List(t.Context(), engine.Bucket("absent", ""), engine.ListOptions{ByLevel: level, Versions: true}) {
			if n++; wire.Code(err) != "NoSuchBucket" {
				t.Errorf("%v", err)
			}
		}
		if n != 1 {
			t.Errorf("%d things were yielded, want one error", n)
		}
	}
}
