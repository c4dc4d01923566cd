package report

import "strings"

// purgeLines is the summary of a purge:
//
//	removed 198,400,112 versions (41.2 TiB), 1,200,400 markers, 17 uploads in 1h02m
//	left    3,104 versions: 2,900 compliance lock (last until 2027-03-01), 204 AccessDenied
//	listed again: 3,104 left, all explained
func (s Summary) purgeLines() []string {
	lines := []string{s.removedLine()}
	if l := s.leftLine(); l != "" {
		lines = append(lines, l)
	}
	if l := s.checkedLine(); l != "" {
		lines = append(lines, l)
	}
	if l := s.how(); l != "" {
		lines = append(lines, l)
	}
	return lines
}

func (s Summary) removedLine() string {
	var parts []string
	versions, current := s.Ops[RemoveVersion], s.Ops[RemoveCurrent].Objects
	if versions.Objects > 0 {
		part := plural(versions.Objects, "version") + " (" + size(versions.Bytes) + ")"
		if s.DryRun {
			part += ", " + count(current) + " of them current"
		}
		parts = append(parts, part)
	}
	if n := s.Ops[RemoveMarker].Objects; n > 0 {
		parts = append(parts, plural(n, "marker"))
	}
	if n := s.Ops[AbortUpload].Objects; n > 0 {
		parts = append(parts, plural(n, "upload"))
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing")
	}
	what := strings.Join(parts, ", ")
	switch {
	case s.DryRun:
		return "would remove " + what
	case s.Elapsed > 0:
		what += " in " + took(s.Elapsed)
	}
	return "removed " + what
}

func (s Summary) leftLine() string {
	total := int64(0)
	parts := make([]string, 0, len(s.Left))
	for _, l := range s.Left {
		total += l.Count
		part := count(l.Count) + " " + l.Reason
		var more []string
		if !l.Until.IsZero() {
			more = append(more, "last until "+l.Until.UTC().Format("2006-01-02"))
		}
		if l.Advice != "" {
			more = append(more, l.Advice)
		}
		if len(more) > 0 {
			part += " (" + strings.Join(more, "; ") + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return "left    " + plural(total, "version") + ": " + strings.Join(parts, ", ")
}

func (s Summary) checkedLine() string {
	switch {
	case s.DryRun:
		return ""
	case !s.Checked:
		return "not listed again: what is left is not known"
	case s.Rechecked == 0:
		return "listed again: nothing is left of what was to go"
	}
	explained := int64(0)
	for _, l := range s.Left {
		explained += l.Count
	}
	if more := s.Rechecked - explained; more > 0 {
		return "listed again: " + count(s.Rechecked) + " left, " + count(more) + " of them nobody knows why"
	}
	return "listed again: " + count(s.Rechecked) + " left, all explained"
}

// purged is the progress of a purge:
//
//	61,204,000 removed | 54,900 keys/s | 61.9 M listed, continuing
func (g gauge) purged(perSecond float64) string {
	line := count(g.removed) + " removed | " + count(int64(perSecond)) + " keys/s | " + millions(g.found) + " listed"
	if !g.listed {
		line += ", continuing"
	}
	return line
}

// millions is "61.9 M" from ten million on; below, all of the digits.
func millions(n int64) string {
	if n < 10_000_000 {
		return count(n)
	}
	return count(n/1_000_000) + "." + string(rune('0'+n/100_000%10)) + " M"
}
