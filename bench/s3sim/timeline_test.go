package s3sim

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := partitioned(t, Conditions{
			Latency:    Latency{Median: 250 * time.Millisecond},
			Partitions: []Partition{{Writes: 1, Burst: 2}},
			Faults:     []Fault{{Op: "GetObject", Kind: KindInternalError}},
		})
		begin := time.Now()
		time.Sleep(50 * time.Millisecond)
		ended := make(chan struct{})
		ask := func(method string) {
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, "/bucket/k", strings.NewReader("12345")))
			ended <- struct{}{}
		}
		for range 3 {
			go ask(http.MethodPut)
		}
		for range 3 {
			<-ended
		}
		for range 2 { // the first meets the fault
			go ask(http.MethodGet)
			<-ended
		}
		want := []Moment{
			{InFlight: 3},
			{InFlight: 3},
			{InFlight: 3},
			{InFlight: 3, Accepted: 2, Refused: 1, BytesIn: 10}, // at 300 ms; then the GET
			{InFlight: 1},
			{InFlight: 1, Faults: 1},
			{InFlight: 1},
			{InFlight: 1},
			{InFlight: 1, Accepted: 1, BytesOut: 5},
		}
		got := s.Timeline()
		if !got.Start.Equal(begin) || got.StepMS != 100 || !reflect.DeepEqual(got.Moments, want) {
			t.Errorf("%v, %+v; want %v, %+v", got.Start, got.Moments, begin, want)
		}
		// Time without a request has moments too, and the last ten minutes stay.
		time.Sleep(time.Second)
		if got := s.Timeline().Moments; len(got) != 19 || got[18] != (Moment{}) {
			t.Errorf("%d moments, the last is %+v", len(got), got[len(got)-1])
		}
		for range 3 {
			time.Sleep(9 * time.Minute)
			go ask(http.MethodGet)
			<-ended
			got = s.Timeline()
			end := got.Start.Add(time.Duration(len(got.Moments)) * TimelineStep)
			if late := time.Until(end); len(got.Moments) > timelineMost || late <= 0 || late > TimelineStep || got.Moments[len(got.Moments)-1].Accepted != 1 {
				t.Errorf("%d moments from %v to %v, it is %v; the last is %+v", len(got.Moments), got.Start, end, time.Now(), got.Moments[len(got.Moments)-1])
			}
		}
		time.Sleep(24 * time.Hour)
		if got = s.Timeline(); len(got.Moments) > timelineMost || time.Since(got.Start) > 10*time.Minute+TimelineStep || got.Moments[0] != (Moment{}) {
			t.Errorf("after a day: %d moments from %v, the first is %+v", len(got.Moments), got.Start, got.Moments[0])
		}
		s.ResetStats()
		if got = s.Timeline(); !got.Start.Equal(time.Now()) || !reflect.DeepEqual(got.Moments, []Moment{{}}) {
			t.Errorf("after a reset: %+v", got)
		}
	})
}

// As a program asks for it.
func TestTimelineAsJSON(t *testing.T) {
	s := open(t, over{}, Options{})
	a := s.ask(t, http.MethodPut, "/bucket/k", text())
	expect(t, a, a.err == nil && a.StatusCode == 200, "an object to begin with")
	resp, err := http.Get(s.URL + "/_s3sim/timeline")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got Timeline
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var sum Moment
	for _, m := range got.Moments {
		sum.Accepted += m.Accepted
		sum.BytesIn += m.BytesIn
		sum.InFlight = max(sum.InFlight, m.InFlight)
	}
	if want := (Moment{Accepted: 1, BytesIn: 1000, InFlight: 1}); sum != want || got.StepMS != 100 {
		t.Errorf("%s sums up to %+v, want %+v", body, sum, want)
	}
}
