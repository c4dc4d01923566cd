package s3sim

import (
	"sync"
	"time"
)

const (
	// TimelineStep is how long a moment of a Timeline is.
	TimelineStep = 100 * time.Millisecond
	// timelineMost is how many moments are kept: ten minutes.
	timelineMost = 6000
)

// Timeline is what a Server did, step by step, since it was made or last reset:
// of the last ten minutes at most.
type Timeline struct {
	// Start is when the first of Moments begins.
	Start time.Time `json:"start"`
	// StepMS is how long each of them is, in milliseconds.
	StepMS int64 `json:"step_ms"`
	// Moments go on to the one that has not ended yet.
	Moments []Moment `json:"moments"`
}

// Moment is one step of a [Timeline].
type Moment struct {
	// Accepted are the requests that were answered, Refused those that a
	// partition answered SlowDown, Faults those that a fault hit (one that was
	// carried out nevertheless is among Accepted as well).
	Accepted int64 `json:"accepted"`
	Refused  int64 `json:"refused"`
	Faults   int64 `json:"faults"`
	// InFlight is the most requests that were under way at a time.
	InFlight int64 `json:"in_flight"`
	// BytesIn and BytesOut are of bodies, decoded, as the socket gave and took
	// them: unlike in Stats, documents count on the way in, and what came of a
	// request that failed in the middle.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// timeline records a Timeline.
type timeline struct {
	mu      sync.Mutex
	start   time.Time // of moments[0]
	moments []Moment  // up to twice as many as are told
	under   int64     // requests under way
}

// now is the moment of now. It is called under the lock.
func (t *timeline) now() *Moment {
	n := int(time.Since(t.start) / TimelineStep)
	if past := n - (len(t.moments) - 1); past > timelineMost {
		// Nothing happened for longer than is told.
		t.start = t.start.Add(time.Duration(n-timelineMost) * TimelineStep)
		t.moments, n = t.moments[:0], timelineMost
	}
	for len(t.moments) <= n {
		t.moments = append(t.moments, Moment{InFlight: t.under})
	}
	if over := len(t.moments) - timelineMost; over > timelineMost {
		t.moments = t.moments[:copy(t.moments, t.moments[over:])]
		t.start = t.start.Add(time.Duration(over) * TimelineStep)
	}
	return &t.moments[len(t.moments)-1]
}

func (t *timeline) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start, t.moments = time.Now(), t.moments[:0]
}

// enter and leave are the begin and the end of a request.
func (t *timeline) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.now()
	t.under++
	m.InFlight = max(m.InFlight, t.under)
}

func (t *timeline) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now()
	t.under--
}

// add counts what change adds.
func (t *timeline) add(change Moment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.now()
	m.Accepted += change.Accepted
	m.Refused += change.Refused
	m.Faults += change.Faults
	m.BytesIn += change.BytesIn
	m.BytesOut += change.BytesOut
}

// Timeline returns what was done when.
func (s *Server) Timeline() Timeline {
	t := &s.counters.timeline
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now()
	over := max(0, len(t.moments)-timelineMost)
	return Timeline{
		Start:   t.start.Add(time.Duration(over) * TimelineStep),
		StepMS:  TimelineStep.Milliseconds(),
		Moments: append([]Moment(nil), t.moments[over:]...),
	}
}
