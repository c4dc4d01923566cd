package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// Record is all that was measured, as --json writes it.
type Record struct {
	Time       time.Time   `json:"time"`
	Machine    lab.Machine `json:"machine"`
	Rounds     int         `json:"rounds"`
	Scale      float64     `json:"scale"`
	TLS        bool        `json:"tls"`
	Endpoint   string      `json:"endpoint"`   // "s3sim" where it was the simulator
	Filesystem string      `json:"filesystem"` // that the data was on
	Tools      []Tool      `json:"tools"`
	Cells      []*Cell     `json:"cells"`
}

// Tool is a program that took part.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Cell is what one tool took for one workload.
type Cell struct {
	Workload string `json:"workload"`
	Latency  string `json:"latency,omitempty"` // of the simulator
	Tool     string `json:"tool"`
	Runs     []Run  `json:"runs"`
	Error    string `json:"error,omitempty"`  // why there are no more runs
	Cannot   string `json:"cannot,omitempty"` // why it takes no part
}

// Run is what one run of a tool took.
type Run struct {
	Wall    float64 `json:"wall_seconds"`
	User    float64 `json:"user_seconds"`
	System  float64 `json:"system_seconds"`
	PeakRSS int64   `json:"peak_rss_bytes,omitempty"` // 0 where the system does not tell
	// Requests are the requests that the simulator saw, by S3's names of
	// operations; nil at another endpoint, as are the bytes of bodies.
	Requests map[string]int64 `json:"requests,omitempty"`
	Sent     int64            `json:"sent_bytes,omitempty"`
	Received int64            `json:"received_bytes,omitempty"`
}

func (r Run) cpu() float64 { return r.User + r.System }

func (r Run) requests() int64 {
	var n int64
	for _, count := range r.Requests {
		n += count
	}
	return n
}

// lists are the requests for pages of a listing, deletes those that remove: one
// key or version each, or a batch.
func (r Run) lists() int64 {
	return r.Requests["ListObjectsV2"] + r.Requests["ListObjects"] + r.Requests["ListObjectVersions"]
}

func (r Run) deletes() int64 { return r.Requests["DeleteObjects"] + r.Requests["DeleteObject"] }

// over is the spread of a figure of each run.
func over(runs []Run, figure func(Run) float64) lab.Spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = figure(r)
	}
	return lab.SpreadOf(values)
}

func (c *Cell) wall() lab.Spread { return over(c.Runs, func(r Run) float64 { return r.Wall }) }
func (c *Cell) cpu() lab.Spread  { return over(c.Runs, Run.cpu) }
func (c *Cell) rss() lab.Spread {
	return over(c.Runs, func(r Run) float64 { return float64(r.PeakRSS) })
}

// median of a count of requests.
func (c *Cell) median(count func(Run) int64) int64 {
	return int64(over(c.Runs, func(r Run) float64 { return float64(count(r)) }).Median)
}

// row is the cells of one workload at one latency.
type row struct {
	workload, latency string
	cells             []*Cell
}

// cell is the tool's one, nil where it took no part.
func (r *row) cell(tool string) *Cell {
	for _, c := range r.cells {
		if c.Tool == tool {
			return c
		}
	}
	return nil
}

// title names the row, as "small-up, 20ms".
func (r *row) title() string {
	if r.latency == "" || r.latency == "0" {
		return r.workload
	}
	return r.workload + ", " + r.latency
}

// rows puts the cells of one workload and latency together.
func (rec *Record) rows() []*row {
	var rows []*row
	for _, c := range rec.Cells {
		if n := len(rows); n == 0 || rows[n-1].workload != c.Workload || rows[n-1].latency != c.Latency {
			rows = append(rows, &row{workload: c.Workload, latency: c.Latency})
		}
		last := rows[len(rows)-1]
		last.cells = append(last.cells, c)
	}
	return rows
}

func (rec *Record) save(path string) error {
	data, err := json.MarshalIndent(rec, "", "\t")
	if err != nil {
		return fmt.Errorf("the record: %w", err)
	}
	return os.WriteFile(path, append(data, '\n'), 0o666)
}
