package report

import (
	"encoding/base64"
	"time"
	"unicode/utf8"
)

type header struct {
	V     int    `json:"v"`
	Event string `json:"event"`
}

func head(event string) header { return header{V: 1, Event: event} }

// eventReport is the event of a report's first line.
const eventReport = "report"

type headerRecord struct {
	header
	names
	undone
}

// undone is what an earlier run left and this one does not do.
type undone struct {
	Incomplete bool  `json:"incomplete,omitempty"`
	Deletes    int64 `json:"failed_deletes,omitempty"`
}

type objectRecord struct {
	header
	names
	Bytes int64 `json:"bytes"`
	sum
	DryRun bool `json:"dryrun,omitempty"`
}

// sum is by what an object was verified.
type sum struct {
	By    string `json:"checksum,omitempty"`
	Value string `json:"checksum_value,omitempty"`
}

type comparedRecord struct {
	header
	names
	Bytes   int64  `json:"bytes"`
	Outcome string `json:"outcome"`
	sum
	*problem
}

type names struct {
	Op        Op     `json:"op,omitempty"`
	Src       string `json:"src,omitempty"`
	SrcBase64 string `json:"src_base64,omitempty"`
	Dst       string `json:"dst,omitempty"`
	DstBase64 string `json:"dst_base64,omitempty"`
	Key       string `json:"key,omitempty"`
	KeyBase64 string `json:"key_base64,omitempty"`
}

type errorRecord struct {
	header
	names
	Bytes int64 `json:"bytes,omitempty"`
	problem
	Fatal    bool `json:"fatal,omitempty"`
	Unlisted bool `json:"unlisted,omitempty"`
}

type problem struct {
	API       string `json:"api,omitempty"`
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	Message   string `json:"message"`
	Advice    string `json:"advice,omitempty"`
}

type progressRecord struct {
	header
	BytesDone    int64 `json:"bytes_done"`
	BytesTotal   int64 `json:"bytes_total"`
	ObjectsDone  int64 `json:"objects_done"`
	ObjectsTotal int64 `json:"objects_total"`
	Listed       bool  `json:"listed"`
	Found        int64 `json:"found,omitempty"`

	InFlight  int     `json:"in_flight,omitempty"`
	Limit     int     `json:"limit,omitempty"`
	Throttled int64   `json:"throttled,omitempty"`
	Paced     float64 `json:"paced,omitempty"`
}

type summaryRecord struct {
	header
	Exit       int              `json:"exit"`
	DryRun     bool             `json:"dryrun"`
	Ops        map[Op]opRecord  `json:"ops"`
	Unchanged  int64            `json:"unchanged"`
	Skipped    int64            `json:"skipped"`
	Failed     int64            `json:"failed"`
	Held       int64            `json:"held"`
	Retries    int64            `json:"retries"`
	Throttled  int64            `json:"throttled"`
	Verified   int64            `json:"verified"`
	By         map[string]int64 `json:"verified_by,omitempty"`
	Unverified int64            `json:"unverified,omitempty"`
	Resumed    int64            `json:"resumed_bytes,omitempty"`
	Notices    int64            `json:"notices"`
	Seconds    float64          `json:"seconds"`
	CutShort   string           `json:"cut_short,omitempty"`
	Ceilings   []string         `json:"ceilings,omitempty"`

	// Of a verify.
	Outcomes map[string]int64 `json:"outcomes,omitempty"`

	// Of a purge.
	Found     *opRecord    `json:"found,omitempty"`
	Left      []leftRecord `json:"left,omitempty"`
	Checked   *bool        `json:"checked,omitempty"`
	Rechecked *int64       `json:"rechecked,omitempty"`
}

type leftRecord struct {
	Reason   string     `json:"reason"`
	Advice   string     `json:"advice,omitempty"`
	Count    int64      `json:"count"`
	Until    *time.Time `json:"until,omitempty"`
	Examples []string   `json:"examples,omitempty"`
}

type opRecord struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func namesOf(e Event) names {
	return names{
		Op: e.Op, Src: e.Src, SrcBase64: raw(e.Src), Dst: e.Dst, DstBase64: raw(e.Dst), Key: e.Key, KeyBase64: raw(e.Key),
	}
}

// raw is the base64 of a name that is not UTF-8, and empty for the rest.
func raw(name string) string {
	if utf8.ValidString(name) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(name))
}

func problemOf(err error) problem {
	p := Explain(err)
	return problem{API: p.API, Code: p.Code, RequestID: p.RequestID, Message: p.Message, Advice: p.Advice}
}

func problemRecord(event string, e Event) errorRecord {
	return errorRecord{header: head(event), names: namesOf(e), Bytes: e.Bytes, problem: problemOf(e.Err), Unlisted: e.Unlisted}
}

func comparedRecordOf(e Event) comparedRecord {
	r := comparedRecord{
		header: head("compared"), names: namesOf(e), Bytes: e.Bytes, Outcome: e.Outcome.word(), sum: sum{e.By, e.Sum},
	}
	if e.Err != nil {
		p := problemOf(e.Err)
		r.problem = &p
	}
	return r
}
