package s3sim

import (
	"context"
	"encoding/json"
	"net/http"
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
}

func (c *counters) enter() {
	n := c.inFlight.Add(1)
	for {
		most := c.maxInFlight.Load()
		if n <= most || c.maxInFlight.CompareAndSwap(most, n) {
			return
		}
	}
}

func (c *counters) leave() { c.inFlight.Add(-1) }

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
	}
	return st
}

// ResetStats sets the counts to zero; MaxInFlight to what is under way.
func (s *Server) ResetStats() {
	c := &s.counters
	for op := range c.ops {
		c.ops[op].Store(0)
	}
	c.maxInFlight.Store(c.inFlight.Load())
	for _, n := range []*atomic.Int64{&c.bytesIn, &c.bytesOut, &c.connections, &c.handshakes, &c.faults} {
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
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Stats()) // a client that went away needs no answer
	case "POST " + controlPrefix + "reset":
		s.ResetStats()
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "s3sim: GET "+controlPrefix+"stats and POST "+controlPrefix+"reset are all there is", http.StatusNotFound)
	}
}
