package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// versioned is a bucket of a simulator, with the state of its versioning; empty:
// never on.
type versioned struct {
	*simulated
	t    testing.TB
	c    *s3.Client
	name string
}

func (s *simulated) versioned(t testing.TB, name string, status types.BucketVersioningStatus, lock bool) *versioned {
	t.Helper()
	v := &versioned{s, t, s.client(), name}
	in := &s3.CreateBucketInput{Bucket: &name}
	if lock {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	_, err := v.c.CreateBucket(t.Context(), in)
	must(t, err)
	if status != "" {
		v.turn(status)
	}
	return v
}

// behind is the URL of a front of the simulator; what does has answered does not
// reach it.
func (s *simulated) behind(t testing.TB, does func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !does(w, r) {
			s.Config.Handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func (v *versioned) turn(status types.BucketVersioningStatus) {
	v.t.Helper()
	_, err := v.c.PutBucketVersioning(v.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &v.name, VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	})
	must(v.t, err)
}

// put makes a version; with changes its input.
func (v *versioned) put(key string, with ...func(*s3.PutObjectInput)) string {
	v.t.Helper()
	in := &s3.PutObjectInput{Bucket: &v.name, Key: &key, Body: strings.NewReader("body")}
	for _, f := range with {
		f(in)
	}
	out, err := v.c.PutObject(v.t.Context(), in)
	must(v.t, err)
	return aws.ToString(out.VersionId)
}

func (v *versioned) mark(key string) {
	v.t.Helper()
	_, err := v.c.DeleteObject(v.t.Context(), &s3.DeleteObjectInput{Bucket: &v.name, Key: &key})
	must(v.t, err)
}

func (v *versioned) upload(key string) {
	v.t.Helper()
	_, err := v.c.CreateMultipartUpload(v.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &v.name, Key: &key})
	must(v.t, err)
}

// left is what another client lists: versions, markers with a D, uploads with a U.
func (v *versioned) left() []string {
	v.t.Helper()
	left := []string{}
	pages := s3.NewListObjectVersionsPaginator(v.c, &s3.ListObjectVersionsInput{Bucket: &v.name})
	for pages.HasMorePages() {
		p, err := pages.NextPage(v.t.Context())
		must(v.t, err)
		for _, e := range p.Versions {
			left = append(left, aws.ToString(e.Key)+" "+aws.ToString(e.VersionId))
		}
		for _, e := range p.DeleteMarkers {
			left = append(left, aws.ToString(e.Key)+" D"+aws.ToString(e.VersionId))
		}
	}
	out, err := v.c.ListMultipartUploads(v.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &v.name})
	must(v.t, err)
	for _, u := range out.Uploads {
		left = append(left, aws.ToString(u.Key)+" U")
	}
	slices.Sort(left)
	return left
}

func (v *versioned) at() engine.Location { return engine.Bucket(v.name, "") }

// wants says what is to be left.
func (v *versioned) wants(want ...string) {
	v.t.Helper()
	slices.Sort(want)
	if got := v.left(); !slices.Equal(got, want) {
		v.t.Errorf("left are %q, want %q", got, want)
	}
}

// checked says that a purge listed again and found nothing left.
func checked(t testing.TB, sum engine.Summary, err error) {
	t.Helper()
	whole(t, sum, err)
	if !sum.Purged || !sum.Checked || sum.Rechecked != 0 || len(sum.Left) != 0 || sum.Exit() != 0 {
		t.Errorf("%+v", sum)
	}
}

func count(sum engine.Summary) [4]int64 {
	return [4]int64{
		sum.Ops[report.RemoveVersion].Objects, sum.Ops[report.RemoveCurrent].Objects,
		sum.Ops[report.RemoveMarker].Objects, sum.Ops[report.AbortUpload].Objects,
	}
}

func TestPurgeWhateverTheVersioning(t *testing.T) {
	for what, fill := range map[string]func(v *versioned){
		"never on": func(v *versioned) {
			v.put("a")
			v.put("b/c")
		},
		"on": func(v *versioned) {
			for range 3 {
				v.put("a")
			}
			v.mark("a")
			v.put("b/c")
			v.mark("gone")
		},
		"suspended": func(v *versioned) {
			v.put("a") // null
			v.turn(types.BucketVersioningStatusEnabled)
			v.put("a")
			v.put("b/c")
			v.turn(types.BucketVersioningStatusSuspended)
			v.put("b/c") // null above another
			v.mark("a")  // a null marker in the place of the null version
			v.put("d")
		},
	} {
		t.Run(what, func(t *testing.T) {
			v := simulate(t, s3sim.Options{}).versioned(t, "sim", "", false)
			if what == "on" {
				v.turn(types.BucketVersioningStatusEnabled)
			}
			fill(v)
			v.upload("a")
			v.upload("z")
			eng := newEngine(t, v.options())
			before := v.left()
			sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{RunOptions: engine.RunOptions{DryRun: true}})
			whole(t, sum, err)
			would := count(sum)
			if v.wants(before...); !sum.DryRun || would[3] != 2 {
				t.Errorf("would remove %v", would)
			}
			sum, err = eng.Purge(t.Context(), v.at(), engine.PurgeOptions{})
			checked(t, sum, err)
			v.wants()
			if got := count(sum); got != would || int64(len(before)) != got[0]+got[2]+got[3] {
				t.Errorf("removed %v, the dry run said %v, of %d", got, would, len(before))
			}
			must(t, eng.RemoveBucket(t.Context(), v.name))
		})
	}
}

func TestPurgeKeepsVersions(t *testing.T) {
	v := simulate(t, s3sim.Options{}).versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
	var a []string
	for range 4 {
		a = append(a, v.put("a"))
	}
	b := v.put("b")
	v.put("c")
	v.mark("c")
	v.mark("d")
	v.upload("a")
	eng := newEngine(t, v.options())
	sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{KeepVersions: 2})
	checked(t, sum, err)
	if left := v.left(); len(left) != 6 || !slices.Contains(left, "a "+a[3]) || !slices.Contains(left, "a "+a[2]) || !slices.Contains(left, "b "+b) ||
		!slices.Contains(left, "a U") {
		t.Errorf("%q", left)
	}
	if got := count(sum); got != [4]int64{2, 0, 1, 0} { // of d only the marker was there
		t.Errorf("removed %v", got)
	}
	sum, err = eng.Purge(t.Context(), engine.Bucket("sim", "c"), engine.PurgeOptions{NoncurrentOnly: true})
	checked(t, sum, err)
	if got := count(sum); got != [4]int64{1, 0, 0, 0} {
		t.Errorf("removed %v", got)
	}
	sum, err = eng.Purge(t.Context(), v.at(), engine.PurgeOptions{MarkersOnly: true})
	checked(t, sum, err)
	sum, err = eng.Purge(t.Context(), v.at(), engine.PurgeOptions{OlderThan: time.Hour})
	checked(t, sum, err)
	v.wants("a "+a[3], "a "+a[2], "b "+b, "a U")
	// One key, and not those that begin with it.
	v.put("aa")
	sum, err = eng.Purge(t.Context(), engine.Object("sim", "a"), engine.PurgeOptions{})
	checked(t, sum, err)
	if left := v.left(); len(left) != 2 || left[1] != "b "+b {
		t.Errorf("%q", left)
	}
}

// What object lock keeps is named by its reason, and what hides it stays.
func TestPurgeOfLockedVersions(t *testing.T) {
	v := simulate(t, s3sim.Options{}).versioned(t, "sim", "", true)
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	lock := func(mode types.ObjectLockMode, until time.Time) func(*s3.PutObjectInput) {
		return func(in *s3.PutObjectInput) { in.ObjectLockMode, in.ObjectLockRetainUntilDate = mode, &until }
	}
	hold := func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn }
	want := []string{
		"a " + v.put("a", lock(types.ObjectLockModeCompliance, until.Add(-time.Hour))),
		"b " + v.put("b", lock(types.ObjectLockModeCompliance, until)),
	}
	v.put("b")
	want = append(want, "b "+v.put("b")) // held back: something beneath stays
	governed := "c " + v.put("c", lock(types.ObjectLockModeGovernance, until))
	want = append(want, governed, "d "+v.put("d", hold))
	v.put("e")
	v.mark("e")
	eng := newEngine(t, v.options())
	rec := &recorder{}
	sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{RunOptions: engine.RunOptions{Report: rec}})
	must(t, err)
	v.wants(want...)
	if sum.Exit() != 1 || !sum.Checked || sum.Rechecked != 5 || sum.Failed != 4 {
		t.Errorf("%+v", sum)
	}
	got := map[string]report.Left{}
	for _, l := range sum.Left {
		got[l.Reason] = l
	}
	if l := got["compliance lock"]; l.Count != 2 || !l.Until.Equal(until) || len(l.Examples) == 0 {
		t.Errorf("%+v", l)
	}
	if l := got["governance lock"]; l.Count != 1 || l.Advice == "" || !slices.Equal(l.Examples, []string{"s3://sim/c"}) {
		t.Errorf("%+v", l)
	}
	if got["legal hold"].Count != 1 || got["kept: an older version of the key is held back"].Count != 1 || len(got) != 4 {
		t.Errorf("%+v", got)
	}
	if lines := strings.Join(sum.Lines(), "\n"); !strings.Contains(lines, "2 compliance lock (last until "+until.Format("2006-01-02")+")") ||
		!strings.Contains(lines, "5 left, all explained") {
		t.Errorf("%s", lines)
	}
	if failed := rec.keys(report.Failed); !slices.Equal(failed, []string{"a", "b", "c", "d"}) {
		t.Errorf("told of %q", failed)
	}
	sum, err = eng.Purge(t.Context(), v.at(), engine.PurgeOptions{Delete: wire.DeleteOptions{BypassGovernance: true}})
	must(t, err)
	if slices.Contains(v.left(), governed) || sum.Rechecked != 4 {
		t.Errorf("%q are left, %+v", v.left(), sum.Left)
	}
}

func TestPurgeOfBadKeys(t *testing.T) {
	v := simulate(t, s3sim.Options{}).versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
	keys := []string{
		"nul\x01", "esc\x1b[0m", "a//b", "a/", "/", "//", "\U0001F600/\U0001F680", strings.Repeat("k", 1024), strings.Repeat("é", 512),
		"cr\r", "lf\n", "tab\t", "<&>\"'", " ", "+", "%2F", "..", "a/../b", "\ufffe",
	}
	for _, key := range keys {
		for range 2 {
			v.put(key)
		}
	}
	eng := newEngine(t, v.options())
	sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{})
	checked(t, sum, err)
	v.wants()
	if n := count(sum)[0]; n != int64(2*len(keys)) {
		t.Errorf("%d removed, want %d", n, 2*len(keys))
	}
}

// An error of a list ends the run, and it says so; what goes wrong on the way
// never makes anything visible.
func TestPurgeThatCannotList(t *testing.T) {
	for _, q := range []struct{ fault, code string }{
		{"ListObjectVersions:error:status=403,code=AccessDenied,n=3,every=1", "AccessDenied"},
		{"ListObjectVersions:error:status=400,code=ExpiredToken,n=3,every=1", "ExpiredToken"},
		{"DeleteObjects:error:status=400,code=ExpiredToken,n=2,every=1", "ExpiredToken"},
		{"DeleteObjects:error:status=404,code=NoSuchBucket,n=2,every=1", "NoSuchBucket"},
	} {
		t.Run(q.fault, func(t *testing.T) {
			fault, err := s3sim.ParseFault(q.fault)
			must(t, err)
			s := simulate(t, s3sim.Options{
				Synthetic:  []s3sim.Synthetic{{Bucket: "sim", Layout: s3sim.LayoutFlat, Count: 3000, Versions: 3}},
				Conditions: s3sim.Conditions{Faults: []s3sim.Fault{fault}},
			})
			eng := newEngine(t, s.options())
			sum, err := eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{RunOptions: engine.RunOptions{PageSize: 100}})
			if wire.Code(err) != q.code {
				t.Errorf("ended with %v", err)
			}
			if sum.Checked || sum.Failed != 0 {
				t.Errorf("%+v", sum)
			}
		})
	}
	eng := newEngine(t, simulate(t, s3sim.Options{}).options())
	for _, dry := range []bool{false, true} {
		_, err := eng.Purge(t.Context(), engine.Bucket("absent", ""), engine.PurgeOptions{RunOptions: engine.RunOptions{DryRun: dry}})
		if wire.Code(err) != "NoSuchBucket" {
			t.Errorf("of a bucket that is not there: %v", err)
		}
	}
	for _, o := range []engine.PurgeOptions{{KeepVersions: -1}, {OlderThan: -1}, {MaxDelete: -1}} {
		if _, err := eng.Purge(t.Context(), engine.Bucket("absent", ""), o); !errors.Is(err, engine.ErrUsage) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestPurgeStopsAtMaxDelete(t *testing.T) {
	for most, want := range map[int64]int64{1: 1, 700: 700, 2500: 2500, 6000: 6000, 6001: 6000} {
		s := simulate(t, s3sim.Options{Synthetic: []s3sim.Synthetic{{Bucket: "sim", Layout: s3sim.LayoutFlat, Count: 2000, Versions: 3}}})
		eng := newEngine(t, s.options())
		sum, err := eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{MaxDelete: most})
		bound, cut := errors.AsType[*engine.BoundError](err)
		if cut != (most < 6000) || cut && bound.Bound != engine.MaxDelete || cut && sum.CutShort != "max-delete" || !cut && err != nil {
			t.Errorf("at most %d: ended with %v", most, err)
		}
		dry, err := eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{RunOptions: engine.RunOptions{DryRun: true}})
		whole(t, dry, err)
		if n := count(sum)[0]; n != want || 6000-n != count(dry)[0] {
			t.Errorf("at most %d: %d were removed, %d are left", most, n, count(dry)[0])
		}
	}
}

// A dry run sends lists and nothing else.
func TestPurgeDryRunSendsLists(t *testing.T) {
	s := simulate(t, s3sim.Options{Synthetic: []s3sim.Synthetic{{Bucket: "sim", Layout: s3sim.LayoutHex, Count: 2000, Versions: 3}}})
	var seen requests
	o := s.options()
	o.OnAttempt = seen.count
	eng := newEngine(t, o)
	sum, err := eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{RunOptions: engine.RunOptions{DryRun: true}})
	whole(t, sum, err)
	for op := range seen.take() {
		if !strings.HasPrefix(op, "List") {
			t.Errorf("it sent %s", op)
		}
	}
	if lines := sum.Lines(); count(sum) != [4]int64{6000, 2000, 0, 0} || !strings.HasPrefix(lines[0], "would remove 6,000 versions (") || !strings.Contains(lines[0], "2,000 of them current") {
		t.Errorf("%v: %q", count(sum), lines)
	}
}

// What comes while it runs is found by the closing check, and goes.
func TestPurgeFindsWhatCameMeanwhile(t *testing.T) {
	s := simulate(t, s3sim.Options{})
	v := s.versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
	v.put("k")
	var lists atomic.Int64
	o := s.options()
	o.EndpointURL = s.behind(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("uploads") && lists.Add(1) == 1 { // the first round lists uploads after versions
			v.put("a")
		}
		return false
	})
	sum, err := newEngine(t, o).Purge(t.Context(), v.at(), engine.PurgeOptions{})
	checked(t, sum, err)
	if lists.Load() != 3 || count(sum)[0] != 2 {
		t.Errorf("%d rounds, %v removed", lists.Load(), count(sum))
	}
	v.wants()
}

// A store without versions has its objects removed, and it says so.
func TestPurgeWithoutVersions(t *testing.T) {
	s := simulate(t, s3sim.Options{Deviations: s3sim.Deviations{NoVersioning: true}})
	c := s.client()
	_, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("sim")})
	must(t, err)
	for i := range 5 {
		putObject(t, c, "sim", fmt.Sprint("k", i), "x")
	}
	eng := newEngine(t, s.options())
	sum, err := eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{KeepVersions: 1})
	checked(t, sum, err)
	if n := count(sum)[0]; n != 0 {
		t.Errorf("%d removed, and one version of each was to stay", n)
	}
	sum, err = eng.Purge(t.Context(), engine.Bucket("sim", ""), engine.PurgeOptions{})
	checked(t, sum, err)
	if count(sum)[0] != 5 || sum.NoticeCount != 1 {
		t.Errorf("%v removed, notices %v", count(sum), sum.Notices)
	}
	must(t, eng.RemoveBucket(t.Context(), "sim"))
}

// Interrupted anywhere and run again, it ends as one run would have.
func TestPurgeInterruptedAndAgain(t *testing.T) {
	for _, after := range []int64{1, 5, 9} {
		v := simulate(t, s3sim.Options{}).versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
		for i := range 60 {
			for range i%3 + 1 {
				v.put(fmt.Sprint("k", i/2))
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		o := v.options()
		o.OnAttempt = func(string, time.Duration, error) {
			if n.Add(1) == after {
				cancel()
			}
		}
		_, err := newEngine(t, o).Purge(ctx, v.at(), engine.PurgeOptions{RunOptions: engine.RunOptions{PageSize: 10}})
		if cancel(); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d requests: %v", after, err)
		}
		sum, err := newEngine(t, v.options()).Purge(t.Context(), v.at(), engine.PurgeOptions{})
		checked(t, sum, err)
		v.wants()
	}
}

// On a real server: null versions, versions, markers and uploads; first all but
// the newest version of each key, then all.
func TestPurgeOnAServer(t *testing.T) {
	c, name := wiretest.Endpoint(t).Client(t), wiretest.Bucket(t)
	v := &versioned{t: t, c: c, name: name}
	keys := []string{}
	for i := range 40 {
		keys = append(keys, fmt.Sprintf("d%d/k%03d", i%3, i))
	}
	newest := map[string]string{}
	for _, key := range keys[:20] {
		v.put(key) // null
	}
	v.turn(types.BucketVersioningStatusEnabled)
	for range 2 {
		for _, key := range keys {
			newest[key] = v.put(key)
		}
	}
	for _, key := range keys[30:] {
		v.mark(key)
	}
	v.upload("open")
	v.upload("d0/open")
	before := len(v.left())
	eng := newEngine(t, options(t))
	o := engine.RunOptions{PageSize: 7}
	sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{RunOptions: o, KeepVersions: 1})
	checked(t, sum, err)
	want := []string{"open U", "d0/open U"}
	for key, id := range newest {
		want = append(want, key+" "+id)
	}
	for _, e := range v.left() { // the markers above them stay
		if strings.Contains(e, " D") {
			want = append(want, e)
		}
	}
	if v.wants(want...); len(want) != 2+40+10 {
		t.Errorf("%d are left", len(want))
	}
	left := len(want)
	sum, err = eng.Purge(t.Context(), v.at(), engine.PurgeOptions{RunOptions: o})
	checked(t, sum, err)
	if got := count(sum); got[0]+got[2]+got[3] != int64(left) || got[3] != 2 {
		t.Errorf("removed %v of %d, before them %d", got, left, before)
	}
	v.wants()
	must(t, eng.RemoveBucket(t.Context(), name))
	must(t, eng.MakeBucket(t.Context(), name)) // the end of the test removes it
}

// Wherever it stops, what was deleted does not come back.
func TestPurgeCutAnywhereShowsNothing(t *testing.T) {
	for most := int64(1); most < 62; most += 6 {
		v := simulate(t, s3sim.Options{}).versioned(t, "sim", types.BucketVersioningStatusEnabled, false)
		for i := range 20 {
			key := fmt.Sprint("k", i)
			v.put(key)
			v.put(key)
			v.mark(key)
		}
		eng := newEngine(t, v.options())
		sum, err := eng.Purge(t.Context(), v.at(), engine.PurgeOptions{MaxDelete: most})
		if _, cut := errors.AsType[*engine.BoundError](err); cut != (most < 60) {
			t.Errorf("at most %d: %v", most, err)
		}
		if got := count(sum); got[0]+got[2] != min(most, 60) || int64(len(v.left())) != 60-min(most, 60) {
			t.Errorf("at most %d: removed %v, left %d", most, got, len(v.left()))
		}
		for e, err := range eng.List(t.Context(), v.at(), engine.ListOptions{}) {
			must(t, err)
			t.Errorf("at most %d: %s has come back", most, e.Key)
		}
	}
}
