package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// JSONOptions says what a JSON prints.
type JSONOptions struct {
	Options
	// Tally is where progress is read; it may be nil where Interval is 0.
	Tally *Tally
	// Interval is the time between two lines of progress; 0 means none.
	Interval time.Duration
	// Load, where it is not nil, is asked for what the lines of progress say
	// of requests; it must be safe to call at any time.
	Load func() Load
}

// JSON is a Sink that prints each event as one JSON object on a line of its
// own to stdout. Every object has "v" (1) and "event":
//
//   - object: something done. op, src, dst, bytes; dryrun where it was not.
//   - error: something failed. op, src, dst, bytes, message, and where S3 said
//     them code, api, request_id; advice. fatal where it ended the run.
//   - warning, notice: message and the rest as with error.
//   - progress: bytes_done, bytes_total, objects_done, objects_total, listed
//     (whether the totals are final), of a purge found; in_flight, limit, throttled, paced as
//     [Load] has them, without those that are 0.
//   - summary: the last line. exit, and what [Summary] has; found, left, checked and
//     rechecked where it is of a purge.
//
// A name that is not UTF-8 cannot stand in JSON: each bad byte in src or dst
// becomes U+FFFD, and src_base64 or dst_base64 has the name as it is.
type JSON struct {
	console *Console
	opts    JSONOptions
	beat    *beat

	text bytes.Buffer // under the console's lock
	enc  *json.Encoder
}

// NewJSON returns a JSON that prints to c. Close it before c.
func NewJSON(c *Console, o JSONOptions) *JSON {
	j := &JSON{console: c, opts: o}
	j.enc = json.NewEncoder(&j.text)
	j.enc.SetEscapeHTML(false)
	if o.Interval > 0 && o.Tally != nil && !o.Quiet && !o.OnlyErrors {
		j.beat = every(o.Interval, j.progress)
	}
	return j
}

// Close ends the lines of progress.
func (j *JSON) Close() { j.beat.end() }

// Err returns the first error of stdout, as [Console.Err].
func (j *JSON) Err() error { return j.console.Err() }

type header struct {
	V     int    `json:"v"`
	Event string `json:"event"`
}

func head(event string) header { return header{V: 1, Event: event} }

type objectRecord struct {
	header
	names
	Bytes  int64 `json:"bytes"`
	DryRun bool  `json:"dryrun,omitempty"`
}

type names struct {
	Op        Op     `json:"op,omitempty"`
	Src       string `json:"src,omitempty"`
	SrcBase64 string `json:"src_base64,omitempty"`
	Dst       string `json:"dst,omitempty"`
	DstBase64 string `json:"dst_base64,omitempty"`
}

type errorRecord struct {
	header
	names
	Bytes     int64  `json:"bytes,omitempty"`
	API       string `json:"api,omitempty"`
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	Message   string `json:"message"`
	Advice    string `json:"advice,omitempty"`
	Fatal     bool   `json:"fatal,omitempty"`
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
	Exit      int             `json:"exit"`
	DryRun    bool            `json:"dryrun"`
	Ops       map[Op]opRecord `json:"ops"`
	Unchanged int64           `json:"unchanged"`
	Skipped   int64           `json:"skipped"`
	Failed    int64           `json:"failed"`
	Held      int64           `json:"held"`
	Retries   int64           `json:"retries"`
	Throttled int64           `json:"throttled"`
	Verified  int64           `json:"verified"`
	Notices   int64           `json:"notices"`
	Seconds   float64         `json:"seconds"`
	CutShort  string          `json:"cut_short,omitempty"`
	Ceilings  []string        `json:"ceilings,omitempty"`

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

// Report implements Sink.
func (j *JSON) Report(e Event) {
	if j.opts.Quiet {
		return
	}
	switch e.Kind {
	case Done, DryRun:
		if !j.opts.OnlyErrors {
			j.print(objectRecord{header: head("object"), names: namesOf(e), Bytes: e.Bytes, DryRun: e.Kind == DryRun})
		}
	case Failed:
		if e.Count == 0 {
			j.print(problemRecord("error", e))
		}
	case Warning:
		j.print(problemRecord("warning", e))
	case Notice:
		if !j.opts.OnlyErrors {
			j.print(problemRecord("notice", e))
		}
	}
}

// Fatal prints what ended the run, an error with "fatal".
func (j *JSON) Fatal(err error) {
	if j.opts.Quiet {
		return
	}
	r := problemRecord("error", Event{Err: err})
	r.Fatal = true
	j.print(r)
}

// Summary prints s and the exit code of the command, which may be another than
// s.Exit. It prints nothing with Quiet and OnlyErrors.
func (j *JSON) Summary(s Summary, exit int) {
	if j.opts.Quiet || j.opts.OnlyErrors {
		return
	}
	ops := make(map[Op]opRecord, len(s.Ops))
	for op, c := range s.Ops {
		ops[op] = opRecord(c)
	}
	record := summaryRecord{
		header: head("summary"), Exit: exit, DryRun: s.DryRun, Ops: ops,
		Unchanged: s.Unchanged, Skipped: s.Skipped, Failed: s.Failed, Held: s.Held,
		Retries: s.Retries, Throttled: s.Throttled, Verified: s.Verified, Notices: s.NoticeCount,
		Seconds: s.Elapsed.Seconds(), CutShort: s.CutShort, Ceilings: s.Ceilings,
	}
	if s.Purged {
		found := opRecord(s.Found)
		record.Found, record.Checked = &found, &s.Checked
		if s.Checked {
			record.Rechecked = &s.Rechecked
		}
		for _, l := range s.Left {
			r := leftRecord{Reason: l.Reason, Advice: l.Advice, Count: l.Count, Examples: l.Examples}
			if !l.Until.IsZero() {
				r.Until = &l.Until
			}
			record.Left = append(record.Left, r)
		}
	}
	j.print(record)
}

func (j *JSON) progress() {
	g := j.opts.Tally.gauge()
	var l Load
	if j.opts.Load != nil {
		l = j.opts.Load()
	}
	j.print(progressRecord{
		header: head("progress"), BytesDone: g.moved, BytesTotal: g.planned.Bytes,
		ObjectsDone: g.finished, ObjectsTotal: g.planned.Objects, Listed: g.listed, Found: g.found,
		InFlight: l.InFlight, Limit: l.Limit, Throttled: l.Throttled, Paced: l.Paced,
	})
}

func namesOf(e Event) names {
	n := names{Op: e.Op, Src: e.Src, Dst: e.Dst}
	if !utf8.ValidString(e.Src) {
		n.SrcBase64 = base64.StdEncoding.EncodeToString([]byte(e.Src))
	}
	if !utf8.ValidString(e.Dst) {
		n.DstBase64 = base64.StdEncoding.EncodeToString([]byte(e.Dst))
	}
	return n
}

func problemRecord(event string, e Event) errorRecord {
	p := Explain(e.Err)
	return errorRecord{
		header: head(event), names: namesOf(e), Bytes: e.Bytes,
		API: p.API, Code: p.Code, RequestID: p.RequestID, Message: p.Message, Advice: p.Advice,
	}
}

// print writes one line. The encoder puts U+FFFD for bytes that are not UTF-8,
// and escapes line ends and U+2028; so what comes out of it is UTF-8.
func (j *JSON) print(record any) {
	c := j.console
	c.mu.Lock()
	defer c.mu.Unlock()
	j.text.Reset()
	if err := j.enc.Encode(record); err != nil {
		// No record has what JSON cannot say.
		c.outErr = fmt.Errorf("encode a line of JSON: %w", err)
		return
	}
	c.line = appendTame(c.line[:0], j.text.String())
	c.writeOut()
}

// appendTame appends JSON with those characters escaped that a terminal or a
// reader of lines may act on and that the encoder leaves: DEL, C1 controls
// (U+0085 ends lines for some), marks of direction. All of them are in strings.
func appendTame(dst []byte, s string) []byte {
	if strings.IndexFunc(s, func(r rune) bool { return r >= 0x7f }) < 0 {
		return append(dst, s...)
	}
	for _, r := range s {
		if r >= 0x7f && hostile(r) {
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
