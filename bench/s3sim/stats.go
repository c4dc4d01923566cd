package s3sim

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Stats count what a Server did since it was made or last reset.
type Stats struct {
	// Ops are the requests by the name of their operation, "PutObject";
	// those that a fault ended before they were read are among them.
	Ops map[string]int64 `json:"ops"`
	// MaxInFlight is the most requests that were under way at a time, from
	// their headers to the end of their answers, waits of Conditions included.
	MaxInFlight int64 `json:"max_in_flight"`
	// BytesIn and BytesOut are of the bodies of objects, decoded.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
	// Connections and Handshakes (of TLS) are counted by Listen.
	Connections int64 `json:"connections"`
	Handshakes  int64 `json:"handshakes"`
	// Faults are the requests that a fault hit.
	Faults int64 `json:"faults"`
	// Throttled are the requests that a partition answered 503 SlowDown, in all
	// and by operation; ThrottledKeys the keys of DeleteObjects that it refused,
	// inside a 200 or by a 503.
	Throttled     int64            `json:"throttled"`
	ThrottledOps  map[string]int64 `json:"throttled_ops,omitempty"`
	ThrottledKeys int64            `json:"throttled_keys"`
	// Partitions are those of all buckets, by bucket and first key.
	Partitions []PartitionStats `json:"partitions,omitempty"`
}

// PartitionStats count what a partition did. A key of a DeleteObjects is one
// request here.
type PartitionStats struct {
	Bucket   string `json:"bucket"`
	From     string `json:"from"`
	Accepted int64  `json:"accepted"`
	Refused  int64  `json:"refused"`
	// First and Last are when the first and the last of Accepted came.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Splits are how often its upper half became a partition of its own, with
	// counts from zero.
	Splits int64 `json:"splits"`
}

type counters struct {
	ops         [operations]atomic.Int64
	inFlight    atomic.Int64
	maxInFlight atomic.Int64
	bytesIn     atomic.Int64
	bytesOut    atomic.Int64
	connections atomic.Int64
	handshakes  atomic.Int64
	faults      atomic.Int64

	throttled     [operations]atomic.Int64
	throttledKeys atomic.Int64
	timeline      timeline
}

func (c *counters) enter() {
	c.timeline.enter()
	n := c.inFlight.Add(1)
	for {
		most := c.maxInFlight.Load()
		if n <= most || c.maxInFlight.CompareAndSwap(most, n) {
			return
		}
	}
}

func (c *counters) leave() {
	c.timeline.leave()
	c.inFlight.Add(-1)
}

// Stats returns the counts. Operations that never came are left out.
func (s *Server) Stats() Stats {
	c := &s.counters
	st := Stats{
		Ops:         map[string]int64{},
		MaxInFlight: c.maxInFlight.Load(),
		BytesIn:     c.bytesIn.Load(),
		BytesOut:    c.bytesOut.Load(),
		Connections: c.connections.Load(),
		Handshakes:  c.handshakes.Load(),
		Faults:      c.faults.Load(),
	}
	for op := range c.ops {
		if n := c.ops[op].Load(); n > 0 {
			st.Ops[operation(op).String()] = n
		}
		if n := c.throttled[op].Load(); n > 0 {
			if st.ThrottledOps == nil {
				st.ThrottledOps = map[string]int64{}
			}
			st.ThrottledOps[operation(op).String()] = n
			st.Throttled += n
		}
	}
	st.ThrottledKeys = c.throttledKeys.Load()
	for _, b := range s.partitioned() {
		st.Partitions = append(st.Partitions, b.space.stats(b.name)...)
	}
	return st
}

// partitioned are the buckets that have partitions, by name.
func (s *Server) partitioned() []*bucket {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*bucket
	for _, b := range s.buckets {
		if b.space != nil {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b *bucket) int { return strings.Compare(a.name, b.name) })
	return all
}

// ResetStats sets the counts to zero, MaxInFlight to what is under way, and
// begins the Timeline anew. Partitions stay cut as they are.
func (s *Server) ResetStats() {
	c := &s.counters
	for op := range c.ops {
		c.ops[op].Store(0)
		c.throttled[op].Store(0)
	}
	for _, b := range s.partitioned() {
		b.space.reset()
	}
	c.timeline.reset()
	c.maxInFlight.Store(c.inFlight.Load())
	for _, n := range []*atomic.Int64{&c.bytesIn, &c.bytesOut, &c.connections, &c.handshakes, &c.faults, &c.throttledKeys} {
		n.Store(0)
	}
}

// quietWithin bounds how long the counts wait for requests that are under way.
const quietWithin = time.Second

// quiet waits until no request is under way: a client has its answer a moment
// before it is counted. One that stalls is not waited for.
func (s *Server) quiet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quietWithin)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.counters.inFlight.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// control answers what is asked of the simulator itself.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET " + controlPrefix + "stats":
		s.quiet(r.Context())
		replyJSON(w, s.Stats())
	case "GET " + controlPrefix + "timeline":
		s.quiet(r.Context())
		replyJSON(w, s.Timeline())
	case "POST " + controlPrefix + "reset":
		s.ResetStats()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "s3sim: GET "+controlPrefix+"stats, GET "+controlPrefix+"timeline and POST "+controlPrefix+"reset are all there is", http.StatusNotFound)
	}
}

func replyJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that went away needs no answer
}
