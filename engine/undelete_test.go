package engine_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/walker"
)

func TestUndelete(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	clock := &atomic.Int64{}
	s := simulate(t, s3sim.Options{Now: func() time.Time { return now.Add(time.Duration(clock.Load())) }})
	v := s.versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
	for _, key := range []string{"early", "late", "twice", "never"} {
		v.put(key)
	}
	v.mark("early")
	clock.Store(int64(time.Minute))
	v.mark("early") // deleted already
	v.mark("late")
	v.mark("twice")
	v.mark("twice")
	v.mark("nothing")
	eng := newEngine(t, v.options())
	for _, dry := range []bool{true, false} {
		sum, err := eng.Undelete(t.Context(), v.at(), engine.UndeleteOptions{
			Since: now.Add(30 * time.Second), RunOptions: engine.RunOptions{DryRun: dry},
		})
		whole(t, sum, err)
		if got := count(sum); got != [4]int64{0, 0, 3, 0} {
			t.Errorf("dry run %v: removed %v", dry, got)
		}
	}
	var there []string
	for e, err := range eng.List(t.Context(), v.at(), engine.ListOptions{}) {
		must(t, err)
		there = append(there, e.Key)
	}
	if want := []string{"late", "never", "twice"}; !slices.Equal(there, want) {
		t.Errorf("there are %q, want %q", there, want)
	}
}

func TestUploadsAndFacts(t *testing.T) {
	v := simulate(t, s3sim.Options{}).versioned(t, "sim", types.BucketVersioningStatusEnabled, true)
	for _, key := range []string{"a", "a/1", "a/2", "c"} {
		v.upload(key)
		v.put(key)
		v.put(key)
	}
	v.mark("a/1")
	eng := newEngine(t, v.options())
	list := func(at engine.Location) (keys []string) {
		for u, err := range eng.Uploads(t.Context(), at) {
			must(t, err)
			keys = append(keys, u.Key)
		}
		return keys
	}
	if got := list(engine.Object("sim", "a")); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q", got)
	}
	f, err := eng.Facts(t.Context(), engine.Bucket("sim", "a/"))
	must(t, err)
	if f.Region != s3sim.DefaultRegion || f.Status != "Enabled" || !f.ObjectLock || !slices.Equal(f.First, []string{"a/1", "a/2"}) {
		t.Errorf("%+v", f)
	}
	sum, err := eng.AbortUploads(t.Context(), engine.Bucket("sim", "a/"), engine.AbortOptions{OlderThan: time.Hour})
	checked(t, sum, err)
	if got := list(v.at()); len(got) != 4 {
		t.Errorf("%q", got)
	}
	sum, err = eng.AbortUploads(t.Context(), engine.Bucket("sim", "a/"), engine.AbortOptions{})
	checked(t, sum, err)
	if got := list(v.at()); !slices.Equal(got, []string{"a", "c"}) || count(sum)[3] != 2 || len(v.left()) != 11 {
		t.Errorf("%q, %v", got, count(sum))
	}
}

// rm of one version; of the newest, which shows the one before.
func TestRemoveOfAVersion(t *testing.T) {
	v := simulate(t, s3sim.Options{}).versioned(t, "sim", "", false)
	v.put("k") // null
	v.turn(types.BucketVersioningStatusEnabled)
	second, third := v.put("k"), v.put("k")
	eng := newEngine(t, v.options())
	for _, id := range []string{"null", third} {
		sum, err := eng.Remove(t.Context(), engine.Object("sim", "k"), engine.RemoveOptions{VersionID: id})
		whole(t, sum, err)
	}
	v.wants("k " + second)
	if _, err := eng.Remove(t.Context(), v.at(), engine.RemoveOptions{VersionID: "null"}); !errors.Is(err, engine.ErrUsage) {
		t.Errorf("of a whole bucket: %v", err)
	}
}

// Expire puts its rule beside those that are there, or in the place of its own.
func TestExpire(t *testing.T) {
	s := simulate(t, s3sim.Options{})
	s.versioned(t, "sim", "", false)
	var mu sync.Mutex
	config := "" // none
	o := s.options()
	o.EndpointURL = s.behind(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !r.URL.Query().Has("lifecycle") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case r.Method == http.MethodPut:
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			config = string(b)
		case config == "":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchLifecycleConfiguration</Code></Error>")
		default:
			_, _ = io.WriteString(w, config)
		}
		return true
	})
	eng := newEngine(t, o)
	at := engine.Bucket("sim", "log/")
	for what, o := range map[string]engine.PurgeOptions{
		"filters":      {RunOptions: engine.RunOptions{Filters: []walker.Rule{{Pattern: "*"}}}},
		"a bound":      {MaxDelete: 1},
		"half a day":   {OlderThan: 12 * time.Hour},
		"many to keep": {KeepVersions: 102},
		"less than 0":  {KeepVersions: -1},
		"aged markers": {MarkersOnly: true, OlderThan: 24 * time.Hour},
	} {
		if _, err := eng.Expire(t.Context(), at, o); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := eng.Expire(t.Context(), engine.Object("sim", "k"), engine.PurgeOptions{}); !errors.Is(err, engine.ErrUsage) {
		t.Errorf("one key: %v", err)
	}
	if config != "" {
		t.Error("it was changed")
	}
	for _, q := range []struct {
		at   engine.Location
		o    engine.PurgeOptions
		want engine.Expiration
		has  []string
		no   []string
	}{
		{
			at,
			engine.PurgeOptions{RunOptions: engine.RunOptions{DryRun: true}},
			engine.Expiration{ID: "s3haul-purge-log/"},
			nil,
			[]string{"<Rule>"},
		},
		{
			at,
			engine.PurgeOptions{},
			engine.Expiration{ID: "s3haul-purge-log/"},
			[]string{"<Prefix>log/</Prefix>", "<NoncurrentDays>1</NoncurrentDays>", "<Expiration><Days>1</Days></Expiration>", "<DaysAfterInitiation>1<"},
			[]string{"NewerNoncurrentVersions"},
		},
		{
			engine.Bucket("sim", ""),
			engine.PurgeOptions{KeepVersions: 3, OlderThan: 48 * time.Hour},
			engine.Expiration{ID: "s3haul-purge-", Rules: 1},
			[]string{"<NewerNoncurrentVersions>2<", "<NoncurrentDays>2<", "<Prefix>log/</Prefix>"},
			nil,
		},
		{
			at,
			engine.PurgeOptions{MarkersOnly: true},
			engine.Expiration{ID: "s3haul-purge-log/", Replaced: true, Rules: 1},
			[]string{"<ExpiredObjectDeleteMarker>true<", "<NewerNoncurrentVersions>2<"},
			[]string{"<Days>1</Days>", "DaysAfterInitiation"},
		},
	} {
		got, err := eng.Expire(t.Context(), q.at, q.o)
		must(t, err)
		if got != q.want {
			t.Errorf("%+v, want %+v", got, q.want)
		}
		for _, text := range q.has {
			if !strings.Contains(config, text) {
				t.Errorf("%+v: no %s in %s", q.o, text, config)
			}
		}
		for _, text := range q.no {
			if strings.Contains(config, text) {
				t.Errorf("%+v: %s in %s", q.o, text, config)
			}
		}
	}
}
