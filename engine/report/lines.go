package report

import (
	"maps"
	"slices"
	"strings"
)

// Lines is the summary as a person reads it, one to three lines of text
// without line ends: what went wrong, what was done, and how.
func (s Summary) Lines() []string {
	if s.Purged {
		return s.purgeLines()
	}
	var lines []string
	if l := s.wrong(); l != "" {
		lines = append(lines, l)
	}
	if l := s.did(); l != "" {
		lines = append(lines, l)
	}
	if l := s.how(); l != "" {
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		lines = append(lines, "unchanged 0  skipped 0")
	}
	return lines
}

// how is what can be said of the way in which it was done.
func (s Summary) how() string {
	var parts []string
	for i, v := range s.Verified {
		part := count(v.Objects) + " by " + v.By
		if i == 0 {
			parts = append(parts, "verified "+part)
			continue
		}
		parts[0] += ", " + part
	}
	if s.Unverified > 0 && s.Outcomes == nil { // or compared has said it
		parts = append(parts, "not verifiable "+count(s.Unverified))
	}
	if s.Resumed > 0 {
		parts = append(parts, "resumed "+size(s.Resumed)+" of an interrupted run")
	}
	if s.Retries > 0 {
		parts = append(parts, "retries "+count(s.Retries))
	}
	if s.Throttled > 0 {
		parts = append(parts, "SlowDown "+count(s.Throttled))
	}
	if len(s.Ceilings) > 0 {
		parts = append(parts, "AWS config file: "+strings.Join(s.Ceilings, ", "))
	}
	return strings.Join(parts, "  ")
}

func (s Summary) wrong() string {
	var parts []string
	if s.Failed > 0 {
		parts = append(parts, "FAILED "+plural(s.Failed, "object"))
	}
	switch {
	case s.Held == 1:
		parts = append(parts, "1 due delete was not run")
	case s.Held > 1:
		parts = append(parts, count(s.Held)+" due deletes were not run")
	}
	return strings.Join(parts, "; ")
}

func (s Summary) did() string {
	var parts []string
	if s.Outcomes != nil {
		parts = append(parts, s.compared())
	}
	for _, op := range s.order() {
		c := s.Ops[op]
		verb, noun := past(op)
		if s.DryRun {
			verb = "would " + plain(op)
		}
		part := verb + " " + count(c.Objects)
		if noun != "" {
			part = verb + " " + plural(c.Objects, noun)
		}
		if carries(op) {
			part += " (" + s.amount(c) + ")"
		}
		parts = append(parts, part)
	}
	if s.Unchanged > 0 {
		parts = append(parts, "unchanged "+count(s.Unchanged))
	}
	// Beside "unchanged" a nought is worth saying: nothing was left out.
	if s.Unchanged > 0 || s.Skipped > 0 {
		parts = append(parts, "skipped "+count(s.Skipped))
	}
	return strings.Join(parts, "  ")
}

func (s Summary) amount(c OpCount) string {
	text := size(c.Bytes)
	if s.DryRun || s.Elapsed <= 0 {
		return text
	}
	text += ", " + took(s.Elapsed)
	if moved := c.Bytes - s.Resumed; moved > 0 { // the rest was there already
		text += ", " + rate(float64(moved)/s.Elapsed.Seconds())
	}
	return text
}

// order is transfers before deletes before buckets, then whatever else.
func (s Summary) order() []Op {
	rank := func(op Op) int {
		if i := slices.Index(known(), op); i >= 0 {
			return i
		}
		return len(known())
	}
	return slices.SortedFunc(maps.Keys(s.Ops), func(a, b Op) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(string(a), string(b))
	})
}

func known() []Op {
	return []Op{
		Upload, Download, Copy, Move, Delete, MakeBucket, RemoveBucket,
		RemoveVersion, RemoveCurrent, RemoveMarker, AbortUpload,
	}
}

// carries says whether op moves bytes that are worth a rate.
func carries(op Op) bool {
	switch op {
	case Delete, MakeBucket, RemoveBucket, RemoveVersion, RemoveCurrent, RemoveMarker, AbortUpload, Undelete, SetACL:
		return false
	default:
		return true
	}
}

// plain is the verb of what was not done.
func plain(op Op) string {
	switch op {
	case SetClass:
		return "change the class of"
	case SetACL:
		return "change the ACL of"
	default:
		return strings.ReplaceAll(string(op), "_bucket", "")
	}
}

// past is the verb of a summary, and what is counted where it is no object.
func past(op Op) (verb, noun string) {
	switch op {
	case Upload, Download:
		return string(op) + "ed", ""
	case Copy:
		return "copied", ""
	case Move:
		return "moved", ""
	case Delete:
		return "deleted", ""
	case MakeBucket:
		return "made", "bucket"
	case RemoveBucket:
		return "removed", "bucket"
	case RemoveVersion, RemoveMarker:
		return "removed", string(op)
	case RemoveCurrent:
		return "removed", "current version"
	case AbortUpload:
		return "aborted", "upload"
	case SetClass:
		return "changed the class of", "object"
	case SetACL:
		return "changed the ACL of", "object"
	default:
		return string(op), ""
	}
}
