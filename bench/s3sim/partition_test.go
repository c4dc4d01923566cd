package s3sim

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// partitioned is a server with the bucket "bucket" cut into partitions.
func partitioned(t *testing.T, c Conditions) *Server {
	t.Helper()
	s, err := New(Options{Conditions: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddBucket("bucket", ""); err != nil {
		t.Fatal(err)
	}
	return s
}

// status is what the server answers, without a network: time may be virtual.
func status(s *Server, method, target string) int {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, target, http.NoBody))
	return w.Code
}

// count is how many of n requests, the time between them apart, are not 503.
func count(s *Server, n int, between time.Duration, method string, target func(i int) string) (served int) {
	for i := range n {
		if status(s, method, target(i)) != http.StatusServiceUnavailable {
			served++
		}
		if between > 0 {
			time.Sleep(between)
		}
	}
	return served
}

func same(target string) func(int) string { return func(int) string { return target } }

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := partitioned(t, Conditions{Partitions: []Partition{
			{Writes: 100, Reads: 200}, {From: "m", Writes: 10, Burst: 3},
		}})
		// The burst at once, then the rate, whatever is asked.
		for _, c := range []struct {
			what, method, target string
			atOnce, inSecond     int // of 1000 each
		}{
			{"writes", http.MethodPut, "/bucket/a", 10, 100},
			{"reads", http.MethodGet, "/bucket/a", 20, 200},
			{"heads", http.MethodHead, "/bucket/a", 20, 200},
			{"removals", http.MethodDelete, "/bucket/a", 10, 100},
			{"parts", http.MethodPost, "/bucket/a?uploads", 10, 100},
			{"lists", http.MethodGet, "/bucket?list-type=2&prefix=b", 20, 200},
			{"lists far on", http.MethodGet, "/bucket?list-type=2&start-after=n", 1000, 1000},
			{"pages far on", http.MethodGet, "/bucket?list-type=2&continuation-token=a24=", 1000, 1000},
			{"writes at the cut", http.MethodPut, "/bucket/m", 3, 10},
			{"reads without limit", http.MethodGet, "/bucket/m", 1000, 1000},
			{"without a key", http.MethodHead, "/bucket", 1000, 1000},
			{"without a bucket", http.MethodGet, "/", 1000, 1000},
		} {
			time.Sleep(time.Minute) // all tokens are back
			if n := count(s, 1000, 0, c.method, same(c.target)); n != c.atOnce {
				t.Errorf("%s: %d of 1000 at once are served, want %d", c.what, n, c.atOnce)
			}
			if n := count(s, 1000, time.Millisecond, c.method, same(c.target)); n < c.inSecond-1 || n > c.inSecond {
				t.Errorf("%s: %d of 1000 in a second are served, want %d", c.what, n, c.inSecond)
			}
		}
	})
}

func TestThrottledAnswer(t *testing.T) {
	s := start(t, Options{Conditions: Conditions{Partitions: []Partition{{Writes: 0.001}}}})
	put := func(key, body string) error {
		_, err := s.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader(body)})
		return err
	}
	if err := put("first", "x"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put("second", strings.Repeat("x", 3<<20)), "SlowDown") // it is answered while the client sends
	if _, err := s.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("second")}); code(err) != "NotFound" {
		t.Errorf("a refused request was carried out: %v", err)
	}
	st := s.Stats()
	want := []PartitionStats{{Bucket: "bucket", Accepted: 2, Refused: 1}}
	if p := st.Partitions[0]; p.First.IsZero() || p.Last.Before(p.First) {
		t.Errorf("accepted from %v to %v", p.First, p.Last)
	}
	st.Partitions[0].First, st.Partitions[0].Last = time.Time{}, time.Time{}
	if st.Throttled != 1 || !reflect.DeepEqual(st.ThrottledOps, map[string]int64{"PutObject": 1}) || st.Ops["PutObject"] != 2 || !reflect.DeepEqual(st.Partitions, want) {
		t.Errorf("%+v", st)
	}
	s.ResetStats()
	want[0] = PartitionStats{Bucket: "bucket"}
	if st := s.Stats(); st.Throttled != 0 || len(st.ThrottledOps) != 0 || !reflect.DeepEqual(st.Partitions, want) {
		t.Errorf("after a reset: %+v", st)
	}
	wantCode(t, put("second", "x"), "SlowDown") // tokens are not counts
}

// Each key of a DeleteObjects is a write.
func TestThrottledKeys(t *testing.T) {
	s := start(t, Options{Conditions: Conditions{Partitions: []Partition{
		{Writes: 0.001, Burst: 6}, {From: "m"},
	}}})
	for _, key := range []string{"a", "b", "c", "m"} {
		if _, err := s.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(keys ...string) (*s3.DeleteObjectsOutput, error) {
		var ids []types.ObjectIdentifier
		for _, key := range keys {
			ids = append(ids, types.ObjectIdentifier{Key: &key})
		}
		return s.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("bucket"), Delete: &types.Delete{Objects: ids}})
	}
	out := must[*s3.DeleteObjectsOutput](t)(remove("none", "a", "m", "b", "c", "d")) // none is behind m
	var refused []string
	for _, e := range out.Errors {
		refused = append(refused, *e.Key+" "+*e.Code)
	}
	if want := []string{"d SlowDown"}; !reflect.DeepEqual(refused, want) || len(out.Deleted) != 5 {
		t.Errorf("refused are %v of %d, want %v", refused, len(out.Deleted)+len(out.Errors), want)
	}
	_, err := remove("d", "e")
	wantCode(t, err, "SlowDown")
	if st := s.Stats(); st.Throttled != 1 || st.ThrottledKeys != 3 || st.Ops["DeleteObjects"] != 2 {
		t.Errorf("%+v", st)
	}
}

// A fault comes first, and what it keeps from the store costs no token.
func TestFaultsAndPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := partitioned(t, Conditions{
			Partitions: []Partition{{Writes: 1, Burst: 4}},
			Faults:     []Fault{{Op: "PutObject", Kind: KindInternalError, N: 2, Every: 2}},
		})
		var codes []int
		for range 10 {
			codes = append(codes, status(s, http.MethodPut, "/bucket/k"))
		}
		if want := []int{200, 500, 200, 500, 200, 500, 200, 500, 503, 500}; !reflect.DeepEqual(codes, want) {
			t.Errorf("codes are %v, want %v", codes, want)
		}
		if st := s.Stats(); st.Throttled != 1 || st.Faults != 5 || st.Ops["PutObject"] != 10 {
			t.Errorf("%+v", st)
		}
		begin := time.Now()
		time.Sleep(time.Minute)
		status(s, http.MethodHead, "/bucket/k")
		want := []PartitionStats{{Bucket: "bucket", Accepted: 5, Refused: 1, First: begin, Last: begin.Add(time.Minute)}}
		if got := s.Stats().Partitions; !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestSplit(t *testing.T) {
	key := func(i int) string { return fmt.Sprintf("/bucket/k%03d", i*37%1000) }
	froms := func(s *Server) (all []string) {
		for _, p := range s.Stats().Partitions {
			all = append(all, p.From)
		}
		return all
	}
	conditions := Conditions{Partitions: []Partition{{Writes: 100}}, SplitAfter: 8 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		s := partitioned(t, conditions)
		// Cool, with a second of heat: nothing happens.
		count(s, 50*60, 20*time.Millisecond, http.MethodPut, key)
		count(s, 1000, time.Millisecond, http.MethodPut, key)
		count(s, 50*60, 20*time.Millisecond, http.MethodPut, key)
		if got := froms(s); len(got) != 1 {
			t.Fatalf("without a lasting heat it is cut at %q", got)
		}
		// 10 s of twice the rate cut it once, at about the median.
		s.ResetStats()
		count(s, 200*10, 5*time.Millisecond, http.MethodPut, key)
		cuts := froms(s)
		if len(cuts) != 2 || cuts[1] < "k350" || cuts[1] > "k650" {
			t.Fatalf("it is cut at %q, want one cut at about k500", cuts)
		}
		s.ResetStats()
		if n := count(s, 200, 5*time.Millisecond, http.MethodPut, key); n < 185 {
			t.Errorf("of 200 requests a second, two partitions of 100 serve %d", n)
		}
		st := s.Stats().Partitions
		if st[0].Accepted+st[0].Refused == 0 || st[1].Accepted+st[1].Refused == 0 || st[0].Splits != 0 {
			t.Errorf("%+v", st)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a client that keeps just below the rate
		s := partitioned(t, conditions)
		if n := count(s, 95*12, time.Second/95, http.MethodPut, key); n != 95*12 {
			t.Errorf("of 95 a second, %d of %d are served", n, 95*12)
		}
		st := s.Stats().Partitions
		if len(st) != 2 || st[0].Splits != 1 {
			t.Errorf("%+v", st)
		}
	})
	synctest.Test(t, func(t *testing.T) { // one key cannot be cut
		s := partitioned(t, conditions)
		count(s, 200*30, 5*time.Millisecond, http.MethodPut, same("/bucket/k"))
		if got := froms(s); len(got) != 1 {
			t.Errorf("one key is cut at %q", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // two can, whichever is the median
		s := partitioned(t, conditions)
		count(s, 200*10, 5*time.Millisecond, http.MethodPut, func(i int) string {
			if i%10 == 0 {
				return "/bucket/z"
			}
			return "/bucket/a"
		})
		if got := froms(s); !reflect.DeepEqual(got, []string{"", "z"}) {
			t.Errorf("two keys are cut at %q", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // never, where it is not asked for
		s := partitioned(t, Conditions{Partitions: conditions.Partitions})
		count(s, 200*30, 5*time.Millisecond, http.MethodPut, key)
		if got := froms(s); len(got) != 1 {
			t.Errorf("it is cut at %q", got)
		}
	})
}

func TestParsePartition(t *testing.T) {
	base := Partition{Writes: 1, Reads: 2, Burst: 3}
	for text, want := range map[string]Partition{
		"":                             base,
		"logs/":                        {From: "logs/", Writes: 1, Reads: 2, Burst: 3},
		"a:writes=350":                 {From: "a", Writes: 350, Reads: 2, Burst: 3},
		"a:burst=35:reads=0:writes=.5": {From: "a", Writes: .5, Burst: 35},
		"a:b:writes=5":                 {From: "a:b", Writes: 5, Reads: 2, Burst: 3},
		"a:writes=5:b":                 {From: "a:writes=5:b", Writes: 1, Reads: 2, Burst: 3},
		":reads=7":                     {Writes: 1, Reads: 7, Burst: 3},
	} {
		if got, err := ParsePartition(text, base); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"a:writes=x", "a:reads=-1", "a:writes=NaN", "a:reads=Inf", "a:burst=1.5", "a:burst=-1"} {
		if got, err := ParsePartition(text, base); err == nil || !strings.Contains(err.Error(), "partition") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for want, c := range map[string]Conditions{
		"first key":         {Partitions: []Partition{{From: "a"}}},
		"does not come":     {Partitions: []Partition{{}, {From: "b"}, {From: "b"}}},
		"no rate":           {Partitions: []Partition{{Writes: -1}}},
		"are no partitions": {SplitAfter: 1},
		"split after -1":    {Partitions: []Partition{{}}, SplitAfter: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}
