package report

import (
	"bytes"
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
//   - report: the first line of a report, see [JSON.Header]. op, src, dst;
//     incomplete and failed_deletes, what it does not do of what an earlier run left.
//   - object: something done. op, src, dst, key (relative to the locations of
//     the run), bytes; checksum, by which kind of sum both sides were found to
//     be the same, and checksum_value; dryrun where it was not done.
//   - error: something failed. op, src, dst, key, bytes, message, and where S3 said
//     them code, api, request_id; advice. fatal where it ended the run; unlisted where
//     it is a directory, of which it is not known what is in it.
//   - compared: one object of a verify. op, src, dst, key, bytes, outcome (equal,
//     same_size, differs, missing, extra, unreadable), checksum where the contents
//     were compared by one; of one that is unreadable the rest as with error.
//   - warning, notice: message and the rest as with error.
//   - progress: bytes_done, bytes_total, objects_done, objects_total, listed
//     (whether the totals are final), of a purge found; in_flight, limit, throttled, paced as
//     [Load] has them, without those that are 0.
//   - summary: the last line. exit, and what [Summary] has; found, left, checked and
//     rechecked where it is of a purge, outcomes where it is of a verify.
//
// A name that is not UTF-8 cannot stand in JSON: each bad byte in src, dst or key
// becomes U+FFFD, and src_base64, dst_base64 or key_base64 has the name as it is.
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

// Report implements Sink.
func (j *JSON) Report(e Event) {
	if j.opts.Quiet {
		return
	}
	switch e.Kind {
	case Done, DryRun:
		if !j.opts.OnlyErrors {
			j.print(objectRecord{
				header: head("object"), names: namesOf(e), Bytes: e.Bytes, sum: sum{e.By, e.Sum}, DryRun: e.Kind == DryRun,
			})
		}
	case Failed:
		if e.Count == 0 {
			j.print(problemRecord("error", e))
		}
	case Compared:
		if !j.opts.OnlyErrors || e.Outcome.bad() {
			j.print(comparedRecordOf(e))
		}
	case Warning:
		j.print(problemRecord("warning", e))
	case Notice:
		if !j.opts.OnlyErrors {
			j.print(problemRecord("notice", e))
		}
	}
}

// Header prints the line that a report begins with: what command it is of, and
// its two sides in full. before is what was kept of the run whose failures this
// one tries again, or nil: what else that left, this one leaves, too. What
// [ReadSaved] reads need not have a header.
func (j *JSON) Header(op, src, dst string, before *Saved) {
	r := headerRecord{header: head(eventReport), names: namesOf(Event{Op: Op(op), Src: src, Dst: dst})}
	if before != nil {
		r.Incomplete, r.Deletes = !before.Complete, before.Deletes
	}
	j.print(r)
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
		Retries: s.Retries, Throttled: s.Throttled, Unverified: s.Unverified, Resumed: s.Resumed, Notices: s.NoticeCount,
		Seconds: s.Elapsed.Seconds(), CutShort: s.CutShort, Ceilings: s.Ceilings,
	}
	for _, v := range s.Verified {
		record.Verified += v.Objects
		if record.By == nil {
			record.By = map[string]int64{}
		}
		record.By[v.By] += v.Objects
	}
	for _, o := range s.Outcomes {
		if record.Outcomes == nil {
			record.Outcomes = map[string]int64{}
		}
		record.Outcomes[o.Outcome.word()] += o.Objects
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
		header: head("progress"), BytesDone: g.moved + g.resumed, BytesTotal: g.planned.Bytes,
		ObjectsDone: g.finished, ObjectsTotal: g.planned.Objects, Listed: g.listed, Found: g.found,
		InFlight: l.InFlight, Limit: l.Limit, Throttled: l.Throttled, Paced: l.Paced,
	})
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
